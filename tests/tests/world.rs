//! Months of nights in simulated sites: of any shape, with everything going wrong; and worlds with a rule broken on
//! purpose, which the oracle has to notice.
//!
//! A bare `cargo test` lives two half months, one of each kind. `REELKEEP_LONG=1`, or the ignored test, lives a thousand:
//!
//! ```text
//! cargo test --release -p tests --test world -- --ignored --nocapture
//! REELKEEP_SEED=4711 cargo test -p tests --test world        the world of this seed, and those after it
//! REELKEEP_MONTHS=50 …                                       so many months
//! REELKEEP_SITES=crowded …                                   of these the crowded sites alone; =others all but those
//! ```

use std::env;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tests::world::{Broken, Fault, Halt, Settings, Tally, Troubles, Work, World, Wrong};

const NIGHTS: u32 = 30;
/// Of these a bare `cargo test` lives so many, half of each, so that it takes no longer than the rest.
const FEW: u64 = 2;
/// Months that are worth some minutes.
const MANY: u64 = 1000;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Kinds of sites, and how the world of a seed is one of them.
const SHAPES: [&str; 3] = ["of large pools", "that go round", "that are crowded"];

fn shape(seed: u64) -> usize {
    if World::is_crowded(seed) { 2 } else { usize::from(World::goes_round(seed)) }
}

/// The months that were lived.
#[derive(Default)]
struct Lived {
    /// All that happened, by shape.
    tallies: [Tally; 3],
    /// Volumes written over in each month, by shape.
    rounds: [Vec<u64>; 3],
    wrong: Vec<Wrong>,
}

impl Lived {
    fn add(&mut self, seed: u64, tally: &Tally, ended: Result<(), Box<Wrong>>) {
        if let Err(wrong) = &ended {
            eprintln!("world {seed} went wrong on day {}: {}", wrong.day, wrong.what);
        }
        self.tallies[shape(seed)].add(tally);
        self.rounds[shape(seed)].push(tally.overwritten);
        self.wrong.extend(ended.err().map(|wrong| *wrong));
    }

    fn tell(mut self) {
        let mut all = Tally::default();
        self.tallies.iter().for_each(|tally| all.add(tally));
        let months: usize = self.rounds.iter().map(Vec::len).sum();
        eprintln!("{months} months: {all}");
        for (shape, months) in self.rounds.iter_mut().enumerate() {
            months.sort_unstable();
            let at =
                |tenth: usize| months.get((months.len().max(1) - 1) * tenth / 10).unwrap_or(&0);
            let (least, median, most) = (at(0), at(5), at(10));
            let (tenth, ninth) = (at(1), at(9));
            let Tally { nights, dumps, overwritten, restores, .. } = &self.tallies[shape];
            eprintln!(
                "{} months of sites {}: {nights} nights, {dumps} dumps, {restores} restores, {overwritten} volumes written \
                 over: {least} to {most} in a month, mostly {tenth} to {ninth}, in half of them more than {median}",
                months.len(),
                SHAPES[shape]
            );
        }
        if let Some(first) = self.wrong.first() {
            let seeds: Vec<u64> = self.wrong.iter().map(|wrong| wrong.seed).collect();
            panic!("{first}\nwrong in all: {} of {months}, seeds {seeds:?}", seeds.len());
        }
    }
}

/// Lives so many worlds of a month each, on all processors; says what happened, and panics with what is wrong.
fn live_months(months: u64) {
    let first = number("REELKEEP_SEED").unwrap_or(1);
    let sites = env::var("REELKEEP_SITES").ok();
    let wanted = |seed: u64| match sites.as_deref() {
        Some("crowded") => World::is_crowded(seed),
        Some("others") => !World::is_crowded(seed),
        other => {
            other.is_none_or(|other| panic!("REELKEEP_SITES={other} is neither crowded nor others"))
        }
    };
    let asked = ["REELKEEP_SEED", "REELKEEP_MONTHS"].into_iter().any(|name| number(name).is_some());
    let short = months == FEW && !asked;
    let nights = if short { NIGHTS / 2 } else { NIGHTS };
    let months = number("REELKEEP_MONTHS").unwrap_or(months);
    let seeds: Vec<u64> = (first..first + months).filter(|seed| wanted(*seed)).collect();
    eprintln!("{} worlds of seeds {first} to {}", seeds.len(), first + months - 1);
    let next = AtomicUsize::new(0);
    let lived = Mutex::new(Lived::default());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(&seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut world = World::by_chance(seed).in_silence();
                    // What went wrong is lived again, to tell it.
                    let ended = world.live(nights).or_else(|_| World::by_chance(seed).live(nights));
                    lived.lock().expect("no world panics with it").add(seed, world.tally(), ended);
                }
            });
        }
    });
    lived.into_inner().expect("no world panics with it").tell();
}

#[test]
fn a_plain_site_lives_a_month() {
    let mut world = World::new(1, Settings::plain(), Troubles::none());
    world.live(NIGHTS).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(world.tally().overwritten > 0, "{}", world.tally());
}

#[test]
fn sites_of_any_shape_live_some_months_without_a_lost_dump() {
    live_months(if number("REELKEEP_LONG").is_some() { MANY } else { FEW });
}

#[test]
#[ignore = "lives a thousand months: buildbot/run runs it, in release"]
fn a_thousand_months_without_a_lost_dump() {
    live_months(MANY);
}

/// Cut off behind each durable step of the third night in turn, the site goes on as if nothing had been.
#[test]
fn no_single_cut_loses_a_dump() {
    let mut cuts = 0;
    loop {
        let mut world = World::new(7, Settings::small(), Troubles::none());
        world.live(2).unwrap_or_else(|wrong| panic!("{wrong}"));
        world.stop_after(cuts, Halt::Crash);
        world.live(1).unwrap_or_else(|wrong| panic!("cut {cuts}: {wrong}"));
        let struck = !world.will_be_stopped();
        world.live(3).unwrap_or_else(|wrong| panic!("cut {cuts}: {wrong}"));
        if !struck {
            break; // Every step has had its turn.
        }
        cuts += 1;
    }
    assert!(cuts > 20, "only {cuts} steps");
}

/// A small site whose volumes go round, as it is before something of many steps.
fn about_to(work: Work, seed: u64) -> World {
    let site = match work {
        Work::Copy | Work::Vault => Settings::turning_vaulted(),
        _ => Settings::turning(),
    };
    let mut world = World::new(seed, site.of_few(), Troubles::none()).in_silence();
    let fine = |lived: Result<(), Box<Wrong>>| lived.unwrap_or_else(|wrong| panic!("{wrong}"));
    fine(world.live(6));
    match work {
        // Something is on the holding disk.
        Work::Flush => {
            world.suffer(Troubles::none().with(Fault::NoTaper, 1));
            fine(world.live(1));
            world.suffer(Troubles::none());
        }
        // A run was cut off somewhere.
        Work::Tidy => {
            world.stop_after(4 * seed, Halt::Crash);
            fine(world.set_about(Work::Dump));
        }
        _ => {}
    }
    world
}

/// Stopped like this behind each of its steps in turn, it costs no dump. How many steps there were.
fn every_stop(work: Work, how: Halt, seed: u64) -> u64 {
    let mut steps = 0;
    loop {
        let mut world = about_to(work, seed);
        let fine = |lived: Result<(), Box<Wrong>>| {
            lived.unwrap_or_else(|wrong| panic!("{how:?} behind step {steps} of {work}: {wrong}"));
        };
        world.stop_after(steps, how);
        fine(world.set_about(work));
        if world.will_be_stopped() {
            return steps; // Every step has had its turn.
        }
        fine(world.live(4));
        steps += 1;
    }
}

#[test]
#[ignore = "a thousand little worlds: buildbot/run world runs it, in release"]
fn no_stop_behind_any_step_of_anything_loses_a_dump() {
    let all = [Halt::Crash, Halt::Finish, Halt::Stop, Halt::Cancel];
    for work in [Work::Dump, Work::Copy, Work::Flush, Work::Vault] {
        for how in all {
            let steps = every_stop(work, how, 1);
            eprintln!("{work}: {steps} steps, {how:?} behind each");
            assert!(steps > 20, "only {steps} steps of {work}");
        }
    }
    for work in [Work::Tidy, Work::Expire, Work::Erase, Work::Label, Work::Say] {
        let steps: u64 = (1..=20).map(|seed| every_stop(work, Halt::Crash, seed)).sum();
        eprintln!("{work}: {steps} steps in 20 worlds, cut off behind each");
        assert!(steps > 5, "only {steps} steps of {work}");
    }
}

/// A world in which one rule is broken: what the oracle says of it. With the rule whole it lives through the same days.
fn found(broken: Broken, troubles: &Troubles) -> String {
    found_at(&Settings::plain(), broken, troubles)
}

fn found_at(site: &Settings, broken: Broken, troubles: &Troubles) -> String {
    for seed in 1..60 {
        let world = || World::new(seed, site.clone(), troubles.clone()).in_silence();
        if let Err(wrong) = world().broken(broken).live(NIGHTS) {
            eprintln!("{broken:?} in world {seed}: {}", wrong.what);
            world()
                .live(wrong.day + 1)
                .unwrap_or_else(|wrong| panic!("nothing is broken: {wrong}"));
            return wrong.what;
        }
    }
    panic!("{broken:?} was not noticed in 59 worlds");
}

#[test]
fn a_scan_that_does_not_ask_what_is_needed_is_noticed() {
    let what = found(Broken::OverwritesNeeded, &Troubles::none());
    assert!(what.contains("is written over"), "{what}");
}

#[test]
fn a_part_recorded_before_it_is_written_is_noticed_when_the_server_is_cut_off() {
    let what = found(Broken::RecordsFirst, &Troubles::none().with(Fault::Crash, 2));
    assert!(what.contains("it is not there") || what.contains("NotWhole"), "{what}");
}

#[test]
fn a_held_image_that_goes_before_all_of_it_is_placed_is_noticed() {
    let what = found(Broken::ReleasesEarly, &Troubles::none());
    assert!(what.contains("on the holding disk") || what.contains("is not"), "{what}");
}

#[test]
fn a_part_that_was_never_written_is_noticed() {
    let what = found(Broken::LosesParts, &Troubles::none());
    assert!(what.contains("is on no volumes") || what.contains("it is not there"), "{what}");
}

#[test]
fn a_log_that_lies_is_noticed() {
    let what = found(Broken::LiesInTheLog, &Troubles::none());
    assert!(what.contains("the report has"), "{what}");
}

#[test]
fn a_crash_that_nobody_tidies_up_after_is_noticed() {
    let what = found(Broken::NeverTidies, &Troubles::none().with(Fault::Crash, 2));
    assert!(!what.is_empty(), "{what}");
}

#[test]
fn a_dump_that_the_catalogue_was_never_told_of_is_noticed() {
    let what = found(Broken::ForgetsToRecord, &Troubles::none());
    assert!(!what.is_empty(), "{what}");
}

#[test]
fn parts_that_are_recorded_and_not_made_certain_when_a_run_is_stopped_are_noticed() {
    let troubles = Troubles::none().with(Fault::Interrupt, 60);
    let what = found_at(&Settings::of_small_parts().of_few(), Broken::EndsUncertain, &troubles);
    assert!(what.contains("it is not there"), "{what}");
}

#[test]
fn a_volume_that_is_erased_while_it_is_needed_is_noticed() {
    let what = found(Broken::ErasesNeeded, &Troubles::none().with(Fault::Erased, 2));
    assert!(what.contains("is written over"), "{what}");
}

#[test]
fn a_lock_that_nobody_knows_of_is_noticed() {
    let what = found(Broken::ForgetsLocks, &Troubles::none().with(Fault::Locked, 2));
    assert!(what.contains("is written over") || what.contains("was promised"), "{what}");
}

#[test]
fn a_volume_that_is_off_site_and_taken_is_noticed() {
    let troubles = Troubles::none().with(Fault::OffSite, 2).with(Fault::BroughtBack, 2);
    let what = found(Broken::TakesOffSite, &troubles);
    assert!(what.contains("off_site: true"), "{what}");
}

#[test]
fn a_copy_that_is_to_be_made_and_that_nobody_knows_of_is_noticed() {
    let vaulted = Settings::vaulted();
    let what = found_at(&vaulted, Broken::ForgetsWishes, &Troubles::none());
    assert!(what.contains("is written over"), "{what}");
}

#[test]
fn a_dle_that_was_removed_and_whose_dumps_go_too_early_is_noticed() {
    let troubles = Troubles::none().with(Fault::DleRemoved, 3).with(Fault::DleAdded, 3);
    let what = found_at(&Settings::turning(), Broken::ForgetsRemoved, &troubles);
    assert!(what.contains("is written over") && what.contains("is needed"), "{what}");
}

#[test]
fn a_renamed_dle_that_builds_on_its_old_name_is_noticed() {
    let troubles = Troubles::none().with(Fault::DleRenamed, 4);
    let what = found(Broken::MixesRenamed, &troubles);
    assert!(what.contains("builds on level 0 of web:/srv/"), "{what}");
}

#[test]
fn a_dump_that_was_called_off_and_is_reported_good_is_noticed() {
    let troubles = Troubles::none().with(Fault::Cancelled, 40);
    let what = found(Broken::KeepsCancelled, &troubles);
    assert!(what.contains("and it was stopped"), "{what}");
}

#[test]
fn a_dump_whose_script_failed_and_that_is_reported_good_is_noticed() {
    let troubles = Troubles::none().with(Fault::ScriptFails, 10);
    let what = found(Broken::IgnoresScripts, &troubles);
    assert!(what.contains("and its script failed"), "{what}");
}

#[test]
fn a_dle_that_is_forgotten_since_nobody_dumps_it_is_noticed_when_all_volumes_are_judged() {
    let troubles = Troubles::none().with(Fault::DleIdle, 5);
    let what = found_at(&Settings::turning(), Broken::ForgetsIdle, &troubles);
    assert!(what.contains("judged with all others") && what.contains("newest state"), "{what}");
}

#[test]
fn a_report_that_says_how_the_site_stood_before_the_run_is_noticed() {
    let troubles = Troubles::none().with(Fault::NoTaper, 3);
    let what = found(Broken::StandsEarly, &troubles);
    assert!(what.contains("on the holding disks") || what.contains("was last dumped"), "{what}");
}

#[test]
fn a_host_that_has_more_dumps_at_once_than_it_may_is_noticed() {
    let what = found(Broken::ForgetsLimits, &Troubles::none());
    assert!(what.contains("times at once"), "{what}");
}

#[test]
fn a_holding_disk_of_which_more_is_promised_than_there_is_is_noticed() {
    let what = found_at(&Settings::of_little_space(), Broken::PromisesTwice, &Troubles::none());
    assert!(what.contains("are promised, of"), "{what}");
}

fn of_readers() -> Troubles {
    Troubles::none().with(Fault::Read, 100).with(Fault::ReaderKilled, 12).with(Fault::Expired, 2)
}

#[test]
fn a_restore_that_has_nothing_kept_and_loses_a_volume_is_noticed() {
    let what = found_at(&Settings::turning(), Broken::ReadsUnpinned, &of_readers());
    assert!(what.contains("is written over"), "{what}");
}

#[test]
fn a_restore_whose_pin_is_swept_while_it_lives_is_noticed() {
    let what = found_at(&Settings::turning(), Broken::SweepsLiving, &of_readers());
    assert!(what.contains("is written over"), "{what}");
}

#[test]
fn what_is_kept_for_a_restore_that_was_killed_is_noticed() {
    let what = found_at(&Settings::turning(), Broken::NeverSweeps, &of_readers());
    assert!(what.contains("which is dead"), "{what}");
}

#[test]
fn a_volume_that_is_taken_a_day_too_early_is_noticed() {
    let what = found_at(&Settings::turning(), Broken::OneDayEarly, &Troubles::none());
    assert!(what.contains("is written over"), "{what}");
}

#[test]
fn a_volume_with_a_base_that_a_kept_dump_builds_on_and_that_is_taken_is_noticed() {
    let what = found_at(&Settings::turning(), Broken::ForgetsBases, &Troubles::none());
    assert!(what.contains("is written over, and level 0"), "{what}");
}

#[test]
fn a_volume_that_is_locked_and_taken_is_noticed() {
    let troubles = Troubles::none().with(Fault::Locked, 2);
    let what = found_at(&Settings::turning(), Broken::BreaksLocks, &troubles);
    assert!(what.contains("is written over") && what.contains("locked: true"), "{what}");
}

#[test]
fn a_volume_under_legal_hold_until_a_day_and_taken_is_noticed() {
    let troubles = Troubles::none().with(Fault::Locked, 2);
    let what = found_at(&Settings::turning(), Broken::BreaksPromises, &troubles);
    assert!(what.contains("is written over") && what.contains("promised: Some"), "{what}");
}

#[test]
fn a_volume_that_is_taken_although_the_other_copy_is_lost_is_noticed() {
    let troubles = Troubles::none()
        .with(Fault::CartridgeDies, 3)
        .with(Fault::FoundOut, 1)
        .with(Fault::Vaulted, 1);
    let what = found_at(&Settings::turning_vaulted(), Broken::CountsLost, &troubles);
    assert!(what.contains("is written over") || what.contains("can't be restored"), "{what}");
}

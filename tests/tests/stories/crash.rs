//! The power goes at any instant: what was reported as dumped restores, and nothing half-written counts.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::programs::{generator, long};
use crate::site::{Scratch, Site};
use crate::trees::{Manifest, office};

/// Dice that fall the same way for the same seed (xorshift64*).
pub(crate) struct Dice(u64);

impl Dice {
    /// From `REELKEEP_SEED`, or fresh; the seed is printed either way.
    pub(crate) fn new() -> Self {
        let fresh = || RandomState::new().build_hasher().finish();
        let seed =
            std::env::var("REELKEEP_SEED").ok().map_or_else(fresh, |text| text.parse().unwrap());
        eprintln!("REELKEEP_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % end.max(1)
    }
}

/// Whom the stroke hits.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Server,
    Agent,
    Both,
}

const VICTIMS: [Victim; 3] = [Victim::Server, Victim::Agent, Victim::Both];

#[test]
#[ignore = "takes minutes: buildbot/run runs it"]
fn after_any_kill_everything_reported_restores() {
    let nights = if long() { 200 } else { 20 };
    let mut dice = Dice::new();
    let scratch = Scratch::new();
    let tree = office(&scratch.path().join("tree"), 0.002);
    let how = ["--volume-size", "20 MiB", "--volumes", "100"];
    let site = Site::new(&scratch.path().join("site"), &how, &[&tree]);

    let mut days = struck_nights(&site, &tree, nights, &mut dice);
    // One night in peace tidies up.
    days.insert(site.night(), Manifest::of(&tree));
    expect_all_restore(&site, &tree, &days);
    site.say(&["verify", "--all"]).good();
    site.say(&["catalogue", "check"]).good();
}

fn next_day(tree: &Path, night: u32) {
    let night = night.to_string();
    generator(
        "mutate.py",
        [tree.as_os_str(), "--day".as_ref(), night.as_ref(), "--rate".as_ref(), "0.1".as_ref()],
    );
}

/// One whole night, and then so many in which some process is killed at some time. What the tree was like in each run.
pub(crate) fn struck_nights(
    site: &Site,
    tree: &Path,
    nights: u32,
    dice: &mut Dice,
) -> BTreeMap<String, Manifest> {
    let began = Instant::now();
    let mut days = BTreeMap::from([(site.night(), Manifest::of(tree))]);
    let length = u64::try_from(began.elapsed().as_millis()).unwrap();
    for night in 2..nights + 2 {
        let victim = VICTIMS[usize::try_from(dice.below(3)).unwrap()];
        let after = Duration::from_millis(dice.below(length * 5 / 4));
        eprintln!("night {night}: {victim:?} after {after:?}");
        next_day(tree, night);
        strike(site.start(&["dump"]), victim, after);
        for run in site.runs() {
            days.entry(run).or_insert_with(|| Manifest::of(tree));
        }
    }
    days
}

/// Waits, kills, and takes the dead from the table of processes.
#[expect(
    clippy::disallowed_methods,
    reason = "the stroke falls at a moment of the clock, not at an event"
)]
fn strike(mut night: Child, victim: Victim, after: Duration) {
    std::thread::sleep(after);
    let server = Pid::from_child(&night);
    match victim {
        Victim::Server => kill(server),
        Victim::Both => {
            let agents = children(server);
            kill(server);
            agents.into_iter().for_each(kill);
        }
        Victim::Agent => children(server).into_iter().for_each(kill),
    }
    night.wait().unwrap();
}

fn kill(process: Pid) {
    gone_or_killed(kill_process(process, Signal::KILL));
}

/// Whoever has ended by itself is past killing.
fn gone_or_killed(result: rustix::io::Result<()>) {
    assert!(matches!(result, Ok(()) | Err(rustix::io::Errno::SRCH)), "{result:?}");
}

/// The processes that a process has started.
fn children(parent: Pid) -> Vec<Pid> {
    let list =
        |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    let tasks = fs::read_dir(format!("/proc/{}/task", parent.as_raw_nonzero()))
        .into_iter()
        .flatten()
        .flatten();
    let pids: Vec<i32> = tasks.map(list).flat_map(|pids| parse(&pids)).collect();
    pids.into_iter().filter_map(Pid::from_raw).collect()
}

fn parse(pids: &str) -> Vec<i32> {
    pids.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Every dump that the list calls restorable is what the tree was that night.
pub(crate) fn expect_all_restore(site: &Site, tree: &Path, days: &BTreeMap<String, Manifest>) {
    let dumps = site.dumps();
    let restorable: Vec<_> = dumps.iter().filter(|dump| dump.restorable).collect();
    assert!(restorable.len() > days.len() / 4, "hardly any night got through: {dumps:#?}");
    for dump in restorable {
        site.expect_restores(tree, &dump.run, &days[&dump.run]);
    }
}

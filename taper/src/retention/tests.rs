//! The rules one by one, and then what must hold of any catalogue whatever.

use proptest::prelude::*;

use super::*;

fn day(n: u32) -> Stamp {
    "20260101120000".parse::<Stamp>().unwrap().plus_days(n)
}

fn label(text: &str) -> Label {
    text.parse().unwrap()
}

fn storage(text: &str) -> StorageName {
    text.parse().unwrap()
}

fn dle(text: &str) -> DleRef {
    DleRef { host: "h".parse().unwrap(), dle: text.parse().unwrap() }
}

fn id(n: u64) -> DumpId {
    DumpId::new(n, [0; 10])
}

/// A volume in storage `lib`.
fn volume(name: &str, written: Option<u32>) -> VolumeFact {
    VolumeFact {
        label: label(name),
        storage: storage("lib"),
        state: VolumeState::Full,
        lock: Lock::Open,
        locked: String::new(),
        medium: Medium::Rewritable,
        labelled: None,
        written: written.map(day),
    }
}

fn copy(place: &str, labels: &[&str]) -> CopyFact {
    let labels = labels.iter().map(|text| label(text)).collect();
    CopyFact { storage: storage(place), complete: true, labels }
}

/// Dump `n` of `/a`, made on day `n`, with a complete copy on these volumes of `lib`.
fn dump(n: u64, level: u16, base: Option<u64>, labels: &[&str]) -> DumpFact {
    DumpFact {
        id: id(n),
        dle: dle("/a"),
        listed: true,
        run: day(u32::try_from(n).unwrap()),
        level: Level::try_from(level).unwrap(),
        base: base.map(id),
        whole: true,
        held: false,
        copies: vec![copy("lib", labels)],
    }
}

fn facts(volumes: Vec<VolumeFact>, dumps: Vec<DumpFact>) -> Facts {
    Facts { volumes, dumps, ..Facts::default() }
}

fn judge(facts: &Facts, policy: Policy, now: u32) -> Verdicts {
    decide(facts, &Policies::from([(storage("lib"), policy)]), day(now))
}

fn reusable(verdicts: &Verdicts) -> Vec<&str> {
    verdicts.reusable().map(Label::as_str).collect()
}

fn rules(verdicts: &Verdicts, name: &str) -> Vec<Rule> {
    match verdicts.of(&label(name)) {
        Verdict::Reusable => vec![],
        Verdict::Needed(needed) => needed.reasons.iter().map(|reason| reason.rule).collect(),
    }
}

/// One volume a dump: fulls on days 1, 5 and 9, a level 1 behind each, and a level 2 behind that.
fn three_cycles() -> Facts {
    let names = ["V1", "V2", "V3", "V5", "V6", "V7", "V9", "VA", "VB"];
    let plan = [
        (1, 0, None),
        (2, 1, Some(1)),
        (3, 2, Some(2)),
        (5, 0, None),
        (6, 1, Some(5)),
        (7, 2, Some(6)),
        (9, 0, None),
        (10, 1, Some(9)),
        (11, 2, Some(10)),
    ];
    let volumes =
        names.iter().zip(plan).map(|(name, (n, ..))| volume(name, Some(u32::try_from(n).unwrap())));
    let dumps =
        names.iter().zip(plan).map(|(name, (n, level, base))| dump(n, level, base, &[name]));
    facts(volumes.collect(), dumps.collect())
}

#[test]
fn without_any_rule_the_newest_state_stays() {
    let verdicts = judge(&three_cycles(), Policy::default(), 100);
    assert_eq!(reusable(&verdicts), ["V1", "V2", "V3", "V5", "V6", "V7"]);
    assert_eq!(rules(&verdicts, "V9"), [Rule::LastResort]);
}

#[test]
fn each_rule_keeps_what_it_says() {
    let cases = [
        (Policy { volumes: 4, ..Policy::default() }, "V1 V2 V3 V5 V6"),
        (Policy { volumes: 8, ..Policy::default() }, "V1"),
        // On day 12 the volumes of days 6 and later were written within less than 7 days.
        (Policy { days: 7, ..Policy::default() }, "V1 V2 V3 V5"),
        // Day 6 to 12, and what was the newest on day 6: that builds on the full of day 5.
        (Policy { recover_days: 6, ..Policy::default() }, "V1 V2 V3"),
        // Day 8 to 12: on day 8 the newest was day 7's level 2, on level 1 of day 6, on the full of day 5.
        (Policy { recover_days: 4, ..Policy::default() }, "V1 V2 V3"),
        (Policy { recover_days: 3, ..Policy::default() }, "V1 V2 V3 V5 V6 V7"),
        (Policy { fulls: 2, ..Policy::default() }, "V1 V2 V3 V6 V7"),
        (Policy { full_days: 8, ..Policy::default() }, "V1 V2 V3 V6 V7"),
        (Policy { full_days: 7, ..Policy::default() }, "V1 V2 V3 V5 V6 V7"),
        (Policy { cycles: 1, ..Policy::default() }, "V1 V2 V3 V5 V6 V7"),
        (Policy { cycles: 2, ..Policy::default() }, "V1 V2 V3"),
        (Policy { keep_until: Some(day(13)), ..Policy::default() }, ""),
        (Policy { keep_until: Some(day(12)), ..Policy::default() }, "V1 V2 V3 V5 V6 V7"),
        // Three fulls, as Amanda's program has it, and those of three days, as its manual does.
        (Policy::default().with_retention_full(3), "V2 V3 V6 V7"),
    ];
    for (policy, expected) in cases {
        let verdicts = judge(&three_cycles(), policy, 12);
        assert_eq!(reusable(&verdicts).join(" "), expected, "{policy:?}");
    }
}

#[test]
fn a_volume_that_can_be_written_only_once_is_never_started_afresh_and_takes_no_place_in_the_rotation()
 {
    let mut volumes = vec![volume("V1", Some(1)), volume("V2", Some(2)), volume("V3", Some(3))];
    volumes[2].medium = Medium::WriteOnce;
    let verdicts = judge(&facts(volumes, vec![]), Policy { volumes: 1, ..Policy::default() }, 9);
    assert_eq!(reusable(&verdicts), ["V1"]);
    assert_eq!(rules(&verdicts, "V3"), [Rule::WriteOnce]);
    assert_eq!(verdicts.of(&label("V3")).leave().unwrap_err().until(), None);
}

#[test]
fn locked_and_retired_volumes_do_not_stand_in_for_the_rotation() {
    let mut volumes = vec![
        volume("V1", Some(1)),
        volume("V2", Some(2)),
        volume("V3", Some(3)),
        volume("V4", Some(4)),
    ];
    volumes[3].lock = Lock::NoReuse;
    volumes[2].state = VolumeState::Retired;
    let verdicts = judge(&facts(volumes, vec![]), Policy { volumes: 1, ..Policy::default() }, 9);
    assert_eq!(reusable(&verdicts), ["V1"]);
    assert_eq!(rules(&verdicts, "V4"), [Rule::Lock]);
    assert_eq!(rules(&verdicts, "V3"), [Rule::State]);
}

#[test]
fn a_lock_with_a_day_ends_on_that_day() {
    let mut locked = volume("V1", Some(1));
    locked.lock = Lock::Until(day(20));
    let facts = facts(vec![locked], vec![]);
    let Verdict::Needed(needed) = judge(&facts, Policy::default(), 19).of(&label("V1")) else {
        panic!("reusable")
    };
    assert_eq!(needed.until(), Some(day(20)));
    assert_eq!(reusable(&judge(&facts, Policy::default(), 20)), ["V1"]);
}

#[test]
fn a_volume_whose_lock_has_ended_is_one_of_those_written_last_again() {
    let mut volumes = vec![volume("V1", Some(1)), volume("V2", Some(2)), volume("V3", Some(3))];
    volumes[1].lock = Lock::Until(day(5));
    let facts = facts(volumes, vec![]);
    let policy = || Policy { volumes: 2, ..Policy::default() };
    assert_eq!(reusable(&judge(&facts, policy(), 4)), [] as [&str; 0], "V2 does not stand in");
    assert_eq!(reusable(&judge(&facts, policy(), 9)), ["V1"]);
}

#[test]
fn what_is_not_known_is_not_given_away() {
    let mut facts = three_cycles();
    facts.volumes[0].storage = storage("elsewhere");
    let verdicts = judge(&facts, Policy::default(), 100);
    assert_eq!(rules(&verdicts, "V1"), [Rule::NoPolicy]);
    assert_eq!(rules(&verdicts, "X"), [Rule::Unknown]);
    assert!(verdicts.explain(&label("X")).contains("does not know it"));
}

#[test]
fn a_spanned_full_keeps_all_its_volumes() {
    let volumes = vec![volume("V1", Some(1)), volume("V2", Some(1)), volume("V3", Some(1))];
    let verdicts =
        judge(&facts(volumes, vec![dump(1, 0, None, &["V1", "V3"])]), Policy::default(), 99);
    assert_eq!(reusable(&verdicts), ["V2"]);
}

#[test]
fn a_level_1_that_was_compared_with_nothing_is_the_last_resort_of_its_dle() {
    let volumes = vec![volume("V1", Some(1)), volume("V2", Some(2))];
    let facts = facts(volumes, vec![dump(1, 1, None, &["V1"]), dump(2, 1, None, &["V2"])]);
    let verdicts = judge(&facts, Policy::default(), 90);
    assert_eq!(reusable(&verdicts), ["V1"]);
}

#[test]
fn a_newer_dump_that_cannot_be_restored_does_not_push_out_an_older_that_can() {
    let mut facts = three_cycles();
    // The full of day 9 has lost a volume: its dumps are no state any more.
    facts.dumps[6].copies[0].complete = false;
    let verdicts = judge(&facts, Policy::default(), 100);
    assert_eq!(reusable(&verdicts), ["V1", "V2", "V3", "V9", "VA", "VB"]);
    // The same if the dump was cut short, or is unknown.
    let mut facts = three_cycles();
    facts.dumps[6].whole = false;
    assert!(!judge(&facts, Policy::default(), 100).of(&label("V7")).is_reusable());
    let mut facts = three_cycles();
    facts.dumps.remove(6);
    assert!(!judge(&facts, Policy::default(), 100).of(&label("V7")).is_reusable());
}

#[test]
fn a_missing_volume_is_neither_counted_on_nor_given_up() {
    let mut facts = three_cycles();
    facts.volumes[6].state = VolumeState::Missing; // V9, the newest full
    let verdicts = judge(&facts, Policy::default(), 100);
    // The second cycle stays in case V9 is lost, the third in case it is found.
    assert_eq!(reusable(&verdicts), ["V1", "V2", "V3"]);
}

#[test]
fn a_dle_that_left_the_disk_list_has_no_last_resort_but_its_days() {
    let mut facts = three_cycles();
    facts.dumps.iter_mut().for_each(|dump| dump.listed = false);
    assert_eq!(reusable(&judge(&facts, Policy::default(), 100)).len(), 9);
    let policy = Policy { recover_days: 3, ..Policy::default() };
    assert_eq!(reusable(&judge(&facts, policy, 12)), ["V1", "V2", "V3", "V5", "V6", "V7"]);
}

#[test]
fn what_is_held_keeps_what_it_builds_on() {
    let mut facts = three_cycles();
    let mut held = dump(12, 1, Some(5), &[]);
    (held.held, held.copies) = (true, vec![]);
    facts.dumps.push(held);
    let verdicts = judge(&facts, Policy::default(), 100);
    assert_eq!(rules(&verdicts, "V5"), [Rule::LastResort, Rule::BeingMade]);
    assert!(!verdicts.of(&label("V9")).is_reusable(), "and the newest state on volumes stays too");
}

#[test]
fn what_is_being_written_is_needed() {
    let mut facts =
        facts(vec![volume("V1", Some(1)), volume("V2", None)], vec![dump(1, 0, None, &["V1"])]);
    facts.dumps[0].copies[0].complete = false;
    facts.dumps[0].held = true;
    assert_eq!(reusable(&judge(&facts, Policy::default(), 9)), ["V2"]);
    facts.dumps[0].held = false;
    assert_eq!(reusable(&judge(&facts, Policy::default(), 9)), ["V1", "V2"]);
    // Straight to the volume, by a run that goes on.
    facts.dumps[0].whole = false;
    facts.unfinished.insert(day(1));
    assert_eq!(
        rules(&judge(&facts, Policy::default(), 9), "V1"),
        [Rule::Unfinished, Rule::BeingMade]
    );
}

#[test]
fn each_storage_keeps_its_own_copies_and_leans_on_others_only_where_it_must() {
    let mut vault = volume("W1", Some(1));
    vault.storage = storage("vault");
    let mut full = dump(1, 0, None, &["V1"]);
    full.copies.push(copy("vault", &["W1"]));
    let second = dump(2, 0, None, &["V2"]);
    let mut facts =
        facts(vec![volume("V1", Some(1)), volume("V2", Some(2)), vault], vec![full, second]);
    let policies = Policies::from([
        (storage("lib"), Policy::default()),
        (storage("vault"), Policy { recover_days: 365, ..Policy::default() }),
    ]);
    // The vault's long policy does not fill the library.
    assert_eq!(reusable(&decide(&facts, &policies, day(100))), ["V1"]);
    // But a level 1 in the vault whose full is only in the library keeps it there.
    facts.dumps[0].copies.pop();
    let mut level1 = dump(3, 1, Some(1), &[]);
    level1.copies = vec![copy("vault", &["W1"])];
    facts.dumps.push(level1);
    let verdicts = decide(&facts, &policies, day(100));
    assert_eq!(reusable(&verdicts).len(), 0);
    assert!(rules(&verdicts, "V1").contains(&Rule::Recover));
}

#[test]
fn a_verdict_can_be_read_aloud() {
    let policy = Policy { volumes: 3, days: 30, recover_days: 20, ..Policy::default() };
    let verdicts = judge(&three_cycles(), policy, 12);
    let expected = "\
V9 is needed:
  - it is among the 3 volumes written last
  - it was written on 2026-01-10, and volumes are kept for 30 days; until 2026-02-09
  - level 2 of h:/a from 2026-01-12 is needed to restore any of the last 20 days, and level 0 of h:/a from 2026-01-10 is part of it (and 2 more like it)
  - level 2 of h:/a from 2026-01-12 is the newest state of it that can be restored, and level 0 of h:/a from 2026-01-10 is part of it (and 3 more like it)
";
    assert_eq!(verdicts.explain(&label("V9")), expected);
    let verdicts = judge(&three_cycles(), Policy { days: 30, ..Policy::default() }, 12);
    assert_eq!(
        verdicts.explain(&label("V1")),
        "V1 is needed, until 2026-02-01 as things stand:\n  - it was written on 2026-01-02, and \
         volumes are kept for 30 days; until 2026-02-01\n"
    );
    let verdicts = judge(&three_cycles(), Policy::default(), 12);
    assert_eq!(verdicts.explain(&label("V1")), "V1 is reusable: nothing on it is needed.\n");
}

#[test]
fn a_chain_that_bites_its_tail_ends() {
    let volumes = vec![volume("V1", Some(1)), volume("V2", Some(2))];
    let dumps = vec![dump(1, 1, Some(2), &["V1"]), dump(2, 1, Some(1), &["V2"])];
    assert_eq!(reusable(&judge(&facts(volumes, dumps), Policy::default(), 9)), ["V1", "V2"]);
}

const VOLUMES: usize = 10;

/// Volumes 0, 3, 6 and 9 are the vault's.
fn place(n: usize) -> StorageName {
    storage(if n.is_multiple_of(3) { "vault" } else { "lib" })
}

fn any_volumes() -> impl Strategy<Value = Vec<VolumeFact>> {
    let volume = (0..40u32, 0..24u32).prop_map(|(written, oddity)| {
        let mut volume = volume("V", (oddity != 5).then_some(written));
        match oddity {
            0 | 1 => volume.state = VolumeState::Missing,
            2 => volume.state = VolumeState::Retired,
            3 => volume.lock = Lock::NoReuse,
            4 => volume.lock = Lock::Until(day(45)),
            _ => {}
        }
        volume
    });
    prop::collection::vec(volume, VOLUMES).prop_map(|mut volumes| {
        for (n, volume) in volumes.iter_mut().enumerate() {
            volume.label = label(&format!("V{n}"));
            volume.storage = place(n);
        }
        volumes
    })
}

/// Complete or not, on one or two volumes of one storage.
fn any_copy() -> impl Strategy<Value = CopyFact> {
    (0..VOLUMES, 0..VOLUMES, 0..6u32).prop_map(|(first, second, oddity)| {
        let labels = [first, second].into_iter().filter(|n| place(*n) == place(first));
        CopyFact {
            storage: place(first),
            complete: oddity > 0,
            labels: labels.map(|n| label(&format!("V{n}"))).collect(),
        }
    })
}

/// Any catalogue: mostly sensible chains, and all sorts of damage.
fn any_facts() -> impl Strategy<Value = Facts> {
    let dump = (
        (0..40u32, 0..4u16, 0..3usize, any::<prop::sample::Index>()),
        (0..20u32, any_copy(), prop::option::weighted(0.3, any_copy())),
    );
    (any_volumes(), prop::collection::vec(dump, 0..24)).prop_map(|(volumes, mut plans)| {
        plans.sort_by_key(|((on, ..), _)| *on);
        let mut dumps = Vec::<DumpFact>::new();
        for (n, ((on, level, which, base), (oddity, copy, other))) in plans.into_iter().enumerate()
        {
            let dle = dle(["/a", "/b", "/gone"][which]);
            let level = Level::try_from(level.saturating_sub(1)).unwrap();
            let bases: Vec<DumpId> = dumps
                .iter()
                .filter(|dump| oddity == 2 || dump.dle == dle && dump.level < level)
                .map(|dump| dump.id)
                .collect();
            let mut copies = vec![copy];
            copies.extend(other.filter(|other| other.storage != copies[0].storage));
            if oddity == 1 {
                copies.clear();
            }
            dumps.push(DumpFact {
                id: id(n as u64),
                dle,
                listed: which < 2,
                run: day(on),
                level,
                base: (!level.is_full() && !bases.is_empty()).then(|| *base.get(&bases)),
                whole: oddity != 0,
                held: oddity == 1,
                copies,
            });
        }
        facts(volumes, dumps)
    })
}

/// Most policies have few rules.
fn any_policy() -> impl Strategy<Value = Policy> {
    let rule = |most: u32| prop_oneof![3 => Just(0), 1 => 0..most];
    (rule(6), rule(40), rule(40), rule(4), rule(40), rule(3)).prop_map(
        |(volumes, days, recover_days, fulls, full_days, cycles)| Policy {
            volumes,
            days,
            recover_days,
            fulls,
            full_days,
            cycles,
            keep_until: None,
        },
    )
}

fn both(policy: Policy) -> Policies {
    Policies::from([(storage("lib"), policy), (storage("vault"), policy)])
}

/// What is left when every volume that may be reused is.
fn after_reuse(facts: &Facts, verdicts: &Verdicts) -> Facts {
    let mut left = facts.clone();
    for copy in left.dumps.iter_mut().flat_map(|dump| &mut dump.copies) {
        if copy.labels.iter().any(|label| verdicts.of(label).is_reusable()) {
            copy.complete = false;
        }
    }
    left
}

/// The newest dump that can be restored of each DLE on the list, counting only on volumes that are at hand.
/// Written anew here, so that a mistake in the judge does not excuse itself.
fn newest_states(facts: &Facts) -> BTreeMap<DleRef, (Stamp, DumpId)> {
    let lost = |label: &Label| {
        facts.volumes.iter().any(|v| v.label == *label && v.state == VolumeState::Missing)
    };
    let find = |id: DumpId| facts.dumps.iter().find(|dump| dump.id == id);
    let there = |dump: &DumpFact| {
        let readable = |c: &CopyFact| c.complete && !c.labels.iter().any(lost);
        dump.whole && (dump.held || dump.copies.iter().any(readable))
    };
    let mut newest = BTreeMap::new();
    for tip in facts.dumps.iter().filter(|dump| dump.listed) {
        let mut link = tip;
        let restorable = loop {
            if !there(link) {
                break false;
            }
            if link.level.is_full() || link.base.is_none() {
                break true;
            }
            match link.base.and_then(find) {
                Some(base) if base.level < link.level => link = base,
                _ => break false,
            }
        };
        if restorable {
            let state = newest.entry(tip.dle.clone()).or_insert((tip.run, tip.id));
            *state = (*state).max((tip.run, tip.id));
        }
    }
    newest
}

proptest! {
    #[test]
    fn no_dle_ever_loses_its_newest_state(facts in any_facts(), policy in any_policy(), now in 0..90u32) {
        let verdicts = decide(&facts, &both(policy), day(now));
        prop_assert_eq!(newest_states(&after_reuse(&facts, &verdicts)), newest_states(&facts));
    }

    #[test]
    fn any_of_the_last_days_stays_restorable(facts in any_facts(), days in 1..30u32) {
        let now = 40;
        let policy = Policy { recover_days: days, ..Policy::default() };
        let verdicts = decide(&facts, &both(policy), day(now));
        let left = after_reuse(&facts, &verdicts);
        for on in now.saturating_sub(days)..=now {
            let as_of = |facts: &Facts| {
                let mut facts = facts.clone();
                facts.dumps.retain(|dump| dump.run <= day(on) );
                // A missing volume may be found: what was restorable with it has to stay so.
                facts.volumes.clear();
                newest_states(&facts)
            };
            prop_assert_eq!(as_of(&left), as_of(&facts), "day {}", on);
        }
    }

    #[test]
    fn more_retention_never_gives_a_volume_away(
        facts in any_facts(), policy in any_policy(), more in any_policy(), now in 0..90u32,
    ) {
        let greater = Policy {
            volumes: policy.volumes + more.volumes,
            days: policy.days + more.days,
            recover_days: policy.recover_days + more.recover_days,
            fulls: policy.fulls + more.fulls,
            full_days: policy.full_days + more.full_days,
            cycles: policy.cycles + more.cycles,
            keep_until: None,
        };
        let less = decide(&facts, &both(policy), day(now));
        for label in decide(&facts, &both(greater), day(now)).reusable() {
            prop_assert!(less.of(label).is_reusable(), "{}", less.explain(label));
        }
    }

    #[test]
    fn a_volume_that_became_reusable_stays_so_as_time_passes(
        facts in any_facts(), policy in any_policy(), now in 0..60u32, later in 0..60u32,
    ) {
        let verdicts = decide(&facts, &both(policy), day(now + later));
        for label in decide(&facts, &both(policy), day(now)).reusable() {
            prop_assert!(verdicts.of(label).is_reusable(), "{}", verdicts.explain(label));
        }
    }

    #[test]
    fn every_verdict_but_reusable_has_a_reason_in_words(
        facts in any_facts(), policy in any_policy(), now in 0..90u32,
    ) {
        let verdicts = decide(&facts, &both(policy), day(now));
        prop_assert_eq!(verdicts.iter().count(), facts.volumes.len());
        for (label, verdict) in verdicts.iter() {
            if let Verdict::Needed(needed) = verdict {
                prop_assert!(!needed.reasons.is_empty());
                prop_assert!(needed.reasons.iter().all(|reason| !reason.why.is_empty()));
                prop_assert!(needed.count >= needed.reasons.len());
                prop_assert!(verdicts.explain(label).lines().count() > 1);
            }
        }
    }

    #[test]
    fn the_day_that_is_named_is_not_too_late(facts in any_facts(), policy in any_policy(), now in 0..60u32) {
        let verdicts = decide(&facts, &both(policy), day(now));
        for (label, verdict) in verdicts.iter() {
            if let Verdict::Needed(needed) = verdict && let Some(until) = needed.until() {
                let then = decide(&facts, &both(policy), until);
                prop_assert!(then.of(label).is_reusable(), "{}{}", until, then.explain(label));
            }
        }
    }
}

proptest! {
    /// A DLE is told page by page, until the rules have heard enough; and one volume is judged by those alone that can
    /// have a say in it. Neither changes a word.
    #[test]
    fn what_is_told_in_pages_is_judged_as_if_all_were_told(
        facts in any_facts(), policy in any_policy(), now in 0..90u32, page in 0..9usize,
    ) {
        let policies = both(policy);
        let whole = decide(&facts, &policies, day(now));
        let Facts { volumes, dumps, unfinished, pins } = &facts;
        let mut judgement =
            Judgement::of_volumes(volumes, unfinished.clone(), pins.clone(), &policies, day(now));
        let mut told = 0;
        for dle in ["/a", "/b", "/gone"].map(dle) {
            let mut ours: Vec<DumpFact> = dumps.iter().filter(|d| d.dle == dle).cloned().collect();
            ours.sort_by_key(|dump| std::cmp::Reverse((dump.run, dump.id)));
            let mut count = page.min(ours.len());
            loop {
                let (newest, older) = ours.split_at(count);
                let told_all = if older.is_empty() { Told::All } else { Told::Newest };
                let mut others: Vec<DumpFact> = older.iter().filter(|d| d.held).cloned().collect();
                // What is built on; that of others too, since rows can say anything.
                let mut wanted: Vec<DumpId> =
                    newest.iter().chain(&others).filter_map(|dump| dump.base).collect();
                while let Some(id) = wanted.pop() {
                    let told = newest.iter().chain(&others).any(|dump| dump.id == id);
                    if let Some(dump) = dumps.iter().find(|dump| dump.id == id && !told) {
                        wanted.extend(dump.base);
                        others.push(dump.clone());
                    }
                }
                if judgement.hear(&dle, (newest, told_all), &others).is_ok() {
                    told += count;
                    break;
                }
                prop_assert_eq!(told_all, Told::Newest, "everything was told");
                count = (count + page.max(1)).min(ours.len());
            }
        }
        prop_assert!(told <= dumps.len());
        let paged = judgement.into_verdicts();
        for (label, verdict) in whole.iter() {
            let (mut is, mut was) = (paged.of(label), verdict);
            // Of several dumps that a rule keeps, the sentence names the first that was told.
            for verdict in [&mut is, &mut was] {
                if let Verdict::Needed(needed) = verdict {
                    needed.reasons.iter_mut().for_each(|reason| reason.why.clear());
                }
            }
            prop_assert_eq!(is, was, "{}", label);
        }
    }
}

#[test]
fn a_page_is_enough_when_the_rules_look_no_further() {
    let mut facts = three_cycles();
    facts.dumps.reverse();
    let policies = Policies::from([(storage("lib"), Policy { cycles: 2, ..Policy::default() })]);
    let judgement =
        || Judgement::of_volumes(&facts.volumes, BTreeSet::new(), vec![], &policies, day(12));
    let hear = |count: usize| {
        judgement().hear(&dle("/a"), (&facts.dumps[..count], Told::Newest), &facts.dumps[count..])
    };
    assert_eq!((hear(5), hear(6)), (Err(Short), Ok(())));
}

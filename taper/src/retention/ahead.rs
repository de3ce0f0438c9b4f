//! When a volume will be reusable, if the runs to come are like those that were.
//!
//! Nothing is reckoned by hand: the engine that judges volumes judges them again on days to come, with the dumps and the
//! volumes that runs will have made until then. What may be reused once stays so, whatever is added, so the day is
//! found by halving. Volumes that are reused meanwhile are not taken away: only what nobody needs goes with them.

use std::collections::BTreeMap;

use types::{DleRef, DumpId, Label, Level, Stamp, StorageName};

use super::{
    CopyFact, DumpFact, Judgement, Policies, Policy, Reason, Rule, Told, Verdict, VolumeFact,
};
use crate::catalogue::{Lock, Medium, VolumeState};

/// The most runs that are looked ahead.
const FURTHEST: u32 = 4000;

/// How a DLE is going to be dumped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habit {
    /// A full at least every so many days, if there are fulls at all.
    pub full_every: Option<u32>,
    /// Whether there are dumps at all.
    pub goes_on: bool,
}

/// Who writes what waits on the holding disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flushed {
    /// The runs to come.
    ByRuns,
    /// The operator, some day or never.
    ByHand,
}

/// What is expected of the runs to come.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Days from one to the next.
    pub every: u32,
    /// How many volumes runs begin.
    pub usage: BTreeMap<StorageName, Usage>,
    /// How DLEs are dumped.
    pub habits: BTreeMap<DleRef, Habit>,
    /// Who writes what waits on the holding disk.
    pub flushed: Flushed,
}

/// So many volumes are begun in so many runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Volumes.
    pub volumes: u32,
    /// Runs, one at least.
    pub runs: u32,
}

impl Usage {
    /// How many volumes `runs` more runs begin.
    pub fn after(self, runs: u32) -> u32 {
        let volumes = u64::from(runs) * u64::from(self.volumes) / u64::from(self.runs.max(1));
        u32::try_from(volumes).unwrap_or(u32::MAX)
    }

    /// How many runs it takes to begin so many; never, if they begin none.
    pub fn runs_for(self, volumes: u32) -> Option<u32> {
        let runs = u64::from(volumes) * u64::from(self.runs.max(1));
        let runs = runs.checked_div(u64::from(self.volumes))?;
        u32::try_from(runs).ok()?.checked_add(1)
    }
}

/// A DLE that keeps a volume: as much of it as retention wanted to hear, the newest dump first.
#[derive(Clone, Debug)]
pub struct Concern {
    /// Which.
    pub dle: DleRef,
    /// Why it keeps the volume now.
    pub reasons: Vec<Reason>,
    /// Its newest dumps.
    pub newest: Vec<DumpFact>,
    /// What they build on.
    pub others: Vec<DumpFact>,
}

/// All that keeps a volume.
#[derive(Clone, Debug)]
pub struct Case {
    /// Which volume.
    pub volume: VolumeFact,
    /// All volumes.
    pub volumes: Vec<VolumeFact>,
    /// The DLEs that keep it.
    pub concerns: Vec<Concern>,
}

/// When something lets go of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// On that day, and this is what kept it to the last.
    On(Stamp, Reason),
    /// Not by itself: as long as this is so.
    Never(Reason),
}

/// What keeps a volume, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The DLE whose dumps keep it; none if what keeps it is about the volume itself.
    pub dle: Option<DleRef>,
    /// Why, now.
    pub reasons: Vec<Reason>,
    /// When it lets go.
    pub when: When,
}

/// What keeps a volume, one after the other; who lets go last comes first. Empty if it is reusable now.
pub fn prospect(case: &Case, policies: &Policies, now: Stamp, expected: &Expected) -> Vec<Release> {
    let mut releases = of_volume(case, policies, now, expected);
    let missing: Vec<VolumeFact> =
        case.volumes.iter().filter(|v| v.state == VolumeState::Missing).cloned().collect();
    releases.extend(
        case.concerns
            .iter()
            .map(|concern| of_dle(case, concern, &missing, policies, now, expected)),
    );
    releases.sort_by_key(|release| match &release.when {
        When::Never(_) => (0, std::cmp::Reverse(now)),
        When::On(day, _) => (1, std::cmp::Reverse(*day)),
    });
    releases
}

/// The rules that look at volumes alone, one by one.
fn of_volume(case: &Case, policies: &Policies, now: Stamp, expected: &Expected) -> Vec<Release> {
    let judgement = Judgement::of_volumes(&case.volumes, Default::default(), vec![], policies, now);
    let Verdict::Needed(needed) = judgement.verdicts().of(&case.volume.label) else {
        return Vec::new();
    };
    let release = |reason: Reason| {
        let day = match reason.rule {
            Rule::Volumes => pushed_out(case, policies, now, expected),
            _ => reason.until,
        };
        let when = match day {
            Some(day) => When::On(day, reason.clone()),
            None => When::Never(reason.clone()),
        };
        Release { dle: None, reasons: vec![reason], when }
    };
    needed.reasons.into_iter().map(release).collect()
}

/// When enough other volumes were written after it.
fn pushed_out(case: &Case, policies: &Policies, now: Stamp, expected: &Expected) -> Option<Stamp> {
    let storage = &case.volume.storage;
    let policy = Policy { volumes: policies.get(storage)?.volumes, ..Policy::default() };
    let policies = Policies::from([(storage.clone(), policy)]);
    let usage = *expected.usage.get(storage)?;
    let mut volumes: Vec<VolumeFact> =
        case.volumes.iter().filter(|volume| volume.storage == *storage).cloned().collect();
    let real = volumes.len();
    let most = usage.runs_for(policy.volumes)?.min(FURTHEST);
    for n in 1..=most {
        for no in usage.after(n - 1)..usage.after(n) {
            let label = label_to_come(storage, n, no)?;
            volumes.push(to_come(label, storage, run(now, n, expected)));
        }
    }
    let keeps = |runs: u32| {
        let count = usize::try_from(usage.after(runs)).unwrap_or(usize::MAX);
        let told = &volumes[..real.saturating_add(count).min(volumes.len())];
        let day = run(now, runs, expected);
        let judgement = Judgement::of_volumes(told, Default::default(), vec![], &policies, day);
        match judgement.verdicts().of(&case.volume.label) {
            Verdict::Reusable => false,
            Verdict::Needed(needed) => needed.reasons.iter().any(|r| r.rule == Rule::Volumes),
        }
    };
    Some(run(now, first_not(most, keeps)?, expected))
}

/// When the dumps of a DLE do without the volume.
fn of_dle(
    case: &Case,
    concern: &Concern,
    missing: &[VolumeFact],
    policies: &Policies,
    now: Stamp,
    expected: &Expected,
) -> Release {
    let dle = Some(concern.dle.clone());
    let reasons = concern.reasons.clone();
    let asked = Asked::of(case, concern, missing, policies, now, expected);
    let when = match first_not(asked.runs, |runs| asked.reason(runs).is_some()) {
        Some(runs) => {
            let last = runs.checked_sub(1).and_then(|before| asked.reason(before));
            let last = last.or_else(|| reasons.first().cloned()).unwrap_or_else(unknown);
            When::On(run(now, runs, expected), last)
        }
        None => When::Never(asked.reason(asked.runs).unwrap_or_else(unknown)),
    };
    Release { dle, reasons, when }
}

/// The first number from 1 on for which it does not hold any more.
fn first_not(most: u32, mut holds: impl FnMut(u32) -> bool) -> Option<u32> {
    let (mut low, mut high) = (0, 1);
    while holds(high) {
        if high >= most {
            return None;
        }
        (low, high) = (high, (high * 2).min(most));
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle) { low = middle } else { high = middle }
    }
    Some(high)
}

/// A DLE, with the dumps that are to come.
struct Asked<'a> {
    label: &'a Label,
    concern: &'a Concern,
    /// Newest first: those to come, then those that are there.
    dumps: Vec<DumpFact>,
    runs: u32,
    volumes: Vec<VolumeFact>,
    policies: Policies,
    now: Stamp,
    expected: &'a Expected,
}

impl<'a> Asked<'a> {
    fn of(
        case: &'a Case,
        concern: &'a Concern,
        missing: &[VolumeFact],
        policies: &Policies,
        now: Stamp,
        expected: &'a Expected,
    ) -> Self {
        let habit = expected.habits.get(&concern.dle).copied();
        let habit = habit.unwrap_or(Habit { full_every: None, goes_on: false });
        // Only what it says of dumps: the rules about volumes are asked apart.
        let of_dumps =
            |policy: &Policy| Policy { volumes: 0, days: 0, keep_until: None, ..*policy };
        let policies: Policies =
            policies.iter().map(|(storage, policy)| (storage.clone(), of_dumps(policy))).collect();
        let mut volumes = missing.to_vec();
        volumes.retain(|volume| volume.label != case.volume.label);
        volumes.push(VolumeFact {
            lock: Lock::Open,
            state: if case.volume.state == VolumeState::Missing {
                VolumeState::Missing
            } else {
                VolumeState::Full
            },
            ..case.volume.clone()
        });
        let runs = furthest(&policies, habit, expected.every);
        let mut dumps = dumps_to_come(concern, habit, now, expected, runs);
        dumps.reverse();
        dumps.extend(concern.newest.iter().cloned().map(|dump| settled(dump, expected)));
        Self { label: &case.volume.label, concern, dumps, runs, volumes, policies, now, expected }
    }

    /// Why the volume is kept after so many more runs, if it is.
    fn reason(&self, runs: u32) -> Option<Reason> {
        let to_come = usize::try_from(self.runs - runs).unwrap_or(usize::MAX);
        let listed = self.dumps.len() - self.concern.newest.len();
        // Without a dump to come there are none to leave out.
        let dumps = &self.dumps[to_come.min(listed)..];
        let day = run(self.now, runs, self.expected);
        let mut judgement =
            Judgement::of_volumes(&self.volumes, Default::default(), vec![], &self.policies, day);
        let told = (dumps, Told::All);
        judgement.hear(&self.concern.dle, told, &self.concern.others).ok()?;
        match judgement.verdicts().of(self.label) {
            Verdict::Reusable => None,
            Verdict::Needed(needed) => {
                let of_dumps =
                    |reason: &Reason| !matches!(reason.rule, Rule::State | Rule::WriteOnce);
                needed.reasons.into_iter().find(of_dumps)
            }
        }
    }
}

/// So many runs until every rule about dumps has forgotten what is there now.
fn furthest(policies: &Policies, habit: Habit, every: u32) -> u32 {
    let cycle = habit.full_every.unwrap_or(0);
    let days = policies.values().map(|policy| {
        policy.recover_days.max(policy.full_days).max((policy.cycles.max(policy.fulls)) * cycle)
    });
    let days = days.max().unwrap_or(0) + 2 * cycle + 8;
    days.div_ceil(every.max(1)).clamp(1, FURTHEST)
}

/// The dumps of the runs to come, the oldest first; none if the DLE is not dumped any more.
fn dumps_to_come(
    concern: &Concern,
    habit: Habit,
    now: Stamp,
    expected: &Expected,
    runs: u32,
) -> Vec<DumpFact> {
    let Some(newest) = concern.newest.first().filter(|dump| dump.listed && habit.goes_on) else {
        return Vec::new();
    };
    let all = concern.newest.iter().chain(&concern.others);
    let fulls = all.filter(|dump| dump.level.is_full() && dump.whole && dump.dle == concern.dle);
    let mut full = fulls.max_by_key(|dump| dump.run).map(|dump| (dump.run, dump.id));
    let mut dumps = Vec::new();
    for n in 1..=runs {
        let on = run(now, n, expected);
        // An id that no dump has: those of real ones begin with the time, and their time has come.
        let id = DumpId::new((1 << 47) + u64::from(n), [0xff; 10]);
        let due = habit
            .full_every
            .is_some_and(|days| full.is_none_or(|(last, _)| on.days_since(last) + 1 > days));
        let base = if due { None } else { full.map(|(_, id)| id) };
        let Some(level) = base.map_or(Some(Level::FULL), |_| Level::try_from(1).ok()) else {
            continue;
        };
        if base.is_none() {
            full = Some((on, id));
        }
        let copies = expected.usage.keys().filter_map(|storage| copy_to_come(storage, n));
        dumps.push(DumpFact {
            id,
            dle: newest.dle.clone(),
            listed: true,
            run: on,
            level,
            base,
            whole: true,
            held: false,
            copies: copies.collect(),
        });
    }
    dumps
}

/// What waits on the holding disk now will lie on a volume then, if runs write it.
fn settled(mut dump: DumpFact, expected: &Expected) -> DumpFact {
    if dump.held && expected.flushed == Flushed::ByHand {
        return dump;
    }
    if dump.held && !dump.copies.iter().any(|copy| copy.complete) {
        dump.copies =
            expected.usage.keys().filter_map(|storage| copy_to_come(storage, 0)).collect();
    }
    dump.held = false;
    dump
}

fn copy_to_come(storage: &StorageName, run: u32) -> Option<CopyFact> {
    let labels = vec![label_to_come(storage, run, 0)?];
    Some(CopyFact { storage: storage.clone(), complete: true, labels })
}

fn run(now: Stamp, n: u32, expected: &Expected) -> Stamp {
    now.plus_days(n * expected.every.max(1))
}

fn label_to_come(storage: &StorageName, run: u32, no: u32) -> Option<Label> {
    format!("to.come.{storage}.{run}.{no}").parse().ok()
}

fn to_come(label: Label, storage: &StorageName, written: Stamp) -> VolumeFact {
    VolumeFact {
        label,
        storage: storage.clone(),
        state: VolumeState::Full,
        lock: Lock::Open,
        locked: String::new(),
        medium: Medium::Rewritable,
        labelled: Some(written),
        written: Some(written),
    }
}

fn unknown() -> Reason {
    Reason { rule: Rule::Unknown, why: "nobody knows why".to_owned(), until: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::{Facts, decide};

    fn day(n: u32) -> Stamp {
        "20260101120000".parse::<Stamp>().unwrap().plus_days(n)
    }

    fn lib() -> StorageName {
        "lib".parse().unwrap()
    }

    fn dle() -> DleRef {
        DleRef { host: "h".parse().unwrap(), dle: "/a".parse().unwrap() }
    }

    fn volume(name: &str, written: u32) -> VolumeFact {
        to_come(name.parse().unwrap(), &lib(), day(written))
    }

    /// A dump of day `n` on volume `Vn`.
    fn dump(n: u32, base: Option<u32>) -> DumpFact {
        let id = |n: u32| DumpId::new(u64::from(n), [0; 10]);
        DumpFact {
            id: id(n),
            dle: dle(),
            listed: true,
            run: day(n),
            level: Level::try_from(u16::from(base.is_some())).unwrap(),
            base: base.map(id),
            whole: true,
            held: false,
            copies: vec![CopyFact {
                storage: lib(),
                complete: true,
                labels: vec![format!("V{n}").parse().unwrap()],
            }],
        }
    }

    /// A full on V1, and level 1 on V2 and V3; today is day 3.
    fn case(of: &str) -> Case {
        let volumes = vec![volume("V1", 1), volume("V2", 2), volume("V3", 3)];
        let newest = vec![dump(3, Some(1)), dump(2, Some(1)), dump(1, None)];
        let volume = volumes.iter().find(|v| v.label.as_str() == of).unwrap().clone();
        let reasons = vec![Reason { rule: Rule::LastResort, why: "now".into(), until: None }];
        let concerns = vec![Concern { dle: dle(), reasons, newest, others: vec![] }];
        Case { volume, volumes, concerns }
    }

    fn expected(full_every: Option<u32>) -> Expected {
        Expected {
            every: 1,
            usage: BTreeMap::from([(lib(), Usage { volumes: 1, runs: 1 })]),
            habits: BTreeMap::from([(dle(), Habit { full_every, goes_on: true })]),
            flushed: Flushed::ByRuns,
        }
    }

    fn when(case: &Case, policy: Policy, expected: &Expected) -> Vec<(String, Rule)> {
        let releases = prospect(case, &Policies::from([(lib(), policy)]), day(3), expected);
        let told = |release: Release| match release.when {
            When::On(day, last) => (day.day(), last.rule),
            When::Never(reason) => ("never".to_owned(), reason.rule),
        };
        releases.into_iter().map(told).collect()
    }

    #[test]
    fn a_full_is_free_when_the_next_full_has_taken_its_place() {
        let on = |policy| when(&case("V1"), policy, &expected(Some(7)));
        // The next full is due seven days after day 1.
        assert_eq!(on(Policy::default()), [("2026-01-09".to_owned(), Rule::LastResort)]);
        // Then the state of day 7, which builds on the old full, has to be restorable for five days more.
        let recover = Policy { recover_days: 5, ..Policy::default() };
        assert_eq!(on(recover), [("2026-01-14".to_owned(), Rule::Recover)]);
        let fulls = Policy { fulls: 2, ..Policy::default() };
        assert_eq!(on(fulls), [("2026-01-16".to_owned(), Rule::Fulls)]);
    }

    #[test]
    fn the_only_full_of_a_dle_that_gets_no_other_is_never_free() {
        let releases = when(&case("V1"), Policy::default(), &expected(None));
        assert_eq!(releases, [("never".to_owned(), Rule::LastResort)]);
        let mut forgotten = expected(Some(7));
        forgotten.habits.clear();
        assert_eq!(when(&case("V1"), Policy::default(), &forgotten)[0].0, "never");
    }

    #[test]
    fn no_day_is_foretold_while_the_rest_of_a_dump_waits_for_somebody_to_flush_it() {
        let mut case = case("V3");
        let newest = &mut case.concerns[0].newest[0];
        newest.held = true;
        newest.copies[0].complete = false;
        let mut expected = expected(Some(7));
        assert_ne!(when(&case, Policy::default(), &expected)[0].0, "never");
        expected.flushed = Flushed::ByHand;
        let policies = Policies::from([(lib(), Policy::default())]);
        let releases = prospect(&case, &policies, day(3), &expected);
        let [Release { when: When::Never(reason), .. }] = releases.as_slice() else {
            panic!("{releases:?}")
        };
        assert_eq!(
            reason.why,
            "the rest of level 1 of h:/a from 2026-01-04 waits on the holding disk: `reelkeep flush` writes it"
        );
    }

    #[test]
    fn a_rotation_pushes_a_volume_out_as_new_ones_are_written() {
        let mut case = case("V3");
        case.concerns.clear();
        let rotation = Policy { volumes: 10, ..Policy::default() };
        assert_eq!(
            when(&case, rotation, &expected(Some(7))),
            [("2026-01-14".into(), Rule::Volumes)]
        );
        let mut two = expected(Some(7));
        two.usage.insert(lib(), Usage { volumes: 2, runs: 1 });
        assert_eq!(when(&case, rotation, &two), [("2026-01-09".into(), Rule::Volumes)]);
        two.usage.clear();
        assert_eq!(when(&case, rotation, &two), [("never".into(), Rule::Volumes)], "no run writes");
    }

    #[test]
    fn the_last_to_let_go_comes_first() {
        let mut case = case("V1");
        case.volumes[0].lock = Lock::Until(day(400));
        case.volume.lock = Lock::Until(day(400));
        let policy = Policy { days: 20, ..Policy::default() };
        let expected = expected(Some(7));
        let rules: Vec<Rule> = when(&case, policy, &expected).into_iter().map(|r| r.1).collect();
        assert_eq!(rules, [Rule::Lock, Rule::Days, Rule::LastResort]);
        case.volumes[0].lock = Lock::NoReuse;
        assert_eq!(when(&case, policy, &expected)[0], ("never".to_owned(), Rule::Lock));
    }

    /// What is foretold is what the engine says when that day has come.
    #[test]
    fn on_the_day_that_is_foretold_the_volume_is_free_and_not_before() {
        let policy = Policy { recover_days: 5, ..Policy::default() };
        let policies = Policies::from([(lib(), policy)]);
        let case = case("V1");
        let expected = expected(Some(7));
        let releases = prospect(&case, &policies, day(3), &expected);
        let When::On(free, _) = releases[0].when else { panic!("never") };
        let mut dumps = case.concerns[0].newest.clone();
        let mut volumes = case.volumes.clone();
        let all = dumps_to_come(&case.concerns[0], expected.habits[&dle()], day(3), &expected, 30);
        for on in 4..30 {
            let made = all[on as usize - 4].clone();
            volumes.push(to_come(made.copies[0].labels[0].clone(), &lib(), day(on)));
            dumps.push(made);
            let facts =
                Facts { volumes: volumes.clone(), dumps: dumps.clone(), ..Facts::default() };
            let verdicts = decide(&facts, &policies, day(on));
            assert_eq!(verdicts.of(&case.volume.label).is_reusable(), day(on) >= free, "day {on}");
        }
    }
}

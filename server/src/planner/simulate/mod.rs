//! The simulator: nights one after the other, on a site that is only described.
//!
//! Each night the planner is told what it would be told, and its plan is carried out on the *truth*: trees that grow,
//! of which some share changes every day, and clients that fail now and then. What the dumps then really are becomes
//! the history of the next night. The same description, the same seed and the same rules give the same course.
//!
//! Amanda's rules can be run on the same truth: the dice fall alike for both.

mod course;
mod dice;
mod length;
mod plot;
mod truth;

use types::{DleRef, DumpId, Level};

pub use course::{Course, Figures, Night};
pub use plot::svg;
pub use truth::{MadeUpDle, Site};

use course::{Shelf, Underway};
use dice::Dice;
use truth::Tree;

use super::amanda::{amanda, as_amanda_counts};
use super::estimate::{EstimateNeed, estimates_wanted, every_level, from_client};
use super::facts::{Day, DleFacts, Estimates, Past, Row, Snapshot, Today, Tonight};
use super::hours::wait_for;
use super::plan;

/// So many earlier dumps of a DLE are remembered.
const HISTORY: usize = 40;
/// The first day of every course: a Monday.
const FIRST: Day = Day(20_454 + 4);

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// This planner.
    Ours,
    /// Amanda's, as [`amanda`](mod@super::amanda) models them.
    Amanda,
}

/// Lives through so many nights.
pub fn simulate(site: &Site, nights: u32, rules: Rules) -> Course {
    let mut world = World::new(site, rules);
    let nights = (0..nights).map(|_| world.night()).collect();
    world.finish(nights)
}

/// The site as it is on some day.
struct World<'a> {
    site: &'a Site,
    rules: Rules,
    tonight: Tonight,
    trees: Vec<Tree>,
    /// The host of each, by number.
    hosts: Vec<usize>,
    dice: Dice,
    /// Whether there is a run, and whether it has all its volumes.
    fate: Dice,
    /// What each storage has from the nights before.
    shelves: Vec<Shelf>,
    day: i64,
    /// The longest that any DLE went without a full, in days.
    longest: i64,
    dumps: u64,
    /// What the plan of the last night says besides its dumps.
    told: Vec<String>,
}

impl<'a> World<'a> {
    fn new(site: &'a Site, rules: Rules) -> Self {
        let mut dles: Vec<&MadeUpDle> = site.dles.iter().collect();
        dles.sort_by(|a, b| a.facts.dle.cmp(&b.facts.dle));
        dles.dedup_by(|a, b| a.facts.dle == b.facts.dle);
        let trees = dles.iter().map(|dle| Tree::new(dle)).collect();
        let facts: Vec<DleFacts> = dles.iter().map(|dle| moved(&dle.facts, site.today)).collect();
        let mut numbers = std::collections::BTreeMap::new();
        let hosts = facts.iter().map(|facts| {
            let next = numbers.len();
            *numbers.entry(facts.dle.host.clone()).or_insert(next)
        });
        let hosts = hosts.collect();
        let tonight = Tonight {
            today: Today { day: FIRST, second: 0 },
            dles: facts,
            estimates: std::collections::BTreeMap::new(),
            storages: site.storages.clone(),
            dumpcycle: site.dumpcycle,
            runs_per_cycle: site.runs_per_cycle,
            limits: site.limits.clone(),
        };
        Self {
            site,
            rules,
            tonight,
            trees,
            hosts,
            dice: Dice::new(site.seed),
            fate: Dice::new(site.seed ^ 0xfa7e),
            shelves: vec![Shelf::default(); site.storages.len()],
            day: 0,
            longest: 0,
            dumps: 0,
            told: Vec::new(),
        }
    }

    fn night(&mut self) -> Night {
        self.tonight.today.day = Day(FIRST.0 + self.day);
        // Dice are thrown for every DLE every night, so that they fall alike whatever is decided.
        let weather: Vec<Weather> = self
            .trees
            .iter_mut()
            .map(|tree| {
                let weather =
                    Weather { fails: self.dice.chance(tree.failures), noise: self.dice.noise() };
                tree.live(self.day, self.dice.noise());
                weather
            })
            .collect();
        let mut night = Underway::on(self.day, self.site);
        let (missed, short) =
            (self.fate.chance(self.site.missed), self.fate.chance(self.site.short));
        let shelves = self.shelves.iter();
        let usual = self.site.storages.iter().zip(shelves);
        for (storage, (usual, shelf)) in self.tonight.storages.iter_mut().zip(usual) {
            let volumes = usual.capacity.runtapes;
            storage.capacity.runtapes = if short { volumes.min(1) } else { volumes };
            storage.capacity.held = shelf.held();
        }
        if !missed {
            night.night.asked = self.estimate();
            for (at, level) in self.decide(&mut night.night) {
                self.dump(at, level, weather[at], &mut night);
            }
        }
        if self.rules == Rules::Amanda {
            // She begins a volume for every run; ours goes on on the last one.
            self.shelves.iter_mut().for_each(Shelf::put_away);
        }
        let Tonight { limits, storages, .. } = &self.tonight;
        let mut night = match missed {
            true => night.night,
            false => night.settle(limits, storages, &mut self.shelves),
        };
        self.age(&mut night);
        self.day += 1;
        night
    }

    /// Gives the planner its estimates, and says how many clients had to be asked.
    fn estimate(&mut self) -> u64 {
        let today = self.tonight.today.day;
        let dles = &self.tonight.dles;
        let needs = match self.rules {
            Rules::Ours => estimates_wanted(dles, today),
            Rules::Amanda => dles.iter().map(|facts| every_level(facts, today)).collect(),
        };
        let mut asked = 0;
        for ((facts, tree), need) in dles.iter().zip(&self.trees).zip(needs) {
            let estimates = match need {
                EstimateNeed::Nothing => continue,
                EstimateNeed::FromHistory(known) => known,
                EstimateNeed::AskClient { levels, otherwise } => {
                    asked += 1;
                    let mut estimates: Estimates = otherwise;
                    for (level, _) in levels {
                        let raw = tree.raw(level);
                        let estimate = match self.rules {
                            Rules::Ours => from_client(facts, level, raw),
                            Rules::Amanda => as_amanda_counts(facts, level, raw),
                        };
                        estimates.levels.insert(level, estimate);
                    }
                    estimates
                }
            };
            match self.tonight.estimates.get_mut(&facts.dle) {
                Some(known) => *known = estimates,
                None => drop(self.tonight.estimates.insert(facts.dle.clone(), estimates)),
            }
        }
        asked
    }

    /// Which DLEs are dumped at which level.
    fn decide(&mut self, night: &mut Night) -> Vec<(usize, Level)> {
        let place = |dle: &DleRef| {
            self.tonight.dles.binary_search_by(|facts| facts.dle.cmp(dle)).unwrap_or_default()
        };
        match self.rules {
            Rules::Ours => {
                let plan = plan(&self.tonight);
                night.warnings = plan.warnings().len() as u64;
                let warned = plan.warnings().iter().map(|warning| match &warning.dle {
                    Some(dle) => format!("{dle}: {}", warning.text),
                    None => warning.text.clone(),
                });
                let left_out = plan.skipped().iter().filter(|left_out| left_out.kind.is_failure());
                let left_out =
                    left_out.map(|left_out| format!("{}: {}", left_out.dle, left_out.why));
                let told = warned.chain(left_out).collect();
                let dumps = plan.dumps().iter();
                let dumps = dumps.map(|dump| (place(&dump.dle), dump.choice.level)).collect();
                self.told = told;
                dumps
            }
            Rules::Amanda => {
                let dumps = amanda(&self.tonight).dumps;
                dumps.iter().map(|(dle, level)| (place(dle), *level)).collect()
            }
        }
    }

    fn dump(&mut self, at: usize, level: Level, weather: Weather, night: &mut Underway) {
        let tree = &mut self.trees[at];
        if weather.fails {
            night.night.failed += 1;
            return;
        }
        let cost = tree.dump(level, weather.noise);
        self.dumps += 1;
        let facts = &mut self.tonight.dles[at];
        let wait = wait_for(facts.starttime, self.tonight.today);
        night.add(facts, self.hosts[at], wait, level, &cost);
        let day = self.tonight.today.day;
        if level.is_full()
            && let Some(last) = facts.last_full()
        {
            self.longest = self.longest.max(day.since(last.day));
        }
        facts.last.retain(|known, _| *known < level);
        facts.last.insert(
            level,
            Past {
                dump: DumpId::new(self.dumps, [0; 10]),
                day,
                raw: cost.raw,
                stored: cost.stored,
                restorable: true,
                snapshot: Snapshot::Kept,
                overwritten_in: None,
            },
        );
        facts.consecutive_runs =
            if facts.last_level == Some(level) { facts.consecutive_runs + 1 } else { 1 };
        facts.last_level = Some(level);
        facts.history.truncate(HISTORY - 1);
        let row = Row { day, level, raw: cost.raw, stored: cost.stored, seconds: cost.seconds };
        facts.history.insert(0, row);
    }

    /// How old fulls are in the morning.
    fn age(&mut self, night: &mut Night) {
        let today = self.tonight.today.day;
        for facts in &self.tonight.dles {
            let cycle = i64::from(facts.dumpcycle);
            let standard = facts.strategy == super::Strategy::Standard && !facts.skip_full;
            // The next run is a day away: what is as old as its cycle by then was in time.
            let age = facts.last_full().map(|past| today.since(past.day));
            if standard && age.is_none_or(|age| age >= cycle.max(1)) {
                night.late += 1;
            }
        }
    }

    fn finish(mut self, nights: Vec<Night>) -> Course {
        let today = self.tonight.today.day;
        for facts in &self.tonight.dles {
            if facts.strategy == super::Strategy::Standard
                && let Some(last) = facts.last_full()
            {
                self.longest = self.longest.max(today.since(last.day));
            }
        }
        Course {
            nights,
            longest: self.longest,
            told: self.told,
            settled_after: 2 * i64::from(self.site.dumpcycle),
        }
    }
}

/// What happens to a DLE on a night, whatever is done with it.
#[derive(Clone, Copy)]
struct Weather {
    fails: bool,
    noise: f64,
}

/// Facts of `today` as if that were the first day of the course.
fn moved(facts: &DleFacts, today: Day) -> DleFacts {
    let by = FIRST.0 - 1 - today.0;
    let mut facts = facts.clone();
    facts.last.values_mut().for_each(|past| past.day.0 += by);
    facts.history.iter_mut().for_each(|row| row.day.0 += by);
    facts.history.truncate(HISTORY);
    facts.skipped_full.iter_mut().for_each(|day| day.0 += by);
    facts
}

//! The World: a simulated site, whose nights are lived by the product's own decisions.
//!
//! Real are the configuration's reader, the planner and its facts, the dispatcher, the catalogue (SQLite, in a file), the
//! scan, the retention engine, the rules of tidying up, what keeps a dump while it is read, and the report. Simulated is all that they decide about:
//! clients, holding disks, drives, a library of cartridges, an operator, the clock. The loop around the dispatcher and
//! the drives' errands are those of `server::night`, without threads: one thing happens after the other, and the dice
//! say which is next.
//!
//! ```text
//!   dice ─► faults, operator ─┐                      ┌─► media, holding: what is true
//!                             ▼                      │
//!   config ─► facts ─► planner ─► dispatcher ─action─► dumper, drive ─commit─► catalogue: what is believed
//!                                      ▲               │    │
//!                                      └────event──────┘    └─► journal: what was promised
//!                                                                   │
//!                      report ◄─ log                   oracle ◄─────┴── media
//! ```
//!
//! What survives a crash and what does not is kept apart: a [`World`] is the site, a night's state is dropped with the
//! night. Every durable step is counted, and a crash can be had after each.
//!
//! After every night the oracle compares what was promised with what is true. It has rules of its own, as naive as can
//! be, and a world with a rule broken on purpose ([`Broken`]) shows that it can fail.

mod clients;
mod crowd;
mod dice;
mod drive;
mod dumper;
mod faults;
mod holding;
mod journal;
mod judging;
mod limits;
mod media;
mod misled;
mod mounting;
mod needed;
mod night;
mod operator;
mod oracle;
mod reading;
mod settings;
mod standing;
mod stops;
mod tidying;
mod vaulting;
mod volumes;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use config::Config;
use server::site::Site;
use taper::catalogue::{Catalogue, CatalogueError, RunKind};
use tempfile::TempDir;
use types::{DleRef, DriveId, Stamp};

pub use dice::Dice;
pub use faults::{Fault, Tally, Troubles};
pub use settings::Settings;
pub use stops::{Halt, Work};

use clients::{Clients, Tree};
use holding::Holding;
use journal::Journal;
use media::{Bay, Cartridge, Media};

/// A rule that is broken on purpose, to see that the oracle notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Volumes are overwritten without asking whether they are needed.
    OverwritesNeeded,
    /// A part is recorded before it is written.
    RecordsFirst,
    /// The held image goes when the first part is placed.
    ReleasesEarly,
    /// Some parts are recorded and never written.
    LosesParts,
    /// The log says that some dumps are twice as large as they are.
    LiesInTheLog,
    /// After a crash nobody tidies up.
    NeverTidies,
    /// A dump is confirmed and reported that the catalogue was never told of.
    ForgetsToRecord,
    /// What was written when a run was stopped is recorded, and not made certain.
    EndsUncertain,
    /// Volumes are erased without asking whether they are needed.
    ErasesNeeded,
    /// Nobody tells the catalogue that a volume is locked.
    ForgetsLocks,
    /// Nobody tells the catalogue that a volume is off-site.
    TakesOffSite,
    /// Nobody tells the catalogue which copies are wished for.
    ForgetsWishes,
    /// Retention lets go of all dumps of a DLE that has left the disk list.
    ForgetsRemoved,
    /// Retention takes every dump for one that stands alone.
    ForgetsBases,
    /// Retention does not look at locks that somebody has to end.
    BreaksLocks,
    /// Retention does not look at locks until a day.
    BreaksPromises,
    /// Retention counts on copies that the catalogue was told to forget.
    CountsLost,
    /// Retention takes today for tomorrow.
    OneDayEarly,
    /// A DLE with a new name builds on what was dumped under the old one.
    MixesRenamed,
    /// Half a dump that was called off is taken for all of it.
    KeepsCancelled,
    /// A dump goes on though its script failed.
    IgnoresScripts,
    /// When all volumes are judged, what no run of late has dumped passes for what has left the disk list.
    ForgetsIdle,
    /// Who reads has nothing kept.
    ReadsUnpinned,
    /// Tidying up takes back all pins, whoever reads.
    SweepsLiving,
    /// Tidying up takes back none.
    NeverSweeps,
    /// A run finds out how the site stands before it has done anything.
    StandsEarly,
    /// The dispatcher is not told how many dumps a host may have at once.
    ForgetsLimits,
    /// The dispatcher takes the holding disks for larger than they are.
    PromisesTwice,
}

/// What went wrong, and in which world.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// Which.
    pub seed: u64,
    /// On which day.
    pub day: u32,
    /// What.
    pub what: String,
    /// The last night.
    pub story: Vec<String>,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, day, what, story } = self;
        writeln!(f, "the last night:")?;
        story.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        writeln!(f, "world {seed}, day {day}: {what}")?;
        writeln!(f, "REELKEEP_SEED={seed} lives it again")
    }
}

impl std::error::Error for Wrong {}

/// Why a night does not go on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The server was cut off.
    Crash,
    /// Something is wrong with the product, or with the world.
    Wrong(String),
}

impl From<CatalogueError> for Stop {
    fn from(error: CatalogueError) -> Self {
        Self::Wrong(format!("the catalogue refused: {error:?}"))
    }
}

/// A simulated site: all that survives a crash of its server.
pub struct World {
    seed: u64,
    dice: Dice,
    troubles: Troubles,
    broken: Option<Broken>,
    settings: Settings,
    config: Config,
    catalogue: Catalogue,
    /// Where the catalogue is, and the readers' lock beside it. What is configured stands in `config`.
    site: Site,
    _home: TempDir,
    clients: Clients,
    holding: Holding,
    media: Media,
    bays: BTreeMap<DriveId, Bay>,
    journal: Journal,
    /// Copies that the catalogue was told to forget.
    lost: Vec<misled::Lost>,
    /// Which DLE was which before.
    renamed: BTreeMap<DleRef, DleRef>,
    /// What has left the disk list.
    unlisted: Vec<settings::DleSettings>,
    /// Whose dumps are called off, until which day of the world.
    unwanted: BTreeMap<DleRef, u32>,
    readers: Vec<reading::Reader>,
    readers_begun: u64,
    /// Days since the world began, as they really are.
    day: u32,
    /// Seconds since midnight.
    second: u64,
    /// By how many days the clock is wrong.
    offset: i64,
    /// What will be stopped, and when.
    fuse: Option<stops::Fuse>,
    /// Durable steps that were taken.
    steps: stops::Steps,
    /// How many each work took when it was last done.
    usual: BTreeMap<Work, stops::Steps>,
    /// What the server is at.
    work: Work,
    /// A run goes on, and hears what it is told.
    listens: bool,
    /// What it was told and has not heard yet.
    ordered: Option<Halt>,
    /// The last run lacked a volume.
    starved: bool,
    /// Whether there is anybody to hear the story: to tell it takes longer than to live it.
    telling: bool,
    story: Vec<String>,
    tally: Tally,
}

/// Where a world's catalogue is: in memory if there is a file system in memory, for it is made durable step by step.
fn home() -> TempDir {
    let named = || tempfile::Builder::new().prefix("reelkeep-world-").to_owned();
    let place = named().tempdir_in("/dev/shm").or_else(|_| named().tempdir());
    place.expect("a place for the catalogue of a world")
}

fn site(home: &Path, mut config: Config) -> Site {
    config.site.catalogue = home.join("catalogue");
    Site::of(home.to_owned(), config)
}

impl World {
    /// A world of this shape, in which this goes wrong.
    ///
    /// # Panics
    /// If there is no place for a catalogue.
    pub fn new(seed: u64, settings: Settings, troubles: Troubles) -> Self {
        let mut dice = Dice::new(seed);
        let config = settings.config();
        let trees =
            config.dles.iter().map(|dle| (dle.reference(), Tree::by_chance(&mut dice))).collect();
        let mut media = Media::default();
        let mut bays = BTreeMap::new();
        for changer in &settings.changers {
            let name = operator::changer_name(changer.name);
            let mut rack = vec![None; changer.slots];
            for number in 0..changer.cartridges {
                let barcode = settings.barcodes.then(|| operator::barcode(media.cartridges.len()));
                let no = media.add(Cartridge::blank(barcode, settings.length));
                match rack.get_mut(number) {
                    Some(slot) => *slot = Some(no),
                    None => media.shelf.push(no),
                }
            }
            media.racks.insert(name.clone(), rack);
            let id = |number| operator::drive_id(&name, number);
            bays.extend((0..changer.drives).map(|number| (id(number), Bay::default())));
        }
        let home = home();
        let site = site(home.path(), config.clone());
        Self {
            seed,
            troubles,
            broken: None,
            clients: Clients { trees, ..Clients::default() },
            holding: Holding::new(settings.holding.clone()),
            bays,
            media,
            catalogue: site.catalogue().expect("SQLite makes a catalogue"),
            site,
            _home: home,
            journal: Journal::default(),
            lost: Vec::new(),
            renamed: BTreeMap::new(),
            unlisted: Vec::new(),
            unwanted: BTreeMap::new(),
            readers: Vec::new(),
            readers_begun: 0,
            day: 0,
            second: 0,
            offset: 0,
            fuse: None,
            steps: stops::Steps::default(),
            usual: BTreeMap::new(),
            work: Work::Say,
            listens: false,
            ordered: None,
            starved: false,
            telling: true,
            story: Vec::new(),
            tally: Tally::default(),
            dice,
            settings,
            config,
        }
    }

    /// The world of this seed: a site of any shape, in which everything can go wrong. Those of even seeds go round, and one
    /// in 25 is crowded.
    pub fn by_chance(seed: u64) -> Self {
        let mut dice = Dice::new(!seed);
        let round = Self::goes_round(seed);
        let settings = match () {
            () if Self::is_crowded(seed) => Settings::crowded(&mut dice, round),
            () if round => Settings::going_round(&mut dice),
            () => Settings::by_chance(&mut dice),
        };
        let troubles = match round {
            true => operator::troubles_that_turn(&mut dice),
            false => operator::troubles_by_chance(&mut dice),
        };
        let crowded = settings.crowd.is_some();
        let troubles = if crowded { crowd::less_often(troubles) } else { troubles };
        Self::new(seed, settings, troubles)
    }

    /// Whether the world of this seed has hundreds of DLEs.
    pub fn is_crowded(seed: u64) -> bool {
        seed.is_multiple_of(25)
    }

    /// Whether the world of this seed is one that writes over its volumes all the time.
    pub fn goes_round(seed: u64) -> bool {
        seed.is_multiple_of(2)
    }

    /// The same with a rule broken.
    #[must_use]
    pub fn broken(mut self, broken: Broken) -> Self {
        self.broken = Some(broken);
        self
    }

    /// The same without its story, in less time.
    #[must_use]
    pub fn in_silence(mut self) -> Self {
        self.telling = false;
        self
    }

    /// How often what happened.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Lives so many days, each with whatever the operator does and a night. What is wrong, if something is.
    ///
    /// # Errors
    /// The first thing that was found wrong.
    pub fn live(&mut self, days: u32) -> Result<(), Box<Wrong>> {
        (0..days).try_for_each(|_| self.live_a_day())?;
        self.check_restores().or_else(|stop| self.found(stop))
    }

    /// From now on this goes wrong.
    pub fn suffer(&mut self, troubles: Troubles) {
        self.troubles = troubles;
    }

    /// Does one thing in the middle of a day, and looks at what came of it.
    ///
    /// # Errors
    /// What was found wrong.
    pub fn set_about(&mut self, work: Work) -> Result<(), Box<Wrong>> {
        self.story.clear();
        self.second = self.second.max(40_000) + 3600;
        let done = self.survive(|world| world.at(work, |world| world.one_of(work)));
        done.and_then(|_| self.check_truth()).or_else(|stop| self.found(stop))
    }

    fn one_of(&mut self, work: Work) -> Result<(), Stop> {
        match work {
            Work::Dump | Work::Copy => self.run_of(RunKind::Dump),
            Work::Flush => self.run_of(RunKind::Flush),
            Work::Vault => self.vault_run(),
            Work::Tidy => self.tidy(self.clock()).map(drop),
            Work::Expire => self.expire(),
            Work::Erase => self.erase_one(),
            Work::Label => self.label_one(),
            Work::Say => self.volumes_at_night(),
        }
    }

    fn found(&mut self, stop: Stop) -> Result<(), Box<Wrong>> {
        match stop {
            Stop::Crash => Ok(()),
            Stop::Wrong(what) => {
                let story = std::mem::take(&mut self.story);
                Err(Box::new(Wrong { seed: self.seed, day: self.day, what, story }))
            }
        }
    }

    fn live_a_day(&mut self) -> Result<(), Box<Wrong>> {
        self.story.clear();
        let lived = self.day_and_night().or_else(|stop| self.found(stop));
        self.day += 1;
        self.second = 0;
        lived
    }

    fn day_and_night(&mut self) -> Result<(), Stop> {
        self.survive(Self::operate)?;
        if self.strikes(Fault::NoNight) {
            return Ok(());
        }
        for run in 0..u64::from(self.settings.runs) {
            self.second = self.second.max(run * 28_800) + self.dice.between(0, 5000);
            self.starved = false;
            // Somebody starts a run that was cut off again, or leaves it to the next.
            if !self.survive(Self::night)? && self.dice.one_in(2) {
                self.second += 3600;
                self.survive(Self::night)?;
            }
            self.check_truth()?;
        }
        if self.strikes(Fault::Vaulted) {
            self.second += 7200;
            self.survive(Self::vault)?;
            self.check_truth()?;
        }
        Ok(())
    }

    /// Does it, and looks at what is left if the server is cut off on the way. True if it is not.
    fn survive(&mut self, does: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<bool, Stop> {
        let done = does(self);
        (self.listens, self.ordered) = (false, None);
        match done {
            Err(Stop::Crash) => {
                self.tell("the server is cut off");
                self.work = Work::Say;
                self.readers_die()?;
                self.check_truth()?;
                Ok(false)
            }
            ended => ended.map(|()| true),
        }
    }

    /// What the clock on the wall says.
    fn clock(&self) -> Stamp {
        self.stamp_in(0)
    }

    /// What it will say in so many seconds.
    fn stamp_in(&self, seconds: u64) -> Stamp {
        let second = self.second + seconds;
        let days =
            4000 + i64::from(self.day) + self.offset + i64::try_from(second / 86_400).unwrap_or(0);
        let epoch: Stamp = "20200101000000".parse().expect("a stamp");
        let day = epoch.plus_days(u32::try_from(days).unwrap_or(0)).day().replace('-', "");
        let of_day = second % 86_400;
        let text = format!("{day}{:02}{:02}{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60);
        text.parse().expect("a stamp")
    }

    /// True if this fault comes now; then it is counted.
    fn strikes(&mut self, fault: Fault) -> bool {
        let strikes = self.dice.one_in(self.troubles.one_in(fault));
        if strikes {
            self.tally.count(fault);
        }
        strikes
    }

    fn tell(&mut self, line: impl fmt::Display) {
        if self.telling {
            self.story.push(line.to_string());
        }
    }

    fn is_broken(&self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }
}

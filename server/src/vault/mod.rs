//! Copies from one storage to another, long after the night that made the dump.
//!
//! ```text
//!  wishes, orders ─choose─► copies ─fetch─► holding ─dispatch─► volumes of the target ─► catalogue: copy complete
//!                             ▲    (clerk, proof)    (scribe)                               │
//!                             └──────────────── what did not fit comes in the next round ◄──┘
//! ```
//!
//! A copy goes over the holding disk: so one drive for both sides is enough, a slow source does not make the target's
//! drive stop and start, and the way to the volume is that of every night, with its limits, its retries and its order
//! of durable steps. As many images are fetched as holding takes, then they are written; each such round is a run.
//!
//! Nothing is lost by a crash: the wish stays in the catalogue until the copy is complete, the source is needed as long,
//! and an image that was fetched is swept from the holding disk by the next run, since its source has it.

mod choose;
mod fetch;
mod proof;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use config::{Config, Storage};
use taper::catalogue::{Catalogue, CatalogueError, Filter, Located, RunKind};
use types::{DumpId, FileNo, Label, Stamp, StorageName};

pub use choose::{Asked, Copy};

use crate::agent::AgentCommand;
use crate::behind;
use crate::clock::Now;
use crate::holding::Held;
use crate::night::estimate::with_causes;
use crate::night::run::Signals;
use crate::night::{self, Flush, Night, Orders, Work, tidy};
use crate::operator::Desk;
use crate::planner::Plan;
use crate::print;
use crate::progress::Progress;
use crate::restore::libraries::Libraries;
use crate::runlog::{Outcome, RunEvent, RunLog};
use crate::site::Site;
pub(crate) use fetch::Fetcher;

/// The copies that are asked for, in the order in which they are read.
pub fn copies(catalogue: &Catalogue, asked: &Asked, now: Stamp) -> anyhow::Result<Vec<Copy>> {
    let pending = catalogue.pending()?;
    let dumps = if asked.to.is_empty() {
        // What was wished for is little, and the dumps there are may be millions.
        let wished: BTreeSet<DumpId> = pending.iter().map(|wish| wish.dump).collect();
        wished.into_iter().map(|dump| catalogue.dump(dump)).collect::<Result<_, _>>()?
    } else {
        catalogue.dumps(&Filter::default())?
    };
    let mut copies = choose::choose(&dumps, &pending, asked, now);
    let place = |copy: &Copy| -> Option<(Label, FileNo)> {
        let first = catalogue.parts(copy.dump, &copy.from).ok()?.into_iter().next()?;
        Some((first.label, first.file))
    };
    choose::in_reading_order(&mut copies, place);
    Ok(copies)
}

/// Makes the copies, in as many rounds as the holding disks need. Each is a run, which `tell` hears of when it is over.
/// The site's lock is held by the caller. An error is [`night::BrokenOff`] if there is a log to tell it from.
pub fn carry_out(
    site: &Site,
    asked: &Asked,
    agent: &AgentCommand,
    quiet: bool,
    tell: &mut dyn FnMut(&Night),
) -> anyhow::Result<()> {
    let signals = Signals::listen().context("could not listen to signals")?;
    let mut tried = BTreeSet::new();
    loop {
        let mut copies = copies(&site.catalogue()?, asked, Now::read().stamp())?;
        copies.retain(|copy| !tried.contains(&copy.dump));
        if copies.is_empty() || signals.were_asked() {
            return Ok(());
        }
        let orders = Orders {
            dles: Vec::new(),
            kind: RunKind::Vault,
            taper: true,
            flush: Flush::Nothing,
            agent: agent.clone(),
            quiet,
            operator: Some(Desk::of(site)),
        };
        let mut round = Round::begin(site, &signals, quiet)?;
        let outcome = match round.carry_out(&copies, &mut tried, &orders) {
            Ok(outcome) => outcome,
            Err(error) => return Err(night::broke_off(&mut round.log, round.run, error)),
        };
        tell(&Night { run: round.run, outcome });
        if matches!(outcome, Outcome::Interrupted) {
            return Ok(());
        }
    }
}

/// As many copies as the holding disks take at once: a run.
struct Round<'a> {
    site: &'a Site,
    run: Stamp,
    catalogue: Catalogue,
    log: RunLog,
    progress: Progress,
    signals: Signals,
    failed: bool,
    tidied: tidy::Tidied,
    now: Now,
    began: Instant,
}

impl<'a> Round<'a> {
    /// A round that has a log, and nothing else yet.
    fn begin(site: &'a Site, signals: &Signals, quiet: bool) -> anyhow::Result<Self> {
        let (now, began) = (Now::read(), Instant::now());
        site.make_directories()?;
        let catalogue = site.catalogue()?;
        let run = behind::next_run(&site.config.site.logdir, &catalogue, &now)?;
        let log = RunLog::create(&site.config.site.logdir, run)
            .context("could not begin the log of the run")?;
        let (progress, signals) = (Progress::new(quiet), signals.clone());
        let (failed, tidied) = (false, tidy::Tidied::default());
        Ok(Self { site, run, catalogue, log, progress, signals, failed, tidied, now, began })
    }

    fn carry_out(
        &mut self,
        copies: &[Copy],
        tried: &mut BTreeSet<DumpId>,
        orders: &Orders<'_>,
    ) -> anyhow::Result<Outcome> {
        let (run, program) = (self.run, concat!("reelkeep ", env!("CARGO_PKG_VERSION")));
        let (kind, pid) = (RunKind::Vault.to_string(), std::process::id());
        self.note(RunEvent::Started { run, kind, program: program.to_owned(), pid })?;
        self.tidied = tidy::tidy(self.site, &mut self.catalogue, run)?;
        self.tidied.told().into_iter().try_for_each(|event| self.note(event))?;
        let started = self.now.stamp().max(run);
        self.catalogue.begin_run(run, RunKind::Vault, started, program)?;
        let fetched = self.fetch(copies, tried)?;
        self.write(copies, fetched, orders)
    }

    fn note(&mut self, event: RunEvent) -> std::io::Result<()> {
        self.progress.show(&event);
        self.log.append(Now::read().unix(), event)
    }

    fn fail(&mut self, copy: &Copy, why: &str) -> std::io::Result<()> {
        self.failed = true;
        let why = format!("it could not be copied to {}: {why}", listed(&copy.to));
        self.note(RunEvent::DleFailed { dle: copy.dle.clone(), why, cause: None })
    }

    /// Brings back as many images as fit. What could be tried was `tried`, with whatever result.
    fn fetch(
        &mut self,
        copies: &[Copy],
        tried: &mut BTreeSet<DumpId>,
    ) -> anyhow::Result<Vec<(DumpId, Held)>> {
        let site = self.site;
        let disks = night::equipment::disks(&site.config, &self.tidied.away);
        let rooms = night::equipment::rooms(&site.config, &disks)?;
        let stop = Arc::clone(&self.signals.terminate);
        let desk = Desk::of(site).within(Arc::new(print::remark), stop);
        let libraries = Libraries::of(&site.config).attended(desk);
        let mut fetcher = Fetcher::new(&site.config.site.indexdir, disks, rooms, libraries);
        let mut fetched = Vec::new();
        for copy in copies {
            if self.signals.were_asked() {
                break;
            }
            let located = self.catalogue.dump(copy.dump)?;
            if let Some(held) = &located.held {
                match Held::at(&held.path) {
                    Ok(held) => fetched.push((copy.dump, held)),
                    Err(error) => self.fail(copy, &with_causes(&error))?,
                }
                tried.insert(copy.dump);
            } else if fetcher.has_room(copy.stored) {
                match self.fetch_one(&mut fetcher, copy, &located) {
                    Ok(held) => fetched.push((copy.dump, held)),
                    Err(why) => self.fail(copy, &why)?,
                }
                tried.insert(copy.dump);
            } else if fetched.is_empty() {
                let room = if fetcher.could_ever_hold(copy.stored) { "now" } else { "ever" };
                let why = format!(
                    "the holding disks have no room {room} for its {}, and copies go over them",
                    copy.stored
                );
                self.fail(copy, &why)?;
                tried.insert(copy.dump);
            }
        }
        fetcher.give_back();
        Ok(fetched)
    }

    /// From where it is asked for, else from wherever it can be read.
    fn fetch_one(
        &mut self,
        fetcher: &mut Fetcher<'_>,
        copy: &Copy,
        located: &Located,
    ) -> Result<Held, String> {
        let others = located.copies.iter().filter(|other| other.is_complete());
        let others = others.map(|other| &other.storage).filter(|other| **other != copy.from);
        let mut told = Vec::new();
        for from in std::iter::once(&copy.from).chain(others) {
            match fetcher.fetch(&mut self.catalogue, &located.dump, from, &self.signals) {
                Ok(held) => {
                    if let Some(first) = told.first() {
                        let text = format!("{}: {first}; it was read from {from}", copy.dle);
                        self.note(RunEvent::Warning { text }).map_err(|e| e.to_string())?;
                    }
                    return Ok(held);
                }
                Err(error) => told.push(format!("{from}: {}", with_causes(&error))),
            }
        }
        Err(told.join("; "))
    }

    /// Writes what was fetched to the storages that lack it, and takes from holding what it was only fetched for.
    fn write(
        &mut self,
        copies: &[Copy],
        fetched: Vec<(DumpId, Held)>,
        orders: &Orders<'_>,
    ) -> anyhow::Result<Outcome> {
        let config = &self.site.config;
        let disks = night::equipment::disks(config, &self.tidied.away);
        let mut left_over = Vec::new();
        for (dump, held) in &fetched {
            let copy = copies.iter().find(|copy| copy.dump == *dump);
            let located = self.catalogue.dump(*dump)?;
            // What waits there for another storage goes on waiting for it.
            let mut lacks = night::lacking(config, &located);
            let to = copy.iter().flat_map(|copy| &copy.to).filter(|to| !lacks.contains(to));
            let to: Vec<StorageName> = to.cloned().collect();
            lacks.extend(to);
            left_over.push(night::leftover(config, located.dump, held, &disks, lacks));
        }
        let targets: BTreeSet<&StorageName> = copies.iter().flat_map(|copy| &copy.to).collect();
        let storages = storages(config, &targets);
        let (tidied, began) = (&self.tidied, self.began);
        let work = Work { plan: &Plan::nothing(), storages, left_over, disks, tidied, began };
        let catalogue = self.site.catalogue()?;
        let signals = self.signals.clone();
        let (log, progress) = (&mut self.log, &mut self.progress);
        let written =
            night::dispatch(self.site, orders, self.run, &work, catalogue, log, progress, signals)?;
        let missing = self.sweep(copies, &fetched)?;
        let failed = self.failed || missing;
        let outcome = match written {
            Outcome::Good | Outcome::Strange if failed => Outcome::Failed,
            written => written,
        };
        self.note(night::stands(self.site, self.run))?;
        self.note(RunEvent::Finished { outcome })?;
        Ok(outcome)
    }

    /// Takes from holding what some storage has whole. True when a copy was not made.
    fn sweep(
        &mut self,
        copies: &[Copy],
        fetched: &[(DumpId, Held)],
    ) -> Result<bool, anyhow::Error> {
        let mut missing = false;
        for (dump, held) in fetched {
            let located = self.catalogue.dump(*dump)?;
            let copy = copies.iter().find(|copy| copy.dump == *dump);
            missing |=
                copy.is_some_and(|copy| copy.to.iter().any(|to| !located.is_complete_in(to)));
            let still_wanted = !night::lacking(&self.site.config, &located).is_empty();
            if located.held.is_some() && !still_wanted {
                let whole = located.copies.iter().find(|copy| copy.is_complete());
                let whole = whole.map(|copy| copy.storage.clone());
                let released = self.catalogue.forget_held(*dump, whole.as_slice());
                match released {
                    Ok(released) => held.clone().remove(released)?,
                    Err(CatalogueError::StillHeld { why, .. }) => {
                        tracing::info!("dump {dump} stays on holding: {why}");
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(missing)
    }
}

fn storages<'a>(config: &'a Config, names: &BTreeSet<&StorageName>) -> Vec<&'a Storage> {
    config.storages.iter().filter(|storage| names.contains(&storage.name)).collect()
}

fn listed(storages: &[StorageName]) -> String {
    storages.iter().map(StorageName::as_str).collect::<Vec<_>>().join(", ")
}

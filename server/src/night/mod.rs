//! A night, told in order: tidy up, plan, carry out, report.
//!
//! ```text
//! tidy ─► estimate ─► plan ─► dispatch ─► dump ─► hold ─► place ─► report
//! ```
//!
//! `dump` and `flush` are the same night with and without a plan. Everything that is decided is decided by the
//! planner, the dispatcher, the scan and the retention engine; here it is put together.

mod attended;
pub mod control;
pub mod destinations;
pub mod direct;
pub mod drive;
pub mod dumper;
mod elsewhere;
pub mod equipment;
pub mod estimate;
pub mod facts;
pub mod happened;
pub mod records;
pub mod run;
pub mod scan;
pub mod shared;
pub mod spec;
pub mod tidy;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use config::{Config, Dle};
use taper::catalogue::{Ask, Catalogue, CatalogueError, Located, RunKind};
use types::{Bytes, DleRef, DumpId, Label, ScriptPoint, Stamp, StorageName};

use crate::agent::{AgentCommand, Patience};
use crate::behind;
use crate::clock::{self, Now};
use crate::dispatcher::{
    DiskNo, Dispatcher, Leftover, Outcome as DleOutcome, Reason, Share, Taper, Thresholds,
};
use crate::holding::{Disk, Held};
use crate::operator::Desk;
use crate::planner::{self, Plan};
use crate::progress::Progress;
use crate::report::standing;
use crate::runlog::{self, Cause, Outcome, RunEvent, RunLog};
use crate::script::Scripts;
use crate::site::{self, Site};
use drive::Opened;
use estimate::with_causes;
use run::{Means, Run, Signals};
use shared::SharedCatalogue;

/// What a night is to do.
pub struct Orders<'a> {
    /// The DLEs to dump; none for a flush.
    pub dles: Vec<&'a Dle>,
    /// Which runs it is.
    pub kind: RunKind,
    /// Whether volumes are written.
    pub taper: bool,
    /// Whether images of earlier runs are written.
    pub flush: Flush,
    /// How the agent is started.
    pub agent: AgentCommand,
    /// Whether nothing is shown of the run while it goes on.
    pub quiet: bool,
    /// Who is asked for volumes where there is no robot; none: nobody.
    pub operator: Option<Desk>,
}

/// Which images of earlier runs are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flush {
    /// As the configuration says.
    AsConfigured,
    /// None.
    Nothing,
    /// All.
    All,
    /// Those of these DLEs.
    Of(BTreeSet<DleRef>),
}

/// What came of a night.
#[derive(Clone, Copy, Debug)]
pub struct Night {
    /// Its run.
    pub run: Stamp,
    /// How it ended.
    pub outcome: Outcome,
}

/// The plan for tonight, with the estimates that it is made from.
pub fn plan(
    site: &Site,
    catalogue: &Catalogue,
    dles: &[&Dle],
    agent: &AgentCommand,
    now: &Now,
) -> Result<Plan, CatalogueError> {
    let scripts = Scripts::of(&site.config, agent, None);
    plan_hearing(site, catalogue, dles, &scripts, now, &mut |_| {})
}

/// The plan for tonight; what scripts say on the way is heard.
fn plan_hearing(
    site: &Site,
    catalogue: &Catalogue,
    dles: &[&Dle],
    scripts: &Scripts,
    now: &Now,
    hear: &mut dyn FnMut(RunEvent),
) -> Result<Plan, CatalogueError> {
    let config = &site.config;
    let today = facts::today(now);
    let first = facts::of(config, dles, catalogue, &BTreeSet::new())?;
    let patience = Patience::of(config.site.dtimeout);
    scripts.at(ScriptPoint::PreEstimate, dles, &patience).said.into_iter().for_each(&mut *hear);
    let asked = estimate::all(config, dles, &first, today.day, scripts);
    asked.said.into_iter().for_each(&mut *hear);
    let after = scripts.at(ScriptPoint::PostEstimate, dles, &patience).said;
    after.into_iter().for_each(&mut *hear);
    let refused = asked.refused.into_iter();
    refused.map(|dle| RunEvent::DumpTrouble { dle, cause: Cause::Refused }).for_each(hear);
    let facts = if asked.lost.is_empty() {
        first
    } else {
        facts::of(config, dles, catalogue, &asked.lost)?
    };
    plan_with(site, catalogue, facts, asked.estimates, now)
}

/// The plan for tonight without asking any client, if history tells the size of every dump.
pub fn plan_from_history(
    site: &Site,
    catalogue: &Catalogue,
    dles: &[&Dle],
    now: &Now,
) -> Result<Option<Plan>, CatalogueError> {
    let today = facts::today(now);
    let facts = facts::of(&site.config, dles, catalogue, &BTreeSet::new())?;
    match estimate::from_history(&facts, today.day) {
        Some(estimates) => plan_with(site, catalogue, facts, estimates, now).map(Some),
        None => Ok(None),
    }
}

fn plan_with(
    site: &Site,
    catalogue: &Catalogue,
    mut dles: Vec<planner::DleFacts>,
    estimates: BTreeMap<DleRef, planner::Estimates>,
    now: &Now,
) -> Result<Plan, CatalogueError> {
    facts::by_an_unset_clock(&mut dles, now);
    let today = facts::today(now);
    let tonight = facts::tonight(&site.config, catalogue, dles, estimates, today)?;
    Ok(planner::plan(&tonight))
}

/// A run was begun, and something of the server itself stood in its way. Its log says what.
#[derive(Debug, thiserror::Error)]
#[error("the run of {} broke off", clock::stamp_text(*run))]
pub struct BrokenOff {
    /// Which run.
    pub run: Stamp,
}

/// Runs a night. The site's lock is held by the caller. An error is [`BrokenOff`] if there is a log to tell it from.
pub fn carry_out(site: &Site, orders: &Orders<'_>) -> anyhow::Result<Night> {
    let signals = Signals::listen().context("could not listen to signals")?;
    let (now, began) = (Now::read(), Instant::now());
    site.make_directories()?;
    let catalogue = site.catalogue()?;
    let run = behind::next_run(&site.config.site.logdir, &catalogue, &now)?;
    let mut log = RunLog::create(&site.config.site.logdir, run)
        .context("could not begin the log of the run")?;
    let mut progress = Progress::new(orders.quiet);
    match live_through(
        site,
        orders,
        (run, &now, began),
        catalogue,
        &mut log,
        &mut progress,
        signals,
    ) {
        Ok(outcome) => Ok(Night { run, outcome }),
        Err(error) => Err(broke_off(&mut log, run, error)),
    }
}

/// Has the log say that the run broke off. The catalogue takes it for unfinished: the next one clears up after it.
pub(crate) fn broke_off(log: &mut RunLog, run: Stamp, error: anyhow::Error) -> anyhow::Error {
    let advice = site::advice_on(&error).map(|advice| format!(". What to do: {advice}"));
    let broken = RunEvent::BrokenOff { why: format!("{error:#}{}", advice.unwrap_or_default()) };
    if let Err(unlogged) = log.append(Now::read().unix(), broken) {
        tracing::warn!("the log of the run could not be gone on with: {unlogged}");
    }
    error.context(BrokenOff { run })
}

fn live_through(
    site: &Site,
    orders: &Orders<'_>,
    (run, now, began): (Stamp, &Now, Instant),
    mut catalogue: Catalogue,
    log: &mut RunLog,
    progress: &mut Progress,
    signals: Signals,
) -> anyhow::Result<Outcome> {
    let mut note = |log: &mut RunLog, event: RunEvent| -> io::Result<()> {
        progress.show(&event);
        log.append(Now::read().unix(), event)
    };
    let program = concat!("reelkeep ", env!("CARGO_PKG_VERSION"));
    let (kind, pid) = (orders.kind.to_string(), std::process::id());
    note(log, RunEvent::Started { run, kind, program: program.to_owned(), pid })?;
    let tidied = tidy::tidy(site, &mut catalogue, run)?;
    tidied.told().into_iter().try_for_each(|event| note(log, event))?;
    catalogue.begin_run(run, orders.kind, now.stamp().max(run), program)?;
    catalogue.sync_dles(&site.config.dles.iter().map(Dle::reference).collect::<Vec<_>>(), run)?;

    let scripts = Scripts::of(&site.config, &orders.agent, Some(run));
    let plan = if orders.dles.is_empty() {
        Plan::nothing()
    } else {
        let mut heard = Vec::new();
        let hear = &mut |event| heard.push(event);
        let plan = plan_hearing(site, &catalogue, &orders.dles, &scripts, now, hear)?;
        heard.into_iter().try_for_each(|event| note(log, event))?;
        plan
    };
    for event in told(&plan) {
        note(log, event)?;
    }
    let patience = Patience::of(site.config.site.dtimeout);
    for event in scripts.at(ScriptPoint::PreBackup, &orders.dles, &patience).said {
        note(log, event)?;
    }
    let storages = destinations::of_run(&site.config, orders.kind);
    let disks = equipment::disks(&site.config, &tidied.away);
    let left_over = leftovers(&site.config, orders, &catalogue, &disks)?;
    let work = Work { plan: &plan, storages, left_over, disks, tidied: &tidied, began };
    let outcome = dispatch(site, orders, run, &work, catalogue, log, progress, signals)?;
    for event in scripts.at(ScriptPoint::PostBackup, &orders.dles, &patience).said {
        progress.show(&event);
        log.append(Now::read().unix(), event)?;
    }
    log.append(Now::read().unix(), stands(site, run))?;
    let ended = RunEvent::Finished { outcome };
    progress.show(&ended);
    log.append(Now::read().unix(), ended)?;
    Ok(outcome)
}

/// How the site stands now that the catalogue says that the run is over.
pub(crate) fn stands(site: &Site, run: Stamp) -> RunEvent {
    let passed_over = passed_over(site, run);
    let now = Now::read().stamp();
    let standing = || standing::gather_after(&site.config, &site.catalogue()?, now, &passed_over);
    match standing() {
        Ok(site) => RunEvent::Stands { site },
        // The run is over all the same, and whoever makes its report asks again.
        Err(error) => {
            let why = with_causes(&error);
            RunEvent::Warning { text: format!("what comes next could not be found out: {why}") }
        }
    }
}

/// The volumes that this run has looked at and not taken, and not later either.
fn passed_over(site: &Site, run: Stamp) -> BTreeSet<Label> {
    let mut labels = BTreeSet::new();
    // A log that can't be read names none.
    let _read = runlog::each(&site.config.site.logdir, run, |line| match line.event {
        RunEvent::VolumeRefused { label, .. } => labels.extend(label),
        RunEvent::VolumeMounted { label, .. } => {
            labels.remove(&label);
        }
        _ => {}
    });
    labels
}

/// What a run carries out.
pub(crate) struct Work<'a> {
    /// The dumps.
    pub(crate) plan: &'a Plan,
    /// The storages that it writes to.
    pub(crate) storages: Vec<&'a config::Storage>,
    /// The images that wait on the holding disks, and that it writes.
    pub(crate) left_over: Vec<Leftover>,
    /// The holding disks that are there.
    pub(crate) disks: Arc<[Disk]>,
    /// What was found when the run began.
    pub(crate) tidied: &'a tidy::Tidied,
    /// When it began.
    pub(crate) began: Instant,
}

/// What the log hears of a plan.
pub fn told(plan: &Plan) -> Vec<RunEvent> {
    let planned = plan.dumps().iter().map(|planned| RunEvent::Planned {
        dle: planned.dle.clone(),
        level: planned.choice.level,
        raw: planned.choice.cost.raw,
        stored: planned.choice.cost.stored,
        why: planned.why.clone(),
    });
    let unknown = plan.skipped().iter().filter(|it| it.kind == planner::Kind::NoEstimate);
    let unknown =
        unknown.map(|it| RunEvent::DumpTrouble { dle: it.dle.clone(), cause: Cause::Estimate });
    let skipped = plan.skipped().iter().map(|skipped| {
        let (dle, why) = (skipped.dle.clone(), skipped.why.clone());
        if skipped.kind.is_failure() {
            RunEvent::DleFailed { dle, why, cause: None }
        } else {
            RunEvent::Skipped { dle, why }
        }
    });
    let warnings = plan.warnings().iter().map(|warning| {
        let about = warning.dle.as_ref().map(|dle| format!("{dle}: ")).unwrap_or_default();
        RunEvent::Warning { text: format!("{about}{}", warning.text) }
    });
    planned.chain(unknown).chain(skipped).chain(warnings).collect()
}

/// Runs the dispatcher over the plan and what waits on the holding disks, and closes the run.
#[expect(clippy::too_many_arguments, reason = "the pieces of one night, put together once")]
pub(crate) fn dispatch(
    site: &Site,
    orders: &Orders<'_>,
    run: Stamp,
    work: &Work<'_>,
    catalogue: Catalogue,
    log: &mut RunLog,
    progress: &mut Progress,
    signals: Signals,
) -> anyhow::Result<Outcome> {
    let config = &site.config;
    let Work { plan, storages, left_over, disks, tidied, began } = work;
    let rooms = equipment::rooms(config, disks)?;
    let held = held_images(&catalogue)?;
    let shared = SharedCatalogue::new(catalogue);
    let channel = run::channel();
    let Opened { libraries, shut } = if orders.taper {
        drive::open_all(storages, &shared, &channel.0)?
    } else {
        Opened::default()
    };
    let libraries = attended::libraries(libraries, orders.operator.as_ref(), &channel.0, &signals);
    let tapers = storages.iter().map(|storage| Taper {
        without: shut.get(&storage.name).cloned(),
        ..equipment::taper(storage, libraries.get(&storage.name))
    });
    let tapers: Vec<Taper> = tapers.collect();
    let drives = equipment::start_drives(site, run, storages, &libraries, &shared, &channel.0);
    let called = drives.values().map(|drive| &drive.called);
    let equipped = equipment::equipped(config, disks, &rooms, called, &held);
    log.append(Now::read().unix(), equipped)?;
    let mut dispatcher_site = equipment::dispatcher_site(config, rooms, tapers);
    if !orders.taper {
        // Nothing is kept free for nights without a volume when the operator wants one without.
        dispatcher_site.reserve = 0;
    }
    if orders.kind != RunKind::Dump {
        // The operator has asked for it: nothing is left for a fuller volume.
        for taper in &mut dispatcher_site.tapers {
            taper.thresholds = Thresholds::default();
        }
    }
    let manners =
        config.dles.iter().map(|dle| (dle.reference(), equipment::manner(config, dle))).collect();
    let dispatcher = Dispatcher::new(
        plan,
        &manners,
        dispatcher_site,
        left_over,
        Box::new(|| new_id(&Now::read())),
    );
    let means = Means {
        run,
        began: *began,
        dles: config.dles.iter().map(|dle| (dle.reference(), dle.clone())).collect(),
        disks: Arc::clone(disks),
        held,
        agent: orders.agent.clone(),
        silence: config.site.dtimeout,
        indexdir: config.site.indexdir.clone(),
        catalogue: shared.clone(),
        drives,
        scripts: Scripts::of(config, &orders.agent, Some(run)),
        orders: control::Inbox::open(control::path(&config.site.catalogue))
            .context("could not make ready to hear orders")?,
    };
    let interrupted = signals.clone();
    let ended = Run::new(means, dispatcher, channel, log, progress, signals).carry_out()?;
    let mut catalogue = shared.lock();
    let stopped = interrupted.were_heard();
    let outcome = match settle(&mut catalogue, &ended, plan, orders, stopped)? {
        // Even if nothing was to be written: the next night would not go better.
        Outcome::Good | Outcome::Strange if !shut.is_empty() || tidied.is_bad() => Outcome::Failed,
        outcome => outcome,
    };
    if orders.taper && !stopped {
        for event in left_held(&ended) {
            log.append(Now::read().unix(), event)?;
        }
    }
    catalogue.finish_run(run, Now::read().stamp().max(run), outcome.status())?;
    Ok(outcome)
}

/// Why images stay on the holding disk that this run should have written, for each storage that has no more volumes.
fn left_held(dispatcher: &Dispatcher) -> Vec<RunEvent> {
    let images = dispatcher.held_images().count() as u64;
    if images == 0 {
        return Vec::new();
    }
    let told = |(storage, why): (&StorageName, Reason)| RunEvent::StaysHeld {
        storage: storage.clone(),
        images,
        why: why.words,
        cause: why.hindrance.map(Cause::from),
    };
    dispatcher.degraded().map(told).collect()
}

/// Drops the requests that were fulfilled, and says how the night went.
pub fn settle(
    catalogue: &mut Catalogue,
    dispatcher: &Dispatcher,
    plan: &Plan,
    orders: &Orders<'_>,
    stopped: bool,
) -> Result<Outcome, CatalogueError> {
    let mut failed = false;
    let mut strange = false;
    for (dle, outcome) in dispatcher.outcomes() {
        let (dump, level) = match outcome {
            Some(DleOutcome::Placed { dump, level, .. } | DleOutcome::Held { dump, level }) => {
                (*dump, *level)
            }
            Some(DleOutcome::Failed { .. }) | None => {
                failed = true;
                continue;
            }
        };
        strange |= catalogue.dump(dump)?.dump.status != taper::catalogue::DumpStatus::Good;
        let listed = orders.dles.iter().find(|listed| listed.reference() == *dle);
        for ask in [Ask::Full, Ask::LevelOne, Ask::Bump, Ask::NoBump] {
            // What the configuration has come to stand against since is not asked again every night.
            let never = listed.is_some_and(|listed| facts::forbidden(listed, ask).is_some());
            if facts::fulfilled(ask, level) || never {
                catalogue.unrequest(dle, ask, Now::read().stamp())?;
            }
        }
    }
    failed |= plan.skipped().iter().any(|skipped| skipped.kind.is_failure());
    failed |= orders.taper
        && dispatcher.held_images().next().is_some()
        && dispatcher.degraded().next().is_some();
    Ok(match (stopped, failed, strange) {
        (true, ..) => Outcome::Interrupted,
        (false, true, _) => Outcome::Failed,
        (false, false, true) => Outcome::Strange,
        (false, false, false) => Outcome::Good,
    })
}

/// The images that the catalogue says are held.
fn held_images(catalogue: &Catalogue) -> anyhow::Result<BTreeMap<DumpId, Held>> {
    let mut images = BTreeMap::new();
    for row in catalogue.held()? {
        match Held::at(&row.path) {
            Ok(held) => {
                images.insert(row.dump, held);
            }
            Err(error) => tracing::warn!("dump {}: {}", row.dump, with_causes(&error)),
        }
    }
    Ok(images)
}

/// The held images that this run is to write.
fn leftovers(
    config: &Config,
    orders: &Orders<'_>,
    catalogue: &Catalogue,
    disks: &[Disk],
) -> anyhow::Result<Vec<Leftover>> {
    let dumped: BTreeSet<DleRef> = orders.dles.iter().map(|dle| dle.reference()).collect();
    let flushed = |dle: &DleRef, lacks: &[StorageName]| match &orders.flush {
        Flush::Nothing => false,
        Flush::All => true,
        Flush::Of(dles) => dles.contains(dle),
        Flush::AsConfigured => destinations::are_flushed(config, dle, lacks, &dumped),
    };
    let mut leftovers = Vec::new();
    for (id, image) in held_images(catalogue)? {
        let located = catalogue.dump(id)?;
        let lacks = lacking(config, &located);
        if !lacks.is_empty() && flushed(&located.dump.dle, &lacks) {
            leftovers.push(leftover(config, located.dump, &image, disks, lacks));
        }
    }
    Ok(leftovers)
}

/// A held image, as the dispatcher wants to know it.
pub(crate) fn leftover(
    config: &Config,
    dump: taper::catalogue::Dump,
    image: &Held,
    disks: &[Disk],
    lacks: Vec<StorageName>,
) -> Leftover {
    let listed = config.dle(&dump.dle);
    Leftover {
        dump: dump.id,
        level: dump.level,
        run: dump.run,
        stored: dump.stored,
        on: shares(&image.files(), disks),
        allow_split: listed.is_none_or(|dle| dle.dumping.allow_split),
        dle: dump.dle,
        lacks,
    }
}

/// The storages that a held image must get to and that have no complete copy of it.
pub(crate) fn lacking(config: &Config, located: &Located) -> Vec<StorageName> {
    let mut wanted = destinations::of_image(config, &located.dump.dle, located.dump.level);
    wanted.retain(|storage| !located.is_complete_in(storage));
    wanted
}

/// What the files of an image take on each disk.
fn shares(files: &[&Path], disks: &[Disk]) -> Vec<Share> {
    let mut shares: BTreeMap<usize, Bytes> = BTreeMap::new();
    for file in files {
        let on = disks.iter().position(|disk| file.starts_with(&disk.directory));
        let length = fs::metadata(file).map_or(Bytes::ZERO, |metadata| Bytes(metadata.len()));
        if let Some(on) = on {
            *shares.entry(on).or_default() += length;
        }
    }
    shares.into_iter().map(|(disk, bytes)| Share { disk: DiskNo(disk), bytes }).collect()
}

/// A new dump id. Without a source of chance, the time and the process make it as well as they can.
fn new_id(now: &Now) -> DumpId {
    clock::new_dump_id(now).unwrap_or_else(|_| {
        let mut chance = [0; 10];
        chance[..4].copy_from_slice(&std::process::id().to_be_bytes());
        DumpId::new(now.millis(), chance)
    })
}

#[cfg(test)]
mod tests;

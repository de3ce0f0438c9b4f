//! `restore`: entries or a whole DLE as of any day, or the bare image of a dump.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use format::wire::{Existing, RestoreRequest, Severity};
use serde::Serialize;
use taper::catalogue::{Catalogue, Located};
use types::{DleRef, Level, ScriptPoint, Stamp};

use super::keeping::Keeping;
use super::{Context, Exit, Misuse};
use crate::agent::{Agent, Patience};
use crate::cli::Restore;
use crate::clock::stamp_text;
use crate::library::LibraryTrouble;
use crate::night::spec;
use crate::operator::Desk;
use crate::pattern::Patterns;
use crate::restore::image::Image;
use crate::restore::libraries::Libraries;
use crate::restore::plan;
use crate::restore::session::{self, Restored, Told};
use crate::restore::view::View;
use crate::restore::when;
use crate::restore::wish::{Measure, Wish};
use crate::runlog::RunEvent;
use crate::script::Scripts;
use crate::site::Site;
use crate::{print, restore};

pub(super) fn run(context: &Context, arguments: &Restore) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let catalogue = site.catalogue_to_read()?;
    let dle = find_dle(&site, &catalogue, arguments.host.as_deref(), &arguments.dle)?;
    let when = when::parse(&arguments.day).map_err(|error| Misuse(error.to_string()))?;
    if arguments.raw {
        return raw(context, &site, &catalogue, &dle, (when, arguments.level));
    }
    let view = View::open(&catalogue, &site.config.site.indexdir, &dle, when)?;
    for gap in &view.passed_over {
        print::remark(&format!("passed over: {gap}"));
    }
    let root = root_of(&site, &dle);
    let patterns = Patterns::within(arguments.patterns.iter().map(AsRef::as_ref), root.as_bytes())
        .map_err(|error| Misuse(error.to_string()))?;
    let wish = Wish { view: &view, choice: &patterns };
    let measure = wish.measure()?;
    if measure.entries == 0 {
        return Err(Misuse(format!(
            "nothing in {dle} on that day matches {}",
            patterns.given().collect::<Vec<_>>().join(" ")
        ))
        .into());
    }
    if arguments.dry_run {
        return dry_run(context, &view, &measure);
    }
    let Some(target) = &arguments.to else {
        bail!(Misuse("say with --to where to restore to".to_owned()))
    };
    let existing = if arguments.keep_existing { Existing::Keep } else { Existing::Replace };
    extract(context, &site, &catalogue, &wish, &measure, &Goal { target, existing })
}

/// So many entries with the same complaint are named; a lost volume may hit a million. With `--json` all are.
const NAMED: usize = 1000;

/// Between the look at what there is and the restore of it.
const GIVEN_BACK: &str =
    "what was chosen was given back meanwhile: begin anew, with what there is now";

/// Where a restore goes.
pub(super) struct Goal<'a> {
    /// The directory.
    pub(super) target: &'a Path,
    /// What becomes of what is there.
    pub(super) existing: Existing,
}

/// Restores between the scripts that come before and after, and tells how it went.
pub(super) fn extract(
    context: &Context,
    site: &Site,
    catalogue: &Catalogue,
    wish: &Wish<'_>,
    measure: &Measure,
    goal: &Goal<'_>,
) -> anyhow::Result<Exit> {
    let scripts = Scripts::of(&site.config, &site.agent(&context.program), None);
    let dle = site.config.dle(&wish.view.dle);
    let levels: Vec<Level> = wish.view.chain.iter().map(|link| link.dump.level).collect();
    let patience = Patience::of(site.config.site.dtimeout);
    let at = |point: ScriptPoint| {
        let ran = dle.map(|dle| scripts.at_dle(point, dle, &levels, &patience)).unwrap_or_default();
        ran.said.iter().filter_map(RunEvent::of_script).for_each(|text| print::remark(&text));
    };
    // Levels are put back together, so what is there for each comes once.
    at(ScriptPoint::PreRecover);
    at(ScriptPoint::PreLevelRecover);
    let restored = put_back(context, site, catalogue, wish, measure, goal);
    at(ScriptPoint::PostLevelRecover);
    at(ScriptPoint::PostRecover);
    restored
}

fn put_back(
    context: &Context,
    site: &Site,
    catalogue: &Catalogue,
    wish: &Wish<'_>,
    measure: &Measure,
    goal: &Goal<'_>,
) -> anyhow::Result<Exit> {
    let target = std::path::absolute(goal.target)
        .with_context(|| format!("could not find {}", goal.target.display()))?;
    let request = RestoreRequest {
        target: spec::wire_path(&target),
        existing: goal.existing,
        owners: rustix::process::geteuid().is_root(),
        numeric_owners: false,
        attributes: true,
        entries: measure.entries,
        bytes: measure.bytes,
    };
    let mut keeping = Keeping::begin(context, site, "restore");
    if let Some(tip) = wish.view.chain.last() {
        keeping.turn_to(tip.dump.id).context(GIVEN_BACK)?;
    }
    let operator = Desk::of(site);
    let mut libraries = Libraries::of(&site.config).attended(operator.clone());
    // The images are opened here, before the frames are sent from a thread of their own.
    let mut images: Vec<Option<Image>> = Vec::new();
    for (link, measure) in wish.view.chain.iter().zip(&measure.dumps) {
        let needed = measure.frames > 0;
        images.push(if needed { Some(open(link, catalogue, &mut libraries)?) } else { None });
    }
    if let Some(trouble) = images.iter().flatten().find_map(Image::waits_for) {
        return Err(occupied(trouble, site.at_work()));
    }
    let agent =
        Agent::start(&site.agent(&context.program), Patience::of(site.config.site.dtimeout))?;
    tell_volumes(images.iter().flatten(), &operator);
    let bar = progress_bar(context, measure);
    let mut strange = Vec::new();
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    let mut tell = |told: Told| match told {
        Told::Progress(progress) => {
            if let Some(bar) = &bar {
                bar.set_position(progress.entries);
            }
        }
        Told::Note(note) => {
            let path = note.path.map(|path| print::path(&path.0)).unwrap_or_default();
            let complaint = note.text;
            let text =
                if path.is_empty() { complaint.clone() } else { format!("{path}: {complaint}") };
            let told = alike.entry(complaint).or_default();
            *told += 1;
            if *told <= NAMED {
                match &bar {
                    Some(bar) => bar.suspend(|| print::remark(&text)),
                    None => print::remark(&text),
                }
            }
            if note.severity == Severity::Strange {
                strange.push(text);
            }
        }
    };
    let mut open = |at: usize| {
        let missing = restore::image::ImageError::Nowhere(wish.view.dump(at).id);
        images[at].take().ok_or(missing)
    };
    let restored = session::run(agent, request, wish, &mut open, &mut tell)?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    for (complaint, times) in &alike {
        if let Some(more) = times.checked_sub(NAMED).filter(|&more| more > 0) {
            print::remark(&format!("and {more} more: {complaint}"));
        }
    }
    report(context, wish.view, &restored, &strange, &target)
}

/// Nothing was begun, since others have the drives: what to do until they are free.
fn occupied(trouble: LibraryTrouble, at_work: Option<String>) -> anyhow::Error {
    let advice = match at_work {
        Some(holder) => {
            format!(
                "at work is: {holder}. Wait until it has finished, or end it with `reelkeep abort`"
            )
        }
        None => "wait until that has finished".to_owned(),
    };
    anyhow::Error::new(trouble)
        .context(format!("nothing was restored, for no drive is free; {advice}"))
}

/// Says which volumes a person will be asked for, so that they can be fetched together.
pub(super) fn tell_volumes<'a>(images: impl Iterator<Item = &'a Image>, operator: &Desk) {
    let mut labels: Vec<types::Label> = Vec::new();
    for label in images.flat_map(Image::volumes_by_hand) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    if !labels.is_empty() {
        let labels: Vec<&str> = labels.iter().map(types::Label::as_str).collect();
        operator
            .tell(&format!("Volumes that will be asked for, in this order: {}", labels.join(" ")));
    }
}

/// Opens an image where it can be read.
pub(super) fn open(
    link: &Located,
    catalogue: &Catalogue,
    libraries: &mut Libraries,
) -> anyhow::Result<Image> {
    Ok(Image::open(link, catalogue, &mut |name| libraries.library(name))?)
}

fn progress_bar(context: &Context, measure: &Measure) -> Option<indicatif::ProgressBar> {
    let shown = !context.json && std::io::stderr().is_terminal();
    shown.then(|| indicatif::ProgressBar::new(measure.entries))
}

#[derive(Serialize)]
struct Outcome<'a> {
    host: &'a types::HostName,
    dle: &'a types::DleName,
    run: Option<Stamp>,
    target: String,
    restored: u64,
    file_bytes: u64,
    kept: u64,
    failed: u64,
    bad_frames: u64,
    absent_frames: u64,
    absent: &'a BTreeSet<String>,
    frames_read: u64,
    bytes_read: types::Bytes,
    complaints: &'a [String],
    detours: &'a [String],
}

fn report(
    context: &Context,
    view: &View,
    restored: &Restored,
    strange: &[String],
    target: &Path,
) -> anyhow::Result<Exit> {
    let end = restored.end;
    restored.detours.iter().for_each(|detour| print::remark(detour));
    if context.json {
        print::json(&Outcome {
            host: &view.dle.host,
            dle: &view.dle.dle,
            run: view.run(),
            target: target.display().to_string(),
            restored: end.restored,
            file_bytes: end.bytes,
            kept: end.kept,
            failed: end.failed,
            bad_frames: restored.bad_frames,
            absent_frames: restored.absent_frames,
            absent: &restored.absent,
            frames_read: restored.frames,
            bytes_read: restored.read,
            complaints: strange,
            detours: &restored.detours,
        })?;
    } else {
        let run = view.run().map(stamp_text).unwrap_or_default();
        print::line(&format!(
            "{}: {} entries ({} in files) of the state of {run} restored to {}",
            view.dle,
            end.restored,
            types::Bytes(end.bytes),
            target.display()
        ))?;
        print::line(&format!("  read: {} frames, {}", restored.frames, restored.read))?;
        if end.kept > 0 {
            print::line(&format!("  {} entries were left as they were", end.kept))?;
        }
        if end.failed > 0 {
            print::line(&format!(
                "  {} entries could NOT be restored as they were ({} damaged frames{}): see above",
                end.failed,
                restored.bad_frames,
                match restored.absent_frames {
                    0 => String::new(),
                    absent => format!(", {absent} that could not be had"),
                }
            ))?;
            for why in &restored.absent {
                print::line(&format!("  NOT DAMAGED, but not at hand: {why}"))?;
            }
        }
    }
    Ok(if end.failed == 0 { Exit::Good } else { Exit::Complaints })
}

fn dry_run(context: &Context, view: &View, measure: &Measure) -> anyhow::Result<Exit> {
    if !context.json {
        print::text(&plan::table(view, measure))?;
        return Ok(Exit::Good);
    }
    let rows = view.chain.iter().zip(&measure.dumps).map(|(link, measure)| {
        serde_json::json!({
            "run": link.dump.run, "level": link.dump.level, "dump": link.dump.id, "entries": measure.entries,
            "frames": measure.frames, "bytes": measure.stored, "places": plan::places(link),
        })
    });
    print::json(&rows.collect::<Vec<_>>())?;
    Ok(Exit::Good)
}

/// Writes the image of one dump to standard output, as it stands on the volume.
fn raw(
    context: &Context,
    site: &Site,
    catalogue: &Catalogue,
    dle: &DleRef,
    (when, level): (Stamp, Option<u16>),
) -> anyhow::Result<Exit> {
    let level =
        level.map(Level::try_from).transpose().map_err(|error| Misuse(error.to_string()))?;
    if std::io::stdout().is_terminal() {
        return Err(Misuse(
            "an image is not for a terminal: send it to a file or a pipe".to_owned(),
        )
        .into());
    }
    let view = View::open(catalogue, &site.config.site.indexdir, dle, when)?;
    let link = match level {
        None => view.chain.last(),
        Some(level) => view.chain.iter().find(|link| link.dump.level == level),
    };
    let Some(link) = link else {
        let levels: Vec<String> =
            view.chain.iter().map(|link| link.dump.level.to_string()).collect();
        return Err(Misuse(format!(
            "the state of that day is made of levels {}",
            levels.join(", ")
        ))
        .into());
    };
    let mut keeping = Keeping::begin(context, site, "restore");
    keeping.turn_to(link.dump.id).context(GIVEN_BACK)?;
    let operator = Desk::of(site);
    let mut libraries = Libraries::of(&site.config).attended(operator.clone());
    let mut image = open(link, catalogue, &mut libraries)?;
    tell_volumes(std::iter::once(&image), &operator);
    let mut out = std::io::stdout().lock();
    let mut bytes = vec![0; 4 << 20];
    let mut at = 0;
    while at < link.dump.stored.0 {
        let now = usize::try_from(link.dump.stored.0 - at).unwrap_or(bytes.len()).min(bytes.len());
        image.read_at(at, &mut bytes[..now])?;
        out.write_all(&bytes[..now]).context("could not write the image to standard output")?;
        at += now as u64;
    }
    image.detours().iter().for_each(|detour| print::remark(detour));
    Ok(Exit::Good)
}

/// Every DLE that there ever was, or is to be.
pub(super) fn known_dles(site: &Site, catalogue: &Catalogue) -> anyhow::Result<Vec<DleRef>> {
    let configured = site.config.dles.iter().map(config::Dle::reference);
    let mut known: Vec<DleRef> =
        catalogue.dles()?.into_iter().map(|known| known.dle).chain(configured).collect();
    known.sort();
    known.dedup();
    Ok(known)
}

/// The DLE of this name; the host may be left out where only one has it.
pub(super) fn find_dle(
    site: &Site,
    catalogue: &Catalogue,
    host: Option<&str>,
    name: &str,
) -> anyhow::Result<DleRef> {
    let known = known_dles(site, catalogue)?;
    let trimmed = name.trim_end_matches('/');
    let names = |dle: &&DleRef| {
        dle.dle.as_str() == name || (!trimmed.is_empty() && dle.dle.as_str() == trimmed)
    };
    let found: Vec<&DleRef> = known
        .iter()
        .filter(names)
        .filter(|dle| host.is_none_or(|host| dle.host.as_str() == host))
        .collect();
    match found.as_slice() {
        [dle] => Ok((*dle).clone()),
        [] => Err(Misuse(no_such_dle(&known, host, name)).into()),
        several => {
            let hosts =
                several.iter().map(|dle| dle.host.to_string()).collect::<Vec<_>>().join(", ");
            Err(Misuse(format!("several hosts have a DLE {name}: name one with --host ({hosts})"))
                .into())
        }
    }
}

/// Which condition fails: the host, the name, or the way that they are written.
fn no_such_dle(known: &[DleRef], host: Option<&str>, name: &str) -> String {
    const NAMED: usize = 8;
    let list = |dles: Vec<&DleRef>| {
        let named: Vec<String> = dles.iter().take(NAMED).map(ToString::to_string).collect();
        let more = match dles.len().checked_sub(NAMED) {
            Some(more) if more > 0 => format!(" and {more} more (`reelkeep list dles`)"),
            _ => String::new(),
        };
        format!("{}{more}", named.join(", "))
    };
    let alike = |dle: &&DleRef| dle.dle.as_str().eq_ignore_ascii_case(name.trim_end_matches('/'));
    let same_host = |dle: &&DleRef| host.is_some_and(|host| dle.host.as_str() == host);
    let on_hosts: Vec<&DleRef> = known.iter().filter(alike).collect();
    let of_host: Vec<&DleRef> = known.iter().filter(same_host).collect();
    match (host, on_hosts.is_empty(), of_host.is_empty()) {
        (_, false, _) => format!(
            "there is no DLE {}{name}, but there is one that is called nearly so: {}",
            host.map_or_else(String::new, |host| format!("{host}:")),
            list(on_hosts)
        ),
        (Some(host), true, false) => {
            format!("host {host} has no DLE {name}; it has: {}", list(of_host))
        }
        (Some(host), true, true) if !known.is_empty() => {
            let all = list(known.iter().collect());
            format!("there is no host {host}, and no DLE {name} on another; there are: {all}")
        }
        _ => format!("there is no DLE {name}; there are: {}", list(known.iter().collect())),
    }
}

/// The path of a DLE on its host, as far as the configuration knows it; by default its name is its path.
pub(super) fn root_of(site: &Site, dle: &DleRef) -> String {
    let configured = site.config.dle(dle);
    configured.map_or_else(|| dle.dle.to_string(), |known| known.path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<DleRef> {
        let dle = |host: &str, name: &str| DleRef {
            host: host.parse().unwrap(),
            dle: name.parse().unwrap(),
        };
        vec![dle("db", "/srv"), dle("web", "/Home"), dle("web", "/srv")]
    }

    /// Amanda says "no index records" whatever it is that does not fit (zmanda/amanda #278, #289).
    #[test]
    fn a_dle_that_is_not_found_is_told_with_the_condition_that_fails() {
        let cases = [
            (None, "/home", "nearly so: web:/Home"),
            (
                Some("www"),
                "/srv/",
                "no DLE www:/srv/, but there is one that is called nearly so: db:/srv, web:/srv",
            ),
            (Some("db"), "/home", "nearly so: web:/Home"),
            (Some("web"), "/var", "host web has no DLE /var; it has: web:/Home, web:/srv"),
            (Some("www"), "/var", "there is no host www, and no DLE /var on another"),
            (None, "/var", "there is no DLE /var; there are: db:/srv, web:/Home, web:/srv"),
        ];
        for (host, name, words) in cases {
            let told = no_such_dle(&known(), host, name);
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn of_ten_thousand_dles_a_few_are_named() {
        let many: Vec<DleRef> = (0..10_000)
            .map(|n| DleRef { host: format!("h{n}").parse().unwrap(), dle: "/x".parse().unwrap() })
            .collect();
        let told = no_such_dle(&many, None, "/y");
        assert!(told.len() < 200 && told.contains("and 9992 more"), "{told}");
    }
}

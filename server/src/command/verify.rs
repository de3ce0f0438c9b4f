//! `verify`: reads images back from wherever they are, and checks every frame, or a sample.
//!
//! A frame is good if its stored bytes have the SHA-256 that the client made, and open to what the table says.
//! A bad one is named with the entries that lie in it; the others are checked all the same.

use std::collections::BTreeSet;
use std::io::IsTerminal;

use anyhow::bail;
use format::contents;
use format::frame::{Decoder, FrameTable};
use serde::Serialize;
use taper::catalogue::{Catalogue, Filter, Located};
use types::{Bytes, DleRef, DumpId, Level, Stamp};

use super::keeping::Keeping;
use super::{Context, Exit, Misuse, restore};
use crate::cli::Verify;
use crate::clock::stamp_text;
use crate::night::estimate::with_causes;
use crate::operator::Desk;
use crate::report::plural;
use crate::restore::image::Image;
use crate::restore::libraries::Libraries;
use crate::restore::plan;
use crate::restore::wish::frames_of;
use crate::site::Site;
use crate::{print, store};

/// How many entries of a bad frame are named.
const NAMED: usize = 20;

/// What came of the check of one place of one dump.
#[derive(Debug, Serialize)]
struct Checked {
    dump: DumpId,
    #[serde(flatten)]
    dle: DleRef,
    level: Level,
    run: Stamp,
    place: String,
    frames: u64,
    bytes: Bytes,
    bad: Vec<Bad>,
    /// Frames that could not be had: their volume was not found, or is elsewhere. Nothing is said of how they are.
    unread: u64,
    trouble: Option<String>,
}

#[derive(Debug, Serialize)]
struct Bad {
    frame: u32,
    why: String,
    entries: Vec<String>,
    more: usize,
}

pub(super) fn run(context: &Context, arguments: &Verify) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let catalogue = site.catalogue_to_read()?;
    let dumps = chosen(&catalogue, arguments)?;
    if dumps.is_empty() {
        let named = config::Named::of(&arguments.selection.dles);
        let is_ours = site.config.dles.iter().any(|dle| named.means(&dle.reference()));
        if !is_ours && !arguments.selection.dles.is_empty() {
            return Err(Misuse("there is no dump of such a DLE to verify".to_owned()).into());
        }
        bail!("there is no dump to verify: run `reelkeep dump` first");
    }
    let mut all = Vec::new();
    let desk = Desk::of(&site);
    let by_hand = plan::by_hand(&site.config, &dumps);
    if !by_hand.is_empty() {
        let labels: Vec<&str> = by_hand.iter().map(types::Label::as_str).collect();
        desk.tell(&format!("Volumes that will be asked for, in this order: {}", labels.join(" ")));
    }
    let mut libraries = Libraries::of(&site.config).attended(desk);
    let mut keeping = Keeping::begin(context, &site, "verify");
    let gone = keeping.one_by_one(&catalogue, &dumps, &mut |located| {
        for checked in verify(&site, &catalogue, &mut libraries, located, arguments.sample)? {
            if !context.json {
                print::text(&told(&checked))?;
            }
            all.push(checked);
        }
        Ok(())
    })?;
    drop(keeping);
    if gone > 0 {
        print::remark(&format!("{} expired meanwhile: not verified", plural(gone, "dump")));
    }
    let bad: usize = all.iter().map(|checked| checked.bad.len()).sum();
    let unverified = all.iter().filter(|checked| checked.trouble.is_some()).count();
    if context.json {
        print::json(&all)?;
    } else {
        let frames: u64 = all.iter().map(|checked| checked.frames).sum();
        let bytes: Bytes = all.iter().map(|checked| checked.bytes).sum();
        let verdict = match (bad, unverified) {
            (0, 0) => "all good".to_owned(),
            (0, places) => format!("none bad, {} NOT VERIFIED", plural(places, "place")),
            (bad, 0) => format!("{bad} BAD"),
            (bad, places) => format!("{bad} BAD, {} NOT VERIFIED", plural(places, "place")),
        };
        print::line(&format!(
            "{} verified, {frames} frames, {bytes}: {verdict}",
            plural(dumps.len() - gone, "dump")
        ))?;
    }
    Ok(if bad + unverified == 0 { Exit::Good } else { Exit::Complaints })
}

/// All dumps, or those that the newest state of each DLE is made of.
fn chosen(catalogue: &Catalogue, arguments: &Verify) -> anyhow::Result<Vec<Located>> {
    let named = config::Named::of(&arguments.selection.dles);
    let wanted = |dle: &DleRef| named.means(dle);
    let mut all = catalogue.dumps(&Filter::default())?;
    all.retain(|located| wanted(&located.dump.dle) && located.is_restorable());
    all.reverse();
    if arguments.all {
        return without_orphans(catalogue, all);
    }
    let dles: BTreeSet<DleRef> = all.iter().map(|located| located.dump.dle.clone()).collect();
    let end = crate::restore::when::parse("latest")?;
    let mut newest = Vec::new();
    for dle in dles {
        newest.extend(catalogue.newest_at(&dle, end)?.links.unwrap_or_default());
    }
    Ok(newest)
}

/// What builds on something that is gone can be read, but to no end.
fn without_orphans(catalogue: &Catalogue, mut all: Vec<Located>) -> anyhow::Result<Vec<Located>> {
    let restorable = catalogue.restorable(all.iter().map(|located| located.dump.id))?;
    let orphans = all.len() - restorable.len();
    if orphans > 0 {
        print::remark(&format!(
            "{} can't be restored, since what they build on is gone: not verified",
            plural(orphans, "dump")
        ));
    }
    all.retain(|located| restorable.contains(&located.dump.id));
    Ok(all)
}

fn verify(
    site: &Site,
    catalogue: &Catalogue,
    libraries: &mut Libraries,
    located: &Located,
    sample: Option<u8>,
) -> anyhow::Result<Vec<Checked>> {
    let indexdir = &site.config.site.indexdir;
    let mut image = match restore::open(located, catalogue, libraries) {
        Ok(image) => image,
        Err(error) => return Ok(vec![nothing(located, format!("{error:#}"))]),
    };
    let table = match store::frames(indexdir, located.dump.id) {
        Ok(table) => table,
        Err(error) => return Ok(vec![nothing(located, with_causes(&error))]),
    };
    let numbers = chosen_frames(&table, sample)?;
    let mut checked = Vec::new();
    for place in 0..image.places() {
        let mut found = check_place(&mut image, place, located, &table, &numbers);
        found.name_entries(indexdir, &table)?;
        checked.push(found);
    }
    Ok(checked)
}

fn nothing(located: &Located, trouble: String) -> Checked {
    let dump = &located.dump;
    Checked {
        dump: dump.id,
        dle: dump.dle.clone(),
        level: dump.level,
        run: dump.run,
        place: "anywhere".to_owned(),
        frames: 0,
        bytes: Bytes::ZERO,
        bad: Vec::new(),
        unread: 0,
        trouble: Some(trouble),
    }
}

/// All frames, or so many of a hundred, chosen by chance; always at least one.
fn chosen_frames(table: &FrameTable, sample: Option<u8>) -> anyhow::Result<Vec<u32>> {
    let all = 0..u32::try_from(table.len())?;
    let Some(percent) = sample else { return Ok(all.collect()) };
    let mut numbers = Vec::new();
    for number in all.clone() {
        let chance =
            getrandom::u32().map_err(|error| anyhow::anyhow!("no source of chance: {error}"))?;
        if chance % 100 < u32::from(percent) {
            numbers.push(number);
        }
    }
    if numbers.is_empty() && !all.is_empty() {
        numbers.push(getrandom::u32().map_or(0, |chance| chance % all.end));
    }
    Ok(numbers)
}

fn check_place(
    image: &mut Image,
    place: usize,
    located: &Located,
    table: &FrameTable,
    numbers: &[u32],
) -> Checked {
    let mut checked =
        Checked { place: image.place(place), trouble: None, ..nothing(located, String::new()) };
    let mut decoder = Decoder::new();
    let (mut stored, mut raw) = (Vec::new(), Vec::new());
    let terminal = std::io::stderr().is_terminal();
    let bar = terminal.then(|| indicatif::ProgressBar::new(numbers.len() as u64));
    for &number in numbers {
        let Some(frame) = table.get(number) else { continue };
        let read = image.read_from(place, frame, &mut stored);
        if let Err(error) = &read
            && !error.is_damage()
        {
            // Nobody knows how they are.
            checked.trouble.get_or_insert_with(|| with_causes(error));
            checked.unread += 1;
            continue;
        }
        let outcome = read.map_err(|error| with_causes(&error)).and_then(|()| {
            decoder.decode(&stored, frame.raw, &mut raw).map_err(|error| with_causes(&error))
        });
        checked.frames += 1;
        checked.bytes += Bytes(frame.stored.into());
        if let Err(why) = outcome {
            checked.bad.push(Bad { frame: number, why, entries: Vec::new(), more: 0 });
        }
        if let Some(bar) = &bar {
            bar.inc(1);
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    match check_contents(image, place, located, table) {
        Ok(bytes) => {
            checked.frames += 1;
            checked.bytes += bytes;
        }
        Err(Contents::Absent(why)) => {
            checked.trouble.get_or_insert(why);
            checked.unread += 1;
        }
        Err(Contents::Bad(why)) => {
            checked.frames += 1;
            let frame = u32::try_from(table.len()).unwrap_or(u32::MAX);
            let why = format!("the contents at the end of the image: {why}");
            checked.bad.push(Bad { frame, why, entries: Vec::new(), more: 0 });
        }
    }
    checked
}

/// Why the last frame did not do.
enum Contents {
    /// It is not what it should be.
    Bad(String),
    /// Its volume could not be had.
    Absent(String),
}

/// The last frame, which lists the others: it is what a restore without a catalogue begins with.
fn check_contents(
    image: &mut Image,
    place: usize,
    located: &Located,
    table: &FrameTable,
) -> Result<Bytes, Contents> {
    let at = table.stored_len();
    let bad = |why: &str| Contents::Bad(why.to_owned());
    let length = located.dump.stored.0.checked_sub(at);
    let length = length.ok_or_else(|| bad("the image is shorter than its frames"))?;
    let mut bytes = vec![0; usize::try_from(length).map_err(|error| bad(&error.to_string()))?];
    image.read_stretch_from(place, at, &mut bytes).map_err(|error| {
        let why = with_causes(&error);
        if error.is_damage() { Contents::Bad(why) } else { Contents::Absent(why) }
    })?;
    let view = contents::view(&bytes).map_err(|error| bad(&with_causes(&error)))?;
    if view.identity.dump != located.dump.id || view.frames != *table {
        return Err(bad("they are of another dump"));
    }
    Ok(Bytes(length))
}

impl Checked {
    /// Finds out which entries lie in the bad frames.
    fn name_entries(
        &mut self,
        indexdir: &std::path::Path,
        table: &FrameTable,
    ) -> anyhow::Result<()> {
        if self.bad.is_empty() {
            return Ok(());
        }
        let index = store::open(indexdir, self.dump)?;
        for record in index.iter() {
            let record = record?;
            if record.kind == format::index::RecordKind::Gone {
                continue;
            }
            let frames = frames_of(&record, table);
            for bad in self.bad.iter_mut().filter(|bad| frames.contains(&bad.frame)) {
                if bad.entries.len() < NAMED {
                    bad.entries.push(print::path(&record.path));
                } else {
                    bad.more += 1;
                }
            }
        }
        Ok(())
    }
}

fn told(checked: &Checked) -> String {
    let what = format!(
        "{} level {} of {}, {}",
        checked.dle,
        checked.level,
        stamp_text(checked.run),
        checked.place
    );
    let unread = match (&checked.trouble, checked.unread) {
        (None, _) => String::new(),
        (Some(trouble), 0) => return format!("{what}: NOT VERIFIED: {trouble}\n"),
        (Some(trouble), unread) => format!("{what}: {unread} frames NOT VERIFIED: {trouble}\n"),
    };
    if checked.bad.is_empty() {
        let good = format!("{what}: {} frames good\n", checked.frames);
        return if checked.frames == 0 { unread } else { unread + &good };
    }
    let (bad, frames) = (checked.bad.len(), checked.frames);
    let mut out = format!("{unread}{what}: {bad} of {frames} frames BAD\n");
    for alike in checked.bad.chunk_by(|one, next| one.why == next.why) {
        out.push_str(&format!("  {}: {}\n", frames_in_words(alike), why_of(alike)));
        let entries: Vec<&String> = alike.iter().flat_map(|bad| &bad.entries).collect();
        for entry in entries.iter().take(NAMED) {
            out.push_str(&format!("    hit: {entry}\n"));
        }
        let more =
            alike.iter().map(|bad| bad.more).sum::<usize>() + entries.len().saturating_sub(NAMED);
        if more > 0 {
            out.push_str(&format!("    and {more} more\n"));
        }
    }
    out.push_str("  what else has these entries: another day (`reelkeep find`), or the client itself: force a level 0\n");
    out
}

/// Frames that are bad for one reason: a volume that is not there hits all of its own.
fn frames_in_words(alike: &[Bad]) -> String {
    match alike {
        [first, .., last] => format!("frames {} to {}", first.frame, last.frame),
        [only] => format!("frame {}", only.frame),
        [] => "no frame".to_owned(),
    }
}

fn why_of(alike: &[Bad]) -> &str {
    alike.first().map(|bad| bad.why.as_str()).unwrap_or_default()
}

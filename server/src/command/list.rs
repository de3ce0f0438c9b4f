//! `list`: dumps, DLEs, volumes, held images, runs.

use config::Named;
use serde_json::{Value, json};
use taper::catalogue::{Catalogue, Dump, Filter, Located, Lock, Run, Volume};
use types::DleRef;

use super::{Context, Exit, Listed};
use crate::cli::List;
use crate::clock::stamp_text;
use crate::print;
use crate::print::Reader;
use crate::site::Site;

mod holding;

pub(super) fn run(context: &Context, arguments: &List) -> anyhow::Result<Exit> {
    let site = context.open()?;
    let catalogue = site.catalogue_to_read()?;
    let words = &arguments.selection.dles;
    let named = Named::of(words);
    let wanted = |dle: &DleRef| named.means(dle);
    match arguments.what {
        Listed::Dumps => dumps(context, &catalogue, words),
        Listed::Dles => say(context, &dles(&site, &catalogue, &wanted)?, &dle_listing()),
        Listed::Volumes => say(context, &catalogue.volumes()?, &VOLUMES),
        Listed::Holding => holding::list(context, &site, &catalogue, &wanted),
        Listed::Runs => say(context, &catalogue.runs()?, &RUNS),
    }
}

const NONE: &str = "there are none";

fn titles(heading: &[&str]) -> Vec<String> {
    heading.iter().map(|word| (*word).to_owned()).collect()
}

/// How things are listed. Of thousands, the text or JSON of a few is held at a time, not of all.
struct Listing<T> {
    heading: &'static [&'static str],
    /// The columns that stand at the right.
    right: &'static [usize],
    row: fn(&T) -> Vec<String>,
    value: fn(&T) -> Value,
}

/// So many rows are printed in one piece.
const PIECE: usize = 100;

fn say<T>(context: &Context, all: &[T], listing: &Listing<T>) -> anyhow::Result<Exit> {
    if context.json {
        print::json_array(|| all.iter().map(listing.value))?;
    } else if all.is_empty() {
        print::remark(NONE);
    } else {
        let mut table = print::Table::new(listing.right);
        let heading = titles(listing.heading);
        table.make_room(&heading);
        all.iter().for_each(|one| table.make_room(&(listing.row)(one)));
        let mut reader = print::said(&table.more(&[heading]))?;
        for piece in all.chunks(PIECE) {
            if reader == Reader::Left {
                break;
            }
            let rows: Vec<_> = piece.iter().map(listing.row).collect();
            reader = print::said(&table.more(&rows))?;
        }
    }
    Ok(Exit::Good)
}

/// Lists dumps, run by run: there may be millions, of which those of one run are held at a time.
fn dumps(context: &Context, catalogue: &Catalogue, words: &[String]) -> anyhow::Result<Exit> {
    const HEADING: [&str; 9] =
        ["RUN", "HOST", "DLE", "LEVEL", "ENTRIES", "RAW", "STORED", "STATUS", "WHERE"];
    let mut table = print::Table::new(&[3, 4, 5, 6]);
    let mut rows = print::Rows::begin(context.json)?;
    let mut told = false;
    for dumps in runs_of_dumps(catalogue, words)? {
        let dumps = dumps?;
        let mut reader = Reader::Listens;
        if context.json {
            for located in &dumps {
                reader = rows.row(String::new, || dump_value(located))?;
            }
        } else if !dumps.is_empty() {
            let heading = (!told).then(|| titles(&HEADING));
            let piece: Vec<_> = heading.into_iter().chain(dumps.iter().map(dump_row)).collect();
            reader = print::said(&table.more(&piece))?;
        }
        told |= !dumps.is_empty();
        if reader == Reader::Left {
            return Ok(Exit::Good);
        }
    }
    rows.end()?;
    if !told && !context.json {
        print::remark(NONE);
    }
    Ok(Exit::Good)
}

/// The dumps that are meant, the newest run first.
fn runs_of_dumps<'a>(
    catalogue: &'a Catalogue,
    words: &[String],
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Vec<Located>>> + use<'a>> {
    let mut runs = catalogue.runs()?;
    runs.sort_by_key(|run| std::cmp::Reverse(run.stamp));
    let dles: Vec<Filter> = if words.is_empty() {
        vec![Filter::default()]
    } else {
        let named = Named::of(words);
        let known = catalogue.dles()?.into_iter().map(|known| known.dle);
        known.filter(|dle| named.means(dle)).map(|dle| Filter::of(&dle)).collect()
    };
    Ok(runs.into_iter().map(move |run| {
        let mut dumps = Vec::new();
        for dle in &dles {
            dumps.extend(catalogue.dumps(&Filter { run: Some(run.stamp), ..dle.clone() })?);
        }
        dumps.sort_by_key(|located| std::cmp::Reverse(located.dump.id));
        Ok(dumps)
    }))
}

fn dump_row(located: &Located) -> Vec<String> {
    let dump = &located.dump;
    vec![
        stamp_text(dump.run),
        dump.dle.host.to_string(),
        dump.dle.dle.to_string(),
        dump.level.to_string(),
        dump.entries.to_string(),
        dump.raw.to_string(),
        dump.stored.to_string(),
        dump.status.to_string(),
        place(located),
    ]
}

fn dump_value(located: &Located) -> Value {
    let dump = &located.dump;
    json!({
        "dump": dump.id, "run": dump.run, "host": dump.dle.host, "dle": dump.dle.dle, "level": dump.level,
        "base": dump.base, "status": dump.status.to_string(), "entries": dump.entries,
        "raw_bytes": dump.raw, "stored_bytes": dump.stored, "frames": dump.frames,
        "seconds": dump.took.as_secs_f64(), "restorable": located.is_restorable(),
        "held": located.held.as_ref().map(|held| held.path.display().to_string()),
        "copies": located.copies.iter().map(|copy| json!({
            "storage": copy.storage, "complete": copy.is_complete(), "volumes": copy.labels,
        })).collect::<Vec<_>>(),
    })
}

fn place(located: &Located) -> String {
    let held = located.held.iter().map(|_| "holding".to_owned());
    let copies = located.copies.iter().map(|copy| {
        let labels = copy.labels.iter().map(types::Label::as_str).collect::<Vec<_>>().join(" ");
        if copy.is_complete() { labels } else { format!("{labels} (incomplete)") }
    });
    let places: Vec<String> = held.chain(copies).collect();
    if places.is_empty() { "nowhere any more".to_owned() } else { places.join(", ") }
}

fn dle_listing<'a>() -> Listing<(&'a config::Dle, Option<Dump>)> {
    Listing {
        heading: &["HOST", "DLE", "PATH", "DUMPTYPE", "STRATEGY", "LAST DUMP"],
        right: &[],
        row: |(dle, last)| {
            vec![
                dle.host.to_string(),
                dle.name.to_string(),
                dle.path.display().to_string(),
                dle.dumptype.clone(),
                dle.dumping.strategy.word().to_owned(),
                last.as_ref().map_or_else(
                    || "never".to_owned(),
                    |dump| format!("{} (level {})", stamp_text(dump.run), dump.level),
                ),
            ]
        },
        value: |(dle, last)| {
            json!({
                "host": dle.host, "dle": dle.name, "path": dle.path, "dumptype": dle.dumptype,
                "strategy": dle.dumping.strategy.word(), "last_run": last.as_ref().map(|dump| dump.run),
                "last_level": last.as_ref().map(|dump| dump.level),
            })
        },
    }
}

/// The DLEs that are meant, each with its newest dump.
fn dles<'a>(
    site: &'a Site,
    catalogue: &Catalogue,
    wanted: &dyn Fn(&DleRef) -> bool,
) -> anyhow::Result<Vec<(&'a config::Dle, Option<Dump>)>> {
    let meant = site.config.dles.iter().filter(|dle| wanted(&dle.reference()));
    let with_newest = |dle: &'a config::Dle| {
        let one = Filter { limit: 1, ..Filter::of(&dle.reference()) };
        let newest = catalogue.dumps(&one)?.into_iter().next();
        Ok((dle, newest.map(|located| located.dump)))
    };
    meant.map(with_newest).collect()
}

const VOLUMES: Listing<Volume> = Listing {
    heading: &[
        "LABEL",
        "POOL",
        "STORAGE",
        "SLOT",
        "STATE",
        "BYTES",
        "NEXT FILE",
        "LAST WRITTEN",
        "LOCK",
    ],
    right: &[3, 5, 6],
    row: volume_row,
    value: volume_value,
};

fn volume_row(volume: &Volume) -> Vec<String> {
    vec![
        volume.label.to_string(),
        volume.pool.to_string(),
        volume.storage.to_string(),
        place_of(volume),
        volume.state.to_string(),
        volume.bytes.to_string(),
        volume.end.file.to_string(),
        volume.last_written.map_or_else(|| "never".to_owned(), stamp_text),
        lock(volume.lock),
    ]
}

/// Its slot, or where else it is.
fn place_of(volume: &Volume) -> String {
    match (&volume.off_site, volume.slot) {
        (Some(off), _) => off.place.clone(),
        (None, Some(slot)) => slot.to_string(),
        (None, None) => "-".to_owned(),
    }
}

/// A volume as JSON, here and in `volume show`.
pub(super) fn volume_value(volume: &Volume) -> Value {
    json!({
        "label": volume.label, "pool": volume.pool, "storage": volume.storage, "barcode": volume.barcode,
        "slot": volume.slot, "state": volume.state.to_string(), "block_size": volume.block_size,
        "bytes": volume.bytes, "next_file": volume.end.file, "labelled": volume.labelled,
        "first_written": volume.first_written, "last_written": volume.last_written, "lock": lock(volume.lock),
        "lock_why": volume.locked.why, "lock_by": volume.locked.by, "lock_at": volume.locked.at,
        "off_site": volume.off_site.as_ref().map(|off| &off.place),
        "medium": volume.medium.as_str(), "serial": volume.serial,
        "off_site_since": volume.off_site.as_ref().map(|off| off.since),
    })
}

/// What the operator says of a volume, in a word.
pub(super) fn lock(lock: Lock) -> String {
    match lock {
        Lock::Open => "-".to_owned(),
        Lock::NoReuse => "no reuse".to_owned(),
        Lock::Until(stamp) => format!("until {}", stamp_text(stamp)),
    }
}

const RUNS: Listing<Run> = Listing {
    heading: &["RUN", "KIND", "STARTED", "FINISHED", "STATUS"],
    right: &[],
    row: |run| {
        vec![
            run.stamp.to_string(),
            run.kind.to_string(),
            stamp_text(run.started),
            run.finished.map_or_else(|| "-".to_owned(), stamp_text),
            run.status.to_string(),
        ]
    },
    value: |run| {
        json!({
            "run": run.stamp, "kind": run.kind.to_string(), "started": run.started, "finished": run.finished,
            "status": run.status.to_string(), "program": run.program,
        })
    },
};

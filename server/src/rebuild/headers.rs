//! Parts that no records tell of: a crash, or a full volume, came before the records of their run.
//!
//! A part's header says which part of which dump it is and where in the image it begins; where it ends, the next
//! part's header says, or the end of the image. What else is to be known of the dump stands at the end of its
//! image. From that come the same rows as records have, and the catalogue takes them over by the same rules.

use std::collections::BTreeMap;

use format::contents::{self, End};
use format::records::{
    DleRow, DumpRow, DumpStatus, PartRow, RunKind, RunRecords, RunRow, RunStatus, VolumeRow,
};
use taper::catalogue::Catalogue;
use taper::clerk::{self, PartAt, Reader};
use taper::mount::Mounted;
use taper::tail::Tail;
use types::{Bytes, DumpId, Stamp, StorageName};

use super::survey::{Seen, SeenPart};
use super::{Rebuilt, stamps};
use crate::clock;
use crate::library::AnyDrive;
use crate::restore::libraries::Libraries;

/// What of the end of a file is kept in memory to find where an image ends before a filler.
const END: usize = 16 << 20;

/// A part, and the volume that it is on.
type Found<'a> = (&'a Seen, &'a SeenPart);

/// Takes over every dump of which parts were seen that the catalogue still does not know.
pub(super) fn take_over(
    libraries: &mut Libraries,
    catalogue: &mut Catalogue,
    seen: &[Seen],
    now: Stamp,
    rebuilt: &mut Rebuilt,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    let stamps = stamps(seen);
    for ((dump, storage), parts) in unknown(catalogue, seen)? {
        let Some((_, part)) = parts.first() else { continue };
        let what = format!("dump {dump} of {}", part.ours.dle);
        match describe(libraries, catalogue, dump, &storage, &parts) {
            Ok(records) => {
                rebuilt.add(catalogue.import(&records, |label| stamps.get(label).copied(), now)?);
            }
            // Its records were read: some of its volumes are elsewhere, or were written over since.
            Err(error) if catalogue.dump(dump).is_ok() => {
                say(&format!("{what} is not whole here: {error:#}"));
            }
            Err(error) => {
                rebuilt.troubles.push(format!("{what} could not be taken over: {error:#}"));
            }
        }
    }
    Ok(())
}

/// The dumps of which some part is not known, each with all its parts in order. Of a part that was written twice
/// the later counts: the copy was begun anew.
fn unknown<'a>(
    catalogue: &Catalogue,
    seen: &'a [Seen],
) -> anyhow::Result<BTreeMap<(DumpId, StorageName), Vec<Found<'a>>>> {
    let mut latest: BTreeMap<_, Found<'a>> = BTreeMap::new();
    for volume in seen.iter().filter(|volume| volume.stamp.is_some()) {
        for part in &volume.parts {
            let key = (part.ours.dump, volume.storage.clone(), part.no);
            let place = |(volume, part): Found<'_>| (volume.stamp, part.file);
            let entry = latest.entry(key).or_insert((volume, part));
            if place((volume, part)) > place(*entry) {
                *entry = (volume, part);
            }
        }
    }
    let mut dumps: BTreeMap<_, Vec<Found<'a>>> = BTreeMap::new();
    for ((dump, storage, _), found) in latest {
        dumps.entry((dump, storage)).or_default().push(found);
    }
    let mut unknown = BTreeMap::new();
    for (key, parts) in dumps {
        let located = catalogue.dump(key.0).ok();
        // One that is held and only half written is known better than its headers tell.
        if !located.is_some_and(|located| located.is_restorable()) {
            unknown.insert(key, parts);
        }
    }
    Ok(unknown)
}

/// The rows of a dump and all its parts.
fn describe(
    libraries: &mut Libraries,
    catalogue: &Catalogue,
    dump: DumpId,
    storage: &StorageName,
    parts: &[Found<'_>],
) -> anyhow::Result<RunRecords> {
    let missing = (1..).zip(parts).find(|(no, (_, part))| part.no.0 != *no);
    if let Some((no, _)) = missing {
        anyhow::bail!("its part {no} is on none of the volumes that were seen");
    }
    let Some((volume, last)) = parts.last() else { anyhow::bail!("it has no parts") };
    let begins = offset(last)?;
    let known = catalogue.dump(dump).ok().map(|known| known.dump.stored);
    let stored = known.filter(|stored| *stored > Bytes::ZERO).or(last.ours.stored);
    let (tail, stored) = end_of_image(libraries, (volume, last), stored)?;
    anyhow::ensure!(stored > begins, "its last part begins behind the end of the image");

    let run = tail.identity.run;
    let wrote = volume.stamp.unwrap_or(run).max(run);
    let mut records = RunRecords::new(wrote, volume.label.clone(), &tail.identity.program);
    for stamp in std::collections::BTreeSet::from([run, wrote]) {
        records.runs.push(RunRow {
            stamp,
            kind: RunKind::Dump,
            started: stamp,
            finished: None,
            status: RunStatus::Interrupted,
            program: tail.identity.program.clone(),
        });
    }
    let (host, dle) = (tail.identity.host.clone(), tail.identity.dle.clone());
    records.dles.push(DleRow { host, dle, since: run });
    let frames = u32::try_from(tail.frames.len())? + 1;
    records.dumps.push(dump_row(&tail, stored, frames));
    for (at, (volume, part)) in parts.iter().enumerate() {
        let from = offset(part)?;
        let next = parts.get(at + 1).map(|(_, next)| next);
        let end = next.map_or(Ok(stored), |next| offset(next))?;
        let frame = |part: &SeenPart| part.ours.stretch.map_or(0, |stretch| stretch.first_frame);
        records.parts.push(PartRow {
            dump,
            storage: storage.clone(),
            no: part.no,
            run: volume.stamp.unwrap_or(run).max(run),
            label: volume.label.clone(),
            file: part.file,
            block: 0,
            first_frame: frame(part),
            last_frame: next.map_or(frames, |next| frame(next)).saturating_sub(1),
            offset: from,
            bytes: end.saturating_sub(from),
            sha256_so_far: next.and_then(|next| next.ours.stretch?.sha256_before),
        });
        if let Some(labelled) = volume.stamp {
            records.runs.push(RunRow { stamp: labelled.max(run), ..records.runs[0].clone() });
            records.volumes.push(VolumeRow {
                label: volume.label.clone(),
                pool: volume.pool.clone(),
                storage: volume.storage.clone(),
                barcode: volume.barcode.clone(),
                block_size: volume.block_size,
                labelled,
                first_written: Some(labelled),
            });
        }
    }
    Ok(records)
}

fn offset(part: &SeenPart) -> anyhow::Result<Bytes> {
    let stretch = part.ours.stretch;
    stretch.map(|stretch| Bytes(stretch.offset)).ok_or_else(|| {
        anyhow::anyhow!("the header of part {} does not say where it begins", part.no)
    })
}

fn dump_row(tail: &Tail, stored: Bytes, frames: u32) -> DumpRow {
    let identity = &tail.identity;
    let [started, finished] =
        [identity.started, identity.finished].map(|time| clock::stamp_at(time.seconds));
    let seconds = identity.finished.seconds.saturating_sub(identity.started.seconds);
    let raw: u64 = tail.frames.frames().iter().map(|frame| u64::from(frame.raw)).sum();
    DumpRow {
        id: identity.dump,
        host: identity.host.clone(),
        dle: identity.dle.clone(),
        run: identity.run,
        level: identity.level,
        base: identity.base,
        status: if identity.strange > 0 { DumpStatus::Strange } else { DumpStatus::Good },
        started,
        finished,
        millis: u64::try_from(seconds).unwrap_or(0).saturating_mul(1000),
        raw: Bytes(raw),
        stored,
        entries: identity.entries,
        frames,
        index_sha256: Some(tail.index.sha256),
    }
}

/// Mounts the volume of the last part, and reads what the image says of itself, and how long it is.
fn end_of_image(
    libraries: &mut Libraries,
    (volume, part): Found<'_>,
    stored: Option<Bytes>,
) -> anyhow::Result<(Tail, Bytes)> {
    let library = libraries.library(&volume.storage)?;
    let mounted = library.mount(&volume.label, library.any_drive()?)?;
    let from = offset(part)?;
    let (mounted, bytes) = match stored {
        Some(stored) => (mounted, stored.saturating_sub(from)),
        None => length(mounted, part)?,
    };
    let at = PartAt {
        dump: part.ours.dump,
        part: part.no,
        label: volume.label.clone(),
        file: part.file,
        object: None,
        offset: from,
        bytes,
        sha256_so_far: None,
    };
    let (_, tail) = clerk::read_tail(mounted, &at)?;
    Ok((tail, from + bytes))
}

/// How much of an image is in its last part. A dump that went straight to the volume did not know its length when
/// the header was written, so the file is read to its end.
fn length(
    mounted: Mounted<AnyDrive>,
    part: &SeenPart,
) -> anyhow::Result<(Mounted<AnyDrive>, Bytes)> {
    let mut reader = Reader::new(mounted);
    let mut end: Vec<u8> = Vec::new();
    let mut total = 0;
    while let Some(block) = reader.next_block(part.file, total)? {
        end.extend_from_slice(block);
        total += block.len() as u64;
        if end.len() > END {
            end.drain(..end.len() - END / 2);
        }
    }
    match contents::find(&end) {
        Ok(End::Here { behind, .. }) => Ok((reader.into_mounted(), Bytes(total - behind as u64))),
        Ok(End::ReadMore(_)) | Err(_) => {
            anyhow::bail!("its last part that was seen is not the end of its image")
        }
    }
}

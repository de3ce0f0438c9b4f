//! Puts an image back without a server, to measure and to try out.
//!
//! `extract TARGET IMAGE…` restores a chain of images, made by the `image` example, below TARGET.

use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStringExt;

use anyhow::{Context, Result, bail};
use client::extract::Session;
use format::contents::{self, Contents, TRAILER_LEN, Trailer};
use format::frame::FrameKind;
use format::index::{Reader, merge::Merge};
use format::wire::{Existing, FramePiece, RestoreRecord, RestoreRequest, Wanted};

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [target, paths @ ..] = &arguments[..] else { bail!("usage: extract TARGET IMAGE…") };
    let mut images = Vec::new();
    for path in paths {
        let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let contents = contents_of(&bytes)?;
        images.push((bytes, contents));
    }
    let readers: Vec<_> = images
        .iter()
        .map(|(_, contents)| Reader::open(&contents.index[..]))
        .collect::<Result<_, _>>()?;
    let mut wanted: HashMap<(usize, u32), Vec<Wanted>> = HashMap::new();
    for found in Merge::new(&readers)? {
        let (dump, record) = found?;
        wanted.entry((dump, record.frame)).or_default().push(Wanted::of(record));
    }
    let mut session = Session::new(RestoreRequest {
        target: target.clone().into_vec().into(),
        existing: Existing::Replace,
        owners: true,
        numeric_owners: true,
        attributes: true,
        entries: 0,
        bytes: 0,
    })?;
    for (dump, (bytes, contents)) in images.iter().enumerate() {
        let mut inside = false;
        for (number, frame) in (0u32..).zip(contents.frames.frames()) {
            let entries = wanted.remove(&(dump, number));
            let continues = matches!(frame.kind, FrameKind::B | FrameKind::T);
            inside = if continues { inside } else { entries.is_some() };
            if !inside {
                continue;
            }
            let from = usize::try_from(frame.offset)?;
            session.record(RestoreRecord {
                dump: contents.identity.dump,
                frame: number,
                kind: frame.kind,
                stored: frame.stored,
                raw: frame.raw,
                sha256: frame.sha256,
                continues,
                entries: entries.unwrap_or_default(),
                lost: Vec::new(),
                more: false,
            })?;
            let stored = bytes.get(from..from + frame.stored as usize).context("cut off")?;
            for piece in FramePiece::cut(frame.kind, stored) {
                session.piece(&piece)?;
            }
        }
    }
    let end = session.finish();
    for note in session.take_notes() {
        eprintln!("{:?} {}: {}", note.severity, note.path.unwrap_or_default(), note.text);
    }
    eprintln!("{end:?}");
    Ok(())
}

fn contents_of(image: &[u8]) -> Result<Contents> {
    let last = image.len().checked_sub(TRAILER_LEN).context("too short for an image")?;
    let trailer = Trailer::decode(&image[last..])?;
    let from = usize::try_from(trailer.contents_at)?;
    Ok(contents::decode(image.get(from..).context("cut off")?)?)
}

//! Makes an image without a server, to measure and to try out.
//!
//! `image TREE SNAPSHOT [BASE] > IMAGE` dumps TREE to standard output and leaves its snapshot in SNAPSHOT; with the
//! snapshot BASE of an earlier image, only what changed since.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use client::Selection;
use client::archive::{Sink, Source, dump};
use format::wire::{DleSpec, DumpRequest, FramePiece, Note, Progress};
use types::{DumpId, FileTime, Level};

struct Stdout(File);

impl Sink for Stdout {
    fn piece(&mut self, piece: FramePiece<'_>) -> io::Result<()> {
        self.0.write_all(piece.bytes)
    }

    fn note(&mut self, note: Note) -> io::Result<()> {
        let path = note.path.unwrap_or_default();
        eprintln!("{:?} {path}: {}", note.severity, note.text);
        Ok(())
    }

    fn progress(&mut self, _: Progress) -> io::Result<()> {
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "an example is its own main")]
fn now() -> FileTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    FileTime { seconds: since.as_secs().cast_signed(), nanos: since.subsec_nanos() }
}

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [tree, snapshot, base @ ..] = &arguments[..] else {
        bail!("usage: image TREE SNAPSHOT [BASE] > IMAGE")
    };
    let id = |number| DumpId::new(number, [0; 10]);
    let request = DumpRequest {
        dle: DleSpec {
            host: "localhost".parse()?,
            dle: tree.to_string_lossy().parse()?,
            path: tree.clone().into_vec().into(),
            include: Vec::new(),
            exclude: Vec::new(),
            exclude_files: Vec::new(),
            exclude_if_present: Vec::new(),
            exclude_caches: false,
            one_file_system: true,
            max_file_size: None,
            xattrs: true,
            acls: true,
            atime: false,
        },
        dump: id(2),
        level: if base.is_empty() { Level::FULL } else { Level::FULL.next() },
        base: (!base.is_empty()).then(|| id(1)),
        run: "20260101000000".parse()?,
        now: 0,
        workers: 0,
        zstd_level: 3,
        frame_size: 4 << 20,
    };
    let base = match base.first() {
        None => None,
        Some(path) => {
            let file = File::open(path).context("opening the base")?;
            Some(client::records(file)?)
        }
    };
    let mut snapshot = BufWriter::new(File::create(snapshot).context("creating the snapshot")?);
    let source = Source {
        selection: &Selection::all(),
        base,
        snapshot: &mut snapshot,
        spool: &std::env::temp_dir(),
        program: "image",
        system: std::env::consts::OS,
        clock: &now,
        notes: Vec::new(),
    };
    let mut sink = Stdout(File::from(io::stdout().as_fd().try_clone_to_owned()?));
    let end = dump(&request, source, &mut sink)?;
    eprintln!("{end:?}");
    Ok(())
}

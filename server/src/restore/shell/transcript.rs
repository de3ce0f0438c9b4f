//! Sessions as files: what a person types, and all that the shell says.
//!
//! The site is two hosts, and a DLE of three dumps: a full, a level 1 eight days later, and a level 1 that
//! builds on the full too.

use std::fs;
use std::path::Path;
use std::time::Duration;

use format::frame::{FrameKind, FrameTable, digest};
use format::index::{Record, RecordKind, Writer};
use taper::catalogue::{Catalogue, Dump, DumpStatus, RunKind, RunStatus};
use types::{Bytes, DleRef, DumpId, FileTime, Level};

use super::complete::complete;
use super::state::{Archive, Shell, Then};
use crate::clock::unix_text;
use crate::night::estimate::with_causes;

/// When every file was last changed.
const MTIME: i64 = 1_767_225_600;

struct Site {
    directory: tempfile::TempDir,
    catalogue: Catalogue,
}

fn dle(host: &str, name: &str) -> DleRef {
    DleRef { host: host.parse().unwrap(), dle: name.parse().unwrap() }
}

fn entry(path: &[u8], kind: RecordKind, size: u64) -> Record {
    let mode = if kind == RecordKind::Directory { 0o755 } else { 0o644 };
    let mtime = FileTime { seconds: MTIME, nanos: 0 };
    Record {
        mode,
        size,
        mtime,
        uid: 1000,
        gid: 100,
        raw_len: 512 + size,
        ..Record::new(path, kind)
    }
}

fn dir(path: &str) -> Record {
    entry(path.as_bytes(), RecordKind::Directory, 0)
}

fn file(path: impl AsRef<[u8]>, size: u64) -> Record {
    entry(path.as_ref(), RecordKind::File, size)
}

impl Site {
    fn new() -> Self {
        let catalogue = Catalogue::in_memory().unwrap();
        let mut site = Self { directory: tempfile::tempdir().unwrap(), catalogue };
        fs::create_dir(site.directory.path().join("here")).unwrap();
        let full = [
            dir(""),
            dir("names"),
            file("names/*.c", 1),
            file("names/a b", 2),
            file(b"names/caf\xe9", 3),
            file("names/core.c", 4),
            file("names/new\nline", 5),
            file("names/plain.c", 6),
            dir("old"),
            file("old/x", 7),
            dir("src"),
            file("src/main.c", 8000),
        ];
        let second = [file("src/main.c", 8100)];
        let third =
            [dir(""), Record::tombstone("old"), file("src/main.c", 8200), file("src/new.c", 10)];
        site.dump(1, "20260301020000", 0, None, &full);
        site.dump(2, "20260308020000", 1, Some(1), &second);
        site.dump(3, "20260314020000", 1, Some(1), &third);
        site
    }

    /// A dump whose entries all lie in one frame.
    fn dump(&mut self, id: u64, run: &str, level: u16, base: Option<u64>, records: &[Record]) {
        let id_of = |n| DumpId::new(n, [7; 10]);
        let run = run.parse().unwrap();
        let dump = Dump {
            id: id_of(id),
            dle: dle("web", "/srv"),
            run,
            level: Level::try_from(level).unwrap(),
            base: base.map(id_of),
            status: DumpStatus::Good,
            started: run,
            finished: run,
            took: Duration::from_secs(1),
            raw: Bytes(20_000),
            stored: Bytes(1000),
            entries: records.len() as u64,
            frames: 1,
            index_sha: None,
        };
        let mut writer = Writer::new().unwrap();
        let mut index = Vec::new();
        let mut table = FrameTable::new();
        table.push(FrameKind::S, 1000, 20_000, digest(b""));
        for record in records {
            index.extend(writer.push(record).unwrap().unwrap_or_default());
        }
        index.extend(writer.finish().unwrap());
        let at = |ending: &str| self.directory.path().join(format!("{}.{ending}", dump.id));
        fs::write(at("rkx"), index).unwrap();
        fs::write(at("rkf"), table.encode().unwrap()).unwrap();
        self.catalogue.begin_run(run, RunKind::Dump, run, "a test").unwrap();
        self.catalogue.finish_run(run, run, RunStatus::Good).unwrap();
        self.catalogue.record_held(&dump, &[], Path::new("/holding/image"), Bytes(1000)).unwrap();
    }

    fn shell(&self) -> Shell<'_> {
        let known = [("db", "/var", "/var"), ("web", "/home", "/home"), ("web", "/srv", "/srv")];
        let archive = Archive {
            catalogue: &self.catalogue,
            indexdir: self.directory.path(),
            dles: known.map(|(host, name, root)| (dle(host, name), root.to_owned())).to_vec(),
        };
        Shell::new(archive, self.directory.path().canonicalize().unwrap()).unwrap()
    }

    /// What is seen of a session.
    fn transcript(&self, session: &str) -> String {
        let mut shell = self.shell();
        let mut out = String::new();
        for line in session.lines() {
            out.push_str(&format!("> {line}\n"));
            match shell.line(line.as_bytes()) {
                Ok(answer) => {
                    out.push_str(&answer.text);
                    match answer.then {
                        Then::Next => {}
                        Then::Extract(to) => {
                            out.push_str(&format!("(extracts to {})\n", to.display()))
                        }
                        Then::Quit => break,
                    }
                }
                Err(error) => out.push_str(&format!("! {}\n", with_causes(&error))),
            }
        }
        let here = self.directory.path().canonicalize().unwrap();
        out.replace(&here.display().to_string(), "<local>").replace(&unix_text(MTIME), "<mtime>")
    }
}

#[test]
fn looking_around() {
    insta::assert_snapshot!(Site::new().transcript(include_str!("sessions/looking-around.txt")));
}

#[test]
fn choosing() {
    insta::assert_snapshot!(Site::new().transcript(include_str!("sessions/choosing.txt")));
}

#[test]
fn what_is_listed_can_be_chosen() {
    let site = Site::new();
    let mut shell = site.shell();
    shell.line(b"sethost web").unwrap();
    shell.line(b"setdisk /srv").unwrap();
    shell.line(b"cd names").unwrap();
    let listed = shell.line(b"ls").unwrap().text;
    for line in listed.lines() {
        let name = line.splitn(3, "  ").nth(2).unwrap();
        let answer = shell.line(format!("add {name}").as_bytes()).unwrap().text;
        assert_eq!(answer, format!("added /srv/names/{name}\n"));
    }
}

#[test]
fn tab_goes_on_from_what_is_there() {
    let site = Site::new();
    let mut shell = site.shell();
    let at = |shell: &Shell<'_>, line: &str| complete(shell, line);
    assert_eq!(at(&shell, "seth"), (0, vec!["sethost ".to_owned()]));
    assert_eq!(at(&shell, "sethost w"), (8, vec!["web ".to_owned()]));
    assert_eq!(at(&shell, "cd n"), (3, Vec::new()));
    shell.line(b"sethost web").unwrap();
    assert_eq!(at(&shell, "setdisk /"), (8, vec!["/home ".to_owned(), "/srv ".to_owned()]));
    shell.line(b"setdisk /srv").unwrap();
    assert_eq!(at(&shell, "cd "), (3, vec!["names/".to_owned(), "src/".to_owned()]));
    assert_eq!(at(&shell, "add x names/a"), (6, vec!["names/a\\ b ".to_owned()]));
    assert_eq!(at(&shell, "add \"names/a "), (4, vec!["names/a\\ b ".to_owned()]));
    assert_eq!(at(&shell, "ls /srv/names/caf"), (3, vec!["/srv/names/caf\\xe9 ".to_owned()]));
    assert_eq!(at(&shell, "setdate 2026-03-1").1, ["2026-03-14 "]);
    assert_eq!(at(&shell, "lcd h"), (4, vec!["here/".to_owned()]));
    assert_eq!(at(&shell, "frob "), (5, Vec::new()));
}

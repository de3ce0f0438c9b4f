//! What is to be restored: which entries of which day, and what that costs.
//!
//! The final state is walked and never held in memory; what is wanted of it comes out in the order of the walk, with
//! the place of its dump in the chain. A hard link is the exception to *an entry is where its record is*: if the name
//! that has the contents is not wanted itself, the first wanted name gets them (see [`Orphans`]).

use std::collections::BTreeMap;
use std::ops::Range;

use format::frame::FrameTable;
use format::index::merge::Merge;
use format::index::{IndexError, Record, RecordKind};
use format::wire::{Wanted, WirePath};

use super::session::RestoreError;
use super::view::View;
use crate::pattern::Patterns;

/// Which entries of a tree are wanted: patterns of a command line, or what was chosen in the shell.
pub trait Choice: Sync {
    /// Whether the entry at this path is.
    fn wants(&self, path: &[u8]) -> bool;

    /// Below which paths all that is wanted lies, in walk order and none below another. None if it can be
    /// anywhere.
    fn roots(&self) -> Option<Vec<Vec<u8>>>;

    /// True only if every entry is wanted, so that none of them needs to be looked at to know what else is.
    fn is_everything(&self) -> bool;
}

impl Choice for Patterns {
    fn wants(&self, path: &[u8]) -> bool {
        self.matches(path)
    }

    fn roots(&self) -> Option<Vec<Vec<u8>>> {
        self.roots()
    }

    fn is_everything(&self) -> bool {
        self.match_everything()
    }
}

/// What is to be restored: of which day, which entries.
pub struct Wish<'a> {
    /// The day.
    pub view: &'a View,
    /// Which entries.
    pub choice: &'a dyn Choice,
}

impl Wish<'_> {
    /// Walks the part of the final state in which wanted entries can be.
    fn walk(&self) -> Result<Vec<Merge<'_, std::fs::File>>, IndexError> {
        match self.choice.roots() {
            None => Ok(vec![self.view.all()?]),
            Some(roots) => roots.iter().map(|root| self.view.below(root)).collect(),
        }
    }

    /// Does something with each wanted entry, in walk order, with the place of its dump in the chain.
    pub(super) fn each<E: From<IndexError>>(
        &self,
        mut with: impl FnMut(usize, Record) -> Result<(), E>,
    ) -> Result<(), E> {
        for merge in self.walk()? {
            for item in merge {
                let (at, record) = item?;
                if self.choice.wants(&record.path) {
                    with(at, record)?;
                }
            }
        }
        Ok(())
    }

    /// What restoring it will read and make: counted as it will be sent, so that the contents of hard links
    /// count where they lie.
    pub fn measure(&self) -> Result<Measure, RestoreError> {
        let mut measure = Measure {
            entries: 0,
            bytes: 0,
            dumps: vec![DumpMeasure::default(); self.view.chain.len()],
        };
        let tables: Vec<FrameTable> =
            (0..self.view.chain.len()).map(|at| self.view.frames(at)).collect::<Result<_, _>>()?;
        let orphans = Orphans::of(self)?;
        self.each::<RestoreError>(|at, record| {
            if let Some((record, _)) = orphans.adopted(record) {
                measure.count(at, &record, &tables[at]);
            }
            Ok(())
        })?;
        for (at, table) in tables.iter().enumerate() {
            orphans.contents_in(at).for_each(|(record, _)| measure.count(at, &record, table));
        }
        Ok(measure)
    }
}

/// What a restore will read.
#[derive(Clone, Debug, Default)]
pub struct Measure {
    /// Entries.
    pub entries: u64,
    /// Bytes of files.
    pub bytes: u64,
    /// By place in the chain.
    pub dumps: Vec<DumpMeasure>,
}

impl Measure {
    fn count(&mut self, at: usize, record: &Record, table: &FrameTable) {
        self.entries += 1;
        if record.kind == RecordKind::File {
            self.bytes += record.size;
        }
        let dump = &mut self.dumps[at];
        dump.entries += 1;
        for number in frames_of(record, table) {
            if dump.last != Some(number) {
                dump.last = Some(number);
                dump.frames += 1;
                dump.stored += table.get(number).map_or(0, |frame| u64::from(frame.stored));
            }
        }
    }
}

/// What a restore will read of one dump.
#[derive(Clone, Debug, Default)]
pub struct DumpMeasure {
    /// Entries.
    pub entries: u64,
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub stored: u64,
    last: Option<u32>,
}

/// The frames that an entry lies in.
pub fn frames_of(record: &Record, table: &FrameTable) -> Range<u32> {
    let mut end = record.frame + 1;
    let mut raw = table
        .get(record.frame)
        .map_or(0, |frame| u64::from(frame.raw) - u64::from(record.offset).min(frame.raw.into()));
    while raw < record.raw_len {
        let Some(frame) = table.get(end) else { break };
        raw += u64::from(frame.raw);
        end += 1;
    }
    record.frame..end
}

/// Wanted hard links whose first name, the one that has the contents, is not wanted. The first of them is made
/// with the contents, and the others become links to it.
#[derive(Default)]
pub(super) struct Orphans {
    /// For each unwanted first name: where its contents are, and the wanted name that gets them.
    first_names: BTreeMap<Vec<u8>, (usize, Record, Vec<u8>)>,
}

impl Orphans {
    /// Looks for them. Where everything is restored there are none, and nothing is read.
    pub(super) fn of(wish: &Wish<'_>) -> Result<Self, RestoreError> {
        let mut orphans = Self::default();
        if wish.choice.is_everything() {
            return Ok(orphans);
        }
        wish.each::<RestoreError>(|_, record| {
            let is_orphan = record.kind == RecordKind::HardLink
                && !wish.choice.wants(&record.link)
                && !orphans.first_names.contains_key(&record.link);
            if is_orphan && let Some((at, first)) = wish.view.find(&record.link)? {
                orphans.first_names.insert(record.link, (at, first, record.path));
            }
            Ok(())
        })?;
        Ok(orphans)
    }

    /// How a wanted entry is asked for; not at all, if it gets its contents elsewhere.
    pub(super) fn adopted(&self, record: Record) -> Option<(Record, Wanted)> {
        let mut wanted = Wanted::of(record.clone());
        if record.kind == RecordKind::HardLink
            && let Some((_, _, heir)) = self.first_names.get(&record.link)
        {
            if *heir == record.path {
                return None;
            }
            wanted.link = Some(WirePath(heir.clone()));
        }
        Some((record, wanted))
    }

    /// The contents that lie in this dump, to be made under the wanted names.
    pub(super) fn contents_in(&self, at: usize) -> impl Iterator<Item = (Record, Wanted)> {
        let here = self.first_names.values().filter(move |(whose, ..)| *whose == at);
        let mut here: Vec<_> = here.collect();
        here.sort_by_key(|(_, first, _)| (first.frame, first.offset));
        here.into_iter().map(|(_, first, heir)| {
            let to = Some(WirePath(heir.clone()));
            (first.clone(), Wanted { to, ..Wanted::of(first.clone()) })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use format::frame::{FrameKind, digest};
    use format::index::Writer;
    use taper::catalogue::{Dump, DumpStatus, Located};
    use types::{Bytes, DleRef, DumpId, Level};

    use super::*;

    /// Of every frame.
    const STORED: u32 = 1000;

    fn dle() -> DleRef {
        DleRef { host: "web".parse().unwrap(), dle: "/srv".parse().unwrap() }
    }

    /// A dump with one frame, which holds all of these.
    fn dump(directory: &Path, number: u64, records: &[Record]) -> Located {
        let id = DumpId::new(number, [0; 10]);
        let run = format!("2026010{number}000000").parse().unwrap();
        let mut writer = Writer::new().unwrap();
        let mut index = Vec::new();
        for record in records {
            index.extend(writer.push(record).unwrap().unwrap_or_default());
        }
        index.extend(writer.finish().unwrap());
        let mut table = FrameTable::new();
        table.push(FrameKind::S, STORED, 1 << 20, digest(b""));
        fs::write(directory.join(format!("{id}.rkx")), index).unwrap();
        fs::write(directory.join(format!("{id}.rkf")), table.encode().unwrap()).unwrap();
        let dump = Dump {
            id,
            dle: dle(),
            run,
            level: if number == 1 { Level::FULL } else { Level::FULL.next() },
            base: (number > 1).then(|| DumpId::new(number - 1, [0; 10])),
            status: DumpStatus::Good,
            started: run,
            finished: run,
            took: Duration::ZERO,
            raw: Bytes(1 << 20),
            stored: Bytes(STORED.into()),
            entries: records.len() as u64,
            frames: 1,
            index_sha: None,
        };
        Located { dump, held: None, copies: Vec::new(), expired: None }
    }

    /// A full with a file, and a level 1 with two more names of it.
    fn view(directory: &Path) -> View {
        let file = Record { size: 300, raw_len: 1024, ..Record::new("first", RecordKind::File) };
        let full = [Record::new("", RecordKind::Directory), file];
        let link = |name: &str| Record {
            link: b"first".to_vec(),
            raw_len: 512,
            ..Record::new(name, RecordKind::HardLink)
        };
        let chain = vec![dump(directory, 1, &full), dump(directory, 2, &[link("l1"), link("l2")])];
        View::of(&dle(), chain, Vec::new(), directory).unwrap()
    }

    fn patterns(given: &[&str]) -> Patterns {
        Patterns::within(given.iter().map(OsStr::new), b"").unwrap()
    }

    /// Entries, bytes of files, and of each dump the entries and the frames.
    fn measured(given: &[&str]) -> (u64, u64, Vec<(u64, u64)>) {
        let directory = tempfile::tempdir().unwrap();
        let (view, choice) = (view(directory.path()), patterns(given));
        let measure = Wish { view: &view, choice: &choice }.measure().unwrap();
        let dumps = measure.dumps.iter().map(|dump| (dump.entries, dump.frames)).collect();
        (measure.entries, measure.bytes, dumps)
    }

    #[test]
    fn contents_of_hard_links_count_where_they_lie() {
        // One link alone becomes the file, and the dump that only knows the link is not read.
        assert_eq!(measured(&["l2"]), (1, 300, vec![(1, 1), (0, 0)]));
        // The first becomes the file, and the other a link to it.
        assert_eq!(measured(&["l1", "l2"]), (2, 300, vec![(1, 1), (1, 1)]));
        // The name that has the contents is wanted too: nothing is special.
        assert_eq!(measured(&["first", "l1"]), (2, 300, vec![(1, 1), (1, 1)]));
        assert_eq!(measured(&[]), (4, 300, vec![(2, 1), (2, 1)]));
    }

    #[test]
    fn where_everything_is_wanted_no_index_is_read_for_links() {
        let directory = tempfile::tempdir().unwrap();
        let view = view(directory.path());
        // Whoever reads a block now fails.
        for at in 0..2 {
            let path = directory.path().join(format!("{}.rkx", view.dump(at).id));
            fs::write(path, b"").unwrap();
        }
        let orphans = |choice: &dyn Choice| Orphans::of(&Wish { view: &view, choice });
        assert!(orphans(&patterns(&[])).is_ok());
        assert!(orphans(&patterns(&["/"])).is_ok());
        assert!(orphans(&patterns(&["first"])).is_err());
    }
}

//! The walk's side of a dump: what is new, changed or gone becomes tasks for the workers.
//!
//! What goes together into a frame is decided here, by what the walk sees alone. So the image does not depend
//! on how many workers there are or on which of them is faster.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use format::entry::{Entry, Kind};
use format::frame::FrameKind;
use format::index::RecordKind;
use format::snapshot::SnapRecord;
use format::tar::{self, Dumpdir, Listed};
use rustix::fs::FileType;
use types::FileTime;

use super::DumpError;
use super::content::{Large, Map};
use super::job::{Item, Job, Made, Member, Task, What, info, strange};
use super::links::{Chain, Links, Name};
use super::spool::Spool;
use super::work::Shared;
use crate::directory::Budget;
use crate::since::{self, Cursor, FORGOTTEN, Lost, Records};
use crate::size::header_len;
use crate::stat::Stat;
use crate::walk::{Ended, Event, Found, Inside, Names, Passed, Stop, Tree, walk};

/// A bundle is closed when it has this many items, whatever their size.
pub(super) const ITEMS_MOST: usize = 1 << 14;

/// The name of the list of what is gone.
const GONE_LIST: &[u8] = b".reelkeep/deleted";

/// Where results are waited for, in the order of the image.
pub(super) type Order = Receiver<Receiver<Result<Made, DumpError>>>;

/// Where the plan sends what is to be done.
pub(super) struct Outlet {
    pub(super) jobs: Sender<Job>,
    pub(super) order: Sender<Receiver<Result<Made, DumpError>>>,
}

impl Outlet {
    fn send(&self, task: Task) -> Result<(), Stop> {
        let (reply, result) = bounded(1);
        self.order.send(result).map_err(|_| Stop)?;
        self.jobs.send(Job { task, reply }).map_err(|_| Stop)
    }
}

/// What a dump is to be made of.
pub(super) struct Planned<'a> {
    pub(super) tree: Tree<'a>,
    /// The base; none at level 0.
    pub(super) base: Option<Records>,
    /// Whether the tree is compared with a base.
    pub(super) full: bool,
    pub(super) started: FileTime,
    /// For what must wait.
    pub(super) directory: &'a Path,
}

pub(super) struct Planner<'a> {
    shared: &'a Shared,
    outlet: Outlet,
    full: bool,
    started: FileTime,
    cursor: Option<Cursor>,
    /// What the root's device was called in the base, and is called now.
    device: Option<(u64, u64)>,
    bundle: Vec<Item>,
    weight: u64,
    links: Links,
    gone: Spool,
    failed: Option<DumpError>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        outlet: Outlet,
        planned: Planned<'a>,
    ) -> Result<(Self, Tree<'a>), DumpError> {
        let cursor = planned.base.map(Cursor::new).transpose().map_err(DumpError::Base)?;
        let planner = Self {
            shared,
            outlet,
            full: planned.full,
            started: planned.started,
            cursor,
            device: None,
            bundle: Vec::new(),
            weight: 0,
            links: Links::default(),
            gone: Spool::new(planned.directory),
            failed: None,
        };
        Ok((planner, planned.tree))
    }

    /// Walks the tree to its end, and closes the tar.
    pub(super) fn run(
        mut self,
        tree: Tree<'_>,
        budget: Arc<Budget>,
        clock: impl Fn() -> FileTime,
    ) -> Result<(), DumpError> {
        let ended = walk(tree, budget, clock, |event| self.tell(event));
        let closed = match ended {
            Ok(()) => self.close(),
            Err(Ended::Stopped) => Err(Stop),
            Err(Ended::Failed(error)) => return Err(DumpError::Walk(error)),
        };
        match (closed, self.failed) {
            (_, Some(error)) => Err(error),
            // Whoever wanted no more knows why.
            (Ok(()) | Err(Stop), None) => Ok(()),
        }
    }

    fn tell(&mut self, event: Event<'_>) -> Result<(), Stop> {
        match event {
            Event::Found(found) => self.found(&found),
            Event::Unseen { path, why } => {
                self.pass(path)?;
                if let Some(cursor) = &mut self.cursor {
                    cursor.cannot_see(path);
                }
                self.push(Item::Note(strange(path, format!("it cannot be looked at: {why}"))), 0)
            }
            Event::Vanished { path } => {
                self.push(Item::Note(strange(path, "it vanished before it was looked at")), 0)
            }
            Event::Passed { path, why } => self.push(Item::Note(passed(path, why)), 0),
        }
    }

    fn found(&mut self, found: &Found<'_>) -> Result<(), Stop> {
        self.pass(found.path)?;
        let base = self.meet(found)?;
        let same = base.as_ref().is_some_and(|base| self.is_same(base, found.stat));
        let mut snap = since::record(found.path, since::kind_of(found.stat.file_type), found.stat);
        if since::is_too_fresh(snap.ctime, found.as_of) {
            snap.ctime = FORGOTTEN;
        }
        if found.stat.file_type == FileType::Directory {
            return self.directory(found, snap, same);
        }
        let chain = match base {
            Some(base) if same && base.kind == RecordKind::HardLink => Chain::Link,
            Some(_) if same => Chain::Contents,
            _ => Chain::Other,
        };
        let archive = if found.stat.nlink > 1 {
            match self.links.meet(found.path, found.stat, chain) {
                Name::First { archive } => archive,
                Name::Further { of, archive } => {
                    snap.kind = RecordKind::HardLink;
                    return if archive {
                        let weight = header_len(found.path.len(), of.len(), 0);
                        self.member(found, snap, What::Link(of.into_vec()), weight)
                    } else {
                        self.push(Item::Kept(snap), 0)
                    };
                }
            }
        } else {
            !same
        };
        if archive { self.changed(found, snap) } else { self.push(Item::Kept(snap), 0) }
    }

    /// The base's record of what was found, which from now on is behind.
    fn meet(&mut self, found: &Found<'_>) -> Result<Option<SnapRecord>, Stop> {
        let Some(cursor) = &mut self.cursor else { return Ok(None) };
        let base = match cursor.meet(found.path) {
            Ok(base) => base,
            Err(error) => return self.fail(DumpError::Base(error)),
        };
        match found.inside {
            Inside::Nothing => cursor.settle(found.path),
            Inside::Unreadable(_) => cursor.cannot_see(found.path),
            Inside::Names { .. } | Inside::MountPoint => {}
        }
        if found.path.is_empty() {
            self.device = base.as_ref().map(|base| (base.dev, found.stat.identity.dev));
        }
        Ok(base)
    }

    fn is_same(&self, base: &SnapRecord, stat: &Stat) -> bool {
        since::is_same(base, stat, |device| match self.device {
            Some((then, now)) if then == device => now,
            _ => device,
        })
    }

    fn directory(
        &mut self,
        found: &Found<'_>,
        mut snap: SnapRecord,
        same: bool,
    ) -> Result<(), Stop> {
        if let Inside::Unreadable(why) = found.inside {
            snap.ctime = FORGOTTEN;
            let note = strange(found.path, format!("the directory cannot be read: {why}"));
            self.push(Item::Note(note), 0)?;
        }
        if same && !self.full {
            return self.push(Item::Kept(snap), 0);
        }
        let (own, dumpdir) = match found.inside {
            Inside::Names { own, names } => (Some(Arc::clone(own)), listing(names)),
            // A listing would tell GNU tar to remove what is not on it.
            Inside::Nothing | Inside::MountPoint | Inside::Unreadable(_) => (None, None),
        };
        let listed = dumpdir.as_ref().map_or(0, Vec::len);
        let weight = header_len(found.path.len(), 0, listed);
        self.member(found, snap, What::Directory { own, dumpdir }, weight)
    }

    /// Something that is no directory, and that is to be archived with all it has.
    fn changed(&mut self, found: &Found<'_>, snap: SnapRecord) -> Result<(), Stop> {
        let header = header_len(found.path.len(), 0, 0);
        let what = match found.stat.file_type {
            FileType::Symlink => What::Symlink,
            FileType::Fifo => What::Fifo,
            FileType::CharacterDevice => What::CharDevice,
            FileType::BlockDevice => What::BlockDevice,
            _ if header + found.stat.size <= self.shared.frame_size => {
                return self.member(found, snap, What::File, header + found.stat.size);
            }
            _ => return self.long_file(found, snap, header),
        };
        // The text of a symbolic link is its size.
        let target = if matches!(what, What::Symlink) { found.stat.size } else { 0 };
        self.member(found, snap, what, header + target)
    }

    /// A file that does not fit into a bundle, unless most of it is hole.
    fn long_file(&mut self, found: &Found<'_>, snap: SnapRecord, header: u64) -> Result<(), Stop> {
        let opened = found.parent.open().and_then(|parent| {
            let file = self.shared.opener.open(&parent, found.name, found.stat.uid)?;
            let stat = Stat::of(&file)?;
            Ok((file, stat))
        });
        let (file, stat) = match opened {
            Ok((file, stat)) if stat.identity == found.stat.identity => (file, stat),
            Ok(_) => return self.missed(snap, "it was replaced while it was looked at".to_owned()),
            Err(why) => return self.missed(snap, format!("it cannot be read: {why}")),
        };
        let map = Map::of(&file, &stat);
        let large = Large { file, stat, map };
        let data = large.data_len();
        if header + data <= self.shared.frame_size {
            return self.member(found, snap, What::Sparse(large), header + data);
        }
        self.flush()?;
        let large = Arc::new(large);
        let member = member(found, snap, What::File);
        self.outlet.send(Task::Head(Box::new(member), Arc::clone(&large)))?;
        self.blocks(&large, data)
    }

    fn missed(&mut self, snap: SnapRecord, text: String) -> Result<(), Stop> {
        let note = strange(&snap.path, text);
        self.push(Item::Missed(since::forgotten(snap), note), 0)
    }

    fn blocks(&self, large: &Arc<Large>, data: u64) -> Result<(), Stop> {
        let mut at = 0;
        while at < data {
            let left = data - at;
            let whole = left >= self.shared.frame_size;
            let len = left.min(self.shared.frame_size);
            self.outlet.send(Task::Block {
                large: Arc::clone(large),
                at,
                len: usize::try_from(len).unwrap_or(usize::MAX),
                padding: if whole { 0 } else { tar::padding(data) },
                kind: if whole { FrameKind::B } else { FrameKind::T },
                last: len == left,
            })?;
            at += len;
        }
        Ok(())
    }

    fn member(
        &mut self,
        found: &Found<'_>,
        snap: SnapRecord,
        what: What,
        weight: u64,
    ) -> Result<(), Stop> {
        self.push(Item::Member(Box::new(member(found, snap, what))), weight)
    }

    /// Tells of what the base had before `path` and the walk has not met.
    fn pass(&mut self, path: &[u8]) -> Result<(), Stop> {
        self.lost_before(Some(path))
    }

    fn lost_before(&mut self, path: Option<&[u8]>) -> Result<(), Stop> {
        loop {
            let Some(cursor) = &mut self.cursor else { return Ok(()) };
            match cursor.lost_before(path) {
                Ok(None) => return Ok(()),
                Ok(Some(Lost::Carried(record))) => self.push(Item::Kept(record), 0)?,
                Ok(Some(Lost::Gone(path))) => {
                    let spooled = self.gone.push(&path).and_then(|()| self.gone.push(b"\0"));
                    if let Err(error) = spooled {
                        return self.fail(DumpError::Spool(error));
                    }
                    self.push(Item::Gone(path), 0)?;
                }
                Err(error) => return self.fail(DumpError::Base(error)),
            }
        }
    }

    fn fail<T>(&mut self, error: DumpError) -> Result<T, Stop> {
        self.failed = Some(error);
        Err(Stop)
    }

    fn push(&mut self, item: Item, weight: u64) -> Result<(), Stop> {
        self.bundle.push(item);
        self.weight += weight;
        if self.weight >= self.shared.frame_size || self.bundle.len() >= ITEMS_MOST {
            return self.flush();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Stop> {
        self.weight = 0;
        if self.bundle.is_empty() {
            return Ok(());
        }
        self.outlet.send(Task::Bundle(std::mem::take(&mut self.bundle)))
    }

    fn close(&mut self) -> Result<(), Stop> {
        self.lost_before(None)?;
        self.flush()?;
        if !self.full {
            self.list_of_what_is_gone()?;
        }
        self.outlet.send(Task::Raw(FrameKind::Z, tar::END.to_vec()))
    }

    /// The member that tells every tool which paths are gone, in frames of kind `L`.
    fn list_of_what_is_gone(&mut self) -> Result<(), Stop> {
        let list = std::mem::replace(&mut self.gone, Spool::new(Path::new("")));
        let len = list.length();
        let mut entry = Entry::new(GONE_LIST, Kind::File);
        entry.mode = 0o600;
        entry.size = len;
        entry.mtime = self.started;
        let mut bytes = Vec::new();
        tar::encode_header(&entry, len, &mut bytes);
        let mut rest = match list.finish() {
            Ok((_, reader)) => reader.chain(std::io::repeat(0).take(tar::padding(len) as u64)),
            Err(error) => return self.fail(DumpError::Spool(error)),
        };
        loop {
            let read = rest.by_ref().take(self.shared.frame_size).read_to_end(&mut bytes);
            if let Err(error) = read {
                return self.fail(DumpError::Spool(error));
            }
            if bytes.is_empty() {
                return Ok(());
            }
            self.outlet.send(Task::Raw(FrameKind::L, std::mem::take(&mut bytes)))?;
        }
    }
}

fn member(found: &Found<'_>, snap: SnapRecord, what: What) -> Member {
    Member {
        snap,
        stat: *found.stat,
        parent: Arc::clone(found.parent),
        name: found.name.to_owned(),
        what,
    }
}

/// The listing that GNU tar removes by. Which of the names are in this archive and which in an earlier one it does not
/// look at; it is not known before each was looked at, so all are said to be here.
fn listing(names: &Names) -> Option<Vec<u8>> {
    let mut listing = Dumpdir::new();
    for (name, is_directory) in names.iter() {
        listing.push(if is_directory { Listed::Directory } else { Listed::Here }, name);
    }
    listing.finish()
}

fn passed(path: &[u8], why: Passed) -> format::wire::Note {
    match why {
        Passed::Socket => info(path, "it is a socket, and not dumped"),
        Passed::TooLarge(size) => {
            info(path, format!("it has {size} bytes, more than the DLE allows, and is not dumped"))
        }
        Passed::UnknownType => strange(path, "it is of a type that nobody knows, and not dumped"),
        Passed::Reserved => strange(
            path,
            "images keep this name for their list of what is gone, so it is not dumped: rename it, \
             or remove it if it came from a restore",
        ),
    }
}

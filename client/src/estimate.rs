//! How much each of several dumps would be, found in one walk.
//!
//! The walk is that of a dump, with as many bases as are asked about running beside it. Sizes are of the tar, before
//! compression, as far as they can be known without opening a file.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use format::tar::padding;
use rustix::fs::FileType;
use types::FileTime;

use crate::directory::Budget;
use crate::since::{self, BaseError, Cursor, Records};
use crate::size::header_len;
use crate::stat::Stat;
use crate::walk::{Ended, Event, Found, Inside, Stop, Tree, WalkError, walk};

/// Entries between two words of progress.
const PROGRESS_EVERY: u64 = 1 << 14;

/// Why there is no estimate.
#[derive(Debug, thiserror::Error)]
pub enum EstimateError {
    /// The tree.
    #[error("cannot estimate the tree")]
    Walk(#[source] WalkError),
    /// A base.
    #[error("cannot compare the tree with a base")]
    Base(#[source] BaseError),
    /// Whoever wanted it.
    #[error("cannot say how far the estimate is")]
    Told(#[source] io::Error),
}

/// What a dump would have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

/// One of the dumps in question.
struct Tally {
    cursor: Option<Cursor>,
    device: Option<(u64, u64)>,
    size: Size,
    /// Bytes of the list of what is gone.
    gone: u64,
}

/// The sizes of dumps against these bases; `None` is a full dump. `progress` hears of how many entries the walk has seen.
pub(crate) fn estimate(
    tree: Tree<'_>,
    bases: Vec<Option<Records>>,
    clock: impl Fn() -> FileTime,
    mut progress: impl FnMut(u64) -> io::Result<()>,
) -> Result<Vec<Size>, EstimateError> {
    let mut tallies = Vec::new();
    for base in bases {
        let cursor = base.map(Cursor::new).transpose().map_err(EstimateError::Base)?;
        tallies.push(Tally { cursor, device: None, size: Size::default(), gone: 0 });
    }
    let mut failed = None;
    let mut linked = HashSet::new();
    let budget: Arc<Budget> = Budget::new(0);
    let mut seen = 0u64;
    let ended = walk(tree, budget, clock, |event| {
        seen += 1;
        let said = if seen.is_multiple_of(PROGRESS_EVERY) { progress(seen) } else { Ok(()) };
        let told = tell(&mut tallies, &mut linked, event).map_err(EstimateError::Base);
        told.and(said.map_err(EstimateError::Told)).map_err(|error| {
            failed = Some(error);
            Stop
        })
    });
    match (ended, failed) {
        (_, Some(error)) => return Err(error),
        (Err(Ended::Failed(error)), None) => return Err(EstimateError::Walk(error)),
        (Ok(()) | Err(Ended::Stopped), None) => {}
    }
    tallies.into_iter().map(Tally::finish).collect::<Result<_, _>>().map_err(EstimateError::Base)
}

fn tell(
    tallies: &mut [Tally],
    linked: &mut HashSet<crate::stat::Identity>,
    event: Event<'_>,
) -> Result<(), BaseError> {
    match event {
        Event::Found(found) => {
            let further = found.stat.nlink > 1
                && found.stat.file_type != FileType::Directory
                && !linked.insert(found.stat.identity);
            let bytes = if further { header_len(found.path.len(), 0, 0) } else { length(&found) };
            tallies.iter_mut().try_for_each(|tally| tally.found(&found, bytes))
        }
        Event::Unseen { path, .. } => {
            for tally in tallies {
                tally.pass(Some(path))?;
                if let Some(cursor) = &mut tally.cursor {
                    cursor.cannot_see(path);
                }
            }
            Ok(())
        }
        Event::Vanished { .. } | Event::Passed { .. } => Ok(()),
    }
}

/// The bytes of a member with all it has.
fn length(found: &Found<'_>) -> u64 {
    let path = found.path.len();
    match (found.inside, found.stat.file_type) {
        (Inside::Names { names, .. }, _) => {
            let listing = names.iter().map(|(name, _)| name.len() + 2).sum::<usize>() + 1;
            header_len(path, 0, listing)
        }
        (_, FileType::RegularFile) => {
            let data = data(found.stat);
            header_len(path, 0, 0) + data + padding(data) as u64
        }
        (_, FileType::Symlink) => {
            header_len(path, usize::try_from(found.stat.size).unwrap_or(0), 0)
        }
        _ => header_len(path, 0, 0),
    }
}

/// The bytes of a file without its holes.
fn data(stat: &Stat) -> u64 {
    if stat.allocated < stat.size - stat.size / 16 { stat.allocated + 512 } else { stat.size }
}

impl Tally {
    fn found(&mut self, found: &Found<'_>, bytes: u64) -> Result<(), BaseError> {
        self.pass(Some(found.path))?;
        let same = match &mut self.cursor {
            None => false,
            Some(cursor) => {
                let base = cursor.meet(found.path)?;
                match found.inside {
                    Inside::Nothing => cursor.settle(found.path),
                    Inside::Unreadable(_) => cursor.cannot_see(found.path),
                    Inside::Names { .. } | Inside::MountPoint => {}
                }
                if found.path.is_empty() {
                    self.device = base.as_ref().map(|base| (base.dev, found.stat.identity.dev));
                }
                let device = |device| match self.device {
                    Some((then, now)) if then == device => now,
                    _ => device,
                };
                base.is_some_and(|base| since::is_same(&base, found.stat, device))
            }
        };
        if !same {
            self.size.entries += 1;
            self.size.bytes += bytes;
        }
        Ok(())
    }

    fn pass(&mut self, path: Option<&[u8]>) -> Result<(), BaseError> {
        let Some(cursor) = &mut self.cursor else { return Ok(()) };
        while let Some(lost) = cursor.lost_before(path)? {
            if let since::Lost::Gone(path) = lost {
                self.gone += path.len() as u64 + 1;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Size, BaseError> {
        self.pass(None)?;
        self.size.bytes += 1024;
        if self.cursor.is_some() {
            self.size.bytes += header_len(0, 0, 0) + self.gone + padding(self.gone) as u64;
        }
        Ok(self.size)
    }
}

//! A DLE as it was: the indexes of a chain of dumps, open side by side.

use std::fs::File;
use std::path::{Path, PathBuf};

use format::frame::FrameTable;
use format::index::merge::{self, Merge};
use format::index::{IndexError, Reader, Record};
use taper::catalogue::{Catalogue, CatalogueError, Gap, Located};
use types::{DleRef, DumpId, Stamp};

use super::when;
use crate::clock::stamp_text;
use crate::store::{self, IndexTrouble};

/// The tree of a DLE on a day.
pub struct View {
    /// Of what.
    pub dle: DleRef,
    /// The dumps that make it up, the full first.
    pub chain: Vec<Located>,
    /// Newer dumps that could not be used, and why.
    pub passed_over: Vec<Gap>,
    readers: Vec<Reader<File>>,
    indexdir: PathBuf,
}

/// Why a day can't be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// There is no dump of it.
    #[error(
        "there is no dump of {dle}{} that can be restored{}: `reelkeep list dumps` shows those there are",
        until(*.when), passed_over(.gaps)
    )]
    NothingThen {
        /// Of what.
        dle: DleRef,
        /// As of when.
        when: Stamp,
        /// Dumps that are no longer whole.
        gaps: Vec<Gap>,
    },
    /// An index file is not there or not what it was.
    #[error(
        "the index of dump {dump} could not be read; `reelkeep catalogue check` looks for such, and `reelkeep catalogue rebuild` makes it again from the volumes"
    )]
    Index {
        /// Of which dump.
        dump: DumpId,
        /// What is wrong with it.
        #[source]
        source: IndexTrouble,
    },
    /// The catalogue could not be asked.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// Of the latest nobody has named a day.
fn until(when: Stamp) -> String {
    if when == when::latest() {
        return String::new();
    }
    format!(" from {} or before", stamp_text(when))
}

fn passed_over(gaps: &[Gap]) -> String {
    gaps.first().map(|gap| format!(" ({gap})")).unwrap_or_default()
}

impl View {
    /// The newest state at `when` that can be restored.
    pub fn open(
        catalogue: &Catalogue,
        indexdir: &Path,
        dle: &DleRef,
        when: Stamp,
    ) -> Result<Self, ViewError> {
        let state = catalogue.newest_at(dle, when)?;
        let Some(chain) = state.links else {
            return Err(ViewError::NothingThen { dle: dle.clone(), when, gaps: state.passed_over });
        };
        Self::of(dle, chain, state.passed_over, indexdir)
    }

    /// The state that a chain of dumps makes.
    pub fn of(
        dle: &DleRef,
        chain: Vec<Located>,
        passed_over: Vec<Gap>,
        indexdir: &Path,
    ) -> Result<Self, ViewError> {
        let readers = chain
            .iter()
            .map(|link| {
                let dump = link.dump.id;
                store::open(indexdir, dump).map_err(|source| ViewError::Index { dump, source })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { dle: dle.clone(), chain, passed_over, readers, indexdir: indexdir.to_owned() })
    }

    /// The dump whose record was met at this place in the chain.
    pub fn dump(&self, at: usize) -> &taper::catalogue::Dump {
        &self.chain[at].dump
    }

    /// The newest run of the chain.
    pub fn run(&self) -> Option<Stamp> {
        self.chain.last().map(|link| link.dump.run)
    }

    /// Everything, in walk order.
    pub fn all(&self) -> Result<Merge<'_, File>, IndexError> {
        Merge::new(&self.readers)
    }

    /// A directory and everything below it, in walk order.
    pub fn below(&self, dir: &[u8]) -> Result<Merge<'_, File>, IndexError> {
        Merge::below(&self.readers, dir)
    }

    /// What stands at a path.
    pub fn find(&self, path: &[u8]) -> Result<Option<(usize, Record)>, IndexError> {
        merge::find(&self.readers, path)
    }

    /// What a directory holds.
    pub fn list(&self, dir: &[u8]) -> Result<Vec<(usize, Record)>, IndexError> {
        merge::list(&self.readers, dir)
    }

    /// The frames of the dump at this place in the chain.
    pub fn frames(&self, at: usize) -> Result<FrameTable, ViewError> {
        let dump = self.dump(at).id;
        store::frames(&self.indexdir, dump).map_err(|source| ViewError::Index { dump, source })
    }
}

//! Index files and tables of frames: which are sound, and copying the others out of their images.

use std::cmp::Reverse;

use format::contents::View;
use format::frame::digest;
use taper::catalogue::{Catalogue, Dump, Filter, Located};
use taper::tail::{self, TailError};
use types::Label;

use super::survey::Seen;
use super::{Mode, Rebuilt, trouble};
use crate::night::estimate::with_causes;
use crate::operator::Desk;
use crate::restore::image::{Image, ImageError};
use crate::restore::libraries::Libraries;
use crate::restore::plan;
use crate::site::Site;
use crate::store::{self, IndexTrouble};

/// Why the end of an image did not give its index.
#[derive(Debug, thiserror::Error)]
enum NoIndex {
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error("the end of the image could not be understood")]
    Tail(#[from] TailError<ImageError>),
    #[error("the image is that of another dump")]
    Other,
    #[error("the index in the image is damaged: its SHA-256 is wrong")]
    Damaged,
    #[error("the index in the image says that it is {0} bytes long")]
    TooLong(u64),
    #[error("the index could not be written")]
    Write(#[from] std::io::Error),
}

/// Whether index and table of a dump are what the catalogue says; if not, why.
pub fn sound_index(directory: &std::path::Path, dump: &Dump) -> Result<(), String> {
    let told = |error: IndexTrouble| with_causes(&error);
    let bytes = store::bytes(directory, dump.id).map_err(told)?;
    if dump.index_sha.is_some_and(|sha| digest(&bytes) != sha) {
        return Err("its index file is not the one that came with the dump".to_owned());
    }
    let index = store::open(directory, dump.id).map_err(told)?;
    index.verify().map_err(|error| with_causes(&error))?;
    let frames = store::frames(directory, dump.id).map_err(told)?;
    // The contents frame is the last of the image, and not in its own table.
    let (found, wanted) = (frames.len() as u64 + 1, u64::from(dump.frames));
    if found != wanted || frames.stored_len() > dump.stored.0 {
        return Err(format!("its table is of {found} frames, and the dump has {wanted}"));
    }
    Ok(())
}

/// The dumps that can be restored and whose index or table is not sound, each with the reason.
pub fn unsound(
    site: &Site,
    catalogue: &Catalogue,
) -> Result<Vec<(Located, String)>, taper::catalogue::CatalogueError> {
    let directory = &site.config.site.indexdir;
    let mut found = Vec::new();
    for located in catalogue.dumps(&Filter::default())? {
        if located.is_restorable()
            && let Err(why) = sound_index(directory, &located.dump)
        {
            found.push((located, why));
        }
    }
    Ok(found)
}

/// What is to be made of the volumes that were seen.
pub(super) struct Making<'a> {
    pub(super) site: &'a Site,
    pub(super) catalogue: &'a Catalogue,
    pub(super) mode: Mode,
    pub(super) desk: &'a Desk,
    /// In the order in which they were in a drive.
    pub(super) seen: &'a [Seen],
}

impl Making<'_> {
    /// Copies what is not sound here out of the images, volume by volume; first those of the volume that was in a drive
    /// last.
    pub(super) fn all(
        &self,
        libraries: &mut Libraries,
        rebuilt: &mut Rebuilt,
        say: &mut dyn FnMut(&str),
    ) -> anyhow::Result<()> {
        let mut wanted = Vec::new();
        for (located, why) in unsound(self.site, self.catalogue)? {
            wanted.push((ends_on(&located), located, why));
        }
        let last_first = |label: &Option<Label>| {
            Reverse(self.seen.iter().position(|seen| Some(&seen.label) == label.as_ref()))
        };
        wanted.sort_by_key(|(label, ..)| last_first(label));
        if self.mode == Mode::ForReal {
            self.tell_volumes(wanted.iter().filter_map(|(label, ..)| label.as_ref()));
        }
        for (_, located, why) in wanted {
            let dump = &located.dump;
            let what = format!("{} level {} of run {}", dump.dle, dump.level, dump.run);
            tracing::info!("{what}: {why}");
            if self.mode == Mode::ForReal {
                if let Err(error) = copy_out(self.site, self.catalogue, libraries, &located) {
                    rebuilt.troubles.push(trouble(format!("no index for {what}"), &error));
                    continue;
                }
                say(&format!("index of {what}"));
            }
            rebuilt.indexes += 1;
        }
        Ok(())
    }

    /// Says which volumes a person will be asked for once more.
    fn tell_volumes<'b>(&self, labels: impl Iterator<Item = &'b Label>) {
        let manual = plan::manual(&self.site.config);
        let mut told: Vec<&str> = Vec::new();
        for label in labels {
            let by_hand = |seen: &Seen| seen.label == *label && manual.contains(&seen.storage);
            if self.seen.iter().any(by_hand) && !told.contains(&label.as_str()) {
                told.push(label.as_str());
            }
        }
        if !told.is_empty() {
            self.desk.tell(&format!(
                "The indexes of dumps are read from the ends of their images. Volumes that are needed for that, in this \
                 order: {}",
                told.join(" ")
            ));
        }
    }
}

/// The volume with the end of an image, unless that is held.
fn ends_on(located: &Located) -> Option<Label> {
    let copy = located.copies.iter().find(|copy| copy.is_complete());
    copy.filter(|_| located.held.is_none())?.labels.last().cloned()
}

fn copy_out(
    site: &Site,
    catalogue: &Catalogue,
    libraries: &mut Libraries,
    located: &Located,
) -> Result<(), NoIndex> {
    let dump = &located.dump;
    let mut image = Image::open(located, catalogue, &mut |storage| libraries.library(storage))?;
    let tail = tail::read(dump.stored, |offset, bytes| image.read_at(offset, bytes))?;
    if tail.identity.dump != dump.id {
        return Err(NoIndex::Other);
    }
    let length = usize::try_from(tail.index.length.0)
        .ok()
        .filter(|_| tail.index.length <= dump.stored)
        .ok_or(NoIndex::TooLong(tail.index.length.0))?;
    let mut index = vec![0; length];
    image.read_at(tail.index.offset.0, &mut index)?;
    if digest(&index) != tail.index.sha256 {
        return Err(NoIndex::Damaged);
    }
    let contents = View { identity: tail.identity, frames: tail.frames, index: &index };
    store::keep(&site.config.site.indexdir, &contents)?;
    Ok(())
}

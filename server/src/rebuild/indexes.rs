//! Index files and tables of frames: which are sound, and copying the others out of their images.

use format::contents::View;
use format::frame::digest;
use taper::catalogue::{Catalogue, Dump, Filter, Located};
use taper::tail::{self, TailError};

use super::{Mode, Rebuilt, trouble};
use crate::night::estimate::with_causes;
use crate::restore::image::{Image, ImageError};
use crate::restore::libraries::Libraries;
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

/// Copies what is not sound here out of the images.
pub(super) fn make(
    site: &Site,
    catalogue: &Catalogue,
    mode: Mode,
    rebuilt: &mut Rebuilt,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    let mut libraries = Libraries::of(&site.config);
    for (located, why) in unsound(site, catalogue)? {
        let dump = &located.dump;
        let what = format!("{} level {} of run {}", dump.dle, dump.level, dump.run);
        tracing::info!("{what}: {why}");
        if mode == Mode::ForReal {
            if let Err(error) = copy_out(site, catalogue, &mut libraries, &located) {
                rebuilt.troubles.push(trouble(format!("no index for {what}"), &error));
                continue;
            }
            say(&format!("index of {what}"));
        }
        rebuilt.indexes += 1;
    }
    Ok(())
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

//! Tapetypes: what a volume is like, with defaults that depend on what volumes stand on.

use types::{BlockSize, Bytes};

use super::Resolver;
use crate::changer::Medium;
use crate::model::{Storage, Tapetype};
use crate::read::Section;
use crate::sections::{StorageDraft, TapetypeDraft};

/// Parts on tape. A filemark that is waited for costs a drive some three seconds; at 400 MB/s a part of this
/// length takes eighty, and a bad spot costs no more than writing one part again.
const PART_ON_TAPE: Bytes = Bytes(32 << 30);

/// What is kept free on a tape for the last frame and the records of a run, if the drive can be told: drives
/// leave as little as 25 MB between their own early warning and the end.
const RESERVE_ON_TAPE: Bytes = Bytes(1_000_000_000);

/// Memory between image and tape, if nobody says: at 400 MB/s a drive empties it in a little more than a
/// second, and an LTO-9 drive that has to wait begins to wear its tape.
pub(super) const BUFFER_FOR_TAPE: Bytes = Bytes(512 << 20);

/// A shorter volume may have no room for its label, one frame, and the records of a run. Frames hold 4 MiB of a tree, and
/// are a little longer if that cannot be compressed.
const LEAST_LENGTH: Bytes = Bytes(5 << 20);

impl Resolver<'_> {
    /// The tapetype of a storage.
    pub(super) fn tapetype_of(
        &mut self,
        section: &Section<StorageDraft>,
        draft: &StorageDraft,
        medium: Medium,
    ) -> Option<Tapetype> {
        let all = &self.sections.tapetypes;
        let name = &draft.taper.tapetype;
        let found = self.named_or_only(section, "tapetype", "tapetype", name, all)?;
        let tapetype = resolved(found, medium)?;
        let blocksize = draft.taper.blocksize.as_ref().map_or(tapetype.blocksize, |s| s.value);
        Some(Tapetype { blocksize, ..tapetype })
    }

    /// Complains about a tapetype that lacks something or contradicts itself.
    pub(super) fn tapetype(&mut self, section: &Section<TapetypeDraft>, storages: &[Storage]) {
        let id = format!("tapetype.{}", section.name);
        self.remember(&id, &id, &section.sets);
        let mut media = storages
            .iter()
            .filter(|storage| storage.tapetype.name == section.name)
            .map(|storage| storage.changer.kind.medium());
        let medium = media.next().unwrap_or(Medium::Directory);
        if media.any(|other| other != medium) {
            let message = format!(
                "the tapetype {:?} is used for directories and for tapes, which are not alike",
                section.name
            );
            let suggestion = "write a tapetype for each".to_owned();
            self.faults.hint(&section.at, message, suggestion);
        }
        let Some(tapetype) = resolved(section, medium) else {
            if !section.failed.contains(&"length") {
                let message = format!("the tapetype {:?} has no length", section.name);
                let suggestion = "write length = \"10 GiB\"".to_owned();
                self.faults.mistake(&section.at, message, suggestion);
            }
            return;
        };
        self.lengths(section, &tapetype);
    }

    fn lengths(&mut self, section: &Section<TapetypeDraft>, tapetype: &Tapetype) {
        if tapetype.part_size.is_some_and(|part| part > tapetype.length) {
            let message = "a part cannot be longer than the volume";
            self.faults.mistake(&section.place("part-size"), message, None);
        }
        if tapetype.filemark.times(10) > tapetype.length {
            let message = "ten filemarks would fill the volume";
            self.faults.mistake(&section.place("filemark"), message, None);
        }
        if tapetype.blocksize.bytes().times(16) > tapetype.length {
            let message = "the volume has no room for 16 blocks";
            self.faults.mistake(&section.place("length"), message, None);
        }
        if tapetype.length < LEAST_LENGTH {
            let message =
                format!("a volume of {} may have no room for a single frame", tapetype.length);
            let suggestion = format!(
                "an image is cut between frames of up to 4 MiB, and each volume gets headers and records too: let `length` \
                 be {LEAST_LENGTH} or more"
            );
            self.faults.hint(&section.place("length"), message, suggestion);
        }
        if tapetype.early_warning.is_some_and(|reserve| reserve.times(2) > tapetype.length) {
            let message = "the early warning would come in the first half of the volume";
            self.faults.mistake(&section.place("early-warning"), message, None);
        }
    }
}

/// The tapetype that a section describes, if nothing is missing.
fn resolved(section: &Section<TapetypeDraft>, medium: Medium) -> Option<Tapetype> {
    let draft = section.apply(TapetypeDraft { filemark: Bytes::KIB, ..TapetypeDraft::default() });
    let length = draft.length?;
    let (blocksize, part_size, early_warning) = match medium {
        Medium::Directory => (BlockSize::HEADER, None, None),
        Medium::Tape => {
            let reserve = RESERVE_ON_TAPE.min(Bytes(length.0 / 16)).max(Bytes::MIB);
            (BlockSize::TAPE, Some(PART_ON_TAPE.min(length)), Some(reserve))
        }
    };
    Some(Tapetype {
        name: section.name.clone(),
        comment: draft.comment,
        length,
        blocksize: draft.blocksize.unwrap_or(blocksize),
        filemark: draft.filemark,
        speed: draft.speed,
        part_size: draft.part_size.unwrap_or(part_size),
        early_warning: draft.early_warning.or(early_warning),
        compression: draft.compression,
    })
}

//! Volumes on which not even one frame has room.
//!
//! Neither medium nor drive is at fault then, and no other drive would do better. Volumes in directories are as long as
//! the configuration says, so all of them are too small. Among cartridges one alone may be: it is set aside, and the
//! next is tried. If that is too small as well, so are the others, and the run looks at no more of the storage.

use std::collections::BTreeMap;

use config::{Medium, Tapetype};
use taper::catalogue::VolumeState;
use taper::mount::Appending;
use types::{Bytes, DumpId, Label, StorageName};

use super::Worker;
use crate::library::AnyDrive;
use crate::runlog::RunEvent;

/// What a drive has met of it in this run.
#[derive(Debug, Default)]
pub(super) struct Small {
    /// Whether the volume before this one was too small.
    one: bool,
    /// The storages of which no other volume is tried, and why.
    all: BTreeMap<StorageName, String>,
}

impl Small {
    /// A part was placed.
    pub(super) fn not_this_one(&mut self) {
        self.one = false;
    }

    /// Why no volume of the storage is worth a try.
    pub(super) fn why(&self, storage: &StorageName) -> Option<&String> {
        self.all.get(storage)
    }
}

impl Worker {
    /// Puts an empty volume away that has no room for this frame of a dump, and says what is wrong.
    pub(super) fn set_aside(
        &mut self,
        volume: Appending<AnyDrive>,
        (dump, frame): (DumpId, Bytes),
    ) -> Result<(), String> {
        let bench = &self.bench;
        let least = volume.least_length(frame, bench.records.room(&bench.indexdir, dump));
        let least = least.rounded_up(Bytes::MIB);
        let label = volume.label().clone();
        let storage = self.storage().clone();
        let medium = self.settings().changer.kind.medium();
        let short = format!("volume {label} is too small for a frame of {frame}");
        let mut why = sentence(&label, (frame, least), medium, &self.settings().tapetype);
        let all = medium == Medium::Directory
            || least > self.settings().tapetype.length
            || self.small.one;
        let state = match all {
            // Once the configuration is right, or larger cartridges are there, it is as good as any.
            true => {
                self.small.all.insert(storage.clone(), short);
                VolumeState::Active
            }
            false => {
                why.push_str("; another one is tried");
                VolumeState::Full
            }
        };
        self.small.one = true;
        bench.voice.log(RunEvent::VolumeTooSmall { storage, label, why });
        self.put_away(volume, state, "it is too small")
    }
}

fn sentence(
    label: &Label,
    (frame, least): (Bytes, Bytes),
    medium: Medium,
    tapetype: &Tapetype,
) -> String {
    let Tapetype { name, length, .. } = tapetype;
    let there_is = match medium {
        Medium::Directory => format!("`length` of tapetype {name} is {length}"),
        Medium::Tape => {
            format!("its cartridge holds less (`length` of tapetype {name} is {length})")
        }
    };
    format!(
        "volume {label} is too small: it is empty, and has no room for a frame of {frame}. With label, headers and the \
         records of the run it would have to hold {least} at least, and {there_is}"
    )
}

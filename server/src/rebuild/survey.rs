//! Every cartridge, loaded once: what its label says, what is in its files, and what its runs recorded.

use std::collections::BTreeSet;

use format::header::Header;
use format::records::{RunRecords, Unpacked, Unpacker};
use taper::catalogue::{Volume, VolumeEnd, VolumeState};
use taper::clerk::Reader;
use taper::label::Cartridge;
use taper::mount::{Identified, Mounted, is_records};
use taper::scan::{Hint, SlotView};
use types::{Barcode, BlockSize, FileNo, Label, PartNo, PoolName, Slot, Stamp, StorageName};

use super::{by_hand, trouble};
use crate::library::{self, AnyDrive, Library, LibraryTrouble};
use crate::operator::Desk;
use crate::site::Site;

/// A volume that was in a drive.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) label: Label,
    /// The run that began it; none if it was only labelled.
    pub(super) stamp: Option<Stamp>,
    pub(super) pool: PoolName,
    /// Whose library it is in.
    pub(super) storage: StorageName,
    pub(super) block_size: BlockSize,
    pub(super) slot: Slot,
    pub(super) barcode: Option<Barcode>,
    /// The file that would come next.
    pub(super) end: FileNo,
    pub(super) parts: Vec<SeenPart>,
    pub(super) records: Vec<RunRecords>,
}

/// A part of a dump of ours, as its header describes it.
#[derive(Clone, Debug)]
pub(super) struct SeenPart {
    pub(super) file: FileNo,
    pub(super) no: PartNo,
    pub(super) ours: format::header::Ours,
}

impl Seen {
    /// What was found on it.
    pub(super) fn in_words(&self) -> String {
        format!(
            "{}, {} parts, records of {} runs",
            self.label,
            self.parts.len(),
            self.records.len()
        )
    }

    /// What to say of it to a catalogue that learns of it from the label alone.
    pub(super) fn as_volume(&self) -> Volume {
        let empty = self.end <= FileNo::FIRST;
        Volume {
            slot: None,
            barcode: self.barcode.clone(),
            state: if empty { VolumeState::Labelled } else { VolumeState::Full },
            labelled: self.stamp,
            end: VolumeEnd { file: self.end.max(FileNo::FIRST), object: None },
            ..Volume::new(
                self.label.clone(),
                self.pool.clone(),
                self.storage.clone(),
                self.block_size,
            )
        }
    }
}

/// Looks at every volume of ours in every library.
pub(super) fn all(
    site: &Site,
    desk: &Desk,
    troubles: &mut Vec<String>,
    say: &mut dyn FnMut(&str),
) -> anyhow::Result<Vec<Seen>> {
    let mut seen: Vec<Seen> = Vec::new();
    let mut changers = BTreeSet::new();
    for storage in &site.config.storages {
        // Storages may share a library: each cartridge is looked at once, for the first of them.
        if !changers.insert(storage.changer.name.clone()) {
            continue;
        }
        let look = Look { site, storage, library: Library::open(storage)?.attended(desk) };
        if look.library.is_manual() {
            by_hand::read(&look, &mut seen, troubles, say)?;
            continue;
        }
        for view in look.library.slots()? {
            let slot = view.slot;
            match &view.hint {
                Hint::Empty => continue,
                // A cleaning cartridge, or a slot that the arm cannot get to.
                Hint::Busy(why) => {
                    say(&format!("slot {slot}: passed over: {why}"));
                    continue;
                }
                Hint::Unknown | Hint::Label(_) | Hint::Seen(_) => {}
            }
            match look.slot(&view, troubles) {
                Ok(Some(volume)) => {
                    if let Some(twin) = seen.iter().find(|other| other.label == volume.label) {
                        troubles.push(format!(
                            "slots {} and {slot} both hold a volume labelled {}: the second was left alone",
                            twin.slot, volume.label
                        ));
                        continue;
                    }
                    say(&format!("slot {slot}: {}", volume.in_words()));
                    seen.push(volume);
                }
                Ok(None) => {}
                Err(error) => {
                    troubles.push(trouble(format!("slot {slot} could not be read"), &error))
                }
            }
        }
        for drive in look.library.drives() {
            look.library.unload(drive)?;
        }
    }
    Ok(seen)
}

/// A library that is looked through.
pub(super) struct Look<'a> {
    site: &'a Site,
    storage: &'a config::Storage,
    pub(super) library: Library,
}

impl Look<'_> {
    /// The volume in a slot, if it is one of ours.
    pub(super) fn slot(
        &self,
        view: &SlotView,
        troubles: &mut Vec<String>,
    ) -> Result<Option<Seen>, LibraryTrouble> {
        let drive = self.library.any_drive()?;
        let mounted = match self.library.load(view.slot, drive)?.identify()? {
            Identified::Labelled(mounted) => mounted,
            Identified::Blank(_) => return Ok(None),
            Identified::Foreign(foreign) => {
                let slot = view.slot;
                troubles.push(format!("slot {slot} holds {}, and was left alone", foreign.what()));
                return Ok(None);
            }
        };
        if !self.is_ours(mounted.label(), view) {
            let (slot, label) = (view.slot, mounted.label());
            troubles.push(format!(
                "slot {slot} holds volume {label}, which labelstr does not take for one of ours, and was left alone"
            ));
            return Ok(None);
        }
        self.volume(mounted, view, troubles).map(Some)
    }

    fn is_ours(&self, label: &Label, view: &SlotView) -> bool {
        let cartridge =
            Cartridge { barcode: view.barcode.as_ref(), meta: None, slot: Some(view.slot) };
        let config = &self.site.config;
        let of_this_library =
            config.storages.iter().filter(|s| s.changer.name == self.storage.changer.name);
        of_this_library.into_iter().any(|storage| {
            library::labels(storage).is_ok_and(|(rule, _)| {
                rule.matches(label, &library::names(config, storage), cartridge)
            })
        })
    }

    fn volume(
        &self,
        mut mounted: Mounted<AnyDrive>,
        view: &SlotView,
        troubles: &mut Vec<String>,
    ) -> Result<Seen, LibraryTrouble> {
        let start = mounted.start().clone();
        let (pool, storage) = self.belongs(start.pool.as_ref());
        let end = mounted.end_of_data()?;
        let mut seen = Seen {
            stamp: start.stamp,
            pool,
            storage,
            block_size: start.block_size.unwrap_or(BlockSize::HEADER),
            slot: view.slot,
            barcode: view.barcode.clone(),
            end,
            parts: Vec::new(),
            records: Vec::new(),
            label: start.label,
        };
        let mut file = FileNo::FIRST;
        while file < end {
            match mounted.header_of(file)? {
                Some(header) if is_records(&header) => {
                    let (again, records) = rows(mounted, file);
                    mounted = again;
                    let what = format!("the records in file {file} of {}", seen.label);
                    match records {
                        Ok(records) => seen.records.push(records),
                        Err(error) => troubles.push(trouble(what, error.as_ref())),
                    }
                }
                Some(Header::SplitFile { part, dump, .. }) => {
                    if let Some(ours) = dump.ours {
                        seen.parts.push(SeenPart { file, no: part, ours });
                    }
                }
                _ => {}
            }
            file = file.next();
        }
        Ok(seen)
    }

    /// The pool in the label, and the storage of this library that writes to it.
    fn belongs(&self, pool: Option<&PoolName>) -> (PoolName, StorageName) {
        let of_pool = self.site.config.storages.iter().find(|storage| {
            storage.changer.name == self.storage.changer.name && Some(&storage.pool) == pool
        });
        let storage = of_pool.unwrap_or(self.storage);
        (pool.unwrap_or(&storage.pool).clone(), storage.name.clone())
    }
}

/// The rows of the records in a file. They stand before the indexes, which are not read here: each image has its
/// own.
fn rows(
    mounted: Mounted<AnyDrive>,
    file: FileNo,
) -> (Mounted<AnyDrive>, Result<RunRecords, Box<dyn std::error::Error + Send + Sync>>) {
    let mut reader = Reader::new(mounted);
    let mut unpacker = Unpacker::new();
    let mut found = None;
    let mut from = 0;
    let outcome = loop {
        let block = match reader.next_block(file, from) {
            Ok(Some(block)) => block,
            Ok(None) => break unpacker.finish().map_err(Into::into),
            Err(error) => break Err(error.into()),
        };
        from += block.len() as u64;
        let mut meet = |met: Unpacked<'_>| {
            if let Unpacked::Rows(records) = met {
                found = Some(records);
            }
        };
        if let Err(error) = unpacker.push(block, &mut meet) {
            break Err(error.into());
        }
        if found.is_some() {
            break Ok(());
        }
    };
    let rows = match (outcome, found) {
        (_, Some(records)) => Ok(records),
        (Err(error), None) => Err(error),
        (Ok(()), None) => Err("there are no rows in it".into()),
    };
    (reader.into_mounted(), rows)
}

//! The library of a storage, and what the configuration says of it in the taper's words.

use config::{Changer as ChangerConfig, ChangerKind, Config, Storage};
use devices::changer::Bay;
use devices::vtape::{self, Library as Vtapes, Setup};
use devices::{Changer, Drive, Inventory};
use format::header::Header;
use serde::Serialize;
use taper::label::{Autolabel, BadTemplate, LabelRule, Names};
use taper::mount::{Identified, Loaded, Mounted, is_records};
use taper::retention::{Policies, Policy};
use taper::scan::{Hint, Method, SlotView};
use types::{DriveName, FileNo, Label, Slot};

use crate::command::Misuse;

mod trouble;

pub use trouble::{LibraryTrouble, MountTrouble};

/// A drive of any kind.
pub type AnyDrive = Box<dyn Drive>;

/// A library of any kind. Clones are the same library.
#[derive(Clone, Debug)]
pub struct Library {
    vtapes: Vtapes,
    drives: Vec<DriveName>,
}

impl Library {
    /// Opens the library of a storage; a directory is made if it is not there.
    pub fn open(storage: &Storage) -> Result<Self, LibraryTrouble> {
        let ChangerConfig { name, kind, .. } = &storage.changer;
        let failed = |source| LibraryTrouble::Open { changer: name.clone(), source };
        let ChangerKind::Vtape { directory, slots, drives } = kind else {
            return Err(LibraryTrouble::NotServed { changer: name.clone() });
        };
        let drives: Vec<DriveName> = (0..*drives)
            .map(|number| {
                format!("drive{number}").parse().expect("a name without control characters")
            })
            .collect();
        vtape::create(directory, *slots).map_err(failed)?;
        let first = drives.first().cloned().ok_or(LibraryTrouble::NoDrive)?;
        let setup = Setup {
            drives: drives.clone(),
            ..Setup::with_capacity(first, storage.tapetype.length)
        };
        let early_warning = storage.tapetype.early_warning.unwrap_or(setup.early_warning);
        let setup = Setup { early_warning, ..setup };
        let vtapes = Vtapes::open(directory, setup).map_err(failed)?;
        Ok(Self { vtapes, drives })
    }

    /// Its drives.
    pub fn drives(&self) -> &[DriveName] {
        &self.drives
    }

    /// What is where.
    pub fn inventory(&self) -> Result<Inventory, LibraryTrouble> {
        Ok(self.vtapes.clone().inventory()?)
    }

    /// Opens a drive: nobody else can have it meanwhile.
    pub fn drive(&self, name: &DriveName) -> Result<AnyDrive, LibraryTrouble> {
        let failed = |source| LibraryTrouble::Open { changer: name.to_string(), source };
        Ok(Box::new(self.vtapes.drive(name).map_err(failed)?))
    }

    /// Opens the first drive that is free.
    pub fn any_drive(&self) -> Result<AnyDrive, LibraryTrouble> {
        self.drives.iter().find_map(|name| self.drive(name).ok()).ok_or(LibraryTrouble::NoDrive)
    }

    /// Brings the cartridge of a slot into a drive, and what is in the drive back to its own slot before.
    pub fn bring(&self, slot: Slot, drive: &DriveName) -> Result<(), LibraryTrouble> {
        let mut changer = self.vtapes.clone();
        let inventory = changer.inventory()?;
        let bay = inventory.drive(drive);
        if bay.is_some_and(|bay| bay.cartridge.is_some() && bay.home == Some(slot)) {
            return Ok(());
        }
        self.take_back(&mut changer, bay)?;
        // Another drive may have it, loaded by a command that has ended since.
        let elsewhere =
            inventory.drives.iter().find(|bay| bay.home == Some(slot) && bay.cartridge.is_some());
        self.take_back(&mut changer, elsewhere)?;
        Ok(changer.load(slot, drive)?)
    }

    fn take_back(&self, changer: &mut Vtapes, bay: Option<&Bay>) -> Result<(), LibraryTrouble> {
        if let Some(bay) = bay
            && bay.cartridge.is_some()
            && let Some(home) = bay.home
        {
            changer.unload(&bay.drive, home)?;
        }
        Ok(())
    }

    /// Brings what is in a drive back to its slot.
    pub fn unload(&self, drive: &DriveName) -> Result<(), LibraryTrouble> {
        let mut changer = self.vtapes.clone();
        let inventory = changer.inventory()?;
        self.take_back(&mut changer, inventory.drive(drive))
    }

    /// The slot that probably has a volume, whether it is there or in a drive.
    pub fn slot_of(&self, label: &Label) -> Result<Slot, LibraryTrouble> {
        let inventory = self.inventory()?;
        let in_slots = inventory.slots.iter().map(|place| (Some(place.slot), &place.cartridge));
        let in_drives = inventory.drives.iter().map(|bay| (bay.home, &bay.cartridge));
        let mut all = in_slots.chain(in_drives);
        let found = all.find(|(_, cartridge)| {
            cartridge.as_ref().is_some_and(|c| c.label.as_ref() == Some(label))
        });
        found.and_then(|(slot, _)| slot).ok_or_else(|| LibraryTrouble::Absent(label.clone()))
    }

    /// Mounts a volume for reading.
    pub fn mount(
        &self,
        label: &Label,
        drive: AnyDrive,
    ) -> Result<Mounted<AnyDrive>, LibraryTrouble> {
        self.bring(self.slot_of(label)?, &drive.name().clone())?;
        let found = match Loaded::new(drive).identify()? {
            Identified::Labelled(mounted) if mounted.label() == label => return Ok(mounted),
            Identified::Labelled(mounted) => format!("volume {}", mounted.label()),
            Identified::Blank(_) => "a blank medium".to_owned(),
            Identified::Foreign(foreign) => foreign.what().to_owned(),
        };
        Err(LibraryTrouble::Other { found, wanted: label.clone() })
    }

    /// The slots, as a scan wants to see them. A slot whose cartridge is in a drive is where it came from.
    pub fn slots(&self) -> Result<Vec<SlotView>, LibraryTrouble> {
        let inventory = self.inventory()?;
        let view = |slot: Slot, cartridge: Option<&devices::Cartridge>| {
            let hint = match cartridge {
                None => Hint::Empty,
                Some(cartridge) => cartridge.label.clone().map_or(Hint::Unknown, Hint::Label),
            };
            SlotView { slot, barcode: cartridge.and_then(|c| c.barcode.clone()), hint }
        };
        let mut slots = Vec::new();
        for place in &inventory.slots {
            let out = inventory
                .drives
                .iter()
                .find(|bay| bay.home == Some(place.slot) && bay.cartridge.is_some());
            let cartridge =
                place.cartridge.as_ref().or_else(|| out.and_then(|bay| bay.cartridge.as_ref()));
            slots.push(view(place.slot, cartridge));
        }
        Ok(slots)
    }
}

/// What one file of a volume says of itself.
#[derive(Debug, Serialize)]
pub struct FileSays {
    /// Which.
    pub file: FileNo,
    /// In words.
    pub says: String,
}

/// Reads the headers of the volume in a slot, without the catalogue.
pub fn scan_slot(storage: &Storage, slot: Slot) -> Result<Vec<FileSays>, LibraryTrouble> {
    let library = Library::open(storage)?;
    let drive = library.any_drive()?;
    library.bring(slot, &drive.name().clone())?;
    let mut files = Vec::new();
    match Loaded::new(drive).identify()? {
        Identified::Blank(_) => {
            files.push(FileSays { file: FileNo::LABEL, says: "blank".to_owned() })
        }
        Identified::Foreign(foreign) => {
            files.push(FileSays { file: FileNo::LABEL, says: foreign.what().to_owned() });
        }
        Identified::Labelled(mut mounted) => {
            files
                .push(FileSays { file: FileNo::LABEL, says: format!("label {}", mounted.label()) });
            let end = mounted.end_of_data()?;
            let mut file = FileNo::FIRST;
            while file < end {
                let says = mounted
                    .header_of(file)?
                    .map_or_else(|| "no header".to_owned(), |header| said(&header));
                files.push(FileSays { file, says });
                file = file.next();
            }
        }
    }
    Ok(files)
}

/// A header in a line.
pub fn said(header: &Header) -> String {
    match header {
        Header::TapeStart(start) => format!("label {}", start.label),
        Header::TapeEnd => "end of tape".to_owned(),
        Header::Noop => "nothing".to_owned(),
        Header::Empty => "blank".to_owned(),
        Header::Weird => "something that is no header".to_owned(),
        Header::File(dump) | Header::ContFile(dump) => {
            format!("image of {}:{} level {}", dump.host, dump.disk, dump.level)
        }
        records @ Header::SplitFile { dump, .. } if is_records(records) => {
            let run = dump.stamp.map_or_else(|| "a run".to_owned(), |stamp| format!("run {stamp}"));
            format!("records of {run}")
        }
        Header::SplitFile { part, dump, .. } => {
            let (host, disk) = match &dump.ours {
                Some(ours) => (ours.dle.host.to_string(), ours.dle.dle.to_string()),
                None => (dump.host.clone(), dump.disk.clone()),
            };
            let run = dump.stamp.map(|stamp| format!(", run {stamp}")).unwrap_or_default();
            let id =
                dump.ours.as_ref().map(|ours| format!(", dump {}", ours.dump)).unwrap_or_default();
            format!("part {part} of {host}:{disk} level {}{run}{id}", dump.level)
        }
    }
}

/// The storage of this name, or the one that runs write to.
pub(crate) fn storage<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a Storage, Misuse> {
    match name {
        None => planned_for(config)
            .ok_or_else(|| Misuse("the configuration has no storage to write to".to_owned())),
        Some(name) => config
            .storages
            .iter()
            .find(|storage| storage.name.as_str() == name)
            .ok_or_else(|| Misuse(format!("there is no storage {name} in the configuration"))),
    }
}

/// The storage that a run writes to.
pub fn planned_for(config: &Config) -> Option<&Storage> {
    let name = config.site.storage.first()?;
    config.storages.iter().find(|storage| storage.name == *name)
}

/// What the policies of all storages say, for the retention engine.
pub fn policies(config: &Config) -> Policies {
    config.storages.iter().map(|storage| (storage.name.clone(), policy(&storage.policy))).collect()
}

fn policy(policy: &config::Policy) -> Policy {
    Policy {
        volumes: policy.retention_tapes,
        days: policy.retention_days,
        recover_days: policy.retention_recover,
        cycles: policy.retention_cycles,
        keep_until: policy.keep_until,
        ..Policy::default()
    }
    .with_retention_full(policy.retention_full)
}

/// What label variables stand for.
pub fn names(config: &Config, storage: &Storage) -> Names {
    Names {
        org: config.site.org.clone(),
        config: config.site.name.clone(),
        storage: storage.name.to_string(),
    }
}

/// In which order volumes are looked for.
pub fn method(storage: &Storage) -> Method {
    match storage.tapering.taperscan {
        config::Taperscan::Traditional => Method::Traditional,
        config::Taperscan::Oldest => Method::Oldest,
        config::Taperscan::Lexical => Method::Lexical,
    }
}

/// Which labels are ours, and how new volumes are labelled.
pub fn labels(storage: &Storage) -> Result<(LabelRule, Option<Autolabel>), BadTemplate> {
    let autolabel = storage.tapering.autolabel.as_ref().map(autolabel).transpose()?;
    let rule = match (&storage.tapering.labelstr, &autolabel) {
        (config::LabelRule::MatchAutolabel, Some(autolabel)) => {
            LabelRule::Template(autolabel.template.clone())
        }
        (config::LabelRule::MatchAutolabel, None) => LabelRule::Any,
        (config::LabelRule::Template(template), _) => {
            LabelRule::Template(template.as_str().parse()?)
        }
        (config::LabelRule::Regex(text), _) => {
            regex::Regex::new(text).map_or(LabelRule::Any, LabelRule::Regex)
        }
    };
    Ok((rule, autolabel))
}

fn autolabel(autolabel: &config::Autolabel) -> Result<Autolabel, BadTemplate> {
    Ok(Autolabel {
        template: autolabel.template.as_str().parse()?,
        empty: autolabel.empty,
        volume_error: autolabel.volume_error,
        non_amanda: autolabel.non_amanda,
        other_config: autolabel.other_config,
    })
}

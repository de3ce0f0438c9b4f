//! What an emulated library is made of.

use serde::{Deserialize, Serialize};
use types::Bytes;

use super::cartridge::{Cartridge, Kind, Wear};
use super::dialect::Dialect;
use super::elements::{Elements, Spot};
use super::generation::Generation;
use super::medium::Partition;
use super::store::Store;

/// Drives, places and cartridges.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// In the order of their logical units, from 1 on.
    pub drives: Vec<DriveModel>,
    /// Places where cartridges stand.
    pub slots: u16,
    /// Places where people reach in.
    pub mail_slots: u16,
    /// How the changer talks.
    #[serde(default)]
    pub dialect: Dialect,
    /// What is in which place when the library is new.
    pub cartridges: Vec<CartridgeSetup>,
    /// What dice are thrown with.
    #[serde(default)]
    pub seed: u64,
    /// What a power cut leaves on a tape that was being written.
    #[serde(default)]
    pub power_cut: PowerCut,
}

/// What a drive leaves behind that loses power in the middle of writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PowerCut {
    /// No end of data: it is not found any more, 8/14/03.
    #[default]
    TornEnd,
    /// An end of data behind the last object that reached the medium: the kinder drives find it again.
    CleanEnd,
}

/// A kind of drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriveModel {
    /// At most 8 characters.
    pub vendor: String,
    /// At most 16.
    pub product: String,
    /// Of the firmware, at most 4.
    pub revision: String,
    /// What it writes.
    pub generation: Generation,
    /// Half-height drives are slower, and have no recommended access order.
    pub half_height: bool,
    /// Where LOCATE to a file ends.
    pub locate_file: LocateFile,
    /// The longest block.
    pub longest_block: u32,
}

/// Where LOCATE(16) with a file number takes the tape. Vendors differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocateFile {
    /// To the beginning of that file.
    ThatFile,
    /// To the beginning of the next one, as IBM's do.
    NextFile,
}

impl DriveModel {
    /// As IBM makes them, full height.
    pub fn ibm(generation: Generation) -> Self {
        let product = match generation {
            Generation::Lto4 => "ULT3580-TD4",
            Generation::Lto5 => "ULT3580-TD5",
            Generation::Lto6 => "ULT3580-TD6",
            Generation::Lto7 => "ULT3580-TD7",
            Generation::M8 | Generation::Lto8 => "ULT3580-TD8",
            Generation::Lto9 => "ULT3580-TD9",
            Generation::Lto10 | Generation::Lto10P => "ULT3580-TDA",
        };
        Self {
            vendor: "IBM".to_owned(),
            product: product.to_owned(),
            revision: "R3G3".to_owned(),
            generation,
            half_height: false,
            locate_file: LocateFile::NextFile,
            longest_block: 8 << 20,
        }
    }

    /// As Hewlett-Packard made them, full height.
    pub fn hp(generation: Generation) -> Self {
        let product = match generation {
            Generation::Lto4 => "Ultrium 4-SCSI",
            Generation::Lto5 => "Ultrium 5-SCSI",
            Generation::Lto6 => "Ultrium 6-SCSI",
            Generation::Lto7 => "Ultrium 7-SCSI",
            Generation::M8 | Generation::Lto8 => "Ultrium 8-SCSI",
            Generation::Lto9 => "Ultrium 9-SCSI",
            Generation::Lto10 | Generation::Lto10P => "Ultrium 10-SCSI",
        };
        Self {
            vendor: "HP".to_owned(),
            product: product.to_owned(),
            revision: "J2AW".to_owned(),
            locate_file: LocateFile::ThatFile,
            longest_block: (16 << 20) - 1,
            ..Self::ibm(generation)
        }
    }
}

/// A cartridge of a new library.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CartridgeSetup {
    /// Where it is.
    pub place: Spot,
    /// What its sticker says, if it has one.
    pub barcode: Option<String>,
    /// Its format.
    pub generation: Generation,
    /// What it is for.
    pub kind: Kind,
    /// What goes on it; what its generation holds if not said.
    #[serde(default)]
    pub capacity: Option<Bytes>,
    /// How long before its end the drive warns; some 25 MiB if not said, or a tenth of a small one.
    #[serde(default)]
    pub early_warning: Option<Bytes>,
    /// Whether some drive has measured it already (LTO-9).
    #[serde(default)]
    pub calibrated: bool,
}

impl CartridgeSetup {
    /// A new data cartridge that needs no calibration any more.
    pub fn blank(place: Spot, barcode: &str, generation: Generation) -> Self {
        Self {
            place,
            barcode: Some(barcode.to_owned()),
            generation,
            kind: Kind::Data,
            capacity: None,
            early_warning: None,
            calibrated: true,
        }
    }

    /// A cartridge that cleans drives.
    pub fn cleaning(place: Spot, barcode: &str, uses: u8) -> Self {
        Self { kind: Kind::Cleaning { uses }, ..Self::blank(place, barcode, Generation::Lto8) }
    }

    /// The same, holding no more than this.
    pub fn holding(self, capacity: Bytes) -> Self {
        Self { capacity: Some(capacity), ..self }
    }

    pub(crate) fn make(&self, serial: String) -> Cartridge {
        let capacity = self.capacity.unwrap_or_else(|| native(self.generation));
        let early = self.early_warning.unwrap_or(Bytes((25 << 20).min(capacity.0 / 10)));
        Cartridge {
            barcode: self.barcode.clone(),
            serial,
            kind: self.kind,
            generation: self.generation,
            capacity,
            early_warning: early,
            write_protected: false,
            calibrated: self.calibrated,
            memory: Default::default(),
            wear: Wear::default(),
            bad_spots: Vec::new(),
            sizes: vec![capacity.0],
            tape: vec![Partition::default()],
            store: Store::Memory,
        }
    }
}

/// What a cartridge of this generation holds.
fn native(generation: Generation) -> Bytes {
    Bytes(generation.facts().capacity_mb * 1_000_000)
}

impl Setup {
    /// So many drives of one kind, and places, with nothing in them.
    pub fn of(drive: &DriveModel, drives: u16, slots: u16, mail_slots: u16) -> Self {
        Self {
            drives: vec![drive.clone(); usize::from(drives)],
            slots,
            mail_slots,
            dialect: Dialect::default(),
            cartridges: Vec::new(),
            seed: 1,
            power_cut: PowerCut::default(),
        }
    }

    /// The same, with a new data cartridge in each of the first `count` slots: `PREFIX0001L8` and so on.
    pub fn filled(mut self, prefix: &str, count: u16, generation: Generation) -> Self {
        let suffix = generation.facts().suffix;
        self.cartridges.extend((0..count).map(|slot| {
            let barcode = format!("{prefix}{:04}{suffix}", slot + 1);
            CartridgeSetup::blank(Spot::Slot(slot), &barcode, generation)
        }));
        self
    }

    /// The same, with this cartridge too.
    pub fn with(mut self, cartridge: CartridgeSetup) -> Self {
        self.cartridges.push(cartridge);
        self
    }

    /// Whether every cartridge has a place of its own, or what is wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut elements = self.elements();
        for CartridgeSetup { place, .. } in &self.cartridges {
            let element = elements.get_mut(*place).ok_or_else(|| format!("there is no {place}"))?;
            element.cartridge.take().ok_or_else(|| format!("two cartridges are in {place}"))?;
        }
        Ok(())
    }

    pub(crate) fn elements(&self) -> Elements {
        let drives = u16::try_from(self.drives.len()).unwrap_or(u16::MAX);
        let mut elements = Elements::new(self.slots, self.mail_slots, drives);
        for (number, setup) in self.cartridges.iter().enumerate() {
            let serial = format!("RKE{:07}", number + 1);
            if let Some(element) = elements.get_mut(setup.place) {
                element.cartridge = Some(Box::new(setup.make(serial)));
            }
        }
        elements
    }
}

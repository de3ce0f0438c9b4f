//! What is really on the media, whatever anybody believes of it.
//!
//! A cartridge is a label and files behind it. Nothing but a write changes it, and each write says what it needs: to
//! start a volume afresh, a [`Reusable`].

use std::collections::BTreeMap;

use taper::catalogue::Reusable;
use taper::label::Found;
use types::{Barcode, Bytes, ChangerName, DumpId, FileNo, Label, PartNo, Slot, Stamp, StorageName};

/// A part as it really lies on a cartridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) dump: DumpId,
    pub(crate) storage: StorageName,
    pub(crate) no: PartNo,
    pub(crate) first_frame: u32,
    pub(crate) last_frame: u32,
    pub(crate) offset: Bytes,
    pub(crate) bytes: Bytes,
}

/// A file behind the label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum File {
    Part(Stretch),
    Records,
}

/// How well a cartridge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Good,
    /// It is read, but the next write fails.
    WriteFails,
    /// Nothing of it can be read any more.
    Dead,
}

/// One cartridge.
#[derive(Clone, Debug)]
pub(crate) struct Cartridge {
    pub(crate) barcode: Option<Barcode>,
    pub(crate) start: Start,
    pub(crate) files: Vec<File>,
    pub(crate) capacity: Bytes,
    pub(crate) used: Bytes,
    pub(crate) health: Health,
}

/// What file 0 is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Blank,
    Foreign,
    Label(Label, Option<Stamp>),
}

impl Cartridge {
    pub(crate) fn blank(barcode: Option<Barcode>, capacity: Bytes) -> Self {
        Self {
            barcode,
            start: Start::Blank,
            files: Vec::new(),
            capacity,
            used: Bytes::ZERO,
            health: Health::Good,
        }
    }

    pub(crate) fn label(&self) -> Option<&Label> {
        if let Start::Label(label, _) = &self.start { Some(label) } else { None }
    }

    /// What a drive finds in file 0.
    pub(crate) fn found(&self) -> Found {
        match &self.start {
            Start::Blank => Found::Blank,
            Start::Foreign => Found::Foreign("somebody else's archive".to_owned()),
            Start::Label(label, stamp) => Found::Labelled { label: label.clone(), stamp: *stamp },
        }
    }

    /// Where the next file would begin.
    pub(crate) fn end(&self) -> FileNo {
        FileNo(u32::try_from(self.files.len() + 1).unwrap_or(u32::MAX))
    }

    pub(crate) fn file(&self, no: FileNo) -> Option<&File> {
        self.files.get(usize::try_from(no.0.checked_sub(1)?).ok()?)
    }

    pub(crate) fn room(&self) -> Bytes {
        self.capacity - self.used
    }

    /// Writes a file behind the last.
    pub(crate) fn append(&mut self, file: File, takes: Bytes) -> FileNo {
        let at = self.end();
        self.files.push(file);
        self.used += takes;
        at
    }

    /// A label for a medium that had none of ours.
    pub(crate) fn label_new(&mut self, label: Label, stamp: Stamp) {
        self.afresh(label, stamp);
    }

    /// Starts the volume afresh. The leave is used up.
    pub(crate) fn relabel(&mut self, leave: Reusable, stamp: Stamp) {
        self.afresh(leave.label().clone(), stamp);
    }

    /// A label by hand has no stamp.
    pub(crate) fn label_by_hand(&mut self, label: Label) {
        self.erase();
        self.start = Start::Label(label, None);
    }

    /// Nothing is on it any more.
    pub(crate) fn erase(&mut self) {
        self.start = Start::Blank;
        self.files.clear();
        self.used = Bytes::ZERO;
    }

    /// What nobody gave leave to. Only a broken world does this.
    pub(crate) fn overwrite_without_leave(&mut self, label: Label, stamp: Stamp) {
        self.afresh(label, stamp);
    }

    fn afresh(&mut self, label: Label, stamp: Stamp) {
        self.erase();
        self.start = Start::Label(label, Some(stamp));
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &Stretch> {
        self.files.iter().filter_map(|file| match file {
            File::Part(stretch) => Some(stretch),
            File::Records => None,
        })
    }
}

/// A cartridge, by its place in [`Media::cartridges`], wherever it is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CartridgeNo(pub(crate) usize);

/// A drive: what is in it and from which slot that came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bay {
    pub(crate) cartridge: Option<(CartridgeNo, Place)>,
    /// Dead for tonight.
    pub(crate) dead: bool,
}

/// All cartridges there ever were, and where they are now. What is in no slot and no drive is on a shelf, or lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Media {
    pub(crate) cartridges: Vec<Cartridge>,
    /// Of each library, slot n+1 by its place n.
    pub(crate) racks: BTreeMap<ChangerName, Vec<Option<CartridgeNo>>>,
    pub(crate) shelf: Vec<CartridgeNo>,
    /// Burnt, eaten by a drive, thrown away. What was on them is gone.
    pub(crate) lost: Vec<CartridgeNo>,
}

impl Media {
    pub(crate) fn cartridge(&self, no: CartridgeNo) -> &Cartridge {
        &self.cartridges[no.0]
    }

    pub(crate) fn cartridge_mut(&mut self, no: CartridgeNo) -> &mut Cartridge {
        &mut self.cartridges[no.0]
    }

    pub(crate) fn add(&mut self, cartridge: Cartridge) -> CartridgeNo {
        self.cartridges.push(cartridge);
        CartridgeNo(self.cartridges.len() - 1)
    }

    /// Cartridges from which something could be read, on whatever shelf they are.
    pub(crate) fn readable(&self) -> impl Iterator<Item = (CartridgeNo, &Cartridge)> {
        let all = self.cartridges.iter().enumerate().map(|(no, c)| (CartridgeNo(no), c));
        all.filter(|(no, c)| c.health != Health::Dead && !self.lost.contains(no))
    }
}

/// A slot of a library.
pub(crate) type Place = (ChangerName, usize);

impl Media {
    pub(crate) fn rack(&self, changer: &ChangerName) -> &[Option<CartridgeNo>] {
        self.racks.get(changer).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn at(&self, (changer, at): &Place) -> Option<CartridgeNo> {
        self.rack(changer).get(*at).copied().flatten()
    }

    pub(crate) fn at_mut(&mut self, (changer, at): &Place) -> Option<&mut Option<CartridgeNo>> {
        self.racks.get_mut(changer)?.get_mut(*at)
    }

    /// All slots there are.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let of = |(changer, rack): (&ChangerName, &Vec<_>)| {
            let changer = changer.clone();
            (0..rack.len()).map(move |at| (changer.clone(), at))
        };
        self.racks.iter().flat_map(of)
    }
}

/// The number that people give the slot at this place.
pub(crate) fn slot(at: usize) -> Slot {
    Slot(u32::try_from(at + 1).unwrap_or(u32::MAX))
}

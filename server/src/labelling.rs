//! Labelling by hand.
//!
//! ```text
//! what is in the slot      without --force     with --force
//! nothing                  labelled            labelled
//! data of something else   refused             overwritten
//! no label that is read,   refused             labelled, unless the sticker or the chip says
//!   where a needed volume                        that it is that volume's cartridge
//!   was before
//! a volume we know         refused             begun afresh, if nothing on it is needed
//! a volume of ours that    refused             refused: rebuild the catalogue from it first
//!   we do not know
//! ```
//!
//! A label is chosen in the catalogue, written on the medium, read back, and then recorded as written. A crash
//! between leaves a label that is taken and perhaps on no medium; the next new volume gets it.

use config::{Config, Storage};
use devices::smc::barcode::same;
use devices::ssc::{CartridgeFacts, Protection};
use taper::catalogue::{Catalogue, CatalogueError, Volume, VolumeEnd, VolumeState};
use taper::label::{Autolabel, Cartridge, Found, LabelRule, Names, NoLabel, Taken, first_free};
use taper::mount::{Appending, Blank, Consent, Foreign, Identified, Loaded, Mounted, NewLabel};
use taper::scan::{Hint, Lost, SlotView};
use types::{Barcode, BlockSize, FileNo, Label, PoolName, Slot, Stamp};

use crate::clock::stamp_text;
use crate::library::{self, AnyDrive, Library, MountTrouble};
use crate::night::drive::{known, medium};

/// What the operator wants.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Which label; the next of the storage's template without.
    pub label: Option<Label>,
    /// Which slot; the first with a blank volume without.
    pub slot: Option<Slot>,
    /// The cartridge with this barcode, in whichever slot it is.
    pub barcode: Option<Barcode>,
    /// Whether something may be overwritten.
    pub force: bool,
}

/// A volume that was labelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// Its label.
    pub label: Label,
    /// Where it is.
    pub slot: Slot,
    /// To which pool it belongs.
    pub pool: PoolName,
    /// What was there before, in words.
    pub was: String,
}

/// Why nothing was labelled.
#[derive(Debug, thiserror::Error)]
pub enum NotLabelled {
    /// It did not come to it.
    #[error(transparent)]
    Mount(MountTrouble),
    /// No label can be made from it.
    #[error(transparent)]
    NoLabel(NoLabel),
    /// There is no template.
    #[error(
        "storage {0} has no autolabel template to make a label from: give one, `reelkeep label LABEL`"
    )]
    NoTemplate(String),
    /// The label would not count as ours.
    #[error(
        "{0} is not one of the labels that labelstr takes for ours, so no run would write on it: choose another, \
         or change labelstr in the configuration"
    )]
    NotOurs(Label),
    /// Another cartridge has it.
    #[error("slot {slot} holds a volume that is labelled {label} already: choose another label")]
    Double {
        /// The label.
        label: Label,
        /// Who has it.
        slot: Slot,
    },
    /// No cartridge has the barcode.
    #[error(
        "no cartridge of the library has the barcode {0}: `reelkeep library show` lists them, and `library import` takes \
         in what lies in the mail slots"
    )]
    NoBarcode(Barcode),
    /// The library has no such slot.
    #[error("{0}")]
    NoSlot(String),
    /// There is nothing to label.
    #[error(
        "no slot of the library holds a blank volume: put one in, or name a slot with --slot, and --force if what \
         is on it may go (`reelkeep library show` lists them)"
    )]
    NoBlank,
    /// Something is on the medium.
    #[error("slot {slot} holds {what}: if that may be overwritten, say --force")]
    NotBlank {
        /// Where.
        slot: Slot,
        /// What is there.
        what: String,
    },
    /// Its slider is shut.
    #[error(
        "the cartridge in slot {slot} is write-protected: move its slider. Nothing was written"
    )]
    Protected {
        /// Where.
        slot: Slot,
    },
    /// It can be written only once, and something is on it.
    #[error(
        "the cartridge in slot {slot} can be written only once (WORM), and is not blank: it cannot be labelled. Nothing was \
         written"
    )]
    WriteOnce {
        /// Where.
        slot: Slot,
    },
    /// A needed volume was in the slot before, and no label was read there now.
    #[error("slot {}: {}", .0.slot, .0.told(.1))]
    Lost(Box<Lost>, Found),
    /// It is the cartridge of a needed volume, and its label is lost.
    #[error(
        "slot {} holds the cartridge of {} by its barcode or its serial number, and its label cannot be read; {}. What is \
         behind the label may be whole. Nothing was written; `reelkeep volume forget {}` gives it up", .0.slot, .0.label,
         .0.needed, .0.label
    )]
    ItsCartridge(Box<Lost>),
    /// The catalogue says that something on it is needed.
    #[error("{needed}. Nothing was written; `reelkeep volume explain {label}` says until when")]
    Needed {
        /// Which.
        label: Label,
        /// Why.
        needed: taper::retention::Needed,
    },
    /// A volume of ours of which nothing is known.
    #[error(
        "slot {slot} holds volume {label}, which is one of ours and which the catalogue does not know: nobody can \
         tell what is on it. Nothing was written. `reelkeep catalogue rebuild` takes it over; then \
         `reelkeep label --slot {slot} --force` labels it if nothing on it is needed"
    )]
    Unknown {
        /// Where.
        slot: Slot,
        /// Which.
        label: Label,
    },
    /// Two volumes have this label.
    #[error(
        "the volume in slot {slot} is labelled {label} {found}, and the catalogue knows {label} {known}: there seem \
         to be two of this name. Nothing was written"
    )]
    Twin {
        /// Where.
        slot: Slot,
        /// Which label.
        label: Label,
        /// What the medium says.
        found: String,
        /// What the catalogue says.
        known: String,
    },
    /// The label did not arrive.
    #[error(
        "label {label} was written in slot {slot}, and {found} was read back: do not use this volume"
    )]
    ReadBack {
        /// Which.
        label: Label,
        /// Where.
        slot: Slot,
        /// What was read.
        found: String,
    },
}

impl<T: Into<MountTrouble>> From<T> for NotLabelled {
    fn from(trouble: T) -> Self {
        Self::Mount(trouble.into())
    }
}

/// Labels a volume. The site's lock is held by the caller.
pub fn label(
    config: &Config,
    storage: &Storage,
    catalogue: &mut Catalogue,
    order: &Order,
    now: Stamp,
) -> Result<Labelled, NotLabelled> {
    let library = Library::open(storage)?.knowing(&catalogue.volumes()?);
    let (rule, autolabel) = library::labels(storage)?;
    let slots = library.slots()?;
    let names = library::names(config, storage);
    let bench = Bench { config, storage, library, rule, autolabel, names, slots, now };
    let (slot, found, facts) = bench.find(order)?;
    if facts.protection == Some(Protection::Protected) {
        return Err(NotLabelled::Protected { slot });
    }
    if facts.is_write_once() && order.force && !matches!(found, Identified::Blank(_)) {
        return Err(NotLabelled::WriteOnce { slot });
    }
    match &found {
        Identified::Blank(_) => bench.refuse_lost(catalogue, slot, &facts, order, Found::Blank)?,
        Identified::Foreign(it) => bench.refuse_lost(catalogue, slot, &facts, order, it.found())?,
        Identified::Labelled(_) => {}
    }
    let labelled = match found {
        Identified::Blank(blank) => bench.label_blank(catalogue, slot, (blank, &facts), order)?,
        Identified::Foreign(foreign) => bench.label_over(catalogue, slot, foreign, order)?,
        Identified::Labelled(mounted) => bench.label_again(catalogue, slot, mounted, order)?,
    };
    let barcode = bench.view(slot).and_then(|view| view.barcode.as_ref());
    bench.library.note(barcode, slot, &labelled.label);
    catalogue.record_seen(&labelled.label, bench.library.shelf(slot), barcode)?;
    let medium = medium(&facts).unwrap_or_default();
    catalogue.record_medium(&labelled.label, medium, facts.serial.as_deref())?;
    Ok(labelled)
}

/// What is in a slot, and what its chip says.
type Looked = (Slot, Identified<AnyDrive>, CartridgeFacts);

struct Bench<'a> {
    config: &'a Config,
    storage: &'a Storage,
    library: Library,
    rule: LabelRule,
    autolabel: Option<Autolabel>,
    names: Names,
    slots: Vec<SlotView>,
    now: Stamp,
}

impl Bench<'_> {
    /// The slot that is meant, loaded and looked at.
    fn find(&self, order: &Order) -> Result<Looked, NotLabelled> {
        if let Some(barcode) = &order.barcode {
            let has = |view: &&SlotView| view.barcode.as_ref().is_some_and(|it| same(it, barcode));
            let view = self.slots.iter().find(has);
            let slot = view.ok_or_else(|| NotLabelled::NoBarcode(barcode.clone()))?.slot;
            return self.look(slot);
        }
        if let Some(what) =
            order.slot.map(|slot| self.library.has_no_slot(slot)).transpose()?.flatten()
        {
            return Err(NotLabelled::NoSlot(what));
        }
        // A drive without a robot has one cartridge at most, and that is meant.
        let only = self.library.is_manual().then(|| self.slots.first().map(|view| view.slot));
        let named = order.slot.or_else(|| only.flatten()).or_else(|| {
            let label = order.label.as_ref().filter(|_| order.force)?;
            self.slot_with(label)
        });
        if let Some(slot) = named {
            return self.look(slot);
        }
        let worm = self.storage.tapering.autolabel.as_ref().is_some_and(|rule| rule.worm);
        for view in self.slots.iter().filter(|view| view.hint == Hint::Unknown) {
            // What can be written only once, and what is write-protected, is taken only when it is named.
            let (slot, found, facts) = self.look(view.slot)?;
            let protected = facts.protection == Some(Protection::Protected);
            let skipped = protected || facts.is_write_once() && !worm;
            if matches!(found, Identified::Blank(_)) && !skipped {
                return Ok((slot, found, facts));
            }
        }
        Err(NotLabelled::NoBlank)
    }

    fn look(&self, slot: Slot) -> Result<Looked, NotLabelled> {
        let drive = self.library.any_drive()?;
        let (loaded, facts) = self.library.load_with_chip(slot, drive)?;
        Ok((slot, loaded.identify()?, facts))
    }

    fn view(&self, slot: Slot) -> Option<&SlotView> {
        self.slots.iter().find(|view| view.slot == slot)
    }

    fn slot_with(&self, label: &Label) -> Option<Slot> {
        let has = |view: &&SlotView| matches!(&view.hint, Hint::Label(seen) if seen == label);
        self.slots.iter().find(has).map(|view| view.slot)
    }

    fn cartridge(&self, slot: Slot) -> Cartridge<'_> {
        let barcode = self.view(slot).and_then(|view| view.barcode.as_ref());
        Cartridge { barcode, meta: None, slot: Some(slot) }
    }

    fn is_ours(&self, label: &Label, slot: Slot) -> bool {
        self.rule.matches(label, &self.names, self.cartridge(slot))
    }

    /// The label for what is in `slot`: the one that was asked for, or the next.
    fn name(&self, catalogue: &Catalogue, slot: Slot, order: &Order) -> Result<Label, NotLabelled> {
        let label = match &order.label {
            Some(label) => label.clone(),
            None => self.next(catalogue, slot)?,
        };
        if !self.is_ours(&label, slot) {
            return Err(NotLabelled::NotOurs(label));
        }
        match self.slot_with(&label) {
            Some(other) if other != slot => Err(NotLabelled::Double { label, slot: other }),
            _ => Ok(label),
        }
    }

    fn next(&self, catalogue: &Catalogue, slot: Slot) -> Result<Label, NotLabelled> {
        let Some(autolabel) = &self.autolabel else {
            return Err(NotLabelled::NoTemplate(self.storage.name.to_string()));
        };
        // A label that was chosen and perhaps never written is given to the next medium.
        let known = catalogue.volumes()?.into_iter().filter(|v| v.state != VolumeState::Chosen);
        let mut taken: Vec<Taken> = known.map(|volume| (volume.label, volume.barcode)).collect();
        for view in &self.slots {
            if let Hint::Label(label) = &view.hint {
                taken.push((label.clone(), view.barcode.clone()));
            }
        }
        let label = first_free(&autolabel.template, &self.names, self.cartridge(slot), &taken);
        label.map_err(NotLabelled::NoLabel)
    }

    fn choose(&self, catalogue: &mut Catalogue, label: &Label) -> Result<NewLabel, NotLabelled> {
        let Storage { pool, name, tapetype, .. } = self.storage;
        let volume = Volume::new(label.clone(), pool.clone(), name.clone(), tapetype.blocksize);
        catalogue.choose_label(&volume)?;
        Ok(NewLabel { label: label.clone(), stamp: None, pool: Some(pool.clone()) })
    }

    fn label_blank(
        &self,
        catalogue: &mut Catalogue,
        slot: Slot,
        (blank, facts): (Blank<AnyDrive>, &CartridgeFacts),
        order: &Order,
    ) -> Result<Labelled, NotLabelled> {
        let label = self.name(catalogue, slot, order)?;
        // A label that stays for ever bears the day on which it was written: no run can put its own into it.
        let stamp = facts.is_write_once().then_some(self.now);
        let new = NewLabel { stamp, ..self.choose(catalogue, &label)? };
        self.confirm(catalogue, slot, blank.label(new)?, "blank".to_owned())
    }

    fn label_over(
        &self,
        catalogue: &mut Catalogue,
        slot: Slot,
        foreign: Foreign<AnyDrive>,
        order: &Order,
    ) -> Result<Labelled, NotLabelled> {
        let what = foreign.what().to_owned();
        if !order.force {
            return Err(NotLabelled::NotBlank { slot, what });
        }
        let label = self.name(catalogue, slot, order)?;
        let new = self.choose(catalogue, &label)?;
        let consent = Consent::to_overwrite(format!("{what}, with --force"));
        self.confirm(catalogue, slot, foreign.overwrite(consent, new)?, what)
    }

    /// There is a label already.
    fn label_again(
        &self,
        catalogue: &mut Catalogue,
        slot: Slot,
        mounted: Mounted<AnyDrive>,
        order: &Order,
    ) -> Result<Labelled, NotLabelled> {
        let old = mounted.label().clone();
        match catalogue.volume(&old) {
            Ok(volume) => self.label_known(catalogue, slot, mounted, &volume, order),
            Err(CatalogueError::NoSuchVolume(_)) if self.is_ours(&old, slot) => {
                Err(NotLabelled::Unknown { slot, label: old })
            }
            Err(CatalogueError::NoSuchVolume(_)) => {
                let what = format!("volume {old}, whose label is not one of ours");
                self.label_over(catalogue, slot, mounted.into_foreign(what), order)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Begins a volume afresh that the catalogue knows, under its label or another.
    fn label_known(
        &self,
        catalogue: &mut Catalogue,
        slot: Slot,
        mounted: Mounted<AnyDrive>,
        volume: &Volume,
        order: &Order,
    ) -> Result<Labelled, NotLabelled> {
        let old = volume.label.clone();
        let written = volume.last_written.map_or_else(
            || "never written".to_owned(),
            |run| format!("written last on {}", stamp_text(run)),
        );
        let what = format!("volume {old}, {written}");
        if !order.force {
            return Err(NotLabelled::NotBlank { slot, what });
        }
        let found = mounted.start().stamp;
        if volume.labelled.is_some() && found != volume.labelled {
            let told = |stamp: Option<Stamp>| {
                stamp.map_or_else(|| "by no run".to_owned(), |run| format!("by run {run}"))
            };
            let (found, known) = (told(found), told(volume.labelled));
            return Err(NotLabelled::Twin { slot, label: old, found, known });
        }
        let renamed = order.label.as_ref().is_some_and(|label| *label != old);
        let new = if renamed {
            let label = self.name(catalogue, slot, order)?;
            self.refuse_needed(catalogue, &old)?;
            self.choose(catalogue, &label)?
        } else {
            NewLabel { label: old.clone(), stamp: None, pool: Some(volume.pool.clone()) }
        };
        let known = known(catalogue, &old)?;
        let inspected = mounted.inspect(&known, |dump| catalogue.dump(dump).is_ok())?;
        let policies = library::policies(self.config);
        let leave = catalogue.reusable(&old, &policies, self.now).map_err(|error| match error {
            CatalogueError::Needed(needed) => NotLabelled::Needed { label: old.clone(), needed },
            other => other.into(),
        })?;
        let labelled = self.confirm(catalogue, slot, inspected.label_anew(leave, new)?, what)?;
        if renamed {
            catalogue.remove_volume(&old, self.now)?;
        }
        Ok(labelled)
    }

    /// Before a new label is chosen for it: is the volume free at all?
    fn refuse_needed(&self, catalogue: &Catalogue, label: &Label) -> Result<(), NotLabelled> {
        let verdicts = catalogue.verdict(label, &library::policies(self.config), self.now)?;
        let needed = |needed| NotLabelled::Needed { label: label.clone(), needed };
        verdicts.of(label).leave().map_err(needed)
    }

    /// Whether a needed volume was in the slot before, of which only the label may be gone.
    fn refuse_lost(
        &self,
        catalogue: &Catalogue,
        slot: Slot,
        facts: &CartridgeFacts,
        order: &Order,
        found: Found,
    ) -> Result<(), NotLabelled> {
        let Some(SlotView { hint: Hint::Label(label), barcode, .. }) = self.view(slot) else {
            return Ok(());
        };
        let volume = match catalogue.volume(label) {
            Err(CatalogueError::NoSuchVolume(_)) => return Ok(()),
            volume => volume?,
        };
        let verdicts = catalogue.verdict(label, &library::policies(self.config), self.now)?;
        let serial = facts.serial.as_deref();
        let Some(lost) = Lost::new(&volume, slot, verdicts.of(label), serial) else {
            return Ok(());
        };
        let by_serial = serial.is_some() && volume.serial.as_deref() == serial;
        let by_barcode =
            matches!((barcode, &volume.barcode), (Some(it), Some(its)) if same(it, its));
        match (by_serial || by_barcode, order.force) {
            (true, _) => Err(NotLabelled::ItsCartridge(Box::new(lost))),
            (false, false) => Err(NotLabelled::Lost(Box::new(lost), found)),
            (false, true) => Ok(()),
        }
    }

    /// Reads the label back, and records it.
    fn confirm(
        &self,
        catalogue: &mut Catalogue,
        slot: Slot,
        volume: Appending<AnyDrive>,
        was: String,
    ) -> Result<Labelled, NotLabelled> {
        let wanted = volume.start().clone();
        let label = wanted.label.clone();
        let found = match Loaded::new(volume.into_drive()).identify()? {
            Identified::Labelled(mounted) if *mounted.start() == wanted => mounted,
            Identified::Labelled(mounted) => {
                let found = format!("volume {}", mounted.label());
                return Err(NotLabelled::ReadBack { label, slot, found });
            }
            Identified::Blank(_) => {
                return Err(NotLabelled::ReadBack { label, slot, found: "nothing".to_owned() });
            }
            Identified::Foreign(foreign) => {
                let found = foreign.what().to_owned();
                return Err(NotLabelled::ReadBack { label, slot, found });
            }
        };
        let block = wanted.block_size.unwrap_or(BlockSize::HEADER);
        let end = VolumeEnd { file: FileNo::FIRST, object: None };
        catalogue.record_labelled(&label, wanted.stamp, block, end, self.now)?;
        let mut drive = found.into_drive();
        drive.inscribe(&label, wanted.pool.as_ref(), self.now);
        let name = drive.name().clone();
        drop(drive);
        self.library.unload(&name)?;
        let pool = wanted.pool.unwrap_or_else(|| self.storage.pool.clone());
        Ok(Labelled { label, slot, pool, was })
    }
}

#[cfg(test)]
mod tests;

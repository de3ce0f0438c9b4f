//! `library`: drives, slots, what is in them, and moving it.
//!
//! ```text
//!  show, inventory                 show.rs    what is where, as a table
//!  load, unload, move              carry.rs   cartridges within the library
//!  import, export                  carry.rs   cartridges in and out of it
//!  clean, calibrate                chores.rs  what takes a drive some minutes, or hours
//!  verify-drives                   drives.rs  which drive sits where
//!  loaded, skip                    here       what an operator answers who was asked for a volume
//! ```
//!
//! Whatever moves a cartridge holds the lock of the site, so that no night is disturbed. What the library has to
//! remark (a door that was opened, a move that was reported as failed and was not) follows on standard error.

use std::sync::{Arc, Mutex, PoisonError};

use config::Storage;
use devices::robot::Listener;
use devices::smc::Busy;
use devices::smc::barcode::same;
use devices::{Inventory, Wait};
use serde_json::json;
use taper::catalogue::Catalogue;
use taper::retention::Policies;
use types::{Barcode, DriveName, Slot};

use super::{Context, Exit, Misuse};
use crate::cli::Library as Verb;
use crate::library::{self, Library, LibraryTrouble};
use crate::operator::{Answer, Board};
use crate::print;
use crate::site::Site;

mod carry;
mod chores;
mod drives;
mod show;
#[cfg(test)]
mod tests;

use show::Which;

pub(super) fn run(context: &Context, command: &Verb) -> anyhow::Result<Exit> {
    let site = context.open()?;
    match command {
        Verb::Loaded => return answer(context, &site, Answer::Loaded),
        Verb::Skip => return answer(context, &site, Answer::Skip),
        _ => {}
    }
    let moves = match command {
        Verb::Show { .. } | Verb::VerifyDrives { by_loading: None, .. } => None,
        _ => Some(site.lock(&context.holder("library"))?),
    };
    if let Verb::VerifyDrives { by_loading: Some(slot), storage } = command {
        // Such a library cannot be opened yet: nobody can tell its drives apart.
        let storage = library::storage(&site.config, storage.as_deref())?;
        return drives::by_loading(context, storage, *slot);
    }
    let place = Place::open(&site, command.storage())?;
    let policies = library::policies(&site.config);
    let catalogue = if moves.is_some() { site.catalogue()? } else { site.catalogue_to_read()? };
    let mut work = Work { context, place, catalogue, policies };
    let done = work.carry_out(command);
    work.place.library.remarks().iter().for_each(|remark| print::remark(remark));
    drop(moves);
    done
}

/// Answers the question that stands.
fn answer(context: &Context, site: &Site, answer: Answer) -> anyhow::Result<Exit> {
    let question = Board::new(&site.operator_board()).answer(answer)?;
    let goes_on = match answer {
        Answer::Skip => "it goes on without",
        _ => "the drive is looked at now",
    };
    if context.json {
        print::json(&json!({ "asked": question, "answer": goes_on }))?;
    } else {
        print::line(&format!("asked was: {question}\nanswered: {goes_on}"))?;
    }
    Ok(Exit::Good)
}

/// The library that a command is about.
pub(super) struct Place<'a> {
    pub(super) storage: &'a Storage,
    pub(super) library: Library,
}

impl<'a> Place<'a> {
    /// Opens the library of a storage, with what the catalogue knows of its volumes.
    pub(super) fn open(site: &'a Site, storage: Option<&str>) -> anyhow::Result<Self> {
        let storage = library::storage(&site.config, storage)?;
        let library = Library::open_heard(storage, heard())?;
        Ok(Self { storage, library: library.knowing(&site.catalogue_to_read()?.volumes()?) })
    }

    /// The drive of this name, or all.
    pub(super) fn named(&self, name: Option<&str>) -> Result<Vec<DriveName>, Misuse> {
        let Some(name) = name else { return Ok(self.library.drives().to_vec()) };
        Ok(vec![self.drive(name)?])
    }

    /// The slot of this number, which the library has: mail slots are slots.
    pub(super) fn slot(&self, number: u32) -> anyhow::Result<Slot> {
        match self.library.has_no_slot(Slot(number))? {
            None => Ok(Slot(number)),
            Some(what) => Err(Misuse(what).into()),
        }
    }

    /// The slot that a cartridge belongs to, by its number, or by the barcode or label of what is in it.
    pub(super) fn slot_called(&self, inventory: &Inventory, what: &str) -> anyhow::Result<Slot> {
        if let Ok(number) = what.parse() {
            return self.slot(number);
        }
        found(inventory, what).ok_or_else(|| {
            let what = format!(
                "{what} is neither a slot nor the barcode or label of a cartridge in a slot: `reelkeep library show`"
            );
            Misuse(what).into()
        })
    }

    fn drive(&self, name: &str) -> Result<DriveName, Misuse> {
        let all = self.library.drives();
        let found = all.iter().find(|drive| drive.as_str() == name).cloned();
        let names: Vec<&str> = all.iter().map(DriveName::as_str).collect();
        let lost = || self.library.lost_drives().into_iter().find(|lost| lost.0.as_str() == name);
        found.ok_or_else(|| match lost() {
            Some((_, why)) => Misuse(format!("drive {name} cannot be used: {why}")),
            None => Misuse(format!("there is no drive {name}: there are {}", names.join(", "))),
        })
    }

    /// The drive of this name, or the first.
    fn drive_or_first(&self, name: Option<&str>) -> anyhow::Result<DriveName> {
        match name {
            Some(name) => Ok(self.drive(name)?),
            None => Ok(self.library.drives().first().cloned().ok_or(LibraryTrouble::NoDrive)?),
        }
    }
}

/// The slot that a cartridge belongs to: by the barcode or label of what is in it.
fn found(inventory: &Inventory, what: &str) -> Option<Slot> {
    let wanted = what.parse::<Barcode>().ok();
    let is = |cartridge: &devices::Cartridge| {
        cartridge.barcode.as_ref().zip(wanted.as_ref()).is_some_and(|(it, wanted)| same(it, wanted))
            || cartridge.label.as_ref().is_some_and(|label| label.as_str() == what)
    };
    let in_slots = inventory.slots.iter().map(|place| (Some(place.slot), &place.cartridge));
    let in_drives = inventory.drives.iter().map(|bay| (bay.home, &bay.cartridge));
    let mut all = in_slots.chain(in_drives);
    all.find(|(_, cartridge)| cartridge.as_ref().is_some_and(is)).and_then(|(slot, _)| slot)
}

/// What every command here works with.
struct Work<'a> {
    context: &'a Context,
    place: Place<'a>,
    catalogue: Catalogue,
    /// How long volumes are kept.
    policies: Policies,
}

impl Work<'_> {
    fn carry_out(&mut self, command: &Verb) -> anyhow::Result<Exit> {
        match command {
            Verb::Show { .. } => self.show(),
            Verb::Inventory { scan, read, all, .. } => {
                if *scan {
                    self.place.library.look_through()?;
                }
                let which = if *all { Which::All } else { Which::Unread };
                // What is in a drive without a robot, only its label says.
                let reads = *read || self.place.library.is_manual();
                if reads { self.read(which) } else { self.show() }
            }
            Verb::Load { slot, drive, .. } => self.load(*slot, drive.as_deref()),
            Verb::Unload { drive, .. } => self.unload(drive.as_deref()),
            Verb::Move { from, to, .. } => self.carry(from, to),
            Verb::Import { mail, to, .. } => self.import(*mail, *to),
            Verb::Export { what, mail, .. } => self.export(what, *mail),
            Verb::Clean { drive, .. } => self.clean(drive),
            Verb::Calibrate { slots, drive, .. } => self.calibrate(slots, drive.as_deref()),
            Verb::VerifyDrives { .. } => self.verify_drives(),
            // They were answered before the library was opened.
            Verb::Loaded | Verb::Skip => Ok(Exit::Good),
        }
    }
}

/// Hears what is being waited for, and says it whenever there is something new, and once a minute.
fn heard() -> Listener {
    let last = Mutex::new(None);
    Arc::new(move |who: &str, busy: &Busy| {
        let now = (who.to_owned(), busy.says.clone(), busy.percent, busy.waited.as_secs() / 60);
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() != Some(&now) {
            print::remark(&format!("{who}: {}", waiting(busy)));
            *last = Some(now);
        }
        Wait::GoOn
    })
}

fn waiting(busy: &Busy) -> String {
    let done = busy.percent.map(|percent| format!(", {percent} % done")).unwrap_or_default();
    let seconds = busy.waited.as_secs();
    match seconds {
        0..60 => format!("{}{done}", busy.says),
        _ => format!("{}{done}, for {} min now", busy.says, seconds / 60),
    }
}

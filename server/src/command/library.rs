//! `library`: slots, drives, what is in them, and moving it.

use devices::{Cartridge, CartridgeKind, PlaceKind, Spot};
use serde_json::json;
use taper::mount::Identified;
use types::{DriveName, Slot};

use super::{Context, Exit, Misuse};
use crate::cli;
use crate::library::{self, Library, LibraryTrouble};
use crate::print;
use crate::site::Site;

pub(super) fn run(context: &Context, command: &cli::Library) -> anyhow::Result<Exit> {
    use cli::Library as L;
    let site = context.open()?;
    match command {
        L::Show { storage } => {
            let at = Place::open(&site, storage.as_deref())?;
            show(context, &at)
        }
        L::Inventory { scan, read, storage } => {
            let _lock = site.lock(&context.holder("library inventory"))?;
            let at = Place::open(&site, storage.as_deref())?;
            if *scan {
                at.library.look_through()?;
            }
            if *read {
                at.read(&site)?;
            }
            show(context, &at)
        }
        L::Load { slot, drive, storage } => {
            let _lock = site.lock(&context.holder("library load"))?;
            let at = Place::open(&site, storage.as_deref())?;
            let drive = at.named(drive.as_deref())?.first().cloned();
            let drive = drive.ok_or(LibraryTrouble::NoDrive)?;
            at.library.bring(Slot(*slot), &drive)?;
            done(context, &format!("slot {slot} is in {drive}"))
        }
        L::Unload { drive, storage } => {
            let _lock = site.lock(&context.holder("library unload"))?;
            let at = Place::open(&site, storage.as_deref())?;
            for drive in at.named(drive.as_deref())? {
                at.library.unload(&drive)?;
                print::line(&format!("{drive} is empty"))?;
            }
            Ok(Exit::Good)
        }
        L::Move { from, to, storage } => {
            let _lock = site.lock(&context.holder("library move"))?;
            let at = Place::open(&site, storage.as_deref())?;
            let [start, end] = [at.spot(from)?, at.spot(to)?];
            at.library.move_cartridge(&start, &end)?;
            done(context, &format!("the cartridge of {start} is in {end}"))
        }
        L::Import { mail, to, storage } => {
            let _lock = site.lock(&context.holder("library import"))?;
            let at = Place::open(&site, storage.as_deref())?;
            let slot = at.library.import(Slot(*mail), to.map(Slot))?;
            done(context, &format!("the cartridge of mail slot {mail} is in slot {slot}"))
        }
        L::Export { slot, mail, storage } => {
            let _lock = site.lock(&context.holder("library export"))?;
            let at = Place::open(&site, storage.as_deref())?;
            let mail = at.library.export(Slot(*slot), mail.map(Slot))?;
            done(
                context,
                &format!("the cartridge of slot {slot} is in mail slot {mail}: take it out"),
            )
        }
        L::Clean { drive, storage } => {
            let _lock = site.lock(&context.holder("library clean"))?;
            let at = Place::open(&site, storage.as_deref())?;
            for drive in at.named(Some(drive))? {
                let cleaned = at.library.clean(&drive)?;
                print::line(&format!("{drive} was cleaned with {}", cleaned.cartridge))?;
            }
            Ok(Exit::Good)
        }
        L::Calibrate { slots, drive, storage } => {
            let _lock = site.lock(&context.holder("library calibrate"))?;
            calibrate(&Place::open(&site, storage.as_deref())?, slots, drive.as_deref())
        }
        L::VerifyDrives { storage } => {
            verify_drives(context, &Place::open(&site, storage.as_deref())?)
        }
    }
}

fn done(context: &Context, text: &str) -> anyhow::Result<Exit> {
    if context.json {
        print::json(&json!({ "done": text }))?;
    } else {
        print::line(text)?;
    }
    Ok(Exit::Good)
}

/// The library that a command is about.
pub(super) struct Place<'a> {
    pub(super) storage: &'a config::Storage,
    pub(super) library: Library,
}

impl<'a> Place<'a> {
    /// Opens the library of a storage, with what the catalogue knows of its volumes.
    pub(super) fn open(site: &'a Site, storage: Option<&str>) -> anyhow::Result<Self> {
        let storage = library::storage(&site.config, storage)?;
        let library = Library::open(storage)?.knowing(&site.catalogue()?.volumes()?);
        Ok(Self { storage, library })
    }

    /// The drive of this name, or all.
    pub(super) fn named(&self, name: Option<&str>) -> Result<Vec<DriveName>, Misuse> {
        let Some(name) = name else { return Ok(self.library.drives().to_vec()) };
        let found = self.library.drives().iter().find(|drive| drive.as_str() == name).cloned();
        let all: Vec<&str> = self.library.drives().iter().map(DriveName::as_str).collect();
        let unknown = || Misuse(format!("there is no drive {name}: there are {}", all.join(", ")));
        found.map(|drive| vec![drive]).ok_or_else(unknown)
    }

    /// A slot by its number, or a drive by its name.
    fn spot(&self, text: &str) -> Result<Spot, Misuse> {
        if let Ok(number) = text.parse() {
            return Ok(Spot::Slot(Slot(number)));
        }
        let drive = self.named(Some(text))?.into_iter().next();
        drive.map(Spot::Drive).ok_or_else(|| Misuse(format!("there is no drive {text}")))
    }

    /// Loads every cartridge that nobody has read, and remembers which label it has.
    fn read(&self, site: &Site) -> anyhow::Result<()> {
        for slot in self.library.unread()? {
            let barcode = self.library.barcode(slot)?;
            let drive = self.library.any_drive()?;
            let name = drive.name().clone();
            match self.library.load(slot, drive)?.identify() {
                Ok(Identified::Labelled(mounted)) => {
                    let label = mounted.label().clone();
                    self.library.note(barcode.as_ref(), slot, &label);
                    let mut catalogue = site.catalogue()?;
                    if catalogue.volume(&label).is_ok() {
                        catalogue.record_seen(&label, Some(slot), barcode.as_ref())?;
                    }
                    print::remark(&format!("slot {slot}: volume {label}"));
                }
                Ok(Identified::Blank(_)) => print::remark(&format!("slot {slot}: blank")),
                Ok(Identified::Foreign(it)) => {
                    print::remark(&format!("slot {slot}: {}", it.what()))
                }
                Err(error) => print::remark(&format!(
                    "slot {slot} could not be read: {}",
                    crate::night::estimate::with_causes(&error)
                )),
            }
            self.library.unload(&name)?;
        }
        Ok(())
    }
}

fn calibrate(at: &Place<'_>, slots: &[u32], drive: Option<&str>) -> anyhow::Result<Exit> {
    let drive = at.named(drive)?.first().cloned().ok_or(LibraryTrouble::NoDrive)?;
    let slots: Vec<Slot> = slots.iter().copied().map(Slot).collect();
    let mut started = |slot: Slot| print::remark(&format!("slot {slot} is in {drive} …"));
    let mut exit = Exit::Good;
    for one in at.library.calibrate(&slots, &drive, &mut started)? {
        match one.outcome {
            Ok(()) => print::line(&format!("slot {}: ready for use", one.slot))?,
            Err(error) => {
                exit = Exit::Complaints;
                let why = crate::night::estimate::with_causes(&error);
                print::line(&format!("slot {}: {why}", one.slot))?;
            }
        }
    }
    Ok(exit)
}

fn verify_drives(context: &Context, at: &Place<'_>) -> anyhow::Result<Exit> {
    let (matching, table) = at.library.matching()?;
    if context.json {
        let pairs = matching.pairs.iter().map(|pair| {
            let why: Vec<String> = pair.evidence.iter().map(|it| format!("{it:?}")).collect();
            json!({ "drive": pair.name, "bay": pair.bay, "evidence": why })
        });
        print::json(&json!({
            "drives": pairs.collect::<Vec<_>>(), "empty_bays": matching.empty_bays,
            "missing": matching.missing.iter().map(|it| it.name.clone()).collect::<Vec<_>>(),
        }))?;
    } else {
        print::text(&table)?;
        for pair in &matching.pairs {
            print::line(&format!("{} sits in bay {}", pair.name, pair.bay))?;
        }
        for bay in &matching.empty_bays {
            print::line(&format!("bay {bay} has no drive that this host reaches"))?;
        }
        for missing in &matching.missing {
            let (name, serial) = (&missing.name, &missing.serial);
            print::line(&format!("{name} ({serial}) was found in no bay"))?;
        }
    }
    Ok(if matching.missing.is_empty() { Exit::Good } else { Exit::Complaints })
}

fn told(cartridge: &Option<Cartridge>, trouble: &Option<String>) -> String {
    let what = match cartridge {
        None => "empty".to_owned(),
        Some(it) if it.kind == CartridgeKind::Cleaning => "cleaning cartridge".to_owned(),
        Some(it) => {
            it.label.as_ref().map_or_else(|| "no label seen".to_owned(), ToString::to_string)
        }
    };
    match trouble {
        None => what,
        Some(trouble) => format!("{what} ({trouble})"),
    }
}

fn barcode(cartridge: &Option<Cartridge>) -> String {
    let barcode = cartridge.as_ref().and_then(|it| it.barcode.as_ref());
    barcode.map(ToString::to_string).unwrap_or_default()
}

fn show(context: &Context, at: &Place<'_>) -> anyhow::Result<Exit> {
    let inventory = at.library.inventory()?;
    if context.json {
        let cartridge = |it: &Option<Cartridge>| {
            (
                it.as_ref().and_then(|it| it.label.clone()),
                it.as_ref().and_then(|it| it.barcode.clone()),
            )
        };
        let drives = inventory.drives.iter().map(|bay| {
            let (label, barcode) = cartridge(&bay.cartridge);
            json!({
                "drive": bay.drive, "full": bay.cartridge.is_some(), "slot": bay.home, "label": label,
                "barcode": barcode, "trouble": bay.trouble,
            })
        });
        let slots = inventory.slots.iter().map(|place| {
            let (label, barcode) = cartridge(&place.cartridge);
            json!({
                "slot": place.slot, "full": place.cartridge.is_some(), "label": label, "barcode": barcode,
                "mail": place.kind != PlaceKind::Storage, "trouble": place.trouble,
            })
        });
        print::json(&json!({
            "storage": at.storage.name,
            "drives": drives.collect::<Vec<_>>(),
            "slots": slots.collect::<Vec<_>>(),
        }))?;
        return Ok(Exit::Good);
    }
    let mut rows = vec![["PLACE", "CARTRIDGE", "BARCODE", "FROM"].map(str::to_owned).to_vec()];
    for bay in &inventory.drives {
        let from = bay.home.map(|slot| format!("slot {slot}")).unwrap_or_default();
        let (what, barcode) = (told(&bay.cartridge, &bay.trouble), barcode(&bay.cartridge));
        rows.push(vec![bay.drive.to_string(), what, barcode, from]);
    }
    for place in &inventory.slots {
        let kind = if place.kind == PlaceKind::Storage { "slot" } else { "mail slot" };
        let (what, barcode) = (told(&place.cartridge, &place.trouble), barcode(&place.cartridge));
        rows.push(vec![format!("{kind} {}", place.slot), what, barcode, String::new()]);
    }
    print::text(&print::table(&rows, &[]))?;
    for remark in at.library.remarks() {
        print::remark(&remark);
    }
    Ok(Exit::Good)
}

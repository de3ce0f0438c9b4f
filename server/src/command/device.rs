//! `device`: what a drive says of itself and of the cartridge in it.

use devices::scsi::page::alert::{Flag, Severity};
use devices::ssc::Health;
use serde_json::json;
use types::{Bytes, DriveName};

use super::library::Place;
use super::{Context, Exit};
use crate::cli;
use crate::library::{AnyDrive, LibraryTrouble, Tape};
use crate::print;

pub(super) fn run(context: &Context, command: &cli::Device) -> anyhow::Result<Exit> {
    use cli::Device as D;
    let site = context.open()?;
    let (verb, at) = match command {
        D::Show(at) => ("device show", at),
        D::Stats(at) => ("device stats", at),
        D::Alerts(at) => ("device alerts", at),
    };
    let _lock = site.lock(&context.holder(verb))?;
    let place = Place::open(&site, at.storage.as_deref())?;
    let mut exit = Exit::Good;
    let mut values = Vec::new();
    for name in place.named(at.drive.as_deref())? {
        let mut drive = place.library.drive(&name)?;
        let tape = tape_of(&mut drive, &name)?;
        let (value, text, one) = match command {
            D::Show(_) => show(tape, &name)?,
            D::Stats(_) => stats(tape, &name)?,
            D::Alerts(_) => alerts(tape, &name)?,
        };
        if one == Exit::Complaints {
            exit = one;
        }
        if context.json {
            values.push(value);
        } else {
            print::text(&text)?;
        }
    }
    if context.json {
        print::json(&values)?;
    }
    Ok(exit)
}

fn tape_of<'a>(drive: &'a mut AnyDrive, name: &DriveName) -> Result<&'a mut Tape, LibraryTrouble> {
    let changer = name.to_string();
    let why = "it is a drive of directories, which has nothing to tell";
    drive.tape().ok_or(LibraryTrouble::NotForThis { changer, why })
}

type Told = (serde_json::Value, String, Exit);

/// Rows of a name and a value; what is not known is left out.
#[derive(Default)]
struct Sheet {
    rows: Vec<Vec<String>>,
    value: serde_json::Map<String, serde_json::Value>,
}

impl Sheet {
    fn of(name: &DriveName) -> Self {
        let mut sheet = Self::default();
        sheet.row("drive", Some(name.to_string()));
        sheet
    }

    fn row(&mut self, name: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            let value = value.to_string();
            self.rows.push(vec![name.to_owned(), value.clone()]);
            self.value.insert(name.replace(' ', "_"), value.into());
        }
    }

    fn bytes(&mut self, name: &str, value: Option<Bytes>) {
        if let Some(value) = value {
            self.rows.push(vec![name.to_owned(), value.to_string()]);
            self.value.insert(name.replace(' ', "_"), value.0.into());
        }
    }

    fn count(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.rows.push(vec![name.to_owned(), value.to_string()]);
            self.value.insert(name.replace(' ', "_"), value.into());
        }
    }

    fn told(self, exit: Exit) -> Told {
        (self.value.into(), print::table(&self.rows, &[]) + "\n", exit)
    }
}

fn show(tape: &mut Tape, name: &DriveName) -> anyhow::Result<Told> {
    let mut sheet = Sheet::of(name);
    let identity = tape.identify()?;
    sheet.row("maker", Some(identity.vendor));
    sheet.row("model", Some(identity.product));
    sheet.row("firmware", Some(identity.revision));
    sheet.row("serial", identity.serial);
    sheet.row("library", identity.library);
    let ready = tape.ready()?;
    let is_ready = ready == devices::ssc::Readiness::Ready;
    sheet.row("state", Some(ready));
    if is_ready {
        let cartridge = tape.cartridge()?;
        sheet.row("cartridge", cartridge.serial.clone());
        let once = cartridge.is_write_once().then_some("yes");
        sheet.row("written only once", once);
        let room = tape.health()?.room.map(|room| room[0]);
        sheet.bytes("holds", room.as_ref().and_then(|room| room.most));
        sheet.bytes("left", room.as_ref().and_then(|room| room.left));
    }
    Ok(sheet.told(Exit::Good))
}

fn stats(tape: &mut Tape, name: &DriveName) -> anyhow::Result<Told> {
    let mut sheet = Sheet::of(name);
    let Health { writing, reading, through, drive, cartridge, notes, .. } = tape.health()?;
    if let Some(drive) = drive {
        sheet.count("loads of the drive", drive.loads);
        sheet.count("cleanings", drive.cleanings);
        sheet.count("hours with power", drive.power_on_hours);
        sheet.count("hours in motion", drive.motion_hours);
        sheet.count("hours in motion since cleaning", drive.motion_hours_since_cleaning);
        sheet.count("hard write errors of the drive", drive.hard_write_errors);
        sheet.count("hard read errors of the drive", drive.hard_read_errors);
    }
    if let Some(cartridge) = cartridge {
        sheet.count("mounts of the cartridge", cartridge.mounts);
        sheet.bytes("written to the cartridge ever", cartridge.written_ever);
        sheet.count("write retries of the cartridge", cartridge.write_retries);
        sheet.count("write failures of the cartridge", cartridge.write_failures);
        sheet.count("read retries of the cartridge", cartridge.read_retries);
        sheet.count("read failures of the cartridge", cartridge.read_failures);
    }
    for (what, errors) in [("writing", writing), ("reading", reading)] {
        let Some(errors) = errors else { continue };
        sheet.count(&format!("{what} retried"), errors.retried);
        sheet.count(&format!("{what} corrected"), errors.corrected);
        sheet.count(&format!("{what} not corrected"), errors.uncorrected);
    }
    if let Some(through) = through {
        sheet.bytes("from the host", through.from_hosts);
        sheet.bytes("to the medium", through.to_medium);
    }
    sheet.count("helped itself since it was opened", Some(notes.recovered));
    Ok(sheet.told(Exit::Good))
}

fn alerts(tape: &mut Tape, name: &DriveName) -> anyhow::Result<Told> {
    let flags = tape.health()?.alerts;
    let value = flags.iter().map(|flag| {
        json!({
            "number": flag.number(), "name": flag.name(), "meaning": flag.meaning(),
            "advice": flag.advice(), "severity": severity(*flag),
        })
    });
    let value = json!({ "drive": name, "alerts": value.collect::<Vec<_>>() });
    let mut text = String::new();
    if flags.is_empty() {
        text = format!("{name}: no alerts\n");
    }
    for flag in &flags {
        text.push_str(&format!(
            "{name}: {} {} ({})\n  {} {}\n",
            flag.number(),
            flag.name(),
            severity(*flag),
            flag.meaning(),
            flag.advice()
        ));
    }
    let bad = flags.iter().any(|flag| flag.severity() != Severity::Information);
    Ok((value, text, if bad { Exit::Complaints } else { Exit::Good }))
}

fn severity(flag: Flag) -> &'static str {
    match flag.severity() {
        Severity::Information => "information",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

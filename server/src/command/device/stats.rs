//! `device stats`: what drive and cartridge have counted, in plain words.
//!
//! The drive keeps its own counts, the cartridge's memory keeps the cartridge's, and a changer its own. Nothing is reset by
//! reading them. What only the device's maker can explain is in the JSON, and printed when it is asked for.

use devices::scsi::page::log::changer::ChangerStatistics;
use devices::scsi::page::log::compression::Compression;
use devices::scsi::page::log::errors::Errors;
use devices::scsi::page::log::maker::{Figure, Value};
use devices::scsi::page::log::statistics::DeviceStatistics;
use devices::scsi::page::log::volume::VolumeStatistics;
use devices::smc::Life;
use devices::ssc::{Cleaning, FailureAhead, Health};
use serde_json::json;

use super::Known;
use super::sheet::{Sheet, Told};
use crate::command::Exit;
use crate::library::Tape;

pub(super) fn stats(tape: &mut Tape, name: &str, known: Known) -> anyhow::Result<Told> {
    let mut sheet = sheet(name, tape.health()?);
    own(&mut sheet, &tape.maker_pages()?, known);
    Ok(sheet.told(Exit::Good))
}

/// What a changer has counted.
pub(super) fn changer(name: &str, life: &Life, known: Known) -> Told {
    let mut sheet = Sheet::headed("changer", name);
    match life.counted {
        Some(counted) => arm(&mut sheet, counted),
        None if life.own.is_empty() => sheet.only_text("has counted", "it does not tell".into()),
        None => {}
    }
    own(&mut sheet, &life.own, known);
    sheet.told(Exit::Good)
}

fn sheet(name: &str, health: Health) -> Sheet {
    let mut sheet = Sheet::of(name);
    if let Some(life) = health.drive {
        drive(&mut sheet, &life);
    }
    if let Some(life) = health.cartridge {
        cartridge(&mut sheet, &life);
    }
    for (what, errors) in [("writing", health.writing), ("reading", health.reading)] {
        if let Some(errors) = errors {
            counted(&mut sheet, what, errors);
        }
    }
    if let Some(through) = health.through {
        sheet.bytes("from the host", through.from_hosts);
        sheet.bytes("to the medium", through.to_medium);
        sheet.bytes("from the medium", through.from_medium);
        sheet.bytes("to the host", through.to_hosts);
    }
    if let Some(compression) = health.compression {
        ratios(&mut sheet, compression);
    }
    let notes = health.notes;
    let asked = notes.cleaning == Cleaning::Asked;
    sheet.row("wants to be cleaned", asked.then_some("yes"));
    let expected = notes.failure == FailureAhead::Expected;
    sheet.row("expects to fail", expected.then_some("yes"));
    sheet.count("helped itself since it was opened", Some(notes.recovered));
    sheet
}

fn drive(sheet: &mut Sheet, life: &DeviceStatistics) {
    sheet.count("loads of the drive", life.loads);
    sheet.count("cleanings", life.cleanings);
    sheet.count("hours with power", life.power_on_hours);
    sheet.count("hours in motion", life.motion_hours);
    sheet.count("hours in motion since cleaning", life.motion_hours_since_cleaning);
    sheet.count("times switched on", life.power_cycles);
    sheet.count("metres of tape", life.metres);
    sheet.count("hard write errors of the drive", life.hard_write_errors);
    sheet.count("hard read errors of the drive", life.hard_read_errors);
}

fn cartridge(sheet: &mut Sheet, life: &VolumeStatistics) {
    sheet.count("mounts of the cartridge", life.mounts);
    sheet.bytes("written to the cartridge ever", life.written_ever);
    sheet.bytes("read from the cartridge ever", life.read_ever);
    sheet.bytes("written since it was mounted", life.written_this_mount);
    sheet.bytes("read since it was mounted", life.read_this_mount);
    sheet.count("write retries of the cartridge", life.write_retries);
    sheet.count("write failures of the cartridge", life.write_failures);
    sheet.count("read retries of the cartridge", life.read_retries);
    sheet.count("read failures of the cartridge", life.read_failures);
    let was = |warm| if warm { "yes" } else { "no" };
    sheet.row("was ever too warm", life.was_too_warm.map(was));
}

fn arm(sheet: &mut Sheet, counted: ChangerStatistics) {
    sheet.count("cartridges moved", counted.moves);
    sheet.count("picked up", counted.picks);
    sheet.count("picking up tried again", counted.pick_retries);
    sheet.count("put down", counted.places);
    sheet.count("putting down tried again", counted.place_retries);
    sheet.count("barcodes read", counted.barcodes);
    sheet.count("barcodes not readable", counted.bad_barcodes);
    sheet.count("times a door was opened", counted.doors);
    sheet.count("times a mail slot was opened", counted.mail_slots);
    sheet.count("times it looked into its slots", counted.inventories);
    sheet.count("errors of the arm that it got over", counted.recovered_errors);
    sheet.count("errors of the arm that it did not", counted.hard_errors);
}

/// What is on pages of the maker's own. What is known has its name; the rest has the numbers of page and parameter.
fn own(sheet: &mut Sheet, figures: &[Figure], known: Known) {
    for figure in figures {
        let text = figure.value.to_string();
        match figure.means {
            Some(name) => sheet.put(name, text, json_of(&figure.value)),
            None if known == Known::All => sheet.only_text(&unnamed(figure), text),
            None => {}
        }
    }
    let rest = figures.iter().filter(|figure| figure.means.is_none());
    let rest: Vec<_> = rest
        .map(|it| {
            let (page, parameter) = (it.page.to_string(), it.parameter);
            json!({ "page": page, "parameter": parameter, "bytes": it.value.to_string() })
        })
        .collect();
    if !rest.is_empty() {
        sheet.only_json("maker's own", rest.into());
    }
}

fn unnamed(figure: &Figure) -> String {
    format!("maker's page {}, {:04x}h", figure.page, figure.parameter)
}

fn json_of(value: &Value) -> serde_json::Value {
    match value {
        Value::Count(number) => (*number).into(),
        Value::Amount(bytes) | Value::Rate(bytes) => bytes.0.into(),
        Value::State(_) | Value::Raw(_) => value.to_string().into(),
    }
}

fn counted(sheet: &mut Sheet, what: &str, errors: Errors) {
    sheet.count(&format!("{what} retried"), errors.retried);
    sheet.count(&format!("{what} corrected"), errors.corrected);
    sheet.count(&format!("{what} not corrected"), errors.uncorrected);
}

fn ratios(sheet: &mut Sheet, found: Compression) {
    let both = [("written", found.write_percent), ("read", found.read_percent)];
    for (what, percent) in both {
        if let Some(percent) = percent {
            let text = format!("{}.{:02} to 1", percent / 100, percent % 100);
            sheet.put(&format!("compression of what was {what}"), text, percent.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use devices::scsi::page::PageCode;
    use types::Bytes;

    use super::*;

    #[test]
    fn what_a_drive_does_not_count_is_left_out() {
        let told = sheet("drive0", Health::default()).told(Exit::Good);
        assert_eq!(
            told.text,
            "drive                              drive0\nhelped itself since it was opened  0\n\n"
        );
    }

    #[test]
    fn what_only_the_maker_can_explain_is_printed_when_asked_for_and_always_in_json() {
        let page = PageCode::page(0x37);
        let figure = |parameter, means, value| Figure { page, parameter, means, value };
        let figures = [
            figure(1, Some("native rate"), Value::Rate(Bytes(80_000_000))),
            figure(0x10, None, Value::Raw(vec![0x80])),
        ];
        let told = |known| {
            let mut sheet = Sheet::of("drive0");
            own(&mut sheet, &figures, known);
            sheet.told(Exit::Good)
        };
        let some = told(Known::Named);
        assert_eq!(some.text, "drive        drive0\nnative rate  76.3 MiB/s\n\n");
        assert_eq!(some.value["native_rate"], 80_000_000);
        let unknown = json!([{ "page": "37h", "parameter": 16, "bytes": "80" }]);
        assert_eq!(some.value["makers_own"], unknown);
        let all = told(Known::All);
        assert!(all.text.contains("maker's page 37h, 0010h  80\n"), "{}", all.text);
        assert_eq!(all.value, some.value);
    }

    #[test]
    fn a_changer_tells_what_it_has_done_or_that_it_does_not_tell() {
        let counted = ChangerStatistics { moves: Some(7), ..ChangerStatistics::default() };
        let life = Life { counted: Some(counted), own: Vec::new() };
        let told = changer("robot", &life, Known::Named);
        assert_eq!(told.text, "changer           robot\ncartridges moved  7\n\n");
        assert_eq!(told.value["cartridges_moved"], 7);
        let told = changer("robot", &Life::default(), Known::All);
        assert_eq!(told.text, "changer      robot\nhas counted  it does not tell\n\n");
    }

    #[test]
    fn compression_is_told_as_people_say_it() {
        let compression = Compression { write_percent: Some(205), ..Compression::default() };
        let health = Health { compression: Some(compression), ..Health::default() };
        let told = sheet("drive0", health).told(Exit::Good);
        assert!(
            told.text.contains("compression of what was written    2.05 to 1"),
            "{}",
            told.text
        );
        assert_eq!(told.value["compression_of_what_was_written"], 205);
    }
}

//! `device stats`: what drive and cartridge have counted, in plain words.
//!
//! The drive keeps its own counts, the cartridge's memory keeps the cartridge's. Nothing is reset by reading them.

use devices::scsi::page::log::compression::Compression;
use devices::scsi::page::log::errors::Errors;
use devices::scsi::page::log::statistics::DeviceStatistics;
use devices::scsi::page::log::volume::VolumeStatistics;
use devices::ssc::{Cleaning, FailureAhead, Health};

use super::sheet::{Sheet, Told};
use crate::command::Exit;
use crate::library::Tape;

pub(super) fn stats(tape: &mut Tape, name: &str) -> anyhow::Result<Told> {
    Ok(sheet(name, tape.health()?).told(Exit::Good))
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
    use devices::scsi::page::log::compression::Compression;
    use devices::ssc::Health;

    use super::sheet;
    use crate::command::Exit;

    #[test]
    fn what_a_drive_does_not_count_is_left_out() {
        let told = sheet("drive0", Health::default()).told(Exit::Good);
        assert_eq!(
            told.text,
            "drive                              drive0\nhelped itself since it was opened  0\n\n"
        );
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

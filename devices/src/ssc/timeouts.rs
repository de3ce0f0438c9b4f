//! How long a command may take.
//!
//! A command that is not answered in time is aborted by the host, and then the drive is reset: it stands before
//! the label, and everything in its buffer is lost. Waiting too long costs only the waiting. So a command gets
//! the longest that any LTO drive documents for it, or what this drive recommends if that is more.

use std::collections::BTreeMap;
use std::time::Duration;

use super::TapeDrive;
use crate::scsi::Cdb;
use crate::scsi::cdb::spc::{Commands, report_supported_opcodes};
use crate::scsi::page::opcodes;
use crate::transport::{Data, Transport};

/// What commands without a row get.
const OTHERS: u64 = 120;

/// Seconds, by operation code: the longest of LTO-5 to LTO-10, full and half height, as IBM's SCSI references
/// have them.
const LONGEST: &[(u8, u64)] = &[
    (0x01, 600),     // REWIND
    (0x04, 10_800),  // FORMAT MEDIUM; an LTO-9 cartridge may be calibrated in it
    (0x08, 2_340),   // READ(6)
    (0x0a, 1_500),   // WRITE(6)
    (0x0b, 960),     // SET CAPACITY
    (0x10, 1_620),   // WRITE FILEMARKS(6)
    (0x11, 2_940),   // SPACE(6)
    (0x13, 104_880), // VERIFY(6)
    (0x19, 166_370), // ERASE
    (0x1b, 960),     // LOAD UNLOAD
    (0x2b, 2_940),   // LOCATE(10)
    (0x91, 2_940),   // SPACE(16)
    (0x92, 2_940),   // LOCATE(16)
];

/// How long each command may take.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeouts {
    recommended: BTreeMap<u8, Duration>,
}

impl Timeouts {
    /// With what a drive recommends: operation codes and seconds. Zero says nothing.
    fn recommended(by_the_drive: impl IntoIterator<Item = (u8, Duration)>) -> Self {
        let mut recommended = BTreeMap::new();
        for (code, time) in by_the_drive {
            // Several rows of one code differ in their service action: the longest holds for all.
            let longest = recommended.entry(code).or_insert(time);
            *longest = time.max(*longest);
        }
        Self { recommended }
    }

    /// How long this one may take.
    pub(super) fn of(&self, cdb: &Cdb) -> Duration {
        let code = cdb.opcode();
        let row = LONGEST.iter().find(|(row, _)| *row == code);
        let table = Duration::from_secs(row.map_or(OTHERS, |(_, seconds)| *seconds));
        self.recommended.get(&code).map_or(table, |&time| time.max(table))
    }
}

impl<T: Transport> TapeDrive<T> {
    /// Asks the drive how long its commands may take. One that does not say gets the table.
    pub(super) fn ask_for_timeouts(&mut self) {
        let mut reply = vec![0; usize::try_from(opcodes::ROOM).unwrap_or(0)];
        let all = report_supported_opcodes(Commands::All, opcodes::ROOM);
        if let Ok(done) = self.ask(all, Data::In(&mut reply))
            && let Ok(commands) = opcodes::decode_all(reply.get(..done.moved).unwrap_or(&reply))
        {
            let times = commands.iter().filter_map(|row| Some((row.opcode, row.timeout?)));
            self.timeouts = Timeouts::recommended(times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_may_ask_for_more_time_and_never_for_less() {
        let seconds = Duration::from_secs;
        let asked =
            [(0x01, seconds(5)), (0x0a, seconds(9_000)), (0x0a, seconds(1)), (0x00, seconds(0))];
        let timeouts = Timeouts::recommended(asked);
        let of = |code: u8| timeouts.of(&Cdb::new([code, 0, 0, 0, 0, 0]));
        assert_eq!(of(0x01), seconds(600));
        assert_eq!(of(0x0a), seconds(9_000));
        assert_eq!(of(0x00), seconds(OTHERS));
        assert_eq!(of(0x1b), seconds(960));
    }

    #[test]
    fn the_table_has_one_row_for_a_command() {
        let mut codes: Vec<u8> = LONGEST.iter().map(|(code, _)| *code).collect();
        codes.dedup();
        assert_eq!(codes.len(), LONGEST.len());
        assert!(codes.is_sorted());
    }
}

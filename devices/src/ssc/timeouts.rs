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

    /// From a reply to REPORT SUPPORTED OPERATION CODES (SPC-4, 6.29.2): 8 bytes for each command, and 12 more
    /// where a flag says that they are there.
    fn read(reply: &[u8]) -> Self {
        const HAS_TIMEOUTS: u8 = 0x02;
        let mut rest = reply.get(4..).unwrap_or_default();
        let mut found = Vec::new();
        while let Some(([code, _, _, _, _, flags, ..], behind)) = rest.split_at_checked(8) {
            rest = behind;
            if flags & HAS_TIMEOUTS == 0 {
                continue;
            }
            let Some((times, behind)) = rest.split_at_checked(12) else { break };
            rest = behind;
            if let Some(&[a, b, c, d]) = times.get(8..12) {
                found.push((*code, Duration::from_secs(u32::from_be_bytes([a, b, c, d]).into())));
            }
        }
        Self::recommended(found)
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
        let mut reply = vec![0; ROOM];
        let room = u32::try_from(ROOM).unwrap_or(u32::MAX);
        let all = report_supported_opcodes(Commands::All, room);
        if let Ok(done) = self.ask(all, Data::In(&mut reply)) {
            self.timeouts = Timeouts::read(reply.get(..done.moved).unwrap_or(&reply));
        }
    }
}

/// Enough for 800 commands.
const ROOM: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drive_s_own_times_are_read() {
        let mut reply = vec![0, 0, 0, 48];
        reply.extend([0x00, 0, 0, 0, 0, 0, 0, 6]); // says no time
        reply.extend([0x0a, 0, 0, 0, 0, 2, 0, 6]);
        reply.extend([0, 10, 0, 0, 0, 0, 0, 60, 0, 0, 0x23, 0x28]);
        reply.extend([0x92, 0, 0, 0, 0, 2, 0, 16]);
        reply.extend([0, 10, 0, 0, 0, 0, 0, 60, 0, 0, 0x13, 0x88]);
        let of =
            |code: u8, reply: &[u8]| Timeouts::read(reply).of(&Cdb::new([code, 0, 0, 0, 0, 0]));
        assert_eq!(of(0x0a, &reply), Duration::from_secs(9_000));
        assert_eq!(of(0x92, &reply), Duration::from_secs(5_000));
        for end in 0..reply.len() {
            assert!(of(0x92, &reply[..end]) == Duration::from_secs(2_940), "cut off at {end}");
        }
        assert_eq!(of(0x0a, &[0xff; 1000]), Duration::from_secs(1_500));
    }

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

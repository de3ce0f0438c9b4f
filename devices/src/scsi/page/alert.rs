//! The 64 TapeAlert flags of a drive: what a drive wants a person to know (SSC-4, annex A, table A.1).
//!
//! A changer has flags of the same numbers with other meanings; those are in the maker's manual.

use std::fmt;

/// One of the 64 flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flag(u8);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Information,
    /// Something will go wrong.
    Warning,
    /// Something has gone wrong.
    Critical,
}

/// On what the flag casts doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Concerns {
    /// The cartridge.
    Cartridge,
    /// The drive.
    Drive,
    /// The cleaning of the drive.
    Cleaning,
    /// The cable, the adapter, the host.
    Connection,
    /// Nothing: it was done wrong.
    Use,
}

impl Flag {
    /// CLEAN NOW: the drive needs it.
    pub const CLEAN_NOW: Self = Self(20);
    /// CLEAN PERIODIC: it is time for it.
    pub const CLEAN_PERIODIC: Self = Self(21);
    /// EXPIRED CLEANING MEDIA.
    pub const CLEANING_CARTRIDGE_USED_UP: Self = Self(22);
    /// INVALID CLEANING CARTRIDGE.
    pub const NO_CLEANING_CARTRIDGE: Self = Self(23);

    /// The flag of this number.
    pub fn of(number: u8) -> Option<Self> {
        (1..=64).contains(&number).then_some(Self(number))
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=64).map(Self)
    }

    /// Its number, from 1 to 64.
    pub fn number(self) -> u8 {
        self.0
    }

    /// What the standard calls it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// How bad it is.
    pub fn severity(self) -> Severity {
        self.row().severity
    }

    /// On what it casts doubt.
    pub fn concerns(self) -> Concerns {
        self.row().concerns
    }

    /// What it says, in plain words.
    pub fn meaning(self) -> &'static str {
        self.row().meaning
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        self.row().advice
    }

    fn row(self) -> &'static Row {
        TABLE.get(usize::from(self.0).saturating_sub(1)).unwrap_or(&RESERVED)
    }
}

/// What it says and what to do.
impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (TapeAlert {}): {}", self.meaning(), self.0, self.advice())
    }
}

/// The flags of a map of 64 bits, flag 1 first.
pub(crate) fn from_map(map: &[u8]) -> Vec<Flag> {
    let set = |flag: &Flag| {
        let bit = usize::from(flag.0) - 1;
        map.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0)
    };
    Flag::all().filter(set).collect()
}

struct Row {
    name: &'static str,
    severity: Severity,
    concerns: Concerns,
    meaning: &'static str,
    advice: &'static str,
}

const fn row(
    name: &'static str,
    severity: Severity,
    concerns: Concerns,
    meaning: &'static str,
    advice: &'static str,
) -> Row {
    Row { name, severity, concerns, meaning, advice }
}

use Concerns::{Cartridge, Cleaning, Connection, Drive, Use};
use Severity::{Critical, Information, Warning};

const RESERVED: Row = row(
    "Reserved",
    Information,
    Use,
    "a flag without a meaning is set",
    "look into the drive's manual",
);

#[rustfmt::skip]
const TABLE: [Row; 64] = [
    row("Read warning", Warning, Cartridge, "the drive has trouble reading", "look whether all was read, clean the drive, and copy the cartridge if it goes on"),
    row("Write warning", Warning, Cartridge, "the drive has trouble writing", "look whether all was written, and use another cartridge if it goes on"),
    row("Hard error", Warning, Cartridge, "something could not be read or written", "see the other flags; if there are none, clean the drive and use another cartridge"),
    row("Media", Critical, Cartridge, "the cartridge is faulty: data are at risk", "copy what is on it, and retire it"),
    row("Read failure", Critical, Cartridge, "the drive cannot read the tape", "try another drive; if it cannot either, retire the cartridge"),
    row("Write failure", Critical, Cartridge, "the drive cannot write the tape", "use another cartridge; if that fails as well, call the drive's vendor"),
    row("Media life", Warning, Cartridge, "the cartridge is at the end of its life", "copy what is on it, and retire it"),
    row("Not data grade", Warning, Cartridge, "the cartridge is not made for data", "use another cartridge"),
    row("Write protect", Critical, Use, "something should be written, and the cartridge is write-protected", "move its write-protect switch, or use another cartridge"),
    row("No removal", Information, Use, "the cartridge should be taken out, and that is not allowed now", "wait until the drive is free"),
    row("Cleaning media", Information, Cleaning, "a cleaning cartridge is in the drive", "take it out when the cleaning is done"),
    row("Unsupported format", Information, Use, "the cartridge has a format that the drive does not know", "use a drive that can read it"),
    row("Recoverable mechanical cartridge failure", Critical, Cartridge, "the tape is torn or stuck, and can be taken out", "take it out, do not load it again, and call the drive's vendor"),
    row("Unrecoverable mechanical cartridge failure", Critical, Cartridge, "the tape is torn or stuck in the drive", "do not try to take it out, and call the drive's vendor"),
    row("Memory chip in cartridge failure", Warning, Cartridge, "the cartridge's memory is broken", "copy what is on it, and retire it"),
    row("Forced eject", Critical, Use, "the cartridge was taken out by hand while it was in use", "verify what was being written"),
    row("Read-only format", Warning, Use, "the drive can only read this cartridge", "use a cartridge that this drive can write"),
    row("Tape directory corrupted on load", Warning, Cartridge, "the cartridge's directory is damaged: finding things takes long", "read the cartridge through once, which rebuilds it"),
    row("Nearing media life", Information, Cartridge, "the cartridge is near the end of its life", "copy what is on it soon, and retire it"),
    row("Clean now", Critical, Cleaning, "the drive must be cleaned", "load a cleaning cartridge now"),
    row("Clean periodic", Warning, Cleaning, "it is time to clean the drive", "load a cleaning cartridge when the drive is free"),
    row("Expired cleaning media", Critical, Cleaning, "the cleaning cartridge is used up", "use a new cleaning cartridge"),
    row("Invalid cleaning cartridge", Critical, Cleaning, "the cleaning cartridge is not one for this drive", "use the right kind of cleaning cartridge"),
    row("Retension requested", Warning, Cartridge, "the tape should be wound through once", "wind it through"),
    row("Multi-port interface error", Warning, Connection, "one of the drive's ports has failed", "look at the cable and the adapter of that port"),
    row("Cooling fan failure", Warning, Drive, "a fan has failed", "look at the fans of drive and library"),
    row("Power supply failure", Warning, Drive, "a power supply has failed", "look at the power supplies"),
    row("Power consumption", Warning, Drive, "the drive draws more power than it should", "call the drive's vendor"),
    row("Drive preventive maintenance required", Warning, Drive, "the drive is due for maintenance", "call the drive's vendor"),
    row("Hardware A", Critical, Drive, "the drive has a fault that a reset may clear", "switch the drive off and on; call its vendor if it comes back"),
    row("Hardware B", Critical, Drive, "the drive has a fault, and failed its own test", "call the drive's vendor"),
    row("Primary interface", Warning, Connection, "the connection between host and drive has trouble", "look at the cable and the adapter"),
    row("Eject media", Critical, Drive, "the drive has a fault, and wants the cartridge taken out", "take it out, load it again, and try once more"),
    row("Firmware download failed", Warning, Drive, "new firmware was not taken", "use the right firmware"),
    row("Drive humidity", Warning, Drive, "the air in the drive is too moist or too dry", "look at the room"),
    row("Drive temperature", Warning, Drive, "the drive is too warm or too cold", "look at the fans and the room"),
    row("Drive voltage", Warning, Drive, "the drive's supply voltage is wrong", "look at the power supplies"),
    row("Predictive failure", Critical, Drive, "the drive says that it will fail", "call the drive's vendor"),
    row("Diagnostics required", Warning, Drive, "the drive wants to be tested", "run its diagnostics, as its manual says"),
    row("Loader hardware A", Critical, Drive, "the loader of the drive has a fault", "load by hand, and call its vendor"),
    row("Loader stray tape", Critical, Use, "a cartridge was left in the loader", "take it out"),
    row("Loader hardware B", Warning, Drive, "the loader of the drive has trouble", "call its vendor"),
    row("Loader door", Critical, Use, "the door of the loader is open", "close it"),
    row("Loader hardware C", Critical, Drive, "the loader of the drive has a fault", "call its vendor"),
    row("Loader magazine", Critical, Use, "the magazine of the loader is not there", "put it in"),
    row("Loader predictive failure", Warning, Drive, "the loader says that it will fail", "call its vendor"),
    RESERVED,
    RESERVED,
    RESERVED,
    row("Lost statistics", Warning, Cartridge, "the cartridge's history is lost", "nothing; its counters begin anew"),
    row("Tape directory invalid at unload", Warning, Cartridge, "the cartridge's directory could not be written: finding things takes long", "read the cartridge through once, which rebuilds it"),
    row("Tape system area write failure", Critical, Cartridge, "the drive could not write its notes on the tape", "copy what is on it, and retire it"),
    row("Tape system area read failure", Critical, Cartridge, "the drive could not read its notes on the tape", "copy what is on it, and retire it"),
    row("No start of data", Critical, Cartridge, "the beginning of the data was not found: it is no cartridge for this drive, or was near a magnet", "use another cartridge"),
    row("Loading or threading failure", Critical, Cartridge, "the tape could not be loaded or threaded", "take the cartridge out, look at it, and try another drive"),
    row("Unrecoverable unload failure", Critical, Drive, "the cartridge cannot be given out", "do not force it, and call the drive's vendor"),
    row("Automation interface failure", Critical, Connection, "the library and the drive do not understand each other", "look at the library's display"),
    row("Microcode failure", Warning, Drive, "the drive's firmware had a fault, and restarted", "update the firmware if it comes back"),
    row("WORM medium: integrity check failed", Warning, Cartridge, "a cartridge that is written once does not fit its own records: somebody may have tampered with it", "lock it away, and find out"),
    row("WORM medium: overwrite attempted", Warning, Use, "something should be overwritten that can be written only once", "append, or use another cartridge"),
    row("Encryption policy violation", Warning, Use, "something was written or read against the rules of encryption", "look at the library's encryption settings"),
    RESERVED,
    RESERVED,
    RESERVED,
];

#[cfg(test)]
mod tests {
    use super::{Concerns, Flag, Severity, TABLE, from_map};

    #[test]
    fn flags_have_the_numbers_of_the_standard() {
        let table = [
            (1, "Read warning"),
            (4, "Media"),
            (9, "Write protect"),
            (0x0b, "Cleaning media"),
            (0x0f, "Memory chip in cartridge failure"),
            (0x14, "Clean now"),
            (0x15, "Clean periodic"),
            (0x16, "Expired cleaning media"),
            (0x17, "Invalid cleaning cartridge"),
            (0x1e, "Hardware A"),
            (0x20, "Primary interface"),
            (0x21, "Eject media"),
            (0x24, "Drive temperature"),
            (0x25, "Drive voltage"),
            (0x26, "Predictive failure"),
            (0x32, "Lost statistics"),
            (0x37, "Loading or threading failure"),
            (0x38, "Unrecoverable unload failure"),
            (0x3b, "WORM medium: integrity check failed"),
            (0x3c, "WORM medium: overwrite attempted"),
            (0x3d, "Encryption policy violation"),
        ];
        for (number, name) in table {
            assert_eq!(Flag::of(number).unwrap().name(), name, "{number}");
        }
        assert_eq!((Flag::of(0), Flag::of(65)), (None, None));
        assert_eq!(TABLE.len(), Flag::all().count());
    }

    #[test]
    fn a_wish_for_cleaning_says_how_urgent_it_is() {
        assert_eq!(Flag::CLEAN_NOW.severity(), Severity::Critical);
        assert_eq!(Flag::CLEAN_PERIODIC.severity(), Severity::Warning);
        assert!(Flag::all().filter(|flag| flag.concerns() == Concerns::Cleaning).count() == 5);
        assert_eq!(
            Flag::CLEAN_NOW.to_string(),
            "the drive must be cleaned (TapeAlert 20): load a cleaning cartridge now"
        );
    }

    #[test]
    fn a_map_that_is_cut_off_has_fewer_flags() {
        assert_eq!(from_map(&[0xff]).len(), 8);
        assert_eq!(from_map(&[0xff; 9]).len(), 64);
        assert_eq!(from_map(&[]), []);
    }
}

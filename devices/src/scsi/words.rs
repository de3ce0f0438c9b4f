//! Plain words for what a device complains of, and what to do about it.
//!
//! A row is for one code, or for a whole ASC where its qualifiers differ only in detail; a row that names a key
//! stands before the row that does not. What no row knows is told by its key. The codes are those of SPC-4,
//! annex F; the few vendor codes are those of IBM, HPE and the libraries that use them.

use super::sense::{Code, Key};

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// What is the matter.
    pub(crate) what: &'static str,
    /// What to do about it, if there is anything to do.
    pub(crate) advice: Option<&'static str>,
}

/// Finds the words: rows are tried from the top.
pub(crate) fn of(key: Key, code: Code) -> Words {
    let fits = |row: &&Row| {
        row.key.is_none_or(|only| only == key)
            && row.asc == code.asc
            && row.ascq.is_none_or(|only| only == code.ascq)
    };
    TABLE.iter().find(fits).map_or_else(|| of_key(key), |row| row.words)
}

struct Row {
    key: Option<Key>,
    asc: u8,
    ascq: Option<u8>,
    words: Words,
}

/// A code that calls for nothing.
const fn told(asc: u8, ascq: u8, what: &'static str) -> Row {
    Row { key: None, asc, ascq: Some(ascq), words: Words { what, advice: None } }
}

/// A code that calls for something.
const fn row(asc: u8, ascq: u8, what: &'static str, advice: &'static str) -> Row {
    Row { key: None, asc, ascq: Some(ascq), words: Words { what, advice: Some(advice) } }
}

/// A whole ASC.
const fn all(asc: u8, what: &'static str, advice: &'static str) -> Row {
    Row { key: None, asc, ascq: None, words: Words { what, advice: Some(advice) } }
}

/// A row for one key only.
const fn with(key: Key, row: Row) -> Row {
    Row { key: Some(key), ..row }
}

fn of_key(key: Key) -> Words {
    let (what, advice) = match key {
        Key::NoSense => ("nothing is wrong", None),
        Key::Recovered => ("done, after the device had helped itself", None),
        Key::NotReady => ("the device is not ready", Some("look at its display")),
        Key::Medium => ("the medium is bad", Some("use another cartridge")),
        Key::Hardware => ("the device is faulty", Some("look at its display, and call its vendor")),
        Key::IllegalRequest => ("the device does not do this", None),
        Key::UnitAttention => ("something has happened to the device", None),
        Key::DataProtect => ("the medium must not be written or read so", None),
        Key::BlankCheck => ("nothing is written there", None),
        Key::Vendor => ("something that only the vendor can explain", Some("call the vendor")),
        Key::CopyAborted => ("a copy between devices was broken off", None),
        Key::Aborted => ("the command was broken off", Some("look at the cable and the adapter")),
        Key::Reserved => ("a complaint without a meaning", None),
        Key::VolumeOverflow => ("the medium is full", Some("go on with another cartridge")),
        Key::Miscompare => {
            ("the medium has other data than were given", Some("use another cartridge"))
        }
        Key::Completed => ("done", None),
    };
    Words { what, advice }
}

const CALL: &str = "call its vendor";
const CLEAN: &str = "load a cleaning cartridge when the drive is free";
const OTHER_CARTRIDGE: &str =
    "use another cartridge, and retire this one if another drive complains as well";
const WAIT: &str = "wait";
const LOOK: &str = "look at the device's display";
const REPORT: &str =
    "the device understands the command otherwise than its standard: report it with these numbers";
const KEY: &str = "give the drive the key with which this cartridge was written";
const WHAT_IS_WHERE: &str = "read what is in which place again";
const CABLE: &str = "look at the cable, the adapter and their log";

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // 00h: remarks.
    told(0x00, 0x01, "a filemark was met"),
    told(0x00, 0x02, "the end of the medium is near"),
    told(0x00, 0x03, "a setmark was met"),
    told(0x00, 0x04, "the beginning of the partition was met"),
    told(0x00, 0x05, "the end of the data was met"),
    told(0x00, 0x06, "the command was ended early"),
    told(0x00, 0x07, "the chosen distance from the end of the medium was reached"),
    row(0x00, 0x16, "the device is still at work", WAIT),
    row(0x00, 0x17, "the drive asks for cleaning", CLEAN),
    row(0x00, 0x18, "an erase is still going on", WAIT),
    row(0x00, 0x19, "a locate is still going on", WAIT),
    row(0x00, 0x1a, "a rewind is still going on", WAIT),
    row(0x00, 0x1b, "SET CAPACITY is still going on", WAIT),
    row(0x00, 0x1c, "a verify is still going on", WAIT),
    // 03h to 09h
    row(0x03, 0x00, "the drive could not write", OTHER_CARTRIDGE),
    row(0x03, 0x01, "the drive has no write current", CALL),
    row(0x03, 0x02, "too many write errors", OTHER_CARTRIDGE),
    row(0x04, 0x00, "the device is not ready, and does not say why", LOOK),
    row(0x04, 0x01, "the device is becoming ready", WAIT),
    row(0x04, 0x02, "the cartridge is in, and has to be loaded", "load it"),
    row(0x04, 0x03, "somebody has to do something at the device", LOOK),
    row(0x04, 0x04, "the medium is being formatted", WAIT),
    row(0x04, 0x07, "the device is still at work", WAIT),
    row(0x04, 0x09, "the device is testing itself", WAIT),
    row(0x04, 0x10, "the cartridge's memory cannot be read", "use another cartridge, or another drive"),
    row(0x04, 0x12, "the device is offline", "set it online at its display"),
    row(0x04, 0x13, "the device is busy with an earlier command", WAIT),
    row(0x04, 0x1a, "the device is starting or stopping", WAIT),
    row(0x04, 0x22, "the device has to be switched off and on", "switch it off and on"),
    row(0x05, 0x00, "the device does not answer", CABLE),
    row(0x08, 0x00, "the library cannot talk to the drive", CALL),
    row(0x08, 0x01, "the library had no answer from the drive in time", "switch the drive off and on"),
    all(0x09, "the head lost the track", "clean the drive, then use another cartridge"),
    row(0x0a, 0x00, "the device's error log is full", CALL),
    row(0x0b, 0x01, "the device is too warm", "look at its fans and the room"),
    all(0x0b, "the device warns of itself", LOOK),
    // 0Ch to 15h: writing, reading, finding.
    row(0x0c, 0x0b, "the device needs help before it can write", LOOK),
    all(0x0c, "the drive could not write", OTHER_CARTRIDGE),
    row(0x10, 0x01, "a block's check does not fit: it was changed on its way", CABLE),
    row(0x10, 0x02, "a block's check does not fit its application tag", CABLE),
    row(0x10, 0x03, "a block's check does not fit its place", CABLE),
    all(0x10, "a block's check does not fit", CABLE),
    row(0x11, 0x00, "the drive could not read", "clean the drive, then try another drive"),
    row(0x11, 0x01, "the drive could not read, and tried for as long as it may", "clean the drive, then try another drive"),
    row(0x11, 0x08, "a block is incomplete on the medium", "try another drive"),
    row(0x11, 0x12, "the cartridge's memory could not be read", "use another cartridge, or another drive"),
    all(0x11, "the drive could not read", "clean the drive, then try another drive"),
    row(0x14, 0x00, "the place was not found", "try another drive"),
    row(0x14, 0x01, "the block was not found", "try another drive"),
    row(0x14, 0x02, "the filemark was not found", "try another drive"),
    row(0x14, 0x03, "no end of data was found: the medium is blank, or was cut off while it was written", "label it again if nothing on it is needed; reading from its beginning may still go"),
    row(0x14, 0x04, "the order of the blocks is wrong", "try another drive"),
    all(0x14, "the place was not found", "try another drive"),
    row(0x15, 0x01, "the arm missed its place", LOOK),
    row(0x15, 0x02, "what was read shows that the tape is not where the drive thought", "try another drive"),
    all(0x15, "the device missed the place", LOOK),
    row(0x17, 0x01, "read, after retries", CLEAN),
    all(0x17, "read, after the drive had helped itself", CLEAN),
    all(0x18, "read, after corrections", CLEAN),
    // 1Ah to 2Fh: commands and what changed.
    row(0x1a, 0x00, "the parameters have a wrong length", REPORT),
    row(0x1b, 0x00, "not all data travelled", CABLE),
    row(0x1d, 0x00, "the medium has other data than were given", OTHER_CARTRIDGE),
    row(0x20, 0x00, "the device does not know this command", "nothing: it goes without"),
    row(0x20, 0x02, "this host may not use the device", "give this host access in the library"),
    row(0x20, 0x0c, "the drive only appends, and was asked to overwrite", "take the drive out of append-only mode, or allow the overwriting"),
    row(0x21, 0x01, "there is no place of this number", "read which places there are again"),
    row(0x21, 0x00, "there is no block of this number", REPORT),
    row(0x24, 0x00, "a field of the command is wrong", REPORT),
    row(0x24, 0x01, "the cartridge's memory cannot take this", REPORT),
    all(0x24, "a field of the command is wrong", REPORT),
    row(0x25, 0x00, "there is no such unit", "look at the library's configuration"),
    with(Key::DataProtect, all(0x26, "the drive refuses these encryption settings", KEY)),
    row(0x26, 0x04, "a reservation was released that is not ours", "find out which other host uses the device"),
    row(0x26, 0x10, "a key was refused because its encryption settings do not fit", "give the key again with other settings"),
    row(0x26, 0x11, "a key has the wrong kind of authentication", KEY),
    row(0x26, 0x12, "the vendor's key is not there", KEY),
    all(0x26, "a parameter is wrong", REPORT),
    row(0x27, 0x00, "the cartridge is write-protected", "move its write-protect switch, or use another cartridge"),
    row(0x27, 0x01, "the drive is set to write-protect", "look at the drive's settings"),
    row(0x27, 0x02, "the drive is told to write-protect", "look at the drive's settings"),
    row(0x27, 0x03, "the medium must not be written here", "use another cartridge"),
    row(0x27, 0x04, "the medium must never be written", "use another cartridge"),
    row(0x27, 0x05, "the medium must not be written now", "use another cartridge"),
    all(0x27, "the cartridge is write-protected", "use another cartridge"),
    told(0x28, 0x00, "the cartridge may have been changed"),
    row(0x28, 0x01, "the mail slot was opened", WHAT_IS_WHERE),
    told(0x29, 0x00, "the device was switched on or reset"),
    told(0x29, 0x01, "the device was switched on"),
    told(0x29, 0x02, "the bus was reset"),
    told(0x29, 0x03, "the device was reset"),
    told(0x29, 0x04, "the device restarted by itself"),
    told(0x29, 0x05, "the connection changed"),
    told(0x29, 0x06, "the connection changed"),
    told(0x29, 0x07, "the connection was lost"),
    told(0x2a, 0x01, "another host changed the device's settings"),
    told(0x2a, 0x02, "another host set the device's counters back"),
    row(0x2a, 0x03, "another host took the reservation away", "find out which other host uses the device"),
    told(0x2a, 0x04, "another host released its reservation"),
    row(0x2a, 0x05, "another host took the registration away", "find out which other host uses the device"),
    told(0x2a, 0x10, "the device's clock was set"),
    row(0x2a, 0x11, "another host changed the encryption", "find out which other host uses the device"),
    row(0x2a, 0x12, "the device changed the encryption by itself", "look at the library's encryption settings"),
    row(0x2a, 0x13, "the device has another key now", "find out which other host uses the device"),
    told(0x2c, 0x00, "the command cannot be given now"),
    row(0x2f, 0x00, "another host broke off the commands", "find out which other host uses the device"),
    // 30h to 3Fh: media, places, the device itself.
    row(0x30, 0x00, "drive and cartridge do not fit each other", "use a cartridge that this drive can write"),
    row(0x30, 0x01, "the cartridge has a format that the drive does not know", "use a drive that can read it"),
    row(0x30, 0x02, "the cartridge has a format that the drive cannot read", "use a drive that can read it"),
    row(0x30, 0x03, "a cleaning cartridge is in the drive", "take it out when the cleaning is done"),
    row(0x30, 0x04, "the cartridge has a format that the drive cannot write", "use a cartridge that this drive can write"),
    row(0x30, 0x05, "the drive cannot write this cartridge: it is of another generation", "use a cartridge that this drive can write"),
    row(0x30, 0x06, "the drive cannot format this cartridge", "use a cartridge that this drive can write"),
    row(0x30, 0x07, "the drive could not be cleaned", "use a new cleaning cartridge"),
    row(0x30, 0x0a, "the cleaning cartridge is used up or does not fit", "use a new cleaning cartridge"),
    row(0x30, 0x0c, "the cartridge can be written only once, and this place is written", "append, or use another cartridge"),
    row(0x30, 0x0d, "the cartridge can be written only once, and its records do not fit: somebody may have tampered with it", "lock it away, and find out"),
    row(0x30, 0x11, "the cartridge can be written only once, and not by this drive", "use another cartridge"),
    all(0x30, "drive and cartridge do not fit each other", "use a cartridge that this drive can write"),
    row(0x31, 0x00, "the format of the medium is damaged", "label it again if nothing on it is needed, or retire it"),
    row(0x31, 0x01, "formatting failed", OTHER_CARTRIDGE),
    row(0x33, 0x00, "the tape is shorter than it should be", "retire the cartridge"),
    told(0x37, 0x00, "the drive took the nearest value that it can"),
    row(0x39, 0x00, "the device cannot keep settings", "nothing: it goes without"),
    with(Key::IllegalRequest, row(0x3a, 0x00, "the drive does not give the cartridge out now: it may be calibrating", WAIT)),
    told(0x3a, 0x00, "no cartridge is in the drive"),
    told(0x3a, 0x01, "no cartridge is in the drive, and its door is closed"),
    row(0x3a, 0x02, "no cartridge is in the drive, and its door is open", "close it"),
    row(0x3a, 0x03, "the cartridge is in, and has to be loaded", "load it"),
    row(0x3a, 0x04, "the cartridge is in, and not threaded", "load it"),
    told(0x3b, 0x00, "the tape is in the wrong place"),
    told(0x3b, 0x01, "the beginning of the tape was met"),
    told(0x3b, 0x02, "the end of the tape was met"),
    told(0x3b, 0x08, "the device moved the tape, and could not move it back"),
    told(0x3b, 0x0c, "the beginning of the tape is behind"),
    row(0x3b, 0x0d, "there is already a cartridge where it should go", WHAT_IS_WHERE),
    row(0x3b, 0x0e, "there is no cartridge where it should come from", WHAT_IS_WHERE),
    row(0x3b, 0x11, "the magazine cannot be reached", "look whether it is locked in"),
    row(0x3b, 0x12, "the magazine is not there", "put it back"),
    row(0x3b, 0x13, "a magazine was put in", WHAT_IS_WHERE),
    row(0x3b, 0x14, "the magazine is locked", "unlock it"),
    row(0x3b, 0x15, "the magazine is unlocked", WHAT_IS_WHERE),
    row(0x3b, 0x18, "the place is switched off", "look at the library's configuration"),
    row(0x3b, 0x1a, "the drive was taken out", LOOK),
    row(0x3b, 0x1b, "a drive was put in", WHAT_IS_WHERE),
    all(0x3b, "the cartridge or the tape is not where it should be", WHAT_IS_WHERE),
    row(0x3d, 0x00, "the device did not understand who speaks", CABLE),
    row(0x3e, 0x00, "the device has not found out yet what it is", WAIT),
    row(0x3e, 0x01, "the device has failed", CALL),
    row(0x3e, 0x02, "the device took too long", LOOK),
    row(0x3e, 0x03, "the device failed its own test", CALL),
    told(0x3f, 0x01, "the device has new firmware"),
    told(0x3f, 0x02, "the device behaves like another now"),
    told(0x3f, 0x03, "the device tells something else of itself now"),
    told(0x3f, 0x0e, "the library shows other units now"),
    row(0x3f, 0x0f, "the device's echo buffer was overwritten", CABLE),
    all(0x3f, "the device is set up otherwise now", LOOK),
    // 40h to 5Dh: faults.
    all(0x40, "a part of the device has failed", CALL),
    row(0x43, 0x00, "a message between host and device was garbled", CABLE),
    all(0x44, "the device has an internal fault", CALL),
    row(0x45, 0x00, "the device did not answer", CABLE),
    all(0x47, "bytes were garbled between host and device", CABLE),
    row(0x48, 0x00, "host and device misunderstood each other", CABLE),
    row(0x49, 0x00, "a message between host and device was garbled", CABLE),
    all(0x4b, "data were lost between host and device", CABLE),
    row(0x4c, 0x00, "the device could not start", CALL),
    row(0x4e, 0x00, "two commands were given at once", REPORT),
    row(0x50, 0x00, "the drive could not append", OTHER_CARTRIDGE),
    row(0x50, 0x01, "the drive could not append where the data end", OTHER_CARTRIDGE),
    all(0x50, "the drive could not append", OTHER_CARTRIDGE),
    all(0x51, "the drive could not erase", OTHER_CARTRIDGE),
    row(0x52, 0x00, "the cartridge is faulty", "take it out, look at it, and retire it"),
    row(0x53, 0x00, "the cartridge could not be loaded or given out", "look at drive and cartridge; take it out with the drive's button"),
    row(0x53, 0x01, "the drive did not give the cartridge out", "unload the drive first"),
    row(0x53, 0x02, "taking the cartridge out is not allowed", "find out which host does not allow it"),
    row(0x53, 0x03, "taking the cartridge out is not allowed", "find out which host does not allow it"),
    row(0x53, 0x04, "the drive could not thread the tape", "retire the cartridge if another drive cannot either"),
    row(0x53, 0x06, "the tape is not threaded", "load it again"),
    row(0x53, 0x07, "the cartridge is not where it should be in the drive", LOOK),
    all(0x53, "the cartridge could not be loaded or given out", LOOK),
    all(0x55, "the device has no memory for this", WAIT),
    row(0x57, 0x00, "the cartridge's directory cannot be rebuilt", OTHER_CARTRIDGE),
    row(0x5a, 0x01, "somebody pressed the button to take the cartridge out", "let it go, or press it again"),
    row(0x5a, 0x02, "somebody set write-protection at the device", LOOK),
    told(0x5a, 0x03, "somebody lifted write-protection at the device"),
    all(0x5b, "a counter of the device has reached its limit", LOOK),
    all(0x5d, "the device says that it will fail", "replace it"),
    // 74h: encryption.
    row(0x74, 0x00, "the drive could not do something with a key", KEY),
    row(0x74, 0x01, "the data are encrypted, and the drive has no key for them", KEY),
    row(0x74, 0x02, "the data are encrypted with another key than the drive has", KEY),
    row(0x74, 0x03, "the data were changed since they were encrypted", "try another drive; if it says so as well, the data are not what was written"),
    row(0x74, 0x04, "the data are encrypted in a way that the drive does not know", "use another drive"),
    row(0x74, 0x05, "a key could not be looked up", KEY),
    row(0x74, 0x06, "the drive could not encrypt or decrypt", KEY),
    row(0x74, 0x07, "the data are not encrypted, and the drive was told to take only those that are", "read them without a key"),
    row(0x74, 0x08, "the key is for another unit", KEY),
    row(0x74, 0x09, "the drive needs another key", KEY),
    row(0x74, 0x61, "the encryption is managed by the library", "look at the library's encryption settings"),
    all(0x74, "the drive refuses for reasons of encryption", KEY),
    // Vendors.
    row(0x82, 0x82, "the drive asks for cleaning", CLEAN),
    told(0x83, 0x00, "the barcode was not looked at"),
    row(0x83, 0x02, "the magazine is not there", "put it back"),
    told(0x83, 0x04, "no drive is installed there"),
    row(0x83, 0x09, "the barcode cannot be read", "stick a new one on, straight and clean"),
    with(Key::Recovered, told(0x83, 0x83, "the drive was cleaned")),
    all(0xee, "the drive needs an answer from the key manager", "look at the library's encryption settings"),
    row(0xef, 0x10, "the drive needs a key for these data", KEY),
    all(0xef, "the drive refuses for reasons of encryption", KEY),
];

#[cfg(test)]
mod tests {
    use super::super::sense::{Code, Key};
    use super::{Row, TABLE, of};

    fn covers(above: &Row, below: &Row) -> bool {
        above.asc == below.asc
            && (above.ascq.is_none() || above.ascq == below.ascq)
            && (above.key.is_none() || above.key == below.key)
    }

    #[test]
    fn no_row_is_hidden_by_one_above_it() {
        for (number, below) in TABLE.iter().enumerate() {
            for above in &TABLE[..number] {
                assert!(!covers(above, below), "{:02x}/{:?} is never found", below.asc, below.ascq);
            }
        }
    }

    #[test]
    fn every_code_has_words_and_advice_is_no_sentence_of_its_own() {
        for key in Key::ALL {
            for asc in 0..=0xff {
                for ascq in 0..=0xff {
                    let words = of(key, Code { asc, ascq });
                    assert!(!words.what.is_empty() && !words.what.ends_with('.'));
                    assert!(
                        words
                            .advice
                            .is_none_or(|advice| !advice.is_empty() && !advice.ends_with('.'))
                    );
                }
            }
        }
    }

    #[test]
    fn what_drives_and_libraries_are_known_to_say_has_words_of_its_own() {
        let codes = [
            0x0001, 0x0002, 0x0004, 0x0005, 0x0007, 0x0016, 0x0017, 0x8282, 0x3700, 0x0400, 0x0401,
            0x0402, 0x0403, 0x0404, 0x0407, 0x0412, 0x3003, 0x3a00, 0x3a04, 0x3b12, 0x0c00, 0x1100,
            0x1403, 0x3005, 0x3100, 0x5000, 0x5100, 0x5200, 0x5300, 0x1001, 0x1501, 0x4400, 0x2000,
            0x200c, 0x2101, 0x2400, 0x2600, 0x3b0d, 0x3b0e, 0x3b0c, 0x3b11, 0x5301, 0x5302, 0x5303,
            0x2800, 0x2801, 0x2900, 0x2901, 0x2902, 0x2903, 0x2904, 0x2905, 0x2906, 0x2907, 0x2a01,
            0x2a02, 0x2a03, 0x2a10, 0x2a11, 0x3f01, 0x7401, 0xef10, 0xee00, 0x2700, 0x300c, 0x300d,
            0x8300, 0x8302, 0x8304, 0x8309,
        ];
        for code in codes {
            let [asc, ascq] = u16::to_be_bytes(code);
            let known = of(Key::Reserved, Code { asc, ascq });
            assert_ne!(known, super::of_key(Key::Reserved), "{asc:02x}/{ascq:02x}");
        }
    }

    #[test]
    fn the_same_code_may_mean_something_else_with_another_key() {
        let code = Code { asc: 0x3a, ascq: 0x00 };
        assert_eq!(of(Key::NotReady, code).what, "no cartridge is in the drive");
        assert!(of(Key::IllegalRequest, code).what.contains("calibrating"));
    }
}

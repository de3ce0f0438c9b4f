//! Encryption by the drive (SSC-4, 8.5): AES-256-GCM, with a key that the host gives it.
//!
//! ```text
//!  capabilities (20h/0010h) ─► which number has AES-256-GCM in this drive?
//!  set (20h/0010h) ──────────► the key, and that it is to be forgotten when the cartridge leaves
//!  status (20h/0020h) ───────► is it really on? Drives in libraries are known to take a key and not use it
//! ```
//!
//! What was written before in the clear can be read on: labels have to be read by whoever has no key. The key is
//! lost by a reset, and then it is given again before anything else is done; should the drive no longer take it,
//! nothing is written.
//!
//! The key stands in no message, and its memory is cleared when it is dropped.

use std::fmt;

use super::{Problem, TapeDrive};
use crate::drive::{Action, DriveError};
use crate::scsi::cdb::spc::{security_in, security_out};
use crate::transport::{Data, Transport};

/// A key. It shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    bytes: [u8; LENGTH],
    /// What is written beside every block, in the clear: which key it takes to read it.
    name: Vec<u8>,
}

const LENGTH: usize = 32;

/// The drive keeps so much of a name with every block.
const LONGEST_NAME: usize = 32;

/// A name for a key that does not fit beside a block.
#[derive(Debug, thiserror::Error)]
#[error("a key's name has at most 32 bytes, and this one has {0}")]
pub struct LongName(usize);

impl Key {
    /// A key of 256 bits, and the name by which whoever reads the medium is told which one he needs.
    pub fn new(bytes: [u8; LENGTH], name: &str) -> Result<Self, LongName> {
        if name.len() > LONGEST_NAME {
            return Err(LongName(name.len()));
        }
        Ok(Self { bytes, name: name.as_bytes().to_vec() })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", String::from_utf8_lossy(&self.name))
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

/// Nobody reads the zeros, and they are written all the same.
fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    std::hint::black_box(bytes);
}

/// How a drive encrypts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// As it happens to be set: the library may have keys of its own.
    #[default]
    AsItIs,
    /// Not at all.
    Off,
    /// With this key.
    With(Key),
}

impl<T: Transport> TapeDrive<T> {
    /// Sets how blocks are encrypted from now on, and what can be read. The setting outlives resets of the drive
    /// for as long as this value lives; the drive itself forgets it when the cartridge leaves.
    pub fn set_encryption(&mut self, encryption: Encryption) -> Result<(), DriveError> {
        self.encryption = encryption;
        self.inquire(Action::Set, Self::apply_encryption)
    }

    /// Makes the drive encrypt as it was told.
    pub(super) fn apply_encryption(&mut self) -> Result<(), Problem> {
        let (key, mode) = match self.encryption.clone() {
            Encryption::AsItIs => return Ok(()),
            Encryption::Off => (None, OFF),
            Encryption::With(key) => (Some(key), ON),
        };
        let Some(algorithm) = self.algorithm()? else {
            // A drive that cannot encrypt does not.
            return key
                .map_or(Ok(()), |_| Err(Problem::Setting("it cannot encrypt with AES-256-GCM")));
        };
        let mut page = page(key.as_ref(), algorithm);
        let length = u32::try_from(page.len()).unwrap_or(u32::MAX);
        let done = self.ask(security_out(SET, length), Data::Out(&page));
        wipe(&mut page);
        done?;
        let now = self.status()?;
        if now == (Status { mode, algorithm }) || (mode == OFF && now.mode == OFF) {
            return Ok(());
        }
        Err(Problem::Setting(
            "encryption. It may be managed by the library: set the library otherwise",
        ))
    }

    /// The number that AES-256-GCM has in this drive. None if it does not encrypt at all.
    fn algorithm(&mut self) -> Result<Option<u8>, Problem> {
        let mut reply = vec![0; 4096];
        match self.ask(security_in(CAPABILITIES, 4096), Data::In(&mut reply)) {
            Ok(done) => Ok(algorithm(reply.get(..done.moved).unwrap_or(&reply))),
            Err(refusal) if refusal.is_unknown_to_the_drive() => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn status(&mut self) -> Result<Status, Problem> {
        let mut reply = [0; 512];
        let moved = self.ask(security_in(STATUS, 512), Data::In(&mut reply))?.moved;
        match reply.get(..moved) {
            Some([0, 0x20, _, _, _, mode, _, algorithm, ..]) => {
                Ok(Status { mode: *mode, algorithm: *algorithm })
            }
            _ => Err(Problem::Setting("encryption: it does not say how it is set")),
        }
    }
}

/// How the drive says that it is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Status {
    mode: u8,
    algorithm: u8,
}

const CAPABILITIES: u16 = 0x0010;
const STATUS: u16 = 0x0020;
const SET: u16 = 0x0010;
const OFF: u8 = 0;
const ON: u8 = 2;
/// Decrypts what is encrypted, and reads the rest as it is.
const MIXED: u8 = 3;
const AES_256_GCM: [u8; 4] = [0x00, 0x01, 0x00, 0x14];

/// Looks for AES-256-GCM among the algorithms (SSC-4, table 206): 20 bytes, then 24 for each.
fn algorithm(reply: &[u8]) -> Option<u8> {
    let mut rest = reply.get(20..)?;
    while let [index, _, a, b, ..] = rest {
        let length = 4 + usize::from(u16::from_be_bytes([*a, *b]));
        if rest.get(20..24) == Some(&AES_256_GCM) {
            return Some(*index);
        }
        rest = rest.get(length..)?;
    }
    None
}

/// The page that sets data encryption (SSC-4, table 216).
fn page(key: Option<&Key>, algorithm: u8) -> Vec<u8> {
    const ALL_NEXUS: u8 = 2 << 5;
    const CLEAR_ON_DEMOUNT: u8 = 0x04;
    let mut page = vec![0; 20];
    let (encrypt, decrypt) = if key.is_some() { (ON, MIXED) } else { (OFF, OFF) };
    let head = [ALL_NEXUS, CLEAR_ON_DEMOUNT, encrypt, decrypt, algorithm];
    put(&mut page, 0, &SET.to_be_bytes());
    put(&mut page, 4, &head);
    if let Some(key) = key {
        put(&mut page, 18, &[0, 32]);
        page.extend_from_slice(&key.bytes);
        if let Ok(length) = u8::try_from(key.name.len())
            && length > 0
        {
            // Key-associated data of type 0: not authenticated, any text.
            page.extend_from_slice(&[0, 0, 0, length]);
            page.extend_from_slice(&key.name);
        }
    }
    let length = u16::try_from(page.len().saturating_sub(4)).unwrap_or(u16::MAX);
    put(&mut page, 2, &length.to_be_bytes());
    page
}

fn put(page: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, from) in page.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::super::plain::Plain;
    use super::super::{Setup, TapeDrive};
    use super::*;

    fn key() -> Key {
        Key::new([0xa7; 32], "week-12").unwrap()
    }

    #[test]
    fn the_page_has_the_bytes_of_the_book() {
        let page = page(Some(&key()), 1);
        assert_eq!(page.len(), 20 + 32 + 4 + 7);
        assert_eq!(page[..12], [0, 0x10, 0, 59, 0x40, 0x04, 2, 3, 1, 0, 0, 0]);
        assert_eq!(page[18..20], [0, 32]);
        assert_eq!(page[20..52], [0xa7; 32]);
        assert_eq!(page[52..], *b"\0\0\0\x07week-12");
        let off = super::page(None, 1);
        assert_eq!((off.len(), off[6], off[7]), (20, 0, 0));
    }

    #[test]
    fn the_key_shows_itself_to_nobody() {
        let mut drive = TapeDrive::new("d0".parse().unwrap(), Plain::default(), Setup::default());
        let error = drive.set_encryption(Encryption::With(key())).unwrap_err();
        let shown = format!("{drive:?} {error:?} {error} {:?}", key());
        for spelling in ["167, 167", "a7a7", "a7 a7", "A7"] {
            assert!(!shown.contains(spelling), "{shown}");
        }
        assert!(shown.contains("week-12"));
    }

    #[test]
    fn a_drive_that_cannot_encrypt_is_not_written_in_the_clear() {
        use crate::drive::Drive;
        let mut drive = TapeDrive::new("d0".parse().unwrap(), Plain::default(), Setup::default());
        assert!(drive.set_encryption(Encryption::With(key())).is_err());
        assert!(drive.rewind().is_err(), "it is still wanted");
        drive.set_encryption(Encryption::Off).unwrap();
        drive.rewind().unwrap();
    }

    #[test]
    fn the_algorithm_is_found_by_its_code_and_not_by_its_place() {
        let mut reply = vec![0; 20];
        let entry = |index: u8, code: [u8; 4]| {
            let mut entry = vec![0; 24];
            (entry[0], entry[3]) = (index, 20);
            entry[20..].copy_from_slice(&code);
            entry
        };
        reply.extend(entry(0, [0, 1, 0, 0x10]));
        reply.extend(entry(7, AES_256_GCM));
        assert_eq!(algorithm(&reply), Some(7));
        for end in 0..reply.len() {
            assert_eq!(algorithm(&reply[..end]), None);
        }
        assert_eq!(algorithm(&[0xff; 64]), None);
    }

    #[test]
    fn names_fit_beside_a_block() {
        assert!(Key::new([0; 32], &"x".repeat(33)).is_err());
    }
}

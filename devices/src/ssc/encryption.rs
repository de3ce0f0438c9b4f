//! Encryption by the drive (SSC-4, 8.5): AES-256-GCM, with a key that the host gives it.
//!
//! ```text
//!  capabilities ─► which number has AES-256-GCM in this drive?
//!  set ──────────► the key, and that it is to be forgotten when the cartridge leaves
//!  status ───────► is it really on? Drives in libraries are known to take a key and not use it
//! ```
//!
//! What was written before in the clear can be read on: labels have to be read by whoever has no key. The key is
//! lost by a reset, and then it is given again before anything else is done; should the drive no longer take it,
//! nothing is written.
//!
//! The key stands in no message, and its memory is cleared when it is dropped.

use std::fmt;
use std::sync::Arc;

use super::{Problem, TapeDrive};
use crate::drive::{Action, DriveError};
use crate::scsi::cdb::spc::{security_in, security_out};
use crate::scsi::page::encryption::{
    AES_256_GCM, CAPABILITIES, DataKey, Decrypting, Encrypting, KeyData, KeyDataKind, KeyList,
    ROOM, SET, STATUS, Scope, Setting, Status, algorithms, forget_key, set_key, status,
};
use crate::transport::{Data, Transport};

/// A key and its name. Clones are the same key, and it shows itself to nobody.
#[derive(Clone)]
pub struct Key {
    key: Arc<DataKey>,
    /// What is written beside every block, in the clear: which key it takes to read it.
    name: String,
}

/// The drive keeps so much of a name with every block.
const LONGEST_NAME: usize = 32;

/// A name for a key that does not fit beside a block.
#[derive(Debug, thiserror::Error)]
#[error("a key's name has at most {LONGEST_NAME} bytes, and this one has {0}")]
pub struct LongName(usize);

impl Key {
    /// A key, and the name by which whoever reads the medium is told which one is needed.
    pub fn new(key: DataKey, name: &str) -> Result<Self, LongName> {
        if name.len() > LONGEST_NAME {
            return Err(LongName(name.len()));
        }
        Ok(Self { key: Arc::new(key), name: name.to_owned() })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.name)
    }
}

/// How a drive encrypts.
#[derive(Clone, Debug, Default)]
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
        let wanted = match self.encryption.clone() {
            Encryption::AsItIs => return Ok(()),
            Encryption::Off => None,
            Encryption::With(key) => Some(key),
        };
        let list = match (self.algorithm()?, &wanted) {
            (Some(index), Some(key)) => give(key, index),
            (Some(index), None) => forget_key(Scope::Everybody, index),
            // A drive that cannot encrypt does not.
            (None, None) => return Ok(()),
            (None, Some(_)) => {
                return Err(Problem::Setting("it cannot encrypt with AES-256-GCM"));
            }
        };
        self.send_key(&list.ok_or(Problem::Setting("a key with so long a name"))?)?;
        let encrypting = if wanted.is_some() { Encrypting::On } else { Encrypting::Off };
        if self.encryption_status()?.encrypting == encrypting {
            return Ok(());
        }
        Err(Problem::Setting(
            "encryption. It may be managed by the library: set the library otherwise",
        ))
    }

    fn send_key(&mut self, list: &KeyList) -> Result<(), Problem> {
        let length = u32::try_from(list.bytes().len()).unwrap_or(u32::MAX);
        self.ask(security_out(SET, length), Data::Out(list.bytes()))?;
        Ok(())
    }

    /// The number that AES-256-GCM has in this drive. None if it does not encrypt at all.
    pub(super) fn algorithm(&mut self) -> Result<Option<u8>, Problem> {
        let mut reply = vec![0; usize::try_from(ROOM).unwrap_or(0)];
        match self.ask(security_in(CAPABILITIES, ROOM), Data::In(&mut reply)) {
            Ok(done) => {
                let all = algorithms(reply.get(..done.moved).unwrap_or(&reply))?;
                let ours = all.iter().find(|one| one.code == AES_256_GCM && one.encrypts);
                Ok(ours.map(|one| one.index))
            }
            Err(refusal) if refusal.is_unknown_to_the_drive() => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn encryption_status(&mut self) -> Result<Status, Problem> {
        let mut reply = vec![0; usize::try_from(ROOM).unwrap_or(0)];
        let moved = self.ask(security_in(STATUS, ROOM), Data::In(&mut reply))?.moved;
        Ok(status(reply.get(..moved).unwrap_or(&reply))?)
    }
}

/// The page that gives the drive a key. It decrypts what is encrypted, and gives the rest as it is: labels are
/// in the clear.
fn give(key: &Key, algorithm: u8) -> Option<KeyList> {
    let kind = KeyDataKind::Unauthenticated;
    let name = KeyData { kind, authenticated: 0, data: key.name.clone().into_bytes() };
    let named = [name];
    set_key(&Setting {
        scope: Scope::Everybody,
        encrypting: Encrypting::On,
        decrypting: Decrypting::Mixed,
        algorithm,
        key: &key.key,
        key_data: if key.name.is_empty() { &[] } else { &named },
    })
}

#[cfg(test)]
mod tests {
    use super::super::plain::Plain;
    use super::super::{Setup, TapeDrive};
    use super::*;
    use crate::drive::Drive;

    fn key() -> Key {
        Key::new(DataKey::take(&mut [0xa7; 32]), "week-12").unwrap()
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
        let mut drive = TapeDrive::new("d0".parse().unwrap(), Plain::default(), Setup::default());
        assert!(drive.set_encryption(Encryption::With(key())).is_err());
        assert!(drive.rewind().is_err(), "it is still wanted");
        drive.set_encryption(Encryption::Off).unwrap();
        drive.rewind().unwrap();
    }

    #[test]
    fn names_fit_beside_a_block() {
        assert!(Key::new(DataKey::take(&mut [0; 32]), &"x".repeat(33)).is_err());
    }
}

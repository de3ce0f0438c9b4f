//! A key on its way to the drive (SSC-4, 8.5.3.2).

use std::fmt;
use std::hint::black_box;

use super::{Decrypting, Encrypting, KeyData, SET};

/// A key of 256 bits. It is never printed, and zeroed when it is dropped.
pub struct DataKey(Box<[u8; 32]>);

impl DataKey {
    /// Takes the key out of `bytes`, which are zeroed.
    pub fn take(bytes: &mut [u8; 32]) -> Self {
        let key = Self(Box::new(*bytes));
        zero(bytes);
        key
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(not shown)")
    }
}

impl Drop for DataKey {
    fn drop(&mut self) {
        zero(&mut *self.0);
    }
}

/// A list that may have a key in it: for the drive alone, and zeroed when it is dropped.
pub struct KeyList(Vec<u8>);

impl KeyList {
    /// What is sent.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for KeyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyList({} bytes, not shown)", self.0.len())
    }
}

impl Drop for KeyList {
    fn drop(&mut self) {
        zero(&mut self.0);
    }
}

/// Without the black box the compiler may see that nobody reads the zeros, and leave them out.
fn zero(bytes: &mut [u8]) {
    bytes.fill(0);
    black_box(bytes);
}

/// For whom a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// For this host's path to the drive.
    Ours = 1,
    /// For everybody.
    Everybody = 2,
}

/// What the drive shall do.
#[derive(Debug)]
pub struct Setting<'a> {
    /// For whom.
    pub scope: Scope,
    /// With what is written.
    pub encrypting: Encrypting,
    /// With what is read.
    pub decrypting: Decrypting,
    /// By which algorithm: its [`index`](super::Algorithm::index).
    pub algorithm: u8,
    /// With which key.
    pub key: &'a DataKey,
    /// What is stored beside the data, so that the key can be found again.
    pub key_data: &'a [KeyData],
}

/// The page that gives the drive a key. The drive forgets it when the cartridge is taken out: CKOD.
///
/// None if the key data are too long for any page.
pub fn set_key(setting: &Setting<'_>) -> Option<KeyList> {
    let encrypting = match setting.encrypting {
        Encrypting::Off => 0,
        Encrypting::External => 1,
        Encrypting::On => 2,
        Encrypting::Other(code) => code,
    };
    let decrypting = match setting.decrypting {
        Decrypting::Off => 0,
        Decrypting::Raw => 1,
        Decrypting::On => 2,
        Decrypting::Mixed => 3,
        Decrypting::Other(code) => code,
    };
    let modes = [encrypting, decrypting, setting.algorithm];
    list(setting.scope, CLEAR_ON_DEMOUNT, modes, &*setting.key.0, setting.key_data)
}

/// The page that makes the drive forget its key, and write and read plain.
pub fn forget_key(scope: Scope, algorithm: u8) -> Option<KeyList> {
    list(scope, 0, [0, 0, algorithm], &[], &[])
}

/// CKOD.
const CLEAR_ON_DEMOUNT: u8 = 0x04;

/// The room is made first: a list that grows would leave copies of the key behind.
fn list(
    scope: Scope,
    flags: u8,
    modes: [u8; 3],
    key: &[u8],
    key_data: &[KeyData],
) -> Option<KeyList> {
    let room = 20 + key.len() + key_data.iter().map(|data| 4 + data.data.len()).sum::<usize>();
    let [a, b] = SET.to_be_bytes();
    let [c, d] = u16::try_from(room - 4).ok()?.to_be_bytes();
    let [encrypting, decrypting, algorithm] = modes;
    let [k, l] = u16::try_from(key.len()).ok()?.to_be_bytes();
    let mut list = KeyList(Vec::with_capacity(room));
    list.0.extend([a, b, c, d, (scope as u8) << 5, flags, encrypting, decrypting, algorithm, 0]);
    list.0.extend([0; 8]);
    list.0.extend([k, l]);
    list.0.extend(key);
    for data in key_data {
        let [high, low] = u16::try_from(data.data.len()).ok()?.to_be_bytes();
        list.0.extend([data.kind.code(), 0, high, low]);
        list.0.extend(&data.data);
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::super::KeyDataKind;
    use super::{DataKey, Decrypting, Encrypting, KeyData, Scope, Setting, forget_key, set_key};
    use crate::scsi::page::testing::hex;

    fn setting<'a>(key: &'a DataKey, key_data: &'a [KeyData]) -> Setting<'a> {
        Setting {
            scope: Scope::Everybody,
            encrypting: Encrypting::On,
            decrypting: Decrypting::Mixed,
            algorithm: 1,
            key,
            key_data,
        }
    }

    #[test]
    fn a_key_goes_to_the_drive_with_what_belongs_to_it() {
        let key = DataKey::take(&mut [0xa5; 32]);
        let data = [KeyData {
            kind: KeyDataKind::Unauthenticated,
            authenticated: 0,
            data: b"K1".to_vec(),
        }];
        let list = set_key(&setting(&key, &data)).unwrap();
        assert_eq!(
            list.bytes()[..20],
            hex("00 10 00 36 40 04 02 03 01 00 00 00 00 00 00 00 00 00 00 20")
        );
        assert_eq!(list.bytes()[20..52], [0xa5; 32]);
        assert_eq!(list.bytes()[52..], hex("00 00 00 02 4b 31"));
        let clear = forget_key(Scope::Ours, 1).unwrap();
        assert_eq!(
            clear.bytes(),
            hex("00 10 00 10 20 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00")
        );
    }

    #[test]
    fn a_key_is_never_printed_and_its_source_is_zeroed() {
        let mut source = [0xa5; 32];
        let key = DataKey::take(&mut source);
        assert_eq!(source, [0; 32]);
        let list = set_key(&setting(&key, &[])).unwrap();
        for shown in [format!("{key:?}"), format!("{list:?}"), format!("{:?}", setting(&key, &[]))]
        {
            assert!(!shown.contains("165") && !shown.to_lowercase().contains("a5"), "{shown}");
        }
    }

    #[test]
    fn key_data_that_fit_into_no_page_are_refused() {
        let key = DataKey::take(&mut [1; 32]);
        let data = [KeyData {
            kind: KeyDataKind::Authenticated,
            authenticated: 0,
            data: vec![0; 0x1_0000],
        }];
        assert!(set_key(&setting(&key, &data)).is_none());
    }
}

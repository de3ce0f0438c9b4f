//! Encryption in the drive: what it can, what it does, what the next block is, and how it is given a key
//! (SSC-4, 8.5; SECURITY PROTOCOL 20h).
//!
//! A key is gone after every reset, and after a cartridge was taken out where that was asked for; and another host
//! may take it away. So whoever gives a key reads [`Status`] before the first block, and again after every surprise.
//!
//! Nothing here shows a key: [`DataKey`] prints no byte of it, and it and the list that carries it to the drive are
//! zeroed when they are dropped.

use types::ObjectNo;

use super::{BadReply, PageCode, at_least};
use crate::scsi::bytes::{stretch, u8_at, u16_at, u32_at, u64_at};

mod algorithms;
mod key;

pub use algorithms::{AES_256_GCM, Algorithm, algorithms};
pub use key::{DataKey, KeyList, Scope, Setting, forget_key, set_key};

/// Which pages can be read.
pub const PAGES_IN: u16 = 0x0000;
/// Which pages can be written.
pub const PAGES_OUT: u16 = 0x0001;
/// What the drive can.
pub const CAPABILITIES: u16 = 0x0010;
/// What it does.
pub const STATUS: u16 = 0x0020;
/// What the next block is.
pub const NEXT_BLOCK: u16 = 0x0021;
/// The page that gives a key.
pub const SET: u16 = 0x0010;

/// How many bytes to ask for.
pub const ROOM: u32 = 8192;

/// More descriptors than this are not looked at.
const MOST: usize = 256;

/// Something that is stored beside encrypted data, and tells which key they need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyData {
    /// Who can trust it.
    pub kind: KeyDataKind,
    /// Whether the drive has proved it: 0 and 1 no, 2 yes.
    pub authenticated: u8,
    /// What it is: whatever the host gave.
    pub data: Vec<u8>,
}

/// The kinds of key-associated data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDataKind {
    /// Not protected against change.
    Unauthenticated,
    /// Protected by the key.
    Authenticated,
    /// A number used once.
    Nonce,
    /// About the metadata.
    Metadata,
    /// Something else.
    Other(u8),
}

impl KeyDataKind {
    fn code(self) -> u8 {
        match self {
            Self::Unauthenticated => 0,
            Self::Authenticated => 1,
            Self::Nonce => 2,
            Self::Metadata => 3,
            Self::Other(code) => code,
        }
    }
}

impl From<u8> for KeyDataKind {
    fn from(code: u8) -> Self {
        match code {
            0 => Self::Unauthenticated,
            1 => Self::Authenticated,
            2 => Self::Nonce,
            3 => Self::Metadata,
            other => Self::Other(other),
        }
    }
}

/// What a drive does to what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encrypting {
    /// Nothing.
    Off,
    /// Something else encrypts before it.
    External,
    /// It encrypts.
    On,
    /// A number that the books do not have.
    Other(u8),
}

/// What a drive does to what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decrypting {
    /// Nothing: encrypted blocks cannot be read.
    Off,
    /// Encrypted blocks come as they are.
    Raw,
    /// It decrypts, and gives nothing that is not encrypted.
    On,
    /// It decrypts what is encrypted, and gives the rest as it is.
    Mixed,
    /// A number that the books do not have.
    Other(u8),
}

/// What a drive does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whose settings hold for us: 0 the drive's, 1 our own, 2 those for all.
    pub nexus_scope: u8,
    /// Whose key: the same numbers.
    pub key_scope: u8,
    /// What it does to what is written.
    pub encrypting: Encrypting,
    /// What it does to what is read.
    pub decrypting: Decrypting,
    /// By which algorithm.
    pub algorithm: u8,
    /// Grows with every key that is set: if it is another than it was, so is the key.
    pub key_count: u32,
    /// Who alone may set keys.
    pub managed_by: ManagedBy,
    /// What belongs to the key.
    pub key_data: Vec<KeyData>,
}

/// Who alone may set keys (SSC-4, table 143: PARAMETERS CONTROL).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagedBy {
    /// The drive does not tell.
    Untold,
    /// Nobody alone.
    Anybody,
    /// Hosts, through the drive itself.
    Hosts,
    /// The library: a host is refused.
    Library,
    /// A management interface: a host is refused.
    Management,
    /// A number that the books do not have.
    Other(u8),
}

impl From<u8> for ManagedBy {
    fn from(code: u8) -> Self {
        match code {
            0 => Self::Untold,
            1 => Self::Anybody,
            2 => Self::Hosts,
            3 => Self::Library,
            4 => Self::Management,
            other => Self::Other(other),
        }
    }
}

/// What the next block is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextBlock {
    /// Its object.
    pub object: ObjectNo,
    /// Whether it is encrypted.
    pub state: BlockState,
    /// By which algorithm.
    pub algorithm: u8,
    /// What belongs to its key.
    pub key_data: Vec<KeyData>,
}

/// Whether a block is encrypted (SSC-4, table 148).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockState {
    /// The drive cannot tell, or not yet.
    Unknown,
    /// It is no block: a filemark, or the end of data.
    NoBlock,
    /// It is not.
    Plain,
    /// It is, in a way that the drive does not know.
    UnknownAlgorithm,
    /// It is, and the drive has its key.
    Readable,
    /// It is, and the drive has no key for it, or another one.
    NeedsKey,
}

/// Reads the page on what the drive does.
pub fn status(bytes: &[u8]) -> Result<Status, BadReply> {
    let what = "how the drive encrypts";
    let page = page(what, STATUS, bytes, 24)?;
    let byte = |at| u8_at(page, at).unwrap_or(0);
    Ok(Status {
        nexus_scope: byte(4) >> 5,
        key_scope: byte(4) & 0x07,
        encrypting: match byte(5) {
            0 => Encrypting::Off,
            1 => Encrypting::External,
            2 => Encrypting::On,
            other => Encrypting::Other(other),
        },
        decrypting: match byte(6) {
            0 => Decrypting::Off,
            1 => Decrypting::Raw,
            2 => Decrypting::On,
            3 => Decrypting::Mixed,
            other => Decrypting::Other(other),
        },
        algorithm: byte(7),
        key_count: u32_at(page, 8).unwrap_or(0),
        managed_by: ManagedBy::from(byte(12) >> 4 & 0x07),
        key_data: key_data(page.get(24..).unwrap_or_default()),
    })
}

/// Reads the page on the next block.
pub fn next_block(bytes: &[u8]) -> Result<NextBlock, BadReply> {
    let what = "whether the next block is encrypted";
    let page = page(what, NEXT_BLOCK, bytes, 16)?;
    let byte = |at| u8_at(page, at).unwrap_or(0);
    Ok(NextBlock {
        object: ObjectNo(u64_at(page, 4).unwrap_or(0)),
        state: match byte(12) & 0x0f {
            2 => BlockState::NoBlock,
            3 => BlockState::Plain,
            4 => BlockState::UnknownAlgorithm,
            5 => BlockState::Readable,
            6 => BlockState::NeedsKey,
            _ => BlockState::Unknown,
        },
        algorithm: byte(13),
        key_data: key_data(page.get(16..).unwrap_or_default()),
    })
}

/// The pages that can be read or written, from page 0000h or 0001h.
pub fn pages(which: u16, bytes: &[u8]) -> Result<Vec<u16>, BadReply> {
    let page = page("which pages on encryption there are", which, bytes, 4)?;
    let codes = page.get(4..).unwrap_or_default().chunks_exact(2);
    Ok(codes.filter_map(|code| u16_at(code, 0)).take(MOST).collect())
}

/// A page as far as its length goes, if it is this one and has at least `needed` bytes.
fn page<'a>(
    what: &'static str,
    code: u16,
    bytes: &'a [u8],
    needed: usize,
) -> Result<&'a [u8], BadReply> {
    let bytes = at_least(what, bytes, 4)?;
    let got = u16_at(bytes, 0).unwrap_or(0);
    if got != code {
        let [page, subpage] = got.to_be_bytes();
        return Err(BadReply::OtherPage { what, got: PageCode::sub(page, subpage) });
    }
    at_least(what, stretch(bytes, 0, 4 + usize::from(u16_at(bytes, 2).unwrap_or(0))), needed)
}

/// Key-associated data: kind, authentication, length:2, data.
fn key_data(mut rest: &[u8]) -> Vec<KeyData> {
    let mut found = Vec::new();
    while let (Some(length), true) = (u16_at(rest, 2).map(usize::from), found.len() < MOST) {
        let (Some(kind), Some(authenticated)) = (u8_at(rest, 0), u8_at(rest, 1)) else { break };
        found.push(KeyData {
            kind: kind.into(),
            authenticated: authenticated & 0x07,
            data: stretch(rest, 4, length).to_vec(),
        });
        rest = rest.get(4 + length..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hex, spoil};
    use super::{
        BlockState, Decrypting, Encrypting, KeyDataKind, ManagedBy, ObjectNo, next_block, pages,
        status,
    };

    const ON: &str = "00 20 00 20 42 02 03 01 00 00 00 07 30 00 00 00 00 00 00 00 00 00 00 00
                      00 01 00 08 4e 49 47 48 54 2d 4b 31";

    #[test]
    fn a_drive_says_that_it_encrypts_and_for_which_key() {
        let now = status(&hex(ON)).unwrap();
        assert_eq!((now.encrypting, now.decrypting), (Encrypting::On, Decrypting::Mixed));
        assert_eq!(
            (now.nexus_scope, now.key_scope, now.key_count, now.managed_by),
            (2, 2, 7, ManagedBy::Library)
        );
        assert_eq!(
            (now.key_data[0].kind, &*now.key_data[0].data),
            (KeyDataKind::Unauthenticated, &b"NIGHT-K1"[..])
        );
        spoil(&hex(ON), |bytes| drop(status(bytes)));
    }

    #[test]
    fn the_next_block_says_which_key_it_needs_before_it_is_read() {
        let reply = hex("00 21 00 14 00 00 00 00 00 00 01 00 06 01 00 00  01 02 00 04 4b 45 59 31");
        let next = next_block(&reply).unwrap();
        assert_eq!((next.object, next.state), (ObjectNo(256), BlockState::NeedsKey));
        assert_eq!(next.key_data[0].kind, KeyDataKind::Authenticated);
        spoil(&reply, |bytes| drop(next_block(bytes)));
    }

    #[test]
    fn another_page_is_not_taken_for_the_one_that_was_asked_for() {
        assert!(next_block(&hex(ON)).is_err());
        assert!(status(&hex("00 20 00 04 42 02 03 01")).is_err());
        assert_eq!(
            pages(0, &hex("00 00 00 06 00 00 00 10 00 20")).unwrap(),
            [0x0000, 0x0010, 0x0020]
        );
    }
}

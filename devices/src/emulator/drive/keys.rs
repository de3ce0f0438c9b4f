//! SECURITY PROTOCOL IN and OUT: encryption in the drive.
//!
//! SSC-4, 8.5: security protocol 20h, tape data encryption. A key belongs to one initiator or to all; it is lost at a
//! reset, and at a demount when that was asked for. The emulator never keeps a key: it keeps a mark that tells keys
//! apart, and gives the blocks sealed under one mark only to who has set a key with the same.

use std::collections::BTreeMap;

use crate::emulator::Nexus;
use crate::emulator::bytes::{Layout, field};
use crate::emulator::complaint::{Complaint, Outcome, Reply, key};
use crate::emulator::events::ENCRYPTION_CHANGED;
use crate::emulator::medium::{Object, Seal};
use crate::emulator::setup::DriveModel;

use super::Turn;

/// AES-256-GCM with a tag of 16 bytes.
const ALGORITHM: u64 = 0x0001_0014;

/// By which the host names it.
const INDEX: u8 = 1;

const KEY_LENGTH: u64 = 32;

/// Longest key-associated data: unauthenticated, authenticated.
const KAD: (usize, usize) = (32, 60);

/// What reading does with what is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decrypt {
    /// Only plain blocks are read.
    Off,
    /// Only encrypted ones.
    On,
    /// Both.
    Mixed,
}

/// How one initiator, or all, have set encryption.
#[derive(Clone, Debug)]
struct Key {
    mark: u64,
    encrypts: bool,
    decrypt: Decrypt,
    clears_on_demount: bool,
    unauthenticated: Vec<u8>,
    authenticated: Vec<u8>,
}

/// All keys that are set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    shared: Option<Key>,
    local: BTreeMap<Nexus, Key>,
    /// Counts each change.
    instance: u32,
}

impl Keys {
    fn of(&self, nexus: Nexus) -> Option<&Key> {
        self.local.get(&nexus).or(self.shared.as_ref())
    }

    /// With what a block is encrypted that this initiator writes now.
    pub(crate) fn seal(&self, nexus: Nexus) -> Result<Option<Seal>, Complaint> {
        let key = self.of(nexus).filter(|key| key.encrypts);
        Ok(key.map(|key| Seal {
            mark: key.mark,
            unauthenticated: key.unauthenticated.clone(),
            authenticated: key.authenticated.clone(),
        }))
    }

    /// Whether this initiator may read a block.
    pub(crate) fn may_read(
        &self,
        nexus: Nexus,
        seal: Option<&Seal>,
        model: &DriveModel,
    ) -> Result<(), Complaint> {
        let key = self.of(nexus);
        let decrypt = key.map_or(Decrypt::Off, |key| key.decrypt);
        let refuse = |code, qualifier| Err(Complaint::new(key::PROTECT, code, qualifier));
        match (seal, decrypt) {
            (None, Decrypt::Off | Decrypt::Mixed) => Ok(()),
            (None, Decrypt::On) => refuse(0x74, 0x02),
            // IBM's drives ask for the key in a manner of their own.
            (Some(_), Decrypt::Off) if model.vendor == "IBM" => refuse(0xef, 0x10),
            (Some(_), Decrypt::Off) => refuse(0x74, 0x01),
            (Some(seal), _) if key.is_some_and(|key| key.mark == seal.mark) => Ok(()),
            (Some(_), _) => refuse(0x74, 0x03),
        }
    }

    /// The cartridge leaves.
    pub(crate) fn demounted(&mut self) {
        self.shared = self.shared.take().filter(|key| !key.clears_on_demount);
        self.local.retain(|_, key| !key.clears_on_demount);
    }

    /// A reset takes them all.
    pub(crate) fn reset(&mut self) {
        self.shared = None;
        self.local.clear();
    }
}

impl Turn<'_> {
    pub(crate) fn security_in(&mut self) -> Reply {
        let page = self.ask.field(2, 2);
        let mut allocation = self.ask.field(6, 4);
        if self.ask.bit(4, 0x80) {
            allocation *= 512;
        }
        let reply = match (self.ask.byte(1), page) {
            // Which protocols there are: this list, and tape data encryption.
            (0x00, 0x0000) => vec![0, 0, 0, 0, 0, 0, 0, 2, 0x00, 0x20],
            (0x20, _) => self.encryption_page(page)?,
            _ => return Err(Complaint::bad_command(1).into()),
        };
        Ok(Outcome::reply(reply, allocation))
    }

    fn encryption_page(&mut self, page: u64) -> Result<Vec<u8>, Complaint> {
        let mut reply = Layout::new();
        reply.put(2, page).zeros(2);
        match page {
            0x0000 => {
                [0x0000, 0x0001, 0x0010, 0x0011, 0x0012, 0x0020, 0x0021].iter().for_each(|&page| {
                    reply.put(2, page);
                });
            }
            0x0001 => {
                reply.put(2, 0x0010);
            }
            0x0010 => capabilities(&mut reply),
            // Plain text keys only.
            0x0011 => {
                reply.byte(0x00);
            }
            // Locking is not offered; keys are cleared on demount, and are of one or all initiators.
            0x0012 => {
                reply.byte(0x10).zeros(1).byte(0x05).zeros(9);
            }
            0x0020 => self.encryption_status(&mut reply),
            0x0021 => self.next_block(&mut reply)?,
            _ => return Err(Complaint::bad_command(2)),
        }
        Ok(reply.close(2, 2))
    }

    fn encryption_status(&self, reply: &mut Layout) {
        let keys = &self.drive.keys;
        let (own, shared) = (keys.local.contains_key(&self.ask.nexus), keys.shared.is_some());
        let scope = if own {
            1
        } else if shared {
            2
        } else {
            0
        };
        let key = keys.of(self.ask.nexus);
        let encrypts = key.is_some_and(|key| key.encrypts);
        let decrypt = match key.map_or(Decrypt::Off, |key| key.decrypt) {
            Decrypt::Off => 0,
            Decrypt::On => 2,
            Decrypt::Mixed => 3,
        };
        reply.byte(scope << 5 | scope).byte(if encrypts { 2 } else { 0 }).byte(decrypt);
        reply.byte(if key.is_some() { INDEX } else { 0 }).put(4, keys.instance.into());
        // CEEMS and RDMD as they are by default; no key-associated data kind.
        reply.byte(0x00).zeros(11);
        if let Some(key) = key {
            descriptors(reply, &key.unauthenticated, &key.authenticated);
        }
    }

    fn next_block(&mut self, reply: &mut Layout) -> Result<(), Complaint> {
        self.ready()?;
        self.settle();
        let at = self.drive.at;
        let next = self.here()?.0;
        reply.put(8, at.object);
        match next {
            // Not known, as at the end of data.
            None => {
                reply.byte(0x01).zeros(3);
            }
            Some(Object::Filemark) => {
                reply.byte(0x02).zeros(3);
            }
            Some(Object::Block(block)) => match &block.seal {
                None => {
                    reply.byte(0x03).zeros(3);
                }
                Some(seal) => {
                    let may =
                        self.drive.keys.may_read(self.ask.nexus, Some(seal), &self.drive.model);
                    reply.byte(if may.is_ok() { 0x05 } else { 0x06 }).byte(INDEX).zeros(2);
                    descriptors(reply, &seal.unauthenticated, &seal.authenticated);
                }
            },
        }
        Ok(())
    }

    pub(crate) fn security_out(&mut self) -> Reply {
        if self.ask.byte(1) != 0x20 || self.ask.field(2, 2) != 0x0010 {
            return Err(Complaint::bad_command(2).into());
        }
        let list = self.ask.list(self.ask.field(6, 4))?;
        let whole = 4 + usize::try_from(field(list, 2, 2)).unwrap_or(usize::MAX);
        let list = list.get(..whole).filter(|list| list.len() >= 20);
        let list = list.ok_or_else(Complaint::short_list)?;
        let (scope, encryption) = (field(list, 4, 1) >> 5, field(list, 6, 1));
        let nexus = self.ask.nexus;
        let key = read_key(list)?;
        let keys = &mut self.drive.keys;
        keys.instance = keys.instance.wrapping_add(1);
        match (scope, encryption) {
            // Public: what all have set counts for this one too.
            (0, _) => {
                keys.local.remove(&nexus);
            }
            (1, _) => {
                match key {
                    Some(key) => keys.local.insert(nexus, key),
                    None => keys.local.remove(&nexus),
                };
            }
            (2, _) => {
                keys.shared = key;
                keys.local.remove(&nexus);
                self.desk.attentions.raise_for_others(nexus, ENCRYPTION_CHANGED);
            }
            _ => return Err(Complaint::bad_parameter(4).into()),
        }
        Ok(Outcome::done())
    }
}

/// The parameters of Set Data Encryption. Nothing if both ways are off.
fn read_key(list: &[u8]) -> Result<Option<Key>, Complaint> {
    let byte = |at: usize| list.get(at).copied().unwrap_or(0);
    let encrypts = match byte(6) {
        0 => false,
        2 => true,
        _ => return Err(Complaint::bad_parameter(6)),
    };
    let decrypt = match byte(7) {
        0 => Decrypt::Off,
        2 => Decrypt::On,
        3 => Decrypt::Mixed,
        _ => return Err(Complaint::bad_parameter(7)),
    };
    if !encrypts && decrypt == Decrypt::Off {
        return Ok(None);
    }
    if byte(8) != INDEX {
        return Err(Complaint::bad_parameter(8));
    }
    if byte(9) != 0 {
        return Err(Complaint::bad_parameter(9));
    }
    // LTO drives refuse to encrypt what they then could not read back.
    if encrypts && decrypt == Decrypt::Off {
        return Err(Complaint::bad_parameter(7));
    }
    let length = field(list, 18, 2);
    if length != KEY_LENGTH {
        return Err(Complaint::bad_parameter(18));
    }
    let (key, mut rest) = list
        .get(20..)
        .unwrap_or_default()
        .split_at_checked(32)
        .ok_or_else(Complaint::short_list)?;
    let (mut unauthenticated, mut authenticated) = (Vec::new(), Vec::new());
    while let [kind, _, high, low, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let value = behind.get(..length).ok_or_else(Complaint::short_list)?;
        match kind {
            0 if length <= KAD.0 => unauthenticated = value.to_vec(),
            1 if length <= KAD.1 => authenticated = value.to_vec(),
            _ => return Err(Complaint::bad_parameter(20)),
        }
        rest = behind.get(length..).unwrap_or_default();
    }
    let clears_on_demount = byte(5) & 0x04 != 0;
    let mark = mark_of(key);
    Ok(Some(Key { mark, encrypts, decrypt, clears_on_demount, unauthenticated, authenticated }))
}

/// Tells keys apart (FNV-1a, twice over).
fn mark_of(key: &[u8]) -> u64 {
    key.iter().chain(key).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn capabilities(reply: &mut Layout) {
    // External encryption mode control is not capable: 01b.
    reply.byte(0x01).zeros(15);
    reply.byte(INDEX).zeros(1).put(2, 20);
    // The algorithm is valid, keys may be supplied, distinguishes encrypted blocks; hardware both ways.
    reply.byte(0x80 | 0x20 | 0x10 | 0x08 | 0x02).byte(0x00);
    reply.put(2, KAD.0 as u64).put(2, KAD.1 as u64).put(2, KEY_LENGTH);
    reply.byte(0xc0).zeros(7).put(4, ALGORITHM);
}

fn descriptors(reply: &mut Layout, unauthenticated: &[u8], authenticated: &[u8]) {
    for (kind, value) in [(0, unauthenticated), (1, authenticated)] {
        if !value.is_empty() {
            reply.byte(kind).byte(if kind == 0 { 1 } else { 2 });
            reply.put(2, value.len() as u64).bytes(value);
        }
    }
}

//! Persistent reservations: who has registered with a device and who holds it (SPC-4, 6.15 and 6.16).

use super::{BadReply, at_least};
use crate::scsi::bytes::{stretch, u8_at, u32_at, u64_at};

/// How many bytes the list of PERSISTENT RESERVE OUT has.
pub const RESERVE_LIST: usize = 24;

/// How many bytes to ask for.
pub const ROOM: u16 = 8192;

/// More keys than this are not looked at.
const MOST: usize = 1024;

/// By which a host is known to a device. Other hosts can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationKey(pub u64);

impl std::fmt::Display for ReservationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// All keys that are registered, and how often that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Grows with every change.
    pub generation: u32,
    /// The keys; one for each path, so the same key may come more than once.
    pub keys: Vec<ReservationKey>,
}

/// Who holds a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// By which key.
    pub by: ReservationKey,
    /// How: the type of the reservation, as [`Holding`](crate::scsi::cdb::spc::Holding) numbers them.
    pub holding: u8,
}

/// Reads the reply to PERSISTENT RESERVE IN, READ KEYS.
pub fn keys(bytes: &[u8]) -> Result<Registered, BadReply> {
    let bytes = at_least("which hosts have registered", bytes, 8)?;
    let keys = body(bytes).chunks_exact(8).filter_map(|key| u64_at(key, 0)).map(ReservationKey);
    Ok(Registered { generation: u32_at(bytes, 0).unwrap_or(0), keys: keys.take(MOST).collect() })
}

/// Reads the reply to PERSISTENT RESERVE IN, READ RESERVATION: none if nobody holds the device.
pub fn holder(bytes: &[u8]) -> Result<Option<Held>, BadReply> {
    let body = body(at_least("who holds the device", bytes, 8)?);
    let held = |by| Some(Held { by: ReservationKey(by), holding: u8_at(body, 13)? & 0x0f });
    Ok(u64_at(body, 0).and_then(held))
}

/// The list of PERSISTENT RESERVE OUT: our key, and the key that the action is about.
pub fn list(ours: ReservationKey, about: ReservationKey) -> [u8; RESERVE_LIST] {
    let mut list = [0; RESERVE_LIST];
    let (keys, _) = list.split_at_mut(16);
    let both = ours.0.to_be_bytes().into_iter().chain(about.0.to_be_bytes());
    for (to, from) in keys.iter_mut().zip(both) {
        *to = from;
    }
    list
}

/// What is behind the generation and the length, as far as it is there.
fn body(bytes: &[u8]) -> &[u8] {
    let length = usize::try_from(u32_at(bytes, 4).unwrap_or(0)).unwrap_or(usize::MAX);
    stretch(bytes, 8, length)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hex, spoil};
    use super::{Held, ReservationKey, holder, keys, list};

    #[test]
    fn keys_are_listed_as_far_as_they_are_there() {
        let reply =
            hex("00 00 00 05 00 00 00 18  00 00 00 00 00 00 00 01  00 00 00 00 00 00 00 02");
        let found = keys(&reply).unwrap();
        assert_eq!((found.generation, found.keys), (5, vec![ReservationKey(1), ReservationKey(2)]));
        spoil(&reply, |bytes| drop(keys(bytes)));
    }

    #[test]
    fn a_device_is_held_or_not() {
        let reply =
            hex("00 00 00 05 00 00 00 10  00 00 00 00 00 00 00 2a  00 00 00 00 00 03 00 00");
        assert_eq!(holder(&reply).unwrap(), Some(Held { by: ReservationKey(42), holding: 3 }));
        assert_eq!(holder(&hex("00 00 00 05 00 00 00 00")).unwrap(), None);
        spoil(&reply, |bytes| drop(holder(bytes)));
    }

    #[test]
    fn the_list_names_our_key_first() {
        let list = list(ReservationKey(1), ReservationKey(2));
        assert_eq!(list[..16], hex("00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 02"));
        assert_eq!(ReservationKey(0x2a).to_string(), "000000000000002a");
    }
}

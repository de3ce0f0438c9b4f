//! The reply to REPORT SUPPORTED OPERATION CODES: what a device can do, and how long each may take (SPC-4, 6.34). It
//! is the best source of timeouts.

use std::time::Duration;

use super::{BadReply, at_least};
use crate::scsi::bytes::{stretch, u8_at, u16_at, u32_at};

/// How many bytes to ask for.
pub const ROOM: u32 = 0x8000;

/// More commands than this are not looked at.
const MOST: usize = 2048;

/// A command that a device knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supported {
    /// Its first byte.
    pub opcode: u8,
    /// Its service action, if it has them.
    pub action: Option<u16>,
    /// How many bytes it has.
    pub length: u16,
    /// How long it usually takes at most.
    pub nominal: Option<Duration>,
    /// How long to wait before something must be wrong.
    pub timeout: Option<Duration>,
}

/// Reads the list of all commands.
pub fn decode_all(bytes: &[u8]) -> Result<Vec<Supported>, BadReply> {
    let bytes = at_least("which commands the device knows", bytes, 4)?;
    let length = usize::try_from(u32_at(bytes, 0).unwrap_or(0)).unwrap_or(usize::MAX);
    let mut rest = stretch(bytes, 4, length);
    let mut found = Vec::new();
    while let (Some(command), true) = (command(rest), found.len() < MOST) {
        let flags = u8_at(rest, 5).unwrap_or(0);
        let timeouts =
            if flags & 0x02 != 0 { timeouts_length(rest.get(8..).unwrap_or_default()) } else { 0 };
        found.push(command);
        rest = rest.get(8 + timeouts..).unwrap_or_default();
    }
    Ok(found)
}

/// The head of a descriptor, and its timeouts if they follow.
fn command(bytes: &[u8]) -> Option<Supported> {
    let flags = u8_at(bytes, 5)?;
    let (nominal, timeout) =
        if flags & 0x02 != 0 { timeouts(bytes.get(8..).unwrap_or_default()) } else { (None, None) };
    Some(Supported {
        opcode: u8_at(bytes, 0)?,
        action: u16_at(bytes, 2).filter(|_| flags & 0x01 != 0),
        length: u16_at(bytes, 6)?,
        nominal,
        timeout,
    })
}

/// How a device answers for one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It does not tell.
    Untold,
    /// It does not know it.
    No,
    /// It knows it.
    Yes {
        /// Whether as the standard says, or as the vendor does.
        standard: bool,
        /// How long to wait before something must be wrong.
        timeout: Option<Duration>,
    },
}

/// Reads the answer for one command.
pub fn decode_one(bytes: &[u8]) -> Result<Known, BadReply> {
    let bytes = at_least("whether the device knows a command", bytes, 4)?;
    let flags = u8_at(bytes, 1).unwrap_or(0);
    let behind = 4 + usize::from(u16_at(bytes, 2).unwrap_or(0));
    let (_, timeout) = if flags & 0x80 != 0 {
        timeouts(bytes.get(behind..).unwrap_or_default())
    } else {
        (None, None)
    };
    Ok(match flags & 0x07 {
        1 => Known::No,
        3 => Known::Yes { standard: true, timeout },
        5 => Known::Yes { standard: false, timeout },
        _ => Known::Untold,
    })
}

/// Nominal and recommended, in seconds; 0 is not told.
fn timeouts(bytes: &[u8]) -> (Option<Duration>, Option<Duration>) {
    let seconds = |at| {
        let number = u32_at(stretch(bytes, 0, timeouts_length(bytes)), at)?;
        (number != 0).then(|| Duration::from_secs(number.into()))
    };
    (seconds(4), seconds(8))
}

/// The timeouts' own length does not count its two bytes.
fn timeouts_length(bytes: &[u8]) -> usize {
    2 + usize::from(u16_at(bytes, 0).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{hex, spoil};
    use super::{Known, decode_all, decode_one};

    const ALL: &str = "00 00 00 30
        00 00 00 00 00 02 00 06   00 0a 00 00 00 00 00 00 00 00 00 3c # TEST UNIT READY, 60 s
        a3 00 00 1d 00 01 00 0c                                       # RECEIVE RAO, no timeouts
        92 00 00 00 00 02 00 10   00 0a 00 00 00 00 01 2c 00 00 0b 40 # LOCATE(16)";

    #[test]
    fn each_command_has_its_time() {
        let found = decode_all(&hex(ALL)).unwrap();
        assert_eq!(
            found.iter().map(|command| command.opcode).collect::<Vec<_>>(),
            [0x00, 0xa3, 0x92]
        );
        assert_eq!((found[0].nominal, found[0].timeout), (None, Some(Duration::from_secs(60))));
        assert_eq!((found[1].action, found[1].timeout), (Some(0x1d), None));
        assert_eq!((found[2].nominal, found[2].length), (Some(Duration::from_secs(300)), 16));
        assert_eq!(found[2].timeout, Some(Duration::from_secs(2880)));
        spoil(&hex(ALL), |bytes| drop(decode_all(bytes)));
    }

    #[test]
    fn one_command_is_known_or_not() {
        let reply = hex("00 83 00 06 0a 01 ff ff ff 00  00 0a 00 00 00 00 00 05 00 00 00 1e");
        let yes = Known::Yes { standard: true, timeout: Some(Duration::from_secs(30)) };
        assert_eq!(decode_one(&reply), Ok(yes));
        assert_eq!(decode_one(&hex("00 01 00 00")), Ok(Known::No));
        assert_eq!(decode_one(&hex("00 00 00 00")), Ok(Known::Untold));
        spoil(&reply, |bytes| drop(decode_one(bytes)));
    }
}

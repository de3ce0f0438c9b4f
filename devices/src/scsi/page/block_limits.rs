//! The reply to READ BLOCK LIMITS: how long blocks may be (SSC-4, 7.3).

use super::{BadReply, at_least};
use crate::scsi::bytes::{u8_at, u16_at, u24_at};

/// How many bytes the reply has.
pub const LENGTH: usize = 6;

/// How long blocks may be, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLimits {
    /// At least.
    pub least: u16,
    /// At most; none if the drive knows no limit.
    pub most: Option<u32>,
    /// Lengths go in steps of two to the power of this.
    pub granularity: u8,
}

/// Reads the reply.
pub fn decode(bytes: &[u8]) -> Result<BlockLimits, BadReply> {
    let bytes = at_least("READ BLOCK LIMITS", bytes, LENGTH)?;
    Ok(BlockLimits {
        least: u16_at(bytes, 4).unwrap_or(0),
        most: u24_at(bytes, 1).filter(|most| *most != 0),
        granularity: u8_at(bytes, 0).unwrap_or(0) & 0x1f,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::hex;
    use super::{BlockLimits, decode};

    #[test]
    fn an_lto_drive_takes_up_to_8_mib() {
        let limits = BlockLimits { least: 1, most: Some(8 << 20), granularity: 0 };
        assert_eq!(decode(&hex("00 80 00 00 00 01")), Ok(limits));
        assert_eq!(decode(&hex("00 00 00 00 00 01")).unwrap().most, None);
        assert!(decode(&hex("00 80 00 00 00")).is_err());
    }
}

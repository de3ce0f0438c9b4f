//! Log pages 37h and 38h: how well a drive streams, in the vendors' own pages. IBM's 37h tells of media and
//! backhitches, HPE's 37h and 38h of other things: what a parameter means is only known for the vendor whose name
//! the drive bears, and the rest is kept as numbers.

use super::{BadReply, Log, PageCode};

/// Performance since the cartridge was loaded.
pub const COUNTERS: PageCode = PageCode::page(0x37);
/// The same by block sizes, or since the drive was made.
pub const MORE: PageCode = PageCode::page(0x38);

/// More parameters than this are not kept.
const MOST: usize = 1024;

/// The counters of a page, each with its code. One that the drive does not know is left out.
pub fn decode(code: PageCode, bytes: &[u8]) -> Result<Vec<(u16, u64)>, BadReply> {
    let log = Log::decode("how well it streams", code, bytes)?;
    let known = |parameter: &super::Parameter<'_>| {
        super::known_number(parameter.value).map(|number| (parameter.code, number))
    };
    Ok(log.parameters().iter().filter_map(known).take(MOST).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::page;
    use super::{COUNTERS, decode};

    #[test]
    fn what_the_drive_does_not_know_is_left_out() {
        let bytes =
            page(COUNTERS, &[(1, &[98]), (2, &[0xff; 4]), (3, &[0; 12]), (4, &[0, 0, 1, 0])]);
        assert_eq!(decode(COUNTERS, &bytes).unwrap(), [(1, 98), (4, 256)]);
    }
}

//! Log page 14h of a changer: what it has done (SMC-3, 7.2). Its TapeAlerts are on page 2Eh, as a drive's.

use super::{BadReply, Log, PageCode};

/// The page's number.
pub const PAGE: PageCode = PageCode::page(0x14);

/// What a changer has done in its life. What it does not count is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangerStatistics {
    /// Cartridges moved.
    pub moves: Option<u64>,
    /// Cartridges picked up.
    pub picks: Option<u64>,
    /// Picking one up had to be tried again.
    pub pick_retries: Option<u64>,
    /// Cartridges put down.
    pub places: Option<u64>,
    /// Putting one down had to be tried again.
    pub place_retries: Option<u64>,
    /// Barcodes read.
    pub barcodes: Option<u64>,
    /// Barcodes that could not be read.
    pub bad_barcodes: Option<u64>,
    /// Times the door was opened.
    pub doors: Option<u64>,
    /// Times a mail slot was opened.
    pub mail_slots: Option<u64>,
    /// Times it looked into all places.
    pub inventories: Option<u64>,
    /// Errors of the arm that nothing could be done about.
    pub hard_errors: Option<u64>,
    /// Errors of the arm that it helped itself out of.
    pub recovered_errors: Option<u64>,
}

/// Reads page 14h of a changer.
pub fn decode(bytes: &[u8]) -> Result<ChangerStatistics, BadReply> {
    let log = Log::decode("what the changer has done", PAGE, bytes)?;
    Ok(ChangerStatistics {
        moves: log.number(0x0000),
        picks: log.number(0x0001),
        pick_retries: log.number(0x0002),
        places: log.number(0x0003),
        place_retries: log.number(0x0004),
        barcodes: log.number(0x0005),
        bad_barcodes: log.number(0x0006),
        doors: log.number(0x0007),
        mail_slots: log.number(0x0008),
        inventories: log.number(0x0009),
        hard_errors: log.number(0x000a),
        recovered_errors: log.number(0x000b),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::page;
    use super::{PAGE, decode};

    #[test]
    fn a_changer_tells_what_it_has_done() {
        let found = decode(&page(PAGE, &[(0, &[0, 0, 9, 9]), (4, &[0, 0, 0, 2])])).unwrap();
        assert_eq!((found.moves, found.place_retries, found.doors), (Some(2313), Some(2), None));
    }
}

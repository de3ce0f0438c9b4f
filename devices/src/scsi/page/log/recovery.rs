//! Log page 13h: what the library or the host should do next about a cartridge that does not work
//! (ADC-3, 6.1.2.4).

use super::{BadReply, Log, PageCode};

/// The page's number.
pub const PAGE: PageCode = PageCode::page(0x13);

/// A step that should be tried, by the number of ADC-3's table of recovery procedures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step(pub u8);

/// The steps, in the order in which they should be tried; empty if nothing is asked for.
pub fn decode(bytes: &[u8]) -> Result<Vec<Step>, BadReply> {
    let log = Log::decode("what to do about the cartridge", PAGE, bytes)?;
    let codes = log.value(0).unwrap_or_default();
    Ok(codes.iter().copied().filter(|code| *code != 0).map(Step).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::page;
    use super::{PAGE, Step, decode};

    #[test]
    fn steps_come_in_the_order_in_which_they_should_be_tried() {
        assert_eq!(decode(&page(PAGE, &[(0, &[4, 3, 0])])).unwrap(), [Step(4), Step(3)]);
        assert_eq!(decode(&page(PAGE, &[(0, &[0])])).unwrap(), []);
        assert_eq!(decode(&page(PAGE, &[])).unwrap(), []);
    }
}

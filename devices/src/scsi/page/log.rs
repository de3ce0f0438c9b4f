//! Log pages: what a device has counted (SPC-4, 7.3).
//!
//! ```text
//!  page | subpage | length:2 | parameter | parameter …
//!  a parameter   code:2 | flags | length | value
//! ```
//!
//! Each page is a list of parameters, and the length of a value is the device's choice: generations differ. So a
//! parameter is looked up by its code, and a number is taken in whatever length it comes. A number of all ones
//! means that the device does not know.

use types::Bytes;

use super::{BadReply, PageCode, at_least};
use crate::scsi::bytes::{number, stretch, text_if_any, u8_at, u16_at};

pub mod alerts;
pub mod capacity;
pub mod changer;
pub mod compression;
pub mod device_status;
pub mod errors;
pub mod maker;
pub mod recovery;
pub mod sequential;
pub mod statistics;
pub mod usage;
pub mod volume;

/// How many bytes to ask for: enough for any page of drives and changers.
pub const ROOM: u16 = 0xfffc;

/// Which pages there are.
pub const SUPPORTED: PageCode = PageCode::page(0x00);

/// More parameters than this are not looked at.
const MOST: usize = 8192;

/// A log page, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log<'a> {
    /// Which.
    pub code: PageCode,
    parameters: Vec<Parameter<'a>>,
}

/// One thing that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// What.
    pub code: u16,
    /// The control byte.
    pub flags: u8,
    /// How long the value is, as the device says.
    pub length: u8,
    /// The value, as far as it came.
    pub value: &'a [u8],
}

impl<'a> Parameter<'a> {
    /// The number that it has, if the device knows it and all of it came: half a number would be another one.
    pub fn number(&self) -> Option<u64> {
        known_number(self.whole()?)
    }

    /// The value, if all of it came.
    pub fn whole(&self) -> Option<&'a [u8]> {
        (self.value.len() == usize::from(self.length)).then_some(self.value)
    }
}

impl<'a> Log<'a> {
    /// Takes the reply to LOG SENSE for page `code` apart.
    pub fn decode(what: &'static str, code: PageCode, bytes: &'a [u8]) -> Result<Self, BadReply> {
        let (got, mut rest) = body(what, bytes)?;
        if got != code {
            return Err(BadReply::OtherPage { what, got });
        }
        let mut parameters = Vec::new();
        while let (Some((code, flags, length)), true) = (head(rest), parameters.len() < MOST) {
            let value = stretch(rest, 4, length.into());
            parameters.push(Parameter { code, flags, length, value });
            rest = rest.get(4 + usize::from(length)..).unwrap_or_default();
        }
        Ok(Self { code, parameters })
    }

    /// All parameters, in the order of the reply.
    pub fn parameters(&self) -> &[Parameter<'a>] {
        &self.parameters
    }

    /// The value of one, as far as it came.
    pub fn value(&self, code: u16) -> Option<&'a [u8]> {
        self.of(code).map(|found| found.value)
    }

    /// The number that one has, if the device knows it.
    pub fn number(&self, code: u16) -> Option<u64> {
        self.of(code)?.number()
    }

    /// The number that one has, if it fits.
    pub fn small(&self, code: u16) -> Option<u32> {
        self.number(code).and_then(|number| u32::try_from(number).ok())
    }

    /// The text that one has.
    pub fn text(&self, code: u16) -> Option<String> {
        text_if_any(self.value(code)?)
    }

    /// Whether one is set; none if the device does not tell.
    pub fn flag(&self, code: u16) -> Option<bool> {
        self.value(code)?.last().map(|byte| byte & 0x01 != 0)
    }

    fn of(&self, code: u16) -> Option<&Parameter<'a>> {
        self.parameters.iter().find(|parameter| parameter.code == code)
    }

    /// An amount that one gives in units of `unit`.
    pub fn amount(&self, code: u16, unit: Bytes) -> Option<Bytes> {
        Some(Bytes(self.number(code)?.saturating_mul(unit.0)))
    }
}

/// 10^6 bytes, as SSC counts.
pub(crate) const MEGABYTE: Bytes = Bytes(1_000_000);

/// A number, unless all its bits are set.
pub(crate) fn known_number(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.iter().all(|byte| *byte == 0xff) { None } else { number(value) }
}

/// The pages that there are: log page 00h, or 00h/FFh with subpages.
pub fn supported(bytes: &[u8]) -> Result<Vec<PageCode>, BadReply> {
    let what = "the list of log pages";
    let (got, body) = body(what, bytes)?;
    match (got.page, got.subpage) {
        (0, 0) => Ok(body.iter().map(|page| PageCode::page(page & 0x3f)).collect()),
        (0, 0xff) => Ok(body
            .chunks_exact(2)
            .filter_map(|pair| Some(PageCode::sub(u8_at(pair, 0)? & 0x3f, u8_at(pair, 1)?)))
            .take(MOST)
            .collect()),
        _ => Err(BadReply::OtherPage { what, got }),
    }
}

/// Which page it is, and what is behind its head, as far as it is there.
fn body<'a>(what: &'static str, bytes: &'a [u8]) -> Result<(PageCode, &'a [u8]), BadReply> {
    let bytes = at_least(what, bytes, 4)?;
    let first = u8_at(bytes, 0).unwrap_or(0);
    // Without SPF the second byte is reserved.
    let subpage = if first & 0x40 != 0 { u8_at(bytes, 1).unwrap_or(0) } else { 0 };
    let length = u16_at(bytes, 2).unwrap_or(0);
    Ok((PageCode::sub(first & 0x3f, subpage), stretch(bytes, 4, length.into())))
}

fn head(bytes: &[u8]) -> Option<(u16, u8, u8)> {
    Some((u16_at(bytes, 0)?, u8_at(bytes, 2)?, u8_at(bytes, 3)?))
}

#[cfg(test)]
pub(crate) mod testing {
    use super::PageCode;

    /// A log page of these parameters.
    pub(crate) fn page(code: PageCode, parameters: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (number, value) in parameters {
            body.extend(number.to_be_bytes());
            body.extend([0x03, u8::try_from(value.len()).unwrap()]);
            body.extend(*value);
        }
        let spf = if code.subpage == 0 { 0 } else { 0x40 };
        let [high, low] = u16::try_from(body.len()).unwrap().to_be_bytes();
        [vec![code.page | spf, code.subpage, high, low], body].concat()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::super::testing::{hex, spoil};
    use super::testing::page;
    use super::{BadReply, Bytes, Log, PageCode, supported};

    const CODE: PageCode = PageCode::page(0x0c);

    #[test]
    fn a_number_is_taken_in_whatever_length_it_comes() {
        let bytes =
            page(CODE, &[(0, &[1]), (1, &[1, 0]), (2, &[0, 0, 0, 0, 0, 0, 1, 0]), (3, b"AB  ")]);
        let log = Log::decode("it", CODE, &bytes).unwrap();
        assert_eq!([0, 1, 2].map(|code| log.number(code).unwrap()), [1, 256, 256]);
        assert_eq!(log.text(3).unwrap(), "AB");
        assert_eq!(log.flag(0), Some(true));
        assert_eq!(log.amount(1, Bytes::MIB), Some(Bytes(256 << 20)));
        assert_eq!(log.number(9), None);
    }

    #[test]
    fn all_ones_means_that_nobody_knows() {
        let bytes = page(CODE, &[(0, &[0xff; 4]), (1, &[]), (2, &[0xff; 9])]);
        let log = Log::decode("it", CODE, &bytes).unwrap();
        assert_eq!([0, 1, 2].map(|code| log.number(code)), [None; 3]);
    }

    #[test]
    fn a_parameter_that_claims_more_than_is_there_has_what_is_there() {
        let log = hex("0c 00 00 20  00 01 03 08 00 05");
        let log = Log::decode("it", CODE, &log).unwrap();
        assert_eq!((log.value(1), log.number(1)), (Some(&[0, 5][..]), None));
    }

    #[test]
    fn another_page_is_refused() {
        let error = Log::decode("it", CODE, &hex("02 00 00 00")).unwrap_err();
        assert_eq!(error, BadReply::OtherPage { what: "it", got: PageCode::page(2) });
        assert_eq!(error.to_string(), "the device was asked for it, and answered with page 02h");
    }

    #[test]
    fn the_list_of_pages_comes_with_or_without_subpages() {
        let plain = supported(&hex("00 00 00 03 00 02 2e")).unwrap();
        assert_eq!(plain, [0x00, 0x02, 0x2e].map(PageCode::page));
        let sub = supported(&hex("40 ff 00 04 00 00 11 01")).unwrap();
        assert_eq!(sub, [PageCode::page(0), PageCode::sub(0x11, 1)]);
    }

    proptest! {
        #[test]
        fn no_page_is_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            drop(supported(&bytes));
            if let Some(code) = bytes.first().map(|first| PageCode::page(first & 0x3f)) {
                drop(Log::decode("it", code, &bytes));
            }
        }
    }

    #[test]
    fn a_spoilt_page_comes_back() {
        spoil(&page(CODE, &[(0, &[1, 2]), (0x8000, &[0; 8])]), |bytes| {
            drop(Log::decode("it", CODE, bytes))
        });
    }
}

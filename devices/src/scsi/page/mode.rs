//! Mode data: how a device is set up (SPC-4, 7.5), and the way to change one thing of it.
//!
//! ```text
//!  MODE SENSE(6)   length  medium  device  descriptors' length      | [block descriptor] | page | page …
//!  MODE SENSE(10)  length:2  medium  device  flags  0  descriptors' length:2   |        …
//!  a page          PS SPF code | length | …        or, with SPF:  code | subpage | length:2 | …
//! ```
//!
//! A page is changed by reading it, changing its bits, and sending it back: what we do not know in it stays as it
//! was.

use super::{BadReply, PageCode, at_least};
use crate::scsi::bytes::{stretch, u8_at, u16_at, u24_at};

pub mod compression;
pub mod configuration;
pub mod elements;
pub mod exceptions;
pub mod extension;
pub mod medium;
pub mod partitions;
pub mod protection;

/// More than this many pages in one reply are not looked at.
const MOST: usize = 128;

/// A reply to MODE SENSE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    /// What kind of medium is in the device, in the vendor's numbers.
    pub medium: u8,
    /// Bits whose meaning the kind of device gives.
    pub device: u8,
    /// Density and block length, if they were asked for.
    pub descriptor: Option<BlockDescriptor>,
    pages: Vec<u8>,
}

/// What is written, and how (SSC-4, 8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockDescriptor {
    /// The format: [`densities`](crate::scsi::densities) has the names. 0 is the medium's own.
    pub density: u8,
    /// The length of all blocks; 0 means that each has its own.
    pub block_length: u32,
}

impl BlockDescriptor {
    fn encode(self) -> [u8; 8] {
        let [_, a, b, c] = self.block_length.min(0x00ff_ffff).to_be_bytes();
        [self.density, 0, 0, 0, 0, a, b, c]
    }
}

/// Whether a drive says that a block is written as soon as it has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffering {
    /// Only when it is on the medium. No drive streams so.
    Off,
    /// As soon as it is in the buffer.
    On,
}

impl Mode {
    /// Reads the reply to MODE SENSE(6).
    pub fn decode_6(bytes: &[u8]) -> Result<Self, BadReply> {
        let bytes = at_least("MODE SENSE(6)", bytes, 4)?;
        let length = 1 + usize::from(u8_at(bytes, 0).unwrap_or(0));
        let descriptors = u8_at(bytes, 3).unwrap_or(0);
        Ok(Self::parts(stretch(bytes, 0, length), (1, 2), 4, descriptors.into()))
    }

    /// Reads the reply to MODE SENSE(10).
    pub fn decode_10(bytes: &[u8]) -> Result<Self, BadReply> {
        let bytes = at_least("MODE SENSE(10)", bytes, 8)?;
        let length = 2 + usize::from(u16_at(bytes, 0).unwrap_or(0));
        let descriptors = u16_at(bytes, 6).unwrap_or(0);
        Ok(Self::parts(stretch(bytes, 0, length), (2, 3), 8, descriptors.into()))
    }

    fn parts(
        bytes: &[u8],
        (medium, device): (usize, usize),
        head: usize,
        descriptors: usize,
    ) -> Self {
        let descriptor = stretch(bytes, head, descriptors);
        let descriptor = u8_at(descriptor, 0).zip(u24_at(descriptor, 5));
        Self {
            medium: u8_at(bytes, medium).unwrap_or(0),
            device: u8_at(bytes, device).unwrap_or(0),
            descriptor: descriptor
                .map(|(density, block_length)| BlockDescriptor { density, block_length }),
            pages: bytes.get(head + descriptors..).unwrap_or_default().to_vec(),
        }
    }

    /// Whether the cartridge in a drive must not be written: its switch, its kind, or a setting.
    pub fn write_protected(&self) -> bool {
        self.device & 0x80 != 0
    }

    /// Whether a drive buffers.
    pub fn buffering(&self) -> Buffering {
        if self.device & 0x70 == 0 { Buffering::Off } else { Buffering::On }
    }

    /// One page of the reply, with its head.
    pub fn page(&self, what: &'static str, wanted: PageCode) -> Result<&[u8], BadReply> {
        let mut rest = &*self.pages;
        let mut first = None;
        for _ in 0..MOST {
            let Some((code, page)) = next_page(rest) else { break };
            if code == wanted {
                return Ok(page);
            }
            first.get_or_insert(code);
            rest = rest.get(page.len()..).unwrap_or_default();
        }
        Err(match first {
            Some(got) => BadReply::OtherPage { what, got },
            None => BadReply::Short { what, needed: 4, got: self.pages.len() },
        })
    }

    /// The parameter list that sends `page` back by MODE SELECT(6), with a block descriptor if one is given.
    ///
    /// None if it is longer than MODE SELECT(6) can carry.
    pub fn select_6(&self, descriptor: Option<BlockDescriptor>, page: &[u8]) -> Option<Vec<u8>> {
        let length = descriptor.map_or(0, |_| 8);
        let list = self.list(&[0, self.medium, self.device & 0x7f, length], descriptor, page);
        (list.len() <= usize::from(u8::MAX)).then_some(list)
    }

    /// The parameter list that sends `page` back by MODE SELECT(10), with a block descriptor if one is given.
    pub fn select_10(&self, descriptor: Option<BlockDescriptor>, page: &[u8]) -> Option<Vec<u8>> {
        let length = descriptor.map_or(0, |_| 8);
        let head = [0, 0, self.medium, self.device & 0x7f, 0, 0, 0, length];
        let list = self.list(&head, descriptor, page);
        (list.len() <= usize::from(u16::MAX)).then_some(list)
    }

    /// Lengths of the mode data and the bit that says whether a page could be kept are reserved when sent.
    fn list(&self, head: &[u8], descriptor: Option<BlockDescriptor>, page: &[u8]) -> Vec<u8> {
        let mut list = head.to_vec();
        list.extend(descriptor.into_iter().flat_map(BlockDescriptor::encode));
        let mut page = page.to_vec();
        if let Some(first) = page.first_mut() {
            *first &= 0x7f;
        }
        list.extend(page);
        list
    }
}

/// The first page, with its head.
fn next_page(bytes: &[u8]) -> Option<(PageCode, &[u8])> {
    let first = u8_at(bytes, 0)?;
    let (subpage, length) = if first & 0x40 != 0 {
        (u8_at(bytes, 1)?, 4 + usize::from(u16_at(bytes, 2)?))
    } else {
        (0, 2 + usize::from(u8_at(bytes, 1)?))
    };
    Some((PageCode::sub(first & 0x3f, subpage), stretch(bytes, 0, length)))
}

/// A page with some bits of one byte set otherwise.
pub(crate) fn with_bits(page: &[u8], at: usize, mask: u8, bits: u8) -> Vec<u8> {
    let mut page = page.to_vec();
    if let Some(byte) = page.get_mut(at) {
        *byte = *byte & !mask | bits & mask;
    }
    page
}

/// Something that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

impl Switch {
    pub(crate) fn bits(self, mask: u8) -> u8 {
        match self {
            Self::On => mask,
            Self::Off => 0,
        }
    }
}

impl From<bool> for Switch {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hex, spoil};
    use super::{BlockDescriptor, Buffering, Mode, PageCode};

    /// A write-protected LTO-8 cartridge in variable mode, with the page on compression.
    const SIX: &str =
        "1b 00 90 08  5e 00 00 00 00 00 00 00  8f 0e c0 80 00 00 00 01 00 00 00 01 00 00 00 00";
    const TEN: &str = "00 22 00 10 00 00 00 08  00 00 00 00 00 08 00 00  50 01 00 0c 00 00 01 00 00 00 00 00 00 00 00 00";

    #[test]
    fn both_forms_say_what_is_in_the_drive() {
        let six = Mode::decode_6(&hex(SIX)).unwrap();
        assert!(six.write_protected());
        assert_eq!(six.buffering(), Buffering::On);
        assert_eq!(six.descriptor, Some(BlockDescriptor { density: 0x5e, block_length: 0 }));
        assert_eq!(six.page("compression", PageCode::page(0x0f)).unwrap().len(), 16);
        let ten = Mode::decode_10(&hex(TEN)).unwrap();
        assert_eq!(ten.descriptor, Some(BlockDescriptor { density: 0, block_length: 0x080000 }));
        assert!(!ten.write_protected());
        assert_eq!(ten.page("the extension", PageCode::sub(0x10, 0x01)).unwrap().len(), 16);
        assert!(
            ten.page("the extension", PageCode::page(0x10)).is_err(),
            "a subpage is not its page"
        );
    }

    #[test]
    fn what_is_sent_back_has_its_reserved_fields_cleared() {
        let six = Mode::decode_6(&hex(SIX)).unwrap();
        let page = six.page("compression", PageCode::page(0x0f)).unwrap();
        let list = six.select_6(six.descriptor, page).unwrap();
        assert_eq!(list[..13], hex("00 00 10 08 5e 00 00 00 00 00 00 00 0f"));
        let list = six.select_10(None, page).unwrap();
        assert_eq!(list[..9], hex("00 00 00 10 00 00 00 00 0f"));
        assert_eq!(six.select_6(None, &[0; 300]), None);
    }

    #[test]
    fn no_reply_is_too_strange() {
        for page in [PageCode::page(0x0f), PageCode::sub(0x10, 0x01)] {
            spoil(&hex(SIX), |bytes| {
                drop(Mode::decode_6(bytes).map(|mode| mode.page("it", page).is_ok()))
            });
            spoil(&hex(TEN), |bytes| {
                drop(Mode::decode_10(bytes).map(|mode| mode.page("it", page).is_ok()))
            });
        }
    }
}

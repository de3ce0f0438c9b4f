//! What a reply to READ ELEMENT STATUS says (SMC-3, 6.11.2).
//!
//! ```text
//!  header 8      first address, number of elements, length of the report
//!  page header 8   kind, PVOLTAG 80h AVOLTAG 40h, length of a descriptor, length of the page
//!  descriptor       0 address:2  2 flags  4 ASC ASCQ  9 SVALID, medium type  10 source:2
//!                  12 primary volume tag:36, if PVOLTAG
//!                  48 alternate volume tag:36, if AVOLTAG
//!                  .. identifier: code set, type, -, length, data
//! ```
//!
//! Descriptors have been seen with 4, 12, 16, 18, 50, 52 and 86 bytes, filled with zeros, with flags for tags that are
//! not there, and in reports that are shorter or longer than they say. The length in the page header counts;
//! what is beyond it, or beyond the bytes that came, does not exist.

use super::barcode;
use super::claim::{Claim, trimmed};
use super::layout::{Layout, Run};
use super::stock::{Access, Content, Fill, Hand, Source};
use super::survey::Told;
use crate::changer::{CartridgeKind, Passage};
use crate::scsi::cdb::smc::{Element, ElementKind};

/// A volume tag: 32 characters, and 4 bytes that nobody uses.
const TAG: usize = 36;

/// A descriptor without tags and identifier.
const BASE: usize = 12;

/// One descriptor, cut out of a reply.
struct Descriptor<'a> {
    kind: ElementKind,
    bytes: &'a [u8],
    tags: u8,
}

/// The descriptors of a reply, as far as they are there.
fn descriptors(reply: &[u8]) -> Vec<Descriptor<'_>> {
    let mut found = Vec::new();
    let mut rest = reply.get(8..).unwrap_or_default();
    while let Some((header, behind)) = rest.split_at_checked(8) {
        let length = usize::from(u16_at(header, 2).unwrap_or_default());
        let total = [5, 6, 7].map(|at| usize::from(byte(header, at)));
        let total = total[0] << 16 | total[1] << 8 | total[2];
        let (page, next) = behind.split_at_checked(total).unwrap_or((behind, &[]));
        if length < 4 {
            break;
        }
        if let Some(kind) = ElementKind::of(byte(header, 0) & 0x0f) {
            // The last may be cut off: its flags and its source still count. Element 0 with nothing in it, over
            // and over, is a buffer that nobody filled.
            let cut =
                page.chunks(length).filter(|bytes| bytes.len() == length || bytes.len() >= BASE);
            let meant =
                |bytes: &&[u8]| kind == ElementKind::Arm || bytes.iter().any(|byte| *byte != 0);
            let tags = byte(header, 1);
            found.extend(cut.filter(meant).map(|bytes| Descriptor { kind, bytes, tags }));
        }
        rest = next;
    }
    found
}

/// What the reply says of places.
pub(super) fn places(reply: &[u8], layout: &Layout) -> Vec<Told> {
    descriptors(reply).iter().map(|descriptor| descriptor.told(layout)).collect()
}

/// What the reply says of the drives in the bays.
pub(super) fn claims(reply: &[u8]) -> Vec<(Element, Option<Claim>)> {
    let descriptors = descriptors(reply);
    let bays = descriptors.iter().filter(|descriptor| descriptor.kind == ElementKind::Drive);
    bays.map(|bay| (bay.element(), bay.claim())).collect()
}

impl Descriptor<'_> {
    fn element(&self) -> Element {
        Element(u16_at(self.bytes, 0).unwrap_or_default())
    }

    fn flag(&self, bit: u8) -> bool {
        byte(self.bytes, 2) & bit != 0
    }

    fn told(&self, layout: &Layout) -> Told {
        let content = (!self.is_absent()).then(|| self.content(layout));
        Told { kind: self.kind, element: self.element(), content }
    }

    /// No magazine (83h/02h), or a bay without a drive (83h/04h), as several makers say it.
    fn is_absent(&self) -> bool {
        matches!(self.exception(), Some((0x83, 0x02 | 0x04)))
    }

    fn exception(&self) -> Option<(u8, u8)> {
        self.flag(0x04).then(|| (byte(self.bytes, 4), byte(self.bytes, 5)))
    }

    fn content(&self, layout: &Layout) -> Content {
        let fill = if self.flag(0x01) { Fill::Full } else { Fill::Empty };
        let full = fill == Fill::Full;
        let barcode = full.then(|| self.tag().and_then(barcode::read)).flatten();
        let mail = self.kind == ElementKind::MailSlot;
        Content {
            fill,
            access: if self.flag(0x08) { Access::Free } else { Access::Denied },
            medium: if full { self.medium(barcode.as_ref()) } else { CartridgeKind::Unknown },
            source: self.source(layout),
            exception: self.exception(),
            passage: mail.then(|| self.passage()),
            hand: if mail && self.flag(0x02) { Hand::Operator } else { Hand::Arm },
            barcode,
        }
    }

    /// The primary volume tag, if it is there.
    fn tag(&self) -> Option<&[u8]> {
        let here = self.tags & 0x80 != 0;
        here.then(|| self.bytes.get(BASE..)).flatten().map(|rest| rest.get(..32).unwrap_or(rest))
    }

    fn medium(&self, barcode: Option<&types::Barcode>) -> CartridgeKind {
        if barcode.is_some_and(barcode::cleans) {
            return CartridgeKind::Cleaning;
        }
        match byte(self.bytes, 9) & 0x07 {
            2 => CartridgeKind::Cleaning,
            3 | 5 => CartridgeKind::Service,
            4 => CartridgeKind::Worm,
            1 => CartridgeKind::Data,
            _ => CartridgeKind::Unknown,
        }
    }

    fn source(&self, layout: &Layout) -> Source {
        let valid = byte(self.bytes, 9) & 0x80 != 0;
        let element = u16_at(self.bytes, 10).filter(|_| valid).map(Element);
        element.and_then(|element| layout.any(element)).map_or(Source::Unknown, Source::From)
    }

    /// INENAB and EXENAB. A changer that sets neither just does not say.
    fn passage(&self) -> Passage {
        match (self.flag(0x20), self.flag(0x10)) {
            (true, false) => Passage::In,
            (false, true) => Passage::Out,
            (true, true) | (false, false) => Passage::Both,
        }
    }

    /// The identifier. It stands behind the tags that are there: some changers set AVOLTAG without the tag, so what
    /// fits decides.
    fn claim(&self) -> Option<Claim> {
        let primary = if self.tags & 0x80 != 0 { TAG } else { 0 };
        let alternate = if self.tags & 0x40 != 0 { TAG } else { 0 };
        let starts = [BASE + primary + alternate, BASE + primary, BASE];
        starts.into_iter().find_map(|start| claim_at(self.bytes, start))
    }
}

fn claim_at(bytes: &[u8], start: usize) -> Option<Claim> {
    let (header, data) = bytes.get(start..)?.split_at_checked(4)?;
    let data = data.get(..usize::from(byte(header, 3)))?;
    Claim::of(byte(header, 0) & 0x0f, byte(header, 1) & 0x0f, data)
}

/// Device type, and vendor, product and revision (SPC-4, standard INQUIRY data).
pub(crate) fn inquiry(reply: &[u8]) -> Option<(u8, [String; 3])> {
    let text = |from: usize, to: usize| reply.get(from..to).map(trimmed).unwrap_or_default();
    Some((*reply.first()? & 0x1f, [text(8, 16), text(16, 32), text(32, 36)]))
}

/// The serial number of a VPD page 80h or B1h.
pub(crate) fn serial(page: &[u8]) -> Option<String> {
    let length = usize::from(u16_at(page, 2)?);
    let text = page.get(4..)?;
    let serial = trimmed(text.get(..length).unwrap_or(text));
    (!serial.is_empty()).then_some(serial)
}

/// The element address assignment page behind a mode header of this length (SMC-3, 7.3.4).
pub(super) fn layout(reply: &[u8], header: usize) -> Option<Layout> {
    // Some changers send a block descriptor that was not asked for.
    let skipped = match header {
        4 => usize::from(byte(reply, 3)),
        _ => usize::from(u16_at(reply, 6)?),
    };
    let page = reply.get(header.checked_add(skipped)?..)?;
    if byte(page, 0) & 0x3f != 0x1d || page.len() < 18 {
        return None;
    }
    let run = |at| Some(Run { first: u16_at(page, at)?, count: u16_at(page, at + 2)? });
    Some(Layout { arms: run(2)?, slots: run(6)?, mail: run(10)?, bays: run(14)? })
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or_default()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([*two.first()?, *two.get(1)?]))
}

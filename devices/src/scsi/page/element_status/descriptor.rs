//! One place of a reply to READ ELEMENT STATUS.

use super::{Cartridge, Place};
use crate::scsi::bytes::{stretch, text_if_any, u8_at, u16_at};
use crate::scsi::cdb::smc::{Element, ElementKind};
use crate::scsi::page::designators::{Name, name};
use crate::scsi::sense::Code;

/// A place has at least a number and flags.
pub(super) const SHORTEST: usize = 4;

/// The bytes before the first tag.
const BASE: usize = 12;

/// The bytes of a volume tag: 32 of text, the rest a sequence number.
const TAG: usize = 36;

/// The page has volume tags.
const PRIMARY: u8 = 0x80;
/// The page has alternate volume tags.
const ALTERNATE: u8 = 0x40;

/// Reads the descriptor of one place. What a short one leaves out is not there.
pub(super) fn place(kind: ElementKind, page: u8, bytes: &[u8]) -> Option<Place> {
    let byte = |at| u8_at(bytes, at).unwrap_or(0);
    let flags = byte(2);
    let mail = |bit: u8| kind == ElementKind::MailSlot && flags & bit != 0;
    let code = Code { asc: byte(4), ascq: byte(5) };
    let troubled = flags & 0x04 != 0 || code.asc != 0;
    let more = byte(9);
    let tail = Tail::of(page, bytes.get(BASE..).unwrap_or_default());
    Some(Place {
        element: Element(u16_at(bytes, 0)?),
        kind,
        full: flags & 0x01 != 0,
        accessible: flags & 0x08 != 0,
        by_operator: mail(0x02),
        can_export: mail(0x10),
        can_import: mail(0x20),
        exception: troubled.then_some(code),
        disabled: more & 0x08 != 0,
        turned: more & 0x80 != 0 && more & 0x40 != 0,
        cartridge: cartridge(more & 0x07),
        source: u16_at(bytes, 10).filter(|_| more & 0x80 != 0).map(Element),
        barcode: tail.barcode,
        other_barcode: tail.other_barcode,
        name: tail.name,
        bus_address: u8_at(bytes, 7).filter(|_| kind == ElementKind::Drive && byte(6) & 0x20 != 0),
    })
}

/// Reads a descriptor whose end did not come: its flags and its source count, and its barcode if all of that did.
/// Half a barcode, and a name that is cut off, would be another's.
pub(super) fn cut_off(kind: ElementKind, page: u8, bytes: &[u8]) -> Option<Place> {
    let base = bytes.get(..BASE)?;
    let text = if page & PRIMARY != 0 { bytes.get(BASE..BASE + 32) } else { None };
    let mut whole = base.to_vec();
    whole.extend(text.unwrap_or_default());
    whole.resize(BASE + TAG, 0);
    Some(Place { name: None, other_barcode: None, ..place(kind, page & PRIMARY, &whole)? })
}

fn cartridge(code: u8) -> Cartridge {
    match code {
        1 => Cartridge::Data,
        2 => Cartridge::Cleaning,
        3 => Cartridge::Diagnostic,
        4 => Cartridge::WriteOnce,
        5 => Cartridge::Firmware,
        _ => Cartridge::Unknown,
    }
}

/// What is behind the first twelve bytes.
struct Tail {
    barcode: Option<String>,
    other_barcode: Option<String>,
    name: Option<Name>,
}

impl Tail {
    fn of(page: u8, rest: &[u8]) -> Self {
        let (barcode, rest) = announced(page & PRIMARY, rest);
        let (other_barcode, rest) = announced(page & ALTERNATE, rest);
        Self { barcode, other_barcode, name: identifier(rest) }
    }
}

/// A tag, if the page announces one, and there is room for it, and no identifier in its place.
fn announced(flag: u8, bytes: &[u8]) -> (Option<String>, &[u8]) {
    if flag == 0 || is_identifier(bytes) {
        return (None, bytes);
    }
    match bytes.split_at_checked(TAG) {
        Some((tag, rest)) => (text_if_any(stretch(tag, 0, 32)), rest),
        None => (None, bytes),
    }
}

/// Whether an identifier begins here, though a tag was announced: a code set where a tag would have a character, and a length that fits.
fn is_identifier(bytes: &[u8]) -> bool {
    match bytes {
        &[1..=3, kind, 0, length, ..] => kind & 0xc0 == 0 && 4 + usize::from(length) <= bytes.len(),
        _ => false,
    }
}

/// The name of a drive, as in VPD page 83h. Where none was asked for, there may be four bytes of zero.
fn identifier(bytes: &[u8]) -> Option<Name> {
    let (set, kind) = (u8_at(bytes, 0)? & 0x0f, u8_at(bytes, 1)? & 0x0f);
    let value = stretch(bytes, 4, u8_at(bytes, 3)?.into());
    let silent = value.is_empty() || value.iter().all(|byte| matches!(byte, 0 | b' '));
    (!silent).then(|| name(set, kind, value))
}

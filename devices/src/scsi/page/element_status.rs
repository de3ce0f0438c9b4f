//! The reply to READ ELEMENT STATUS: what is where in a changer (SMC-3, 6.11).
//!
//! ```text
//!  header       first:2  count:2  .  bytes:3
//!  page         kind  PVolTag AVolTag  descriptor length:2  .  bytes:3  | descriptor | descriptor …
//!  descriptor   address:2  flags  .  ASC ASCQ  ...  flags  source:2  [PVolTag:36] [AVolTag:36] [identifier]
//! ```
//!
//! Changers differ more here than anywhere else. So only two things are believed: the bytes that are there, and the
//! length that a page gives for its descriptors. Counts may be too large or too small, a tag may be announced that
//! is not there, a list may end in descriptors of zeros, and a descriptor may be as short as four bytes.

use std::collections::HashSet;

use super::{BadReply, at_least};
use crate::scsi::bytes::{stretch, u8_at, u16_at, u24_at};
use crate::scsi::cdb::smc::{Element, ElementKind};
use crate::scsi::page::designators::Name;
use crate::scsi::sense::Code;

mod descriptor;

/// The bytes of the header: some changers want to be asked for it alone first.
pub const HEADER: usize = 8;

/// What is where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ElementStatus {
    /// The places, in the order of the reply.
    pub places: Vec<Place>,
    /// How many the header announced.
    pub announced: u16,
    /// What was strange, for a log: each once, in words.
    pub strange: Vec<Strange>,
}

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub element: Element,
    /// What kind of place it is.
    pub kind: ElementKind,
    /// Whether there is a cartridge.
    pub full: bool,
    /// Whether an arm can reach it. At a drive it cannot while a cartridge is threaded.
    pub accessible: bool,
    /// Of a mail slot: whether a person put the cartridge there.
    pub by_operator: bool,
    /// Of a mail slot: whether a person can put something in.
    pub can_import: bool,
    /// Of a mail slot: whether a person can take something out.
    pub can_export: bool,
    /// What is the matter with it, if something is: the code of a sense.
    pub exception: Option<Code>,
    /// Whether it is switched off.
    pub disabled: bool,
    /// Whether the cartridge was turned over on its way.
    pub turned: bool,
    /// What kind of cartridge it is, if the changer knows.
    pub cartridge: Cartridge,
    /// From where the cartridge came, if the changer remembers.
    pub source: Option<Element>,
    /// The barcode.
    pub barcode: Option<String>,
    /// The barcode on the other side.
    pub other_barcode: Option<String>,
    /// Of a drive: by which name it is known.
    pub name: Option<Name>,
    /// Of a drive: its address on a parallel bus.
    pub bus_address: Option<u8>,
}

/// What kind of cartridge a changer takes something for (SMC-3, table 33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cartridge {
    /// It does not tell.
    Unknown,
    /// Data.
    Data,
    /// Cleaning.
    Cleaning,
    /// Testing.
    Diagnostic,
    /// Data, written once.
    WriteOnce,
    /// New firmware.
    Firmware,
}

/// What is strange about a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strange {
    /// It ends before the bytes that it announced.
    CutOff,
    /// It has another number of places than it announced.
    Miscounted,
    /// A page has descriptors without length.
    NoLength,
    /// It has descriptors of zeros.
    Zeros,
    /// It has places of a kind that the standard does not know.
    UnknownKind,
    /// It names a place twice; the first counts.
    Twice,
}

/// How many bytes the whole reply would have, from its first eight.
pub fn announced_length(header: &[u8]) -> Result<usize, BadReply> {
    let header = at_least("what is where", header, HEADER)?;
    Ok(HEADER + usize::try_from(u24_at(header, 5).unwrap_or(0)).unwrap_or(0))
}

/// Reads the reply.
pub fn decode(bytes: &[u8]) -> Result<ElementStatus, BadReply> {
    let mut reader = Reader::default();
    if announced_length(bytes)? > bytes.len() {
        reader.note(Strange::CutOff);
    }
    // The count of the header is not believed: there are changers that leave the heads of pages out of it, count
    // eight bytes too few, or none at all. What came is read as far as it goes.
    let mut rest = bytes.get(HEADER..).unwrap_or_default();
    while let Some(page) = Page::first(rest) {
        reader.take(&page);
        rest = rest.get(8 + page.length..).unwrap_or_default();
    }
    Ok(reader.finish(u16_at(bytes, 2).unwrap_or(0)))
}

/// The list that SEND VOLUME TAG carries: a search for one barcode.
pub fn search_for(barcode: &str) -> [u8; 40] {
    let mut list = [0; 40];
    let padded = crate::scsi::bytes::padded(barcode, 32);
    for (to, from) in list.iter_mut().zip(padded) {
        *to = from;
    }
    list
}

/// A page: places of one kind.
struct Page<'a> {
    kind: Option<ElementKind>,
    flags: u8,
    descriptor: usize,
    /// As announced.
    length: usize,
    /// As far as it is there.
    body: &'a [u8],
}

impl<'a> Page<'a> {
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let length = usize::try_from(u24_at(bytes, 5)?).ok()?;
        Some(Self {
            kind: ElementKind::of(u8_at(bytes, 0)?),
            flags: u8_at(bytes, 1)?,
            descriptor: u16_at(bytes, 2)?.into(),
            length,
            body: stretch(bytes, 8, length),
        })
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    status: ElementStatus,
    seen: HashSet<Element>,
}

impl Reader {
    fn note(&mut self, strange: Strange) {
        if !self.status.strange.contains(&strange) {
            self.status.strange.push(strange);
        }
    }

    fn take(&mut self, page: &Page<'_>) {
        let Some(kind) = page.kind else { return self.note(Strange::UnknownKind) };
        if page.descriptor < descriptor::SHORTEST {
            return self.note(Strange::NoLength);
        }
        if page.length > page.body.len() {
            self.note(Strange::CutOff);
        }
        for (number, bytes) in page.body.chunks(page.descriptor).enumerate() {
            if bytes.len() < page.descriptor {
                // Some changers leave out the last bytes: nothing but the name of a drive is lost.
                if let Some(place) = descriptor::cut_off(kind, page.flags, bytes) {
                    self.put(place);
                }
                return;
            }
            // Places are numbered upwards: place 0 can only be the first of a page.
            let zeros = bytes.iter().all(|byte| *byte == 0);
            if zeros && (number > 0 || self.seen.contains(&Element(0))) {
                return self.note(Strange::Zeros);
            }
            if let Some(place) = descriptor::place(kind, page.flags, bytes) {
                self.put(place);
            }
        }
    }

    fn put(&mut self, place: Place) {
        if self.seen.insert(place.element) {
            self.status.places.push(place);
        } else {
            self.note(Strange::Twice);
        }
    }

    fn finish(mut self, announced: u16) -> ElementStatus {
        self.status.announced = announced;
        if self.status.places.len() != usize::from(announced) {
            self.note(Strange::Miscounted);
        }
        self.status
    }
}

#[cfg(test)]
mod tests;

//! The drive's settings (SSC-4, 8.3): read, changed where they are not as wanted, and read again.
//!
//! | setting | page | wanted |
//! |---|---|---|
//! | block length | block descriptor | 0: every block has its own |
//! | buffered mode | header | 1: a write is answered when the block is in the drive |
//! | compression | 0Fh | off, unless the pool says otherwise: images are compressed already |
//! | distance of the early warning | 10h/01h | what the setup asks for, if the drive can |
//! | check values | 0Ah/F0h | CRC-32C both ways, if the drive can and the setup asks |
//!
//! What else is in a page is left as it is. Nothing is sent if nothing has to change: another host that uses the
//! drive is told of every change.

use types::Bytes;

use super::check::{self, Check};
use super::{Compression, Problem, TapeDrive};
use crate::drive::{Action, DriveError};
use crate::scsi::cdb::spc::{
    Descriptor, Keep, Values, mode_select_6, mode_select_10, mode_sense_6, mode_sense_10,
};
use crate::scsi::page::PageCode;
use crate::transport::{Data, Transport};

const COMPRESSION: PageCode = PageCode::page(0x0f);
const EXTENSION: PageCode = PageCode::sub(0x10, 0x01);
const PROTECTION: PageCode = PageCode::sub(0x0a, 0xf0);

/// Whether the medium may be written, as the drive sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// It may.
    Writable,
    /// Its slider is on, or the drive is set so.
    Protected,
}

/// Header, block descriptor and one page, as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Modes {
    /// Density and block length: 8 bytes, if there is one.
    descriptor: Vec<u8>,
    /// The third byte of the header: write protection, buffered mode, speed.
    device: u8,
    /// The page from its code on.
    page: Vec<u8>,
    size: Size,
}

/// Which pair of commands the drive understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Six,
    Ten,
}

const BUFFERED: u8 = 0x10;
const PROTECTED: u8 = 0x80;

impl Modes {
    /// From a reply to MODE SENSE. None if it ends before the page, or has another page.
    fn read(reply: &[u8], size: Size, code: PageCode) -> Option<Self> {
        let (header, device, length) = match size {
            Size::Six => (4, *reply.get(2)?, usize::from(*reply.get(3)?)),
            Size::Ten => {
                let length = u16::from_be_bytes([*reply.get(6)?, *reply.get(7)?]);
                (8, *reply.get(3)?, usize::from(length))
            }
        };
        let descriptor = reply.get(header..header + length)?.to_vec();
        let page = reply.get(header + length..)?;
        let [first, second, ..] = page else { return None };
        let (own, end) = match first & 0x40 {
            0 => (PageCode::page(first & 0x3f), 2 + usize::from(*second)),
            _ => {
                let length = u16::from_be_bytes([*page.get(2)?, *page.get(3)?]);
                (PageCode::sub(first & 0x3f, *second), 4 + usize::from(length))
            }
        };
        let page = page.get(..end)?.to_vec();
        (own == code).then_some(Self { descriptor, device, page, size })
    }

    /// As MODE SELECT wants it: what only the drive may say is zero.
    fn write(&self) -> Vec<u8> {
        let length = u8::try_from(self.descriptor.len()).unwrap_or(0);
        let mut bytes = match self.size {
            Size::Six => vec![0, 0, self.device & !PROTECTED, length],
            Size::Ten => vec![0, 0, 0, self.device & !PROTECTED, 0, 0, 0, length],
        };
        bytes.extend_from_slice(&self.descriptor);
        let page = bytes.len();
        bytes.extend_from_slice(&self.page);
        if let Some(code) = bytes.get_mut(page) {
            *code &= 0x7f; // PS belongs to MODE SENSE
        }
        bytes
    }

    /// Blocks of any length, and buffered.
    fn with_any_block(mut self) -> Self {
        self.device = self.device & PROTECTED | BUFFERED;
        if let Some(length) = self.descriptor.get_mut(5..8) {
            length.fill(0);
        }
        self
    }

    fn with(mut self, at: usize, mask: u8, bits: u8) -> Self {
        if let Some(byte) = self.page.get_mut(at) {
            *byte = *byte & !mask | bits & mask;
        }
        self
    }

    fn byte(&self, at: usize) -> u8 {
        self.page.get(at).copied().unwrap_or(0)
    }
}

impl<T: Transport> TapeDrive<T> {
    /// Sets everything as the setup wants it.
    pub(super) fn set_modes(&mut self) -> Result<Check, Problem> {
        if let Some(found) = self.sense(COMPRESSION)? {
            self.change(
                COMPRESSION,
                &found,
                with_compression(found.clone(), self.setup.compression),
            )?;
            if self.setup.compression == Compression::On && found.byte(2) & CAPABLE == 0 {
                return Err(Problem::Setting("it cannot compress"));
            }
        }
        if let Some(distance) = self.setup.warn_before_end {
            self.set_warning(distance)?;
        }
        self.set_check()
    }

    /// Whether the medium may be written. None if the drive does not say.
    pub fn protection(&mut self) -> Result<Option<Protection>, DriveError> {
        self.inquire(Action::TellHealth, |drive| {
            let modes = drive.sense(COMPRESSION)?;
            Ok(modes.map(|modes| match modes.device & PROTECTED {
                0 => Protection::Writable,
                _ => Protection::Protected,
            }))
        })
    }

    /// How far from the end the drive warns. One that cannot be told warns where it likes.
    fn set_warning(&mut self, distance: Bytes) -> Result<(), Problem> {
        let Some(found) = self.sense(EXTENSION)? else { return Ok(()) };
        let megabytes = u16::try_from(distance.0.div_ceil(1_000_000)).unwrap_or(u16::MAX);
        let [a, b] = megabytes.to_be_bytes();
        // Bytes 6 and 7 of a page with a subpage: PEWS.
        let wanted = found.clone().with(6, 0xff, a).with(7, 0xff, b);
        match self.change(EXTENSION, &found, wanted) {
            Err(Problem::Refused(refusal)) if refusal.is_unknown_to_the_drive() => Ok(()),
            Err(Problem::Setting(_)) => Ok(()),
            other => other,
        }
    }

    /// Check values, if the setup asks for them and the drive can.
    fn set_check(&mut self) -> Result<Check, Problem> {
        let Some(found) = self.sense(PROTECTION)? else { return Ok(Check::None) };
        let (method, flags) = match self.setup.check {
            Check::None => (0, 0),
            Check::Crc32c => (CRC32C, BOTH_WAYS),
        };
        let length = if method == 0 { 0 } else { u8::try_from(check::LENGTH).unwrap_or(0) };
        let wanted = found.clone().with(4, 0xff, method).with(5, 0x3f, length).with(6, 0xe0, flags);
        match self.change(PROTECTION, &found, wanted) {
            Ok(()) => Ok(self.setup.check),
            Err(Problem::Refused(refusal)) if refusal.is_unknown_to_the_drive() => {
                // Half a setting would be worse than none.
                match found.byte(4) {
                    0 => Ok(Check::None),
                    _ => Err(Problem::Refused(refusal)),
                }
            }
            Err(other) => Err(other),
        }
    }

    /// One page with header and descriptor. None if the drive does not have it.
    fn sense(&mut self, code: PageCode) -> Result<Option<Modes>, Problem> {
        let mut reply = [0; 252];
        let ten = mode_sense_10(code, Values::Current, Descriptor::Wanted, 252);
        let (size, result) = match self.ask(ten, Data::In(&mut reply)) {
            Err(refusal) if refusal.is_unknown_to_the_drive() => {
                let six = mode_sense_6(code, Values::Current, Descriptor::Wanted, 252);
                (Size::Six, self.ask(six, Data::In(&mut reply)))
            }
            other => (Size::Ten, other),
        };
        match result {
            Ok(done) => Ok(Modes::read(reply.get(..done.moved).unwrap_or(&reply), size, code)),
            Err(refusal) if refusal.is_unknown_to_the_drive() => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn change(&mut self, code: PageCode, found: &Modes, wanted: Modes) -> Result<(), Problem> {
        let wanted = wanted.with_any_block();
        if *found == wanted {
            return Ok(());
        }
        let list = wanted.write();
        let cdb = match wanted.size {
            Size::Six => mode_select_6(Keep::ForNow, u8::try_from(list.len()).unwrap_or(u8::MAX)),
            Size::Ten => {
                mode_select_10(Keep::ForNow, u16::try_from(list.len()).unwrap_or(u16::MAX))
            }
        };
        self.ask(cdb, Data::Out(&list))?;
        match self.sense(code)? {
            Some(now) if now.page == wanted.page => Ok(()),
            _ => Err(Problem::Setting(setting_in_words(code))),
        }
    }
}

const ENABLED: u8 = 0x80;
const CAPABLE: u8 = 0x40;
const CRC32C: u8 = 2;
const BOTH_WAYS: u8 = 0xc0;

fn with_compression(modes: Modes, compression: Compression) -> Modes {
    match compression {
        Compression::AsItIs => modes,
        Compression::Off => modes.with(2, ENABLED, 0),
        Compression::On => modes.with(2, ENABLED, ENABLED),
    }
}

fn setting_in_words(code: PageCode) -> &'static str {
    match code {
        COMPRESSION => "compression",
        EXTENSION => "the distance from the end at which it warns",
        PROTECTION => "the check values of blocks",
        _ => "a mode page",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};

    use super::*;

    /// Of an LTO drive: buffered, protected, density 5Eh, blocks of 512 bytes, compression on.
    const REPLY: [u8; 32] = [
        0, 30, 0, 0x90, 0, 0, 0, 8, // header
        0x5e, 0, 0, 0, 0, 0, 2, 0, // descriptor
        0x8f, 0x0e, 0xc0, 0x80, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, // page
    ];

    #[test]
    fn only_what_is_wanted_is_changed() {
        let found = Modes::read(&REPLY, Size::Ten, COMPRESSION).unwrap();
        let wanted = with_compression(found.clone(), Compression::Off).with_any_block();
        let list = wanted.write();
        assert_eq!(
            list,
            [
                0, 0, 0, 0x10, 0, 0, 0, 8, // no length, no protection
                0x5e, 0, 0, 0, 0, 0, 0, 0, // any block
                0x0f, 0x0e, 0x40, 0x80, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0,
            ]
        );
        assert_eq!(with_compression(found.clone(), Compression::AsItIs), found);
    }

    #[test]
    fn both_sizes_of_headers_are_read() {
        let ten = Modes::read(&REPLY, Size::Ten, COMPRESSION).unwrap();
        let mut reply = vec![27, 0, 0x90, 8];
        reply.extend(&REPLY[8..]);
        let six = Modes::read(&reply, Size::Six, COMPRESSION).unwrap();
        assert_eq!(
            (&six.page, &six.descriptor, six.device),
            (&ten.page, &ten.descriptor, ten.device)
        );
        assert_eq!(six.write().len(), 4 + 8 + 16);
    }

    #[test]
    fn another_page_or_half_a_page_is_none() {
        assert_eq!(Modes::read(&REPLY, Size::Ten, EXTENSION), None);
        for end in 0..REPLY.len() {
            assert_eq!(Modes::read(&REPLY[..end], Size::Ten, COMPRESSION), None, "{end}");
        }
    }

    proptest! {
        #[test]
        fn no_reply_is_too_strange(reply in prop::collection::vec(any::<u8>(), 0..300)) {
            for size in [Size::Six, Size::Ten] {
                for code in [COMPRESSION, EXTENSION, PROTECTION] {
                    if let Some(modes) = Modes::read(&reply, size, code) {
                        let _ = modes.with(6, 0xff, 1).with_any_block().write();
                    }
                }
            }
        }
    }
}

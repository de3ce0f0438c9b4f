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
use crate::scsi::page::mode::protection::Checks;
use crate::scsi::page::mode::{self, BlockDescriptor, Mode, Switch};
use crate::scsi::page::{BadReply, PageCode};
use crate::transport::{Data, Transport};

/// Whether the medium may be written, as the drive sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// It may.
    Writable,
    /// Its slider is on, or the drive is set so.
    Protected,
}

/// One page with what stands before it, as it came.
#[derive(Clone, Debug)]
pub(super) struct Found {
    mode: Mode,
    page: Vec<u8>,
    size: Size,
}

/// Which pair of commands the drive understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Six,
    Ten,
}

/// In the header: writes are buffered, and the speed is the drive's choice. The write protection above is not
/// for us to change.
const BUFFERED: u8 = 0x10;
const BUFFERING_AND_SPEED: u8 = 0x7f;

/// More than any page of ours.
const ROOM: u8 = 252;

impl Found {
    fn read(reply: &[u8], size: Size, code: PageCode) -> Result<Self, BadReply> {
        let mode = match size {
            Size::Six => Mode::decode_6(reply)?,
            Size::Ten => Mode::decode_10(reply)?,
        };
        let page = mode.page("a mode page", code)?.to_vec();
        Ok(Self { mode, page, size })
    }

    /// The page, with its head.
    pub(super) fn page(&self) -> &[u8] {
        &self.page
    }

    /// Whether blocks may have any length and are buffered.
    fn is_well_set(&self) -> bool {
        self.mode.device & BUFFERING_AND_SPEED == BUFFERED
            && self.mode.descriptor.is_none_or(|descriptor| descriptor.block_length == 0)
    }

    /// The list that sets this page, and all that stands before it as we want it.
    fn list(&self, page: &[u8]) -> Option<Vec<u8>> {
        let mut mode = self.mode.clone();
        mode.device = mode.device & !BUFFERING_AND_SPEED | BUFFERED;
        let any = |found: BlockDescriptor| BlockDescriptor { block_length: 0, ..found };
        let descriptor = self.mode.descriptor.map(any);
        match self.size {
            Size::Six => mode.select_6(descriptor, page),
            Size::Ten => mode.select_10(descriptor, page),
        }
    }
}

impl<T: Transport> TapeDrive<T> {
    /// Sets everything as the setup wants it.
    pub(super) fn set_modes(&mut self) -> Result<Check, Problem> {
        self.compress()?;
        if let Some(distance) = self.setup.warn_before_end {
            self.set_warning(distance)?;
        }
        self.set_check()
    }

    /// Whether the medium may be written. None if the drive does not say.
    pub fn protection(&mut self) -> Result<Option<Protection>, DriveError> {
        self.inquire(Action::TellHealth, |drive| {
            let found = drive.sense(mode::compression::PAGE)?;
            Ok(found.map(|found| match found.mode.write_protected() {
                false => Protection::Writable,
                true => Protection::Protected,
            }))
        })
    }

    fn compress(&mut self) -> Result<(), Problem> {
        let code = mode::compression::PAGE;
        let Some(found) = self.sense(code)? else { return Ok(()) };
        let page = mode::compression::Compression::decode(&found.page)?;
        let wanted = match self.setup.compression {
            Compression::AsItIs => found.page.clone(),
            Compression::Off => page.turned(Switch::Off),
            Compression::On if page.possible() => page.turned(Switch::On),
            Compression::On => return Err(Problem::Setting("it cannot compress")),
        };
        self.change(code, &found, &wanted)
    }

    /// How far from the end the drive warns. One that cannot be told warns where it likes.
    fn set_warning(&mut self, distance: Bytes) -> Result<(), Problem> {
        let code = mode::extension::PAGE;
        let Some(found) = self.sense(code)? else { return Ok(()) };
        let megabytes = u16::try_from(distance.0.div_ceil(1_000_000)).unwrap_or(u16::MAX);
        let wanted = mode::extension::Extension::decode(&found.page)?.warning_at(megabytes);
        match self.change(code, &found, &wanted) {
            Err(Problem::Refused(refusal)) if refusal.is_unknown_to_the_drive() => Ok(()),
            Err(Problem::Setting(_)) => Ok(()),
            other => other,
        }
    }

    /// Check values, if the setup asks for them and the drive can.
    fn set_check(&mut self) -> Result<Check, Problem> {
        let code = mode::protection::PAGE;
        let Some(found) = self.sense(code)? else { return Ok(Check::None) };
        let page = mode::protection::Protection::decode(&found.page)?;
        let check = self.affordable_check();
        let checks = match check {
            Check::None => Checks::NONE,
            Check::Crc32c => Checks::CRC32C,
        };
        match self.change(code, &found, &page.with(checks)) {
            Ok(()) => Ok(check),
            // A drive that has none and refuses ours has none. One that has others, and keeps them, would take
            // the end of every block for a check value.
            Err(Problem::Refused(refusal))
                if refusal.is_unknown_to_the_drive() && page.checks() == Checks::NONE =>
            {
                Ok(Check::None)
            }
            Err(other) => Err(other),
        }
    }

    /// Takes the check values back: a drive keeps the setting, and whoever opens it next (the kernel's tape driver,
    /// `tar`, Amanda) would have the ends of his blocks taken for them.
    fn set_no_check(&mut self) -> Result<(), Problem> {
        let code = mode::protection::PAGE;
        let Some(found) = self.sense(code)? else { return Ok(()) };
        let page = mode::protection::Protection::decode(&found.page)?;
        self.change(code, &found, &page.with(Checks::NONE))
    }

    /// What the setup asks for, unless the adapter takes just the block and no more.
    fn affordable_check(&self) -> Check {
        let longest = self.transport.longest();
        if self.setup.block.len().saturating_add(check::LENGTH) <= longest {
            return self.setup.check;
        }
        if self.setup.check != Check::None {
            tracing::info!(drive = %self.name, longest, "no room for check values in this adapter");
        }
        Check::None
    }

    /// One page with header and descriptor. None if the drive does not have it.
    pub(super) fn sense(&mut self, code: PageCode) -> Result<Option<Found>, Problem> {
        let mut reply = [0; ROOM as usize];
        let ten = mode_sense_10(code, Values::Current, Descriptor::Wanted, ROOM.into());
        let (size, result) = match self.ask(ten, Data::In(&mut reply)) {
            Err(refusal) if refusal.is_unknown_to_the_drive() => {
                let six = mode_sense_6(code, Values::Current, Descriptor::Wanted, ROOM);
                (Size::Six, self.ask(six, Data::In(&mut reply)))
            }
            other => (Size::Ten, other),
        };
        match result {
            Ok(done) => Ok(Found::read(reply.get(..done.moved).unwrap_or(&reply), size, code).ok()),
            Err(refusal) if refusal.is_unknown_to_the_drive() => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    fn change(&mut self, code: PageCode, found: &Found, wanted: &[u8]) -> Result<(), Problem> {
        if found.page == wanted && found.is_well_set() {
            return Ok(());
        }
        let setting = Problem::Setting(setting_in_words(code));
        let Some(list) = found.list(wanted) else { return Err(setting) };
        let cdb = match found.size {
            Size::Six => mode_select_6(Keep::ForNow, u8::try_from(list.len()).unwrap_or(u8::MAX)),
            Size::Ten => {
                mode_select_10(Keep::ForNow, u16::try_from(list.len()).unwrap_or(u16::MAX))
            }
        };
        self.ask(cdb, Data::Out(&list))?;
        match self.sense(code)? {
            Some(now) if now.page == wanted => Ok(()),
            _ => Err(setting),
        }
    }
}

/// Gives the drive back as others expect it. What was not flushed does not count, and nothing here makes it count.
impl<T: Transport> Drop for TapeDrive<T> {
    fn drop(&mut self) {
        let checks = self.prepared.is_some_and(|prepared| prepared.check != Check::None);
        if checks && let Err(error) = self.set_no_check() {
            tracing::warn!(drive = %self.name, %error, "the drive still expects check values behind each \
                block, and other programs will fail to write with it until it is switched off and on");
        }
    }
}

fn setting_in_words(code: PageCode) -> &'static str {
    match code {
        mode::compression::PAGE => "compression",
        mode::extension::PAGE => "the distance from the end at which it warns",
        mode::protection::PAGE => "the check values of blocks",
        _ => "a mode page",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of an LTO drive: buffered, protected, density 5Eh, blocks of 512 bytes, compression on.
    const REPLY: [u8; 32] = [
        0, 30, 0, 0x90, 0, 0, 0, 8, // header
        0x5e, 0, 0, 0, 0, 0, 2, 0, // descriptor
        0x8f, 0x0e, 0xc0, 0x80, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, // page
    ];

    #[test]
    fn blocks_of_any_length_are_set_with_every_page() {
        let found = Found::read(&REPLY, Size::Ten, mode::compression::PAGE).unwrap();
        assert!(!found.is_well_set());
        let list = found.list(&found.page).unwrap();
        assert_eq!(list[..8], [0, 0, 0, 0x10, 0, 0, 0, 8], "no length, no protection");
        assert_eq!(list[8..16], [0x5e, 0, 0, 0, 0, 0, 0, 0], "any block");
        assert_eq!(list[16..18], [0x0f, 0x0e]);
        let mut reply = REPLY;
        reply[14] = 0;
        assert!(Found::read(&reply, Size::Ten, mode::compression::PAGE).unwrap().is_well_set());
    }

    #[test]
    fn both_sizes_of_headers_are_read() {
        let mut reply = vec![27, 0, 0x90, 8];
        reply.extend(&REPLY[8..]);
        let six = Found::read(&reply, Size::Six, mode::compression::PAGE).unwrap();
        let ten = Found::read(&REPLY, Size::Ten, mode::compression::PAGE).unwrap();
        assert_eq!((&six.page, six.mode.descriptor), (&ten.page, ten.mode.descriptor));
        assert_eq!(six.list(&six.page).unwrap().len(), 4 + 8 + 16);
        assert!(Found::read(&REPLY, Size::Ten, mode::extension::PAGE).is_err());
    }
}

//! An LTO drive: logical units 1 and up.
//!
//! A [`DriveUnit`] is what the drive remembers between commands, a [`Turn`] is one command at it: the drive, what is
//! in it, who asks. Each subject is a file that says what the drive does in a turn about that subject:
//!
//! ```text
//!  loading   from the mouth to the hub and back      writing, reading, moving   the tape
//!  tape      between buffer and medium               stream, place              how long it takes
//!  modes, inquiry, abilities, logs, memory           what it says of itself
//!  keys, order, health, compression                  encryption, access order, dirt, sizes
//! ```

mod abilities;
mod compression;
mod health;
mod inquiry;
mod keys;
mod loading;
mod logs;
mod memory;
mod modes;
mod moving;
mod order;
mod place;
mod reading;
mod stream;
mod tape;
#[cfg(test)]
mod tests;
mod writing;

use std::collections::BTreeSet;
use std::time::Duration;

use super::Nexus;
use super::ask::Ask;
use super::bytes::Layout;
use super::cartridge::{BadSpot, Cartridge, Stretch};
use super::complaint::{Complaint, Outcome, Refusal, Reply, key};
use super::faults::Act;
use super::medium::Object;
use super::setup::{DriveModel, PowerCut};
use super::world::{Desk, request_sense};

pub(crate) use health::Life;
use health::{Counters, Health};
use keys::Keys;
use modes::Modes;
use order::Recommended;
use stream::Stream;
pub use stream::Streaming;

/// What a drive remembers between commands.
#[derive(Clone, Debug)]
pub(crate) struct DriveUnit {
    pub(crate) model: DriveModel,
    pub(crate) serial: String,
    pub(crate) number: u16,
    pub(crate) seat: Seat,
    pub(crate) at: At,
    pub(crate) stream: Stream,
    /// While the tape is being written: where the motor counts from.
    session: Option<u64>,
    modes: Modes,
    keys: Keys,
    health: Health,
    counters: Counters,
    mount: Mount,
    recommended: Recommended,
    /// A write error that nobody has been told of yet.
    deferred: Option<Complaint>,
    prevented: BTreeSet<Nexus>,
    pub(crate) bay: Bay,
    /// The next block is to be wrong on the tape at this byte, and nobody shall notice.
    flips: Option<usize>,
}

/// What a drive remembers as long as a cartridge is threaded.
#[derive(Clone, Debug, Default)]
struct Mount {
    written_to: bool,
    /// The host has heard of the programmable early warning.
    warned: bool,
    /// Where ALLOW OVERWRITE lets the host write.
    overwrite: Option<At>,
}

/// Where a cartridge is in its drive, and what happens to it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    Empty,
    /// It will be threaded at this time.
    Loading(Duration),
    /// Threaded, and being measured until this time.
    Calibrating {
        since: Duration,
        until: Duration,
    },
    Threaded,
    /// In the drive and not threaded: the chip can be read.
    Held,
    /// It will be in the mouth at this time.
    Unloading(Duration),
    /// In the mouth of the drive: the robot, or a person, can take it.
    Ejected,
    /// It cleans the drive until this time.
    Cleaning(Duration),
    /// The drive does not want it, and says why.
    Refused(Complaint),
}

/// Where the tape stands: before this object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) partition: u8,
    pub(crate) object: u64,
}

/// One command at a drive.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) drive: &'a mut DriveUnit,
    pub(crate) cartridge: &'a mut Option<Box<Cartridge>>,
    pub(crate) desk: &'a mut Desk,
    pub(crate) power_cut: PowerCut,
    pub(crate) ask: Ask<'a>,
}

/// What the library tells a drive of the place it is in.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bay {
    /// Its element address.
    pub(crate) address: u16,
    /// The serial number of the library.
    pub(crate) library: &'static str,
}

impl DriveUnit {
    pub(crate) fn new(model: DriveModel, number: u16) -> Self {
        Self {
            stream: Stream::new(model.generation.facts(), model.half_height),
            serial: format!("RKD{:07}", 100 + number),
            model,
            number,
            seat: Seat::Empty,
            at: At::default(),
            session: None,
            modes: Modes::default(),
            keys: Keys::default(),
            health: Health::default(),
            counters: Counters::default(),
            mount: Mount::default(),
            recommended: Recommended::default(),
            deferred: None,
            prevented: BTreeSet::new(),
            flips: None,
            bay: Bay::default(),
        }
    }
}

impl DriveUnit {
    /// Whether some host wants the cartridge to stay.
    pub(crate) fn removal_prevented(&self) -> bool {
        !self.prevented.is_empty()
    }

    /// The drive's name in the world: NAA type 5, made up, the drive's number below a vendor's prefix.
    pub(crate) fn world_wide_name(&self) -> u64 {
        0x5005_0763_0000_0000 + (u64::from(self.number) + 1) * 0x1_0000
    }

    /// This host does not mind any more.
    pub(crate) fn unlock(&mut self, nexus: Nexus) {
        self.prevented.remove(&nexus);
    }
}

/// What neither reports nor clears a deferred error.
const UNTROUBLED: [u8; 5] = [0x03, 0x12, 0x4d, 0xa0, 0xa3];

impl Turn<'_> {
    /// Carries out the command.
    pub(crate) fn execute(&mut self) -> Reply {
        if !UNTROUBLED.contains(&self.ask.opcode())
            && let Some(deferred) = self.drive.deferred.take()
        {
            return Err(deferred.into());
        }
        match self.ask.opcode() {
            0x00 => self.test_ready(),
            0x01 => self.rewind(),
            0x03 => {
                let sense = self.ready().err();
                let sense = sense.unwrap_or_else(|| Complaint::new(key::NO_SENSE, 0, 0));
                Ok(request_sense(&self.ask, &sense))
            }
            0x04 => self.format_medium(),
            0x05 => self.block_limits(),
            0x08 => self.read(),
            0x0a => self.write(),
            0x0b => self.set_capacity(),
            0x10 => self.write_filemarks(),
            0x11 | 0x91 => self.space(),
            0x12 => self.inquiry(),
            0x13 => self.verify(),
            0x15 | 0x55 => self.mode_select(),
            0x19 => self.erase(),
            0x1a | 0x5a => self.mode_sense(),
            0x1b => self.load_unload(),
            0x1d => self.self_test(),
            0x1e => self.prevent(),
            0x2b | 0x92 => self.locate(),
            0x34 => self.read_position(),
            0x44 => self.densities(),
            0x4c => self.log_select(),
            0x4d => self.log_sense(),
            0x82 => self.allow_overwrite(),
            0x8c => self.read_attribute(),
            0x8d => self.write_attribute(),
            0xa2 => self.security_in(),
            0xa3 => self.management_in(),
            0xa4 => self.management_out(),
            0xab => self.medium_serial(),
            0xb5 => self.security_out(),
            _ => Err(Complaint::no_such_command().into()),
        }
    }

    fn test_ready(&mut self) -> Reply {
        self.ready().map_err(Refusal::from)?;
        Ok(self.drive.health.notice().map_or_else(Outcome::done, Outcome::noting))
    }

    /// Something is done to the drive from outside.
    pub(crate) fn suffer(&mut self, act: &Act) {
        let At { partition, object } = self.drive.at;
        match act {
            Act::FlipOnTape(byte) => self.drive.flips = Some(*byte),
            Act::Damage(harm) => {
                if let Some(cartridge) = self.cartridge.as_deref_mut() {
                    let stretch = Stretch::Objects(object, object);
                    cartridge.bad_spots.push(BadSpot { partition, stretch, harm: *harm });
                }
            }
            Act::ForeignRewind if self.ready().is_ok() => {
                // What fails here is told to whoever did it, and nobody listens there.
                let _foreign = self.come_to_rest();
                self.wind_back();
            }
            Act::Dirt => self.drive.health.dirtier(),
            Act::Alert(flag) => self.drive.health.raise(*flag),
            _ => {}
        }
    }

    /// All that a reset takes away. The cartridge stays threaded, and is rewound.
    pub(crate) fn reset(&mut self) {
        self.settle();
        self.lose_buffer();
        self.drive.prevented.clear();
        self.drive.modes = Modes::default();
        self.drive.keys.reset();
        self.drive.deferred = None;
        self.drive.recommended = Recommended::default();
        if self.ready().is_ok() {
            self.wind_back();
        }
    }

    /// The power goes, and comes again.
    pub(crate) fn power_cycle(&mut self) {
        self.settle();
        self.lose_power();
        self.reset();
        // A cartridge in the mouth stays there: nothing draws it in.
        let in_the_mouth = matches!(self.drive.seat, Seat::Ejected | Seat::Unloading(_));
        self.drive.seat = if in_the_mouth { Seat::Ejected } else { Seat::Empty };
        self.drive.at = At::default();
        self.drive.mount = Mount::default();
    }

    /// Bytes 18 and up of fixed sense, as LTO drives fill them: which cartridge, and where on it.
    pub(crate) fn sense_tail(&mut self) -> Vec<u8> {
        let at = self.drive.at;
        let mut tail = Layout::new();
        let sticker = self.cartridge.as_deref().and_then(|it| it.barcode.clone());
        let dirty = self.drive.health.notice_pending();
        let valid = u8::from(sticker.is_some());
        tail.zeros(3).byte(valid | if dirty { 0x08 } else { 0 });
        tail.text(7, &sticker.unwrap_or_default());
        let place = self.spot(at);
        tail.put(1, place.wrap).put(4, place.lpos).zeros(2).byte(at.partition).zeros(8);
        tail.put(4, at.object);
        tail.zeros(78_usize.saturating_sub(tail.len()));
        tail.done()
    }

    /// The bit that shall be wrong on the tape, made so.
    fn flip_on_tape(&mut self, object: &mut Object, bytes: &[u8]) {
        let Some(at) = self.drive.flips.take() else { return };
        let (Object::Block(block), Some(cartridge)) = (object, self.cartridge.as_deref()) else {
            return;
        };
        let mut bytes = bytes.to_vec();
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1;
        }
        block.crc = crc32c::crc32c(&bytes);
        if let Ok(content) = cartridge.store.take(&cartridge.tape, &bytes) {
            block.content = content;
        }
    }
}

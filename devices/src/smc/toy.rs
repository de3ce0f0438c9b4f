//! A library for tests of a few dozen lines: just enough of SMC-3 and SSC-4 to be carried about in, and whims and
//! faults to be survived. Logical unit 0 is the changer, the drives follow.
//!
//! What real makers do is in the emulator's dialects. Here each whim stands alone.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::scsi::{Cdb, Status};
use crate::transport::{Break, Completion, Data, Transport, TransportError};

/// Where things are in the toy: arms at 1, mail at 10, bays at 256, slots at 4096.
const ARM: u16 = 1;
const MAIL: u16 = 10;
const BAYS: u16 = 256;
const SLOTS: u16 = 4096;

/// Departures from the standard.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Whims {
    pub(crate) no_barcodes: bool,
    pub(crate) barcodes_are_a_hardware_error: bool,
    pub(crate) no_memory: bool,
    pub(crate) only_all: bool,
    pub(crate) only_by_kind: bool,
    pub(crate) header_first: bool,
    pub(crate) no_sources: bool,
    pub(crate) no_serials: bool,
    pub(crate) no_access_bits: bool,
    pub(crate) threaded_looks_empty: bool,
    pub(crate) arm_is_not_told: bool,
    pub(crate) zeros_behind: bool,
    pub(crate) last_is_cut: bool,
    pub(crate) one_at_a_time: bool,
    pub(crate) lto9: bool,
    pub(crate) tells_activity: bool,
}

/// What goes wrong at the next move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It says GOOD and does nothing.
    Lies,
    /// It complains and does nothing.
    Fails,
    /// It complains and does it.
    ComplainsAfterwards,
    /// It does it and never answers.
    NoAnswer,
    /// The cartridge stays in the arm.
    StaysInArm,
    /// The operator opened the door and took the cartridge out.
    TakenByHand,
    /// The operator put another cartridge there instead.
    Exchanged,
    /// The door was opened and closed, and nothing was taken.
    DoorOpened,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) cartridge: Option<String>,
    pub(crate) source: Option<u16>,
    pub(crate) exception: Option<(u8, u8)>,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) slots: Vec<Place>,
    pub(crate) mail: Vec<Place>,
    pub(crate) bays: Vec<Place>,
    pub(crate) threaded: Vec<bool>,
    pub(crate) arm: Place,
    pub(crate) whims: Whims,
    pub(crate) fault: Option<Fault>,
    /// Seconds until it has looked around.
    pub(crate) scanning: u64,
    /// Seconds that a drive calibrates once a cartridge is put in.
    pub(crate) calibrating: u64,
    /// How the next READ ELEMENT STATUS are refused, the last first.
    pub(crate) refusals: Vec<(u8, u8, u8)>,
    pub(crate) good_before_refusals: u32,
    /// Attentions waiting at the changer.
    pub(crate) attentions: Vec<(u8, u8)>,
    /// The opcodes and kinds that the changer was sent.
    pub(crate) asked: Vec<(u8, u8)>,
    header_asked: bool,
    left: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Toy(Arc<Mutex<World>>);

/// A complaint of a device.
type Complaint = (u8, u8, u8);

impl Toy {
    /// Slots with these barcodes (empty where there is none), so many drives, two mail slots.
    pub(crate) fn new(slots: &[&str], drives: usize) -> Self {
        let place = |barcode: &&str| Place {
            cartridge: (!barcode.is_empty()).then(|| (*barcode).to_owned()),
            ..Place::default()
        };
        Self(Arc::new(Mutex::new(World {
            slots: slots.iter().map(place).collect(),
            mail: vec![Place::default(); 2],
            bays: vec![Place::default(); drives],
            threaded: vec![false; drives],
            ..World::default()
        })))
    }

    pub(crate) fn with(self, change: impl FnOnce(&mut World)) -> Self {
        change(&mut self.world());
        self
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub(crate) fn transport(&self, lun: usize) -> Box<dyn Transport> {
        Box::new(ToyTransport { toy: self.clone(), lun, name: format!("toy{lun}") })
    }
}

struct ToyTransport {
    toy: Toy,
    lun: usize,
    name: String,
}

impl Transport for ToyTransport {
    fn name(&self) -> &str {
        &self.name
    }

    fn longest(&self) -> usize {
        1 << 20
    }

    fn execute(
        &mut self,
        cdb: &Cdb,
        data: Data<'_>,
        _: Duration,
    ) -> Result<Completion, TransportError> {
        let mut world = self.toy.world();
        let reply = match self.lun.checked_sub(1) {
            None => world.changer(cdb.bytes()),
            Some(drive) => world.drive(drive, cdb.bytes()),
        };
        if world.fault == Some(Fault::NoAnswer) && cdb.opcode() == 0xa5 {
            world.fault = None;
            let (device, cdb, what) = (self.name.clone(), *cdb, Break::TimedOut);
            return Err(TransportError { device, cdb, what, source: None });
        }
        Ok(match reply {
            Ok(reply) => {
                let mut moved = 0;
                if let Data::In(room) = data {
                    moved = room.len().min(reply.len());
                    room[..moved].copy_from_slice(&reply[..moved]);
                }
                Completion { status: Status::Good, sense: Vec::new(), moved }
            }
            Err((key, asc, ascq)) => {
                let progress: [u8; 3] = if key == 2 { [0x80, 0x80, 0] } else { [0; 3] };
                let [a, b, c] = progress;
                let sense = vec![0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0, a, b, c];
                Completion { status: Status::CheckCondition, sense, moved: 0 }
            }
        })
    }

    fn pause(&mut self, time: Duration) {
        let mut world = self.toy.world();
        world.scanning = world.scanning.saturating_sub(time.as_secs());
        world.left = world.left.saturating_sub(time.as_secs());
    }
}

const INVALID_FIELD: Complaint = (5, 0x24, 0);

impl World {
    fn changer(&mut self, cdb: &[u8]) -> Result<Vec<u8>, Complaint> {
        self.asked.push((cdb[0], cdb[1]));
        if cdb[0] == 0x12 {
            return Ok(if cdb[1] == 0 { inquiry(8, "TOY CHANGER") } else { page_80("TOYLIB") });
        }
        if self.fault == Some(Fault::DoorOpened) && cdb[0] == 0xa5 {
            self.fault = None;
            return Err((6, 0x28, 0));
        }
        if let Some((asc, ascq)) = self.attentions.pop() {
            return Err((6, asc, ascq));
        }
        match cdb[0] {
            0x00 if self.scanning > 0 => Err((2, 0x04, 0x01)),
            0x00 | 0x07 | 0x1e | 0x37 => Ok(Vec::new()),
            0x1a => Ok(self.page_1d()),
            0xb8 => self.element_status(cdb),
            0xa5 => self.move_medium(u16_at(cdb, 4), u16_at(cdb, 6)).map(|()| Vec::new()),
            _ => Err((5, 0x20, 0)),
        }
    }

    fn runs(&self) -> [(u8, u16, &[Place]); 4] {
        let arm = std::slice::from_ref(&self.arm);
        let arm = if self.whims.arm_is_not_told { &[] } else { arm };
        [(1, ARM, arm), (3, MAIL, &self.mail), (4, BAYS, &self.bays), (2, SLOTS, &self.slots)]
    }

    fn page_1d(&self) -> Vec<u8> {
        let mut reply = vec![23, 0, 0, 0, 0x1d, 18];
        for kind in [1, 2, 3, 4] {
            let (_, first, places) = self.runs().into_iter().find(|run| run.0 == kind).unwrap();
            reply.extend(first.to_be_bytes());
            reply.extend(u16::try_from(places.len()).unwrap().to_be_bytes());
        }
        reply.extend([0, 0]);
        reply
    }

    fn element_status(&mut self, cdb: &[u8]) -> Result<Vec<u8>, Complaint> {
        match self.good_before_refusals.checked_sub(1) {
            Some(fewer) => self.good_before_refusals = fewer,
            None => self.refusals.pop().map_or(Ok(()), Err)?,
        }
        let whims = self.whims;
        let (tags, kind) = (cdb[1] & 0x10 != 0, cdb[1] & 0x0f);
        let (from_memory, serials) = (cdb[6] & 2 != 0, cdb[6] & 1 != 0);
        let room = usize::from(u16_at(cdb, 8));
        if tags && whims.barcodes_are_a_hardware_error {
            return Err((4, 0x44, 0));
        }
        let refused = (tags && (whims.no_barcodes || serials))
            || (serials && whims.no_serials)
            || (from_memory && whims.no_memory)
            || (kind == 0 && whims.only_by_kind)
            || (kind != 0 && whims.only_all)
            || (whims.header_first && !self.header_asked && room > 8);
        if refused {
            return Err(INVALID_FIELD);
        }
        self.header_asked = true;
        let (first, mut left) = (u16_at(cdb, 2), usize::from(u16_at(cdb, 4)));
        if whims.one_at_a_time {
            left = left.min(1);
        }
        let mut pages = Vec::new();
        for (code, start, places) in self.runs() {
            let addressed = (start..).zip(places).filter(|(at, _)| *at >= first);
            if kind != 0 && kind != code {
                continue;
            }
            let chosen: Vec<_> = addressed.take(left).collect();
            left -= chosen.len();
            let all: Vec<Vec<u8>> = chosen
                .iter()
                .map(|(at, it)| self.descriptor(code, *at, it, tags, serials))
                .collect();
            let Some(length) = all.iter().map(Vec::len).max() else { continue };
            let mut body: Vec<u8> = all
                .into_iter()
                .flat_map(|mut one| {
                    one.resize(length, 0);
                    one
                })
                .collect();
            if whims.zeros_behind {
                body.extend(vec![0; 2 * length]);
            }
            let [_, a, b, c] = u32::try_from(body.len()).unwrap().to_be_bytes();
            let [d, e] = u16::try_from(length).unwrap().to_be_bytes();
            pages.extend([code, if tags { 0x80 } else { 0 }, d, e, 0, a, b, c]);
            pages.extend(body);
        }
        if pages.is_empty() && kind == 0 {
            return Err((5, 0x21, 0x01));
        }
        if whims.last_is_cut {
            pages.truncate(pages.len().saturating_sub(8));
        }
        let mut reply = vec![0; 8];
        reply.extend(pages);
        Ok(reply)
    }

    fn descriptor(&self, kind: u8, at: u16, place: &Place, tags: bool, serials: bool) -> Vec<u8> {
        let threaded = kind == 4 && self.threaded[usize::from(at - BAYS)];
        let looks_empty = threaded && self.whims.threaded_looks_empty;
        let full = place.cartridge.is_some() && !looks_empty;
        let access = !threaded && !self.whims.no_access_bits;
        let mut flags = u8::from(full) | u8::from(access) << 3;
        if kind == 3 {
            flags |= 0x30;
        }
        let mut bytes = vec![0; 12];
        bytes[..2].copy_from_slice(&at.to_be_bytes());
        bytes[2] = flags;
        if let Some((asc, ascq)) = place.exception {
            bytes[2] |= 4;
            (bytes[4], bytes[5]) = (asc, ascq);
        }
        if let Some(source) = place.source.filter(|_| full && !self.whims.no_sources) {
            bytes[9] = 0x80;
            bytes[10..].copy_from_slice(&source.to_be_bytes());
        }
        if tags {
            let text = if full { place.cartridge.as_deref().unwrap() } else { "" };
            bytes.extend(format!("{text:32}").bytes());
            bytes.extend([0; 4]);
        }
        if serials && kind == 4 {
            let serial = format!("DRIVE{}", at - BAYS);
            bytes.extend([2, 0, 0, u8::try_from(serial.len()).unwrap()]);
            bytes.extend(serial.bytes());
        }
        bytes.extend([0; 4]);
        bytes
    }

    fn place(&mut self, at: u16) -> Result<&mut Place, Complaint> {
        let (places, index) = match at {
            SLOTS.. => (&mut self.slots, at - SLOTS),
            BAYS.. => (&mut self.bays, at - BAYS),
            MAIL.. => (&mut self.mail, at - MAIL),
            _ => return Err((5, 0x21, 0x01)),
        };
        places.get_mut(usize::from(index)).ok_or((5, 0x21, 0x01))
    }

    fn move_medium(&mut self, from: u16, to: u16) -> Result<(), Complaint> {
        match self.fault.take() {
            Some(Fault::Lies) => return Ok(()),
            Some(Fault::Fails) => return Err((4, 0x15, 0x01)),
            Some(Fault::TakenByHand) => {
                self.place(from)?.cartridge = None;
                return Err((5, 0x3b, 0x0e));
            }
            Some(Fault::Exchanged) => {
                self.place(from)?.cartridge = Some("OTHER1L8".to_owned());
                return Err((5, 0x3b, 0x0e));
            }
            Some(Fault::StaysInArm) => {
                self.arm.cartridge = self.place(from)?.cartridge.take();
                return Err((4, 0x15, 0x01));
            }
            Some(Fault::ComplainsAfterwards) => {
                self.do_move(from, to)?;
                return Err((4, 0x44, 0x00));
            }
            fault => self.fault = fault,
        }
        self.do_move(from, to)
    }

    fn do_move(&mut self, from: u16, to: u16) -> Result<(), Complaint> {
        if (BAYS..SLOTS).contains(&from) && self.threaded[usize::from(from - BAYS)] {
            return Err((5, 0x53, 0x01));
        }
        if self.place(to)?.cartridge.is_some() {
            return Err((5, 0x3b, 0x0d));
        }
        let cartridge = self.place(from)?.cartridge.take().ok_or((5, 0x3b, 0x0e))?;
        let place = self.place(to)?;
        (place.cartridge, place.source) = (Some(cartridge), Some(from));
        if (BAYS..SLOTS).contains(&to) {
            self.threaded[usize::from(to - BAYS)] = true;
            self.left = self.calibrating;
        }
        Ok(())
    }

    fn drive(&mut self, drive: usize, cdb: &[u8]) -> Result<Vec<u8>, Complaint> {
        let cartridge = self.bays[drive].cartridge.clone();
        match (cdb[0], cdb[1], cdb[2]) {
            (0x12, 0, _) if self.whims.lto9 => Ok(inquiry(1, "ULTRIUM-HH9")),
            (0x12, 0, _) => Ok(inquiry(1, "ULTRIUM-HH8")),
            (0x4d, _, page) if page & 0x3f == 0x11 && self.whims.tells_activity => {
                let activity = if self.whims.lto9 { 0x0b } else { 0x02 };
                Ok(vec![0x11, 0, 0, 8, 0, 0, 3, 4, 1, 0, activity, 0])
            }
            (0x12, _, 0) => Ok(vec![1, 0, 0, 2, 0, 0x80]),
            (0x12, _, 0x80) => Ok(page_80(&format!("DRIVE{drive}"))),
            (0x00, ..) if cartridge.is_none() => Err((2, 0x3a, 0)),
            (0x00, ..) if self.left > 0 => Err((2, 0x04, 0x01)),
            (0x00, ..) if cartridge.as_ref().is_some_and(|it| it.starts_with("CLN")) => {
                Err((2, 0x30, 0x03))
            }
            (0x00, ..) if !self.threaded[drive] => Err((2, 0x3a, 0x04)),
            (0x00 | 0x1e, ..) => Ok(Vec::new()),
            (0x1b, ..) => {
                self.threaded[drive] = cdb[4] & 1 != 0 && cartridge.is_some();
                Ok(Vec::new())
            }
            _ => Err((5, 0x20, 0)),
        }
    }
}

fn inquiry(kind: u8, product: &str) -> Vec<u8> {
    let mut reply = vec![kind, 0x80, 6, 2, 31, 0, 0, 0];
    reply.extend(format!("{:8}{product:16}{:4}", "TOY", "1.0").bytes());
    reply
}

fn page_80(serial: &str) -> Vec<u8> {
    let mut page = vec![0, 0x80, 0, u8::try_from(serial.len()).unwrap()];
    page.extend(serial.bytes());
    page
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

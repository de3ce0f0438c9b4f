//! The library as a whole: who is asked, what goes wrong with the question, and what comes back.
//!
//! ```text
//!  command ─► fault plan ─► unit attention? ─► reserved? ─► changer or drive ─► fault plan ─► Answer
//! ```
//!
//! Every logical unit has a clock of its own, which its commands and its initiator's pauses move. So two
//! drives that two threads use work side by side, as real ones do; a cartridge that goes from one unit to
//! another takes the later of the two clocks along.

use std::time::Duration;

use crate::scsi::Status;
use crate::transport::Break;

use super::ask::Ask;
use super::changer::{self, ChangerUnit};
use super::complaint::{Complaint, Outcome, Refusal, Reply};
use super::directory::Directory;
use super::drive::{DriveUnit, Seat, Turn};
use super::elements::{Elements, Spot};
use super::events::{Attentions, BUS_RESET, Event, POWER_ON};
use super::faults::{Act, Circumstances, FaultPlan, Sense};
use super::reservations::Reservations;
use super::setup::Setup;
use super::{Answer, Lun, Nexus, Pace};

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) setup: Setup,
    pub(crate) elements: Elements,
    pub(crate) drives: Vec<DriveUnit>,
    pub(crate) changer: ChangerUnit,
    /// One a logical unit.
    pub(crate) desks: Vec<Desk>,
    pub(crate) faults: FaultPlan,
    pub(crate) pace: Pace,
    pub(crate) directory: Option<Directory>,
}

/// What every logical unit has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Desk {
    pub(crate) attentions: Attentions,
    pub(crate) reservations: Reservations,
    /// How late it is here.
    pub(crate) now: Duration,
    /// When its present command began.
    began: Duration,
    /// D_SENSE of the control mode page.
    pub(crate) descriptor_sense: bool,
    gone: bool,
}

/// What a command needs before anything mechanical happens: the wire and the firmware.
const OVERHEAD: Duration = Duration::from_micros(50);

impl World {
    pub(crate) fn new(setup: Setup, elements: Elements, directory: Option<Directory>) -> Self {
        let numbered = setup.drives.iter().zip(0..);
        let drives: Vec<_> =
            numbered.map(|(model, number)| DriveUnit::new(model.clone(), number)).collect();
        let mut world = Self {
            desks: vec![Desk::default(); drives.len() + 1],
            setup,
            elements,
            drives,
            changer: ChangerUnit::default(),
            faults: FaultPlan::default(),
            pace: Pace::Virtual,
            directory,
        };
        changer::tell_drives(&mut world);
        world.thread_all();
        world
    }

    /// A drive that finds a cartridge in itself when the power comes on loads it; one in its mouth it leaves there.
    fn thread_all(&mut self) {
        for number in 0..u16::try_from(self.drives.len()).unwrap_or(u16::MAX) {
            let seat = self.drives.get(usize::from(number)).map(|drive| &drive.seat);
            let here = self.elements.cartridge(Spot::Drive(number)).is_some();
            if here && seat == Some(&Seat::Empty) {
                self.inserted(number);
            }
        }
    }

    pub(crate) fn desk(&mut self, lun: Lun) -> Option<&mut Desk> {
        self.desks.get_mut(usize::from(lun.0))
    }

    /// Sets all clocks.
    pub(crate) fn set_clock(&mut self, now: Duration) {
        self.desks.iter_mut().for_each(|desk| desk.now = now);
    }

    /// The latest of all clocks.
    pub(crate) fn now(&self) -> Duration {
        self.desks.iter().map(|desk| desk.now).max().unwrap_or_default()
    }

    /// What one drive can do at a time.
    pub(crate) fn turn<'a>(&'a mut self, number: u16, ask: Ask<'a>) -> Option<Turn<'a>> {
        Some(Turn {
            drive: self.drives.get_mut(usize::from(number))?,
            cartridge: &mut self.elements.drives.get_mut(usize::from(number))?.cartridge,
            desk: self.desks.get_mut(usize::from(number) + 1)?,
            power_cut: self.setup.power_cut,
            ask,
        })
    }

    /// A cartridge has been put into this drive, which begins to load it.
    pub(crate) fn inserted(&mut self, number: u16) {
        self.meet_clocks(number);
        if let Some(mut turn) = self.turn(number, Ask::nothing()) {
            turn.begin_load();
        }
    }

    /// Whether the drive lets go of what is in it: it does when it has unloaded.
    pub(crate) fn releases(&mut self, number: u16) -> bool {
        self.meet_clocks(number);
        self.turn(number, Ask::nothing()).is_some_and(|mut turn| turn.releases())
    }

    /// The cartridge has been taken out of this drive.
    pub(crate) fn removed(&mut self, number: u16) {
        self.meet_clocks(number);
        if let Some(mut turn) = self.turn(number, Ask::nothing()) {
            turn.removed();
        }
    }

    /// Robot and drive meet: what the one did is over for the other.
    fn meet_clocks(&mut self, number: u16) {
        let both = [0, usize::from(number) + 1];
        let clocks = both.iter().filter_map(|&desk| self.desks.get(desk)).map(|desk| desk.now);
        let now = clocks.max().unwrap_or_default();
        for desk in both {
            if let Some(desk) = self.desks.get_mut(desk) {
                // Who has only just begun, and lags behind, was idle until now: that is no part of the command.
                if desk.now <= desk.began + OVERHEAD {
                    desk.began += now.saturating_sub(desk.now);
                }
                desk.now = now;
            }
        }
    }

    pub(crate) fn execute(&mut self, lun: Lun, ask: Ask<'_>) -> Result<Answer, Break> {
        let pace = self.pace;
        let Some(desk) = self.desk(lun) else { return Ok(no_such_unit(&ask)) };
        if desk.gone {
            return Err(Break::Gone);
        }
        desk.attentions.meet(ask.nexus);
        desk.began = desk.now;
        desk.now += OVERHEAD;
        if let Some(mut turn) = drive_of(lun).and_then(|number| self.turn(number, ask)) {
            turn.catch_up(pace);
        }
        let reply = self.with_faults(lun, ask);
        self.save_after(ask.opcode());
        self.answer(lun, &ask, reply)
    }

    fn with_faults(&mut self, lun: Lun, ask: Ask<'_>) -> Reply {
        let Some(act) = self.strike(lun, &ask) else { return self.perform(lun, ask) };
        match act {
            Act::Check(sense) => Err(complaint(sense).into()),
            Act::CheckAfter(sense) => {
                let outcome = self.perform(lun, ask)?;
                Ok(Outcome { complaint: Some(complaint(sense)), ..outcome })
            }
            Act::Deferred(sense) => {
                if let Some(mut turn) = drive_of(lun).and_then(|number| self.turn(number, ask)) {
                    turn.lose_buffer();
                }
                Err(Complaint { deferred: true, ..complaint(sense) }.into())
            }
            Act::Lie => Ok(Outcome::done()),
            Act::TimeOut => {
                self.reset(lun, BUS_RESET);
                Err(Refusal::Silence(Break::TimedOut))
            }
            Act::TimeOutAfter => {
                // The answer is lost, whatever it was.
                let _lost = self.perform(lun, ask);
                self.reset(lun, BUS_RESET);
                Err(Refusal::Silence(Break::TimedOut))
            }
            Act::Reserved => Err(Refusal::Reserved),
            Act::Reset => {
                self.reset(lun, BUS_RESET);
                self.perform(lun, ask)
            }
            Act::PowerCut => {
                self.power_cycle();
                self.meet(lun, ask.nexus);
                self.perform(lun, ask)
            }
            Act::Hang(seconds) => {
                let reply = self.perform(lun, ask);
                if let Some(desk) = self.desk(lun) {
                    desk.now += Duration::from_secs(seconds);
                }
                reply
            }
            Act::Gone => {
                if let Some(desk) = self.desk(lun) {
                    desk.gone = true;
                }
                Err(Refusal::Silence(Break::Gone))
            }
            Act::FlipOnWire(byte) => self.with_flipped_wire(lun, ask, byte),
            act @ (Act::FlipOnTape(_)
            | Act::Damage(_)
            | Act::ForeignRewind
            | Act::Dirt
            | Act::Alert(_)) => {
                if let Some(mut turn) = drive_of(lun).and_then(|number| self.turn(number, ask)) {
                    turn.suffer(&act);
                }
                self.perform(lun, ask)
            }
        }
    }

    fn with_flipped_wire(&mut self, lun: Lun, ask: Ask<'_>, byte: usize) -> Reply {
        let mut out = ask.out.to_vec();
        flip(&mut out, byte);
        let mut outcome = self.perform(lun, Ask { out: &out, ..ask })?;
        flip(&mut outcome.data, byte);
        Ok(outcome)
    }

    fn strike(&mut self, lun: Lun, ask: &Ask<'_>) -> Option<Act> {
        let minute = self.now().as_secs() / 60;
        let number = drive_of(lun);
        let drive = number.and_then(|number| self.drives.get(usize::from(number)));
        let element = number.and_then(|number| self.elements.cartridge(Spot::Drive(number)));
        let object = element.and(drive).map(|drive| drive.at.object);
        let barcode = element.and_then(|cartridge| cartridge.barcode.as_deref());
        let opcode = ask.opcode();
        self.faults.strike(&Circumstances { lun, opcode, object, barcode, minute })
    }

    /// The command itself, behind what every unit does first.
    fn perform(&mut self, lun: Lun, ask: Ask<'_>) -> Reply {
        let opcode = ask.opcode();
        let Some(desk) = self.desk(lun) else { return Err(Complaint::no_medium().into()) };
        // INQUIRY and REPORT LUNS neither report nor clear unit attentions; REQUEST SENSE gives them as
        // data (SPC-4, 5.14).
        if !matches!(opcode, 0x12 | 0xa0 | 0x03)
            && let Some(complaint) = desk.attentions.take(ask.nexus)
        {
            return Err(complaint.into());
        }
        if opcode == 0x03
            && let Some(complaint) = desk.attentions.take(ask.nexus)
        {
            return Ok(request_sense(&ask, &complaint));
        }
        if desk.reservations.shut_out(ask.nexus, opcode) {
            return Err(Refusal::Reserved);
        }
        if let Some(reply) = desk.reservations.execute(&ask, &mut desk.attentions) {
            return reply;
        }
        if opcode == 0xa0 {
            return Ok(self.report_luns(&ask));
        }
        match drive_of(lun) {
            None => changer::execute(self, &ask),
            Some(number) => match self.turn(number, ask) {
                Some(mut turn) => turn.execute(),
                None => Err(Complaint::no_medium().into()),
            },
        }
    }

    fn report_luns(&self, ask: &Ask<'_>) -> Outcome {
        let mut reply = super::bytes::Layout::new();
        reply.put(4, 8 * self.desks.len() as u64).zeros(4);
        for lun in 0..self.desks.len() as u64 {
            reply.put(2, lun).zeros(6);
        }
        Outcome::reply(reply.done(), ask.field(6, 4))
    }

    fn answer(&mut self, lun: Lun, ask: &Ask<'_>, reply: Reply) -> Result<Answer, Break> {
        let vendor = match drive_of(lun).and_then(|number| self.turn(number, *ask)) {
            Some(mut turn) => turn.sense_tail(),
            None => Vec::new(),
        };
        let Some(desk) = self.desk(lun) else { return Err(Break::Gone) };
        let took = desk.now.saturating_sub(desk.began);
        let descriptors = desk.descriptor_sense;
        let sense = |complaint: &Complaint| match descriptors {
            true => complaint.descriptors(),
            false => complaint.fixed(&vendor),
        };
        let (asked, nothing) = (ask.out.len().max(ask.room), Vec::new());
        match reply {
            Ok(Outcome { mut data, complaint }) => {
                data.truncate(ask.room);
                let residual = if ask.room > 0 { ask.room - data.len() } else { 0 };
                let (status, sense) = match complaint {
                    Some(complaint) => (Status::CheckCondition, sense(&complaint)),
                    None => (Status::Good, nothing),
                };
                Ok(Answer { status, sense, data, residual, took })
            }
            Err(Refusal::Complaint(complaint)) => {
                let (status, sense) = (Status::CheckCondition, sense(&complaint));
                Ok(Answer { status, sense, data: nothing, residual: asked, took })
            }
            Err(Refusal::Reserved) => {
                let status = Status::ReservationConflict;
                Ok(Answer { status, sense: nothing.clone(), data: nothing, residual: asked, took })
            }
            Err(Refusal::Silence(what)) => Err(what),
        }
    }

    fn meet(&mut self, lun: Lun, nexus: Nexus) {
        if let Some(desk) = self.desk(lun) {
            desk.attentions.meet(nexus);
        }
    }

    /// One unit is reset: what was buffered, set or reserved is gone, and a tape is at its beginning.
    pub(crate) fn reset(&mut self, lun: Lun, event: Event) {
        if let Some(mut turn) = drive_of(lun).and_then(|number| self.turn(number, Ask::nothing())) {
            turn.reset();
        }
        if let Some(desk) = self.desk(lun) {
            desk.attentions.reset(event);
            desk.reservations.reset();
            desk.descriptor_sense = false;
        }
    }

    /// What this initiator had locked is open again.
    pub(crate) fn nexus_lost(&mut self, nexus: Nexus) {
        self.changer.unlock(nexus);
        self.drives.iter_mut().for_each(|drive| drive.unlock(nexus));
    }

    /// The power goes, and comes again.
    pub(crate) fn power_cycle(&mut self) {
        for (number, lun) in (0..self.drives.len()).zip(1..) {
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            if let Some(mut turn) = self.turn(number, Ask::nothing()) {
                turn.power_cycle();
            }
            self.reset(Lun(lun), POWER_ON);
        }
        self.reset(Lun(0), POWER_ON);
        changer::power_on(self);
        for desk in &mut self.desks {
            desk.reservations.power_on();
            desk.gone = false;
        }
        self.thread_all();
    }
}

/// Logical unit 0 is the changer, the others are drives.
pub(crate) fn drive_of(lun: Lun) -> Option<u16> {
    lun.0.checked_sub(1)
}

fn complaint(sense: Sense) -> Complaint {
    let complaint = Complaint::new(sense.key & 0x0f, sense.code[0], sense.code[1]);
    Complaint { information: sense.information, ..complaint }
}

fn flip(bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
}

pub(crate) fn request_sense(ask: &Ask<'_>, complaint: &Complaint) -> Outcome {
    let sense = if ask.bit(1, 0x01) { complaint.descriptors() } else { complaint.fixed(&[]) };
    Outcome::reply(sense, ask.field(4, 1))
}

/// 5/25/00, but INQUIRY, which says that nothing is there (SPC-4, 6.6.1).
fn no_such_unit(ask: &Ask<'_>) -> Answer {
    if ask.opcode() == 0x12 {
        let mut data = vec![0x7f, 0, 6, 2, 31];
        data.resize(36.min(ask.room), b' ');
        let residual = ask.room.saturating_sub(data.len());
        return Answer { status: Status::Good, sense: Vec::new(), data, residual, took: OVERHEAD };
    }
    Answer {
        status: Status::CheckCondition,
        sense: Complaint::new(super::complaint::key::ILLEGAL, 0x25, 0x00).fixed(&[]),
        data: Vec::new(),
        residual: ask.out.len().max(ask.room),
        took: OVERHEAD,
    }
}

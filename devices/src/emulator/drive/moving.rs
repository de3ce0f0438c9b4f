//! REWIND, SPACE, LOCATE, READ POSITION: where the tape stands, and how it gets elsewhere.

use crate::emulator::bytes::Layout;
use crate::emulator::cartridge::Harm;
use crate::emulator::complaint::{Complaint, Outcome, Refusal, Reply, key};
use crate::emulator::setup::LocateFile;

use super::tape::{Zone, harm_at};
use super::{At, Turn, place};

impl Turn<'_> {
    pub(crate) fn rewind(&mut self) -> Reply {
        self.ready()?;
        self.come_to_rest()?;
        self.wind_back();
        Ok(Outcome::done())
    }

    /// To the beginning of the first partition, whatever it costs.
    pub(crate) fn wind_back(&mut self) {
        let from = self.spot(self.drive.at);
        self.desk.now += place::rewind_time(from, self.drive.model.generation.facts());
        self.stand_at(At::default());
    }

    fn stand_at(&mut self, at: At) {
        self.drive.stream.stop();
        self.drive.mount.warned = false;
        self.drive.at = at;
    }

    /// Goes there, and takes the time it takes.
    pub(crate) fn go_to(&mut self, to: At) -> Result<(), Complaint> {
        let time = self.way(self.drive.at, to);
        let hurt = {
            let cartridge = self.cartridge()?;
            harm_at(cartridge, to.partition, to.object) == Some(Harm::Servo)
        };
        self.desk.now += time;
        self.stand_at(to);
        match hurt {
            true => Err(Complaint::new(key::MEDIUM, 0x15, 0x02)),
            false => Ok(()),
        }
    }

    /// How long the way takes.
    pub(crate) fn way(&mut self, from: At, to: At) -> std::time::Duration {
        let (from, to) = (self.spot(from), self.spot(to));
        place::locate_time(from, to, self.drive.model.generation.facts())
    }

    /// Where on the reel something stands. Each partition has wraps of its own; one behind the other.
    pub(crate) fn spot(&mut self, at: At) -> place::Spot {
        let facts = self.drive.model.generation.facts();
        let Ok(cartridge) = self.cartridge() else { return place::spot(0, 1, facts) };
        let facts = cartridge.generation.facts();
        let before: u64 = cartridge.sizes.iter().take(usize::from(at.partition)).sum();
        let native = cartridge.partition(at.partition).map_or(0, |it| it.native_before(at.object));
        place::spot(before + native, cartridge.capacity.0, facts)
    }

    pub(crate) fn space(&mut self) -> Reply {
        self.ready()?;
        let count = match self.ask.opcode() {
            0x11 => {
                let count = i64::try_from(self.ask.field(2, 3)).unwrap_or(0);
                if count >= 1 << 23 { count - (1 << 24) } else { count }
            }
            _ => i64::from_be_bytes(self.ask.field(4, 8).to_be_bytes()),
        };
        self.come_to_rest()?;
        match self.ask.byte(1) & 0x0f {
            0 => self.space_blocks(count),
            1 => self.space_marks(count),
            2 => self.space_sequential_marks(count),
            3 => self.space_to_end(),
            _ => Err(Complaint::bad_command(1).into()),
        }
    }

    fn space_blocks(&mut self, count: i64) -> Reply {
        let (at, tape) = (self.drive.at, self.partition()?);
        let here = at.object;
        let (end, marks) = (tape.end(), tape.marks_before(here));
        let distance = count.unsigned_abs();
        // A filemark in the way stops the tape on its far side, the end of data or the beginning at it.
        let (to, stop) = if count >= 0 {
            let wanted = here.saturating_add(distance);
            match tape.mark(marks) {
                Some(mark) if mark < wanted => (mark + 1, Some((mark, false))),
                _ if wanted > end => (end, Some((end, true))),
                _ => (wanted, None),
            }
        } else {
            let wanted = here.checked_sub(distance);
            let mark = marks.checked_sub(1).and_then(|number| tape.mark(number));
            match (mark, wanted) {
                (Some(mark), wanted) if wanted.is_none_or(|wanted| mark >= wanted) => {
                    (mark, Some((mark + 1, false)))
                }
                (_, Some(wanted)) => (wanted, None),
                (_, None) => (0, Some((0, true))),
            }
        };
        self.go_to(At { object: to, ..at })?;
        let Some((stopped, at_end)) = stop else { return Ok(Outcome::done()) };
        let passed = here.abs_diff(stopped);
        let left = signed(distance.saturating_sub(passed));
        Err(match (at_end, count >= 0) {
            (false, _) => Complaint::new(key::NO_SENSE, 0x00, 0x01).at_filemark(),
            (true, true) => self.end_of_data()?,
            (true, false) => beginning(),
        }
        .with_information(left)
        .into())
    }

    fn space_marks(&mut self, count: i64) -> Reply {
        let (at, tape) = (self.drive.at, self.partition()?);
        let (marks, end) = (tape.marks_before(at.object), tape.end());
        let distance = count.unsigned_abs();
        if count == 0 {
            return Ok(Outcome::done());
        }
        if count > 0 {
            if let Some(mark) = tape.mark(marks.saturating_add(distance - 1)) {
                self.go_to(At { object: mark + 1, ..at })?;
                return Ok(Outcome::done());
            }
            let passed = tape.marks_before(end) - marks;
            self.go_to(At { object: end, ..at })?;
            let complaint = self.end_of_data()?;
            return Err(complaint.with_information(signed(distance - passed)).into());
        }
        if let Some(mark) = marks.checked_sub(distance).and_then(|number| tape.mark(number)) {
            self.go_to(At { object: mark, ..at })?;
            return Ok(Outcome::done());
        }
        self.go_to(At { object: 0, ..at })?;
        Err(beginning().with_information(signed(distance - marks)).into())
    }

    /// To the first place where so many filemarks follow each other.
    fn space_sequential_marks(&mut self, count: i64) -> Reply {
        let (at, tape) = (self.drive.at, self.partition()?);
        let Ok(wanted) = u64::try_from(count) else { return Err(Complaint::bad_command(2).into()) };
        let (mut number, mut row, mut last) = (tape.marks_before(at.object), 0, None);
        while let Some(mark) = tape.mark(number) {
            row = if last.is_some_and(|last| mark == last + 1) { row + 1 } else { 1 };
            if row >= wanted {
                self.go_to(At { object: mark + 1, ..at })?;
                return Ok(Outcome::done());
            }
            (number, last) = (number + 1, Some(mark));
        }
        let end = tape.end();
        self.go_to(At { object: end, ..at })?;
        Err(self.end_of_data()?.with_information(count).into())
    }

    fn space_to_end(&mut self) -> Reply {
        let (at, tape) = (self.drive.at, self.partition()?);
        let (end, torn) = (tape.end(), tape.is_torn());
        self.go_to(At { object: end, ..at })?;
        if torn {
            return Err(self.end_of_data()?.into());
        }
        Ok(Outcome::done())
    }

    pub(crate) fn locate(&mut self) -> Reply {
        self.ready()?;
        let long = self.ask.opcode() == 0x92;
        let changes_partition = self.ask.bit(1, 0x02);
        let (partition, number) = match long {
            true => (self.ask.byte(3), self.ask.field(4, 8)),
            false => (self.ask.byte(8), self.ask.field(3, 4)),
        };
        let partition = if changes_partition { partition } else { self.drive.at.partition };
        if self.cartridge()?.partition(partition).is_none() {
            return Err(Complaint::bad_command(if long { 3 } else { 8 }).into());
        }
        self.come_to_rest()?;
        let kind = if long { self.ask.byte(1) >> 3 & 0x07 } else { 0 };
        let next = self.drive.model.locate_file == LocateFile::NextFile;
        let Some(tape) = self.cartridge()?.partition(partition) else {
            return Err(Complaint::no_medium().into());
        };
        let end = tape.end();
        let object = match kind {
            0 => Some(number).filter(|&object| object <= end),
            // File n begins behind n filemarks; some drives count one more.
            1 => match number.saturating_add(u64::from(next && number > 0)) {
                0 => Some(0),
                file => tape.mark(file - 1).map(|mark| mark + 1),
            },
            3 => Some(end),
            _ => return Err(Complaint::bad_command(1).into()),
        };
        match object {
            Some(object) => {
                self.go_to(At { partition, object })?;
                Ok(Outcome::done())
            }
            None => {
                self.go_to(At { partition, object: end })?;
                Err(self.end_of_data()?.into())
            }
        }
    }

    pub(crate) fn read_position(&mut self) -> Reply {
        self.ready()?;
        let action = self.ask.byte(1) & 0x1f;
        // Drives insist that the allocation length be zero where it has no meaning.
        if action != 0x08 && self.ask.field(7, 2) != 0 {
            return Err(Complaint::bad_command(7).into());
        }
        self.settle();
        let At { partition, object } = self.drive.at;
        let zone = self.zone();
        let tape = self.partition()?;
        let last = if tape.durable() < tape.end() { tape.durable().min(object) } else { object };
        let files = tape.marks_before(object);
        let bytes = self.drive.stream.waiting();
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let ends = flag(object == 0, 0x80)
            | flag(zone == Zone::Early, 0x40)
            | flag(zone >= Zone::Programmed, 0x01);
        let mut reply = Layout::new();
        match action {
            0x00 | 0x01 => {
                let long = u32::try_from(object).is_err();
                reply.byte(ends | flag(long, 0x02)).byte(partition).zeros(2);
                reply.put(4, object).put(4, last).zeros(1);
                reply.put(3, object - last).put(4, bytes);
            }
            0x06 => {
                reply.byte(ends).zeros(3).put(4, partition.into());
                reply.put(8, object).put(8, files).zeros(8);
            }
            0x08 => {
                reply.byte(ends).byte(partition).put(2, 28).zeros(1);
                reply.put(3, object - last).put(8, object).put(8, last).put(8, bytes);
                return Ok(Outcome::reply(reply.done(), self.ask.field(7, 2)));
            }
            _ => return Err(Refusal::from(Complaint::bad_command(1))),
        }
        Ok(Outcome::reply(reply.done(), u64::MAX))
    }
}

/// 0/00/04: nothing comes before.
fn beginning() -> Complaint {
    Complaint::new(key::NO_SENSE, 0x00, 0x04).at_end_of_medium()
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

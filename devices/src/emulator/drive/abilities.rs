//! READ BLOCK LIMITS, REPORT DENSITY SUPPORT, REPORT SUPPORTED OPERATION CODES: what the drive can do, and how long
//! it may take.

use crate::emulator::ask::length_of;
use crate::emulator::bytes::Layout;
use crate::emulator::complaint::{Complaint, Outcome, Reply, key};
use crate::emulator::generation::{Access, Generation, Timeouts};

use super::Turn;

/// What a command may take.
#[derive(Clone, Copy)]
enum Slow {
    Erase,
    Format,
    Load,
    Locate,
    Read,
    Rewind,
    Write,
    Verify,
    No,
}

/// Every command: operation code, service action if it has one, how long it may take.
const COMMANDS: [(u8, Option<u8>, Slow); 51] = [
    (0x00, None, Slow::No),
    (0x01, None, Slow::Rewind),
    (0x03, None, Slow::No),
    (0x04, None, Slow::Format),
    (0x05, None, Slow::No),
    (0x08, None, Slow::Read),
    (0x0a, None, Slow::Write),
    (0x0b, None, Slow::Locate),
    (0x10, None, Slow::Write),
    (0x11, None, Slow::Locate),
    (0x12, None, Slow::No),
    (0x13, None, Slow::Verify),
    (0x15, None, Slow::No),
    (0x16, None, Slow::No),
    (0x17, None, Slow::No),
    (0x19, None, Slow::Erase),
    (0x1a, None, Slow::No),
    (0x1b, None, Slow::Load),
    (0x1d, None, Slow::No),
    (0x1e, None, Slow::No),
    (0x2b, None, Slow::Locate),
    (0x34, None, Slow::No),
    (0x44, None, Slow::No),
    (0x4c, None, Slow::No),
    (0x4d, None, Slow::No),
    (0x55, None, Slow::No),
    (0x56, None, Slow::No),
    (0x57, None, Slow::No),
    (0x5a, None, Slow::No),
    (0x5e, Some(0x00), Slow::No),
    (0x5e, Some(0x01), Slow::No),
    (0x5e, Some(0x02), Slow::No),
    (0x5f, Some(0x00), Slow::No),
    (0x5f, Some(0x01), Slow::No),
    (0x5f, Some(0x02), Slow::No),
    (0x5f, Some(0x03), Slow::No),
    (0x5f, Some(0x04), Slow::No),
    (0x5f, Some(0x06), Slow::No),
    (0x82, None, Slow::No),
    (0x8c, None, Slow::No),
    (0x8d, None, Slow::No),
    (0x91, None, Slow::Locate),
    (0x92, None, Slow::Locate),
    (0xa0, None, Slow::No),
    (0xa2, None, Slow::No),
    (0xa3, Some(0x0c), Slow::No),
    (0xa3, Some(0x1d), Slow::Locate),
    (0xa3, Some(0x1f), Slow::No),
    (0xa4, Some(0x0f), Slow::No),
    (0xa4, Some(0x1d), Slow::Locate),
    (0xb5, None, Slow::No),
];

impl Slow {
    fn seconds(self, timeouts: &Timeouts) -> u64 {
        match self {
            Self::Erase => timeouts.erase,
            Self::Format => timeouts.format,
            Self::Load => timeouts.load,
            Self::Locate => timeouts.locate,
            Self::Read => timeouts.read,
            Self::Rewind => timeouts.rewind,
            Self::Write => timeouts.write,
            Self::Verify => timeouts.verify,
            Self::No => 60,
        }
    }
}

impl Turn<'_> {
    pub(crate) fn block_limits(&mut self) -> Reply {
        let mut reply = Layout::new();
        reply.byte(0).put(3, self.drive.model.longest_block.into()).put(2, 1);
        Ok(Outcome::reply(reply.done(), u64::MAX))
    }

    pub(crate) fn densities(&mut self) -> Reply {
        if self.ask.bit(1, 0x02) {
            return Err(Complaint::bad_command(1).into());
        }
        let drive = self.drive.model.generation;
        let known: Vec<_> = match self.ask.bit(1, 0x01) {
            true => {
                self.ready()?;
                vec![self.cartridge()?.generation]
            }
            false => drive.known().collect(),
        };
        let mut reply = Layout::new();
        reply.zeros(4);
        for medium in known {
            density(&mut reply, drive, medium);
        }
        Ok(Outcome::reply(reply.close(0, 2), self.ask.field(7, 2)))
    }

    pub(crate) fn supported_commands(&mut self) -> Reply {
        let timeouts = &self.drive.model.generation.facts().timeouts;
        let (with_timeouts, allocation) = (self.ask.bit(2, 0x80), self.ask.field(6, 4));
        let mut reply = Layout::new();
        match self.ask.byte(2) & 0x07 {
            0 => {
                reply.zeros(4);
                for (opcode, action, slow) in COMMANDS {
                    let flags = u8::from(action.is_some()) | if with_timeouts { 2 } else { 0 };
                    reply.byte(opcode).zeros(1).put(2, action.unwrap_or(0).into());
                    reply.zeros(1).byte(flags).put(2, length_of(opcode) as u64);
                    if with_timeouts {
                        timeout(&mut reply, slow.seconds(timeouts));
                    }
                }
                Ok(Outcome::reply(reply.close(0, 4), allocation))
            }
            option @ (1..=3) => {
                let (opcode, action) = (self.ask.byte(3), self.ask.field(4, 2));
                let fits = |&&(code, has, _): &&(u8, Option<u8>, Slow)| {
                    code == opcode
                        && (option == 1 || has.is_none_or(|has| u64::from(has) == action))
                };
                let Some((_, has, slow)) = COMMANDS.iter().find(fits) else {
                    // Not supported: 001b.
                    return Ok(Outcome::reply(vec![0, 0x01, 0, 0], allocation));
                };
                if option == 1 && has.is_some() || option == 2 && has.is_none() {
                    return Err(Complaint::bad_command(2).into());
                }
                let length = length_of(opcode);
                reply.byte(0).byte(if with_timeouts { 0x83 } else { 0x03 }).put(2, length as u64);
                // Which bits of the command count: all that there are.
                reply.byte(opcode).bytes(&vec![0xff; length - 1]);
                if with_timeouts {
                    timeout(&mut reply, slow.seconds(timeouts));
                }
                Ok(Outcome::reply(reply.done(), allocation))
            }
            _ => Err(Complaint::bad_command(2).into()),
        }
    }

    /// Management in, by its service action.
    pub(crate) fn management_in(&mut self) -> Reply {
        match self.ask.byte(1) & 0x1f {
            0x0c => self.supported_commands(),
            0x1d => self.receive_order(),
            0x1f if self.ask.byte(2) == 0x45 => self.read_end_of_wrap(),
            _ => Err(Complaint::bad_command(1).into()),
        }
    }

    pub(crate) fn management_out(&mut self) -> Reply {
        match self.ask.byte(1) & 0x1f {
            0x0f => Ok(Outcome::done()),
            0x1d => self.generate_order(),
            _ => Err(Complaint::bad_command(1).into()),
        }
    }

    /// READ MEDIA SERIAL NUMBER.
    pub(crate) fn medium_serial(&mut self) -> Reply {
        if self.ask.byte(1) & 0x1f != 0x01 {
            return Err(Complaint::bad_command(1).into());
        }
        self.ready()?;
        let serial = self.cartridge()?.serial.clone();
        let mut reply = Layout::new();
        let width = serial.len().next_multiple_of(4);
        reply.zeros(4).text(width, &serial);
        Ok(Outcome::reply(reply.close(0, 4), self.ask.field(6, 4)))
    }

    /// SEND DIAGNOSTIC: the self-test passes.
    pub(crate) fn self_test(&mut self) -> Reply {
        match self.ask.bit(1, 0x04) {
            true => Ok(Outcome::done()),
            false => Err(Complaint::new(key::ILLEGAL, 0x24, 0x00).into()),
        }
    }
}

/// One density, as a drive of that generation knows it.
fn density(reply: &mut Layout, drive: Generation, medium: Generation) {
    let facts = medium.facts();
    let writes = if drive.access(medium) == Access::Write { 0x80 } else { 0 };
    let default = if drive == medium { 0x20 } else { 0 };
    reply.byte(facts.density).byte(facts.density).byte(writes | default).put(2, 0);
    reply.put(3, facts.bits_per_mm).put(2, 127).put(2, facts.tracks).put(4, facts.capacity_mb);
    reply.text(8, facts.organisation).text(8, facts.name);
    reply.text(20, &format!("Ultrium {}", facts.name));
}

/// A timeouts descriptor: as long as it may take, and as long as it should be given.
fn timeout(reply: &mut Layout, seconds: u64) {
    reply.put(2, 0x0a).zeros(1).byte(0).put(4, seconds / 2).put(4, seconds);
}

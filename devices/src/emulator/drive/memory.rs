//! READ ATTRIBUTE and WRITE ATTRIBUTE: the chip in the cartridge.
//!
//! SPC-4, 7.4. The drive keeps the attributes below 0400h, the maker wrote those below 0800h, and hosts own those
//! below 0C00h. The chip can be read while the cartridge is held in the drive and not threaded.

use crate::emulator::bytes::{Layout, field};
use crate::emulator::cartridge::{Cartridge, Kind};
use crate::emulator::complaint::{Complaint, Outcome, Reply, key};

use super::Turn;

/// Format of an attribute's value.
const BINARY: u8 = 0;
const ASCII: u8 = 1;
const TEXT: u8 = 2;

/// Attributes that hosts may write: number, format, longest value.
const HOST: [(u16, u8, usize); 16] = [
    (0x0800, ASCII, 8),
    (0x0801, ASCII, 32),
    (0x0802, ASCII, 8),
    (0x0803, TEXT, 160),
    (0x0804, ASCII, 12),
    (0x0805, BINARY, 1),
    (0x0806, ASCII, 32),
    (0x0807, TEXT, 80),
    (0x0808, TEXT, 160),
    (0x0809, ASCII, 16),
    (0x080a, BINARY, 1),
    (0x080b, ASCII, 16),
    (0x080c, BINARY, 1023),
    (0x0820, BINARY, 36),
    (0x0821, BINARY, 36),
    (0x1623, BINARY, 1),
];

/// What the chip holds for hosts.
const ROOM: u64 = 1024;

/// One attribute as it is read.
struct Attribute {
    number: u16,
    read_only: bool,
    format: u8,
    value: Vec<u8>,
}

impl Turn<'_> {
    pub(crate) fn read_attribute(&mut self) -> Reply {
        self.has_chip()?;
        let (action, partition) = (self.ask.byte(1) & 0x1f, self.ask.byte(7));
        let (first, allocation) = (self.ask.field(8, 2), self.ask.field(10, 4));
        let cartridge = self.cartridge()?;
        if cartridge.partition(partition).is_none() {
            return Err(Complaint::bad_command(7).into());
        }
        let attributes = attributes(cartridge, partition);
        let mut reply = Layout::new();
        reply.zeros(4);
        match action {
            0x00 => {
                let wanted = attributes.iter().filter(|it| u64::from(it.number) >= first);
                for Attribute { number, read_only, format, value } in wanted {
                    reply.put(2, (*number).into()).byte(if *read_only { 0x80 } else { 0 } | format);
                    reply.put(2, value.len() as u64).bytes(value);
                }
            }
            0x01 => attributes.iter().filter(|it| u64::from(it.number) >= first).for_each(|it| {
                reply.put(2, it.number.into());
            }),
            // One volume, and its partitions from 0 on.
            0x02 => {
                reply.byte(0).byte(1);
            }
            0x03 => {
                reply.byte(0).byte(u8::try_from(cartridge.tape.len()).unwrap_or(u8::MAX));
            }
            0x05 => {
                let all = attributes.iter().map(|it| it.number).filter(|&it| it < 0x0800);
                all.chain(HOST.map(|(number, ..)| number)).for_each(|number| {
                    reply.put(2, number.into());
                });
            }
            _ => return Err(Complaint::bad_command(1).into()),
        }
        Ok(Outcome::reply(reply.close(0, 4), allocation))
    }

    pub(crate) fn write_attribute(&mut self) -> Reply {
        self.has_chip()?;
        let list = self.ask.list(self.ask.field(10, 4))?;
        let partition = self.ask.byte(7);
        let cartridge = self.cartridge()?;
        if cartridge.partition(partition).is_none() {
            return Err(Complaint::bad_command(7).into());
        }
        if list.is_empty() {
            return Ok(Outcome::done());
        }
        let mut memory = cartridge.memory.clone();
        let mut at = 4;
        let end = 4 + usize::try_from(field(list, 0, 4)).unwrap_or(usize::MAX);
        let list = list.get(..end).ok_or_else(Complaint::short_list)?;
        while at < list.len() {
            let head = u16::try_from(at).unwrap_or(u16::MAX);
            let number = u16::try_from(field(list, at, 2)).unwrap_or(0);
            let length = usize::try_from(field(list, at + 3, 2)).unwrap_or(0);
            let value = list.get(at + 5..at + 5 + length).ok_or_else(Complaint::short_list)?;
            let Some(&(_, _, longest)) = HOST.iter().find(|(known, ..)| *known == number) else {
                return Err(Complaint::bad_parameter(head).into());
            };
            if length > longest {
                return Err(Complaint::bad_parameter(head + 3).into());
            }
            // A value of no length takes the attribute away.
            match length {
                0 => memory.remove(&number),
                _ => memory.insert(number, value.to_vec()),
            };
            at += 5 + length;
        }
        if memory.values().map(|value| value.len() as u64).sum::<u64>() > ROOM + 1023 {
            return Err(Complaint::new(key::ILLEGAL, 0x55, 0x06).into());
        }
        cartridge.memory = memory;
        Ok(Outcome::done())
    }
}

/// All that can be read, by number.
fn attributes(cartridge: &Cartridge, partition: u8) -> Vec<Attribute> {
    let mut all = Vec::new();
    let mut put = |number, format, value: &mut Layout| {
        let value = std::mem::take(value).done();
        all.push(Attribute { number, read_only: number < 0x0800, format, value });
    };
    let number = |width, value| {
        let mut layout = Layout::new();
        layout.put(width, value);
        layout
    };
    let text = |width, text: &str| {
        let mut layout = Layout::new();
        layout.text(width, text);
        layout
    };
    let facts = cartridge.generation.facts();
    let it = &cartridge.wear;
    // Capacities are in MiB, what was written and read in MB (SPC-4, 7.4.2.2).
    let size = cartridge.size_of(partition).saturating_sub(cartridge.early_warning.0) >> 20;
    let used = cartridge.partition(partition).map_or(0, |it| it.native_before(it.end())) >> 20;
    let held: u64 = cartridge.memory.values().map(|value| value.len() as u64).sum();
    put(0x0000, BINARY, &mut number(8, size.saturating_sub(used)));
    put(0x0001, BINARY, &mut number(8, size));
    put(0x0002, BINARY, &mut number(8, 0));
    put(0x0003, BINARY, &mut number(8, it.loads));
    put(0x0004, BINARY, &mut number(8, ROOM.saturating_sub(held)));
    put(0x0005, ASCII, &mut text(8, facts.organisation));
    put(0x0006, BINARY, &mut number(1, facts.density.into()));
    put(0x0007, BINARY, &mut number(2, it.formatted));
    put(0x0009, BINARY, &mut number(4, it.change.into()));
    for (code, drive) in (0x020a..=0x020d).zip(it.drives.iter().map(String::as_str).chain([""; 4]))
    {
        put(code, ASCII, &mut text(40, drive));
    }
    put(0x0220, BINARY, &mut number(8, it.written / 1_000_000));
    put(0x0221, BINARY, &mut number(8, it.read / 1_000_000));
    put(0x0222, BINARY, &mut number(8, it.written_last / 1_000_000));
    put(0x0223, BINARY, &mut number(8, it.read_last / 1_000_000));
    let first = |sealed| {
        let tape = cartridge.partition(partition);
        tape.and_then(|tape| tape.first_block(sealed)).unwrap_or(u64::MAX)
    };
    put(0x0224, BINARY, &mut number(8, first(true)));
    put(0x0225, BINARY, &mut number(8, first(false)));
    put(0x0400, ASCII, &mut text(8, "REELKEEP"));
    put(0x0401, ASCII, &mut text(32, &cartridge.serial));
    put(0x0402, BINARY, &mut number(4, facts.length_m));
    put(0x0403, BINARY, &mut number(4, 127));
    put(0x0404, ASCII, &mut text(8, facts.organisation));
    put(0x0405, BINARY, &mut number(1, facts.density.into()));
    put(0x0406, ASCII, &mut text(8, "20260101"));
    put(0x0407, BINARY, &mut number(8, 16 << 10));
    let (kind, uses) = match cartridge.kind {
        Kind::Data => (0x00, 0),
        Kind::Cleaning { uses } => (0x01, u64::from(uses)),
        Kind::Worm => (0x80, 0),
    };
    put(0x0408, BINARY, &mut number(1, kind));
    put(0x0409, BINARY, &mut number(2, uses));
    for (&code, value) in &cartridge.memory {
        let format = HOST.iter().find(|(known, ..)| *known == code).map_or(BINARY, |it| it.1);
        let mut layout = Layout::new();
        layout.bytes(value);
        put(code, format, &mut layout);
    }
    all
}

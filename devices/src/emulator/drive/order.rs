//! RECEIVE and GENERATE RECOMMENDED ACCESS ORDER, READ END OF WRAP POSITION: where things lie, for hosts that
//! want to read many of them.
//!
//! SSC-5, 7.8 and 7.9, as LTO-9 full-height drives have them; the wraps' ends as from LTO-7 on. The order is the
//! one that a nearest-first walk with the drive's own seek times gives.

use crate::emulator::bytes::{Layout, field};
use crate::emulator::complaint::{Complaint, Outcome, Reply};
use crate::emulator::generation::Generation;

use super::{At, Turn, place};

/// The most segments that a drive puts in order.
const MOST: u64 = 2730;

/// What describes one.
const DESCRIPTOR: usize = 32;

/// A stretch of the tape that the host wants.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    name: [u8; 10],
    partition: u8,
    begin: u64,
    end: u64,
}

/// What the drive has been asked to put in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recommended {
    list: Vec<u8>,
}

impl Turn<'_> {
    fn orders(&self) -> bool {
        let model = &self.drive.model;
        !model.half_height && model.generation >= Generation::Lto9
    }

    pub(crate) fn receive_order(&mut self) -> Reply {
        if !self.orders() {
            return Err(Complaint::bad_command(1).into());
        }
        let allocation = self.ask.field(6, 4);
        if self.ask.bit(1, 0x80) {
            let mut reply = Layout::new();
            reply.put(2, MOST).put(2, DESCRIPTOR as u64);
            return Ok(Outcome::reply(reply.done(), allocation));
        }
        let mut reply = Layout::new();
        let list = &self.drive.recommended.list;
        reply.byte(2).byte(0).zeros(2).put(4, list.len() as u64).bytes(list);
        Ok(Outcome::reply(reply.done(), allocation))
    }

    pub(crate) fn generate_order(&mut self) -> Reply {
        if !self.orders() {
            return Err(Complaint::bad_command(1).into());
        }
        self.ready()?;
        let reorders = match self.ask.byte(2) & 0x07 {
            1 => false,
            2 => true,
            _ => return Err(Complaint::bad_command(2).into()),
        };
        let list = self.ask.list(self.ask.field(6, 4))?;
        let length = usize::try_from(field(list, 4, 4)).unwrap_or(usize::MAX);
        let body =
            list.get(8..).and_then(|body| body.get(..length)).ok_or_else(Complaint::short_list)?;
        if body.len() % DESCRIPTOR != 0 || (body.len() / DESCRIPTOR) as u64 > MOST {
            return Err(Complaint::bad_parameter(4).into());
        }
        self.come_to_rest()?;
        let mut segments = Vec::new();
        for (number, bytes) in (0_u16..).zip(body.chunks(DESCRIPTOR)) {
            let segment = Segment::read(bytes);
            let end = self.cartridge()?.partition(segment.partition).map_or(0, |tape| tape.end());
            if field(bytes, 0, 2) != 0x1e || segment.end > end || segment.begin > segment.end {
                return Err(
                    Complaint::bad_parameter(number.saturating_mul(32).saturating_add(8)).into()
                );
            }
            segments.push(segment);
        }
        if reorders {
            segments = self.nearest_first(segments);
        }
        self.drive.recommended.list = segments.iter().flat_map(Segment::write).collect();
        Ok(Outcome::done())
    }

    fn nearest_first(&mut self, segments: Vec<Segment>) -> Vec<Segment> {
        let facts = self.drive.model.generation.facts();
        let mut open: Vec<_> = segments
            .into_iter()
            .map(|it| {
                let [begin, end] =
                    [it.begin, it.end].map(|object| At { partition: it.partition, object });
                (self.spot(begin), self.spot(end), it)
            })
            .collect();
        let mut here = self.spot(self.drive.at);
        let mut ordered = Vec::new();
        while let Some((next, _)) = open
            .iter()
            .enumerate()
            .min_by_key(|(_, (begin, ..))| place::locate_time(here, *begin, facts))
        {
            let (_, end, segment) = open.swap_remove(next);
            here = end;
            ordered.push(segment);
        }
        ordered
    }

    pub(crate) fn read_end_of_wrap(&mut self) -> Reply {
        if self.drive.model.generation < Generation::Lto7 {
            return Err(Complaint::bad_command(1).into());
        }
        self.ready()?;
        let (all, valid) = (self.ask.bit(3, 0x02), self.ask.bit(3, 0x01));
        let (wanted, allocation) = (self.ask.field(5, 1), self.ask.field(6, 4));
        if all && valid {
            return Err(Complaint::bad_command(3).into());
        }
        self.come_to_rest()?;
        let cartridge = self.cartridge()?;
        let facts = cartridge.generation.facts();
        let size = place::wrap_size(cartridge.capacity.0, facts);
        let mut before = 0;
        let mut ends = Vec::new();
        for (partition, (tape, bytes)) in (0_u64..).zip(cartridge.tape.iter().zip(&cartridge.sizes))
        {
            let wraps = bytes.div_ceil(size).min(facts.wraps - before);
            // Only wraps that something stands on have an end.
            let last = tape.native_before(tape.end()) / size;
            for wrap in 0..wraps.min(last + 1) {
                let object = tape.object_at_native((wrap + 1) * size).min(tape.end());
                ends.push((before + wrap, partition, object));
            }
            before += wraps;
        }
        let mut reply = Layout::new();
        reply.zeros(4);
        if all {
            for (wrap, partition, object) in ends {
                reply.put(2, wrap).put(2, partition).zeros(2).put(6, object);
            }
            return Ok(Outcome::reply(reply.close(0, 2), allocation));
        }
        let wrap = if valid { wanted } else { 0 };
        let (_, partition, object) =
            ends.into_iter().find(|end| end.0 == wrap).ok_or_else(|| Complaint::bad_command(5))?;
        let mut reply = Layout::new();
        reply.zeros(2).put(2, partition).put(8, object);
        Ok(Outcome::reply(reply.close(0, 2), allocation))
    }
}

impl Segment {
    fn read(bytes: &[u8]) -> Self {
        let name = bytes.get(5..15).and_then(|name| name.try_into().ok()).unwrap_or_default();
        let partition = u8::try_from(field(bytes, 15, 1)).unwrap_or(u8::MAX);
        Self { name, partition, begin: field(bytes, 16, 8), end: field(bytes, 24, 8) }
    }

    fn write(&self) -> Vec<u8> {
        let mut bytes = Layout::new();
        bytes.put(2, 0x1e).zeros(3).bytes(&self.name).byte(self.partition);
        bytes.put(8, self.begin).put(8, self.end);
        bytes.done()
    }
}

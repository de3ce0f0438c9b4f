//! The plainest drive there can be, for tests of single answers: a row of objects, no time, no buffer. What it is
//! told to complain of, it complains of instead of doing the command.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::scsi::{Cdb, Status};
use crate::transport::{Break, Completion, Data, Transport, TransportError};

/// A drive. Clones are the same drive.
#[derive(Clone, Debug, Default)]
pub(super) struct Plain(Arc<Mutex<State>>);

#[derive(Debug, Default)]
pub(super) struct State {
    pub objects: Vec<Option<Vec<u8>>>,
    pub at: usize,
    /// Blocks before the warning, and before the end.
    pub early: Option<usize>,
    pub end: Option<usize>,
    /// What it answers to the next command of this code.
    pub complaints: VecDeque<(u8, Vec<u8>)>,
    /// What it answers to whatever comes next.
    pub attention: Option<Vec<u8>>,
    /// What goes wrong once, after so many commands.
    pub fault: Option<(u32, Fault)>,
    /// The mode pages that it has, from their code on.
    pub pages: Vec<Vec<u8>>,
    /// Its block length, which is 512 until somebody says otherwise.
    pub fixed: bool,
    /// A bit that changes on the way when next a block is read.
    pub spoilt: Option<usize>,
    /// Codes that it does not know, with the service action in the second byte.
    pub unknown: Vec<(u8, u8)>,
    /// All that was sent.
    pub sent: Vec<Cdb>,
    pub waited: Duration,
    /// So many objects never leave its buffer, whatever it says to a flush.
    pub held_back: u8,
    /// The most that a command carries.
    pub longest: Option<usize>,
    /// What log page 11h says that it is about.
    pub activity: Option<u8>,
}

/// What goes wrong once.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// It complains, and does nothing.
    Complain(Vec<u8>),
    /// Somebody else has rewound the tape just before.
    Rewound,
    /// It was reset just before: the tape is rewound, and it says so.
    Reset,
    /// The command is not carried out, and no answer comes. Then the host resets the drive.
    NoAnswer,
    /// The command is carried out, and no answer comes.
    AnswerLost,
}

/// Sense data of the fixed form.
pub(super) fn sense(key: u8, asc: u8, ascq: u8) -> Vec<u8> {
    let mut raw = vec![0; 18];
    (raw[0], raw[2], raw[7], raw[12], raw[13]) = (0x70, key, 10, asc, ascq);
    raw
}

/// The same, about data that were taken earlier.
pub(super) fn deferred(mut raw: Vec<u8>) -> Vec<u8> {
    raw[0] |= 1;
    raw
}

fn with_information(mut raw: Vec<u8>, information: i64) -> Vec<u8> {
    raw[0] |= 0x80;
    raw[3..7].copy_from_slice(&i32::try_from(information).unwrap().to_be_bytes());
    raw
}

const FILEMARK: u8 = 0x80;
const END: u8 = 0x40;
const LENGTH: u8 = 0x20;

type Done = Result<usize, Vec<u8>>;

impl Plain {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Complains when it is next sent a command of this code.
    pub(super) fn complain(&self, code: u8, sense: Vec<u8>) {
        self.state().complaints.push_back((code, sense));
    }
}

impl State {
    fn file(&self, at: usize) -> u64 {
        self.objects[..at].iter().filter(|object| object.is_none()).count() as u64
    }

    fn put(&mut self, object: Option<Vec<u8>>) -> Done {
        let blocks = |objects: &[Option<Vec<u8>>]| objects.iter().flatten().count();
        if object.is_some() && self.end.is_some_and(|end| blocks(&self.objects[..self.at]) >= end) {
            return Err(sense(0x0d | END, 0, 2));
        }
        self.objects.truncate(self.at);
        self.objects.push(object);
        self.at += 1;
        if self.early.is_some_and(|early| blocks(&self.objects) > early) {
            return Err(sense(END, 0, 2));
        }
        Ok(0)
    }

    fn read(&mut self, room: &mut [u8]) -> Done {
        // Its longest block, with a check value.
        if room.len() > (8 << 20) + 4 {
            return Err(sense(5, 0x24, 0));
        }
        let Some(object) = self.objects.get(self.at) else { return Err(sense(8, 0, 5)) };
        self.at += 1;
        let Some(block) = object else { return Err(sense(FILEMARK, 0, 1)) };
        let mut block = block.clone();
        if self.checks() {
            block.extend(crc32c::crc32c(&block).to_le_bytes());
        }
        if let Some(bit) = self.spoilt.take() {
            block[bit / 8] ^= 1 << (bit % 8);
        }
        let taken = block.len().min(room.len());
        room[..taken].copy_from_slice(&block[..taken]);
        match room.len() as i64 - block.len() as i64 {
            0 => Ok(taken),
            other => Err(with_information(sense(LENGTH, 0, 0), other)),
        }
    }

    fn space(&mut self, what: u8, count: i64) -> Done {
        if what == 3 {
            self.at = self.objects.len();
            return Ok(0);
        }
        for gone in 0..count.abs() {
            let left = count.abs() - gone;
            if what == 0 {
                self.step(count > 0, left)?;
            } else {
                self.over_a_mark(count > 0, left)?;
            }
        }
        Ok(0)
    }

    fn over_a_mark(&mut self, forward: bool, left: i64) -> Done {
        loop {
            match self.step(forward, left) {
                Err(sense) if sense[2] & FILEMARK == 0 => return Err(sense),
                Err(_) => return Ok(0),
                Ok(_) => {}
            }
        }
    }

    /// Over one object, with a complaint at a mark or at an end.
    fn step(&mut self, forward: bool, left: i64) -> Done {
        let over = if forward { self.at } else { self.at.wrapping_sub(1) };
        match self.objects.get(over) {
            None if forward => return Err(with_information(sense(8, 0, 5), left)),
            None => return Err(with_information(sense(END, 0, 4), left)),
            Some(_) if forward => self.at += 1,
            Some(_) => self.at -= 1,
        }
        if self.objects[over].is_none() {
            return Err(with_information(sense(FILEMARK, 0, 1), left));
        }
        Ok(0)
    }

    fn locate(&mut self, object: u64) -> Done {
        match usize::try_from(object) {
            Ok(object) if object <= self.objects.len() => self.at = object,
            _ => {
                self.at = self.objects.len();
                return Err(sense(8, 0, 5));
            }
        }
        Ok(0)
    }

    fn tell(&self, form: u8, room: &mut [u8]) -> Done {
        let at = self.at as u64;
        match form {
            0 => {
                let number = |object: u64| u32::try_from(object).unwrap().to_be_bytes();
                room[4..8].copy_from_slice(&number(at));
                room[8..12].copy_from_slice(&number(at - u64::from(self.held_back)));
                room[15] = self.held_back;
            }
            6 => {
                room[8..16].copy_from_slice(&at.to_be_bytes());
                room[16..24].copy_from_slice(&self.file(self.at).to_be_bytes());
            }
            _ => {
                room[8..16].copy_from_slice(&at.to_be_bytes());
                room[16..24].copy_from_slice(&(at - u64::from(self.held_back)).to_be_bytes());
                room[7] = self.held_back;
            }
        }
        Ok(room.len())
    }

    /// MODE SENSE(10): header, descriptor, page.
    fn modes(&self, page: u8, subpage: u8, room: &mut [u8]) -> Done {
        let code = |own: &[u8]| (own[0] & 0x3f, if own[0] & 0x40 == 0 { 0 } else { own[1] });
        let found = self.pages.iter().find(|own| code(own) == (page & 0x3f, subpage));
        let Some(found) = found else { return Err(sense(5, 0x24, 0)) };
        let mut reply = vec![0, 0, 0, 0x10, 0, 0, 0, 8, 0x5e, 0, 0, 0, 0, 0, 0, 0];
        reply[14] = if self.fixed { 2 } else { 0 };
        reply.extend_from_slice(found);
        reply[1] = u8::try_from(reply.len() - 2).unwrap();
        room[..reply.len()].copy_from_slice(&reply);
        Ok(reply.len())
    }

    /// MODE SELECT(10).
    fn set_modes(&mut self, list: &[u8]) -> Done {
        self.fixed = list[14] != 0;
        let page = &list[16..];
        let same = |own: &&mut Vec<u8>| own[0] & 0x7f == page[0] && own[1] == page[1];
        if let Some(own) = self.pages.iter_mut().find(same) {
            own[1..].copy_from_slice(&page[1..]);
        }
        Ok(0)
    }

    /// Whether check values travel (page 0Ah/F0h).
    fn checks(&self) -> bool {
        self.pages.iter().any(|page| page[..2] == [0x4a, 0xf0] && page[4] == 2)
    }

    fn write(&mut self, data: &[u8]) -> Done {
        if self.fixed {
            return Err(sense(5, 0x24, 0));
        }
        if !self.checks() {
            return self.put(Some(data.to_vec()));
        }
        let (block, check) = data.split_at(data.len() - 4);
        match check == crc32c::crc32c(block).to_le_bytes() {
            true => self.put(Some(block.to_vec())),
            false => Err(sense(4, 0x10, 1)),
        }
    }

    /// All that a reset takes away.
    pub(super) fn reset(&mut self) {
        self.at = 0;
        self.attention = Some(sense(6, 0x29, 0));
        self.fixed = !self.pages.is_empty();
        if let Some(page) = self.pages.iter_mut().find(|page| page[..2] == [0x4a, 0xf0]) {
            page[4..7].fill(0);
        }
    }

    fn act(&mut self, cdb: &Cdb, data: Data<'_>) -> Done {
        let bytes = cdb.bytes();
        let signed = |part: &[u8]| {
            let number = part.iter().fold(0_i128, |sum, byte| sum << 8 | i128::from(*byte));
            let wrapped =
                if part[0] & 0x80 != 0 { number - (1 << (8 * part.len())) } else { number };
            i64::try_from(wrapped).unwrap()
        };
        match (bytes[0], data) {
            (0x00 | 0x1b | 0x1e, _) => Ok(0),
            (0x4d, Data::In(room)) if let Some(activity) = self.activity => {
                let page = [0x11, 0, 0, 8, 0, 0, 3, 4, 0, 0, activity, 0];
                room[..page.len()].copy_from_slice(&page);
                Ok(page.len())
            }
            (0x01, _) => self.locate(0),
            (0x05, Data::In(room)) => {
                room.copy_from_slice(&[0, 0x80, 0, 0, 0, 1]);
                Ok(6)
            }
            (0x08, Data::In(room)) => self.read(room),
            (0x0a, Data::Out(block)) => self.write(block),
            (0x55, Data::Out(list)) => self.set_modes(list),
            (0x5a, Data::In(room)) => self.modes(bytes[2], bytes[3], room),
            (0x10, _) => (0..bytes[4]).try_fold(0, |_, _| self.put(None)),
            (0x11, _) => self.space(bytes[1], signed(&bytes[2..5])),
            (0x2b, _) => self.locate(signed(&bytes[3..7]).unsigned_abs()),
            (0x92, _) => self.locate(u64::from_be_bytes(bytes[4..12].try_into().unwrap())),
            (0x34, Data::In(room)) => self.tell(bytes[1], room),
            _ => Err(sense(5, 0x20, 0)),
        }
    }
}

impl State {
    /// The fault, if it is its turn.
    fn strike(&mut self) -> Option<Fault> {
        match &mut self.fault {
            Some((0, _)) => self.fault.take().map(|(_, fault)| fault),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        }
    }
}

fn no_answer(cdb: &Cdb) -> TransportError {
    let (device, what) = ("plain".to_owned(), Break::TimedOut);
    TransportError { device, cdb: *cdb, what, source: None }
}

impl Transport for Plain {
    fn name(&self) -> &str {
        "plain"
    }

    fn longest(&self) -> usize {
        self.state().longest.unwrap_or(16 << 20)
    }

    fn execute(
        &mut self,
        cdb: &Cdb,
        data: Data<'_>,
        _timeout: Duration,
    ) -> Result<Completion, TransportError> {
        let mut state = self.state();
        state.sent.push(*cdb);
        let (code, action) = (cdb.opcode(), cdb.bytes()[1]);
        let waiting = state.complaints.iter().position(|(about, _)| *about == code);
        let mut answer_lost = false;
        if let Some(fault) = state.strike() {
            match fault {
                Fault::Complain(sense) => state.attention = Some(sense),
                Fault::Rewound => state.at = 0,
                Fault::Reset => state.reset(),
                Fault::NoAnswer => {
                    state.reset();
                    return Err(no_answer(cdb));
                }
                Fault::AnswerLost => answer_lost = true,
            }
        }
        let attention = state.attention.take();
        let done = match attention
            .map(|sense| (code, sense))
            .or_else(|| waiting.and_then(|at| state.complaints.remove(at)))
        {
            Some((_, sense)) => Err(sense),
            None if state.unknown.contains(&(code, action)) => Err(sense(5, 0x20, 0)),
            None => state.act(cdb, data),
        };
        if answer_lost {
            return Err(no_answer(cdb));
        }
        Ok(match done {
            // A status other than that there are sense data.
            Err(sense) if sense.len() == 1 => {
                Completion { status: Status::from(sense[0]), sense: Vec::new(), moved: 0 }
            }
            Ok(moved) => Completion { status: Status::Good, sense: Vec::new(), moved },
            Err(sense) => Completion { status: Status::CheckCondition, sense, moved: 0 },
        })
    }

    fn pause(&mut self, time: Duration) {
        self.state().waited += time;
    }
}

//! Commands until their units have them whole, and what ends them before.
//!
//! A command that brings data waits until they are whole: what comes along with it, what follows unasked, and what is
//! asked for with R2T, one at a time. Commands to one unit are carried out in the order of their numbers; commands to
//! different units do not wait for each other, and nothing waits while a tape rewinds.
//!
//! Data are asked for only by the first command of each unit's queue, so that an initiator cannot make the target hold
//! more than one long write a unit. An aborted task vanishes, and its answer with it: what the tape has done, it has done.

use super::super::pdu::{
    Command, DataOut, Delivery, Direction, NO_TAG, Reason, Response, TaskOutcome, TaskRequest,
};
use super::super::{Answer, Lun, Reset};
use super::{Action, Job, LONGEST, Session, TaskId, Wrong, number, size};
use crate::scsi::Status;

/// How many more of those that do not wait.
const MOST_TASKS: usize = 64;

/// INVALID FIELD IN CDB, for a command that would carry more.
const TOO_LONG: [u8; 18] = [0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0, 0, 0, 0, 0];

/// What a task waits for.
#[derive(Debug, PartialEq, Eq)]
enum Waits {
    /// The rest of the unsolicited data, numbered from this on.
    Unsolicited { data_sn: u32 },
    /// To be the first of its unit.
    Turn,
    /// What was asked for.
    Transfer { tag: u32, end: usize, data_sn: u32 },
    /// The unit's answer.
    Answer,
}

#[derive(Debug)]
pub(super) struct Task {
    pub(super) tag: u32,
    lun: [u8; 8],
    cdb: Vec<u8>,
    pub(super) direction: Direction,
    pub(super) length: u32,
    data: Vec<u8>,
    r2t_sn: u32,
    waits: Waits,
}

impl Task {
    /// How much data the unit gets.
    pub(super) fn wanted(&self) -> usize {
        if self.direction == Direction::Out { size(self.length) } else { 0 }
    }
}

impl Session {
    pub(super) fn command(&mut self, command: Command) -> Result<(), Wrong> {
        if command.head.delivery == Delivery::Immediate && self.tasks.len() >= MOST_TASKS {
            return Err(Wrong(Reason::TooManyImmediate));
        }
        if !self.admit(&command.head)? {
            return Ok(());
        }
        if self.tasks.values().any(|task| task.tag == command.head.tag) {
            return Err(Wrong(Reason::Protocol));
        }
        if command.direction == Direction::Both {
            return Err(Wrong(Reason::InvalidField));
        }
        self.check_immediate(&command)?;
        let unsolicited =
            command.direction == Direction::Out && !self.terms.initial_r2t && !command.last;
        let task = Task {
            tag: command.head.tag,
            lun: command.lun,
            cdb: command.cdb,
            direction: command.direction,
            length: command.length,
            data: command.data,
            r2t_sn: 0,
            waits: if unsolicited { Waits::Unsolicited { data_sn: 0 } } else { Waits::Turn },
        };
        if task.direction == Direction::Out && task.length > LONGEST {
            // Whatever follows unasked belongs to no task, and is thrown away.
            self.finish(
                &task,
                Answer {
                    status: Status::CheckCondition,
                    sense: TOO_LONG.to_vec(),
                    data: Vec::new(),
                    refused: size(task.length),
                },
            );
            return Ok(());
        }
        let id = TaskId(self.next_task);
        self.next_task += 1;
        let lun = task.lun;
        self.tasks.insert(id, task);
        self.queues.entry(lun).or_default().push_back(id);
        self.advance(lun);
        Ok(())
    }

    fn check_immediate(&self, command: &Command) -> Result<(), Wrong> {
        let most = match command.direction {
            Direction::Out if self.terms.immediate_data => {
                command.length.min(self.terms.first_burst)
            }
            _ => 0,
        };
        if command.data.len() > size(most) { Err(Wrong(Reason::Protocol)) } else { Ok(()) }
    }

    /// Gives a unit what is whole, and asks for what the next one lacks.
    fn advance(&mut self, lun: [u8; 8]) {
        while let Some(id) = self.queues.get(&lun).and_then(|queue| queue.front().copied()) {
            let Some(task) = self.tasks.get_mut(&id) else { break };
            if task.waits != Waits::Turn {
                return;
            }
            if task.data.len() < task.wanted() {
                self.ask(id);
                return;
            }
            task.waits = Waits::Answer;
            let job = Job {
                task: id,
                lun: Lun::from_bytes(task.lun),
                cdb: std::mem::take(&mut task.cdb),
                data: std::mem::take(&mut task.data),
                room: if task.direction == Direction::In {
                    size(task.length.min(LONGEST))
                } else {
                    0
                },
            };
            self.actions.push(Action::Execute(job));
            if let Some(queue) = self.queues.get_mut(&lun) {
                queue.pop_front();
            }
        }
        self.queues.remove(&lun);
    }

    /// Asks for the next burst of a task.
    fn ask(&mut self, id: TaskId) {
        let transfer_tag = self.next_transfer;
        self.next_transfer = (self.next_transfer + 1) % NO_TAG;
        let burst = size(self.terms.burst);
        let Some(task) = self.tasks.get_mut(&id) else { return };
        let offset = task.data.len();
        let end = task.wanted().min(offset + burst);
        task.data.reserve_exact(end - offset);
        task.waits = Waits::Transfer { tag: transfer_tag, end, data_sn: 0 };
        let r2t_sn = task.r2t_sn;
        task.r2t_sn += 1;
        let (tag, lun) = (task.tag, task.lun);
        let (offset, length) = (number(offset), number(end - offset));
        self.send(Response::Ready { tag, lun, transfer_tag, r2t_sn, offset, length });
    }

    pub(super) fn data(&mut self, piece: DataOut) -> Result<(), Wrong> {
        let Some(task) = self.tasks.values_mut().find(|task| task.tag == piece.tag) else {
            // Of a task that was aborted or refused meanwhile.
            return Ok(());
        };
        let (end, expected, asked) = match task.waits {
            Waits::Unsolicited { data_sn } => {
                (size(self.terms.first_burst.min(task.length)), data_sn, NO_TAG)
            }
            Waits::Transfer { tag, end, data_sn } => (end, data_sn, tag),
            Waits::Turn | Waits::Answer => return Err(Wrong(Reason::Protocol)),
        };
        let in_order = piece.transfer_tag == asked
            && piece.data_sn == expected
            && size(piece.offset) == task.data.len();
        if !in_order || piece.data.len() > end - task.data.len().min(end) {
            return Err(Wrong(Reason::Protocol));
        }
        task.data.extend_from_slice(&piece.data);
        let short = asked != NO_TAG && task.data.len() < end;
        match (&mut task.waits, piece.last) {
            (_, true) if short => return Err(Wrong(Reason::Protocol)),
            (waits, true) => *waits = Waits::Turn,
            (Waits::Unsolicited { data_sn } | Waits::Transfer { data_sn, .. }, false) => {
                *data_sn += 1
            }
            (Waits::Turn | Waits::Answer, false) => {}
        }
        let lun = task.lun;
        self.advance(lun);
        Ok(())
    }

    pub(super) fn manage(&mut self, request: &TaskRequest) -> Result<(), Wrong> {
        if !self.admit(&request.head)? {
            return Ok(());
        }
        let lun = request.lun;
        let outcome = match request.function {
            1 => self.abort_one(request.referenced),
            2 | 4 => {
                self.forget(|task| task.lun == lun);
                TaskOutcome::Done
            }
            5 => match Lun::from_bytes(lun) {
                Some(unit) => {
                    self.forget(|task| task.lun == lun);
                    self.actions.push(Action::Reset(Reset::Unit(unit)));
                    TaskOutcome::Done
                }
                None => TaskOutcome::NoUnit,
            },
            6 | 7 => {
                self.forget(|_| true);
                let what = if request.function == 6 { Reset::Warm } else { Reset::Cold };
                self.actions.push(Action::Reset(what));
                TaskOutcome::Done
            }
            8 => TaskOutcome::NoReassign,
            _ => TaskOutcome::Unsupported,
        };
        self.send(Response::Task { tag: request.head.tag, outcome });
        if request.function == 7 {
            self.actions.push(Action::Close);
        }
        Ok(())
    }

    fn abort_one(&mut self, tag: u32) -> TaskOutcome {
        let Some(lun) = self.tasks.values().find(|task| task.tag == tag).map(|task| task.lun)
        else {
            return TaskOutcome::NoTask;
        };
        self.forget(|task| task.tag == tag);
        // Those behind it may be ready.
        self.advance(lun);
        TaskOutcome::Done
    }

    fn forget(&mut self, which: impl Fn(&Task) -> bool) {
        self.tasks.retain(|_, task| !which(task));
        let tasks = &self.tasks;
        self.queues.retain(|_, queue| {
            queue.retain(|id| tasks.contains_key(id));
            !queue.is_empty()
        });
    }
}

//! A session, once logged in: requests in, actions out (RFC 7143, chapters 4 and 11).
//!
//! A command that brings data waits until they are whole: what comes along with it, what follows unasked, and what is
//! asked for with R2T, one at a time. Commands to one unit are carried out in the order of their numbers; commands to
//! different units do not wait for each other, and nothing waits while a tape rewinds.
//!
//! ```text
//!  Command ──► collecting ──R2T ⇄ Data-Out──► Execute ──► answered ──► Data-In … with the status, or a response with sense
//! ```
//!
//! Data are asked for only by the first command of each unit's queue, so that an initiator cannot make the target hold
//! more than one long write a unit. An aborted task vanishes, and its answer with it: what the tape has done, it has done.
//! At error recovery level 0 a protocol error ends the connection.

use std::collections::{BTreeMap, VecDeque};

use super::login::{Purpose, Terms};
use super::pdu::{
    Command, DataOut, Delivery, Direction, Header, NO_TAG, NopOut, Numbered, Numbers, Reason,
    Request, Residual, Response, TaskOutcome, TaskRequest, TextRequest, before,
};
use super::text::{self, Pair};
use super::{Answer, Lun, Reset};
use crate::scsi::Status;

/// How many commands an initiator may have under way.
const WINDOW: u32 = 32;

/// How many more of those that do not wait.
const MOST_TASKS: usize = 64;

/// The most data that one command may carry.
pub const LONGEST: u32 = 64 << 20;

/// INVALID FIELD IN CDB, for a command that would carry more.
const TOO_LONG: [u8; 18] = [0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0, 0, 0, 0, 0];

/// A command's name between session and units. An initiator may use its own tags again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(u64);

/// A command with all its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Which.
    pub task: TaskId,
    /// The unit, if it is one that this target could have.
    pub lun: Option<Lun>,
    /// The command.
    pub cdb: Vec<u8>,
    /// Its data.
    pub data: Vec<u8>,
    /// What the initiator will take.
    pub room: usize,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this.
    Send(Response, Numbers),
    /// Carry this out, after what the same unit was given before, and say so with [`Session::answered`].
    Execute(Job),
    /// Reset units.
    Reset(Reset),
    /// Close the connection.
    Close,
}

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
struct Task {
    tag: u32,
    lun: [u8; 8],
    cdb: Vec<u8>,
    direction: Direction,
    length: u32,
    data: Vec<u8>,
    r2t_sn: u32,
    waits: Waits,
}

impl Task {
    /// How much data the unit gets.
    fn wanted(&self) -> usize {
        if self.direction == Direction::Out { size(self.length) } else { 0 }
    }
}

/// A session.
#[derive(Debug)]
pub struct Session {
    terms: Terms,
    target: String,
    /// Where the initiator reached us.
    address: String,
    exp_cmd_sn: u32,
    stat_sn: u32,
    tasks: BTreeMap<TaskId, Task>,
    /// What has not been given to its unit yet.
    queues: BTreeMap<[u8; 8], VecDeque<TaskId>>,
    next_task: u64,
    next_transfer: u32,
    /// Text that goes on.
    text: Vec<u8>,
    actions: Vec<Action>,
}

/// A PDU that may not be. The reason is for the initiator.
struct Wrong(Reason);

impl Session {
    /// After the log-in. `address` is where the initiator reached us: `127.0.0.1:3260`.
    pub fn new(terms: Terms, target: impl Into<String>, address: impl Into<String>) -> Self {
        Self {
            exp_cmd_sn: terms.cmd_sn,
            stat_sn: terms.stat_sn,
            terms,
            target: target.into(),
            address: address.into(),
            tasks: BTreeMap::new(),
            queues: BTreeMap::new(),
            next_task: 0,
            next_transfer: 0,
            text: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// Takes what the initiator sent. `header` goes back to it if this may not be.
    pub fn receive(&mut self, header: &Header, request: Request) -> Vec<Action> {
        if let Err(Wrong(reason)) = self.take(request) {
            self.reject(header, reason);
            if reason == Reason::Protocol {
                self.actions.push(Action::Close);
            }
        }
        std::mem::take(&mut self.actions)
    }

    /// Takes what is no request at all.
    pub fn receive_unknown(&mut self, header: &Header) -> Vec<Action> {
        const SNACK: u8 = 0x10;
        let reason = if header[0] & 0x3f == SNACK { Reason::Snack } else { Reason::Unsupported };
        self.reject(header, reason);
        std::mem::take(&mut self.actions)
    }

    /// Takes a unit's answer.
    pub fn answered(&mut self, id: TaskId, answer: Answer) -> Vec<Action> {
        // Without a task it was aborted, and nobody waits for it.
        if let Some(task) = self.tasks.remove(&id) {
            self.finish(&task, answer);
        }
        std::mem::take(&mut self.actions)
    }

    fn take(&mut self, request: Request) -> Result<(), Wrong> {
        let only_normal =
            matches!(request, Request::Command(_) | Request::Task(_) | Request::Data(_));
        if only_normal && self.terms.purpose == Purpose::Discovery {
            return Err(Wrong(Reason::Protocol));
        }
        match request {
            Request::Nop(nop) => self.nop(nop),
            Request::Command(command) => self.command(command),
            Request::Task(task) => self.manage(&task),
            Request::Text(text) => self.talk(&text),
            Request::Data(data) => self.data(data),
            Request::Login(_) => Err(Wrong(Reason::Protocol)),
            Request::Logout(logout) => {
                if self.admit(&logout.head)? {
                    self.send(Response::Logout { tag: logout.head.tag });
                    self.actions.push(Action::Close);
                }
                Ok(())
            }
        }
    }

    /// Whether it is this one's turn. What is outside the window is ignored without a word; on a single connection
    /// nothing overtakes, so a gap is an error.
    fn admit(&mut self, head: &Numbered) -> Result<bool, Wrong> {
        if head.delivery == Delivery::Immediate {
            return Ok(true);
        }
        let last = self.numbers().max_cmd_sn;
        if before(head.cmd_sn, self.exp_cmd_sn) || before(last, head.cmd_sn) {
            return Ok(false);
        }
        if head.cmd_sn != self.exp_cmd_sn {
            return Err(Wrong(Reason::Protocol));
        }
        self.exp_cmd_sn = self.exp_cmd_sn.wrapping_add(1);
        Ok(true)
    }

    fn nop(&mut self, nop: NopOut) -> Result<(), Wrong> {
        if !self.admit(&nop.head)? || nop.head.tag == NO_TAG {
            return Ok(());
        }
        let mut data = nop.data;
        data.truncate(size(self.terms.segment));
        self.send(Response::Nop { tag: nop.head.tag, lun: nop.lun, data });
        Ok(())
    }

    fn command(&mut self, command: Command) -> Result<(), Wrong> {
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

    fn data(&mut self, piece: DataOut) -> Result<(), Wrong> {
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

    fn manage(&mut self, request: &TaskRequest) -> Result<(), Wrong> {
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

    fn talk(&mut self, request: &TextRequest) -> Result<(), Wrong> {
        if !self.admit(&request.head)? {
            return Ok(());
        }
        if self.text.len() + request.text.len() > text::LONGEST {
            return Err(Wrong(Reason::Protocol));
        }
        self.text.extend_from_slice(&request.text);
        if request.goes_on {
            self.send(Response::TextMore { tag: request.head.tag, transfer_tag: 0 });
            return Ok(());
        }
        let asked =
            text::pairs(&std::mem::take(&mut self.text)).map_err(|_| Wrong(Reason::Protocol))?;
        let mut answers = Vec::new();
        for (key, value) in asked {
            match key.as_str() {
                "SendTargets" => answers.extend(self.targets(&value)),
                _ => answers.push((key, "NotUnderstood".to_owned())),
            }
        }
        let mut text = text::encode(&answers);
        // It cannot be longer but for a flood of unknown keys.
        text.truncate(size(self.terms.segment));
        self.send(Response::Text { tag: request.head.tag, text });
        Ok(())
    }

    /// Which targets there are: this one.
    fn targets(&self, asked: &str) -> Vec<Pair> {
        let all = asked == "All" && self.terms.purpose == Purpose::Discovery;
        if all || asked.is_empty() || asked == self.target {
            vec![
                ("TargetName".to_owned(), self.target.clone()),
                ("TargetAddress".to_owned(), format!("{},1", self.address)),
            ]
        } else {
            Vec::new()
        }
    }

    /// Sends a task's data and status.
    fn finish(&mut self, task: &Task, answer: Answer) {
        let (moved, residual) = moved(task, &answer);
        let mut data = answer.data;
        data.truncate(moved);
        let status = answer.status.code();
        let in_data = answer.sense.is_empty() && !data.is_empty();
        let data_sn = self.send_data(task.tag, data, in_data.then_some((status, residual)));
        if !in_data {
            let (tag, sense) = (task.tag, answer.sense);
            self.send(Response::Command { tag, status, residual, data_sn, sense });
        }
    }

    /// Sends data in segments and bursts, and says in how many pieces.
    fn send_data(&mut self, tag: u32, mut data: Vec<u8>, end: Option<(u8, Residual)>) -> u32 {
        let (segment, burst) = (size(self.terms.segment), size(self.terms.burst));
        let whole = data.len();
        let (mut offset, mut data_sn) = (0, 0);
        while offset < whole {
            let burst_end = (offset / burst + 1) * burst;
            let upto = whole.min(burst_end).min(offset + segment);
            let piece = if upto - offset == whole {
                std::mem::take(&mut data)
            } else {
                data.get(offset..upto).unwrap_or_default().to_vec()
            };
            let over = upto == whole;
            self.send(Response::Data {
                tag,
                last: over || upto == burst_end,
                end: if over { end } else { None },
                data_sn,
                offset: number(offset),
                data: piece,
            });
            offset = upto;
            data_sn += 1;
        }
        data_sn
    }

    fn reject(&mut self, header: &Header, reason: Reason) {
        self.send(Response::Reject { reason, header: Box::new(*header) });
    }

    fn send(&mut self, response: Response) {
        let numbers = self.numbers();
        if response.has_status() {
            self.stat_sn = self.stat_sn.wrapping_add(1);
        }
        self.actions.push(Action::Send(response, numbers));
    }

    /// The window closes as tasks pile up, and never moves backwards.
    fn numbers(&self) -> Numbers {
        let under_way = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX).min(WINDOW);
        Numbers {
            stat_sn: self.stat_sn,
            exp_cmd_sn: self.exp_cmd_sn,
            max_cmd_sn: self.exp_cmd_sn.wrapping_add(WINDOW - under_way).wrapping_sub(1),
        }
    }
}

/// How much reaches the initiator, and what it is told about the rest.
fn moved(task: &Task, answer: &Answer) -> (usize, Residual) {
    let expected = size(task.length);
    match task.direction {
        Direction::Out => {
            let taken = task.wanted().saturating_sub(answer.refused);
            (0, residual(expected, taken))
        }
        Direction::In => (expected.min(answer.data.len()), residual(expected, answer.data.len())),
        Direction::None | Direction::Both => (0, residual(0, answer.data.len())),
    }
}

fn residual(expected: usize, there: usize) -> Residual {
    if there > expected {
        Residual::Over(number(there - expected))
    } else if there < expected {
        Residual::Under(number(expected - there))
    } else {
        Residual::None
    }
}

/// A length of the protocol as one of memory.
fn size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// And back: all that is sent is shorter than [`LONGEST`].
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

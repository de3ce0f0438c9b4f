//! A session, once logged in: requests in, actions out (RFC 7143, chapters 4 and 11).
//!
//! ```text
//!  Command ──► collecting ──R2T ⇄ Data-Out──► Execute ──► answered ──► Data-In … with the status, or a response with sense
//! ```
//!
//! How commands become whole is told in `tasks`, what goes back for them in `answers`, and `talk` says which targets there
//! are. At error recovery level 0 a protocol error ends the connection.

use std::collections::{BTreeMap, VecDeque};

use self::tasks::Task;
use super::login::{Purpose, Terms};
use super::pdu::{
    Delivery, Header, NO_TAG, NopOut, Numbered, Numbers, Reason, Request, Response, before,
};
use super::{Answer, Lun, Reset};

mod answers;
mod talk;
mod tasks;

/// How many commands an initiator may have under way.
const WINDOW: u32 = 32;

/// The most data that one command may carry.
pub const LONGEST: u32 = 64 << 20;

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

/// A length of the protocol as one of memory.
fn size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// And back: all that is sent is shorter than [`LONGEST`].
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

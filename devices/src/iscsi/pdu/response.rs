//! What a target sends (RFC 7143, 11.2 to 11.19).

use super::super::login::LoginResponse;
use super::{HEADER, Header, NO_TAG};

/// What differs between the bytes asked for and those that moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residual {
    /// Nothing.
    None,
    /// So many bytes were asked for and did not move.
    Under(u32),
    /// So many bytes more there would have been.
    Over(u32),
}

impl Residual {
    fn flags(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Under(_) => 0x02,
            Self::Over(_) => 0x04,
        }
    }

    fn count(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Under(count) | Self::Over(count) => count,
        }
    }
}

/// What became of a task management request (RFC 7143, 11.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskOutcome {
    /// Done.
    Done,
    /// No such task.
    NoTask,
    /// No such unit.
    NoUnit,
    /// Tasks do not move from one connection to another here.
    NoReassign,
    /// Nothing that this target does.
    Unsupported,
}

impl TaskOutcome {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NoTask => 1,
            Self::NoUnit => 2,
            Self::NoReassign => 4,
            Self::Unsupported => 5,
        }
    }
}

/// Why a PDU was rejected (RFC 7143, 11.17.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Retransmission is not offered at error recovery level 0.
    Snack,
    /// It has no place here and now.
    Protocol,
    /// Nothing that this target does.
    Unsupported,
    /// Too many that do not wait.
    TooManyImmediate,
    /// A field that makes no sense.
    InvalidField,
}

impl Reason {
    fn code(self) -> u8 {
        match self {
            Self::Snack => 0x03,
            Self::Protocol => 0x04,
            Self::Unsupported => 0x05,
            Self::TooManyImmediate => 0x06,
            Self::InvalidField => 0x09,
        }
    }
}

/// The target's numbers, which every PDU carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Of the status sent, or the next.
    pub stat_sn: u32,
    /// The command that is waited for.
    pub exp_cmd_sn: u32,
    /// The last that there is room for.
    pub max_cmd_sn: u32,
}

/// What a target sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The answer to a ping.
    Nop { tag: u32, lun: [u8; 8], data: Vec<u8> },
    /// The end of a command.
    Command { tag: u32, status: u8, residual: Residual, data_sn: u32, sense: Vec<u8> },
    /// The end of a task management request.
    Task { tag: u32, outcome: TaskOutcome },
    /// A step of the log-in.
    Login(LoginResponse),
    /// An answer in text.
    Text { tag: u32, text: Vec<u8> },
    /// The answer to a text that goes on: more, please.
    TextMore { tag: u32, transfer_tag: u32 },
    /// Data of a command; `end` has its status if all went well.
    Data {
        tag: u32,
        last: bool,
        end: Option<(u8, Residual)>,
        data_sn: u32,
        offset: u32,
        data: Vec<u8>,
    },
    /// Goodbye.
    Logout { tag: u32 },
    /// R2T: send me these.
    Ready { tag: u32, lun: [u8; 8], transfer_tag: u32, r2t_sn: u32, offset: u32, length: u32 },
    /// This I do not take.
    Reject { reason: Reason, header: Box<Header> },
}

impl Response {
    /// Whether it uses up a status number.
    pub fn has_status(&self) -> bool {
        match self {
            Self::Ready { .. } => false,
            Self::Data { end, .. } => end.is_some(),
            _ => true,
        }
    }

    /// The header, and the data that follow it without their filling.
    pub fn encode(self, numbers: Numbers) -> (Header, Vec<u8>) {
        let mut writing = Writing::new(numbers);
        let data = writing.put(self);
        let [_, high, middle, low] = u32::try_from(data.len()).unwrap_or(0).to_be_bytes();
        writing.header[5..8].copy_from_slice(&[high, middle, low]);
        (writing.header, data)
    }
}

/// A header being filled in.
struct Writing {
    header: Header,
}

impl Writing {
    fn new(numbers: Numbers) -> Self {
        let mut new = Self { header: [0; HEADER] };
        new.word(24, numbers.stat_sn);
        new.word(28, numbers.exp_cmd_sn);
        new.word(32, numbers.max_cmd_sn);
        new
    }

    fn word(&mut self, at: usize, value: u32) {
        self.header[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }

    fn start(&mut self, opcode: u8, flags: u8, tag: u32) {
        self.header[0] = opcode;
        self.header[1] = flags;
        self.word(16, tag);
    }

    /// Fills in what the response is, and returns its data.
    fn put(&mut self, response: Response) -> Vec<u8> {
        match response {
            Response::Nop { tag, lun, data } => {
                self.start(0x20, 0x80, tag);
                self.header[8..16].copy_from_slice(&lun);
                self.word(20, NO_TAG);
                data
            }
            Response::Command { tag, status, residual, data_sn, sense } => {
                self.start(0x21, 0x80 | residual.flags(), tag);
                self.header[3] = status;
                self.word(36, data_sn);
                self.word(44, residual.count());
                sense_segment(&sense)
            }
            Response::Task { tag, outcome } => {
                self.start(0x22, 0x80, tag);
                self.header[2] = outcome.code();
                Vec::new()
            }
            Response::Login(response) => self.login(response),
            Response::Text { tag, text } => {
                self.start(0x24, 0x80, tag);
                self.word(20, NO_TAG);
                text
            }
            Response::TextMore { tag, transfer_tag } => {
                self.start(0x24, 0, tag);
                self.word(20, transfer_tag);
                Vec::new()
            }
            Response::Data { tag, last, end, data_sn, offset, data } => {
                self.start(0x25, if last { 0x80 } else { 0 }, tag);
                self.word(20, NO_TAG);
                if let Some((status, residual)) = end {
                    self.header[1] |= 0x01 | residual.flags();
                    self.header[3] = status;
                    self.word(44, residual.count());
                } else {
                    self.word(24, 0);
                }
                self.word(36, data_sn);
                self.word(40, offset);
                data
            }
            Response::Logout { tag } => {
                self.start(0x26, 0x80, tag);
                Vec::new()
            }
            Response::Ready { tag, lun, transfer_tag, r2t_sn, offset, length } => {
                self.start(0x31, 0x80, tag);
                self.header[8..16].copy_from_slice(&lun);
                self.word(20, transfer_tag);
                self.word(36, r2t_sn);
                self.word(40, offset);
                self.word(44, length);
                Vec::new()
            }
            Response::Reject { reason, header } => {
                self.start(0x3f, 0x80, NO_TAG);
                self.header[2] = reason.code();
                header.to_vec()
            }
        }
    }

    fn login(&mut self, response: LoginResponse) -> Vec<u8> {
        let transit = if response.transit { 0x80 } else { 0 };
        let flags =
            transit | response.stage << 2 | if response.transit { response.next } else { 0 };
        self.start(0x23, flags, response.tag);
        self.header[8..14].copy_from_slice(&response.isid);
        self.header[14..16].copy_from_slice(&response.tsih.to_be_bytes());
        self.header[36..38].copy_from_slice(&response.status.code());
        response.text
    }
}

/// Sense data with their length before them (RFC 7143, 11.4.7).
fn sense_segment(sense: &[u8]) -> Vec<u8> {
    if sense.is_empty() {
        return Vec::new();
    }
    let length = u16::try_from(sense.len()).unwrap_or(u16::MAX);
    let mut segment = length.to_be_bytes().to_vec();
    segment.extend_from_slice(sense.get(..usize::from(length)).unwrap_or(sense));
    segment
}

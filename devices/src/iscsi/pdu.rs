//! What travels: iSCSI's protocol data units, as bytes and as values (RFC 7143, chapter 11).
//!
//! ```text
//!  0        1        2  3   4     5      8         16    20            24        28         32          36    44   48
//!  ┌────────┬────────┬────┬─────┬──────┬─────────┬─────┬─────────────┬─────────┬──────────┬───────────┬─────┬─────┐
//!  │I opcode│F flags │    │extra│ data │   LUN   │ tag │ transfer tag│CmdSN or │ExpStatSN │           │     │     │
//!  │        │        │    │words│length│ or ISID │     │ or length   │StatSN   │ExpCmdSN  │ MaxCmdSN  │     │     │
//!  └────────┴────────┴────┴─────┴──────┴─────────┴─────┴─────────────┴─────────┴──────────┴───────────┴─────┴─────┘
//!  then the extra words (AHS), then the data, filled up to a multiple of four bytes
//! ```
//!
//! [`Lengths::of`] says how much follows a header, and refuses more than was agreed before anything is allocated.
//! Numbers are big-endian; sequence numbers wrap.

use super::login::LoginResponse;

/// The bytes of a header.
pub const HEADER: usize = 48;

/// A header as it travels.
pub type Header = [u8; HEADER];

/// "No task": what has no tag of its own.
pub const NO_TAG: u32 = u32::MAX;

/// What cannot be a PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PduError {
    /// More data than was agreed.
    #[error("a PDU of {length} bytes, where at most {longest} were agreed")]
    TooLong {
        /// What the header says.
        length: usize,
        /// What may be.
        longest: usize,
    },
    /// No request that an initiator may send.
    #[error("an initiator does not send opcode {0:#04x}")]
    Opcode(u8),
    /// A command that neither fits into the header nor stands in the extra words as it should.
    #[error("extra header words that make no sense")]
    Extra,
    /// The body is shorter than the header says.
    #[error("a PDU that ends early")]
    Short,
}

/// How much follows a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    extra: usize,
    data: usize,
}

impl Lengths {
    /// What the header says, if it is no more than `longest` bytes of data.
    pub fn of(header: &Header, longest: usize) -> Result<Self, PduError> {
        let data =
            usize::from(header[5]) << 16 | usize::from(header[6]) << 8 | usize::from(header[7]);
        if data > longest {
            return Err(PduError::TooLong { length: data, longest });
        }
        Ok(Self { extra: usize::from(header[4]) * 4, data })
    }

    /// All that follows: extra words, data, filling.
    pub fn rest(self) -> usize {
        self.extra + self.data.next_multiple_of(4)
    }
}

/// Whether a request waits for those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In the order of its number.
    Ordered,
    /// At once; its number is not used up.
    Immediate,
}

/// Which way the data of a command go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// There are none.
    None,
    /// To the initiator.
    In,
    /// From the initiator.
    Out,
    /// Both, which no tape drive does.
    Both,
}

/// What an initiator sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A ping, or the answer to one.
    Nop(NopOut),
    /// A SCSI command.
    Command(Command),
    /// Abort this, reset that.
    Task(TaskRequest),
    /// A step of the log-in.
    Login(LoginRequest),
    /// A question in text.
    Text(TextRequest),
    /// Data of a command.
    Data(DataOut),
    /// The end.
    Logout(LogoutRequest),
}

/// What requests that are numbered have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Whether it waits.
    pub delivery: Delivery,
    /// The initiator's name for it.
    pub tag: u32,
    /// Its number.
    pub cmd_sn: u32,
    /// The next status that the initiator waits for: it has all before.
    pub exp_stat_sn: u32,
}

/// A ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NopOut {
    /// Tag and numbers.
    pub head: Numbered,
    /// The eight bytes of the unit.
    pub lun: [u8; 8],
    /// Ours, if this answers a ping of ours.
    pub transfer_tag: u32,
    /// To be sent back.
    pub data: Vec<u8>,
}

/// A SCSI command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Tag and numbers.
    pub head: Numbered,
    /// The eight bytes of the unit.
    pub lun: [u8; 8],
    /// Which way its data go.
    pub direction: Direction,
    /// Whether no unsolicited data follow.
    pub last: bool,
    /// How many bytes the initiator means to send or take.
    pub length: u32,
    /// The command.
    pub cdb: Vec<u8>,
    /// The data that came along.
    pub data: Vec<u8>,
}

/// What is asked of tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskRequest {
    /// Tag and numbers.
    pub head: Numbered,
    /// The eight bytes of the unit.
    pub lun: [u8; 8],
    /// 1 abort a task, 2 abort all, 4 clear, 5 reset the unit, 6 and 7 the target, 8 reassign.
    pub function: u8,
    /// The task that is meant.
    pub referenced: u32,
}

/// One step of the log-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRequest {
    /// Tag and numbers.
    pub head: Numbered,
    /// T: ready for the next stage.
    pub transit: bool,
    /// C: the text goes on in the next PDU.
    pub goes_on: bool,
    /// The stage now.
    pub stage: u8,
    /// The stage wanted.
    pub next: u8,
    /// The lowest version the initiator speaks.
    pub version_min: u8,
    /// The initiator's part of the session's name.
    pub isid: [u8; 6],
    /// Ours; 0 for a new session.
    pub tsih: u16,
    /// Keys and values.
    pub text: Vec<u8>,
}

/// A question in text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRequest {
    /// Tag and numbers.
    pub head: Numbered,
    /// F.
    pub last: bool,
    /// C: the text goes on in the next PDU.
    pub goes_on: bool,
    /// Keys and values.
    pub text: Vec<u8>,
}

/// Data of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataOut {
    /// The command's tag.
    pub tag: u32,
    /// That of our R2T; [`NO_TAG`] if we did not ask.
    pub transfer_tag: u32,
    /// Whether the sequence ends.
    pub last: bool,
    /// Counts within the sequence.
    pub data_sn: u32,
    /// Where they belong.
    pub offset: u32,
    /// They.
    pub data: Vec<u8>,
}

/// The end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// Tag and numbers.
    pub head: Numbered,
    /// 0 end the session, 1 the connection, 2 recover it.
    pub reason: u8,
}

impl Request {
    /// From a header and the bytes that [`Lengths::rest`] promised.
    pub fn decode(header: &Header, mut rest: Vec<u8>) -> Result<Self, PduError> {
        let lengths = Lengths::of(header, usize::MAX)?;
        let extra = rest.get(..lengths.extra).ok_or(PduError::Short)?.to_vec();
        rest.drain(..lengths.extra);
        if rest.len() < lengths.data {
            return Err(PduError::Short);
        }
        rest.truncate(lengths.data);
        let data = rest;
        let head = numbered(header);
        let flags = header[1];
        Ok(match header[0] & 0x3f {
            0x00 => {
                Self::Nop(NopOut { head, lun: lun(header), transfer_tag: word(header, 20), data })
            }
            0x01 => Self::Command(Command {
                head,
                lun: lun(header),
                direction: match flags & 0x60 {
                    0x00 => Direction::None,
                    0x40 => Direction::In,
                    0x20 => Direction::Out,
                    _ => Direction::Both,
                },
                last: flags & 0x80 != 0,
                length: word(header, 20),
                cdb: whole_cdb(header, &extra)?,
                data,
            }),
            0x02 => Self::Task(TaskRequest {
                head,
                lun: lun(header),
                function: flags & 0x7f,
                referenced: word(header, 20),
            }),
            0x03 => Self::Login(LoginRequest {
                head,
                transit: flags & 0x80 != 0,
                goes_on: flags & 0x40 != 0,
                stage: flags >> 2 & 3,
                next: flags & 3,
                version_min: header[3],
                isid: [header[8], header[9], header[10], header[11], header[12], header[13]],
                tsih: u16::from_be_bytes([header[14], header[15]]),
                text: data,
            }),
            0x04 => Self::Text(TextRequest {
                head,
                last: flags & 0x80 != 0,
                goes_on: flags & 0x40 != 0,
                text: data,
            }),
            0x05 => Self::Data(DataOut {
                tag: head.tag,
                transfer_tag: word(header, 20),
                last: flags & 0x80 != 0,
                data_sn: word(header, 36),
                offset: word(header, 40),
                data,
            }),
            0x06 => Self::Logout(LogoutRequest { head, reason: flags & 0x7f }),
            other => return Err(PduError::Opcode(other)),
        })
    }
}

fn numbered(header: &Header) -> Numbered {
    Numbered {
        delivery: if header[0] & 0x40 == 0 { Delivery::Ordered } else { Delivery::Immediate },
        tag: word(header, 16),
        cmd_sn: word(header, 24),
        exp_stat_sn: word(header, 28),
    }
}

/// The sixteen bytes of the header, and what an extra segment of type 1 adds (RFC 7143, 11.2.2.3).
fn whole_cdb(header: &Header, mut extra: &[u8]) -> Result<Vec<u8>, PduError> {
    let mut cdb = header[32..48].to_vec();
    while let [high, low, kind, _, rest @ ..] = extra {
        // The length counts the reserved byte, and not the filling.
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let body = length.checked_sub(1).ok_or(PduError::Extra)?;
        if *kind & 0x3f == 1 {
            cdb.extend_from_slice(rest.get(..body).ok_or(PduError::Extra)?);
        }
        extra = rest.get(body.next_multiple_of(4)..).ok_or(PduError::Extra)?;
    }
    if extra.is_empty() { Ok(cdb) } else { Err(PduError::Extra) }
}

fn word(header: &Header, at: usize) -> u32 {
    header
        .get(at..at + 4)
        .map_or(0, |four| four.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
}

fn lun(header: &Header) -> [u8; 8] {
    let mut lun = [0; 8];
    lun.copy_from_slice(&header[8..16]);
    lun
}

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

/// Whether the number `a` comes before `b`, as numbers that wrap do (RFC 1982).
pub fn before(a: u32, b: u32) -> bool {
    a != b && b.wrapping_sub(a) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(opcode: u8, flags: u8, extra: u8, data: [u8; 3]) -> Header {
        let mut header = [0; HEADER];
        header[0] = opcode;
        header[1] = flags;
        header[4] = extra;
        header[5..8].copy_from_slice(&data);
        header
    }

    #[test]
    fn a_length_above_what_was_agreed_is_refused_before_anything_is_allocated() {
        let huge = header(0x01, 0, 0, [0xff, 0xff, 0xff]);
        assert_eq!(
            Lengths::of(&huge, 1 << 20),
            Err(PduError::TooLong { length: 0xff_ffff, longest: 1 << 20 })
        );
        assert_eq!(Lengths::of(&header(0x01, 0, 2, [0, 0, 5]), 1 << 20).unwrap().rest(), 8 + 8);
    }

    #[test]
    fn every_short_or_odd_body_is_an_error_or_a_request() {
        for opcode in 0..=u8::MAX {
            for extra in [0, 1, 2, 255] {
                for length in [0, 1, 4, 44, 1020, 1024] {
                    let header = header(opcode, 0xff, extra, [0, 0, 4]);
                    for byte in [0xff, 0] {
                        let decoded = Request::decode(&header, vec![byte; length]);
                        assert!(decoded.is_err() || opcode & 0x3f <= 6, "{opcode:#x}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_command_says_where_its_data_go() {
        for (flags, direction) in [
            (0x80, Direction::None),
            (0xc0, Direction::In),
            (0xa0, Direction::Out),
            (0xe0, Direction::Both),
        ] {
            let Request::Command(command) =
                Request::decode(&header(0x41, flags, 0, [0; 3]), Vec::new()).unwrap()
            else {
                panic!("not a command")
            };
            assert_eq!((command.direction, command.last), (direction, true));
            assert_eq!(command.head.delivery, Delivery::Immediate);
        }
    }

    #[test]
    fn a_long_command_goes_on_in_the_extra_words() {
        let mut header = header(0x01, 0x80, 2, [0; 3]);
        header[32] = 0x7f;
        let extra = vec![0, 4, 1, 0, 0xaa, 0xbb, 0xcc, 0];
        let Request::Command(command) = Request::decode(&header, extra).unwrap() else {
            panic!("not a command")
        };
        assert_eq!(command.cdb.len(), 19);
        assert_eq!(command.cdb[16..], [0xaa, 0xbb, 0xcc]);
    }

    #[test]
    fn an_extra_segment_without_length_is_refused() {
        let header = header(0x01, 0x80, 1, [0; 3]);
        assert_eq!(Request::decode(&header, vec![0, 0, 1, 0]), Err(PduError::Extra));
        assert_eq!(Request::decode(&header, vec![0, 9, 1, 0]), Err(PduError::Extra));
    }

    #[test]
    fn a_status_in_the_last_data_carries_residual_and_number() {
        let numbers = Numbers { stat_sn: 7, exp_cmd_sn: 8, max_cmd_sn: 9 };
        let (header, data) = Response::Data {
            tag: 0x0102_0304,
            last: true,
            end: Some((0, Residual::Under(0x1234))),
            data_sn: 3,
            offset: 0x20,
            data: vec![1, 2, 3],
        }
        .encode(numbers);
        assert_eq!(data, [1, 2, 3]);
        let expected: [u8; HEADER] = [
            0x25, 0x83, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0xff, 0xff, 0xff,
            0xff, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0, 0x20, 0, 0, 0x12, 0x34,
        ];
        assert_eq!(header, expected);
    }

    #[test]
    fn sense_data_follow_their_length() {
        let response = Response::Command {
            tag: 1,
            status: 2,
            residual: Residual::Over(5),
            data_sn: 0,
            sense: vec![0x70, 0, 6],
        };
        let (header, data) = response.encode(Numbers::default());
        assert_eq!(data, [0, 3, 0x70, 0, 6]);
        assert_eq!((header[1], header[3], header[47]), (0x84, 2, 5));
    }

    #[test]
    fn numbers_wrap() {
        assert!(before(u32::MAX, 0));
        assert!(before(1, 2));
        assert!(!before(2, 2));
        assert!(!before(0, u32::MAX));
    }
}

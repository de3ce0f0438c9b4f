//! What an initiator sends (RFC 7143, 11.2 to 11.19).

use super::{Header, Lengths, PduError};

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
    /// That of our R2T; [`NO_TAG`](super::NO_TAG) if we did not ask.
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

//! What a device complains of, or merely remarks: sense data (SPC-4, 4.5).
//!
//! ```text
//!  fixed       70|71 .. key+FM/EOM/ILI  information:4  length  command:4  ASC ASCQ FRU  key specific:3  vendor…
//!  descriptor  72|73 key ASC ASCQ .. .. .. length  [type length data…]…
//! ```
//!
//! 71h and 73h are *deferred*: they are about data that was taken long ago, and the command which was answered so
//! was not carried out. Both forms come out as one [`Sense`]; the raw bytes are kept, because vendors put into
//! them what helps to find a fault. What a sense means for a command is for [`judge`](mod@super::judge) to say.

use std::fmt;

use super::bytes::{array, stretch, text_if_any, u8_at, u16_at, u32_at, u64_at};
use super::words;

/// Sense data, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sense {
    /// About this command, or about an earlier one.
    pub when: When,
    /// The kind of complaint.
    pub key: Key,
    /// What exactly.
    pub code: Code,
    /// FM: a filemark was met.
    pub filemark: bool,
    /// EOM: the medium is near its end, at it, or at its beginning.
    pub end_of_medium: bool,
    /// ILI: the block had another length than was asked for.
    pub other_length: bool,
    /// What was not done of what was asked, in blocks, bytes or marks; negative, if the block was longer than
    /// asked. None if the device did not say that the field holds anything.
    pub information: Option<i64>,
    /// What the command's own description gives a meaning to.
    pub command_specific: Option<u64>,
    /// What the key gives a meaning to.
    pub specific: Option<Specific>,
    /// The part that may have to be replaced, in the vendor's numbers; 0 if there is none.
    pub replaceable_unit: u8,
    raw: Vec<u8>,
}

/// Which command a sense is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The one that was answered with it.
    Current,
    /// An earlier one. The one that was answered with it was not carried out.
    Deferred,
}

/// The kind of a complaint (SPC-4, table 48).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// 0: none; a remark.
    NoSense,
    /// 1: done, with some trouble.
    Recovered,
    /// 2: not ready.
    NotReady,
    /// 3: the medium.
    Medium,
    /// 4: the device.
    Hardware,
    /// 5: the command.
    IllegalRequest,
    /// 6: something has happened that whoever uses the device must know.
    UnitAttention,
    /// 7: not allowed for this medium.
    DataProtect,
    /// 8: nothing is written there.
    BlankCheck,
    /// 9: the vendor's own.
    Vendor,
    /// Ah: a copy between devices.
    CopyAborted,
    /// Bh: the command was broken off.
    Aborted,
    /// Ch: no meaning.
    Reserved,
    /// Dh: the end of the medium; not all was written.
    VolumeOverflow,
    /// Eh: the data differ.
    Miscompare,
    /// Fh: done.
    Completed,
}

impl Key {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 16] = [
        Self::NoSense,
        Self::Recovered,
        Self::NotReady,
        Self::Medium,
        Self::Hardware,
        Self::IllegalRequest,
        Self::UnitAttention,
        Self::DataProtect,
        Self::BlankCheck,
        Self::Vendor,
        Self::CopyAborted,
        Self::Aborted,
        Self::Reserved,
        Self::VolumeOverflow,
        Self::Miscompare,
        Self::Completed,
    ];

    /// Its number.
    pub fn number(self) -> u8 {
        self as u8
    }

    fn of(byte: u8) -> Self {
        Self::ALL.get(usize::from(byte & 0x0f)).copied().unwrap_or(Self::NoSense)
    }
}

/// ASC and ASCQ: what exactly a complaint is about (SPC-4, annex F).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    /// Additional sense code.
    pub asc: u8,
    /// Its qualifier.
    pub ascq: u8,
}

/// The three bytes whose meaning depends on the key (SPC-4, 4.5.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Specific {
    /// Which field was wrong.
    Field {
        /// Of what.
        of: Part,
        /// The byte.
        byte: u16,
        /// The bit, if the device says.
        bit: Option<u8>,
    },
    /// How far something has come, of 65536.
    Progress(u16),
    /// How often it was tried.
    Retries(u16),
    /// Something else.
    Other([u8; 3]),
}

/// Of what a field was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The command.
    Command,
    /// The parameters that came with it.
    Parameters,
}

/// What IBM and LTO drives add to sense data of the fixed form (IBM LTO SCSI Reference, GA32-0928). It is for
/// messages and diagnosis; nothing is decided by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ultrium {
    /// The drive wants to be cleaned.
    pub cleaning: bool,
    /// The barcode, as the library told the drive.
    pub volume: Option<String>,
    /// On which wrap of the tape.
    pub wrap: u8,
    /// How far along the tape, in the drive's own steps of a few millimetres.
    pub along: u32,
    /// In which partition.
    pub partition: u8,
    /// Before which object, its lower 32 bits.
    pub object: u32,
}

/// Bytes that are not sense data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSense {
    /// There are none.
    #[error("the device complained, and did not say of what")]
    Empty,
    /// They have no form that is known.
    #[error(
        "the device complained with {length} bytes that are not sense data: they begin with {first:#04x}"
    )]
    Form {
        /// The first byte.
        first: u8,
        /// How many there were.
        length: usize,
    },
}

impl Sense {
    /// Reads sense data of either form. What is not there counts as zero.
    pub fn read(raw: &[u8]) -> Result<Self, NoSense> {
        let first = *raw.first().ok_or(NoSense::Empty)?;
        match first & 0x7f {
            0x70 => Ok(Self::fixed(raw, When::Current)),
            0x71 => Ok(Self::fixed(raw, When::Deferred)),
            0x72 => Ok(Self::described(raw, When::Current)),
            0x73 => Ok(Self::described(raw, When::Deferred)),
            _ => Err(NoSense::Form { first, length: raw.len() }),
        }
    }

    /// Sense data of a key and a code and nothing else: for what an element or a log says, and for tests.
    pub fn of(key: Key, asc: u8, ascq: u8) -> Self {
        Self {
            when: When::Current,
            key,
            code: Code { asc, ascq },
            filemark: false,
            end_of_medium: false,
            other_length: false,
            information: None,
            command_specific: None,
            specific: None,
            replaceable_unit: 0,
            raw: vec![0x70, 0, key.number(), 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0, 0, 0, 0],
        }
    }

    /// The bytes as they came.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// How far the device has come, in percent, if it says.
    pub fn percent(&self) -> Option<u8> {
        match self.specific {
            Some(Specific::Progress(part)) => u8::try_from(u32::from(part) * 100 / 65536).ok(),
            _ => None,
        }
    }

    /// What to do about it, in plain words, if there is anything.
    pub fn advice(&self) -> Option<&'static str> {
        words::of(self.key, self.code).advice
    }

    /// What an LTO drive adds, if it did: only IBM's form has 96 bytes.
    pub fn ultrium(&self) -> Option<Ultrium> {
        let fixed = matches!(self.raw.first(), Some(first) if matches!(first & 0x7f, 0x70 | 0x71));
        let bytes = valid_part(&self.raw);
        if !fixed || bytes.len() < 96 {
            return None;
        }
        let flags = u8_at(bytes, 21)?;
        let volume = if flags & 0x01 != 0 { text_if_any(stretch(bytes, 22, 7)) } else { None };
        Some(Ultrium {
            cleaning: flags & 0x08 != 0,
            volume,
            wrap: u8_at(bytes, 29)?,
            along: u32_at(bytes, 30)?,
            partition: u8_at(bytes, 36)?,
            object: u32_at(bytes, 45)?,
        })
    }

    fn fixed(raw: &[u8], when: When) -> Self {
        let bytes = valid_part(raw);
        let byte = |at| u8_at(bytes, at).unwrap_or(0);
        let flags = byte(2);
        let key = Key::of(flags);
        let valid = byte(0) & 0x80 != 0;
        let information = array(bytes, 3).map(|bytes| i64::from(i32::from_be_bytes(bytes)));
        Self {
            when,
            key,
            code: Code { asc: byte(12), ascq: byte(13) },
            filemark: flags & 0x80 != 0,
            end_of_medium: flags & 0x40 != 0,
            other_length: flags & 0x20 != 0,
            information: information.filter(|_| valid),
            command_specific: u32_at(bytes, 8).map(u64::from).filter(|number| *number != 0),
            specific: array(bytes, 15).and_then(|three| specific(key, three)),
            replaceable_unit: byte(14),
            raw: raw.to_vec(),
        }
    }

    fn described(raw: &[u8], when: When) -> Self {
        let bytes = valid_part(raw);
        let byte = |at| u8_at(bytes, at).unwrap_or(0);
        let mut sense = Self::of(Key::of(byte(1)), byte(2), byte(3));
        sense.when = when;
        sense.raw = raw.to_vec();
        let mut rest = bytes.get(8..).unwrap_or_default();
        while let Some((descriptor, behind)) = next_descriptor(rest) {
            sense.take(descriptor);
            rest = behind;
        }
        sense
    }

    /// What one descriptor adds (SPC-4, table 28). Those that mean nothing to a drive or changer stay in the raw
    /// bytes.
    fn take(&mut self, descriptor: &[u8]) {
        match u8_at(descriptor, 0) {
            Some(0x00) if u8_at(descriptor, 2).is_some_and(|flags| flags & 0x80 != 0) => {
                self.information = array(descriptor, 4).map(i64::from_be_bytes);
            }
            Some(0x01) => self.command_specific = u64_at(descriptor, 4),
            Some(0x02) => {
                self.specific = array(descriptor, 4).and_then(|three| specific(self.key, three));
            }
            Some(0x03) => self.replaceable_unit = u8_at(descriptor, 3).unwrap_or(0),
            Some(0x04) => {
                let flags = u8_at(descriptor, 3).unwrap_or(0);
                self.filemark = flags & 0x80 != 0;
                self.end_of_medium = flags & 0x40 != 0;
                self.other_length = flags & 0x20 != 0;
            }
            _ => {}
        }
    }
}

/// The bytes that the device itself calls valid: the rest of a buffer may hold anything.
fn valid_part(raw: &[u8]) -> &[u8] {
    match u8_at(raw, 7) {
        Some(more) => stretch(raw, 0, 8 + usize::from(more)),
        None => raw,
    }
}

/// One descriptor, and what is behind it.
fn next_descriptor(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = 2 + usize::from(u8_at(bytes, 1)?);
    Some(bytes.split_at_checked(length).unwrap_or((bytes, &[])))
}

fn specific(key: Key, three: [u8; 3]) -> Option<Specific> {
    let [flags, ..] = three;
    if flags & 0x80 == 0 {
        return None;
    }
    let number = u16_at(&three, 1)?;
    Some(match key {
        Key::IllegalRequest => Specific::Field {
            of: if flags & 0x40 != 0 { Part::Command } else { Part::Parameters },
            byte: number,
            bit: (flags & 0x08 != 0).then_some(flags & 0x07),
        },
        Key::NoSense | Key::NotReady => Specific::Progress(number),
        Key::Recovered | Key::Medium | Key::Hardware => Specific::Retries(number),
        _ => Specific::Other(three),
    })
}

/// In plain words, with the three numbers under which every manual lists it.
impl fmt::Display for Sense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = words::of(self.key, self.code);
        write!(f, "{} (sense {:x}/{}", words.what, self.key.number(), self.code)?;
        if self.when == When::Deferred {
            f.write_str(", about data that was taken earlier")?;
        }
        match self.specific {
            Some(Specific::Field { of, byte, bit }) => {
                let of = match of {
                    Part::Command => "the command",
                    Part::Parameters => "the parameters",
                };
                write!(f, ", byte {byte}")?;
                if let Some(bit) = bit {
                    write!(f, " bit {bit}")?;
                }
                write!(f, " of {of}")?;
            }
            Some(Specific::Retries(times)) if times > 0 => write!(f, ", tried {times} times")?,
            _ => {}
        }
        if let Some(percent) = self.percent() {
            write!(f, ", {percent} % done")?;
        }
        f.write_str(")")?;
        match words.advice {
            Some(advice) => write!(f, ": {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Sense {}

/// As manuals write it: `3a/00`.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}/{:02x}", self.asc, self.ascq)
    }
}

#[cfg(test)]
mod tests;

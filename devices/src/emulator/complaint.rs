//! What an emulated device complains of, and the sense data that carry it.
//!
//! SPC-4, 4.5: fixed format 70h (current) and 71h (deferred), descriptor format 72h and 73h. The additional
//! bytes 21 to 48 of the fixed format are those of LTO drives (IBM, LTO SCSI Reference).

use crate::transport::Break;

use super::bytes::Layout;

/// Why a command did not simply end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub(crate) deferred: bool,
    pub(crate) key: u8,
    /// Additional sense code and its qualifier.
    pub(crate) code: (u8, u8),
    pub(crate) filemark: bool,
    pub(crate) eom: bool,
    pub(crate) ili: bool,
    pub(crate) information: Option<i64>,
    pub(crate) detail: Detail,
}

/// The sense-key specific bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    None,
    /// Which byte of the command, or of the parameters, is wrong.
    Command(u16),
    Parameter(u16),
    /// How far something is, in 65536ths.
    Progress(u16),
}

/// Sense keys (SPC-4, table 48).
pub(crate) mod key {
    pub(crate) const NO_SENSE: u8 = 0x0;
    pub(crate) const RECOVERED: u8 = 0x1;
    pub(crate) const NOT_READY: u8 = 0x2;
    pub(crate) const MEDIUM: u8 = 0x3;
    pub(crate) const HARDWARE: u8 = 0x4;
    pub(crate) const ILLEGAL: u8 = 0x5;
    pub(crate) const ATTENTION: u8 = 0x6;
    pub(crate) const PROTECT: u8 = 0x7;
    pub(crate) const BLANK: u8 = 0x8;
    pub(crate) const OVERFLOW: u8 = 0xd;
}

impl Complaint {
    pub(crate) fn new(key: u8, code: u8, qualifier: u8) -> Self {
        Self {
            deferred: false,
            key,
            code: (code, qualifier),
            filemark: false,
            eom: false,
            ili: false,
            information: None,
            detail: Detail::None,
        }
    }

    /// 5/20/00: there is no such command.
    pub(crate) fn no_such_command() -> Self {
        Self { detail: Detail::Command(0), ..Self::new(key::ILLEGAL, 0x20, 0x00) }
    }

    /// 5/24/00: this byte of the command is wrong.
    pub(crate) fn bad_command(byte: u16) -> Self {
        Self { detail: Detail::Command(byte), ..Self::new(key::ILLEGAL, 0x24, 0x00) }
    }

    /// 5/26/00: this byte of the parameters is wrong.
    pub(crate) fn bad_parameter(byte: u16) -> Self {
        Self { detail: Detail::Parameter(byte), ..Self::new(key::ILLEGAL, 0x26, 0x00) }
    }

    /// 5/1A/00: the parameter list is cut in the middle of a field.
    pub(crate) fn short_list() -> Self {
        Self::new(key::ILLEGAL, 0x1a, 0x00)
    }

    /// 2/3A/00: nothing to work on.
    pub(crate) fn no_medium() -> Self {
        Self::new(key::NOT_READY, 0x3a, 0x00)
    }

    pub(crate) fn with_information(self, information: i64) -> Self {
        Self { information: Some(information), ..self }
    }

    pub(crate) fn at_end_of_medium(self) -> Self {
        Self { eom: true, ..self }
    }

    pub(crate) fn at_filemark(self) -> Self {
        Self { filemark: true, ..self }
    }

    pub(crate) fn of_wrong_length(self) -> Self {
        Self { ili: true, ..self }
    }

    /// In the format of D_SENSE = 0. `vendor` are the bytes from 18 on.
    pub(crate) fn fixed(&self, vendor: &[u8]) -> Vec<u8> {
        let information = self.information.unwrap_or(0);
        // What does not fit in 32 bits is not valid in this format (SPC-4, 4.5.3).
        let narrow = i32::try_from(information).ok().map(i32::to_be_bytes);
        let valid = self.information.is_some() && narrow.is_some();
        let mut sense = Layout::new();
        sense
            .byte(if valid { 0x80 } else { 0 } | 0x70 | u8::from(self.deferred))
            .byte(0)
            .byte(self.key | self.flags())
            .bytes(&narrow.unwrap_or_default())
            .byte(0)
            .zeros(4)
            .byte(self.code.0)
            .byte(self.code.1)
            .byte(0)
            .bytes(&self.specific())
            .bytes(vendor);
        sense.close(7, 1)
    }

    /// In the format of D_SENSE = 1.
    pub(crate) fn descriptors(&self) -> Vec<u8> {
        let mut sense = Layout::new();
        sense
            .byte(0x72 | u8::from(self.deferred))
            .byte(self.key)
            .byte(self.code.0)
            .byte(self.code.1)
            .zeros(4);
        if let Some(information) = self.information {
            sense.bytes(&[0x00, 0x0a, 0x80, 0x00]).bytes(&information.to_be_bytes());
        }
        if self.detail != Detail::None {
            sense.bytes(&[0x02, 0x06, 0, 0]).bytes(&self.specific()).byte(0);
        }
        if self.flags() != 0 {
            sense.bytes(&[0x04, 0x02, 0x00, self.flags()]);
        }
        sense.close(7, 1)
    }

    fn flags(&self) -> u8 {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        flag(self.filemark, 0x80) | flag(self.eom, 0x40) | flag(self.ili, 0x20)
    }

    fn specific(&self) -> [u8; 3] {
        let (first, value) = match self.detail {
            Detail::None => (0x00, 0),
            Detail::Command(byte) => (0xc0, byte),
            Detail::Parameter(byte) => (0x80, byte),
            Detail::Progress(progress) => (0x80, progress),
        };
        let [high, low] = value.to_be_bytes();
        [first, high, low]
    }
}

/// What a device did with a command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// For the host, already cut to what it asked for.
    pub(crate) data: Vec<u8>,
    /// Something to say, though the command was carried out.
    pub(crate) complaint: Option<Complaint>,
}

impl Outcome {
    pub(crate) fn done() -> Self {
        Self::default()
    }

    /// A reply, cut to the allocation length.
    pub(crate) fn reply(mut data: Vec<u8>, allocation: u64) -> Self {
        data.truncate(usize::try_from(allocation).unwrap_or(usize::MAX));
        Self { data, complaint: None }
    }

    pub(crate) fn noting(complaint: Complaint) -> Self {
        Self { data: Vec::new(), complaint: Some(complaint) }
    }
}

/// Why a command was not carried out.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    Complaint(Complaint),
    /// RESERVATION CONFLICT.
    Reserved,
    /// Nobody answers.
    Silence(Break),
}

impl From<Complaint> for Refusal {
    fn from(complaint: Complaint) -> Self {
        Self::Complaint(complaint)
    }
}

pub(crate) type Reply = Result<Outcome, Refusal>;

#[cfg(test)]
mod tests {
    use super::{Complaint, key};

    #[test]
    fn fixed_sense_is_laid_out_as_the_standard_says() {
        let filemark = Complaint::new(key::NO_SENSE, 0x00, 0x01).at_filemark();
        let sense = filemark.with_information(0x1000).fixed(&[]);
        assert_eq!(sense, [0xf0, 0, 0x80, 0, 0, 0x10, 0, 10, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        let field = Complaint::bad_command(4).fixed(&[]);
        assert_eq!(field[15..18], [0xc0, 0, 4]);
    }

    #[test]
    fn descriptor_sense_carries_the_same() {
        let short = Complaint::new(key::NO_SENSE, 0, 0).of_wrong_length().with_information(-4);
        let sense = short.descriptors();
        assert_eq!(sense[..8], [0x72, 0, 0, 0, 0, 0, 0, 16]);
        assert_eq!(sense[8..20], [0, 10, 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc]);
        assert_eq!(sense[20..], [4, 2, 0, 0x20]);
    }

    #[test]
    fn information_of_more_than_32_bits_is_not_valid_in_fixed_sense() {
        let sense = Complaint::new(key::BLANK, 0, 5).with_information(1 << 40).fixed(&[]);
        assert_eq!(sense[0], 0x70);
    }
}

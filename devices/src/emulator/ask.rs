//! One command as a device sees it.

use super::Nexus;
use super::bytes::field;
use super::complaint::Complaint;

/// A command, what came with it, and how much its sender takes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    /// Who sent it.
    pub(crate) nexus: Nexus,
    /// The command descriptor block.
    pub(crate) command: &'a [u8],
    /// What travels to the device.
    pub(crate) out: &'a [u8],
    /// The most that the host takes back.
    pub(crate) room: usize,
}

impl<'a> Ask<'a> {
    pub(crate) fn opcode(&self) -> u8 {
        self.byte(0)
    }

    pub(crate) fn byte(&self, at: usize) -> u8 {
        self.command.get(at).copied().unwrap_or(0)
    }

    pub(crate) fn bit(&self, at: usize, mask: u8) -> bool {
        self.byte(at) & mask != 0
    }

    pub(crate) fn field(&self, at: usize, width: usize) -> u64 {
        field(self.command, at, width)
    }

    /// The first `length` bytes of what came with it.
    pub(crate) fn list(&self, length: u64) -> Result<&'a [u8], Complaint> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.out.get(..length).ok_or_else(Complaint::short_list)
    }
}

/// How long a command is, by its group (SPC-4, 4.2.5.1). Vendor-specific ones are taken to be of 16 bytes.
pub(crate) fn length_of(opcode: u8) -> usize {
    match opcode >> 5 {
        0 => 6,
        1 | 2 => 10,
        5 => 12,
        _ => 16,
    }
}

impl Ask<'static> {
    /// No command: something happens to the device by itself.
    pub(crate) fn nothing() -> Self {
        Self { nexus: Nexus(0), command: &[0; 6], out: &[], room: 0 }
    }
}

//! Who failed: the host on the way, or the device at the end. A table of numbers and what they mean.
//!
//! A device that answered has ended its command with a status, and whatever it thinks of it is in the sense
//! data. When the host failed instead, nobody knows whether the command was carried out. The numbers are those
//! of the kernel's `scsi_status.h` and `sg.h`.

use nix::errno::Errno;

use crate::scsi::Status;
use crate::transport::Break;

/// What the kernel put into the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// How the device ended the command.
    pub status: u8,
    /// How the adapter fared.
    pub host: u16,
    /// How the driver fared.
    pub driver: u16,
    /// How many bytes of sense data there are.
    pub sense: usize,
    /// How many bytes did not travel.
    pub residual: usize,
}

/// In the driver's number: there are sense data.
const SENSE_IS_THERE: u16 = 0x8;

/// How the device ended the command, if it did.
pub(super) fn answer(answer: &Answer) -> Result<Status, Break> {
    let status = Status::from(answer.status & 0x7e);
    let answered = status != Status::Good || answer.sense > 0;
    match answer.host {
        0x00 => {}
        // What older kernels say besides the device's own answer: it refused, a reservation is in the way,
        // the medium is bad.
        0x10 | 0x11 | 0x13 if answered => {}
        // DID_PASSTHROUGH, and DID_ERROR of adapters that say so for every residual: the sense data count.
        0x07 | 0x0a if status == Status::CheckCondition && answer.sense > 0 => {}
        0x03 => return Err(Break::TimedOut),
        0x08 => return Err(Break::Reset),
        // No connection, a bad target, a path that failed fast or is marginal.
        0x01 | 0x04 | 0x0f | 0x14 => return Err(Break::Gone),
        // The bus was busy, the command aborted, a parity error, an error that may pass, a path that broke.
        0x02 | 0x05 | 0x06 | 0x0b..=0x0e => return Err(Break::Disrupted),
        0x11 => return Ok(Status::ReservationConflict),
        other => return Err(Break::Adapter(other)),
    }
    match answer.driver & 0xf {
        0 => Ok(status),
        // Sense data without a bad status: some adapters forget the status.
        SENSE_IS_THERE if status == Status::Good && answer.sense > 0 => Ok(Status::CheckCondition),
        SENSE_IS_THERE => Ok(status),
        _ if status == Status::CheckCondition && answer.sense > 0 => Ok(status),
        0x6 => Err(Break::TimedOut),
        other => Err(Break::Adapter(other << 8)),
    }
}

/// Why the kernel did not even take the command, or never saw its end.
pub(super) fn errno(errno: Errno) -> Break {
    match errno {
        Errno::ENODEV | Errno::ENXIO => Break::Gone,
        Errno::ETIMEDOUT | Errno::ETIME => Break::TimedOut,
        // Too long for the adapter, no memory, no leave, too many commands at once.
        Errno::EINVAL
        | Errno::ENOMEM
        | Errno::EPERM
        | Errno::EACCES
        | Errno::EBUSY
        | Errno::EDOM
        | Errno::EAGAIN
        | Errno::EFAULT
        | Errno::EMSGSIZE => Break::Refused,
        _ => Break::Disrupted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: u8 = 0x02;

    #[test]
    fn every_row_of_the_table() {
        use Break::{Adapter, Disrupted, Gone, Reset, TimedOut};
        let ok = |status| Ok(status);
        for ((host, driver, status, sense), wanted) in [
            ((0, 0, 0, 0), ok(Status::Good)),
            ((0, 8, CHECK, 96), ok(Status::CheckCondition)),
            // Kernels since 5.14 leave the driver's number alone.
            ((0, 0, CHECK, 18), ok(Status::CheckCondition)),
            ((0, 8, 0, 18), ok(Status::CheckCondition)),
            ((0, 0, 0x08, 0), ok(Status::Busy)),
            ((0, 0, 0x18, 0), ok(Status::ReservationConflict)),
            ((0x11, 0, 0x18, 0), ok(Status::ReservationConflict)),
            ((0x11, 0, 0, 0), ok(Status::ReservationConflict)),
            ((0, 0, 0x28, 0), ok(Status::TaskSetFull)),
            ((0x10, 8, CHECK, 18), ok(Status::CheckCondition)),
            ((0x13, 8, CHECK, 18), ok(Status::CheckCondition)),
            ((0x13, 0, 0, 0), Err(Adapter(0x13))),
            ((0x01, 0, 0, 0), Err(Gone)),
            ((0x03, 6, 0, 0), Err(TimedOut)),
            ((0, 6, 0, 0), Err(TimedOut)),
            ((0x08, 0, 0, 0), Err(Reset)),
            ((0x0e, 0, 0, 0), Err(Disrupted)),
            ((0x0f, 0, 0, 0), Err(Gone)),
            ((0x07, 0, 0, 0), Err(Adapter(7))),
            ((0x07, 8, CHECK, 18), ok(Status::CheckCondition)),
            ((0x05, 0, 0, 0), Err(Disrupted)),
            ((0x77, 0, 0, 0), Err(Adapter(0x77))),
            ((0, 7, 0, 0), Err(Adapter(0x700))),
            // The upper half of the driver's number is only a suggestion.
            ((0, 0x18, CHECK, 18), ok(Status::CheckCondition)),
        ] {
            let given = Answer { host, driver, status, sense, residual: 0 };
            assert_eq!(answer(&given), wanted, "{given:?}");
        }
    }

    #[test]
    fn a_host_that_failed_is_never_taken_for_an_answer() {
        for host in 1..=u16::from(u8::MAX) {
            let given = Answer { host, ..Answer::default() };
            assert_ne!(answer(&given), Ok(Status::Good), "{host:#x}");
        }
    }

    #[test]
    fn the_kernel_says_why_it_did_not_take_a_command() {
        assert_eq!(errno(Errno::EINVAL), Break::Refused, "too long for the adapter");
        assert_eq!(errno(Errno::ENOMEM), Break::Refused);
        assert_eq!(errno(Errno::ENODEV), Break::Gone);
        assert_eq!(errno(Errno::EIO), Break::Disrupted);
    }
}

//! The calls into the kernel, and the one structure they take (`scsi/sg.h`).
#![expect(unsafe_code, reason = "an ioctl takes pointers")]

use std::ffi::{c_int, c_uchar, c_uint, c_ushort, c_void};
use std::marker::PhantomData;
use std::os::fd::RawFd;
use std::time::Duration;

use nix::errno::Errno;

use super::triage::Answer;
use crate::transport::Data;

/// `sg_io_hdr_t`, 88 bytes on 64-bit machines.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Header {
    interface_id: c_int,
    direction: c_int,
    cdb_length: c_uchar,
    sense_room: c_uchar,
    pieces: c_ushort,
    data_length: c_uint,
    data: *mut c_void,
    cdb: *const c_uchar,
    sense: *mut c_uchar,
    timeout: c_uint,
    flags: c_uint,
    id: c_int,
    user: *mut c_void,
    status: c_uchar,
    masked_status: c_uchar,
    message_status: c_uchar,
    sense_written: c_uchar,
    host_status: c_ushort,
    driver_status: c_ushort,
    residual: c_int,
    duration: c_uint,
    info: c_uint,
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Header>() == 88);

mod calls {
    use std::ffi::c_int;

    nix::ioctl_readwrite_bad!(sg_io, 0x2285, super::Header);
    nix::ioctl_write_ptr_bad!(sg_set_reserved_size, 0x2275, c_int);
    nix::ioctl_read_bad!(sg_get_reserved_size, 0x2272, c_int);
    nix::ioctl_read_bad!(sg_get_tablesize, 0x227f, c_int);
    nix::ioctl_read_bad!(sg_get_version, 0x2282, c_int);
    // BLKSECTGET, which on an sg node counts bytes.
    nix::ioctl_read_bad!(sg_get_most_bytes, 0x1267, c_int);
}

/// A command on its way: it borrows what it points to.
#[derive(Debug)]
pub(super) struct Request<'a> {
    header: Header,
    borrowed: PhantomData<&'a mut [u8]>,
}

impl<'a> Request<'a> {
    /// A command with its data and the room for sense data.
    pub(super) fn new(
        cdb: &'a [u8],
        data: Data<'a>,
        sense: &'a mut [u8],
        timeout: Duration,
    ) -> Self {
        let (direction, data, length) = match data {
            Data::None => (-1, std::ptr::null_mut(), 0),
            // The kernel only reads what is sent to the device.
            Data::Out(bytes) => (-2, bytes.as_ptr().cast_mut().cast(), bytes.len()),
            Data::In(bytes) => (-3, bytes.as_mut_ptr().cast(), bytes.len()),
        };
        let milliseconds = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        let header = Header {
            interface_id: c_int::from(b'S'),
            direction,
            cdb_length: c_uchar::try_from(cdb.len()).unwrap_or(c_uchar::MAX),
            sense_room: c_uchar::try_from(sense.len()).unwrap_or(c_uchar::MAX),
            pieces: 0,
            // Sg::execute has refused what is longer than the adapter takes, which fits.
            data_length: c_uint::try_from(length).unwrap_or(0),
            data,
            cdb: cdb.as_ptr(),
            sense: sense.as_mut_ptr(),
            // The kernel counts in ticks of a signed number.
            timeout: milliseconds.min(u32::MAX / 4),
            flags: 0,
            id: 0,
            user: std::ptr::null_mut(),
            status: 0,
            masked_status: 0,
            message_status: 0,
            sense_written: 0,
            host_status: 0,
            driver_status: 0,
            residual: 0,
            duration: 0,
            info: 0,
        };
        Self { header, borrowed: PhantomData }
    }

    /// What the kernel has put into it.
    pub(super) fn answer(&self) -> Answer {
        Answer {
            status: self.header.status,
            host: self.header.host_status,
            driver: self.header.driver_status,
            sense: usize::from(self.header.sense_written),
            // Adapters are known to report less than nothing.
            residual: usize::try_from(self.header.residual).unwrap_or(0),
        }
    }
}

/// Sends a command and waits for its end.
pub(super) fn send(fd: RawFd, request: &mut Request<'_>) -> Result<(), Errno> {
    // SAFETY: the header is valid, and what it points to (command, data, sense) is borrowed by the request
    // for as long as it lives, with the lengths that are in the header. The kernel is done with all of it when
    // the call returns, unless a signal cut it short; the caller has blocked them, and after a fatal one
    // there is nobody left.
    unsafe { calls::sg_io(fd, &raw mut request.header) }.map(drop)
}

/// Reserves memory for commands, and says how much there is.
pub(super) fn reserve(fd: RawFd, bytes: usize) -> Result<usize, Errno> {
    let wanted = c_int::try_from(bytes).unwrap_or(c_int::MAX);
    // SAFETY: the pointer is to a number that lives through the call; the kernel reads it.
    unsafe { calls::sg_set_reserved_size(fd, &raw const wanted) }?;
    number(|to| {
        // SAFETY: the pointer is to a number that lives through the call; the kernel writes it.
        unsafe { calls::sg_get_reserved_size(fd, to) }
    })
}

/// The most bytes that the adapter takes with a command.
pub(super) fn most_bytes(fd: RawFd) -> Result<usize, Errno> {
    number(|to| {
        // SAFETY: the pointer is to a number that lives through the call; the kernel writes it.
        unsafe { calls::sg_get_most_bytes(fd, to) }
    })
}

/// The most pieces of memory that the adapter takes with a command.
pub(super) fn most_pieces(fd: RawFd) -> Result<usize, Errno> {
    number(|to| {
        // SAFETY: the pointer is to a number that lives through the call; the kernel writes it.
        unsafe { calls::sg_get_tablesize(fd, to) }
    })
}

/// The version of the driver. Nodes that are not its own do not know the question.
pub(super) fn version(fd: RawFd) -> Result<usize, Errno> {
    number(|to| {
        // SAFETY: the pointer is to a number that lives through the call; the kernel writes it.
        unsafe { calls::sg_get_version(fd, to) }
    })
}

fn number(ask: impl FnOnce(*mut c_int) -> Result<c_int, Errno>) -> Result<usize, Errno> {
    let mut value: c_int = 0;
    ask(&raw mut value)?;
    Ok(usize::try_from(value).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn the_header_is_laid_out_as_the_kernel_has_it() {
        assert_eq!(offset_of!(Header, data_length), 12);
        assert_eq!(offset_of!(Header, data), 16);
        assert_eq!(offset_of!(Header, cdb), 24);
        assert_eq!(offset_of!(Header, sense), 32);
        assert_eq!(offset_of!(Header, timeout), 40);
        assert_eq!(offset_of!(Header, status), 64);
        assert_eq!(offset_of!(Header, host_status), 68);
        assert_eq!(offset_of!(Header, residual), 72);
        assert_eq!(offset_of!(Header, info), 80);
    }

    #[test]
    fn a_request_says_what_travels_which_way() {
        let (mut sense, mut room) = ([0; 252], [0; 8]);
        let minute = Duration::from_secs(60);
        let none = Request::new(&[0; 6], Data::None, &mut sense, minute);
        assert_eq!((none.header.direction, none.header.data_length), (-1, 0));
        assert_eq!((none.header.timeout, none.header.sense_room), (60_000, 252));
        let out = Request::new(&[0; 10], Data::Out(&[1, 2, 3]), &mut sense, minute);
        assert_eq!((out.header.direction, out.header.data_length), (-2, 3));
        let into = Request::new(&[0; 16], Data::In(&mut room), &mut sense, Duration::MAX);
        assert_eq!((into.header.direction, into.header.data_length), (-3, 8));
        assert_eq!(into.header.cdb_length, 16);
        assert!(into.header.timeout > 1 << 29, "a week is long enough, and it does not wrap");
    }

    #[test]
    fn a_file_is_not_asked_twice() {
        let file = tempfile::tempfile().unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
        assert!(version(fd).is_err());
        assert!(reserve(fd, 4096).is_err());
        let mut sense = [0; 18];
        let mut request = Request::new(&[0; 6], Data::None, &mut sense, Duration::from_secs(1));
        assert_eq!(send(fd, &mut request), Err(Errno::ENOTTY));
    }
}

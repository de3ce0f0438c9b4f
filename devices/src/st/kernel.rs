//! What the tape driver of the kernel can be asked, and the driver itself behind a device node.
//!
//! [`Kernel`] is all of it that a drive needs: the tests put a model of the driver there. The ioctls are
//! those of `linux/mtio.h`.
#![expect(unsafe_code, reason = "the tape driver is spoken to by ioctl")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::raw::{c_int, c_long, c_short};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::stat::{major, minor};

use super::StTrouble;
use crate::drive::Trouble;

/// An operation of the tape driver (MTIOCTOP). Only those that a drive of ours needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Over so many filemarks, towards the end (MTFSF).
    ForwardFiles,
    /// Over so many filemarks, towards the beginning: it then stands before the last of them (MTBSF).
    BackFiles,
    /// Over so many blocks, towards the end. A filemark stops it, with an error (MTFSR).
    ForwardBlocks,
    /// Over so many blocks, towards the beginning (MTBSR).
    BackBlocks,
    /// So many filemarks, and the answer only when they are on the medium. None: only the answer (MTWEOF).
    Mark,
    /// So many filemarks, queued (MTWEOFI).
    MarkQueued,
    /// Before the label (MTREW).
    Rewind,
    /// Rewinds and gives the cartridge out (MTOFFL).
    Offline,
    /// Behind all data (MTEOM).
    EndOfData,
    /// The length of all blocks; 0: each has its own (MTSETBLK).
    BlockLength,
    /// Before this object (MTSEEK).
    Seek,
    /// The cartridge may be taken out (MTUNLOCK).
    Unlock,
    /// Options of the driver, for the superuser alone (MTSETDRVBUFFER).
    Options,
}

impl Op {
    fn code(self) -> c_short {
        match self {
            Self::ForwardFiles => 1,
            Self::BackFiles => 2,
            Self::ForwardBlocks => 3,
            Self::BackBlocks => 4,
            Self::Mark => 5,
            Self::Rewind => 6,
            Self::Offline => 7,
            Self::EndOfData => 12,
            Self::BlockLength => 20,
            Self::Seek => 22,
            Self::Options => 24,
            Self::Unlock => 29,
            Self::MarkQueued => 35,
        }
    }
}

/// What the driver believes (MTIOCGET). It asks the drive nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// How many filemarks are before the place where the medium stands, if the driver could count them.
    pub(super) file: Option<u32>,
    /// The last operation met the end of data.
    pub(super) end_of_data: bool,
    /// The last operation met a filemark.
    pub(super) filemark: bool,
    /// The last write met the end of the medium, or came near.
    pub(super) near_end: bool,
    /// The cartridge may only be read.
    pub(super) write_protected: bool,
    /// There is a cartridge, and it is ready.
    pub(super) online: bool,
    /// There is no cartridge.
    pub(super) empty: bool,
    /// How it is written (SSC-4, density codes), and how long its blocks are, 0 for any: bits 24 to 31 and 0 to 23 of
    /// `mt_dsreg`.
    pub(super) density: u8,
    pub(super) block: u32,
}

/// What the driver may be told to do otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Options(u32);

impl Options {
    const ASYNC_WRITES: u32 = 0x2;
    const TWO_FILEMARKS: u32 = 0x10;
    const FAST_END_OF_DATA: u32 = 0x20;
    const LOGICAL: u32 = 0x800;
    const SYSTEM_V: u32 = 0x1000;
    const DO_NOT_WAIT: u32 = 0x2000;

    /// All that would change what a write, a filemark or a locate means here.
    const UNWANTED: [(u32, &str); 5] = [
        (Self::ASYNC_WRITES, "async-writes"),
        (Self::TWO_FILEMARKS, "two-fms"),
        (Self::FAST_END_OF_DATA, "fast-eom"),
        (Self::SYSTEM_V, "sysv"),
        (Self::DO_NOT_WAIT, "nowait"),
    ];

    /// As the driver shows them in /sys.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().strip_prefix("0x")?;
        u32::from_str_radix(digits, 16).ok().map(Self)
    }

    /// Whether MTSEEK and MTIOCPOS count logical objects, as everybody else does.
    pub(super) fn logical(self) -> bool {
        self.0 & Self::LOGICAL != 0
    }

    /// The first option that makes the driver behave otherwise than a drive must, as `mt stoptions` calls it.
    pub(super) fn unwanted(self) -> Option<&'static str> {
        Self::UNWANTED.iter().find(|(bit, _)| self.0 & bit != 0).map(|(_, name)| *name)
    }

    #[cfg(test)]
    pub(super) const WANTED: Self = Self(Self::LOGICAL);
}

/// The tape driver, with one drive open.
pub(super) trait Kernel: Send {
    /// What is open, for messages.
    fn path(&self) -> &Path;
    /// Closes the drive and opens it again, so that the driver looks at the cartridge anew.
    fn reopen(&mut self) -> Result<(), StTrouble>;
    /// One block.
    fn write(&mut self, block: &[u8]) -> io::Result<usize>;
    /// One block, or 0 at a filemark and at the end of data.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    /// MTIOCTOP.
    fn operate(&mut self, op: Op, count: u32) -> io::Result<()>;
    /// MTIOCGET.
    fn status(&mut self) -> io::Result<Status>;
    /// MTIOCPOS: the number of the object that it stands before, from the drive itself.
    fn object(&mut self) -> io::Result<u64>;
    /// The options in force, if they can be seen.
    fn options(&mut self) -> Option<Options>;

    /// Sets and clears options so that a write, a filemark and a locate mean what they say. Only the superuser
    /// may.
    fn set_options(&mut self) -> io::Result<()> {
        const SET: u32 = 0x3000_0000;
        const CLEAR: u32 = 0x4000_0000;
        self.operate(Op::Options, SET | Options::LOGICAL)?;
        let unwanted = Options::UNWANTED.iter().fold(0, |bits, (bit, _)| bits | bit);
        self.operate(Op::Options, CLEAR | unwanted)
    }
}

/// A device node of the tape driver.
#[derive(Debug)]
pub(super) struct Node {
    path: PathBuf,
    device: u64,
    file: Option<File>,
}

/// The major number of the tape driver (Documentation/admin-guide/devices.txt).
const TAPE_MAJOR: u64 = 9;
/// This bit of the minor number: closing does not rewind.
const NO_REWIND: u64 = 0x80;

/// Refuses what is not a tape, and every node that rewinds when it is closed. The name alone suffices: who
/// calls it `st0` means a node that rewinds.
pub(super) fn check_node(path: &Path, device: Option<(u64, u64)>) -> Result<(), StTrouble> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let rewinds =
        name.strip_prefix("st").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    match device {
        Some((TAPE_MAJOR, minor)) if rewinds || minor & NO_REWIND == 0 => {
            Err(StTrouble::AutoRewind { path: path.display().to_string() })
        }
        Some((TAPE_MAJOR, _)) => Ok(()),
        _ => Err(StTrouble::NotATape { path: path.display().to_string() }),
    }
}

impl Node {
    /// The node at `path`, not yet opened: opening an auto-rewind node suffices to lose a tape's place.
    pub(super) fn new(path: &Path) -> Result<Self, StTrouble> {
        let io = |source| Trouble::Io { path: path.display().to_string(), source };
        let real = path.canonicalize().map_err(io)?;
        let meta = fs::metadata(&real).map_err(io)?;
        let device = meta.rdev();
        let numbers = (major(device), minor(device));
        check_node(&real, meta.file_type().is_char_device().then_some(numbers))?;
        Ok(Self { path: path.to_owned(), device, file: None })
    }

    /// What /sys knows of this node.
    fn sys(&self) -> PathBuf {
        format!("/sys/dev/char/{}:{}", major(self.device), minor(self.device)).into()
    }

    /// The node by which the SCSI generic driver reaches the same drive.
    pub(super) fn generic(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(self.sys().join("device/scsi_generic")).ok()?;
        let name = entries.flatten().next()?.file_name();
        Some(Path::new("/dev").join(name))
    }

    fn file(&self) -> io::Result<&File> {
        self.file.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Kernel for Node {
    fn path(&self) -> &Path {
        &self.path
    }

    fn reopen(&mut self) -> Result<(), StTrouble> {
        self.file = None;
        // Without O_NONBLOCK an empty drive keeps its opener waiting for two minutes.
        let open = |write| {
            OpenOptions::new()
                .read(true)
                .write(write)
                .custom_flags(OFlag::O_NONBLOCK.bits())
                .open(&self.path)
        };
        let path = self.path.display().to_string();
        let file = match open(true) {
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => open(false),
            other => other,
        };
        let file = file.map_err(|source| match source.kind() {
            io::ErrorKind::ResourceBusy => StTrouble::InUse { path },
            _ => Trouble::Io { path, source }.into(),
        })?;
        self.file = Some(file);
        Ok(())
    }

    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.file()?.write(block)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file()?.read(buffer)
    }

    fn operate(&mut self, op: Op, count: u32) -> io::Result<()> {
        let order = ioctl::Order { op: op.code(), count: count.cast_signed() };
        // SAFETY: the file is open, and `order` is what MTIOCTOP reads.
        unsafe { ioctl::operate(self.file()?.as_raw_fd(), &raw const order) }?;
        Ok(())
    }

    fn status(&mut self) -> io::Result<Status> {
        let mut got = ioctl::Status::default();
        // SAFETY: the file is open, and `got` is as long as what MTIOCGET fills.
        unsafe { ioctl::status(self.file()?.as_raw_fd(), &raw mut got) }?;
        Ok(Status::of(got.flags, got.file, got.density))
    }

    fn object(&mut self) -> io::Result<u64> {
        let mut got = ioctl::Place::default();
        // SAFETY: the file is open, and `got` is as long as what MTIOCPOS fills.
        unsafe { ioctl::object(self.file()?.as_raw_fd(), &raw mut got) }?;
        u64::try_from(got.object).map_err(io::Error::other)
    }

    fn options(&mut self) -> Option<Options> {
        Options::parse(&fs::read_to_string(self.sys().join("options")).ok()?)
    }
}

impl Status {
    /// The flags of `mt_gstat`, the count of `mt_fileno`, and `mt_dsreg`.
    fn of(flags: c_long, file: c_int, density: c_long) -> Self {
        let is = |bit: c_long| flags & bit != 0;
        let [.., code, high, middle, low] = density.to_be_bytes();
        Self {
            density: code,
            block: u32::from_be_bytes([0, high, middle, low]),
            file: u32::try_from(file).ok(),
            end_of_data: is(0x0800_0000),
            filemark: is(0x8000_0000),
            near_end: is(0x2000_0000),
            write_protected: is(0x0400_0000),
            online: is(0x0100_0000),
            empty: is(0x0004_0000),
        }
    }
}

/// The ioctls of `linux/mtio.h`, in its order of fields.
mod ioctl {
    use super::{c_int, c_long, c_short};

    /// `struct mtop`.
    #[repr(C)]
    pub(super) struct Order {
        pub(super) op: c_short,
        pub(super) count: c_int,
    }

    /// `struct mtget`.
    #[repr(C)]
    #[derive(Default)]
    pub(super) struct Status {
        kind: c_long,
        residual: c_long,
        pub(super) density: c_long,
        pub(super) flags: c_long,
        errors: c_long,
        pub(super) file: c_int,
        block: c_int,
    }

    /// `struct mtpos`.
    #[repr(C)]
    #[derive(Default)]
    pub(super) struct Place {
        pub(super) object: c_long,
    }

    nix::ioctl_write_ptr!(operate, b'm', 1, Order);
    nix::ioctl_read!(status, b'm', 2, Status);
    nix::ioctl_read!(object, b'm', 3, Place);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nodes_that_never_rewind_are_tapes() {
        let cases = [
            ("/dev/nst0", Some((9, 128)), "tape"),
            ("/dev/nst0l", Some((9, 160)), "tape"),
            ("/dev/nst32", Some((9, 384)), "tape"),
            ("/dev/library/drive", Some((9, 128)), "tape"),
            ("/dev/st0", Some((9, 0)), "rewinds"),
            ("/dev/st0a", Some((9, 96)), "rewinds"),
            ("/dev/library/drive", Some((9, 0)), "rewinds"),
            ("/dev/st0", Some((9, 128)), "rewinds"),
            ("/dev/sg0", Some((21, 0)), "no tape"),
            ("/dev/nst0", None, "no tape"),
        ];
        for (path, device, expected) in cases {
            let said = match check_node(Path::new(path), device) {
                Ok(()) => "tape",
                Err(StTrouble::AutoRewind { .. }) => "rewinds",
                Err(_) => "no tape",
            };
            assert_eq!(said, expected, "{path} {device:?}");
        }
    }

    #[test]
    fn a_file_is_no_tape() {
        assert!(matches!(Node::new(Path::new("/dev/null")), Err(StTrouble::NotATape { .. })));
        assert!(Node::new(Path::new("/nowhere/nst0")).is_err());
    }

    #[test]
    fn flags_mean_what_mtio_says() {
        let at = |flags, file| Status::of(flags, file, 0x5e00_8000);
        assert_eq!((at(0, 0).density, at(0, 0).block), (0x5e, 32768));
        assert_eq!(at(0x4100_0000, -1).file, None, "the driver lost count");
        assert_eq!(at(0x8100_0000, 3).file, Some(3));
        assert!(at(0x8100_0000, 3).filemark && at(0x8100_0000, 3).online);
        assert!(at(0x0900_0000, 3).end_of_data && !at(0x0900_0000, 3).near_end);
        assert!(at(0x2100_0000, 3).near_end && at(0x0400_0000, 0).write_protected);
        assert!(at(0x0004_0000, 0).empty && !at(0x0004_0000, 0).online);
    }

    #[test]
    fn options_are_read_as_the_driver_shows_them() {
        let shown = Options::parse("0x00000d07\n").unwrap();
        assert!(shown.logical());
        assert_eq!(shown.unwanted(), Some("async-writes"));
        assert_eq!(Options::parse("0x00000d05").unwrap().unwanted(), None);
        assert!(!Options::parse("0x00000007").unwrap().logical());
        assert_eq!(Options::parse("d07"), None);
    }
}

//! `SG_IO`, version 3: SCSI commands through `/dev/sg*`.
//!
//! ```text
//!  open ──► which node is it? ──► how much may travel? ──► reserve that much, and look what was granted
//!  execute ──► SG_IO ──► did the host fail? ──► TransportError
//!                   └──► did the device answer? ──► Completion
//! ```
//!
//! Only the generic node is taken. Through an `st` node a command may need more rights than the group `tape`
//! has, and whoever closes the auto-rewinding one rewinds the tape: a look at the drive would put it before
//! its label. Whoever names one of these is told which node to name.
//!
//! The kernel carries a command in a buffer that belongs to the open node. One that was reserved beforehand
//! is there when it is wanted; a longer command takes memory when it is sent, and on a host whose memory is
//! in small pieces that fails in the middle of a night. So the longest block is reserved at the beginning,
//! with room for the check value that travels behind it, and no command is longer than what was granted.
//!
//! All that knows numbers is in [`node`] and [`triage`], which are pure; this file and [`ioctl`] touch the
//! device. It is also the one place where anybody waits for a clock.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::fs::OFlags;

use crate::scsi::Cdb;
use crate::transport::{Break, Completion, Data, Transport, TransportError};
use ioctl::Request;
use node::Node;

mod ioctl;
mod node;
mod triage;

/// What is reserved beyond the longest block: the check value behind it takes 4 bytes, and memory comes in
/// pages.
const BEYOND_A_BLOCK: usize = 4096;

/// The kernel gathers a command's data in pieces of this length (`SG_SCATTER_SZ`).
const PIECE: usize = 32 << 10;

/// Descriptor sense with everything in it has 252 bytes (SPC-4, 4.5.1).
const SENSE: usize = 252;

/// A host that is short of memory gets this long to find some, so many times.
const NO_MEMORY_PAUSE: Duration = Duration::from_secs(3);
const NO_MEMORY_TRIES: u32 = 10;

/// A device reached by its generic node.
#[derive(Debug)]
pub struct Sg {
    /// As it was named, for messages.
    name: String,
    file: File,
    longest: usize,
}

/// A node that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is a node, and the wrong one.
    #[error("{path} is {what}: use {instead}")]
    WrongNode {
        /// What was named.
        path: String,
        /// What that is.
        what: &'static str,
        /// What should be named.
        instead: String,
    },
    /// It is no node of a SCSI device at all.
    #[error(
        "{0} is no node of a SCSI device: name a /dev/sg*, or one of the links that end in -sg below \
         /dev/tape/by-id"
    )]
    NoDevice(String),
    /// Somebody else has it for himself.
    #[error("{0} is in use: another program has opened it for itself")]
    InUse(String),
    /// The system refused.
    #[error("{path} could not be opened{}", hint(.source))]
    Io {
        /// What was named.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => ": whoever runs this must be in the group that owns it",
        io::ErrorKind::NotFound => ": is the device on, and is the module sg loaded?",
        _ => "",
    }
}

impl Sg {
    /// Opens a node, to carry up to `longest` bytes with a command. Less is possible if the adapter or the
    /// memory of this host allow no more: [`Transport::longest`] says how much.
    pub fn open(path: &Path, longest: usize) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        let io = |source| OpenError::Io { path: name.clone(), source };
        check(path, &name)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0))
            .open(path)
            .map_err(|source| match source.raw_os_error() {
                Some(code) if code == Errno::EBUSY as i32 => OpenError::InUse(name.clone()),
                _ => io(source),
            })?;
        let fd = file.as_raw_fd();
        if ioctl::version(fd).is_err() {
            return Err(OpenError::NoDevice(name));
        }
        let wanted = longest.saturating_add(BEYOND_A_BLOCK);
        let limits = Limits {
            adapter: ioctl::most_bytes(fd).ok(),
            pieces: ioctl::most_pieces(fd).ok(),
            granted: ioctl::reserve(fd, wanted).map_err(|errno| io(errno.into()))?,
        };
        let longest = limits.longest();
        if longest < wanted {
            tracing::info!(
                device = name,
                wanted,
                longest,
                ?limits,
                "commands are limited by this host"
            );
        }
        Ok(Self { name, file, longest })
    }

    /// Sends it once. The host may be out of memory before it does.
    fn send(&self, request: &mut Request<'_>) -> Result<(), Errno> {
        // A signal would wake the caller while the device is still at work, and the kernel might then send
        // the command a second time: a block would stand on the tape twice.
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        let sent = ioctl::send(self.file.as_raw_fd(), request);
        before.thread_set_mask()?;
        sent
    }

    /// Sends it, and gives a host that is short of memory time to find some. The kernel takes the memory
    /// before it sends anything, so nothing is sent twice.
    fn send_patiently(&mut self, request: &mut Request<'_>) -> Result<(), Errno> {
        for _ in 1..NO_MEMORY_TRIES {
            match self.send(request) {
                Err(Errno::ENOMEM) => {
                    tracing::warn!(device = self.name, "no memory for a command: trying again");
                    self.pause(NO_MEMORY_PAUSE);
                }
                other => return other,
            }
        }
        self.send(request)
    }
}

/// What the host allows.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// The most bytes of a command, by the adapter.
    adapter: Option<usize>,
    /// The most pieces of memory, by the adapter.
    pieces: Option<usize>,
    /// What was reserved.
    granted: usize,
}

impl Limits {
    fn longest(&self) -> usize {
        let pieces = self.pieces.map(|pieces| pieces.saturating_mul(PIECE));
        let most = [self.adapter, pieces].into_iter().flatten().filter(|&most| most > 0);
        most.fold(self.granted, usize::min)
    }
}

fn check(path: &Path, name: &str) -> Result<(), OpenError> {
    let io = |source| OpenError::Io { path: name.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(io)?;
    if !metadata.file_type().is_char_device() {
        return Err(OpenError::NoDevice(name.to_owned()));
    }
    let number = metadata.rdev();
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let what = match Node::of(major, minor) {
        Node::Generic => return Ok(()),
        Node::Other => return Err(OpenError::NoDevice(name.to_owned())),
        Node::AutoRewinding => "the auto-rewinding node of a drive, whose closing rewinds the tape",
        Node::Tape => "a node of the driver st",
        Node::Changer => "a node of the driver ch",
    };
    let instead = generic_of(major, minor)
        .map_or("its /dev/sg* (lsscsi -g shows it)".to_owned(), |node| node.display().to_string());
    Err(OpenError::WrongNode { path: name.to_owned(), what, instead })
}

/// The generic node of the device that another driver's node belongs to.
fn generic_of(major: u32, minor: u32) -> Option<PathBuf> {
    let link = std::fs::read_link(format!("/sys/dev/char/{major}:{minor}/device/generic")).ok()?;
    Some(Path::new("/dev").join(link.file_name()?))
}

impl Transport for Sg {
    fn name(&self) -> &str {
        &self.name
    }

    fn longest(&self) -> usize {
        self.longest
    }

    fn execute(
        &mut self,
        cdb: &Cdb,
        data: Data<'_>,
        timeout: Duration,
    ) -> Result<Completion, TransportError> {
        let failed = |device: &str, what, source| {
            Err(TransportError { device: device.to_owned(), cdb: *cdb, what, source })
        };
        let asked = match &data {
            Data::None => 0,
            Data::Out(bytes) => bytes.len(),
            Data::In(bytes) => bytes.len(),
        };
        if asked > self.longest {
            let text = format!("{asked} bytes, and it carries {} at most", self.longest);
            return failed(&self.name, Break::Refused, Some(io::Error::other(text)));
        }
        let mut sense = [0; SENSE];
        let mut request = Request::new(cdb.bytes(), data, &mut sense, timeout);
        if let Err(errno) = self.send_patiently(&mut request) {
            return failed(&self.name, triage::errno(errno), Some(errno.into()));
        }
        let answer = request.answer();
        match triage::answer(&answer) {
            Ok(status) => {
                let moved = asked.saturating_sub(answer.residual);
                let sense = sense.get(..answer.sense).unwrap_or(&sense).to_vec();
                Ok(Completion { status, sense, moved })
            }
            Err(what) => failed(&self.name, what, None),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "time passes here, and only here")]
    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_counts() {
        let limits = |adapter, pieces, granted| Limits { adapter, pieces, granted }.longest();
        assert_eq!(limits(None, None, 1 << 20), 1 << 20);
        assert_eq!(limits(Some(512 << 10), Some(1024), 1 << 20), 512 << 10);
        assert_eq!(limits(Some(1 << 24), Some(8), 1 << 20), 256 << 10);
        assert_eq!(limits(Some(0), Some(0), 1 << 20), 1 << 20, "zero means that it does not say");
    }

    #[test]
    fn what_is_no_node_is_refused_in_words() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (path, words) in [
            (file.path(), "is no node of a SCSI device"),
            (Path::new("/dev/null"), "is no node of a SCSI device"),
            (Path::new("/dev/there-is-no-such-node"), "is the device on"),
        ] {
            let error = Sg::open(path, 1 << 20).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
    }

    #[test]
    fn a_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("scsi-1234-sg");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        let error = Sg::open(&link, 1 << 20).unwrap_err();
        assert!(matches!(error, OpenError::NoDevice(_)), "it was looked at, and is no sg node");
    }
}

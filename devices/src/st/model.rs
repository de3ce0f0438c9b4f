//! The tape driver and a drive, as a model for tests: their habits, good and bad, without a device.
//!
//! It keeps the driver's two states, what it last did and which end it last met, and does with them what the
//! driver does: `drivers/scsi/st.c` of Linux 6.1.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use nix::errno::Errno;

use super::StTrouble;
use super::kernel::{Kernel, Op, Options, Status};

/// The driver with one drive. Clones are the same, so that a test can be somebody else.
#[derive(Clone)]
pub(super) struct Model(Arc<Mutex<State>>);

pub(super) struct State {
    pub(super) objects: Vec<Object>,
    /// Before which object the medium stands.
    pub(super) at: usize,
    pub(super) capacity: usize,
    pub(super) early_warning: usize,
    pub(super) loaded: bool,
    pub(super) write_protected: bool,
    /// The drive tells its position.
    pub(super) tells: bool,
    /// Something happened to the drive that it reports once.
    pub(super) attention: bool,
    /// This object cannot be read.
    pub(super) scratched: Option<usize>,
    /// The longest block of this drive.
    pub(super) longest: usize,
    options: Options,
    doing: Doing,
    end: End,
    file: Option<u32>,
    open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Block(Vec<u8>),
    Filemark,
}

/// The driver's `rw`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Idle,
    Reading,
    Writing,
}

/// The driver's `eof`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    None,
    Filemark,
    Medium,
    /// The next write is let through.
    MediumOnce,
    Data,
}

impl Model {
    pub(super) fn new(capacity: usize, early_warning: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            objects: Vec::new(),
            at: 0,
            capacity,
            early_warning,
            loaded: true,
            write_protected: false,
            tells: true,
            attention: false,
            scratched: None,
            longest: 8 << 20,
            options: Options::WANTED,
            doing: Doing::Idle,
            end: End::None,
            file: Some(0),
            open: false,
        })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

fn errno(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno as i32)
}

impl State {
    /// Somebody takes the cartridge out and puts it in again.
    pub(super) fn reload(&mut self) {
        self.at = 0;
        self.attention = true;
    }

    pub(super) fn filemarks(&self) -> usize {
        self.objects.iter().filter(|object| **object == Object::Filemark).count()
    }

    fn used(&self) -> usize {
        let length = |object: &Object| match object {
            Object::Block(block) => block.len(),
            Object::Filemark => 0,
        };
        self.objects[..self.at].iter().map(length).sum()
    }

    fn ready(&mut self) -> io::Result<()> {
        if !self.open {
            return Err(errno(Errno::EBADF));
        }
        if !self.loaded {
            return Err(errno(Errno::EIO));
        }
        if std::mem::take(&mut self.attention) {
            self.file = None;
            return Err(errno(Errno::EIO));
        }
        Ok(())
    }

    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        if self.end == End::Medium {
            self.end = End::MediumOnce;
            return Err(errno(Errno::ENOSPC));
        }
        self.ready()?;
        if self.write_protected {
            return Err(errno(Errno::EACCES));
        }
        self.doing = Doing::Writing;
        let used = self.used() + block.len();
        if used > self.capacity {
            self.end = End::Medium;
            return Err(errno(Errno::ENOSPC));
        }
        self.put(Object::Block(block.to_vec()));
        let near = self.capacity - used < self.early_warning;
        self.end = if near || self.end == End::MediumOnce { End::Medium } else { End::None };
        Ok(block.len())
    }

    fn put(&mut self, object: Object) {
        self.objects.truncate(self.at);
        self.objects.push(object);
        self.at += 1;
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.len() > self.longest {
            return Err(errno(Errno::EINVAL));
        }
        if self.end == End::Data {
            return Err(errno(Errno::EIO));
        }
        self.ready()?;
        self.doing = Doing::Reading;
        if self.scratched == Some(self.at) {
            return Err(errno(Errno::EIO));
        }
        match self.objects.get(self.at) {
            None if self.end == End::Filemark => {
                self.end = End::Data;
                Ok(0)
            }
            None => Err(errno(Errno::EIO)),
            Some(Object::Filemark) => {
                self.at += 1;
                self.end = End::Filemark;
                self.file = self.file.map(|file| file + 1);
                Ok(0)
            }
            Some(Object::Block(block)) => {
                self.at += 1;
                self.end = End::None;
                let room = buffer.get_mut(..block.len()).ok_or_else(|| errno(Errno::ENOMEM))?;
                room.copy_from_slice(block);
                Ok(block.len())
            }
        }
    }

    fn operate(&mut self, op: Op, count: u32) -> io::Result<()> {
        if op == Op::Options {
            return Ok(());
        }
        let ends = matches!(op, Op::Rewind | Op::Offline | Op::Seek | Op::BackFiles);
        let mut count = count;
        if self.doing == Doing::Writing && ends {
            self.ready()?;
            self.marks(1);
            count += u32::from(op == Op::BackFiles);
        }
        if op != Op::BlockLength {
            self.doing = Doing::Idle;
        }
        self.ready()?;
        match op {
            Op::Options | Op::BlockLength | Op::Unlock => return Ok(()),
            Op::Mark | Op::MarkQueued => self.marks(count),
            Op::Offline => (self.at, self.file, self.loaded) = (0, None, false),
            Op::Rewind => (self.at, self.file, self.end) = (0, Some(0), End::None),
            Op::Seek => {
                (self.file, self.end) = (None, End::None);
                let to = usize::try_from(count).unwrap();
                if to > self.objects.len() {
                    return Err(errno(Errno::EIO));
                }
                self.at = to;
            }
            Op::EndOfData => {
                self.space(usize::MAX, true, true).unwrap_err();
            }
            Op::ForwardFiles => self.space(count as usize, true, true)?,
            Op::BackFiles => self.space(count as usize, false, true)?,
            Op::ForwardBlocks => self.space(count as usize, true, false)?,
            Op::BackBlocks => self.space(count as usize, false, false)?,
        }
        Ok(())
    }

    fn marks(&mut self, count: u32) {
        for _ in 0..count {
            self.put(Object::Filemark);
        }
        self.file = self.file.map(|file| file + count);
        self.end = End::None;
    }

    /// Over `count` filemarks, or blocks; a filemark stops the latter.
    fn space(&mut self, count: usize, forward: bool, files: bool) -> io::Result<()> {
        self.end = End::None;
        let mut left = count;
        while left > 0 {
            let next = if forward { Some(self.at) } else { self.at.checked_sub(1) };
            let Some(object) = next.and_then(|next| self.objects.get(next)) else {
                self.end = if forward { End::Data } else { End::None };
                return Err(errno(Errno::EIO));
            };
            let mark = *object == Object::Filemark;
            self.at = if forward { self.at + 1 } else { self.at - 1 };
            if mark {
                let counted = |file: u32| if forward { file + 1 } else { file - 1 };
                self.file = self.file.map(counted);
                self.end = if forward { End::Filemark } else { End::None };
            } else {
                self.end = End::None;
            }
            match (mark, files) {
                (true, false) => return Err(errno(Errno::EIO)),
                (false, true) => {}
                _ => left -= 1,
            }
        }
        Ok(())
    }

    fn close(&mut self) {
        if self.doing == Doing::Writing && self.loaded {
            self.marks(1);
        }
        self.doing = Doing::Idle;
        self.open = false;
    }
}

impl Kernel for Model {
    fn path(&self) -> &Path {
        Path::new("/dev/nst0")
    }

    fn reopen(&mut self) -> Result<(), StTrouble> {
        let mut state = self.state();
        state.close();
        (state.open, state.attention, state.end) = (true, false, End::None);
        Ok(())
    }

    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.state().write(block)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.state().read(buffer)
    }

    fn operate(&mut self, op: Op, count: u32) -> io::Result<()> {
        self.state().operate(op, count)
    }

    fn status(&mut self) -> io::Result<Status> {
        let state = self.state();
        Ok(Status {
            file: state.file,
            end_of_data: matches!(state.end, End::Data | End::MediumOnce),
            filemark: state.end == End::Filemark,
            near_end: state.end == End::Medium,
            write_protected: state.write_protected,
            online: state.loaded,
            empty: !state.loaded,
            density: 0x5e,
            block: 0,
        })
    }

    fn object(&mut self) -> io::Result<u64> {
        let mut state = self.state();
        state.ready()?;
        if !state.tells {
            return Err(errno(Errno::EIO));
        }
        Ok(state.at as u64)
    }

    fn options(&mut self) -> Option<Options> {
        Some(self.state().options)
    }
}

/// What the kernel does when the process is gone.
impl Drop for Model {
    fn drop(&mut self) {
        if Arc::strong_count(&self.0) == 2 {
            self.state().close();
        }
    }
}

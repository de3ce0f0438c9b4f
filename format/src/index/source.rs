//! Where an index is read from.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// Bytes that can be read anywhere, by many at once.
pub trait ReadAt: Send + Sync {
    /// Fills `bytes` from `offset` on; what ends before that is an error.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// How many bytes there are.
    fn size(&self) -> io::Result<u64>;
}

impl ReadAt for [u8] {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok().and_then(|offset| self.get(offset..));
        let there = from.and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_at(offset, bytes)
    }

    fn size(&self) -> io::Result<u64> {
        self.as_slice().size()
    }
}

impl ReadAt for File {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

/// Lets a reader borrow, share or choose its source.
macro_rules! through {
    ($($type:ty),+) => {$(
        impl<T: ReadAt + ?Sized> ReadAt for $type {
            fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
                (**self).read_at(offset, bytes)
            }

            fn size(&self) -> io::Result<u64> {
                (**self).size()
            }
        }
    )+};
}

through!(&T, Box<T>, Arc<T>);

/// Reads a source from its beginning.
pub(crate) struct Sequential<S> {
    source: S,
    at: u64,
    size: u64,
}

impl<S: ReadAt> Sequential<S> {
    pub(crate) fn new(source: S) -> io::Result<Self> {
        let size = source.size()?;
        Ok(Self { source, at: 0, size })
    }
}

impl<S: ReadAt> io::Read for Sequential<S> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size - self.at).unwrap_or(usize::MAX);
        let len = bytes.len().min(left);
        self.source.read_at(self.at, &mut bytes[..len])?;
        self.at += len as u64;
        Ok(len)
    }
}

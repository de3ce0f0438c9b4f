//! Where the frames of an image come from: the holding disk, or straight from the client.
//!
//! The scribe looks at the length of the next frame before it takes it, because a part ends between two
//! frames; and it goes back when a medium turns out to be bad. An image that is held can be read as often as
//! one likes. One that is just arriving is remembered only from the last frame that is safe, and only as far
//! as there is memory for it.

use std::collections::VecDeque;
use std::error::Error;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crossbeam_channel::Receiver;
use format::frame::FrameTable;
use types::{BlockSize, Bytes};

use crate::tail::{self, Tail, TailError};

/// A place between two frames of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FramePlace {
    /// How many frames are before it.
    pub frame: u32,
    /// How many bytes they have.
    pub offset: Bytes,
}

/// The frames of one image, in order.
pub trait ImageSource {
    /// The stored length of the frame that comes next; `None` behind the last.
    fn next_frame(&mut self) -> Result<Option<u64>, SourceError>;

    /// Fills the buffer with the next bytes of that frame. Never asked for more than the frame still has.
    fn read(&mut self, buffer: &mut [u8]) -> Result<(), SourceError>;

    /// Goes back, or on, to a place between two frames.
    fn go_to(&mut self, place: FramePlace) -> Result<(), SourceError>;

    /// All before this place is safe: nobody will go back behind it, unless a volume loses what was placed on it; then
    /// it is the beginning that is wanted again.
    fn placed(&mut self, place: FramePlace);
}

/// The frames of an image could not be had.
#[derive(Debug, thiserror::Error)]
#[error("the image could not be read {what}")]
pub struct SourceError {
    /// Where, or which frame.
    pub what: String,
    /// Why.
    #[source]
    pub cause: Box<dyn Error + Send + Sync>,
}

impl SourceError {
    /// An error with its cause.
    pub fn new(what: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { what: what.into(), cause: cause.into() }
    }
}

/// The chunks of a held image, read as one.
#[derive(Debug)]
pub struct Chunks {
    chunks: Vec<Chunk>,
    length: Bytes,
}

#[derive(Debug)]
struct Chunk {
    path: PathBuf,
    file: File,
    /// Where in the image it begins.
    from: u64,
    length: u64,
}

impl Chunks {
    /// Opens the chunk files of an image, first to last. Each has a header of 32 KiB.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self, SourceError> {
        let mut chunks: Vec<Chunk> = Vec::new();
        let mut from = 0;
        for path in paths {
            let chunk = Chunk::open(path.as_ref(), from)
                .map_err(|error| SourceError::new(in_file(path.as_ref()), error))?;
            from += chunk.length;
            chunks.push(chunk);
        }
        Ok(Self { chunks, length: Bytes(from) })
    }

    /// The length of the image.
    pub fn length(&self) -> Bytes {
        self.length
    }

    /// Fills the buffer with the bytes of the image from `offset` on.
    pub fn read_at(&self, mut offset: u64, mut buffer: &mut [u8]) -> Result<(), SourceError> {
        while !buffer.is_empty() {
            let index = self.chunks.partition_point(|chunk| chunk.from + chunk.length <= offset);
            let Some(chunk) = self.chunks.get(index) else {
                let what = format!("at byte {offset}: it has {}", self.length.0);
                return Err(SourceError::new(what, io::Error::from(io::ErrorKind::UnexpectedEof)));
            };
            let within = offset - chunk.from;
            let here = usize::try_from(chunk.length - within).unwrap_or(usize::MAX);
            let (now, later) = buffer.split_at_mut(buffer.len().min(here));
            chunk
                .file
                .read_exact_at(now, BlockSize::HEADER.bytes().0 + within)
                .map_err(|error| SourceError::new(in_file(&chunk.path), error))?;
            offset += now.len() as u64;
            buffer = later;
        }
        Ok(())
    }
}

impl Chunk {
    fn open(path: &Path, from: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let whole = file.metadata()?.len();
        let length = whole.checked_sub(BlockSize::HEADER.bytes().0).ok_or_else(|| {
            io::Error::new(io::ErrorKind::UnexpectedEof, "the chunk is shorter than its header")
        })?;
        Ok(Self { path: path.to_owned(), file, from, length })
    }
}

fn in_file(path: &Path) -> String {
    format!("from {}", path.display())
}

/// An image on the holding disk.
#[derive(Debug)]
pub struct HeldImage {
    chunks: Chunks,
    frames: FrameTable,
    at: FramePlace,
    /// How much of the frame that begins at `at` was read.
    taken: u64,
}

impl HeldImage {
    /// The image in these chunks. What frames it has is read from its end.
    pub fn open(chunks: Chunks) -> Result<Self, SourceError> {
        let Tail { frames, .. } = Self::tail(&chunks)?;
        Ok(Self { chunks, frames, at: FramePlace::default(), taken: 0 })
    }

    /// What the image says about itself.
    pub fn tail(chunks: &Chunks) -> Result<Tail, SourceError> {
        let read = |offset, buffer: &mut [u8]| chunks.read_at(offset, buffer);
        tail::read(chunks.length(), read).map_err(|error| match error {
            TailError::Read(error) => error,
            other => SourceError::new("at its end, where its frames are listed", other),
        })
    }

    /// Its frames, without the contents frame.
    pub fn frames(&self) -> &FrameTable {
        &self.frames
    }

    /// The length of its longest frame.
    pub fn longest_frame(&self) -> Bytes {
        let contents = self.length() - Bytes(self.frames.stored_len());
        let frames = self.frames.frames().iter().map(|frame| Bytes(frame.stored.into()));
        frames.chain([contents]).max().unwrap_or_default()
    }

    /// Its length, with the contents frame.
    pub fn length(&self) -> Bytes {
        self.chunks.length()
    }

    /// The length of the frame that begins at `at`. The contents frame follows those in the table.
    fn length_here(&self) -> Option<u64> {
        match self.frames.get(self.at.frame) {
            Some(frame) => Some(u64::from(frame.stored)),
            None => Some(self.chunks.length().0 - self.at.offset.0).filter(|&rest| rest > 0),
        }
    }
}

impl ImageSource for HeldImage {
    fn next_frame(&mut self) -> Result<Option<u64>, SourceError> {
        if self.taken > 0 && self.length_here() == Some(self.taken) {
            self.at.frame += 1;
            self.at.offset += Bytes(self.taken);
            self.taken = 0;
        }
        Ok(self.length_here())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), SourceError> {
        self.chunks.read_at(self.at.offset.0 + self.taken, buffer)?;
        self.taken += buffer.len() as u64;
        Ok(())
    }

    fn go_to(&mut self, place: FramePlace) -> Result<(), SourceError> {
        let begins = match self.frames.get(place.frame) {
            Some(frame) => frame.offset,
            None if place.frame as usize == self.frames.len() => self.frames.stored_len(),
            None => self.chunks.length().0,
        };
        if begins != place.offset.0 {
            let what = format!("from frame {} at byte {} on", place.frame, place.offset.0);
            return Err(SourceError::new(what, "another image was begun under this name"));
        }
        self.at = place;
        self.taken = 0;
        Ok(())
    }

    fn placed(&mut self, _place: FramePlace) {}
}

/// What arrives from a client.
#[derive(Debug)]
pub enum Arrival {
    /// The stored bytes of one frame.
    Frame(Vec<u8>),
    /// That was the last one.
    End,
}

/// An image that goes straight from the client to a volume.
#[derive(Debug)]
pub struct LiveImage {
    arrivals: Receiver<Arrival>,
    /// Frames that may be wanted again, oldest first, and where the oldest begins.
    remembered: VecDeque<Vec<u8>>,
    oldest: FramePlace,
    bytes: u64,
    memory: Bytes,
    ended: bool,
    /// Which of the remembered frames comes next, and how much of it was read.
    next: usize,
    taken: usize,
}

impl LiveImage {
    /// The image that arrives here. To be able to go back after a bad medium, as much of it as fits into
    /// `memory` is remembered until it is placed.
    ///
    /// A sender that is dropped without [`Arrival::End`] leaves an image that was cut off.
    pub fn new(arrivals: Receiver<Arrival>, memory: Bytes) -> Self {
        Self {
            arrivals,
            remembered: VecDeque::new(),
            oldest: FramePlace::default(),
            bytes: 0,
            memory,
            ended: false,
            next: 0,
            taken: 0,
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(frame) = self.remembered.pop_front() {
            self.oldest.frame += 1;
            self.oldest.offset += Bytes::of(frame.len());
            self.bytes -= frame.len() as u64;
            self.next = self.next.saturating_sub(1);
        }
    }
}

impl ImageSource for LiveImage {
    fn next_frame(&mut self) -> Result<Option<u64>, SourceError> {
        if self.remembered.get(self.next).is_some_and(|frame| self.taken == frame.len()) {
            self.next += 1;
            self.taken = 0;
        }
        while self.next == self.remembered.len() && !self.ended {
            match self.arrivals.recv() {
                Ok(Arrival::End) => self.ended = true,
                Ok(Arrival::Frame(frame)) if frame.is_empty() => {}
                Ok(Arrival::Frame(frame)) => {
                    self.bytes += frame.len() as u64;
                    self.remembered.push_back(frame);
                    while self.bytes > self.memory.0 && self.next > 0 {
                        self.forget_oldest();
                    }
                }
                Err(_) => {
                    let frame = self.oldest.frame as usize + self.next;
                    let what = format!("from frame {frame} on");
                    return Err(SourceError::new(what, "the client stopped sending"));
                }
            }
        }
        Ok(self.remembered.get(self.next).map(|frame| frame.len() as u64))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), SourceError> {
        let end = self.taken + buffer.len();
        let bytes = self.remembered.get(self.next).and_then(|frame| frame.get(self.taken..end));
        let bytes = bytes.ok_or_else(|| SourceError::new("", "more was asked than there is"))?;
        buffer.copy_from_slice(bytes);
        self.taken = end;
        Ok(())
    }

    fn go_to(&mut self, place: FramePlace) -> Result<(), SourceError> {
        let back = place.frame.checked_sub(self.oldest.frame).map(|frames| frames as usize);
        let Some(next) = back.filter(|&next| next <= self.remembered.len()) else {
            let what = format!("again from frame {} on", place.frame);
            let why = format!(
                "it came straight from the client, and only the last {} of it were remembered",
                self.memory
            );
            return Err(SourceError::new(what, why));
        };
        self.next = next;
        self.taken = 0;
        Ok(())
    }

    fn placed(&mut self, place: FramePlace) {
        while self.oldest.frame < place.frame && self.next > 0 {
            self.forget_oldest();
        }
    }
}

#[cfg(test)]
mod tests;

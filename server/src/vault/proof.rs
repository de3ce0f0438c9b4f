//! Proves an image while it passes by: each frame by its hash, and the contents frame at its end by what it says.
//!
//! Bytes come as the medium has them, in pieces of any length. Nothing is known of a frame before its last byte, so
//! whoever passes the bytes on must be able to take them back.

use format::contents;
use format::frame::{FrameTable, digest};
use taper::catalogue::Dump;

/// What passed is not the image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTheImage {
    /// Its bytes are not those that were written.
    #[error("frame {0} of the image is damaged: its SHA-256 is wrong")]
    Frame(usize),
    /// It ends too early, or goes on too long.
    #[error("the image has {found} bytes, and should have {wanted}")]
    Length {
        /// How many came.
        found: u64,
        /// How many should have.
        wanted: u64,
    },
    /// Its last frame cannot be read.
    #[error("the contents frame at the end of the image cannot be read")]
    Contents(#[from] contents::ContentsError),
    /// It is of something else.
    #[error("the contents frame says that the image is of another dump")]
    Other,
}

/// An image that passes by.
pub(crate) struct Proof<'a> {
    table: &'a FrameTable,
    /// The frame that is passing.
    frame: usize,
    /// What has passed of it; behind the last frame of the table, of the contents frame.
    bytes: Vec<u8>,
    passed: u64,
    crc32c: u32,
}

impl<'a> Proof<'a> {
    /// Nothing has passed yet of the image with these frames.
    pub(crate) fn new(table: &'a FrameTable) -> Self {
        Self { table, frame: 0, bytes: Vec::new(), passed: 0, crc32c: 0 }
    }

    /// These bytes pass.
    pub(crate) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), NotTheImage> {
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        self.passed += bytes.len() as u64;
        while let Some(frame) = self.table.frames().get(self.frame) {
            let wanted = frame.stored as usize - self.bytes.len();
            let (now, later) = bytes.split_at(wanted.min(bytes.len()));
            self.bytes.extend_from_slice(now);
            if now.len() < wanted {
                return Ok(());
            }
            if digest(&self.bytes) != frame.sha256 {
                return Err(NotTheImage::Frame(self.frame));
            }
            self.bytes.clear();
            self.frame += 1;
            bytes = later;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// All has passed. Gives the CRC-32C of the image.
    pub(crate) fn end(self, dump: &Dump) -> Result<u32, NotTheImage> {
        if self.passed != dump.stored.0 || self.frame < self.table.len() {
            return Err(NotTheImage::Length { found: self.passed, wanted: dump.stored.0 });
        }
        let contents = contents::view(&self.bytes)?;
        let index = dump.index_sha.is_none_or(|known| digest(contents.index) == known);
        if contents.identity.dump != dump.id || !index {
            return Err(NotTheImage::Other);
        }
        Ok(self.crc32c)
    }
}

#[cfg(test)]
mod tests {
    use format::frame::FrameKind;

    use super::*;

    fn table(frames: &[&[u8]]) -> FrameTable {
        let mut table = FrameTable::new();
        for frame in frames {
            let length = u32::try_from(frame.len()).unwrap();
            table.push(FrameKind::S, length, length, digest(frame));
        }
        table
    }

    #[test]
    fn frames_are_proved_however_they_are_cut() {
        let frames: [&[u8]; 3] = [b"first", b"the second", b"3"];
        let image = frames.concat();
        let table = table(&frames);
        for piece in 1..=image.len() {
            let mut proof = Proof::new(&table);
            image.chunks(piece).for_each(|bytes| proof.pass(bytes).unwrap());
            assert_eq!((proof.frame, proof.bytes.len()), (3, 0), "in pieces of {piece}");
        }
    }

    #[test]
    fn a_flipped_bit_is_told_with_its_frame_before_the_next_one_passes() {
        let frames: [&[u8]; 3] = [b"first", b"the second", b"3"];
        let table = table(&frames);
        let image = frames.concat();
        for at in 0..image.len() {
            let mut bad = image.clone();
            bad[at] ^= 1;
            let mut proof = Proof::new(&table);
            let told = bad.chunks(4).find_map(|bytes| proof.pass(bytes).err());
            let number = table.at(at as u64).unwrap();
            assert!(matches!(told, Some(NotTheImage::Frame(frame)) if frame == number), "{told:?}");
        }
    }
}

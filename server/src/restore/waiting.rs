//! What is wanted of an image, until it is known in which order it is read soonest.
//!
//! ```text
//!  wanted entries, in walk order ─► units: frames that belong together, and the entries wanted of them
//!                                      │ when enough wait, or no more come
//!                     volume by volume ▼ in the order that the drive advises ─► sent
//! ```
//!
//! The order of sending does not matter to whoever puts the entries in their places, as long as a unit stays
//! together. So as many wait as memory is meant for: the hundred scattered files of which an order saves hours are
//! few, and where there are more than that, they lie so close that they are read as they stand.

use std::mem;
use std::ops::Range;

use format::frame::FrameTable;
use format::wire::Wanted;

/// How much memory entries may wait in.
const MOST: usize = 16 << 20;

/// Frames that are sent one after another: one with entries that lie in it, or those over which one entry goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// Which.
    pub(super) frames: Range<u32>,
    /// What is wanted of the first of them. The last entry is the one that goes on.
    pub(super) entries: Vec<Wanted>,
}

impl Unit {
    /// Which bytes of the image they are.
    pub(super) fn stretch(&self, table: &FrameTable) -> Range<u64> {
        let first = table.get(self.frames.start);
        let last = self.frames.end.checked_sub(1).and_then(|last| table.get(last)).or(first);
        let begin = first.map_or(u64::MAX, |frame| frame.offset);
        begin..last.map_or(u64::MAX, |frame| frame.offset.saturating_add(frame.stored.into()))
    }
}

/// Units that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    units: Vec<Unit>,
    bytes: usize,
}

impl Waiting {
    /// Adds an entry that lies in these frames. If too much waits already, that comes back and is to be sent.
    #[must_use]
    pub(super) fn add(&mut self, frames: Range<u32>, wanted: Wanted) -> Option<Vec<Unit>> {
        let weight = mem::size_of::<Wanted>() + wanted.path.0.len();
        if let Some(unit) = self.units.last_mut()
            && unit.frames.len() == 1
            && unit.frames.start == frames.start
        {
            unit.frames = frames;
            unit.entries.push(wanted);
            self.bytes += weight;
            return None;
        }
        let full = (self.bytes >= MOST).then(|| self.take());
        self.units.push(Unit { frames, entries: vec![wanted] });
        self.bytes += weight + mem::size_of::<Unit>();
        full
    }

    /// All that waits.
    pub(super) fn take(&mut self) -> Vec<Unit> {
        self.bytes = 0;
        mem::take(&mut self.units)
    }
}

#[cfg(test)]
mod tests {
    use format::frame::{FrameKind, digest};
    use format::index::{Record, RecordKind};

    use super::*;

    fn wanted(name: &str) -> Wanted {
        Wanted::of(Record::new(name, RecordKind::File))
    }

    #[test]
    fn entries_of_one_frame_wait_together_and_one_that_goes_on_is_the_last_of_them() {
        let mut waiting = Waiting::default();
        for (frames, name) in [(3..4, "a"), (3..4, "b"), (3..6, "large"), (6..7, "c")] {
            assert_eq!(waiting.add(frames, wanted(name)), None);
        }
        let units = waiting.take();
        assert_eq!(units.iter().map(|it| it.frames.clone()).collect::<Vec<_>>(), [3..6, 6..7]);
        assert_eq!(units[0].entries, [wanted("a"), wanted("b"), wanted("large")]);
        assert_eq!(waiting.take(), []);
        let mut table = FrameTable::new();
        for _ in 0..7 {
            table.push(FrameKind::S, 10, 20, digest(b""));
        }
        assert_eq!([units[0].stretch(&table), units[1].stretch(&table)], [30..60, 60..70]);
        let beyond = Unit { frames: 7..8, entries: Vec::new() };
        assert_eq!(beyond.stretch(&table), u64::MAX..u64::MAX, "an index that knows more frames");
    }

    #[test]
    fn no_more_wait_than_memory_is_meant_for() {
        let mut waiting = Waiting::default();
        let long = "x".repeat(1 << 20);
        let mut sent = 0;
        for number in 0..40 {
            sent += waiting.add(number..number + 1, wanted(&long)).map_or(0, |units| units.len());
            assert!(waiting.bytes <= MOST + (2 << 20));
        }
        assert!(sent > 20, "{sent}");
        assert_eq!(sent + waiting.take().len(), 40);
    }
}

//! What stands on a cartridge: blocks and filemarks, one object after another, to the end of data.
//!
//! Objects that are the same follow each other as one *run*, so that a full cartridge of equal blocks costs
//! nothing. The first `durable` objects are on the medium; those behind stand in a drive's buffer, and are
//! lost with it. Writing cuts off all behind. From the first write until the end-of-data mark stands behind
//! the last object the end is *torn*: a drive that loses power then leaves a tape whose end nobody finds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A block as it stands on the medium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    /// As the host wrote it.
    pub(crate) length: u32,
    /// What it takes on the medium, after compression.
    pub(crate) native: u32,
    /// CRC-32C of what the host wrote: what the drive holds its content against.
    pub(crate) crc: u32,
    pub(crate) content: Content,
    /// With which key it was encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seal: Option<Seal>,
}

/// Where the bytes of a block are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Content {
    /// The same byte over and over.
    Fill(u8),
    /// In memory.
    #[serde(skip)]
    Held(Arc<[u8]>),
    /// In the cartridge's data file, from here on.
    At(u64),
}

/// What tells how a block was encrypted. The emulator keeps the plain bytes, and gives them to nobody who
/// has not set the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seal {
    /// Tells one key from another, and does not give it away.
    pub(crate) mark: u64,
    /// Key-associated data that anybody may read, unauthenticated and authenticated.
    pub(crate) unauthenticated: Vec<u8>,
    pub(crate) authenticated: Vec<u8>,
}

/// One thing on the medium.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Object {
    Block(Block),
    Filemark,
}

impl Object {
    /// What it takes on the medium.
    pub(crate) fn native(&self) -> u64 {
        match self {
            Self::Block(block) => u64::from(block.native),
            Self::Filemark => FILEMARK,
        }
    }

    pub(crate) fn is_filemark(&self) -> bool {
        matches!(self, Self::Filemark)
    }
}

/// The longest block that READ and WRITE can name: three bytes of length.
pub(crate) const LONGEST_BLOCK: u32 = (1 << 24) - 1;

/// What a filemark takes on the medium: an entry in a data set.
pub(crate) const FILEMARK: u64 = 512;

/// Equal objects, one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    first: u64,
    count: u64,
    object: Object,
    /// Filemarks before it.
    marks: u64,
    /// Bytes before it, after compression.
    native: u64,
}

impl Run {
    fn end(&self) -> u64 {
        self.first + self.count
    }

    fn marks_each(&self) -> u64 {
        u64::from(self.object.is_filemark())
    }
}

/// One partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Partition {
    runs: Vec<Run>,
    durable: u64,
    torn: bool,
}

/// Objects that have become durable: what a journal has to note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) at: u64,
    pub(crate) count: u64,
    pub(crate) object: Object,
}

impl Partition {
    /// How many objects there are, those in the buffer too: the number of the end of data.
    pub(crate) fn end(&self) -> u64 {
        self.runs.last().map_or(0, Run::end)
    }

    /// How many are on the medium.
    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    /// Whether nobody finds its end.
    pub(crate) fn is_torn(&self) -> bool {
        self.torn
    }

    fn run_of(&self, object: u64) -> Option<usize> {
        let at = self.runs.partition_point(|run| run.end() <= object);
        (at < self.runs.len()).then_some(at)
    }

    pub(crate) fn object(&self, number: u64) -> Option<&Object> {
        self.run_of(number).and_then(|at| self.runs.get(at)).map(|run| &run.object)
    }

    /// How many filemarks stand before this object: the number of the file it is in.
    pub(crate) fn marks_before(&self, object: u64) -> u64 {
        match self.run_of(object).and_then(|at| self.runs.get(at)) {
            Some(run) => run.marks + (object - run.first) * run.marks_each(),
            None => self.runs.last().map_or(0, |run| run.marks + run.count * run.marks_each()),
        }
    }

    /// How many bytes stand before this object, after compression.
    pub(crate) fn native_before(&self, object: u64) -> u64 {
        match self.run_of(object).and_then(|at| self.runs.get(at)) {
            Some(run) => run.native + (object - run.first) * run.object.native(),
            None => self.runs.last().map_or(0, |run| run.native + run.count * run.object.native()),
        }
    }

    /// Where the filemark stands that has `number` others before it.
    pub(crate) fn mark(&self, number: u64) -> Option<u64> {
        let at =
            self.runs.partition_point(|run| run.marks + run.count * run.marks_each() <= number);
        let run = self.runs.get(at)?;
        Some(run.first + (number - run.marks))
    }

    /// How many objects end at or before this byte of the medium.
    pub(crate) fn whole_before(&self, native: u64) -> u64 {
        let ends = |run: &Run| run.native + run.count * run.object.native();
        let at = self.runs.partition_point(|run| ends(run) <= native);
        let Some(run) = self.runs.get(at) else { return self.end() };
        run.first + native.saturating_sub(run.native) / run.object.native().max(1)
    }

    /// The first block that is encrypted, or the first that is not.
    pub(crate) fn first_block(&self, sealed: bool) -> Option<u64> {
        let fits = |run: &&Run| match &run.object {
            Object::Block(block) => block.seal.is_some() == sealed,
            Object::Filemark => false,
        };
        self.runs.iter().find(fits).map(|run| run.first)
    }

    /// The first object that begins at or behind this byte of the medium.
    pub(crate) fn object_at_native(&self, native: u64) -> u64 {
        let ends = |run: &Run| run.native + run.count * run.object.native();
        let at = self.runs.partition_point(|run| ends(run) <= native);
        let Some(run) = self.runs.get(at) else { return self.end() };
        let into = native.saturating_sub(run.native);
        run.first + into.div_ceil(run.object.native().max(1)).min(run.count)
    }

    /// Where the last block ends in the cartridge's data file.
    pub(crate) fn data_end(&self) -> u64 {
        let end = |run: &Run| match &run.object {
            Object::Block(Block { content: Content::At(at), length, .. }) => {
                Some(at + u64::from(*length))
            }
            _ => None,
        };
        self.runs.iter().rev().find_map(end).unwrap_or(0)
    }

    /// Cuts off all from this object on.
    pub(crate) fn cut(&mut self, at: u64) {
        let keep = self.runs.partition_point(|run| run.first < at);
        self.runs.truncate(keep);
        if let Some(last) = self.runs.last_mut() {
            last.count = last.count.min(at - last.first);
        }
        self.durable = self.durable.min(at);
        self.torn = true;
    }

    /// Puts so many equal objects behind the last one.
    pub(crate) fn push_many(&mut self, object: Object, count: u64) {
        let (first, marks) = (self.end(), self.marks_before(u64::MAX));
        let native = self.native_before(u64::MAX);
        match self.runs.last_mut() {
            Some(last) if last.object == object => last.count += count,
            _ => self.runs.push(Run { first, count, object, marks, native }),
        }
    }

    /// Says that the objects before this one are on the medium, and which of them are newly so.
    pub(crate) fn settle(&mut self, until: u64) -> Vec<Settled> {
        let until = until.min(self.end());
        let mut settled = Vec::new();
        while self.durable < until {
            let Some(run) = self.run_of(self.durable).and_then(|at| self.runs.get(at)) else {
                break;
            };
            let count = run.end().min(until) - self.durable;
            settled.push(Settled { at: self.durable, count, object: run.object.clone() });
            self.durable += count;
        }
        settled
    }

    /// Puts the end-of-data mark behind the last object.
    pub(crate) fn mend_end(&mut self) {
        self.torn = false;
    }

    /// Loses what was not on the medium yet.
    pub(crate) fn lose_buffered(&mut self) {
        if self.durable < self.end() {
            self.cut(self.durable);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, Content, Object, Partition};

    fn block(fill: u8) -> Object {
        Object::Block(Block {
            length: 100,
            native: 50,
            crc: 0,
            content: Content::Fill(fill),
            seal: None,
        })
    }

    fn sample() -> Partition {
        let mut tape = Partition::default();
        for object in
            [block(1), block(1), Object::Filemark, block(2), Object::Filemark, Object::Filemark]
        {
            tape.push_many(object, 1);
        }
        tape
    }

    #[test]
    fn equal_objects_cost_nothing() {
        let mut tape = Partition::default();
        tape.push_many(block(0), 100_000_000);
        tape.push_many(Object::Filemark, 1);
        assert_eq!(tape.runs.len(), 2);
        assert_eq!((tape.end(), tape.native_before(100_000_000)), (100_000_001, 5_000_000_000));
        assert_eq!(tape.object_at_native(51), 2);
    }

    #[test]
    fn files_are_counted_by_the_marks_before_them() {
        let tape = sample();
        let files: Vec<_> = (0..=6).map(|object| tape.marks_before(object)).collect();
        assert_eq!(files, [0, 0, 0, 1, 1, 2, 3]);
        let marks: Vec<_> = (0..4).map(|number| tape.mark(number)).collect();
        assert_eq!(marks, [Some(2), Some(4), Some(5), None]);
    }

    #[test]
    fn writing_cuts_off_all_behind() {
        let mut tape = sample();
        tape.settle(6);
        tape.mend_end();
        tape.cut(1);
        tape.push_many(block(9), 1);
        assert_eq!((tape.end(), tape.durable(), tape.is_torn()), (2, 1, true));
        assert_eq!(tape.object(1), Some(&block(9)));
    }

    #[test]
    fn what_was_buffered_is_lost_with_the_buffer() {
        let mut tape = sample();
        assert_eq!(tape.settle(3).iter().map(|it| it.count).collect::<Vec<_>>(), [2, 1]);
        tape.lose_buffered();
        assert_eq!(tape.end(), 3);
    }
}

//! Where files begin, in the drive's own count, and so the way to a place.
//!
//! A drive counts *objects*, blocks and filemarks alike, from the beginning of the medium; we count files, and
//! blocks in a file. The start of every file that was passed, or that the catalogue remembers, is kept here:
//!
//! ```text
//!  file      0       1                   2
//!          [label]| [header][block][b.]| [header] …
//!  object    0    1   2       3     4  5   6          starts: 0 → 0, 1 → 2, 2 → 6
//! ```
//!
//! From a known start a drive goes straight to any block. If the start is not known, the drive goes to the
//! nearest that is, and counts filemarks from there. What the catalogue told is a hint: the way is taken, and
//! proved at its end.

use std::collections::BTreeMap;

use types::{FileNo, ObjectNo};

use crate::drive::Position;

/// How the start of a file came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The drive was there.
    Seen,
    /// The catalogue says so.
    Told,
}

/// The starts of files.
#[derive(Clone, Debug)]
pub(super) struct Starts(BTreeMap<u32, (ObjectNo, Source)>);

/// A way to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the very beginning.
    Rewind,
    /// Straight to this object, by a start that was known from there.
    Straight(ObjectNo, Source),
    /// First to the start of the file, then to the block in it.
    Count(Count),
}

/// A way to the start of a file that counts filemarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// First there.
    pub from: From,
    /// Then over so many marks, back if negative.
    pub marks: i64,
    /// Whether one mark has to be passed again afterwards: whoever goes back stops before a mark.
    pub then: Then,
}

/// Where counting begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// Where the drive stands.
    Here,
    /// Before this object, which is the start of this file.
    Start(FileNo, ObjectNo),
}

/// What comes after the marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing.
    Stay,
    /// The last mark is passed again, forward.
    PassTheMark,
}

impl Starts {
    /// Of a medium of which nothing is known but that it has a beginning.
    pub(super) fn new() -> Self {
        Self(BTreeMap::from([(0, (ObjectNo(0), Source::Seen))]))
    }

    /// The drive was at the start of this file.
    pub(super) fn seen(&mut self, file: FileNo, object: ObjectNo) {
        self.0.insert(file.0, (object, Source::Seen));
    }

    /// Somebody says that this is the start of this file. What was seen counts for more.
    pub(super) fn told(&mut self, file: FileNo, object: ObjectNo) {
        self.0.entry(file.0).or_insert((object, Source::Told));
    }

    /// The start of a file, if it was seen.
    pub(super) fn of(&self, file: FileNo) -> Option<ObjectNo> {
        match self.0.get(&file.0) {
            Some((object, Source::Seen)) => Some(*object),
            _ => None,
        }
    }

    /// Which object stands behind `place`, if the start of its file was seen or told.
    pub(super) fn object_at(&self, place: Position) -> Option<ObjectNo> {
        let (start, _) = self.0.get(&place.file.0)?;
        start.0.checked_add(place.block).map(ObjectNo)
    }

    /// A hint was wrong.
    pub(super) fn disbelieve(&mut self, file: FileNo) {
        self.0.retain(|&other, (_, source)| other != file.0 || *source == Source::Seen);
    }

    /// Something was written in this file, so all behind it is gone.
    pub(super) fn forget_behind(&mut self, file: FileNo) {
        self.0.retain(|&other, _| other <= file.0);
    }

    /// The way to `place`, for a drive that stands in file `here`, if that is known.
    pub(super) fn way(&self, place: Position, here: Option<FileNo>) -> Way {
        if place == Position::BEGINNING {
            return Way::Rewind;
        }
        match self.0.get(&place.file.0) {
            Some((start, source)) => {
                Way::Straight(ObjectNo(start.0.saturating_add(place.block)), *source)
            }
            None => Way::Count(self.count(place.file, here)),
        }
    }

    /// The way to the start of a file that takes no hint.
    pub(super) fn count(&self, file: FileNo, here: Option<FileNo>) -> Count {
        let seen = |(&file, &(object, source)): (&u32, &(ObjectNo, Source))| match source {
            Source::Seen => Some((FileNo(file), object)),
            Source::Told => None,
        };
        let below = self.0.range(..=file.0).rev().find_map(seen);
        let (below, object) = below.unwrap_or((FileNo(0), ObjectNo(0)));
        let forward = i64::from(file.0) - i64::from(below.0);
        let above = self.0.range(file.0..).find_map(seen);
        let back = above.map(|(above, object)| (above, object, marks_back(above, file)));
        match (back, here) {
            (_, Some(here)) if here == below && below < file => {
                Count { from: From::Here, marks: forward, then: Then::Stay }
            }
            (_, Some(here)) if here > file && -marks_back(here, file) < forward => {
                let marks = marks_back(here, file);
                Count { from: From::Here, marks, then: Then::PassTheMark }
            }
            (Some((above, object, marks)), _) if -marks < forward => {
                let from = From::Start(above, object);
                Count { from, marks, then: Then::PassTheMark }
            }
            _ => Count { from: From::Start(below, object), marks: forward, then: Then::Stay },
        }
    }
}

/// How many marks there are to go back from somewhere in file `from` to before the one that stands before
/// file `to`; negative, as SPACE takes it. One more than there are files between.
fn marks_back(from: FileNo, to: FileNo) -> i64 {
    i64::from(to.0) - i64::from(from.0) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(file: u32, block: u64) -> Position {
        Position { file: FileNo(file), block }
    }

    fn start(file: u32, object: u64) -> From {
        From::Start(FileNo(file), ObjectNo(object))
    }

    #[test]
    fn a_known_start_leads_straight_to_the_block() {
        let mut starts = Starts::new();
        starts.seen(FileNo(3), ObjectNo(40));
        starts.told(FileNo(5), ObjectNo(70));
        let straight = |object, source| Way::Straight(ObjectNo(object), source);
        assert_eq!(starts.way(place(0, 0), None), Way::Rewind);
        assert_eq!(starts.way(place(0, 2), None), straight(2, Source::Seen));
        assert_eq!(starts.way(place(3, 5), None), straight(45, Source::Seen));
        assert_eq!(starts.way(place(5, 0), None), straight(70, Source::Told));
        assert_eq!(starts.way(place(5, u64::MAX), None), straight(u64::MAX, Source::Told));
        assert_eq!(starts.object_at(place(5, 1)), Some(ObjectNo(71)));
        assert_eq!(starts.object_at(place(5, u64::MAX)), None);
        assert_eq!(starts.object_at(place(4, 1)), None);
    }

    #[test]
    fn other_starts_are_counted_from_the_nearest_that_was_seen() {
        let mut starts = Starts::new();
        starts.seen(FileNo(10), ObjectNo(100));
        starts.told(FileNo(3), ObjectNo(30));
        let count = |file, here: Option<u32>| starts.count(FileNo(file), here.map(FileNo));
        let forward = |from, marks| Count { from, marks, then: Then::Stay };
        let back = |from, marks| Count { from, marks, then: Then::PassTheMark };
        assert_eq!(count(4, None), forward(start(0, 0), 4), "what was only told leads nowhere");
        assert_eq!(count(8, None), back(start(10, 100), -3));
        assert_eq!(count(12, None), forward(start(10, 100), 2));
        assert_eq!(count(12, Some(10)), forward(From::Here, 2), "no need to go back to its start");
        assert_eq!(count(8, Some(10)), back(From::Here, -3));
        assert_eq!(count(1, Some(10)), forward(start(0, 0), 1));
        assert_eq!(count(0, Some(10)), forward(start(0, 0), 0));
    }

    #[test]
    fn what_was_seen_counts_for_more_than_what_is_told() {
        let mut starts = Starts::new();
        starts.seen(FileNo(1), ObjectNo(2));
        starts.told(FileNo(1), ObjectNo(99));
        starts.disbelieve(FileNo(1));
        assert_eq!(starts.of(FileNo(1)), Some(ObjectNo(2)));
        starts.told(FileNo(2), ObjectNo(99));
        assert_eq!(starts.of(FileNo(2)), None, "a hint is not given back as knowledge");
        starts.disbelieve(FileNo(2));
        assert!(matches!(starts.way(place(2, 0), None), Way::Count(_)));
    }

    #[test]
    fn writing_forgets_what_is_behind() {
        let mut starts = Starts::new();
        starts.seen(FileNo(1), ObjectNo(2));
        starts.seen(FileNo(2), ObjectNo(6));
        starts.told(FileNo(7), ObjectNo(60));
        starts.forget_behind(FileNo(1));
        assert_eq!(starts.of(FileNo(1)), Some(ObjectNo(2)));
        assert_eq!(starts.of(FileNo(2)), None);
        assert!(matches!(starts.way(place(7, 0), None), Way::Count(_)));
    }
}

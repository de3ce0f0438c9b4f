//! The way from one place of a medium to another, in operations of the tape driver.

use types::{FileNo, ObjectNo};

use super::kernel::Op;
use crate::drive::Position;

/// One operation on the way, and how often.
pub(super) type Step = (Op, u32);

/// SPACE(6) has 24 bits and a sign for its count.
const FARTHEST: u64 = 0x7f_ffff;

/// From one place to another by counting filemarks and blocks.
pub(super) fn by_counting(from: Position, to: Position) -> Vec<Step> {
    let (there, here) = (u64::from(to.file.0), u64::from(from.file.0));
    if there == here && to.block >= from.block {
        return steps(Op::ForwardBlocks, to.block - from.block);
    }
    if there == here && from.block - to.block < to.block {
        return steps(Op::BackBlocks, from.block - to.block);
    }
    let mut route = match there {
        0 => vec![(Op::Rewind, 1)],
        _ if there > here => steps(Op::ForwardFiles, there - here),
        // Backwards the driver stops before a filemark, that is at the end of the file before.
        _ => {
            let mut back = steps(Op::BackFiles, here - there + 1);
            back.push((Op::ForwardFiles, 1));
            back
        }
    };
    route.extend(steps(Op::ForwardBlocks, to.block));
    route
}

/// To the beginning of `file`, whose first block is said to be `object`: before the filemark that ends the
/// file before, and over it. If that does not end before `object`, then no file begins there, and the hint
/// was wrong. None if the driver's 32 bits do not reach so far.
pub(super) fn by_object(file: FileNo, object: ObjectNo) -> Option<Vec<Step>> {
    if file == FileNo::LABEL {
        return Some(vec![(Op::Rewind, 1)]);
    }
    // MTSEEK takes an int, and hands its bits on.
    let mark = u32::try_from(object.0.checked_sub(1)?).ok()?;
    Some(vec![(Op::Seek, mark), (Op::ForwardFiles, 1)])
}

fn steps(op: Op, mut count: u64) -> Vec<Step> {
    let mut steps = Vec::new();
    while count > 0 {
        let now = count.min(FARTHEST);
        steps.push((op, u32::try_from(now).unwrap_or(u32::MAX)));
        count -= now;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: u32, block: u64) -> Position {
        Position { file: FileNo(file), block }
    }

    #[test]
    fn every_place_has_a_way() {
        use Op::{BackBlocks, BackFiles, ForwardBlocks, ForwardFiles, Rewind};
        let cases: [(Position, Position, &[Step]); 9] = [
            (at(2, 5), at(2, 5), &[]),
            (at(2, 5), at(2, 9), &[(ForwardBlocks, 4)]),
            (at(2, 5), at(2, 4), &[(BackBlocks, 1)]),
            (at(2, 5), at(2, 1), &[(BackFiles, 1), (ForwardFiles, 1), (ForwardBlocks, 1)]),
            (at(2, 5), at(4, 0), &[(ForwardFiles, 2)]),
            (at(2, 5), at(1, 3), &[(BackFiles, 2), (ForwardFiles, 1), (ForwardBlocks, 3)]),
            (at(2, 5), at(0, 0), &[(Rewind, 1)]),
            (at(0, 3), at(0, 1), &[(Rewind, 1), (ForwardBlocks, 1)]),
            (at(0, 0), at(0, 0xff_ffff), &[(ForwardBlocks, 0x7f_ffff); 2]),
        ];
        for (from, to, way) in cases {
            let got = by_counting(from, to);
            let got = if way.len() == 2 && way[0] == way[1] { &got[..2] } else { &got[..] };
            assert_eq!(got, way, "from {from} to {to}");
        }
    }

    #[test]
    fn an_object_is_reached_over_the_filemark_before_it() {
        let way = by_object(FileNo(3), ObjectNo(100)).unwrap();
        assert_eq!(way, [(Op::Seek, 99), (Op::ForwardFiles, 1)]);
        assert_eq!(by_object(FileNo(0), ObjectNo(7)).unwrap(), [(Op::Rewind, 1)]);
        assert_eq!(by_object(FileNo(3), ObjectNo(0)), None);
        assert_eq!(by_object(FileNo(3), ObjectNo(1 << 33)), None);
    }
}

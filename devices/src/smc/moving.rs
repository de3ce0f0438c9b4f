//! Whether a cartridge was moved, whatever the changer says about it.
//!
//! A changer answers GOOD although the arm gave up, and an error although the cartridge arrived. So both ends are
//! looked at before and after, and what is seen there decides:
//!
//! | source after | destination after | answer | verdict |
//! |---|---|---|---|
//! | empty | full, the same cartridge | good | moved |
//! | empty | full, the same cartridge | complaint, or none | moved, although |
//! | full, the same | empty | good | it lied: nothing was moved |
//! | full, the same | empty | complaint, or none | not moved, for that reason |
//! | empty | empty | any | lost: in the arm, or in somebody's hand |
//! | other | other | any | somebody else was at it |
//!
//! Two cartridges are the same unless their barcodes differ: a cartridge may have no barcode, and a drive need not
//! remember that of what it holds.

use super::barcode;
use super::stock::Content;

/// The two ends of a move, as the changer saw them at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) from: Content,
    pub(crate) to: Content,
}

/// How MOVE MEDIUM was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Good,
    /// With a complaint, or not at all.
    Bad,
}

/// What became of the cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is where it should be.
    Moved,
    /// It is where it should be, although the changer says something else.
    MovedAlthough,
    /// It is where it was, and the changer says why.
    NotMoved,
    /// It is where it was, although the changer says that it was moved.
    Lied,
    /// It is at neither end.
    Lost,
    /// Something else is there now: somebody else moves cartridges too.
    Meddled,
}

/// Judges a move by the table above.
pub(crate) fn judge(before: &Ends, after: &Ends, answer: Answer) -> Verdict {
    let same = |there: &Content| there.is_full() && may_be_the_same(&before.from, there);
    match (after.from.is_full(), after.to.is_full(), answer) {
        (false, true, Answer::Good) if same(&after.to) => Verdict::Moved,
        (false, true, Answer::Bad) if same(&after.to) => Verdict::MovedAlthough,
        (true, false, Answer::Good) if same(&after.from) => Verdict::Lied,
        (true, false, Answer::Bad) if same(&after.from) => Verdict::NotMoved,
        (false, false, _) => Verdict::Lost,
        _ => Verdict::Meddled,
    }
}

/// Nothing that is known of them differs.
pub(crate) fn may_be_the_same(one: &Content, other: &Content) -> bool {
    match (&one.barcode, &other.barcode) {
        (Some(one), Some(other)) => barcode::same(one, other),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smc::stock::Fill;

    fn empty() -> Content {
        Content::default()
    }

    fn full(barcode: &str) -> Content {
        let barcode = (!barcode.is_empty()).then(|| barcode.parse().unwrap());
        Content { fill: Fill::Full, barcode, ..Content::default() }
    }

    #[test]
    fn what_is_seen_decides_and_not_what_is_said() {
        use Answer::{Bad, Good};
        use Verdict::{Lied, Lost, Meddled, Moved, MovedAlthough, NotMoved};
        let table = [
            (empty(), full("A"), Good, Moved),
            (empty(), full("A"), Bad, MovedAlthough),
            (empty(), full(""), Good, Moved),
            (full("A"), empty(), Good, Lied),
            (full("A"), empty(), Bad, NotMoved),
            (full(""), empty(), Bad, NotMoved),
            (empty(), empty(), Good, Lost),
            (empty(), empty(), Bad, Lost),
            (empty(), full("B"), Good, Meddled),
            (full("B"), empty(), Good, Meddled),
            (full("A"), full("B"), Good, Meddled),
            (full("B"), full("A"), Good, Meddled),
        ];
        let before = Ends { from: full("A"), to: empty() };
        for (from, to, answer, verdict) in table {
            let after = Ends { from, to };
            assert_eq!(judge(&before, &after, answer), verdict, "{after:?} {answer:?}");
        }
    }
}

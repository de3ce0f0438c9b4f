//! Which waiting image a drive writes next (`taperalgo`).
//!
//! Images of the oldest run come first, whatever the algorithm. An image fits when what is left of the
//! volume takes it, or, if it may be cut, what is left of all volumes of the run. When an algorithm looks
//! for one that fits and none does, the smallest is taken, since it loses least.

use std::cmp::Reverse;

use types::{Bytes, DumpId, Stamp};

use super::site::Algorithm;

/// An image that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) dump: DumpId,
    /// Of an earlier run, or of this one.
    pub(super) run: Option<Stamp>,
    /// Its place in the order of arrival.
    pub(super) order: u64,
    /// What is still to be written of it.
    pub(super) rest: Bytes,
    pub(super) allow_split: bool,
}

/// What is left to write on, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) volume: Bytes,
    pub(super) run: Bytes,
}

impl Room {
    fn takes(&self, image: &Candidate) -> bool {
        image.rest <= if image.allow_split { self.run } else { self.volume }
    }
}

/// Chooses among the images that wait.
pub(super) fn pick(algorithm: Algorithm, waiting: &[Candidate], room: Room) -> Option<DumpId> {
    use Algorithm as A;
    let tonight = |image: &Candidate| (image.run.is_none(), image.run);
    let oldest = waiting.iter().map(tonight).min()?;
    let of_oldest = || waiting.iter().filter(|image| tonight(image) == oldest);
    let fitting = || of_oldest().filter(|image| room.takes(image));
    let chosen = match algorithm {
        A::First => of_oldest().min_by_key(|image| image.order),
        A::FirstFit => fitting().min_by_key(|image| image.order),
        A::Largest => of_oldest().max_by_key(|image| (image.rest, Reverse(image.order))),
        A::LargestFit => fitting().max_by_key(|image| (image.rest, Reverse(image.order))),
        A::Smallest => of_oldest().min_by_key(|image| (image.rest, image.order)),
        A::SmallestFit => fitting().min_by_key(|image| (image.rest, image.order)),
        A::Last => of_oldest().max_by_key(|image| image.order),
        A::LastFit => fitting().max_by_key(|image| image.order),
    };
    let smallest = || of_oldest().min_by_key(|image| (image.rest, image.order));
    chosen.or_else(smallest).map(|image| image.dump)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> DumpId {
        DumpId::new(number, [0; 10])
    }

    fn image(number: u64, size: u64) -> Candidate {
        Candidate {
            dump: id(number),
            run: None,
            order: number,
            rest: Bytes(size),
            allow_split: false,
        }
    }

    #[test]
    fn each_algorithm_has_its_favourite() {
        use Algorithm as A;
        let waiting = [image(1, 50), image(2, 90), image(3, 10), image(4, 30), image(5, 70)];
        let room = Room { volume: Bytes(60), run: Bytes(60) };
        let cases = [
            (A::First, 1),
            (A::FirstFit, 1),
            (A::Largest, 2),
            (A::LargestFit, 1),
            (A::Smallest, 3),
            (A::SmallestFit, 3),
            (A::Last, 5),
            (A::LastFit, 4),
        ];
        for (algorithm, number) in cases {
            assert_eq!(pick(algorithm, &waiting, room), Some(id(number)), "{algorithm:?}");
        }
    }

    #[test]
    fn when_nothing_fits_the_smallest_is_taken() {
        use Algorithm as A;
        let waiting = [image(1, 50), image(2, 20), image(3, 40)];
        let room = Room { volume: Bytes(5), run: Bytes(5) };
        for algorithm in [A::FirstFit, A::LargestFit, A::SmallestFit, A::LastFit] {
            assert_eq!(pick(algorithm, &waiting, room), Some(id(2)), "{algorithm:?}");
        }
    }

    #[test]
    fn what_may_be_cut_fits_the_rest_of_the_run() {
        let whole = image(1, 50);
        let cut = Candidate { allow_split: true, ..image(2, 50) };
        let room = Room { volume: Bytes(20), run: Bytes(100) };
        assert_eq!(pick(Algorithm::FirstFit, &[whole, cut], room), Some(id(2)));
    }

    #[test]
    fn older_runs_come_first() {
        let run = |stamp: &str| Some(stamp.parse().unwrap());
        let old = Candidate { run: run("20260101000000"), ..image(3, 10) };
        let newer = Candidate { run: run("20260102000000"), ..image(2, 99) };
        let room = Room { volume: Bytes(100), run: Bytes(100) };
        let waiting = [image(1, 50), newer, old];
        assert_eq!(pick(Algorithm::Largest, &waiting, room), Some(id(3)));
        assert_eq!(pick(Algorithm::Largest, &[], room), None);
    }
}

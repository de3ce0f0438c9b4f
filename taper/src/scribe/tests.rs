//! Images over as many volumes as they take, and what is read back from them.

use devices::faulty::{Fault, Fuse};
use proptest::prelude::*;
use types::{BlockSize, PartNo};

use super::*;
use crate::clerk;
use crate::rig::{Kind, MadeUp, Operator};

const KIB: u64 = 1024;

/// Writes what is left of an image, from what was reported before.
fn write(
    operator: &mut Operator,
    image: &MadeUp,
    from: Reached,
    part_size: Option<Bytes>,
) -> Result<Reached, Stopped> {
    let job = Job { image: image.image(), part_size, commit_every: Bytes(200 * KIB) };
    write_image(&job, &mut image.source(), from, None, operator).map(|done| done.reached)
}

fn read_back(operator: &mut Operator, image: &MadeUp) -> Vec<u8> {
    let (parts, mut bytes) = (operator.parts(image.dump), Vec::new());
    clerk::copy_image(&parts, None, operator, &mut |block| {
        bytes.extend_from_slice(block);
        Ok(())
    })
    .unwrap();
    bytes
}

/// Some frames that end within blocks, on their boundaries, and far behind them.
fn image() -> MadeUp {
    let lengths =
        [10, 40_000, 32_768 - 13, 5, 5, 100_000, 1, 65_536, 70_000, 30, 30, 131_072, 9000];
    MadeUp::new(1, &lengths)
}

fn libraries() -> [Operator; 2] {
    let (capacity, early) = (Bytes(320 * KIB), Bytes(100 * KIB));
    [
        Operator::with_tapes(4, BlockSize::HEADER, capacity, early),
        Operator::with_directories(4, capacity, early),
    ]
}

#[test]
fn a_drive_that_counts_objects_is_told_where_the_last_part_begins_before_it_appends() {
    let block = BlockSize::HEADER;
    let mut operator = Operator::with_tapes(1, block, Bytes(4000 * KIB), Bytes(100 * KIB));
    for number in [1, 2] {
        let image = MadeUp::new(number, &[10, 40_000]);
        let part_size = Some(Bytes(50 * KIB));
        write(&mut operator, &image, Reached::beginning(), part_size).unwrap();
    }
    let Kind::Tapes(_, tapes) = &operator.kind else { unreachable!() };
    let first = &operator.placed[0];
    assert!(tapes[0].recalled().contains(&(first.file, first.object.unwrap())));
    let objects: Vec<_> = operator.placed.iter().map(|part| part.object.unwrap()).collect();
    assert!(objects.is_sorted() && objects[0] == types::ObjectNo(2), "{objects:?}");
}

#[test]
fn an_image_goes_over_as_many_volumes_as_it_takes() {
    for mut operator in libraries() {
        let image = image();
        let reached = write(&mut operator, &image, Reached::beginning(), None).unwrap();
        assert_eq!(reached.running.bytes(), Bytes::of(image.bytes.len()));
        assert!(operator.asked >= 2, "it does not fit on one");
        assert_eq!(read_back(&mut operator, &image), image.bytes);
    }
}

#[test]
fn parts_are_as_long_as_they_may_be_and_no_longer() {
    for mut operator in libraries() {
        let image = image();
        let part_size = Bytes(128 * KIB);
        write(&mut operator, &image, Reached::beginning(), Some(part_size)).unwrap();
        let parts = operator.parts(image.dump);
        assert!(parts.len() >= 4);
        assert!(parts.iter().all(|part| part.bytes <= part_size || part.part > PartNo(1)));
        assert_eq!(read_back(&mut operator, &image), image.bytes);
    }
}

#[test]
fn images_follow_each_other_on_a_volume() {
    for mut operator in libraries() {
        let images = [1, 2, 3].map(|number| MadeUp::new(number, &[1000, 2000]));
        for image in &images {
            write(&mut operator, image, Reached::beginning(), None).unwrap();
        }
        assert!(operator.placed.iter().all(|part| part.label.as_str() == "TEST-01"));
        for image in &images {
            assert_eq!(read_back(&mut operator, image), image.bytes);
        }
    }
}

/// After the fault the drive is healed, and what was not reported is written on.
fn survives(fault: Fault, make: &dyn Fn() -> Operator) {
    let image = image();
    for operations in 0.. {
        assert!(operations < 10_000, "the image must get written");
        let mut operator = make();
        let fuse = Fuse::new(operations, fault);
        operator.light(fuse.clone());
        if let Err(stopped) =
            write(&mut operator, &image, Reached::beginning(), Some(Bytes(150 * KIB)))
        {
            assert!(fuse.struck(), "{operations}: {stopped:?}");
            fuse.heal();
            operator.heal();
            let from = *stopped.reached;
            let placed: Bytes = operator.placed.iter().map(|part| part.bytes).sum();
            assert_eq!(placed, from.running.bytes(), "{operations}: all that is safe was reported");
            write(&mut operator, &image, from, Some(Bytes(150 * KIB))).unwrap();
        }
        fuse.heal();
        assert_eq!(
            read_back(&mut operator, &image),
            image.bytes,
            "fault at operation {operations}"
        );
        if !fuse.struck() {
            return; // every operation has had its turn
        }
    }
}

fn on_tapes() -> Operator {
    Operator::with_tapes(6, BlockSize::HEADER, Bytes(320 * KIB), Bytes(100 * KIB))
}

fn on_directories() -> Operator {
    Operator::with_directories(6, Bytes(320 * KIB), Bytes(100 * KIB))
}

#[test]
fn no_single_fault_of_a_medium_loses_a_part() {
    for blame in [Blame::Medium, Blame::Nothing] {
        survives(Fault::Refused(blame), &on_tapes);
        survives(Fault::AnswerLost(blame), &on_tapes);
    }
    survives(Fault::Refused(Blame::Medium), &on_directories);
    survives(Fault::AnswerLost(Blame::Medium), &on_directories);
}

#[test]
fn no_single_fault_of_a_drive_loses_a_part() {
    survives(Fault::Refused(Blame::Drive), &on_tapes);
    survives(Fault::AnswerLost(Blame::Host), &on_directories);
}

#[test]
fn a_crash_anywhere_loses_nothing_that_was_reported() {
    survives(Fault::Crash, &on_tapes);
    survives(Fault::Crash, &on_directories);
}

#[test]
fn volumes_of_any_size_do_or_say_that_they_are_too_small() {
    let image = MadeUp::new(1, &[1000, 50_000, 40_000, 70_000, 3, 3, 33_000]);
    for early in [0, 40, 100] {
        for capacity in (16..400).step_by(24) {
            for tapes in [true, false] {
                let (capacity, early) = (Bytes(capacity * KIB), Bytes(early * KIB));
                let mut operator = if tapes {
                    Operator::with_tapes(12, BlockSize::HEADER, capacity, early)
                } else {
                    Operator::with_directories(12, capacity, early)
                };
                match write(&mut operator, &image, Reached::beginning(), None) {
                    Ok(_) => assert_eq!(read_back(&mut operator, &image), image.bytes),
                    Err(Stopped { cause: StopCause::NoVolume(_), .. }) => {
                        let least = operator.too_small.map_or(Bytes(64 * KIB), |(_, least)| least);
                        assert!(capacity < least, "{capacity}: a label and a frame have room");
                    }
                    Err(other) => panic!("{capacity} {early}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn of_a_volume_that_is_too_small_it_is_said_for_which_frame_and_nothing_is_to_blame() {
    let mut operator = Operator::with_tapes(9, BlockSize::HEADER, Bytes(128 * KIB), Bytes(0));
    let image = MadeUp::new(1, &[500_000]);
    let stopped = write(&mut operator, &image, Reached::beginning(), None).unwrap_err();
    assert!(matches!(stopped.cause, StopCause::NoVolume(_)), "{stopped:?}");
    let (frame, least) = operator.too_small.unwrap();
    assert_eq!(frame, Bytes(image.source().next_frame().unwrap().unwrap()));
    assert!(least > frame + Bytes(96 * KIB), "label and headers have a block each");
    assert_eq!(operator.asked, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_frames_are_the_parts_are_the_image(
        lengths in proptest::collection::vec(0usize..150_000, 1..12),
        part_size in proptest::option::of(1u64..400_000),
        capacity in 300u64..700,
        early in 0u64..200,
        tapes in any::<bool>(),
    ) {
        let image = MadeUp::new(1, &lengths);
        let (capacity, early) = (Bytes(capacity * KIB), Bytes(early * KIB));
        let mut operator = if tapes {
            Operator::with_tapes(24, BlockSize::HEADER, capacity, early)
        } else {
            Operator::with_directories(24, capacity, early)
        };
        write(&mut operator, &image, Reached::beginning(), part_size.map(Bytes)).unwrap();
        prop_assert_eq!(read_back(&mut operator, &image), image.bytes);
    }
}

#[test]
fn what_is_kept_free_is_enough_for_a_frame_and_the_records_wherever_the_warning_falls() {
    let (capacity, early) = (Bytes(600 * KIB), Bytes(10 * KIB));
    // Frames move the place in which the warning finds them.
    for first in 0..8 {
        for mut operator in [
            Operator::with_tapes(8, BlockSize::HEADER, capacity, early),
            Operator::with_directories(8, capacity, early),
        ] {
            operator.records = Some(100 << 10);
            let lengths: Vec<usize> =
                std::iter::once(first * 8000 + 1).chain([64 << 10; 20]).collect();
            let image = MadeUp::new(1, &lengths);
            write(&mut operator, &image, Reached::beginning(), None).unwrap();
            assert_eq!(read_back(&mut operator, &image), image.bytes);
            assert!(operator.asked > 2, "volumes were full");
            assert_eq!(operator.without_records, 0, "with a first frame of {}", lengths[0]);
        }
    }
}

#[test]
fn an_image_whose_placed_parts_were_lost_with_their_volume_is_written_from_its_beginning() {
    let image = image();
    let mut lost = 0;
    for operations in 8..30 {
        let (capacity, early) = (Bytes(400 * KIB), Bytes(100 * KIB));
        let mut operator = Operator::with_tapes(6, BlockSize::HEADER, capacity, early);
        operator.loses_all = true;
        operator.light(Fuse::new(operations, Fault::Refused(Blame::Medium)));
        write(&mut operator, &image, Reached::beginning(), Some(Bytes(100 * KIB))).unwrap();
        // A fault may also strike while a volume is mounted, and then nothing was lost.
        lost += u32::from(!operator.loses_all);
        assert_eq!(read_back(&mut operator, &image), image.bytes);
    }
    assert!(lost > 10, "{lost}");
}

#[test]
fn an_image_that_is_to_end_ends_behind_a_part_and_is_gone_on_with_from_there() {
    let image = image();
    for patience in 1..4 {
        let (capacity, early) = (Bytes(600 * KIB), Bytes(100 * KIB));
        for mut operator in [
            Operator::with_tapes(4, BlockSize::HEADER, capacity, early),
            Operator::with_directories(4, capacity, early),
        ] {
            operator.patience = patience;
            let job = Job {
                image: image.image(),
                part_size: Some(Bytes(60 * KIB)),
                commit_every: Bytes(1000 * KIB),
            };
            let begun =
                write_image(&job, &mut image.source(), Reached::beginning(), None, &mut operator)
                    .unwrap();
            assert_eq!(begun.extent, Extent::Begun);
            assert_eq!(operator.placed.last().unwrap().part.next(), begun.reached.part);
            operator.patience = u32::MAX;
            let (mut source, volume) = (image.source(), begun.volume);
            let whole =
                write_image(&job, &mut source, begun.reached, volume, &mut operator).unwrap();
            assert_eq!(whole.extent, Extent::Whole);
            drop(whole);
            assert_eq!(read_back(&mut operator, &image), image.bytes);
        }
    }
}

#[test]
fn the_least_length_that_is_told_is_enough_for_a_frame_and_the_records_and_one_block_less_is_not() {
    let image = MadeUp::new(1, &[300_000]);
    let frame = Bytes(image.source().next_frame().unwrap().unwrap());
    let libraries = |capacity: Bytes| {
        [
            Operator::with_tapes(3, BlockSize::HEADER, capacity, Bytes(0)),
            Operator::with_directories(3, capacity, Bytes(0)),
        ]
    };
    for at in [0, 1] {
        let [tapes, directories] = libraries(Bytes(4000 * KIB));
        let mut operator = if at == 0 { tapes } else { directories };
        let volume = operator.next_volume(Wanted::First, None).unwrap();
        let records = Bytes(100 * KIB);
        let least = volume.least_length(frame, records);
        drop(volume);
        for (capacity, without) in [(least, 0), (least - BlockSize::HEADER.bytes(), 1)] {
            let [tapes, directories] = libraries(capacity);
            let mut operator = if at == 0 { tapes } else { directories };
            operator.records = Some(100 << 10);
            write(&mut operator, &image, Reached::beginning(), None).unwrap();
            assert_eq!(read_back(&mut operator, &image), image.bytes);
            assert_eq!(operator.without_records, without, "{capacity} of {least}");
        }
    }
}

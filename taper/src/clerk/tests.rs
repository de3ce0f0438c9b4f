//! Frames and dumps read back from volumes: alone, in their order, and where a medium is damaged.

use devices::Position;
use proptest::prelude::*;
use types::BlockSize;

use super::*;
use crate::mount::Reached;
use crate::rig::{Kind, MadeUp, Operator};
use crate::scribe::{Job, Volumes, Wanted, write_image};

const KIB: u64 = 1024;

/// A library on which these images were written, in parts of at most 150 KiB.
fn written(tapes: bool, images: &[&MadeUp]) -> Operator {
    let (capacity, early) = (Bytes(400 * KIB), Bytes(100 * KIB));
    // Of frames that fill three blocks and more, with the header of a part each, a volume takes two: there are
    // volumes for the contents and twenty of them.
    let mut operator = if tapes {
        Operator::with_tapes(12, BlockSize::HEADER, capacity, early)
    } else {
        Operator::with_directories(12, capacity, early)
    };
    for image in images {
        let job = Job {
            image: image.image(),
            part_size: Some(Bytes(150 * KIB)),
            commit_every: Bytes(KIB),
        };
        write_image(&job, &mut image.source(), Reached::beginning(), None, &mut operator).unwrap();
    }
    operator
}

fn image(number: u8) -> MadeUp {
    MadeUp::new(number, &[10, 40_000, 100_000, 70_000, 30, 131_072, 9000, 60_000])
}

type Found = Vec<(u32, Result<Vec<u8>, String>)>;

fn read(operator: &mut Operator, images: &[&MadeUp], wanted: &[WantedFrame]) -> Found {
    let parts: Vec<_> = images.iter().flat_map(|image| operator.parts(image.dump)).collect();
    let plan = plan(&parts, wanted);
    let mut found = Vec::new();
    read_frames(&plan, None, operator, &mut |frame, stored| {
        let stored = stored.map(<[u8]>::to_vec).map_err(|lost| lost.to_string());
        found.push((frame.number, stored));
        Ok(())
    })
    .unwrap();
    found
}

fn stored(image: &MadeUp, number: u32) -> Vec<u8> {
    let frame = image.frames.get(number).unwrap();
    let [from, to] = [frame.offset, frame.end()].map(|at| usize::try_from(at).unwrap());
    image.bytes[from..to].to_vec()
}

#[test]
fn every_frame_can_be_read_alone() {
    for tapes in [true, false] {
        let image = image(1);
        let mut operator = written(tapes, &[&image]);
        for number in 0..image.frames.len() {
            let found = read(&mut operator, &[&image], &[image.wanted(number)]);
            let number = u32::try_from(number).unwrap();
            assert_eq!(found, [(number, Ok(stored(&image, number)))]);
        }
    }
}

#[test]
fn frames_of_several_dumps_come_volume_by_volume_in_their_order() {
    let images = [image(1), image(2)];
    let images = [&images[0], &images[1]];
    let operator = written(true, &images);
    let parts: Vec<_> = images.iter().flat_map(|image| operator.parts(image.dump)).collect();
    let all = images.iter().flat_map(|image| (0..image.frames.len()).map(|n| image.wanted(n)));
    let mut backwards: Vec<_> = all.collect();
    backwards.reverse();
    let plan = plan(&parts, &backwards);
    assert!(plan.missing.is_empty());
    let mut labels: Vec<_> = plan.volumes.iter().map(|volume| volume.label.as_str()).collect();
    labels.sort_unstable();
    assert_eq!(labels, ["TEST-01", "TEST-02", "TEST-03", "TEST-04"], "each volume once");
    for VolumeReads { reads, .. } in &plan.volumes {
        assert!(reads.is_sorted_by_key(|read| (read.file, read.from)));
    }
    assert_eq!(
        plan.volumes.iter().map(|volume| volume.reads.len()).sum::<usize>(),
        backwards.len()
    );
}

#[test]
fn the_drive_is_told_where_each_file_begins_before_it_goes_there() {
    let image = image(1);
    let mut operator = written(true, &[&image]);
    let Kind::Tapes(_, tapes) = &operator.kind else { unreachable!() };
    let tapes = tapes.clone();
    let parts = operator.parts(image.dump);
    assert!(parts.iter().all(|part| part.object.is_some()), "a tape drive counts objects");
    read(&mut operator, &[&image], &[image.wanted(0), image.wanted(7)]);
    let [first, last] = [&parts[0], &parts[parts.len() - 1]];
    for part in [first, last] {
        let slot = usize::from(part.label.as_str().as_bytes()[6] - b'1');
        let told = tapes[slot].recalled();
        assert!(told.contains(&(part.file, part.object.unwrap())), "{told:?}");
    }
}

#[test]
fn frames_that_are_in_no_part_are_told() {
    let image = image(1);
    let mut operator = written(true, &[&image]);
    let other = MadeUp::new(9, &[10]);
    let mut beyond = image.wanted(7);
    beyond.offset = u64::MAX;
    let found = read(&mut operator, &[&image], &[other.wanted(0), beyond]);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|(_, found)| found.is_err()));
}

#[test]
fn damage_costs_only_the_frames_that_it_hit() {
    let image = image(1);
    let mut operator = written(true, &[&image]);
    let hit = operator.parts(image.dump)[0].clone();
    // Frame 2 is the last of part 1, and long enough to have a block for itself.
    let block = image.frames.get(2).unwrap().offset / (32 * KIB) + 2;
    let place = Position { file: hit.file, block };
    let Kind::Tapes(_, tapes) = &operator.kind else { unreachable!() };
    let tape = tapes[0].clone();
    let all: Vec<_> = (0..image.frames.len()).map(|number| image.wanted(number)).collect();
    assert!(tape.flip_bit(place, 77));
    let flipped = read(&mut operator, &[&image], &all);
    assert!(tape.scratch(place));
    let scratched = read(&mut operator, &[&image], &all);
    for found in [&flipped, &scratched] {
        assert_eq!(found.len(), all.len());
        for (number, bytes) in found {
            match bytes {
                Ok(bytes) => assert_eq!(*bytes, stored(&image, *number)),
                Err(_) => assert_eq!(*number, 2),
            }
        }
        assert!(found.iter().any(|(_, bytes)| bytes.is_err()));
    }
}

#[test]
fn a_volume_that_is_gone_costs_only_its_own_frames() {
    let image = image(1);
    let mut operator = written(true, &[&image]);
    let mut parts = operator.parts(image.dump);
    let gone: Label = "GONE".parse().unwrap();
    parts[0].label = gone;
    let all: Vec<_> = (0..image.frames.len()).map(|number| image.wanted(number)).collect();
    let plan = plan(&parts, &all);
    let (mut lost, mut good) = (0, 0);
    read_frames(&plan, None, &mut operator, &mut |_, found| {
        match found {
            Ok(_) => good += 1,
            Err(why) => {
                assert!(why.to_string().contains("GONE"), "{why}");
                lost += 1;
            }
        }
        Ok(())
    })
    .unwrap();
    assert_eq!((lost, good), (3, 5));
}

#[test]
fn an_image_tells_its_frames_from_its_end() {
    for tapes in [true, false] {
        let image = image(1);
        let mut operator = written(tapes, &[&image]);
        let last = operator.parts(image.dump).pop().unwrap();
        let mounted = operator.mount(&last.label, None).unwrap();
        let (_, tail) = read_tail(mounted, &last).unwrap();
        assert_eq!(tail.frames, image.frames);
        assert_eq!(tail.identity.dump, image.dump);
        let mut wrong = last.clone();
        wrong.bytes = Bytes(wrong.bytes.0 - 1);
        let mounted = operator.mount(&last.label, None).unwrap();
        assert!(read_tail(mounted, &wrong).is_err());
    }
}

#[test]
fn the_index_and_the_records_are_read_from_the_volume() {
    for tapes in [true, false] {
        let image = image(1);
        let mut operator = written(tapes, &[&image]);
        let last = operator.parts(image.dump).pop().unwrap();
        let mounted = operator.mount(&last.label, None).unwrap();
        let mut index = Vec::new();
        let (mounted, tail) = copy_index(mounted, &last, &mut |bytes| {
            index.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
        assert_eq!(index, b"index");
        assert_eq!(tail.identity.dump, image.dump);
        drop(mounted);
        // The volumes of the image are full.
        let mut volume = operator.next_volume(Wanted::First, None).unwrap();
        while !volume.was_fresh() {
            let label = volume.label().clone();
            volume = operator.next_volume(Wanted::Full(&label), Some(volume)).unwrap();
        }
        let (label, run) = (volume.label().clone(), crate::rig::stamp());
        let records: Vec<u8> = (0..70_000u32).map(|i| i.to_le_bytes()[1]).collect();
        let (volume, placed, _) = volume.write_records(run, &records).unwrap();
        let crate::mount::Records::Placed(file) = placed else { panic!("{placed:?}") };
        drop(volume);
        let read = |operator: &mut Operator, most| {
            read_file(operator.mount(&label, None).unwrap(), file, most)
        };
        let (mut mounted, bytes) = read(&mut operator, Bytes::MIB).unwrap();
        assert_eq!(mounted.end().unwrap(), file.next());
        assert_eq!(bytes[..records.len()], records);
        drop(mounted);
        assert!(matches!(read(&mut operator, Bytes(5)), Err(ReadError::TooLong { .. })));
    }
}

#[test]
fn a_whole_image_is_given_out_only_whole_and_right() {
    let image = image(1);
    let mut operator = written(true, &[&image]);
    let parts = operator.parts(image.dump);
    let mut copy =
        |parts: &[PartAt]| copy_image(parts, None, &mut operator, &mut |_| Ok(())).map(drop);
    copy(&parts).unwrap();
    assert!(matches!(copy(&parts[1..]), Err(ClerkError::NotWhole { .. })));
    let mut other = parts.clone();
    other[1].file = other[0].file;
    assert!(copy(&other).unwrap_err().to_string().contains("part 2"));
    let mut wrong = parts.clone();
    wrong[0].sha256_so_far = Some(Digest([0; 32]));
    assert!(matches!(copy(&wrong), Err(ClerkError::Part { .. })));
}

#[test]
fn twenty_frames_of_which_a_volume_takes_two_are_all_written() {
    for tapes in [true, false] {
        let image = MadeUp::new(1, &[99_999; 20]);
        let operator = written(tapes, &[&image]);
        let bytes: u64 = operator.parts(image.dump).iter().map(|part| part.bytes.0).sum();
        assert_eq!(bytes, Bytes::of(image.bytes.len()).0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_choice_of_frames_is_read(
        lengths in proptest::collection::vec(0usize..100_000, 1..20),
        chosen in proptest::collection::vec(any::<proptest::sample::Index>(), 1..10),
        tapes in any::<bool>(),
    ) {
        let image = MadeUp::new(1, &lengths);
        let mut operator = written(tapes, &[&image]);
        let wanted: Vec<_> = chosen.iter().map(|n| image.wanted(n.index(lengths.len()))).collect();
        let found = read(&mut operator, &[&image], &wanted);
        prop_assert_eq!(found.len(), wanted.len());
        for (number, bytes) in found {
            prop_assert_eq!(bytes, Ok(stored(&image, number)));
        }
    }
}

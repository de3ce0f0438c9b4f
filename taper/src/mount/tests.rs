//! A tape in memory: what may be written on it, and who has to show leave first.

use std::fs;

use devices::memory::{MemoryDrive, MemoryTape};
use devices::{Wrote, faulty};
use types::Bytes;

use super::*;
use crate::rig::{MadeUp, Operator, stamp};
use crate::scribe::{Hasher, Running};

const ROOMY: Bytes = Bytes(16 << 20);

fn tape() -> MemoryTape {
    MemoryTape::new(BlockSize::HEADER, ROOMY, Bytes::MIB)
}

fn drive(tape: &MemoryTape) -> MemoryDrive {
    MemoryDrive::with("d0".parse().unwrap(), tape.clone())
}

fn new_label(text: &str) -> NewLabel {
    NewLabel { label: text.parse().unwrap(), stamp: Some(stamp()), pool: None }
}

fn identify(tape: &MemoryTape) -> Identified<MemoryDrive> {
    Loaded::new(drive(tape)).identify().unwrap()
}

fn labelled(tape: &MemoryTape) -> Appending<MemoryDrive> {
    match identify(tape) {
        Identified::Blank(blank) => blank.label(new_label("TEST-01")).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn mounted(tape: &MemoryTape) -> Mounted<MemoryDrive> {
    match identify(tape) {
        Identified::Labelled(mounted) => mounted,
        other => panic!("{other:?}"),
    }
}

/// Writes an image as one part, and flushes it.
fn write(volume: Appending<MemoryDrive>, image: &MadeUp) -> (Appending<MemoryDrive>, Placed) {
    let volume = write_unflushed(volume, image);
    let (volume, mut placed) = volume.flush().unwrap();
    (volume, placed.pop().unwrap())
}

fn write_unflushed(volume: Appending<MemoryDrive>, image: &MadeUp) -> Appending<MemoryDrive> {
    let mut hasher = Hasher::new(Running::default());
    let mut source = image.source();
    let from = Reached::beginning();
    let (volume, outcome) =
        volume.write_part(&image.image(), &from, &mut source, &mut hasher, None).unwrap();
    assert!(matches!(outcome, Outcome::Written { ended: Ended::Image, .. }));
    volume
}

fn known(part: &Placed) -> Known {
    let PartFacts { label, file, dump, part, .. } = (**part).clone();
    let last = LastFile::Part { file, dump, part };
    Known { label, written: Some(stamp()), last, objects: Vec::new() }
}

fn only_label() -> Known {
    let label = "TEST-01".parse().unwrap();
    Known { label, written: Some(stamp()), last: LastFile::Label, objects: Vec::new() }
}

fn image(number: u8) -> MadeUp {
    MadeUp::new(number, &[1000, 50_000])
}

/// Writes raw blocks, each a file.
fn scribble(tape: &MemoryTape, files: &[&[u8]]) {
    let mut drive = drive(tape);
    drive.rewind().unwrap();
    for file in files {
        let mut block = file.to_vec();
        block.resize(BlockSize::HEADER.len(), 0);
        if !file.is_empty() {
            assert_eq!(drive.write_block(&block).unwrap(), Wrote::Block);
        }
        drive.write_filemark().unwrap();
    }
    drive.flush().unwrap();
}

#[test]
fn a_label_is_read_as_it_was_written() {
    let tape = tape();
    let volume = labelled(&tape);
    assert!(volume.was_fresh());
    let mounted = mounted(&tape);
    assert_eq!(mounted.label().as_str(), "TEST-01");
    assert_eq!(mounted.start(), volume.start());
    assert_eq!(mounted.data_block(), BlockSize::HEADER);
}

#[test]
fn what_is_no_volume_is_told_and_not_overwritten_by_itself() {
    let cases: [(&[&[u8]], &str); 5] = [
        (&[b"./home/\0\0ustar"], "ustar"),
        (&[b"\0\0"], "zeros"),
        (
            &[b"AMANDA: FILE 20260101000000 host disk lev 0 comp N program tar\n\x0c\n"],
            "a dump of host:disk",
        ),
        (&[b"AMANDA: TAPESTART DATE 20260101000000 TAPE two/words\n\x0c\n"], "damaged label"),
        (&[b"", b"data"], "behind an empty file"),
    ];
    for (files, told) in cases {
        let tape = tape();
        scribble(&tape, files);
        let Identified::Foreign(foreign) = identify(&tape) else { panic!("{told}") };
        assert!(foreign.what().contains(told), "{}", foreign.what());
        // What Amanda's tools wrote is never *data of something else*.
        let is_amandas = files[0].starts_with(b"AMANDA");
        assert_eq!(matches!(foreign.found(), Found::Unreadable(_)), is_amandas, "{told}");
        let consent = Consent::to_overwrite(foreign.what());
        let _volume = foreign.overwrite(consent, new_label("MINE")).unwrap();
        assert_eq!(mounted(&tape).label().as_str(), "MINE");
    }
}

#[test]
fn an_erased_tape_is_blank() {
    let tape = tape();
    scribble(&tape, &[b""]);
    assert!(matches!(identify(&tape), Identified::Blank(_)));
    scribble(&tape, &[b"", b""]);
    assert!(matches!(identify(&tape), Identified::Blank(_)));
}

#[test]
fn a_label_that_cannot_be_read_is_not_taken_for_none() {
    let tape = tape();
    let _volume = labelled(&tape);
    assert!(tape.scratch(Position::BEGINNING));
    let error = Loaded::new(drive(&tape)).identify().unwrap_err();
    assert_eq!(error.blame(), Blame::Medium);
}

#[test]
fn amandas_volumes_are_mounted_as_ours_are() {
    let tape = tape();
    scribble(&tape, &[b"AMANDA: TAPESTART DATE 20260101000000 TAPE DAILY-7\n\x0c\n"]);
    let mounted = mounted(&tape);
    assert_eq!(mounted.label().as_str(), "DAILY-7");
    assert_eq!(mounted.start().stamp.unwrap().to_string(), "20260101000000");
}

#[test]
fn a_volume_is_gone_on_with_behind_its_last_part() {
    let tape = tape();
    let (_, first) = write(labelled(&tape), &image(1));
    let volume = mounted(&tape).append(&known(&first), |_| false).unwrap();
    assert_eq!(volume.next_file(), FileNo(2));
    assert!(!volume.was_fresh() && volume.leftovers().is_empty());
    let (_, second) = write(volume, &image(2));
    assert_eq!((first.file, second.file), (FileNo(1), FileNo(2)));
    let headers = [1, 2].map(|file| mounted(&tape).header_of(FileNo(file)).unwrap().unwrap());
    let dumps = [1, 2].map(|number| Some((image(number).dump, PartNo::FIRST)));
    assert_eq!(headers.each_ref().map(part_of), dumps);
}

#[test]
fn another_volume_under_the_same_drive_is_not_written() {
    let tape = tape();
    let (_, part) = write(labelled(&tape), &image(1));
    let good = known(&part);
    let other_label = Known { label: "TEST-02".parse().unwrap(), ..good.clone() };
    let other_time = Known { written: Some("20200101000000".parse().unwrap()), ..good.clone() };
    let other_dump = LastFile::Part { file: FileNo(1), dump: image(9).dump, part: PartNo::FIRST };
    let other_part = LastFile::Part { file: FileNo(1), dump: part.dump, part: PartNo(2) };
    let too_short = LastFile::Other { file: FileNo(2) };
    let cases = [
        other_label,
        other_time,
        Known { last: other_dump, ..good.clone() },
        Known { last: other_part, ..good.clone() },
        Known { last: too_short, ..good.clone() },
    ];
    for case in cases {
        let error = mounted(&tape).append(&case, |_| true).unwrap_err();
        assert_eq!(error.blame(), Blame::Medium, "{error}");
        assert_eq!(tape.files(), FileNo(2), "nothing was written");
    }
    let _volume = mounted(&tape).append(&good, |_| true).unwrap();
}

#[test]
fn parts_that_were_not_recorded_any_more_are_passed_over() {
    let tape = tape();
    let (volume, first) = write(labelled(&tape), &image(1));
    let (volume, second) = write(volume, &image(2));
    let (_, records, _) = volume.write_records(stamp(), b"records").unwrap();
    assert_eq!(records, Records::Placed(FileNo(3)));
    let volume = mounted(&tape).append(&known(&first), |dump| dump == second.dump).unwrap();
    assert_eq!(volume.next_file(), FileNo(4));
    let (file, part) = (FileNo(2), PartNo::FIRST);
    let left =
        [Leftover::Part { file, dump: second.dump, part }, Leftover::Records { file: FileNo(3) }];
    assert_eq!(volume.leftovers(), left);
}

#[test]
fn dumps_that_the_catalogue_does_not_know_are_never_written_over_nor_behind() {
    let tape = tape();
    let (_, part) = write(labelled(&tape), &image(1));
    let error = mounted(&tape).append(&only_label(), |_| false).unwrap_err();
    assert!(error.to_string().contains("rebuild it"), "{error}");
    scribble(&tape, &[b"AMANDA: TAPESTART DATE 20261123020304 TAPE TEST-01\n\x0c\n", b"?"]);
    let error = mounted(&tape).append(&only_label(), |_| true).unwrap_err();
    assert!(matches!(error, VolumeError::Unknown { file: FileNo(1), .. }), "{error}");
    drop(part);
}

#[test]
fn a_torn_part_is_written_over() {
    for written in 0..5 {
        let tape = tape();
        let (volume, first) = write(labelled(&tape), &image(1));
        drop(write_unflushed(volume, &image(2)));
        assert_eq!(tape.buffered(), 4, "header, two blocks, filemark");
        tape.cut_power(written);
        let volume = mounted(&tape).append(&known(&first), |_| true).unwrap();
        let next = if written < 4 { FileNo(2) } else { FileNo(3) };
        assert_eq!(volume.next_file(), next, "{written}");
        let (_, second) = write(volume, &image(2));
        assert_eq!(second.file, next);
    }
}

#[test]
fn only_leave_for_this_volume_starts_it_afresh() {
    use crate::catalogue::{Catalogue, Volume};
    let mut catalogue = Catalogue::in_memory().unwrap();
    let tape = tape();
    let (_, _) = write(labelled(&tape), &image(1));
    let names = ["TEST-01", "TEST-02"].map(|name| name.parse::<Label>().unwrap());
    for label in &names {
        let (pool, storage) = ("p".parse().unwrap(), "s".parse().unwrap());
        let volume = Volume::new(label.clone(), pool, storage, BlockSize::HEADER);
        catalogue.adopt_volume(&volume, stamp()).unwrap();
    }
    let policies = [("s".parse().unwrap(), crate::retention::Policy::default())].into();
    let mut leave = |label: &Label| catalogue.reusable(label, &policies, stamp()).unwrap();
    let inspected = || mounted(&tape).inspect(&only_label(), |_| true).unwrap();
    let error = inspected().relabel(leave(&names[1]), stamp()).unwrap_err();
    assert!(matches!(error, VolumeError::OtherVolume { .. }), "{error}");
    assert_eq!(tape.files(), FileNo(2));
    let volume = inspected().relabel(leave(&names[0]), stamp()).unwrap();
    assert!(volume.was_fresh());
    assert_eq!(tape.files(), FileNo(1));
}

#[test]
fn a_volume_with_something_unknown_on_it_is_not_started_afresh() {
    let tape = tape();
    let (_, _) = write(labelled(&tape), &image(1));
    // Of another time: the catalogue was put back from a copy, and the volume begun again since.
    let earlier = Known { written: Some("20201123020304".parse().unwrap()), ..only_label() };
    for known in [&only_label(), &earlier] {
        let error = mounted(&tape).inspect(known, |_| false).unwrap_err();
        assert!(matches!(error, VolumeError::Unknown { file: FileNo(1), .. }), "{error}");
        mounted(&tape).inspect(known, |_| true).unwrap();
    }
    // A run was cut off when the label was written and nothing else.
    let fresh = self::tape();
    let _volume = labelled(&fresh);
    mounted(&fresh).inspect(&earlier, |_| false).unwrap();
}

#[test]
fn nothing_counts_before_the_flush() {
    let tape = tape();
    let volume = write_unflushed(labelled(&tape), &image(1));
    assert_eq!(volume.unflushed(), Bytes::of(image(1).bytes.len()));
    tape.cut_power(0);
    let error = volume.flush().unwrap_err();
    assert!(matches!(error, VolumeError::OtherPlace { .. } | VolumeError::Drive(_)), "{error}");
    assert_eq!(tape.files(), FileNo(1));
}

#[test]
fn records_that_do_not_fit_leave_the_volume_as_it_was() {
    let tape = MemoryTape::new(BlockSize::HEADER, Bytes(200 << 10), Bytes::ZERO);
    let (volume, part) = write(labelled(&tape), &image(1));
    let (volume, records, _) = volume.write_records(stamp(), &[7; 60 << 10]).unwrap();
    assert_eq!(records, Records::NoRoom);
    assert_eq!(volume.next_file(), part.file.next());
    let (_, records, _) = volume.write_records(stamp(), &[7; 20 << 10]).unwrap();
    assert_eq!(records, Records::Placed(FileNo(2)));
}

#[test]
fn a_part_can_be_restored_with_dd_and_zstd() {
    let mut operator = Operator::with_directories(1, ROOMY, Bytes::ZERO);
    let image = image(1);
    let job =
        crate::scribe::Job { image: image.image(), part_size: None, commit_every: Bytes::ZERO };
    let from = Reached::beginning();
    crate::scribe::write_image(&job, &mut image.source(), from, None, &mut operator).unwrap();
    let slot = operator.directory(1);
    let mut names: Vec<_> =
        fs::read_dir(&slot).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names[0], "00000.TEST-01");
    assert_eq!(names.len(), 2);
    let part = fs::read(slot.join(&names[1])).unwrap();
    assert_eq!(part[BlockSize::HEADER.len()..], image.bytes, "without any filling");
    let text = String::from_utf8_lossy(&part[..BlockSize::HEADER.len()]);
    assert!(text.starts_with("AMANDA: SPLIT_FILE 20261123020304 web \"/srv/da ta\"  part 1/-1 "));
}

#[test]
fn on_tape_the_last_block_is_filled_with_a_frame_that_zstd_passes_over() {
    let tape = tape();
    let image = MadeUp::new(1, &[70_000]);
    let (_, part) = write(labelled(&tape), &image);
    let mut drive = drive(&tape);
    drive.locate(Position { file: part.file, block: 1 }).unwrap();
    let (mut bytes, mut block) = (Vec::new(), vec![0; BlockSize::HEADER.len()]);
    while let Met::Block(length) = drive.read_block(&mut block).unwrap() {
        assert_eq!(length, BlockSize::HEADER.len());
        bytes.extend_from_slice(&block);
    }
    let (data, filling) = bytes.split_at(image.bytes.len());
    assert_eq!(data, image.bytes);
    assert_eq!(format::frame::filler_before(&bytes), Some(filling.len()));
}

#[test]
fn after_an_error_the_volume_is_mounted_again() {
    let tape = tape();
    let (_, part) = write(labelled(&tape), &image(1));
    let refused = faulty::Fault::Refused(Blame::Nothing);
    let fuse = faulty::Fuse::new(5, refused);
    let mut drive = faulty::Faulty::new(drive(&tape), fuse.clone());
    // The drive is lent, so it is still there when the volume is not.
    let Ok(Identified::Labelled(mounted)) = Loaded::new(&mut drive).identify() else { panic!() };
    assert!(mounted.append(&known(&part), |_| true).is_err());
    assert!(fuse.struck());
    let Ok(Identified::Labelled(mounted)) = Loaded::new(&mut drive).identify() else { panic!() };
    let _volume = mounted.append(&known(&part), |_| true).unwrap();
}

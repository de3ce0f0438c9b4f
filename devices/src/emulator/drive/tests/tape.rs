//! Blocks, filemarks and places.

use types::Bytes;

use super::{Bench, EOM, FM, ILI, Said, THEM, locate, noise, one, read, said, six, tape, write};
use crate::emulator::{
    BadSpot, CartridgeSetup, DriveModel, Generation, Harm, Kind, Setup, Spot, Stretch,
};
use crate::scsi::Status;

/// Three files: 2 blocks, 1 block, none.
fn three_files() -> Bench {
    let bench = Bench::lto8();
    for block in 0..2 {
        bench.write(&noise(block, 1000));
    }
    bench.mark();
    bench.write(&noise(2, 1000));
    bench.mark();
    bench.mark();
    bench.flush();
    bench
}

#[test]
fn what_was_written_is_read() {
    let bench = three_files();
    bench.rewind();
    assert_eq!([bench.read(1000), bench.read(1000)], [noise(0, 1000), noise(1, 1000)]);
    assert_eq!(bench.fails(&read(1000), &[], 1000), said(0, (0, 1), FM, 1000));
    assert_eq!(bench.read(1000), noise(2, 1000));
    assert_eq!(bench.fails(&read(1000), &[], 1000).flags, FM);
    assert_eq!(bench.fails(&read(1000), &[], 1000).flags, FM);
    for _ in 0..2 {
        assert_eq!(bench.fails(&read(1000), &[], 1000), said(8, (0, 5), 0, 1000));
    }
    assert_eq!(bench.position(), (6, 3));
}

#[test]
fn a_block_of_another_length_says_by_how_much() {
    let bench = three_files();
    bench.rewind();
    let longer = bench.run(super::US, &read(1500), &[], 1500);
    assert_eq!((longer.data.len(), longer.residual), (1000, 500));
    assert_eq!(super::said_in(&longer), said(0, (0, 0), ILI, 500));
    let shorter = bench.run(super::US, &read(400), &[], 400);
    assert_eq!(
        (&shorter.data, super::said_in(&shorter)),
        (&noise(1, 1000)[..400].to_vec(), said(0, (0, 0), ILI, -600))
    );
    bench.rewind();
    assert_eq!(
        bench.ok(&six(0x08, 2, 1500), &[], 1500),
        noise(0, 1000),
        "SILI hides that it was shorter"
    );
    assert_eq!(
        bench.fails(&six(0x08, 2, 400), &[], 400),
        said(0, (0, 0), ILI, -600),
        "but not longer"
    );
}

#[test]
fn nothing_is_moved_by_commands_without_length() {
    let bench = three_files();
    bench.rewind();
    bench.ok(&read(0), &[], 0);
    bench.ok(&write(0), &[], 0);
    assert_eq!(bench.position(), (0, 0));
    assert_eq!(bench.read(1000), noise(0, 1000));
}

#[test]
fn fixed_blocks_are_moved_many_at_a_time() {
    let bench = Bench::lto8();
    assert_eq!(bench.fails(&six(0x0a, 1, 2), &[0; 2000], 0).code, (0x24, 0), "no length is set");
    let select = [0, 0, 0x10, 8, 0, 0, 0, 0, 0, 0, 3, 232];
    bench.ok(&[0x15, 0x10, 0, 0, 12, 0], &select, 0);
    bench.ok(&six(0x0a, 1, 3), &noise(1, 3000), 0);
    bench.mark();
    bench.rewind();
    assert_eq!(bench.ok(&six(0x08, 1, 2), &[], 2000), noise(1, 3000)[..2000]);
    let answer = bench.run(super::US, &six(0x08, 1, 3), &[], 3000);
    assert_eq!((answer.data.len(), super::said_in(&answer)), (1000, said(0, (0, 1), FM, 2)));
    bench.rewind();
    bench.ok(&[0x15, 0x10, 0, 0, 12, 0], &[0, 0, 0x10, 8, 0, 0, 0, 0, 0, 0, 2, 0], 0);
    assert_eq!(bench.fails(&six(0x08, 1, 1), &[], 512), said(0, (0, 0), ILI, 1));
}

#[test]
fn space_stops_where_the_standard_says() {
    let bench = three_files();
    bench.rewind();
    let space = |code, count: i32| {
        let [_, a, b, c] = count.to_be_bytes();
        [0x11, code, a, b, c, 0]
    };
    assert_eq!(bench.fails(&space(0, 5), &[], 0), said(0, (0, 1), FM, 3));
    assert_eq!(bench.position(), (3, 1), "on the far side of the mark");
    assert_eq!(bench.fails(&space(0, -9), &[], 0), said(0, (0, 1), FM, 9));
    assert_eq!(bench.position(), (2, 0), "on the near side of the mark");
    assert_eq!(bench.fails(&space(0, -9), &[], 0), said(0, (0, 4), EOM, 7));
    bench.ok(&space(1, 2), &[], 0);
    assert_eq!(bench.position(), (5, 2));
    bench.ok(&space(1, -1), &[], 0);
    assert_eq!(bench.position(), (4, 1), "before the mark");
    assert_eq!(bench.fails(&space(1, 9), &[], 0), said(8, (0, 5), 0, 7));
    bench.ok(&space(3, 0), &[], 0);
    assert_eq!(bench.position(), (6, 3));
    bench.rewind();
    bench.ok(&space(2, 2), &[], 0);
    assert_eq!(bench.position(), (6, 3), "behind two marks in a row");
    assert_eq!(bench.fails(&space(1, -9), &[], 0), said(0, (0, 4), EOM, 6));
    let mut long = vec![0x91, 1, 0, 0];
    long.extend(1_i64.to_be_bytes());
    long.extend([0; 4]);
    bench.ok(&long, &[], 0);
    assert_eq!(bench.position(), (3, 1));
}

#[test]
fn every_object_can_be_gone_to_and_none_behind_the_end() {
    let bench = three_files();
    for object in [5, 0, 3, 6] {
        bench.locate(object);
        assert_eq!(bench.position().0, object);
    }
    assert_eq!(bench.fails(&locate(7), &[], 0).code, (0, 5));
    assert_eq!(bench.position().0, 6, "it stopped at the end");
    bench.ok(&[0x2b, 0, 0, 0, 0, 0, 3, 0, 0, 0], &[], 0);
    assert_eq!(bench.read(1000), noise(2, 1000));
}

#[test]
fn vendors_count_files_each_in_their_way() {
    for (model, object) in
        [(DriveModel::ibm(Generation::Lto8), 4), (DriveModel::hp(Generation::Lto8), 2)]
    {
        let bench = Bench::new(Setup::of(&model, 1, 0, 0).with(tape(Generation::Lto8)));
        for file in 0..3 {
            bench.write(&noise(file, 10));
            bench.mark();
        }
        let locate = [0x92, 1 << 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        bench.ok(&locate, &[], 0);
        assert_eq!(bench.position().0, object, "{}", model.vendor);
    }
}

#[test]
fn writing_makes_a_new_end() {
    let bench = three_files();
    bench.locate(1);
    bench.write(&noise(9, 50));
    bench.rewind();
    bench.ok(&[0x11, 3, 0, 0, 0, 0], &[], 0);
    assert_eq!(bench.position(), (2, 0));
}

#[test]
fn the_end_is_announced_and_then_refused() {
    // 100 blocks of 100 kB go on it, the last 10 of them behind early warning.
    let bench = Bench::holding(10_000_000);
    let block = noise(1, 100_000);
    let answers: Vec<_> =
        (0..101).map(|_| bench.run(super::US, &write(100_000), &block, 0)).collect();
    let good = answers.iter().take_while(|it| it.status == Status::Good).count();
    assert_eq!(good, 89);
    assert!(answers[89..100].iter().all(|it| super::said_in(it) == said(0, (0, 2), EOM, 0)));
    assert_eq!(super::said_in(&answers[100]), said(0xd, (0, 2), EOM, 100_000));
    assert_eq!(bench.position().0, 100);
    let marked = bench.fails(&[0x10, 0, 0, 0, 1, 0], &[], 0);
    assert_eq!(marked, said(0xd, (0, 2), EOM, 1), "it is full to the last byte");
}

#[test]
fn the_programmable_warning_comes_once_and_before_the_other() {
    let bench = Bench::holding(20_000_000);
    // 10 MB before early warning, which is at 18 MB.
    let mut page = vec![0; 8];
    page.extend([0x50, 0x01, 0, 28, 0, 0, 0, 10]);
    page.extend([0; 24]);
    bench.ok(&[0x55, 0x10, 0, 0, 0, 0, 0, 0, 40, 0], &page, 0);
    let block = noise(1, 1_000_000);
    let heard: Vec<_> = (0..19)
        .map(|_| bench.run(super::US, &write(block.len()), &block, 0))
        .map(|it| (it.status != Status::Good).then(|| super::said_in(&it).code))
        .collect();
    assert_eq!(heard.iter().position(Option::is_some), Some(7));
    assert_eq!((heard[7], heard[8], heard[17]), (Some((0, 7)), None, Some((0, 2))));
}

#[test]
fn unflushed_objects_are_told_and_lost_at_a_reset() {
    let bench = Bench::lto8();
    bench.write(&noise(0, 1000));
    bench.mark();
    bench.flush();
    bench.write(&noise(1, 1000));
    bench.write(&noise(2, 1000));
    assert_eq!(bench.durable(), (4, 2));
    let short = bench.ok(&[0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[], 20);
    assert_eq!((short[7], short[11], short[15]), (4, 2, 2), "first, last, buffered");
    bench.library.reset(super::DRIVE);
    assert_eq!(bench.fails(&[0; 6], &[], 0).code, (0x29, 0x02));
    assert_eq!(bench.position(), (0, 0), "it is rewound");
    bench.ok(&[0x11, 3, 0, 0, 0, 0], &[], 0);
    assert_eq!(bench.position().0, 2);
}

#[test]
fn a_power_cut_leaves_a_torn_end() {
    let bench = Bench::lto8();
    bench.write(&noise(0, 1000));
    bench.flush();
    bench.write(&noise(1, 1000));
    bench.library.power_cycle();
    bench.settle(super::US);
    assert_eq!(bench.fails(&[0x11, 3, 0, 0, 0, 0], &[], 0).code, (0x14, 0x03));
    bench.rewind();
    assert_eq!(bench.read(1000), noise(0, 1000));
    assert_eq!(bench.fails(&read(1000), &[], 1000), said(8, (0x14, 3), 0, 1000));
    bench.locate(1);
    bench.write(&noise(5, 1000));
    bench.flush();
    bench.ok(&[0x11, 3, 0, 0, 0, 0], &[], 0);
    assert_eq!(bench.position().0, 2, "writing mends it");
}

#[test]
fn bad_spots_are_met_at_their_place() {
    let bench = three_files();
    let spot =
        |object, harm| BadSpot { partition: 0, stretch: Stretch::Objects(object, object), harm };
    let operator = &bench.library;
    assert!(operator.damage("RK0001L8", spot(0, Harm::Recovered)));
    assert!(operator.damage("RK0001L8", spot(1, Harm::Unreadable)));
    bench.rewind();
    let first = bench.run(super::US, &read(1000), &[], 1000);
    assert_eq!((&first.data, super::said_in(&first).key), (&noise(0, 1000), 1));
    assert_eq!(bench.fails(&read(1000), &[], 1000), said(3, (0x11, 0), 0, 1000));
    assert_eq!(bench.position().0, 2, "the next one can be tried");
}

#[test]
fn a_write_error_is_told_when_the_data_were_long_accepted() {
    let bench = Bench::lto8();
    let stretch = Stretch::Tape(2500, 2600);
    bench.library.damage("RK0001L8", BadSpot { partition: 0, stretch, harm: Harm::Unwritable });
    for block in 0..5 {
        bench.write(&noise(block, 1000));
    }
    let flush = bench.fails(&[0x10, 0, 0, 0, 0, 0], &[], 0);
    assert_eq!((flush.key, flush.code), (3, (0x0c, 0)));
    assert_eq!(bench.durable(), (2, 2), "what was before the spot is safe");
}

#[test]
fn a_write_error_met_by_the_moving_tape_is_deferred() {
    let bench = Bench::lto8();
    let stretch = Stretch::Tape(50_000_000, 50_000_001);
    bench.library.damage("RK0001L8", BadSpot { partition: 0, stretch, harm: Harm::Unwritable });
    let block = vec![7; 8 << 20];
    bench.ok(&[0x15, 0x10, 0, 0, 20, 0], &uncompressed(), 0);
    let mut failed = None;
    for _ in 0..400 {
        let answer = bench.run(super::US, &write(block.len()), &block, 0);
        if answer.status != Status::Good {
            failed = Some(super::said_in(&answer));
            break;
        }
    }
    assert_eq!(failed, Some(Said { deferred: true, ..said(3, (0x0c, 0), 0, None) }));
    assert_eq!(bench.durable(), (5, 5));
}

/// MODE SELECT(6) parameters that turn compression off.
fn uncompressed() -> [u8; 20] {
    let mut list = [0; 20];
    list[2] = 0x10;
    list[4] = 0x0f;
    list[5] = 0x0e;
    list
}

#[test]
fn worm_is_written_once() {
    let worm = CartridgeSetup { kind: Kind::Worm, ..tape(Generation::Lto8) };
    let bench = Bench::new(one(Generation::Lto8).with(worm));
    bench.write(&noise(0, 1000));
    bench.mark();
    bench.locate(1);
    bench.write(&noise(1, 1000));
    bench.rewind();
    assert_eq!(bench.fails(&write(10), &[0; 10], 0).code, (0x30, 0x0c));
    assert_eq!(bench.fails(&[0x19, 0, 0, 0, 0, 0], &[], 0).key, 7);
    assert_eq!(bench.read(1000), noise(0, 1000));
}

#[test]
fn a_protected_cartridge_is_not_written() {
    let bench = three_files();
    bench.library.operator().write_protect("RK0001L8", true).unwrap();
    assert_eq!(bench.fails(&write(10), &[0; 10], 0), said(7, (0x27, 0), 0, None));
    let sense = bench.ok(&[0x1a, 0x08, 0x3f, 0, 255, 0], &[], 255);
    assert_eq!(sense[2] & 0x80, 0x80);
}

#[test]
fn older_cartridges_are_read_only_or_not_at_all() {
    let old = CartridgeSetup::blank(Spot::Drive(0), "RK0001L5", Generation::Lto5);
    let bench = Bench::new(one(Generation::Lto7).with(old.clone()));
    assert_eq!(bench.fails(&write(10), &[0; 10], 0), said(7, (0x30, 5), 0, None));
    let bench = Bench::new(one(Generation::Lto9).with(old));
    assert_eq!(bench.fails(&[0; 6], &[], 0).code, (0x30, 0));
}

#[test]
fn another_host_shut_out_by_a_reservation_gets_in_when_it_ends() {
    let bench = three_files();
    bench.settle(THEM);
    bench.ok(&[0x16, 0, 0, 0, 0, 0], &[], 0);
    let rewind = || bench.run(THEM, &[0x01, 0, 0, 0, 0, 0], &[], 0).status;
    assert_eq!(rewind(), Status::ReservationConflict);
    assert_eq!(bench.position().0, 6);
    bench.ok(&[0x17, 0, 0, 0, 0, 0], &[], 0);
    assert_eq!(rewind(), Status::Good);
    assert_eq!(bench.position().0, 0, "and rewinds behind our back");
}

#[test]
fn append_only_needs_leave_to_overwrite() {
    let bench = three_files();
    let mut page = vec![0; 8];
    page.extend([0x50, 0x01, 0, 28, 0, 0x10, 0, 0]);
    page.extend([0; 24]);
    bench.ok(&[0x55, 0x10, 0, 0, 0, 0, 0, 0, 40, 0], &page, 0);
    bench.rewind();
    assert_eq!(bench.fails(&write(10), &[0; 10], 0).key, 7);
    bench.ok(&[0x82, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[], 0);
    bench.write(&[0; 10]);
    bench.write(&[0; 10]);
    assert_eq!(bench.position().0, 2);
}

#[test]
fn a_partition_holds_what_was_given_to_it() {
    let bench = Bench::new(
        one(Generation::Lto8).with(tape(Generation::Lto8).holding(Bytes(100_000_000_000))),
    );
    // Two partitions: 40 GB, and the rest.
    let page = [0, 0, 0x10, 0, 0x11, 10, 3, 1, 0x3c, 0, 9, 0, 0, 40, 0xff, 0xff];
    bench.ok(&[0x15, 0x10, 0, 0, 16, 0], &page, 0);
    bench.ok(&[0x04, 0, 1, 0, 0, 0], &[], 0);
    let locate = |partition| [0x92, 2, 0, partition, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    bench.write(&noise(0, 10));
    bench.ok(&locate(1), &[], 0);
    bench.write(&noise(1, 10));
    bench.ok(&locate(0), &[], 0);
    assert_eq!(bench.read(10), noise(0, 10));
    bench.ok(&locate(1), &[], 0);
    assert_eq!(bench.read(10), noise(1, 10));
    assert_eq!(bench.fails(&locate(2), &[], 0).code, (0x24, 0));
}

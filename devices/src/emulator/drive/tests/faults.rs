//! What goes wrong when the plan says so.

use std::time::Duration;

use super::{Bench, DRIVE, noise, read, said, write};
use crate::emulator::{Act, FaultPlan, Harm, Rule, Sense};
use crate::scsi::{Cdb, Status};
use crate::transport::{Break, Data, Transport};

fn with(rule: Rule) -> Bench {
    let bench = Bench::lto8();
    bench.library.set_faults(FaultPlan::one(rule));
    bench
}

const SENSE: Sense = Sense { key: 4, code: [0x44, 0], information: None };

#[test]
fn a_command_fails_before_or_after_it_was_carried_out() {
    for (act, position) in [(Act::Check(SENSE), 1), (Act::CheckAfter(SENSE), 2)] {
        let bench = with(Rule::new(act).at(0x0a).nth(2));
        bench.write(&noise(0, 100));
        assert_eq!(bench.fails(&write(100), &noise(1, 100), 0).code, (0x44, 0));
        assert_eq!(bench.position().0, position);
        assert_eq!(bench.library.struck().len(), 1);
    }
}

#[test]
fn a_deferred_error_loses_what_was_buffered() {
    let sense = Sense { key: 3, code: [0x0c, 0], information: None };
    let bench = with(Rule::new(Act::Deferred(sense)).at(0x0a).nth(4));
    bench.write(&noise(0, 100));
    bench.flush();
    bench.write(&noise(1, 100));
    bench.write(&noise(2, 100));
    let failed = bench.fails(&write(100), &noise(3, 100), 0);
    assert_eq!(failed, super::Said { deferred: true, ..said(3, (0x0c, 0), 0, None) });
    assert_eq!(bench.durable(), (1, 1));
}

#[test]
fn a_drive_that_lies_says_good_and_does_nothing() {
    let bench = with(Rule::new(Act::Lie).at(0x0a));
    bench.write(&noise(0, 100));
    assert_eq!(bench.position().0, 0);
}

#[test]
fn no_answer_is_followed_by_a_reset() {
    let bench = with(Rule::new(Act::TimeOut).at(0x0a).nth(2));
    bench.write(&noise(0, 100));
    let answer = bench.library.execute(DRIVE, super::US, &write(100), &noise(1, 100), 0);
    assert_eq!(answer, Err(Break::TimedOut));
    assert_eq!(bench.fails(&[0; 6], &[], 0).code, (0x29, 2));
    assert_eq!(bench.position().0, 0);
}

#[test]
fn a_drive_that_hangs_is_given_up_by_its_host() {
    let bench = with(Rule::new(Act::Hang(900)).at(0x01));
    let mut device = bench.library.transport(DRIVE, super::US);
    let rewind = Cdb::new([0x01, 0, 0, 0, 0, 0]);
    let error = device.execute(&rewind, Data::None, Duration::from_secs(600)).unwrap_err();
    assert_eq!(error.what, Break::TimedOut);
    let ready = device.execute(&Cdb::new([0; 6]), Data::None, Duration::from_secs(60)).unwrap();
    assert_eq!((ready.status, ready.sense[12]), (Status::CheckCondition, 0x29));
}

#[test]
fn a_drive_that_is_gone_comes_back_with_the_power() {
    let bench = with(Rule::new(Act::Gone).at(0x08));
    let gone = bench.library.execute(DRIVE, super::US, &read(1), &[], 1);
    assert_eq!(gone, Err(Break::Gone));
    assert_eq!(bench.library.execute(DRIVE, super::US, &[0; 6], &[], 0), Err(Break::Gone));
    bench.library.power_cycle();
    bench.settle(super::US);
    bench.ok(&[0; 6], &[], 0);
}

#[test]
fn bits_flip_on_the_wire_or_on_the_tape() {
    let mut flipped = noise(0, 100);
    flipped[10] ^= 1;
    for rule in [
        Rule::new(Act::FlipOnWire(10)).at(0x0a),
        Rule::new(Act::FlipOnWire(10)).at(0x08),
        Rule::new(Act::FlipOnTape(10)).at(0x0a),
    ] {
        let bench = with(rule);
        bench.write(&noise(0, 100));
        bench.rewind();
        assert_eq!(bench.read(100), flipped);
    }
}

#[test]
fn damage_and_foreign_rewinds_happen_where_the_tape_stands() {
    let bench = with(Rule::new(Act::Damage(Harm::Unreadable)).object(1));
    bench.write(&noise(0, 100));
    bench.write(&noise(1, 100));
    bench.rewind();
    bench.read(100);
    assert_eq!(bench.fails(&read(100), &[], 100).code, (0x11, 0));
    let bench = with(Rule::new(Act::ForeignRewind).at(0x0a).nth(3));
    for block in 0..3 {
        bench.write(&noise(block, 100));
    }
    assert_eq!(bench.position().0, 1, "the third block stands at the beginning");
}

#[test]
fn alerts_and_power_cuts_can_be_planned() {
    let bench = with(Rule::new(Act::Alert(0x24)).at(0x00));
    bench.ok(&[0; 6], &[], 0);
    let map = bench.ok(&[0x4d, 0, 0x52, 0, 0, 0, 0, 1, 0, 0], &[], 256);
    assert_eq!(crate::emulator::bytes::field(&map, 8, 8), 1 << (64 - 0x24));
    let bench = with(Rule::new(Act::PowerCut).at(0x0a).nth(2));
    bench.write(&noise(0, 100));
    assert_eq!(bench.fails(&write(100), &noise(1, 100), 0).code, (0x29, 0));
}

/// Every command of a little session in turn fails in every way, and nothing panics.
#[test]
fn any_single_fault_leaves_a_drive_that_can_be_used_again() {
    let acts = [
        Act::Check(SENSE),
        Act::Deferred(SENSE),
        Act::Lie,
        Act::TimeOut,
        Act::TimeOutAfter,
        Act::Reset,
        Act::PowerCut,
        Act::ForeignRewind,
        Act::Dirt,
        Act::FlipOnTape(0),
    ];
    for act in acts {
        for nth in 1.. {
            let bench = Bench::lto8();
            bench.library.set_faults(FaultPlan::nth(nth, act.clone()));
            let session: [(&[u8], &[u8]); 5] = [
                (&write(3), b"abc"),
                (&[0x10, 0, 0, 0, 1, 0], &[]),
                (&[0x01, 0, 0, 0, 0, 0], &[]),
                (&read(3), &[]),
                (&[0x1b, 0, 0, 0, 0, 0], &[]),
            ];
            for (command, out) in session {
                // Whatever it says: the next command comes all the same.
                let _answer = bench.library.execute(DRIVE, super::US, command, out, 3);
            }
            let struck = !bench.library.struck().is_empty();
            bench.library.set_faults(FaultPlan::default());
            bench.settle(super::US);
            bench.run(super::US, &[0x1b, 0, 0, 0, 1, 0], &[], 0);
            bench.settle(super::US);
            bench.rewind();
            bench.write(b"xyz");
            bench.rewind();
            assert_eq!(bench.read(3), b"xyz", "{act:?} {nth}");
            if !struck {
                assert_eq!(nth, 6);
                break;
            }
        }
    }
}

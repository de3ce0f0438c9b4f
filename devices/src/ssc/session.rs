//! The small night, with something going wrong at each command in turn, on a drive that knows no more than the standard.

use super::plain::{Fault, Plain, deferred, sense};
use super::{Setup, TapeDrive};
use crate::conformance::night::{BLOCK, check, night, write};

#[test]
fn no_single_fault_loses_what_was_flushed() {
    let faults = [
        Fault::Complain(sense(3, 0x0c, 0)),
        Fault::Complain(sense(4, 0x44, 0)),
        Fault::Complain(deferred(sense(3, 0x0c, 0))),
        Fault::Complain(sense(6, 0x29, 0)),
        Fault::Complain(sense(6, 0x28, 0)),
        Fault::Complain(sense(6, 0x2a, 1)),
        Fault::Complain(sense(0xb, 0x4e, 0)),
        Fault::Complain(sense(2, 0x04, 1)),
        Fault::Reset,
        Fault::NoAnswer,
        Fault::AnswerLost,
    ];
    for fault in faults {
        for command in 0.. {
            let plain = Plain::default();
            plain.state().fault = Some((command, fault.clone()));
            let setup = Setup { block: BLOCK, ..Setup::default() };
            eprintln!("{fault:?} at command {command}");
            let mut drive = TapeDrive::new("d0".parse().unwrap(), plain.clone(), setup);
            night(&mut drive, |_, _| ());
            if plain.state().fault.is_some() {
                break; // every command has had its turn
            }
        }
    }
}

/// Between the look at the position and the write there is a gap, and a host that uses it is kept out only by a
/// reservation. But nothing is called safe that such a one has spoilt.
#[test]
fn a_foreign_rewind_at_any_command_is_noticed_at_the_next_flush() {
    for command in 0.. {
        let plain = Plain::default();
        plain.state().fault = Some((command, Fault::Rewound));
        let setup = Setup { block: BLOCK, ..Setup::default() };
        let mut drive = TapeDrive::new("d0".parse().unwrap(), plain.clone(), setup);
        let mut flushed = 0;
        let done = write(&mut drive, &mut flushed);
        if plain.state().fault.is_some() {
            break;
        }
        if done.is_ok() {
            check(&mut drive, flushed).unwrap();
        }
    }
}

//! The table against the map of the standards and the drives, and the laws that hold for every combination.

use types::Blame;

use super::{
    Again, Answer, Attention, Failure, Position, Reason, Unflushed, Unready, Verdict, judge,
};
use super::{During, Key, Sense};
use crate::scsi::sense::When;

/// Every key, code and qualifier on every occasion; and with every flag, the codes that flags go with.
fn each(mut law: impl FnMut(&Sense, During, Verdict)) {
    for key in Key::ALL {
        for asc in 0..=0xff {
            for ascq in 0..=0xff {
                let mut sense = Sense::of(key, asc, ascq);
                let flagged = matches!(asc, 0x00 | 0x0c | 0x11 | 0x30 | 0x37 | 0x5d | 0x82);
                for flags in if flagged { 0..8 } else { 0..1 } {
                    sense.filemark = flags & 1 != 0;
                    sense.end_of_medium = flags & 2 != 0;
                    sense.other_length = flags & 4 != 0;
                    for during in During::ALL {
                        law(&sense, during, judge(&sense, during));
                    }
                }
            }
        }
    }
}

fn judged(key: u8, asc: u8, ascq: u8, during: During) -> Verdict {
    judge(&Sense::of(Key::ALL[usize::from(key)], asc, ascq), during)
}

fn failed(verdict: Verdict) -> Failure {
    match verdict {
        Verdict::Failed(failure) => failure,
        other => panic!("{other:?} is no failure"),
    }
}

#[test]
fn what_was_said_of_the_medium_is_an_answer() {
    let left = None;
    let table = [
        ((0, 0x00, 0x00), During::Other, Answer::Done),
        ((0, 0x00, 0x01), During::Read, Answer::Filemark { left }),
        ((0, 0x00, 0x01), During::Space, Answer::Filemark { left }),
        ((0, 0x00, 0x02), During::Write, Answer::EarlyWarning { left }),
        ((0, 0x00, 0x02), During::Mark, Answer::EarlyWarning { left }),
        ((0, 0x00, 0x04), During::Space, Answer::BeginningOfPartition { left }),
        ((0, 0x00, 0x07), During::Write, Answer::ProgrammableEarlyWarning { left }),
        ((0, 0x00, 0x17), During::Write, Answer::CleaningWanted),
        ((1, 0x00, 0x17), During::Other, Answer::CleaningWanted),
        ((0, 0x82, 0x82), During::Read, Answer::CleaningWanted),
        ((1, 0x82, 0x82), During::Other, Answer::CleaningWanted),
        // "Drive has been cleaned", says IBM: it was, and wants nothing.
        ((1, 0x83, 0x83), During::Other, Answer::Recovered),
        ((1, 0x17, 0x01), During::Read, Answer::Recovered),
        ((1, 0x37, 0x00), During::Other, Answer::Rounded),
        ((8, 0x00, 0x05), During::Read, Answer::EndOfData { left }),
        ((8, 0x00, 0x05), During::Space, Answer::EndOfData { left }),
        ((0xd, 0x00, 0x02), During::Write, Answer::Full { left }),
        ((0xd, 0x00, 0x02), During::Mark, Answer::Full { left }),
        ((1, 0x5d, 0x00), During::Other, Answer::FailurePredicted),
    ];
    for ((key, asc, ascq), during, answer) in table {
        assert_eq!(
            judged(key, asc, ascq, during),
            Verdict::Answer(answer),
            "{key:x}/{asc:02x}/{ascq:02x}"
        );
    }
}

#[test]
fn a_device_that_is_not_ready_says_what_it_waits_for() {
    let table = [
        ((0, 0x00, 0x16), Unready::InProgress(None)),
        ((2, 0x04, 0x07), Unready::InProgress(None)),
        ((2, 0x04, 0x00), Unready::Becoming(None)),
        ((2, 0x04, 0x01), Unready::Becoming(None)),
        ((2, 0x04, 0x02), Unready::NeedsLoad),
        ((2, 0x04, 0x03), Unready::Manual),
        ((2, 0x04, 0x04), Unready::Formatting(None)),
        ((2, 0x04, 0x12), Unready::Offline),
        ((2, 0x30, 0x03), Unready::Cleaning),
        ((2, 0x3a, 0x00), Unready::NoMedium),
        ((2, 0x3a, 0x04), Unready::NotThreaded),
        ((2, 0x3b, 0x12), Unready::NoMagazine),
        ((5, 0x3b, 0x11), Unready::NoMagazine),
        ((2, 0x99, 0x99), Unready::Other),
    ];
    for ((key, asc, ascq), unready) in table {
        let verdict = judged(key, asc, ascq, During::Other);
        assert_eq!(verdict, Verdict::NotReady(unready), "{key:x}/{asc:02x}/{ascq:02x}");
        assert_ne!(verdict.again(), Again::AtOnce);
    }
}

#[test]
fn an_attention_says_what_has_to_be_done_again() {
    let table = [
        (0x28, 0x00, Attention::MediumChanged, Position::Lost),
        (0x28, 0x01, Attention::MailSlot, Position::Kept),
        (0x29, 0x00, Attention::Reset, Position::Lost),
        (0x29, 0x07, Attention::Reset, Position::Lost),
        (0x2a, 0x01, Attention::Modes, Position::Kept),
        (0x2a, 0x02, Attention::Logs, Position::Kept),
        (0x2a, 0x03, Attention::Reservations, Position::Lost),
        (0x2a, 0x10, Attention::Timestamp, Position::Kept),
        (0x2a, 0x11, Attention::Encryption, Position::Lost),
        (0x3f, 0x01, Attention::Firmware, Position::Lost),
        (0x3f, 0x03, Attention::Identity, Position::Kept),
        (0x3f, 0x0e, Attention::Identity, Position::Kept),
        (0x2f, 0x00, Attention::CommandsCleared, Position::Lost),
        (0x99, 0x00, Attention::Unknown, Position::Lost),
    ];
    for (asc, ascq, attention, position) in table {
        let verdict = judged(6, asc, ascq, During::Write);
        assert_eq!(verdict, Verdict::Attention(attention), "6/{asc:02x}/{ascq:02x}");
        assert_eq!(verdict.position(), position, "6/{asc:02x}/{ascq:02x}");
        assert_eq!(verdict.blame(), Blame::Nothing);
    }
}

#[test]
fn a_failure_names_its_reason_and_the_culprit() {
    let table = [
        ((3, 0x0c, 0x00), During::Write, Reason::Medium, Blame::Medium),
        ((3, 0x11, 0x00), During::Read, Reason::Medium, Blame::Medium),
        ((3, 0x14, 0x01), During::Space, Reason::Medium, Blame::Medium),
        ((3, 0x30, 0x05), During::Other, Reason::Incompatible, Blame::Medium),
        ((3, 0x30, 0x07), During::Other, Reason::CleaningFailed, Blame::Medium),
        ((3, 0x31, 0x00), During::Other, Reason::Medium, Blame::Medium),
        ((3, 0x50, 0x00), During::Write, Reason::Medium, Blame::Medium),
        ((3, 0x53, 0x00), During::Other, Reason::Medium, Blame::Medium),
        ((4, 0x10, 0x01), During::Write, Reason::DataPath, Blame::Host),
        ((4, 0x15, 0x01), During::Move, Reason::Mechanics, Blame::Host),
        ((4, 0x15, 0x01), During::Space, Reason::Mechanics, Blame::Drive),
        ((4, 0x3b, 0x0d), During::Move, Reason::DestinationFull, Blame::Nothing),
        ((4, 0x3b, 0x0e), During::Move, Reason::SourceEmpty, Blame::Nothing),
        ((4, 0x44, 0x00), During::Write, Reason::Hardware, Blame::Drive),
        ((4, 0x53, 0x00), During::Move, Reason::Mechanics, Blame::Drive),
        ((5, 0x20, 0x00), During::Other, Reason::Unsupported, Blame::Host),
        ((5, 0x20, 0x0c), During::Write, Reason::AppendOnly, Blame::Host),
        ((5, 0x21, 0x01), During::Move, Reason::NoSuchElement, Blame::Nothing),
        ((5, 0x24, 0x00), During::Other, Reason::Wrong, Blame::Host),
        ((5, 0x26, 0x00), During::Other, Reason::Wrong, Blame::Host),
        ((5, 0x30, 0x05), During::Write, Reason::Incompatible, Blame::Medium),
        ((5, 0x3a, 0x00), During::Move, Reason::Withheld, Blame::Nothing),
        ((5, 0x3b, 0x0d), During::Move, Reason::DestinationFull, Blame::Nothing),
        ((5, 0x3b, 0x0e), During::Move, Reason::SourceEmpty, Blame::Nothing),
        ((5, 0x53, 0x01), During::Move, Reason::NotUnloaded, Blame::Nothing),
        ((5, 0x53, 0x02), During::Move, Reason::RemovalPrevented, Blame::Nothing),
        ((7, 0x26, 0x10), During::Write, Reason::Encryption, Blame::Host),
        ((7, 0x27, 0x00), During::Write, Reason::WriteProtected, Blame::Medium),
        ((7, 0x30, 0x0c), During::Write, Reason::WriteOnce, Blame::Medium),
        ((7, 0x30, 0x0d), During::Write, Reason::WriteOnce, Blame::Medium),
        ((7, 0x74, 0x01), During::Read, Reason::Encryption, Blame::Host),
        ((7, 0xef, 0x10), During::Read, Reason::Encryption, Blame::Host),
        ((8, 0x14, 0x03), During::Space, Reason::NoEndOfData, Blame::Medium),
        ((0xb, 0x47, 0x00), During::Write, Reason::Aborted, Blame::Host),
        ((0xb, 0x00, 0x06), During::Read, Reason::Aborted, Blame::Nothing),
    ];
    for ((key, asc, ascq), during, reason, blame) in table {
        let failure = failed(judged(key, asc, ascq, during));
        assert_eq!(
            (failure.reason, failure.blame),
            (reason, blame),
            "{key:x}/{asc:02x}/{ascq:02x}"
        );
    }
}

#[test]
fn the_sign_of_the_information_says_whether_a_block_is_short_or_long() {
    let mut sense = Sense::of(Key::NoSense, 0, 0);
    sense.other_length = true;
    sense.information = Some(100);
    assert_eq!(judge(&sense, During::Read), Verdict::Answer(Answer::ShortBlock { missing: 100 }));
    sense.information = Some(-4096);
    assert_eq!(judge(&sense, During::Read), Verdict::Answer(Answer::LongBlock { excess: 4096 }));
    sense.information = None;
    assert_eq!(failed(judge(&sense, During::Read)).reason, Reason::BlockLength);
}

#[test]
fn an_early_warning_is_heard_though_its_code_is_missing_or_the_write_was_recovered() {
    for key in [Key::NoSense, Key::Recovered] {
        let mut sense = Sense::of(key, if key == Key::Recovered { 0x0c } else { 0 }, 0);
        sense.end_of_medium = true;
        assert_eq!(
            judge(&sense, During::Write),
            Verdict::Answer(Answer::EarlyWarning { left: None })
        );
    }
}

#[test]
fn a_warning_with_something_left_to_write_is_the_end() {
    for (ascq, during) in
        [(0x02, During::Write), (0x02, During::Mark), (0x07, During::Write), (0x00, During::Write)]
    {
        let mut sense = Sense::of(Key::NoSense, 0x00, ascq);
        sense.end_of_medium = true;
        sense.information = Some(0);
        assert_eq!(judge(&sense, during).unflushed(), Unflushed::Kept, "all was taken");
        sense.information = Some(1);
        assert_eq!(judge(&sense, during), Verdict::Answer(Answer::Full { left: Some(1) }));
    }
}

#[test]
fn a_reset_or_a_new_cartridge_always_loses_the_position_and_what_was_not_flushed() {
    each(|sense, during, verdict| {
        let lost = matches!(sense.code.asc, 0x29)
            || matches!((sense.code.asc, sense.code.ascq), (0x28, 0x00));
        if sense.key == Key::UnitAttention && lost {
            assert_eq!(
                (verdict.position(), verdict.unflushed()),
                (Position::Lost, Unflushed::Lost),
                "{during:?}"
            );
            assert_ne!(verdict.again(), Again::AtOnce);
        }
    });
}

#[test]
fn a_wish_for_cleaning_is_never_a_fault() {
    each(|sense, _, verdict| {
        let cleaning = matches!((sense.code.asc, sense.code.ascq), (0x00, 0x17) | (0x82, 0x82));
        let talks =
            matches!(sense.key, Key::NoSense | Key::Recovered | Key::Medium | Key::Hardware);
        if cleaning && talks && !sense.other_length {
            assert!(matches!(verdict, Verdict::Answer(_)), "{sense:?} is {verdict:?}");
        }
    });
}

#[test]
fn a_deferred_complaint_always_puts_what_was_not_flushed_in_doubt() {
    each(|sense, during, _| {
        let mut late = sense.clone();
        late.when = When::Deferred;
        let verdict = judge(&late, during);
        assert_eq!(verdict.unflushed(), Unflushed::Lost, "{late:?} is {verdict:?}");
        assert_eq!(verdict.position(), Position::Lost, "{late:?} is {verdict:?}");
    });
}

#[test]
fn nothing_is_repeated_at_once_while_the_position_is_unknown() {
    each(|sense, during, verdict| {
        if verdict.again() == Again::AtOnce {
            assert_eq!(verdict.position(), Position::Kept, "{sense:?} during {during:?}");
            assert_eq!(verdict.unflushed(), Unflushed::Kept, "{sense:?} during {during:?}");
        }
    });
}

#[test]
fn a_lost_position_never_goes_with_data_that_are_safe() {
    each(|sense, during, verdict| {
        if verdict.position() == Position::Lost {
            assert_eq!(verdict.unflushed(), Unflushed::Lost, "{sense:?} during {during:?}");
        }
    });
}

#[test]
fn errors_of_medium_and_drive_are_never_taken_for_success() {
    each(|sense, during, verdict| {
        let notice = matches!(verdict, Verdict::Answer(Answer::CleaningWanted))
            || matches!(
                verdict,
                Verdict::Answer(Answer::ShortBlock { .. } | Answer::LongBlock { .. })
            );
        if matches!(sense.key, Key::Medium | Key::Hardware | Key::Miscompare | Key::DataProtect)
            && !notice
        {
            let failure = failed(verdict);
            assert!(
                failure.blame != Blame::Nothing || during == During::Move,
                "{sense:?} during {during:?} blames nobody"
            );
        }
    });
}

#[test]
fn a_full_medium_is_heard_only_by_whoever_writes() {
    each(|sense, during, verdict| {
        if matches!(verdict, Verdict::Answer(Answer::Full { .. })) {
            assert!(
                sense.key == Key::VolumeOverflow && matches!(during, During::Write | During::Mark)
            );
        }
    });
}

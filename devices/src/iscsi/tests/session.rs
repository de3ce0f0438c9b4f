//! A session, as a list of events.

use super::super::login::{Purpose, Terms};
use super::super::pdu::{
    Command, DataOut, Delivery, Direction, HEADER, LogoutRequest, NO_TAG, NopOut, Numbered,
    Numbers, Reason, Request, Residual, Response, TaskOutcome, TaskRequest, TextRequest,
};
use super::super::session::{Action, Job, Session};
use super::super::{Answer, Lun, Reset};
use super::{TARGET, good};
use crate::scsi::Status;

const FIRST: u32 = u32::MAX - 1; // numbers wrap in every test

fn terms() -> Terms {
    Terms {
        purpose: Purpose::Normal,
        initiator: "iqn.x:y".to_owned(),
        isid: [0; 6],
        segment: 1000,
        burst: 2500,
        first_burst: 700,
        initial_r2t: false,
        immediate_data: true,
        cmd_sn: FIRST,
        stat_sn: 10,
    }
}

fn session() -> Session {
    Session::new(terms(), TARGET, "127.0.0.1:3260")
}

fn lun(unit: u8) -> [u8; 8] {
    [0, unit, 0, 0, 0, 0, 0, 0]
}

fn head(number: u32) -> Numbered {
    Numbered {
        delivery: Delivery::Ordered,
        tag: 100 + number,
        cmd_sn: FIRST.wrapping_add(number),
        exp_stat_sn: 0,
    }
}

fn command(number: u32, unit: u8, direction: Direction, length: u32, data: usize) -> Command {
    Command {
        head: head(number),
        lun: lun(unit),
        direction,
        last: true,
        length,
        cdb: vec![0; 16],
        data: vec![7; data],
    }
}

fn piece(
    number: u32,
    transfer_tag: u32,
    data_sn: u32,
    offset: u32,
    data: usize,
    last: bool,
) -> Request {
    Request::Data(DataOut {
        tag: 100 + number,
        transfer_tag,
        last,
        data_sn,
        offset,
        data: vec![7; data],
    })
}

fn receive(session: &mut Session, request: Request) -> Vec<Action> {
    session.receive(&[0; HEADER], request)
}

fn job(actions: &[Action]) -> &Job {
    match actions {
        [Action::Execute(job)] => job,
        other => panic!("no job: {other:?}"),
    }
}

/// What was sent, without the numbers.
fn sent(actions: &[Action]) -> Vec<&Response> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Send(response, _) => Some(response),
            _ => None,
        })
        .collect()
}

fn ready(number: u32, transfer_tag: u32, r2t_sn: u32, offset: u32, length: u32) -> Response {
    Response::Ready { tag: 100 + number, lun: lun(1), transfer_tag, r2t_sn, offset, length }
}

#[test]
fn a_command_without_data_ends_with_its_status() {
    let mut session = session();
    let actions = receive(&mut session, Request::Command(command(0, 1, Direction::None, 0, 0)));
    let job = job(&actions).clone();
    assert_eq!((job.lun, job.room), (Some(Lun(1)), 0));
    let actions = session.answered(job.task, good(0));
    assert_eq!(
        actions,
        [Action::Send(
            Response::Command {
                tag: 100,
                status: 0,
                residual: Residual::None,
                data_sn: 0,
                sense: Vec::new()
            },
            Numbers { stat_sn: 10, exp_cmd_sn: u32::MAX, max_cmd_sn: 30 },
        )]
    );
}

#[test]
fn a_long_read_comes_in_segments_and_bursts_with_the_status_in_the_last() {
    let mut session = session();
    let actions = receive(&mut session, Request::Command(command(0, 1, Direction::In, 4000, 0)));
    assert_eq!(job(&actions).room, 4000);
    let actions = session.answered(job(&actions).task, good(3200));
    let pieces: Vec<_> = sent(&actions)
        .into_iter()
        .map(|response| match response {
            Response::Data { last, end, data_sn, offset, data, .. } => {
                (*data_sn, *offset, data.len(), *last, *end)
            }
            other => panic!("no data: {other:?}"),
        })
        .collect();
    assert_eq!(
        pieces,
        [
            (0, 0, 1000, false, None),
            (1, 1000, 1000, false, None),
            (2, 2000, 500, true, None),
            (3, 2500, 700, true, Some((0, Residual::Under(800)))),
        ]
    );
}

#[test]
fn more_than_the_initiator_takes_is_an_overflow() {
    let mut session = session();
    let actions = receive(&mut session, Request::Command(command(0, 1, Direction::In, 8, 0)));
    let actions = session.answered(job(&actions).task, good(20));
    assert!(matches!(
        sent(&actions)[..],
        [Response::Data { end: Some((0, Residual::Over(12))), data, .. }] if data.len() == 8
    ));
}

#[test]
fn sense_data_come_after_the_data_they_speak_of() {
    let mut session = session();
    let actions = receive(&mut session, Request::Command(command(0, 1, Direction::In, 100, 0)));
    let answer = Answer {
        status: Status::CheckCondition,
        sense: vec![0xf0, 0, 0x20],
        data: vec![9; 40],
        refused: 0,
    };
    let actions = session.answered(job(&actions).task, answer);
    assert!(matches!(
        sent(&actions)[..],
        [
            Response::Data { end: None, last: true, .. },
            Response::Command { status: 2, residual: Residual::Under(60), data_sn: 1, sense, .. },
        ] if sense == &[0xf0, 0, 0x20]
    ));
}

#[test]
fn a_write_collects_what_comes_along_what_follows_and_what_is_asked_for() {
    let mut session = session();
    let write = Command { last: false, ..command(0, 1, Direction::Out, 4000, 300) };
    assert_eq!(receive(&mut session, Request::Command(write)), []);
    assert_eq!(receive(&mut session, piece(0, NO_TAG, 0, 300, 100, false)), []);
    let actions = receive(&mut session, piece(0, NO_TAG, 1, 400, 100, true));
    assert_eq!(sent(&actions), [&ready(0, 0, 0, 500, 2500)]);
    assert_eq!(receive(&mut session, piece(0, 0, 0, 500, 1000, false)), []);
    let actions = receive(&mut session, piece(0, 0, 1, 1500, 1500, true));
    assert_eq!(sent(&actions), [&ready(0, 1, 1, 3000, 1000)]);
    let actions = receive(&mut session, piece(0, 1, 0, 3000, 1000, true));
    assert_eq!(job(&actions).data, vec![7; 4000]);
    let answer = Answer { refused: 1000, ..good(0) };
    let actions = session.answered(job(&actions).task, answer);
    assert!(matches!(
        sent(&actions)[..],
        [Response::Command { status: 0, residual: Residual::Under(1000), .. }]
    ));
}

#[test]
fn a_unit_is_given_its_commands_in_their_order_and_others_do_not_wait() {
    let mut session = session();
    let actions = receive(&mut session, Request::Command(command(0, 1, Direction::Out, 10, 0)));
    assert_eq!(sent(&actions), [&ready(0, 0, 0, 0, 10)]);
    assert_eq!(receive(&mut session, Request::Command(command(1, 1, Direction::None, 0, 0))), []);
    assert_eq!(receive(&mut session, Request::Command(command(2, 1, Direction::Out, 10, 0))), []);
    let other = receive(&mut session, Request::Command(command(3, 2, Direction::None, 0, 0)));
    assert_eq!(job(&other).lun, Some(Lun(2)));
    let actions = receive(&mut session, piece(0, 0, 0, 0, 10, true));
    let lengths = actions.iter().map(|action| match action {
        Action::Execute(job) => job.data.len(),
        _ => 99,
    });
    // The write, the command behind it; and now the second write is asked for its data.
    assert_eq!(lengths.collect::<Vec<_>>(), [10, 0, 99]);
    assert_eq!(sent(&actions), [&ready(2, 1, 0, 0, 10)]);
}

#[test]
fn data_out_of_order_end_the_connection() {
    for wrong in [
        piece(0, 0, 1, 0, 10, false),
        piece(0, 5, 0, 0, 10, false),
        piece(0, 0, 0, 1, 10, false),
        piece(0, 0, 0, 0, 11, true),
        piece(0, 0, 0, 0, 9, true),
        piece(0, NO_TAG, 0, 0, 10, true),
    ] {
        let mut session = session();
        receive(&mut session, Request::Command(command(0, 1, Direction::Out, 10, 0)));
        let actions = receive(&mut session, wrong.clone());
        assert!(
            matches!(
                actions[..],
                [Action::Send(Response::Reject { reason: Reason::Protocol, .. }, _), Action::Close]
            ),
            "{wrong:?}: {actions:?}"
        );
    }
}

#[test]
fn more_data_along_with_a_command_than_agreed_end_the_connection() {
    for wrong in [
        command(0, 1, Direction::Out, 1000, 701),
        command(0, 1, Direction::Out, 10, 11),
        command(0, 1, Direction::In, 10, 1),
        command(0, 1, Direction::None, 0, 1),
    ] {
        let actions = receive(&mut session(), Request::Command(wrong));
        assert!(matches!(actions[..], [_, Action::Close]), "{actions:?}");
    }
}

#[test]
fn a_write_too_long_for_memory_is_refused_and_its_data_thrown_away() {
    let mut session = session();
    let huge = Command { last: false, ..command(0, 1, Direction::Out, u32::MAX, 10) };
    let actions = receive(&mut session, Request::Command(huge));
    assert!(matches!(
        sent(&actions)[..],
        [Response::Command { status: 2, residual: Residual::Under(u32::MAX), .. }]
    ));
    assert_eq!(receive(&mut session, piece(0, NO_TAG, 0, 10, 100, true)), []);
}

#[test]
fn an_aborted_task_never_answers() {
    let mut session = session();
    let actions = receive(&mut session, Request::Command(command(0, 1, Direction::None, 0, 0)));
    let task = job(&actions).task;
    let abort = |number, referenced| {
        Request::Task(TaskRequest { head: head(number), lun: lun(1), function: 1, referenced })
    };
    let actions = receive(&mut session, abort(1, 100));
    assert_eq!(sent(&actions), [&Response::Task { tag: 101, outcome: TaskOutcome::Done }]);
    assert_eq!(session.answered(task, good(0)), []);
    let actions = receive(&mut session, abort(2, 100));
    assert_eq!(sent(&actions), [&Response::Task { tag: 102, outcome: TaskOutcome::NoTask }]);
}

#[test]
fn aborting_a_write_lets_the_next_command_of_the_unit_pass() {
    let mut session = session();
    receive(&mut session, Request::Command(command(0, 1, Direction::Out, 10, 0)));
    receive(&mut session, Request::Command(command(1, 1, Direction::None, 0, 0)));
    let abort = TaskRequest { head: head(2), lun: lun(1), function: 1, referenced: 100 };
    let actions = receive(&mut session, Request::Task(abort));
    assert!(matches!(actions[..], [Action::Execute(_), Action::Send(Response::Task { .. }, _)]));
}

#[test]
fn resets_reach_the_units_and_a_cold_one_ends_the_connection() {
    let manage = |function, unit| {
        let mut session = session();
        receive(&mut session, Request::Command(command(0, 1, Direction::None, 0, 0)));
        let request = TaskRequest { head: head(1), lun: unit, function, referenced: NO_TAG };
        receive(&mut session, Request::Task(request))
    };
    let done = |actions: &[Action], outcome| {
        assert_eq!(sent(actions), [&Response::Task { tag: 101, outcome }]);
    };
    let actions = manage(5, lun(1));
    assert_eq!(actions[0], Action::Reset(Reset::Unit(Lun(1))));
    done(&actions, TaskOutcome::Done);
    done(&manage(5, [0xff; 8]), TaskOutcome::NoUnit);
    let actions = manage(6, lun(0));
    assert_eq!(actions[0], Action::Reset(Reset::Warm));
    let actions = manage(7, lun(0));
    assert_eq!(actions[0], Action::Reset(Reset::Cold));
    assert_eq!(actions.last(), Some(&Action::Close));
    done(&manage(2, lun(1)), TaskOutcome::Done);
    done(&manage(8, lun(1)), TaskOutcome::NoReassign);
    done(&manage(3, lun(1)), TaskOutcome::Unsupported);
}

#[test]
fn the_window_closes_as_commands_pile_up_and_what_is_outside_is_ignored() {
    let mut session = session();
    for number in 0..32 {
        let actions =
            receive(&mut session, Request::Command(command(number, 1, Direction::None, 0, 0)));
        assert_eq!(actions.len(), 1);
    }
    assert_eq!(receive(&mut session, Request::Command(command(32, 1, Direction::None, 0, 0))), []);
    // One behind the window, and one that has been.
    assert_eq!(receive(&mut session, Request::Command(command(3, 1, Direction::None, 0, 0))), []);
}

#[test]
fn a_gap_in_the_numbers_ends_the_connection() {
    let actions = receive(&mut session(), Request::Command(command(1, 1, Direction::None, 0, 0)));
    assert!(matches!(actions[..], [_, Action::Close]));
}

#[test]
fn immediate_commands_do_not_count_and_do_not_pile_up_without_end() {
    let mut session = session();
    let immediate = |tag| {
        let mut command = command(0, 1, Direction::None, 0, 0);
        command.head = Numbered { delivery: Delivery::Immediate, tag, ..command.head };
        Request::Command(command)
    };
    for tag in 0..64 {
        assert!(matches!(receive(&mut session, immediate(tag))[..], [Action::Execute(_)]));
    }
    assert!(matches!(
        sent(&receive(&mut session, immediate(64)))[..],
        [Response::Reject { reason: Reason::TooManyImmediate, .. }]
    ));
}

#[test]
fn a_ping_comes_back_and_the_answer_to_one_does_not() {
    let mut session = session();
    let ping = |tag| {
        Request::Nop(NopOut {
            head: Numbered { delivery: Delivery::Immediate, tag, ..head(0) },
            lun: lun(0),
            transfer_tag: NO_TAG,
            data: vec![1, 2],
        })
    };
    let actions = receive(&mut session, ping(5));
    assert_eq!(sent(&actions), [&Response::Nop { tag: 5, lun: lun(0), data: vec![1, 2] }]);
    assert_eq!(receive(&mut session, ping(NO_TAG)), []);
}

#[test]
fn a_discovery_session_names_the_target_and_takes_no_commands() {
    let terms = Terms { purpose: Purpose::Discovery, ..terms() };
    let mut session = Session::new(terms, TARGET, "127.0.0.1:3260");
    let ask = |number, text: &[u8]| {
        Request::Text(TextRequest {
            head: head(number),
            last: true,
            goes_on: false,
            text: text.to_vec(),
        })
    };
    let actions = receive(&mut session, ask(0, b"SendTargets=All\0"));
    let text = format!("TargetName={TARGET}\0TargetAddress=127.0.0.1:3260,1\0").into_bytes();
    assert_eq!(sent(&actions), [&Response::Text { tag: 100, text }]);
    let actions = receive(&mut session, ask(1, b"SendTargets=iqn.other\0Odd=1\0"));
    let text = b"Odd=NotUnderstood\0".to_vec();
    assert_eq!(sent(&actions), [&Response::Text { tag: 101, text }]);
    let actions = receive(&mut session, Request::Command(command(2, 1, Direction::None, 0, 0)));
    assert!(matches!(actions[..], [_, Action::Close]));
}

#[test]
fn logout_says_goodbye_and_closes() {
    let logout = Request::Logout(LogoutRequest { head: head(0), reason: 0 });
    let actions = receive(&mut session(), logout);
    assert!(matches!(actions[..], [Action::Send(Response::Logout { tag: 100 }, _), Action::Close]));
}

#[test]
fn a_retransmission_is_refused_and_the_session_goes_on() {
    let mut header = [0; HEADER];
    header[0] = 0x10;
    let actions = session().receive_unknown(&header);
    assert!(matches!(
        actions[..],
        [Action::Send(Response::Reject { reason: Reason::Snack, .. }, _)]
    ));
}

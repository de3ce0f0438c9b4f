//! What an initiator says at the log-in, and what it is answered.

use super::super::pdu::{Delivery, Numbered};
use super::*;

const TARGET: &str = "iqn.2026-01.example:library";

fn request(stage: u8, next: Option<u8>, keys: &str) -> LoginRequest {
    LoginRequest {
        head: Numbered { delivery: Delivery::Immediate, tag: 5, cmd_sn: 9, exp_stat_sn: 3 },
        transit: next.is_some(),
        goes_on: false,
        stage,
        next: next.unwrap_or(0),
        version_min: 0,
        isid: [0x40, 0, 0, 0, 0, 1],
        tsih: 0,
        text: keys.split_whitespace().flat_map(|pair| [pair.as_bytes(), b"\0"].concat()).collect(),
    }
}

fn said(text: &[u8]) -> String {
    let pairs = text::pairs(text).unwrap();
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

fn login() -> Login {
    Login::new(Offer::new(TARGET))
}

fn refusal(keys: &str) -> LoginStatus {
    match login().step(request(OPERATIONAL, Some(FULL_FEATURE), keys)) {
        Step::Refuse(reply) => reply.status,
        other => panic!("not refused: {other:?}"),
    }
}

/// As open-iscsi 2.1 sends it.
#[test]
fn the_kernels_initiator_logs_in_with_two_requests() {
    let mut login = login();
    let first = request(
        SECURITY,
        Some(OPERATIONAL),
        &format!(
            "InitiatorName=iqn.1993-08.org.debian:01:abc InitiatorAlias=host TargetName={TARGET} \
             SessionType=Normal AuthMethod=None"
        ),
    );
    let Step::Continue(reply) = login.step(first) else { panic!("not continued") };
    assert!(reply.transit);
    assert_eq!((reply.stage, reply.next), (SECURITY, OPERATIONAL));
    assert_eq!(said(&reply.text), "AuthMethod=None TargetPortalGroupTag=1");

    let second = request(
        OPERATIONAL,
        Some(FULL_FEATURE),
        "HeaderDigest=None DataDigest=None DefaultTime2Wait=2 DefaultTime2Retain=0 IFMarker=No OFMarker=No \
         ErrorRecoveryLevel=0 InitialR2T=No ImmediateData=Yes MaxBurstLength=16776192 FirstBurstLength=262144 \
         MaxOutstandingR2T=1 MaxConnections=1 DataPDUInOrder=Yes DataSequenceInOrder=Yes \
         MaxRecvDataSegmentLength=262144",
    );
    let Step::Done(reply, terms) = login.step(second) else { panic!("not done") };
    assert_eq!(
        said(&reply.text),
        "HeaderDigest=None DataDigest=None DefaultTime2Wait=2 DefaultTime2Retain=0 IFMarker=No OFMarker=No \
         ErrorRecoveryLevel=0 InitialR2T=No ImmediateData=Yes MaxBurstLength=16776192 FirstBurstLength=262144 \
         MaxOutstandingR2T=1 MaxConnections=1 DataPDUInOrder=Yes DataSequenceInOrder=Yes \
         MaxRecvDataSegmentLength=1048576"
    );
    assert_ne!(reply.tsih, 0);
    assert_eq!(
        *terms,
        Terms {
            purpose: Purpose::Normal,
            initiator: "iqn.1993-08.org.debian:01:abc".to_owned(),
            isid: [0x40, 0, 0, 0, 0, 1],
            segment: 262_144,
            burst: 16_776_192,
            first_burst: 262_144,
            initial_r2t: false,
            immediate_data: true,
            cmd_sn: 9,
            stat_sn: 3,
        }
    );
}

#[test]
fn discovery_needs_no_target() {
    let keys = "InitiatorName=iqn.x:y SessionType=Discovery AuthMethod=None";
    let Step::Continue(reply) = login().step(request(SECURITY, Some(OPERATIONAL), keys)) else {
        panic!("not continued")
    };
    assert_eq!(said(&reply.text), "AuthMethod=None");
}

#[test]
fn text_may_come_in_pieces() {
    let mut login = login();
    let whole = format!("InitiatorName=iqn.x:y TargetName={TARGET}");
    let mut first = request(OPERATIONAL, None, &whole);
    let rest = first.text.split_off(20);
    first.goes_on = true;
    let Step::Continue(reply) = login.step(first) else { panic!("not continued") };
    assert!(reply.text.is_empty() && !reply.transit);
    let second = LoginRequest { text: rest, ..request(OPERATIONAL, Some(FULL_FEATURE), "") };
    assert!(matches!(login.step(second), Step::Done(..)));
}

#[test]
fn what_is_not_offered_is_refused_or_answered_no() {
    let keys = format!(
        "InitiatorName=iqn.x:y TargetName={TARGET} HeaderDigest=CRC32C,None DataDigest=CRC32C ErrorRecoveryLevel=2 \
         MaxConnections=8 X-com.example.fast=1 MaxBurstLength=0x400 FirstBurstLength=65536"
    );
    let Step::Done(reply, terms) = login().step(request(OPERATIONAL, Some(FULL_FEATURE), &keys))
    else {
        panic!("not done")
    };
    assert_eq!(
        said(&reply.text),
        "HeaderDigest=None DataDigest=Reject ErrorRecoveryLevel=0 MaxConnections=1 X-com.example.fast=NotUnderstood \
         MaxBurstLength=1024 FirstBurstLength=65536 TargetPortalGroupTag=1 MaxRecvDataSegmentLength=1048576"
    );
    assert_eq!((terms.burst, terms.first_burst), (1024, 1024));
}

#[test]
fn who_does_not_say_its_name_or_the_right_target_is_refused() {
    let me = "InitiatorName=iqn.x:y";
    for (keys, status) in [
        (String::new(), LoginStatus::MissingParameter),
        (me.to_owned(), LoginStatus::MissingParameter),
        (format!("TargetName={TARGET}"), LoginStatus::MissingParameter),
        (format!("{me} TargetName=iqn.other"), LoginStatus::NotFound),
        (format!("{me} TargetName={TARGET} AuthMethod=CHAP"), LoginStatus::AuthenticationFailure),
        (format!("{me} TargetName={TARGET} SessionType=Odd"), LoginStatus::UnsupportedSession),
        (format!("{me} {me} TargetName={TARGET}"), LoginStatus::InitiatorError),
        (format!("{me} TargetName={TARGET} MaxBurstLength=many"), LoginStatus::InitiatorError),
        (format!("{me} TargetName={TARGET} MaxBurstLength=4"), LoginStatus::InitiatorError),
        (
            format!("{me} TargetName={TARGET} MaxRecvDataSegmentLength=16777216"),
            LoginStatus::InitiatorError,
        ),
        (format!("{me} TargetName={TARGET} ImmediateData=Maybe"), LoginStatus::InitiatorError),
        (format!("{me} TargetName={TARGET} SendTargets=All"), LoginStatus::InvalidDuringLogin),
    ] {
        assert_eq!(refusal(&keys), status, "{keys}");
    }
}

#[test]
fn a_second_connection_another_version_or_a_step_backwards_is_refused() {
    let keys = format!("InitiatorName=iqn.x:y TargetName={TARGET}");
    let plain = || request(SECURITY, Some(OPERATIONAL), &keys);
    for (wrong, status) in [
        (LoginRequest { tsih: 4, ..plain() }, LoginStatus::TooManyConnections),
        (LoginRequest { version_min: 1, ..plain() }, LoginStatus::UnsupportedVersion),
        (LoginRequest { stage: 2, ..plain() }, LoginStatus::InvalidDuringLogin),
        (LoginRequest { next: 2, ..plain() }, LoginStatus::InvalidDuringLogin),
        (LoginRequest { next: 0, ..plain() }, LoginStatus::InvalidDuringLogin),
        (LoginRequest { goes_on: true, ..plain() }, LoginStatus::InvalidDuringLogin),
        (LoginRequest { text: b"nonsense".to_vec(), ..plain() }, LoginStatus::InitiatorError),
    ] {
        let Step::Refuse(reply) = login().step(wrong.clone()) else { panic!("taken: {wrong:?}") };
        assert_eq!(reply.status, status, "{wrong:?}");
    }
    let mut login = login();
    assert!(matches!(login.step(plain()), Step::Continue(_)));
    assert!(matches!(login.step(request(SECURITY, None, "")), Step::Refuse(_)));
}

#[test]
fn a_login_that_never_ends_is_ended() {
    let mut login = login();
    let keys = format!("InitiatorName=iqn.x:y TargetName={TARGET}");
    assert!(matches!(login.step(request(OPERATIONAL, None, &keys)), Step::Continue(_)));
    let refused = (0..MOST_STEPS)
        .any(|_| matches!(login.step(request(OPERATIONAL, None, "")), Step::Refuse(_)));
    assert!(refused);

    let mut endless = login_that_goes_on();
    let piece =
        LoginRequest { goes_on: true, text: vec![b'a'; 8192], ..request(OPERATIONAL, None, "") };
    assert!((0..20).any(|_| matches!(endless.step(piece.clone()), Step::Refuse(_))));
}

fn login_that_goes_on() -> Login {
    login()
}

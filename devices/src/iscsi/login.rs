//! The log-in: who is there, and what both sides agree on (RFC 7143, chapters 6 and 13).
//!
//! An initiator sends keys and values, in one PDU or several; the target answers each key; at the end stand the
//! [`Terms`] of the session. [`Login`] is the target's side as a state machine: a request in, a [`Step`] out.
//!
//! ```text
//!  security negotiation ──► operational negotiation ──► full feature phase
//!  InitiatorName, TargetName,   MaxBurstLength, InitialR2T,   session::Session
//!  SessionType, AuthMethod      digests …
//! ```
//!
//! What is offered is small on purpose: one connection, no digests, error recovery level 0. The kernel's initiator
//! agrees to all of it. Bursts may be long (16 MiB less a little), since a tape block travels as one command, and a block that
//! needs several R2Ts costs a round trip for each.

use std::collections::BTreeSet;

use super::pdu::LoginRequest;
use super::text::{self, Pair};

/// What the target is and offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The target's iSCSI name: `iqn.…`.
    pub target: String,
    /// The longest data segment that we take once logged in.
    pub segment: u32,
    /// The longest burst.
    pub burst: u32,
    /// The longest unsolicited burst.
    pub first_burst: u32,
}

impl Offer {
    /// What the library's target offers under this name.
    pub fn new(target: impl Into<String>) -> Self {
        Self { target: target.into(), segment: 1 << 20, burst: 0x00ff_ffff, first_burst: 1 << 20 }
    }
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Asking which targets there are.
    Discovery,
    /// Commands.
    Normal,
}

/// What was agreed on. Begins as the standard's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What for.
    pub purpose: Purpose,
    /// The initiator's name.
    pub initiator: String,
    /// The initiator's part of the session's name: with the initiator's name, it tells the nexus.
    pub isid: [u8; 6],
    /// The longest data segment that the initiator takes.
    pub segment: u32,
    /// The longest solicited burst.
    pub burst: u32,
    /// The longest unsolicited burst.
    pub first_burst: u32,
    /// Whether all data but the immediate wait for an R2T.
    pub initial_r2t: bool,
    /// Whether data may come along with the command.
    pub immediate_data: bool,
    /// The number of the next command.
    pub cmd_sn: u32,
    /// The number of the next status.
    pub stat_sn: u32,
}

/// How a log-in stands (RFC 7143, 11.13.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginStatus {
    /// Go on.
    Success,
    /// Something in it makes no sense.
    InitiatorError,
    /// It wants a way of authentication that we have not.
    AuthenticationFailure,
    /// No target of this name.
    NotFound,
    /// It speaks another version.
    UnsupportedVersion,
    /// A second connection for a session.
    TooManyConnections,
    /// It did not say its name, or whom it wants.
    MissingParameter,
    /// Neither discovery nor normal.
    UnsupportedSession,
    /// Not in this stage.
    InvalidDuringLogin,
}

impl LoginStatus {
    /// Class and detail.
    pub fn code(self) -> [u8; 2] {
        match self {
            Self::Success => [0, 0],
            Self::InitiatorError => [2, 0],
            Self::AuthenticationFailure => [2, 1],
            Self::NotFound => [2, 3],
            Self::UnsupportedVersion => [2, 5],
            Self::TooManyConnections => [2, 6],
            Self::MissingParameter => [2, 7],
            Self::UnsupportedSession => [2, 9],
            Self::InvalidDuringLogin => [2, 0x0b],
        }
    }
}

/// The target's side of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginResponse {
    /// The request's.
    pub tag: u32,
    /// The request's.
    pub isid: [u8; 6],
    /// The session's number, once there is one.
    pub tsih: u16,
    /// How it stands.
    pub status: LoginStatus,
    /// Whether the next stage begins.
    pub transit: bool,
    /// The stage now.
    pub stage: u8,
    /// The next.
    pub next: u8,
    /// Keys and values.
    pub text: Vec<u8>,
}

/// What follows from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Answer, and wait for more.
    Continue(LoginResponse),
    /// Answer; the session begins.
    Done(LoginResponse, Box<Terms>),
    /// Answer, and close the connection.
    Refuse(LoginResponse),
}

const SECURITY: u8 = 0;
const OPERATIONAL: u8 = 1;
const FULL_FEATURE: u8 = 3;

/// The most requests that one log-in may take.
const MOST_STEPS: u32 = 32;

/// A log-in under way.
#[derive(Debug)]
pub struct Login {
    offer: Offer,
    terms: Terms,
    /// The stage, once the first request has named it.
    stage: Option<u8>,
    /// Text of requests that go on.
    pending: Vec<u8>,
    seen: BTreeSet<String>,
    steps: u32,
    said_group: bool,
    said_segment: bool,
}

impl Login {
    /// Before the first request.
    pub fn new(offer: Offer) -> Self {
        let terms = Terms {
            purpose: Purpose::Normal,
            initiator: String::new(),
            isid: [0; 6],
            segment: 8192,
            burst: 262_144,
            first_burst: 65_536,
            initial_r2t: true,
            immediate_data: true,
            cmd_sn: 0,
            stat_sn: 0,
        };
        Self {
            offer,
            terms,
            stage: None,
            pending: Vec::new(),
            seen: BTreeSet::new(),
            steps: 0,
            said_group: false,
            said_segment: false,
        }
    }

    /// Takes one request.
    pub fn step(&mut self, request: LoginRequest) -> Step {
        let reply = LoginResponse {
            tag: request.head.tag,
            isid: request.isid,
            tsih: request.tsih,
            status: LoginStatus::Success,
            transit: false,
            stage: request.stage,
            next: request.next,
            text: Vec::new(),
        };
        match self.go(&request) {
            Ok(Went::On(text)) => Step::Continue(LoginResponse { text, ..reply }),
            Ok(Went::Over(text)) => {
                self.stage = Some(request.next);
                let reply = LoginResponse { transit: true, text, ..reply };
                if request.next == FULL_FEATURE {
                    // Any number but 0: there is one connection a session, so nobody will name it again.
                    Step::Done(LoginResponse { tsih: 1, ..reply }, Box::new(self.terms.clone()))
                } else {
                    Step::Continue(reply)
                }
            }
            Err(status) => Step::Refuse(LoginResponse { status, ..reply }),
        }
    }

    fn go(&mut self, request: &LoginRequest) -> Result<Went, LoginStatus> {
        self.steps += 1;
        if self.steps > MOST_STEPS || self.pending.len() + request.text.len() > text::LONGEST {
            return Err(LoginStatus::InitiatorError);
        }
        self.check_stage(request)?;
        self.pending.extend_from_slice(&request.text);
        if request.goes_on {
            return Ok(Went::On(Vec::new()));
        }
        let asked = text::pairs(&std::mem::take(&mut self.pending))
            .map_err(|_| LoginStatus::InitiatorError)?;
        let mut answers = self.take(&asked)?;
        self.check_names()?;
        self.say_unasked(request.stage, &mut answers);
        let text = text::encode(&answers);
        Ok(if request.transit { Went::Over(text) } else { Went::On(text) })
    }

    /// Stages go forwards, and the first request says which is the first.
    fn check_stage(&mut self, request: &LoginRequest) -> Result<(), LoginStatus> {
        if request.version_min != 0 {
            return Err(LoginStatus::UnsupportedVersion);
        }
        if request.tsih != 0 && self.stage.is_none() {
            return Err(LoginStatus::TooManyConnections);
        }
        if self.stage.is_none() {
            self.terms.isid = request.isid;
            self.terms.cmd_sn = request.head.cmd_sn;
            self.terms.stat_sn = request.head.exp_stat_sn;
        }
        let stage = *self.stage.get_or_insert(request.stage);
        let known = matches!(request.stage, SECURITY | OPERATIONAL);
        let forwards =
            matches!(request.next, OPERATIONAL | FULL_FEATURE) && request.next > request.stage;
        if !known || stage != request.stage || request.transit && (!forwards || request.goes_on) {
            return Err(LoginStatus::InvalidDuringLogin);
        }
        Ok(())
    }

    fn take(&mut self, asked: &[Pair]) -> Result<Vec<Pair>, LoginStatus> {
        let mut answers = Vec::new();
        for (key, value) in asked {
            if !self.seen.insert(key.clone()) {
                return Err(LoginStatus::InitiatorError);
            }
            if let Some(answer) = self.negotiate(key, value)? {
                answers.push((key.clone(), answer));
            }
        }
        // Whatever the order of the two keys.
        self.terms.first_burst = self.terms.first_burst.min(self.terms.burst);
        Ok(answers)
    }

    /// One key (RFC 7143, chapter 13): what we answer, if it wants an answer.
    fn negotiate(&mut self, key: &str, value: &str) -> Result<Option<String>, LoginStatus> {
        let least = |ours: u32| number(value).map(|theirs| theirs.min(ours));
        let terms = &mut self.terms;
        let answer = match key {
            "InitiatorName" => {
                value.clone_into(&mut terms.initiator);
                return Ok(None);
            }
            "TargetName" => {
                if value != self.offer.target {
                    return Err(LoginStatus::NotFound);
                }
                return Ok(None);
            }
            "SessionType" => {
                terms.purpose = match value {
                    "Discovery" => Purpose::Discovery,
                    "Normal" => Purpose::Normal,
                    _ => return Err(LoginStatus::UnsupportedSession),
                };
                return Ok(None);
            }
            "InitiatorAlias" | "X#NodeArchitecture" => return Ok(None),
            "AuthMethod" if one_of(value, "None") => "None".to_owned(),
            "AuthMethod" => return Err(LoginStatus::AuthenticationFailure),
            "HeaderDigest" | "DataDigest" if one_of(value, "None") => "None".to_owned(),
            "MaxRecvDataSegmentLength" => {
                let theirs = number(value)?;
                if !(512..1 << 24).contains(&theirs) {
                    return Err(LoginStatus::InitiatorError);
                }
                terms.segment = theirs;
                return Ok(None);
            }
            "MaxBurstLength" => {
                terms.burst = burst(least(self.offer.burst)?)?;
                terms.burst.to_string()
            }
            "FirstBurstLength" => {
                terms.first_burst = burst(least(self.offer.first_burst)?)?;
                terms.first_burst.to_string()
            }
            "InitialR2T" => {
                terms.initial_r2t = yes(value)?;
                word(terms.initial_r2t)
            }
            "ImmediateData" => {
                terms.immediate_data = yes(value)?;
                word(terms.immediate_data)
            }
            "MaxConnections" | "MaxOutstandingR2T" => least(1)?.to_string(),
            "DefaultTime2Wait" => number(value)?.to_string(),
            "DefaultTime2Retain" | "ErrorRecoveryLevel" => least(0)?.to_string(),
            "DataPDUInOrder" | "DataSequenceInOrder" => word(true),
            "IFMarker" | "OFMarker" => word(false),
            "TaskReporting" if one_of(value, "RFC3720") => "RFC3720".to_owned(),
            "HeaderDigest" | "DataDigest" | "TaskReporting" | "IFMarkInt" | "OFMarkInt" => {
                "Reject".to_owned()
            }
            "SendTargets" => return Err(LoginStatus::InvalidDuringLogin),
            _ => "NotUnderstood".to_owned(),
        };
        Ok(Some(answer))
    }

    /// Who logs in says so first, and to whom.
    fn check_names(&self) -> Result<(), LoginStatus> {
        let named = self.terms.purpose == Purpose::Discovery || self.seen.contains("TargetName");
        let name = &self.terms.initiator;
        if name.is_empty() || name.len() > 223 || !named {
            return Err(LoginStatus::MissingParameter);
        }
        Ok(())
    }

    /// What the target declares by itself, once.
    fn say_unasked(&mut self, stage: u8, answers: &mut Vec<Pair>) {
        let mut say = |key: &str, value: String| answers.push((key.to_owned(), value));
        if self.terms.purpose == Purpose::Normal && !std::mem::replace(&mut self.said_group, true) {
            say("TargetPortalGroupTag", "1".to_owned());
        }
        if stage == OPERATIONAL && !std::mem::replace(&mut self.said_segment, true) {
            say("MaxRecvDataSegmentLength", self.offer.segment.to_string());
        }
    }
}

/// Where a step led, with what we say.
enum Went {
    On(Vec<u8>),
    Over(Vec<u8>),
}

fn one_of(list: &str, wanted: &str) -> bool {
    list.split(',').any(|one| one == wanted)
}

/// Decimal, or hexadecimal after `0x` (RFC 7143, 6.1).
fn number(value: &str) -> Result<u32, LoginStatus> {
    let parsed = match value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16),
        None => value.parse(),
    };
    parsed.map_err(|_| LoginStatus::InitiatorError)
}

/// A burst of less than 512 bytes may not be (RFC 7143, 13.13).
fn burst(length: u32) -> Result<u32, LoginStatus> {
    if length < 512 { Err(LoginStatus::InitiatorError) } else { Ok(length) }
}

fn yes(value: &str) -> Result<bool, LoginStatus> {
    match value {
        "Yes" => Ok(true),
        "No" => Ok(false),
        _ => Err(LoginStatus::InitiatorError),
    }
}

fn word(yes: bool) -> String {
    if yes { "Yes" } else { "No" }.to_owned()
}

#[cfg(test)]
mod tests;

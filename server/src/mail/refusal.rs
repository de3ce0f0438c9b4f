//! Why a mail server did not take a mail: at which step, whose words, and what to do.
//!
//! The library tells a refusal from a broken connection; which step it was, only the session knows. Both together say
//! what the operator can do, and that is a table here.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use config::SmtpSecurity;
use lettre::transport::smtp;
use lettre::transport::smtp::response::Severity;

/// How far the session was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Until it had said who it is and what it can.
    Greeting,
    /// STARTTLS, and all until the connection was encrypted.
    Encryption,
    /// Name and password.
    Login,
    /// The address that the mail is from.
    Sender(String),
    /// One that it is for.
    Recipient(String),
    /// The mail itself.
    Message,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Greeting => f.write_str("when greeted"),
            Self::Encryption => f.write_str("when asked to encrypt the connection"),
            Self::Login => f.write_str("when given name and password"),
            Self::Sender(address) => write!(f, "when told that the mail is from {address}"),
            Self::Recipient(address) => write!(f, "when told that the mail is for {address}"),
            Self::Message => f.write_str("when given the mail itself"),
        }
    }
}

/// The last words of whatever went wrong below.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Cause(String);

impl Cause {
    /// The innermost cause of an error: the library repeats it in each layer above.
    pub(super) fn of(error: &dyn Error) -> Self {
        let mut innermost = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self(innermost.to_string())
    }
}

/// Why a mail server did not take a mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// No connection.
    #[error("it was not reached: see that it runs, and that smtp has its name and port")]
    Unreachable(#[source] Cause),
    /// A connection, and then nothing.
    #[error("it said nothing for {} s {step}{}", .patience.as_secs(), perhaps(*.other_way))]
    Silent {
        /// When that was.
        step: Step,
        /// How long it was waited for.
        patience: Duration,
        /// Another protection that would explain it.
        other_way: Option<&'static str>,
    },
    /// A connection that ended.
    #[error("it broke the connection off {step}: its log says why")]
    HungUp {
        /// When that was.
        step: Step,
    },
    /// A certificate that nobody vouches for.
    #[error(
        "its certificate is not trusted: if it is the right server, name a file in smtp-ca with the certificate of \
         whoever signed it"
    )]
    Untrusted(#[source] Cause),
    /// Bytes that are no TLS, or none that both know.
    #[error("the connection could not be encrypted{}", perhaps(*.other_way))]
    Encryption {
        /// Another protection that would explain it.
        other_way: Option<&'static str>,
        /// What the other side sent.
        #[source]
        source: Cause,
    },
    /// It does not encrypt.
    #[error(
        "it does not offer STARTTLS, and unencrypted it gets no mail: smtps:// is for servers that encrypt from the \
         beginning, smtp:// for those that need not"
    )]
    NoStartTls,
    /// It has no use for a password.
    #[error(
        "it offers no login with name and password (AUTH PLAIN or LOGIN): many do only on another port, as \
         smtp+starttls://HOST:587; for one that wants none leave smtp-login out"
    )]
    NoLogin,
    /// It does not know such addresses.
    #[error("it takes no address with other letters than those of ASCII (SMTPUTF8)")]
    AsciiOnly,
    /// It said no.
    #[error("it refused {step}, with {code}{}: {}", said(.words), advice(.step, *.code))]
    Refused {
        /// To what.
        step: Step,
        /// Its code (RFC 5321 section 4.2).
        code: u16,
        /// Its words.
        words: String,
    },
    /// What it said makes no sense.
    #[error("what it said {step} is no SMTP: see that smtp has the right port")]
    Nonsense {
        /// When that was.
        step: Step,
        /// What is wrong with it.
        #[source]
        source: Cause,
    },
}

impl ServerError {
    /// What an error of the library means at this step.
    pub(super) fn of(
        step: Step,
        error: &smtp::Error,
        security: SmtpSecurity,
        patience: Duration,
    ) -> Self {
        if let Some(code) = error.status() {
            let words = error.source().map(ToString::to_string).unwrap_or_default();
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            return Self::Refused { step, code: code.into(), words };
        }
        let cause = Cause::of(error);
        match kind(error) {
            // A read that takes too long would block; a connection that takes too long is timed out.
            Some(io::ErrorKind::WouldBlock) => {
                let other_way = (step == Step::Greeting && security != SmtpSecurity::Tls)
                    .then_some("smtps://, for a server that encrypts from the beginning");
                Self::Silent { step, patience, other_way }
            }
            Some(io::ErrorKind::InvalidData) if cause.0.contains("certificate") => {
                Self::Untrusted(cause)
            }
            Some(io::ErrorKind::InvalidData) => {
                let other_way = (security == SmtpSecurity::Tls)
                    .then_some("smtp+starttls://, for a server that does not from the beginning");
                Self::Encryption { other_way, source: cause }
            }
            Some(
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe,
            ) => Self::HungUp { step },
            // What the library calls an answer that ends before it begins.
            None if cause.0 == "incomplete response" => Self::HungUp { step },
            None if error.is_response() || error.is_client() => {
                Self::Nonsense { step, source: cause }
            }
            _ => Self::Unreachable(cause),
        }
    }
}

/// What the system said, if it did.
fn kind(error: &smtp::Error) -> Option<io::ErrorKind> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        source = inner.source();
    }
    None
}

fn perhaps(other_way: Option<&str>) -> String {
    other_way.map(|way| format!(": perhaps smtp should be {way}")).unwrap_or_default()
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" ({words})") }
}

/// What to do after a refusal.
fn advice(step: &Step, code: u16) -> &'static str {
    /// Of a server that knows nobody without a login (RFC 4954 section 6).
    const WANTS_LOGIN: u16 = 530;
    match step {
        _ if code / 100 == Severity::TransientNegativeCompletion as u16 => {
            "that is for now. Mail is sent once; `reelkeep report --mail` sends a report again, and a mailer or a \
             server on this machine would have kept it and tried again by itself"
        }
        Step::Greeting => "see whether it takes mail from this machine",
        _ if code == WANTS_LOGIN => {
            "it wants a login, or encryption: smtp-login names a file with NAME:PASSWORD"
        }
        Step::Encryption => "see its log",
        Step::Login => "put the right NAME:PASSWORD into the file that smtp-login names",
        Step::Sender(_) => "set mailfrom to an address that it takes mail from",
        Step::Recipient(_) => "see whether mailto is right, and whether it relays for this machine",
        Step::Message => "see its log; what it says of size or content is its own rule",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refusal_needs_depends_on_the_step_and_on_whether_it_lasts() {
        let recipient = Step::Recipient("ops@example.org".to_owned());
        for (step, code, needed) in [
            (Step::Greeting, 554, "from this machine"),
            (Step::Login, 535, "the right NAME:PASSWORD"),
            (Step::Login, 454, "that is for now"),
            (Step::Sender("a@b".to_owned()), 553, "set mailfrom"),
            (Step::Sender("a@b".to_owned()), 530, "it wants a login"),
            (recipient.clone(), 550, "whether mailto is right"),
            (recipient, 451, "sends a report again"),
            (Step::Message, 552, "its own rule"),
        ] {
            let error = ServerError::Refused { step, code, words: "why".to_owned() };
            let text = error.to_string();
            assert!(text.contains(needed) && text.contains(&format!("{code} (why)")), "{text}");
        }
    }
}

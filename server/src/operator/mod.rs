//! The operator: a person who is asked for a volume, and answers by putting one in.
//!
//! ```text
//!  a drive without a robot ──Request──► Desk ──► Operator: a terminal │ mail, and a board in the site's directory
//!        ▲                                │
//!        └── is there another cartridge? ─┘   until one is in, somebody says no, the time is over, or a signal comes
//! ```
//!
//! A question stands until it is settled. Meanwhile the drive is looked at, at first often and then seldom, so that
//! putting the cartridge in is answer enough; what anybody says ends the waiting at once. No answer is permission to
//! overwrite anything: what was put in is read, and judged like any other cartridge.

mod board;
mod person;
mod request;
#[cfg(test)]
pub(crate) mod scripted;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use board::{Board, BoardError};
pub use person::Person;
pub use request::{Request, Wanted};

use crossbeam_channel::Receiver;

use crate::mail::MailError;
use crate::print;
use crate::site::Site;

/// Asks a person.
pub trait Operator: Send {
    /// Where the person is, as far as anybody knows.
    fn place(&self) -> Place;

    /// Puts a question. It stands until it is settled, whatever becomes of the mail that says so.
    fn ask(&mut self, request: &Request) -> Sending;

    /// Lets time pass: so much, or less if there is an answer.
    fn wait(&mut self, longest: Duration) -> Answer;

    /// The question is settled.
    fn settled(&mut self);
}

/// Where a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the terminal that the command was given from.
    Terminal,
    /// Somewhere else.
    Away,
}

/// What a person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet.
    None,
    /// A cartridge is in the drive.
    Loaded,
    /// There will be none; go on without.
    Skip,
    /// There will be none, and nothing else is to be done either.
    GiveUp,
}

/// Why there is no cartridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotLoaded {
    /// By the configuration.
    #[error("nobody was asked: wait-for-operator is 0")]
    NotAsked,
    /// By the operator.
    #[error("the operator said to go on without it")]
    Skipped,
    /// By the operator, for good.
    #[error("the operator gave up")]
    GaveUp,
    /// Nobody came.
    #[error("nobody put one in within {} (wait-for-operator)", in_words(*.0))]
    NobodyCame(Duration),
    /// A signal.
    #[error("the command was told to end while it waited for the operator")]
    Stopped,
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        hours if hours % 3600 == 0 => format!("{} h", hours / 3600),
        minutes if minutes % 60 == 0 => format!("{} min", minutes / 60),
        seconds => format!("{seconds} s"),
    }
}

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Nobody is asked.
    None,
    /// So long.
    For(Duration),
    /// As long as it takes.
    Endless,
}

/// What is seen of a drive from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// No cartridge.
    Empty,
    /// One that is not ready: on its way, or given out and not taken.
    NotReady,
    /// One that can be used.
    Ready,
}

/// Says something to whoever follows what goes on.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// Where questions are put. Clones are the same; one question at a time.
#[derive(Clone)]
pub struct Desk {
    operator: Arc<Mutex<Box<dyn Operator>>>,
    tell: Tell,
    stop: Arc<AtomicBool>,
    /// The operator wants no more questions.
    closed: Arc<AtomicBool>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk")
    }
}

/// The drive is first looked at after so long, and then after twice as long each time.
const SOON: Duration = Duration::from_secs(2);
/// But never more seldom.
const SELDOM: Duration = Duration::from_secs(30);
/// So long may it take until a signal is heeded.
const SLICE: Duration = Duration::from_secs(1);

impl Desk {
    /// A desk with this operator behind it. What is said goes to `tell`.
    pub fn new(operator: Box<dyn Operator>, tell: Tell) -> Self {
        Self {
            operator: Arc::new(Mutex::new(operator)),
            tell,
            stop: Arc::default(),
            closed: Arc::default(),
        }
    }

    /// Whoever can be reached for a site. What is said goes to standard error.
    pub fn of(site: &Site) -> Self {
        Self::new(Box::new(Person::of(site)), Arc::new(print::remark))
    }

    /// The same operator; what is said goes to `tell`, and a raised `stop` ends all waiting.
    pub fn within(&self, tell: Tell, stop: Arc<AtomicBool>) -> Self {
        Self { tell, stop, ..self.clone() }
    }

    /// Where the operator is.
    pub fn place(&self) -> Place {
        self.operator.lock().unwrap_or_else(PoisonError::into_inner).place()
    }

    /// Says something that needs no answer.
    pub fn tell(&self, text: &str) {
        (self.tell)(text);
    }

    /// Whether the operator has given up: nobody need be asked again.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Asks for a cartridge, and waits until there is another than now; says how long that took. `look` says what is
    /// seen of the drive.
    pub fn ask(
        &self,
        request: &Request,
        patience: Patience,
        look: &mut dyn FnMut() -> Seen,
    ) -> Result<Duration, NotLoaded> {
        let limit = match patience {
            Patience::None => return Err(NotLoaded::NotAsked),
            Patience::For(limit) => Some(limit),
            Patience::Endless => None,
        };
        if self.is_closed() {
            return Err(NotLoaded::GaveUp);
        }
        let mut operator = self.operator.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever is quick acts on the question as soon as it stands there: by then all that notices it is in place.
        let before = look();
        let sending = operator.ask(request);
        self.tell(&request.prompt(operator.place(), limit));
        let ended = self.wait((operator.as_mut(), &sending), limit, before, look);
        self.tell_failure(&sending);
        operator.settled();
        if ended == Err(NotLoaded::GaveUp) {
            self.closed.store(true, Ordering::Relaxed);
        }
        ended
    }

    fn tell_failure(&self, sending: &Sending) {
        if let Some(error) = sending.failure() {
            self.tell(&format!("{:#}", anyhow::Error::from(error)));
        }
    }

    fn wait(
        &self,
        (operator, sending): (&mut dyn Operator, &Sending),
        limit: Option<Duration>,
        mut before: Seen,
        look: &mut dyn FnMut() -> Seen,
    ) -> Result<Duration, NotLoaded> {
        let (mut waited, mut interval, mut next) = (Duration::ZERO, SOON, SOON);
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(NotLoaded::Stopped);
            }
            self.tell_failure(sending);
            match operator.wait(SLICE) {
                Answer::None => {}
                Answer::Loaded => return Ok(waited),
                Answer::Skip => return Err(NotLoaded::Skipped),
                Answer::GiveUp => return Err(NotLoaded::GaveUp),
            }
            waited += SLICE;
            if waited >= next {
                let now = look();
                if is_another(before, now) {
                    return Ok(waited);
                }
                before = now;
                interval = (interval * 2).min(SELDOM);
                next = waited + interval;
            }
            if let Some(limit) = limit.filter(|limit| waited >= *limit) {
                return Err(NotLoaded::NobodyCame(limit));
            }
        }
    }
}

/// A mail that is under way, in a thread of its own: one that hangs keeps nobody from hearing an answer, a signal or the
/// drive. If the command ends before it is sent, so does the thread.
#[derive(Debug)]
pub struct Sending(Option<Receiver<MailError>>);

impl Sending {
    /// There is no mail to send.
    pub fn nothing() -> Self {
        Self(None)
    }

    /// Sends one.
    pub fn begin(send: impl FnOnce() -> Result<(), MailError> + Send + 'static) -> Self {
        let (failure, failed) = crossbeam_channel::bounded(1);
        std::thread::spawn(move || {
            if let Err(error) = send() {
                // Nobody waits any more if this fails.
                let _told = failure.send(error);
            }
        });
        Self(Some(failed))
    }

    /// Why it was not sent, if that is known now. Told once.
    pub fn failure(&self) -> Option<MailError> {
        self.0.as_ref()?.try_recv().ok()
    }
}

/// Whether somebody has put a cartridge in between two looks.
fn is_another(before: Seen, now: Seen) -> bool {
    match (before, now) {
        (_, Seen::Empty) | (Seen::Ready, _) => false,
        (Seen::Empty, _) | (Seen::NotReady, Seen::Ready) => true,
        (Seen::NotReady, Seen::NotReady) => false,
    }
}

#[cfg(test)]
mod tests;

//! A person, reached by what there is: the terminal if the command was given from one, else mail; and the board.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{QueueSelector, tcflush};

use super::board::{self, Board};
use super::{Answer, Operator, Place, Request, Sending};
use crate::clock::Now;
use crate::mail::Mailer;
use crate::site::Site;

/// A person, at the terminal or away.
#[derive(Debug)]
pub struct Person {
    pub(super) place: Place,
    board: Board,
    /// How mail is sent, and to whom.
    mail: Option<(Mailer, Vec<String>)>,
    /// The site's name.
    org: String,
    /// How the site is named on a command line.
    site: String,
}

impl Person {
    /// Whoever can be reached for a site.
    pub fn of(site: &Site) -> Self {
        let settings = &site.config.site;
        let mailto = settings.mailto.clone();
        Self {
            place: place(),
            board: Board::new(&site.operator_board()),
            mail: (!mailto.is_empty()).then(|| (Mailer::of(settings), mailto)),
            org: settings.org.clone(),
            site: site.directory.display().to_string(),
        }
    }

    /// What was typed, if a line was.
    fn typed(longest: Duration) -> Answer {
        let stdin = io::stdin();
        let fds = &mut [PollFd::new(&stdin, PollFlags::IN)];
        // A signal ends the wait early, and whoever waits looks whether it came.
        if !matches!(poll(fds, Some(&timespec(longest))), Ok(ready) if ready > 0) {
            return Answer::None;
        }
        let mut line = String::new();
        match stdin.lock().read_line(&mut line) {
            // The terminal is gone, and with it whoever sat there.
            Ok(0) | Err(_) => Answer::GiveUp,
            Ok(_) => board::read(&line).unwrap_or(Answer::None),
        }
    }
}

fn place() -> Place {
    match io::stdin().is_terminal() && io::stderr().is_terminal() {
        true => Place::Terminal,
        false => Place::Away,
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(time.subsec_nanos()),
    }
}

impl Operator for Person {
    fn place(&self) -> Place {
        self.place
    }

    fn ask(&mut self, request: &Request) -> Sending {
        if let Err(error) = self.board.put_up(&request.title()) {
            tracing::warn!("the question is not on the board: {:#}", anyhow::Error::from(error));
        }
        if self.place == Place::Terminal {
            // What was typed before the question is no answer to it.
            let _no_terminal = tcflush(io::stdin(), QueueSelector::IFlush);
        }
        match &self.mail {
            Some((mailer, to)) if self.place == Place::Away => {
                let (mailer, to) = (mailer.clone(), to.clone());
                let mail = request.mail(&self.org, &self.site);
                Sending::begin(move || mailer.send(&to, &mail, &Now::read()))
            }
            _ => Sending::nothing(),
        }
    }

    fn wait(&mut self, longest: Duration) -> Answer {
        match self.board.take_answer() {
            Ok(Answer::None) => {}
            Ok(answer) => return answer,
            Err(error) => tracing::warn!("{:#}", anyhow::Error::from(error)),
        }
        match self.place {
            Place::Terminal => Self::typed(longest),
            Place::Away => {
                // Nothing is waited for but the time: an answer is looked for before each wait.
                let _early = poll(&mut [], Some(&timespec(longest)));
                Answer::None
            }
        }
    }

    fn settled(&mut self) {
        self.board.take_down();
    }
}

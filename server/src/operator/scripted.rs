//! An operator for tests, who does what a script says and for whom time is a number.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Answer, Operator, Place, Request, Sending};

/// What the operator does when asked.
pub(crate) type Act = Box<dyn FnMut(&Request) -> Answer + Send>;

/// Does one act for each question, after a while; when the acts are over, nothing.
pub(crate) struct Scripted {
    acts: VecDeque<(Duration, Act)>,
    heard: Arc<Mutex<Vec<Request>>>,
    waited: Duration,
    question: Option<Request>,
}

impl Scripted {
    /// An operator who does these, each so long after the question.
    pub(crate) fn new(acts: Vec<(Duration, Act)>) -> Self {
        Self { acts: acts.into(), heard: Arc::default(), waited: Duration::ZERO, question: None }
    }

    /// What was asked so far.
    pub(crate) fn heard(&self) -> Arc<Mutex<Vec<Request>>> {
        Arc::clone(&self.heard)
    }
}

impl Operator for Scripted {
    fn place(&self) -> Place {
        Place::Away
    }

    fn ask(&mut self, request: &Request) -> Sending {
        self.heard.lock().unwrap().push(request.clone());
        self.question = Some(request.clone());
        self.waited = Duration::ZERO;
        Sending::nothing()
    }

    fn wait(&mut self, longest: Duration) -> Answer {
        self.waited += longest;
        let due = self.acts.front().is_some_and(|(after, _)| self.waited >= *after);
        match (due, &self.question) {
            (true, Some(question)) => {
                let (_, mut act) = self.acts.pop_front().unwrap();
                act(question)
            }
            _ => Answer::None,
        }
    }

    fn settled(&mut self) {
        self.question = None;
    }
}

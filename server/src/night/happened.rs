//! What the threads of a run tell its loop.

use crossbeam_channel::Sender;

use crate::dispatcher::Event;
use crate::holding::Held;
use crate::runlog::RunEvent;

/// Something that a thread has to say.
#[derive(Debug)]
pub enum Happened {
    /// For the dispatcher.
    Event(Event),
    /// For the log alone.
    Log(RunEvent),
    /// An image is on the holding disk; the dispatcher hears of it next.
    Held(Held),
}

/// A thread's way to the loop.
#[derive(Clone, Debug)]
pub struct Voice(pub Sender<Happened>);

impl Voice {
    /// Says it. When the loop is gone there is nobody left to act on it, and the thread is about to end too.
    pub fn say(&self, happened: Happened) {
        if self.0.send(happened).is_err() {
            tracing::debug!("the run is over, and something was still said");
        }
    }

    /// For the dispatcher.
    pub fn event(&self, event: Event) {
        self.say(Happened::Event(event));
    }

    /// For the log.
    pub fn log(&self, event: RunEvent) {
        self.say(Happened::Log(event));
    }
}

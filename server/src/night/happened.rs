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

    /// What the dispatcher hears if the thread that has it panics: without it the run would wait for ever.
    pub fn last_words(&self, event: Event) -> LastWords {
        LastWords(self.clone(), Some(event))
    }
}

/// What is known of a thread that ended by a bug.
pub const PANICKED: &str = "a bug: the thread that did it panicked. What it said stands among the messages of \
                            `reelkeep` itself (of cron or systemd, for one): please report it";

/// Dropped by a panic, it tells the loop.
#[derive(Debug)]
pub struct LastWords(Voice, Option<Event>);

impl Drop for LastWords {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(event) = self.1.take()
        {
            self.0.event(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use types::DumpId;

    use super::*;
    use crate::dispatcher::Failure;

    #[test]
    fn the_loop_hears_of_a_thread_that_panics_and_not_of_one_that_ends() {
        let (voice, ear) = crossbeam_channel::unbounded();
        let voice = Voice(voice);
        let words = || {
            let (dump, why) = (DumpId([7; 16]), PANICKED.to_owned());
            voice.last_words(Event::DumpFailed { dump, failure: Failure::Final, why })
        };
        let (well, ill) = (words(), words());
        std::thread::spawn(move || drop(well)).join().unwrap();
        assert!(ear.try_recv().is_err());
        let thread = std::thread::spawn(move || {
            let _words = ill;
            panic!("as a bug would");
        });
        thread.join().unwrap_err();
        assert!(matches!(ear.try_recv(), Ok(Happened::Event(Event::DumpFailed { .. }))));
    }
}

//! A ring in memory between the holding disk and the drive, so that data waits for the drive.
//!
//! ```text
//!  holding disk ──reader's thread──► [████████████░░░░░░░░] ──drive's thread──► blocks
//!                                     0    low      high  capacity
//!  the drive begins once the ring is filled to the high mark, and goes on until it is empty;
//!  the disk is read until the ring is full, and again once it is down to the low mark
//! ```
//!
//! A tape that has to stop goes back and starts again, which costs seconds and wears it. A source that is too
//! slow cannot be helped, but the drive can be made to stop seldom: it runs through a whole ring and then waits
//! for the next. How often, and for how long, is counted here: it is what the report says when a night was
//! slow.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use types::Bytes;

use super::{FramePlace, ImageSource, SourceError};

/// How the ring is to be, and whose clock measures.
pub struct Ring<'a> {
    /// How much may be read ahead.
    pub capacity: Bytes,
    /// Time since any fixed moment.
    pub clock: &'a (dyn Fn() -> Duration + Sync),
}

/// How the drive was fed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Feed {
    /// How often the ring ran empty, so that the drive had to stop.
    pub starved: u32,
    /// How long the drive waited for the source, the first filling included.
    pub waited: Duration,
}

/// What is read in one go.
const PIECE: usize = 512 << 10;

impl Ring<'_> {
    fn capacity(&self) -> usize {
        usize::try_from(self.capacity.0).unwrap_or(usize::MAX)
    }

    fn low(&self) -> usize {
        self.capacity() / 2
    }

    fn high(&self) -> usize {
        self.capacity() / 5 * 4
    }

    fn piece(&self) -> usize {
        PIECE.min(self.capacity() / 8).max(1)
    }
}

/// Does some work with a source that is read ahead by a thread of its own, and says how well it was fed.
pub fn ahead<R>(
    source: &mut (dyn ImageSource + Send),
    ring: &Ring<'_>,
    work: impl FnOnce(&mut dyn ImageSource) -> R,
) -> (R, Feed) {
    let shared = Shared::default();
    thread::scope(|scope| {
        scope.spawn(|| read(source, &shared, ring));
        let mut ahead = Ahead::new(&shared, ring);
        let result = work(&mut ahead);
        (result, ahead.feed)
        // Here `ahead` is dropped, which ends the reader.
    })
}

/// What stands in the ring.
enum Item {
    /// A frame of this length begins.
    Frame(u64),
    /// Bytes of it.
    Piece(Vec<u8>),
    /// There are no more frames.
    End,
    /// The source failed.
    Failed(SourceError),
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    /// Bytes in it.
    filled: usize,
    /// The reader has filled the ring, and waits for the low mark.
    full: bool,
    /// The last item is the last of all.
    ended: bool,
    /// Where the reader is to go, and how often it was sent somewhere.
    go_to: Option<FramePlace>,
    sent: u64,
    placed: Option<FramePlace>,
    quit: bool,
    spare: Vec<Vec<u8>>,
}

impl State {
    /// Whether there is enough for the drive to run. A ring may be so small that one item fills it.
    fn is_filled_to(&self, mark: usize) -> bool {
        !self.items.is_empty() && (self.full || self.filled >= mark)
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panics with this lock held has not left half a change behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the reader does next.
enum Order {
    GoTo(FramePlace, u64),
    Placed(FramePlace),
    Fill(u64, Vec<u8>),
    Quit,
}

/// Waits until there is something for the reader to do.
fn order(shared: &Shared, ring: &Ring<'_>) -> Order {
    let mut state = shared.lock();
    loop {
        if state.quit {
            return Order::Quit;
        }
        let sent = state.sent;
        if let Some(place) = state.go_to.take() {
            return Order::GoTo(place, sent);
        }
        if let Some(place) = state.placed.take() {
            return Order::Placed(place);
        }
        state.full &= state.filled > ring.low();
        if !state.ended && !state.full {
            let spare = state.spare.pop().unwrap_or_default();
            return Order::Fill(sent, spare);
        }
        state = shared.wait(state);
    }
}

/// The reader's thread.
fn read(source: &mut (dyn ImageSource + Send), shared: &Shared, ring: &Ring<'_>) {
    // How much of the frame is still to be read; `None` between two frames.
    let mut left: Option<u64> = None;
    loop {
        let (sent, item) = match order(shared, ring) {
            Order::Quit => return,
            Order::Placed(place) => {
                source.placed(place);
                continue;
            }
            Order::GoTo(place, sent) => {
                left = None;
                match source.go_to(place) {
                    Ok(()) => continue,
                    Err(error) => (sent, Item::Failed(error)),
                }
            }
            Order::Fill(sent, buffer) => (sent, next(source, &mut left, buffer, ring.piece())),
        };
        let mut state = shared.lock();
        // What was read before the source was sent elsewhere is not wanted any more.
        if state.sent == sent && state.go_to.is_none() {
            state.ended = matches!(item, Item::End | Item::Failed(_));
            if let Item::Piece(piece) = &item {
                state.filled += piece.len();
            }
            state.items.push_back(item);
            state.full = state.filled + ring.piece() > ring.capacity();
            shared.changed.notify_all();
        }
    }
}

/// The next item of a source.
fn next(
    source: &mut (dyn ImageSource + Send),
    left: &mut Option<u64>,
    mut buffer: Vec<u8>,
    piece: usize,
) -> Item {
    match left.filter(|left| *left > 0) {
        None => match source.next_frame() {
            Ok(Some(length)) => {
                *left = Some(length);
                Item::Frame(length)
            }
            Ok(None) => Item::End,
            Err(error) => Item::Failed(error),
        },
        Some(more) => {
            let now = usize::try_from(more).map_or(piece, |more| more.min(piece));
            buffer.resize(now, 0);
            *left = Some(more - now as u64);
            match source.read(&mut buffer) {
                Ok(()) => Item::Piece(buffer),
                Err(error) => Item::Failed(error),
            }
        }
    }
}

/// The drive's end of the ring.
struct Ahead<'a> {
    shared: &'a Shared,
    ring: &'a Ring<'a>,
    feed: Feed,
    /// Whether the ring was filled to the high mark since it was empty.
    running: bool,
    /// Whether the drive has run before, so that an empty ring stops it.
    has_run: bool,
    at: FramePlace,
    /// The length of the frame at hand, and what of it was read.
    frame: Option<(u64, u64)>,
    /// The piece at hand, and what of it was read.
    piece: Vec<u8>,
    taken: usize,
}

impl<'a> Ahead<'a> {
    fn new(shared: &'a Shared, ring: &'a Ring<'a>) -> Self {
        Self {
            shared,
            ring,
            feed: Feed::default(),
            running: false,
            has_run: false,
            at: FramePlace::default(),
            frame: None,
            piece: Vec::new(),
            taken: 0,
        }
    }

    /// Takes what comes next; the end, and an error, stay to be met again.
    fn pop(&mut self) -> Result<Option<Item>, SourceError> {
        let mut state = self.shared.lock();
        if !state.ended && (state.items.is_empty() || !self.running) {
            self.feed.starved += u32::from(self.has_run && self.running);
            let since = (self.ring.clock)();
            while !(state.ended || state.is_filled_to(self.ring.high())) {
                state = self.shared.wait(state);
            }
            self.feed.waited += (self.ring.clock)().saturating_sub(since);
            (self.running, self.has_run) = (true, true);
        }
        let item = match state.items.front() {
            None | Some(Item::End) => return Ok(None),
            Some(Item::Failed(error)) => return Err(again(error)),
            Some(Item::Frame(_) | Item::Piece(_)) => state.items.pop_front(),
        };
        if let Some(Item::Piece(piece)) = &item {
            state.filled -= piece.len();
            if state.full && state.filled <= self.ring.low() {
                self.shared.changed.notify_all();
            }
        }
        Ok(item)
    }

    /// Steps over a frame that was read to its end.
    fn step(&mut self) {
        if let Some((length, taken)) = self.frame
            && taken == length
        {
            self.at.frame += 1;
            self.at.offset += Bytes(length);
            self.frame = None;
        }
    }

    fn refill(&mut self) -> Result<(), SourceError> {
        let Some(Item::Piece(piece)) = self.pop()? else {
            return Err(SourceError::new("", "more was asked than there is"));
        };
        let empty = std::mem::replace(&mut self.piece, piece);
        self.taken = 0;
        self.shared.lock().spare.push(empty);
        Ok(())
    }
}

/// The same error once more: it stays in the ring until the source is sent elsewhere.
fn again(error: &SourceError) -> SourceError {
    let causes = std::iter::successors(error.cause.source(), |cause| cause.source());
    let cause = causes.fold(error.cause.to_string(), |text, cause| format!("{text}: {cause}"));
    SourceError::new(error.what.clone(), cause)
}

impl ImageSource for Ahead<'_> {
    fn next_frame(&mut self) -> Result<Option<u64>, SourceError> {
        self.step();
        if self.frame.is_none() {
            self.frame = match self.pop()? {
                Some(Item::Frame(length)) => Some((length, 0)),
                _ => None,
            };
        }
        Ok(self.frame.map(|(length, _)| length))
    }

    fn read(&mut self, mut buffer: &mut [u8]) -> Result<(), SourceError> {
        if let Some((_, taken)) = &mut self.frame {
            *taken += buffer.len() as u64;
        }
        while !buffer.is_empty() {
            if self.taken == self.piece.len() {
                self.refill()?;
            }
            let now = buffer.len().min(self.piece.len() - self.taken);
            let (here, rest) = buffer.split_at_mut(now);
            here.copy_from_slice(&self.piece[self.taken..self.taken + now]);
            self.taken += now;
            buffer = rest;
        }
        Ok(())
    }

    fn go_to(&mut self, place: FramePlace) -> Result<(), SourceError> {
        self.step();
        let untouched = self.frame.is_none_or(|(_, taken)| taken == 0);
        // The scribe says after every part where it is; mostly that is where the ring stands anyway.
        if untouched && self.at == place && self.has_run {
            return Ok(());
        }
        (self.at, self.frame, self.taken) = (place, None, 0);
        self.piece.clear();
        self.running = false;
        let mut state = self.shared.lock();
        state.items.clear();
        (state.filled, state.full, state.ended) = (0, false, false);
        state.go_to = Some(place);
        state.sent += 1;
        self.shared.changed.notify_all();
        Ok(())
    }

    fn placed(&mut self, place: FramePlace) {
        self.shared.lock().placed = Some(place);
        self.shared.changed.notify_all();
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        self.shared.lock().quit = true;
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;

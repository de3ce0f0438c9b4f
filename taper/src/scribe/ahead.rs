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
//!
//! Disk and drive may also take [turns](ahead_by_turns) by a clock that only moves when somebody moves it: so
//! a ring is tried on disks and drives that nobody has.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use types::Bytes;

use super::{FramePlace, ImageSource, SourceError};

mod turns;

use turns::Turns;
pub use turns::VirtualDisk;

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
        let mut ahead = Ahead::new(&shared, ring, Filler::Thread);
        let result = work(&mut ahead);
        (result, ahead.feed)
        // Here `ahead` is dropped, which ends the reader.
    })
}

/// The same without a thread: whenever the drive comes to the ring, the disk has read what it can read by then
/// at its speed, and a drive that has to wait lets as much time pass as the disk needs.
pub fn ahead_by_turns<R>(
    source: &mut dyn ImageSource,
    ring: &Ring<'_>,
    disk: &VirtualDisk<'_>,
    work: impl FnOnce(&mut dyn ImageSource) -> R,
) -> (R, Feed) {
    let shared = Shared::default();
    let turns = Turns::new(source, disk, (ring.clock)());
    let mut ahead = Ahead::new(&shared, ring, Filler::Turns(turns));
    let result = work(&mut ahead);
    (result, ahead.feed)
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
}

impl State {
    /// What there is to do for the reader.
    fn order(&mut self, ring: &Ring<'_>) -> Option<Order> {
        if let Some(place) = self.go_to.take() {
            return Some(Order::GoTo(place, self.sent));
        }
        if let Some(place) = self.placed.take() {
            return Some(Order::Placed(place));
        }
        self.full &= self.filled > ring.low();
        (!self.ended && !self.full)
            .then(|| Order::Fill(self.sent, self.spare.pop().unwrap_or_default()))
    }

    /// Takes what the reader has read, unless the source was sent elsewhere since.
    fn put(&mut self, sent: u64, item: Item, ring: &Ring<'_>) {
        if self.sent != sent || self.go_to.is_some() {
            return;
        }
        self.ended = matches!(item, Item::End | Item::Failed(_));
        if let Item::Piece(piece) = &item {
            self.filled += piece.len();
        }
        self.items.push_back(item);
        self.full = self.filled + ring.piece() > ring.capacity();
    }
}

/// The reader's thread.
fn read(source: &mut (dyn ImageSource + Send), shared: &Shared, ring: &Ring<'_>) {
    let mut reader = Reader::new(source);
    while let Some(order) = next_order(shared, ring) {
        reader.carry_out(order, shared, ring);
    }
}

/// Waits until there is something for the reader to do; none once nobody wants more.
fn next_order(shared: &Shared, ring: &Ring<'_>) -> Option<Order> {
    let mut state = shared.lock();
    loop {
        if state.quit {
            return None;
        }
        if let Some(order) = state.order(ring) {
            return Some(order);
        }
        state = shared.wait(state);
    }
}

/// The disk's end of the ring.
struct Reader<'a, S: ?Sized> {
    source: &'a mut S,
    /// How much of the frame is still to be read; `None` between two frames.
    left: Option<u64>,
}

impl<'a, S: ImageSource + ?Sized> Reader<'a, S> {
    fn new(source: &'a mut S) -> Self {
        Self { source, left: None }
    }

    /// Does it, and says how many bytes were read.
    fn carry_out(&mut self, order: Order, shared: &Shared, ring: &Ring<'_>) -> usize {
        let (sent, item) = match order {
            Order::Placed(place) => {
                self.source.placed(place);
                return 0;
            }
            Order::GoTo(place, sent) => {
                self.left = None;
                match self.source.go_to(place) {
                    Ok(()) => return 0,
                    Err(error) => (sent, Item::Failed(error)),
                }
            }
            Order::Fill(sent, buffer) => {
                (sent, next(self.source, &mut self.left, buffer, ring.piece()))
            }
        };
        let bytes = if let Item::Piece(piece) = &item { piece.len() } else { 0 };
        shared.lock().put(sent, item, ring);
        shared.changed.notify_all();
        bytes
    }
}

/// The next item of a source.
fn next<S: ImageSource + ?Sized>(
    source: &mut S,
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

/// Who fills the ring.
enum Filler<'a> {
    /// A thread, while the drive works.
    Thread,
    /// The drive's own thread, whenever it comes to the ring.
    Turns(Turns<'a>),
}

/// The drive's end of the ring.
struct Ahead<'a> {
    shared: &'a Shared,
    ring: &'a Ring<'a>,
    filler: Filler<'a>,
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
    fn new(shared: &'a Shared, ring: &'a Ring<'a>, filler: Filler<'a>) -> Self {
        Self {
            shared,
            ring,
            filler,
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
        if let Filler::Turns(turns) = &mut self.filler {
            turns.catch_up(self.shared, self.ring);
        }
        let mut state = self.shared.lock();
        if !state.ended && (state.items.is_empty() || !self.running) {
            let since = (self.ring.clock)();
            while !(state.ended || state.is_filled_to(self.ring.high())) {
                state = self.wait(state);
            }
            let waited = (self.ring.clock)().saturating_sub(since);
            // Who waited for nothing but the end was not starved.
            if !matches!(state.items.front(), None | Some(Item::End)) {
                self.feed.starved += u32::from(self.has_run && self.running);
                self.feed.waited += waited;
            }
        }
        // Also where all was in the ring before anybody came to wait.
        (self.running, self.has_run) = (true, true);
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

    /// Waits until something in the ring has changed.
    fn wait<'s>(&mut self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State>
    where
        'a: 's,
    {
        match &mut self.filler {
            Filler::Thread => self.shared.wait(state),
            Filler::Turns(turns) => {
                drop(state);
                turns.wait(self.shared, self.ring);
                self.shared.lock()
            }
        }
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

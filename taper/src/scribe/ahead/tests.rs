//! What goes through the ring is what was read, wherever the scribe goes back to; and what is counted is true.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, unbounded};
use proptest::prelude::*;
use types::BlockSize;

use super::*;
use crate::clerk;
use crate::rig::{MadeUp, Operator};
use crate::scribe::{Job, Reached, write_image};

const KIB: u64 = 1024;

/// A ring whose clock stands still.
fn ring(capacity: u64) -> Ring<'static> {
    Ring { capacity: Bytes(capacity), clock: &|| Duration::ZERO }
}

/// A source whose frames come when the test lets them come.
struct Gated {
    frames: Receiver<Vec<u8>>,
    now: Option<Vec<u8>>,
    taken: usize,
    gone_to: Vec<FramePlace>,
}

impl Gated {
    fn new(frames: Receiver<Vec<u8>>) -> Self {
        Self { frames, now: None, taken: 0, gone_to: Vec::new() }
    }
}

impl ImageSource for Gated {
    fn next_frame(&mut self) -> Result<Option<u64>, SourceError> {
        if self.now.as_ref().is_none_or(|frame| frame.len() == self.taken) {
            (self.now, self.taken) = (self.frames.recv().ok(), 0);
        }
        Ok(self.now.as_ref().map(|frame| frame.len() as u64))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), SourceError> {
        let frame = self.now.as_ref().unwrap();
        buffer.copy_from_slice(&frame[self.taken..self.taken + buffer.len()]);
        self.taken += buffer.len();
        Ok(())
    }

    fn go_to(&mut self, place: FramePlace) -> Result<(), SourceError> {
        self.gone_to.push(place);
        Ok(())
    }

    fn placed(&mut self, _place: FramePlace) {}
}

fn take(source: &mut dyn ImageSource) -> Option<Vec<u8>> {
    let length = source.next_frame().unwrap()?;
    let mut frame = vec![0; usize::try_from(length).unwrap()];
    source.read(&mut frame).unwrap();
    Some(frame)
}

#[test]
fn the_drive_begins_at_the_high_mark_and_each_empty_ring_is_counted() {
    let (send, frames) = unbounded();
    // Four frames are the high mark.
    (0..4).for_each(|_| send.send(vec![7; 200]).unwrap());
    let rest = Mutex::new(Some(send));
    let looked = AtomicU64::new(0);
    // Each wait looks at the clock twice, and this clock goes on by a second whenever it is looked at. When the
    // second wait begins, the ring is empty, and only then the rest comes.
    let clock = || {
        let seconds = looked.fetch_add(1, Ordering::SeqCst);
        if seconds == 2 {
            let send = rest.lock().unwrap().take().unwrap();
            (0..4).for_each(|_| send.send(vec![8; 200]).unwrap());
        }
        Duration::from_secs(seconds)
    };
    let ring = Ring { capacity: Bytes(1000), clock: &clock };
    let ((), feed) = ahead(&mut Gated::new(frames), &ring, |source| {
        for byte in [7, 7, 7, 7, 8, 8, 8, 8] {
            assert_eq!(take(source), Some(vec![byte; 200]));
        }
        assert_eq!(take(source), None);
        assert_eq!(take(source), None, "the end stays the end");
    });
    assert_eq!(feed, Feed { starved: 1, waited: Duration::from_secs(2) });
}

#[test]
fn where_the_ring_stands_anyway_nothing_is_read_again() {
    let (send, frames) = unbounded();
    (0..3).for_each(|_| send.send(vec![1; 100]).unwrap());
    drop(send);
    let mut source = Gated::new(frames);
    let ((), _) = ahead(&mut source, &ring(1000), |source| {
        take(source).unwrap();
        source.go_to(FramePlace { frame: 1, offset: Bytes(100) }).unwrap();
        take(source).unwrap();
        assert_eq!(source.next_frame().unwrap(), Some(100), "looking at a frame is not reading it");
        source.go_to(FramePlace { frame: 2, offset: Bytes(200) }).unwrap();
        take(source).unwrap();
        source.go_to(FramePlace { frame: 3, offset: Bytes(300) }).unwrap();
    });
    assert_eq!(source.gone_to, []);
}

#[test]
fn an_error_of_the_source_arrives_and_stays() {
    struct Broken;
    impl ImageSource for Broken {
        fn next_frame(&mut self) -> Result<Option<u64>, SourceError> {
            Ok(Some(10))
        }
        fn read(&mut self, _buffer: &mut [u8]) -> Result<(), SourceError> {
            Err(SourceError::new("from the disk", "bad sector"))
        }
        fn go_to(&mut self, _place: FramePlace) -> Result<(), SourceError> {
            Ok(())
        }
        fn placed(&mut self, _place: FramePlace) {}
    }
    ahead(&mut Broken, &ring(100), |source| {
        assert_eq!(source.next_frame().unwrap(), Some(10));
        for _ in 0..2 {
            let error = source.read(&mut [0; 10]).unwrap_err();
            assert_eq!(error.what, "from the disk");
            assert_eq!(error.cause.to_string(), "bad sector");
        }
    });
}

/// So many frames of 100 bytes, from a disk of so many bytes a second, to a drive that takes so many milliseconds
/// for each: how it was fed, and when it was done.
fn turns(frames: usize, bytes_per_second: u64, each: u64) -> (Feed, u64) {
    let (send, from) = unbounded();
    (0..frames).for_each(|_| send.send(vec![7; 100]).unwrap());
    drop(send);
    let now = AtomicU64::new(0);
    let clock = || Duration::from_millis(now.load(Ordering::SeqCst));
    let pause = |time: Duration| {
        now.fetch_add(time.as_millis().try_into().unwrap(), Ordering::SeqCst);
    };
    let ring = Ring { capacity: Bytes(1000), clock: &clock };
    let disk = VirtualDisk { bytes_per_second, pause: &pause };
    let ((), feed) = ahead_by_turns(&mut Gated::new(from), &ring, &disk, |source| {
        while let Some(frame) = take(source) {
            assert_eq!(frame, [7; 100]);
            pause(Duration::from_millis(each));
        }
    });
    (feed, now.into_inner())
}

#[test]
fn by_turns_a_slow_disk_makes_the_drive_wait_for_a_ring_at_a_time() {
    // Eight frames are the high mark, and the last two come with the end of the image.
    let (feed, done) = turns(10, 100, 0);
    assert_eq!(feed, Feed { starved: 1, waited: Duration::from_secs(10) });
    assert_eq!(done, 10_000);
}

#[test]
fn by_turns_a_fast_disk_keeps_the_drive_going_after_the_first_filling() {
    let (feed, done) = turns(100, 1000, 1000);
    assert_eq!(feed, Feed { starved: 0, waited: Duration::from_millis(800) });
    assert_eq!(done, 100_800);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn images_that_were_read_ahead_come_back_from_any_volumes(
        frames in prop::collection::vec(1usize..60_000, 1..12),
        capacity in 1u64..100_000, part in 40u64..200, volume in 200u64..600, threads in any::<bool>(),
    ) {
        let image = MadeUp::new(3, &frames);
        let (size, early) = (Bytes(volume * KIB), Bytes(volume * KIB / 3));
        let mut operator = Operator::with_tapes(20, BlockSize::HEADER, size, early);
        let job = Job {
            image: image.image(),
            part_size: Some(Bytes(part * KIB)),
            commit_every: Bytes(100 * KIB),
        };
        let (ring, mut source) = (ring(capacity), image.source());
        let write = |source: &mut dyn ImageSource| {
            write_image(&job, source, Reached::beginning(), None, &mut operator)
        };
        let (written, _) = if threads {
            ahead(&mut source, &ring, write)
        } else {
            let disk = VirtualDisk { bytes_per_second: 1_000_000, pause: &|_| {} };
            ahead_by_turns(&mut source, &ring, &disk, write)
        };
        written.unwrap();
        let mut bytes = Vec::new();
        clerk::copy_image(&operator.parts(image.dump), None, &mut operator, &mut |block| {
            bytes.extend_from_slice(block);
            Ok(())
        }).unwrap();
        prop_assert!(bytes == image.bytes);
    }
}

//! The hash of an image so far, made beside the writing.
//!
//! Every part's header says what the image hashes to up to there, so the hash runs over all parts in order.
//! A drive that waited for SHA-256 would not stream: a thread of its own hashes each block while the drive
//! takes it. Since a full medium may have the writer take back the last frames of a part, the state at every
//! frame's end is kept until the part is settled.

use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use sha2::{Digest as _, Sha256};
use types::{Bytes, Digest};

/// The hash of an image's first bytes.
#[derive(Clone, Debug, Default)]
pub struct Running {
    sha256: Sha256,
    crc32c: u32,
    bytes: Bytes,
}

impl Running {
    /// Adds the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        self.bytes += Bytes::of(bytes.len());
    }

    /// The SHA-256 of them.
    pub fn sha256(&self) -> Digest {
        Digest(self.sha256.clone().finalize().into())
    }

    /// The CRC-32C of them.
    pub fn crc32c(&self) -> u32 {
        self.crc32c
    }

    /// How many they are.
    pub fn bytes(&self) -> Bytes {
        self.bytes
    }
}

/// Hashes blocks in the background.
#[derive(Debug)]
pub(crate) struct Hasher {
    tasks: Sender<Task>,
    done: Receiver<Arc<Vec<u8>>>,
    /// Bytes in blocks that are not done.
    waiting: usize,
    spare: Vec<Vec<u8>>,
}

/// How much may wait to be hashed: enough for the two threads to take turns on a busy machine.
const AHEAD: usize = 16 << 20;

enum Task {
    /// Bytes of the image stand at the front of this block; frames end at these places in it.
    Block { block: Arc<Vec<u8>>, length: usize, frame_ends: Vec<usize> },
    /// The part keeps only so many of its frames.
    Settle { frames: usize, answer: Sender<Running> },
}

impl Hasher {
    /// Goes on from `running`.
    pub(crate) fn new(running: Running) -> Self {
        let (tasks, to_do) = unbounded();
        let (hashed, done) = unbounded();
        // It ends when `tasks` is dropped. Nobody waits for it: it holds nothing but memory.
        thread::spawn(move || hash(running, &to_do, &hashed));
        Self { tasks, done, waiting: 0, spare: Vec::new() }
    }

    /// A buffer of this length, used before if possible. Waits if too much is still to be hashed.
    pub(crate) fn buffer(&mut self, length: usize) -> Vec<u8> {
        while let Ok(block) = self.done.try_recv() {
            self.take_back(block, length);
        }
        while self.waiting > AHEAD
            && let Ok(block) = self.done.recv()
        {
            self.take_back(block, length);
        }
        self.spare.pop().unwrap_or_else(|| vec![0; length])
    }

    fn take_back(&mut self, block: Arc<Vec<u8>>, length: usize) {
        self.waiting = self.waiting.saturating_sub(block.len());
        // The writer may hold it too, as the one in which a frame ends.
        let buffer = Arc::into_inner(block).filter(|buffer| buffer.len() == length);
        self.spare.extend(buffer);
    }

    /// Hashes the first `length` bytes of `block`, in which frames end at `frame_ends`.
    pub(crate) fn add(&mut self, block: &Arc<Vec<u8>>, length: usize, frame_ends: Vec<usize>) {
        self.waiting += block.len();
        let block = Arc::clone(block);
        self.tasks.send(Task::Block { block, length, frame_ends }).expect("the hasher lives");
    }

    /// The hash up to the end of the first `frames` frames since the last time this was asked. What came
    /// behind them does not count.
    pub(crate) fn settle(&self, frames: usize) -> Running {
        let (answer, answered) = bounded(1);
        self.tasks.send(Task::Settle { frames, answer }).expect("the hasher lives");
        answered.recv().expect("the hasher lives")
    }
}

fn hash(mut settled: Running, tasks: &Receiver<Task>, done: &Sender<Arc<Vec<u8>>>) {
    let mut running = settled.clone();
    let mut frames = Vec::new();
    for task in tasks {
        match task {
            Task::Block { block, length, frame_ends } => {
                let mut from = 0;
                for end in frame_ends {
                    running.add(&block[from..end]);
                    frames.push(running.clone());
                    from = end;
                }
                running.add(&block[from..length]);
                // The writer may be gone, and then nobody wants the buffer.
                done.send(block).ok();
            }
            Task::Settle { frames: kept, answer } => {
                if let Some(end) = kept.checked_sub(1).and_then(|last| frames.get(last)) {
                    settled = end.clone();
                }
                running = settled.clone();
                frames.clear();
                answer.send(settled.clone()).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_frames_that_were_kept() {
        let mut hasher = Hasher::new(Running::default());
        let block = Arc::new(b"aaabbbcc".to_vec());
        hasher.add(&block, 8, vec![3, 6]);
        let mut expected = Running::default();
        expected.add(b"aaa");
        assert_eq!(hasher.settle(1).sha256(), expected.sha256());
        hasher.add(&Arc::new(b"ddd filler".to_vec()), 3, vec![3]);
        expected.add(b"ddd");
        let settled = hasher.settle(1);
        assert_eq!(settled.sha256(), expected.sha256());
        assert_eq!(settled.crc32c(), crc32c::crc32c(b"aaaddd"));
        assert_eq!(settled.bytes(), Bytes(6));
        assert_eq!(hasher.settle(0).bytes(), Bytes(6), "a part that was given up adds nothing");
        assert_eq!(hasher.buffer(10).len(), 10);
    }
}

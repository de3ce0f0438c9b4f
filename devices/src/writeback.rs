//! Brings a file to the disk while it is still being written, so that the sync at its end is short.
//!
//! The kernel keeps what is written in memory until it must, and a sync at the end of a gigabyte then waits for
//! a gigabyte. A thread beside the writer syncs every [`STRIDE`]. It is only a help: whoever wants the file to be
//! durable calls [`Writeback::finish`] and then syncs the file, in that order.
//!
//! What must never happen: that the thread swallows an error. The kernel reports a failed write to the first who
//! syncs, once, and the sync at the end would then say that all is well.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// So much is written before it is worth telling the thread.
const STRIDE: u64 = 32 << 20;

/// The syncing beside the writing of one file.
#[derive(Debug, Default)]
pub struct Writeback {
    /// What was written since the thread was told.
    untold: u64,
    helper: Option<Helper>,
}

#[derive(Debug)]
struct Helper {
    tell: SyncSender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Writeback {
    /// Says that `bytes` more were written to `file`, which is the same file each time.
    pub fn wrote(&mut self, file: &File, bytes: usize) {
        self.untold += bytes as u64;
        if self.untold < STRIDE {
            return;
        }
        self.untold = 0;
        if self.helper.is_none() {
            self.helper = Helper::start(file).ok();
        }
        if let Some(helper) = &self.helper {
            // It is still busy with what it was told before, and will take this along the next time.
            helper.tell.try_send(()).ok();
        }
    }

    /// Waits for the thread. An error means that some of the file is lost, whatever a later sync says.
    pub fn finish(&mut self) -> io::Result<()> {
        self.untold = 0;
        match self.helper.take() {
            None => Ok(()),
            Some(Helper { tell, thread }) => {
                drop(tell);
                thread.join().unwrap_or_else(|_| Err(io::Error::other("the syncing thread died")))
            }
        }
    }
}

impl Helper {
    fn start(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (tell, told) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("writeback".to_owned())
            .spawn(move || work(&file, &told))?;
        Ok(Self { tell, thread })
    }
}

fn work(file: &File, told: &Receiver<()>) -> io::Result<()> {
    while told.recv().is_ok() {
        file.sync_data()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    #[test]
    fn a_small_file_starts_no_thread() {
        let mut writeback = Writeback::default();
        writeback.wrote(&tempfile::tempfile().unwrap(), 1000);
        assert!(writeback.helper.is_none());
        writeback.finish().unwrap();
    }

    #[test]
    fn an_error_of_the_thread_comes_out_at_the_end() {
        // No file can be synced that is not on a disk.
        let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
        let mut writeback = Writeback::default();
        writeback.wrote(&null, 64 << 20);
        assert!(writeback.helper.is_some());
        writeback.finish().unwrap_err();
        writeback.finish().unwrap();
    }
}

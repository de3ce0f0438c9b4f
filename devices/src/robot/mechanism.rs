//! A drive as a place for cartridges: who it is, whether a cartridge is ready in it, and getting it out.
//!
//! Reading and writing are the business of [`crate::ssc`]. What is asked here disturbs nobody who reads or writes,
//! but for [`Mechanism::load`] and [`Mechanism::unload`].

use std::time::Duration;

use super::matching::DriveSeen;
use crate::scsi::cdb::Answered;
use crate::scsi::cdb::spc::{self, Removal};
use crate::scsi::cdb::ssc::{Loading, load_unload};
use crate::scsi::sense::Key;
use crate::smc::reading;
use crate::smc::{Attention, Failure, Line, Patience, trimmed};
use crate::transport::Transport;

/// For commands that move nothing.
const SHORT: Duration = Duration::from_secs(60);

/// LOAD and UNLOAD: an LTO-9 drive rewinds and unthreads in up to 186 seconds (IBM), old ones in more.
const THREADING: Duration = Duration::from_secs(1200);

/// So many looks, [`Patience::step`] apart, until a drive must have noticed what the arm put into it.
const NOTICING: u32 = 12;

/// What is the matter with a drive into which a cartridge was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Its medium can be read and written.
    Ready,
    /// It has no cartridge.
    Empty,
    /// It has a cleaning cartridge.
    Cleaning,
}

/// A drive.
pub(crate) struct Mechanism {
    line: Line<Box<dyn Transport>>,
}

impl Mechanism {
    pub(crate) fn new(transport: Box<dyn Transport>, patience: Patience) -> Self {
        let mut line = Line::new(transport);
        line.patience = patience;
        Self { line }
    }

    /// Who it says that it is. Pages that it does not have are not asked for: some devices answer them with
    /// another.
    pub(crate) fn identify(&mut self, node: &str) -> Result<DriveSeen, Failure> {
        let mut reply = [0; 96];
        let length = self.line.read(&spc::inquiry(96), &mut reply, SHORT)?;
        let standard = reading::inquiry(reply.get(..length).unwrap_or(&reply));
        let (_, [vendor, product, _]) = standard.unwrap_or_default();
        let mut seen = DriveSeen { node: node.to_owned(), vendor, product, ..DriveSeen::default() };
        let pages = self.page(0x00)?;
        let pages = pages.get(4..).unwrap_or_default();
        for page in [0x80, 0x83, 0xb1, 0xb3, 0xb4].into_iter().filter(|page| pages.contains(page)) {
            note(&mut seen, page, &self.page(page)?);
        }
        Ok(seen)
    }

    fn page(&mut self, page: u8) -> Result<Vec<u8>, Failure> {
        let mut reply = vec![0; 1024];
        match self.line.read(&spc::inquiry_vpd(page, 1024), &mut reply, SHORT) {
            Ok(length) => reply.truncate(length),
            // It lists pages that it does not have, or has none at all.
            Err(Failure::Sense(_)) => reply.clear(),
            Err(failure) => return Err(failure),
        }
        let right = reply.get(1) == Some(&page);
        Ok(if right { reply } else { Vec::new() })
    }

    /// Waits until what the arm put there can be used: minutes, and on a new LTO-9 cartridge up to two hours. The
    /// changer's word is not enough: it says *done* while the drive still threads.
    pub(crate) fn settle(&mut self) -> Result<Settled, Failure> {
        let mut told_to_load = false;
        for _ in 0..NOTICING {
            match self.state()? {
                State::Is(settled @ (Settled::Ready | Settled::Cleaning)) => return Ok(settled),
                State::Unthreaded if told_to_load => return Ok(Settled::Empty),
                State::Unthreaded => {
                    told_to_load = true;
                    self.load()?;
                }
                // It may not have noticed yet.
                State::Is(Settled::Empty) => self.line.pause(),
            }
        }
        Ok(Settled::Empty)
    }

    /// What it has in it now. While it threads or calibrates, this waits.
    pub(crate) fn state(&mut self) -> Result<State, Failure> {
        match self.line.order(&spc::test_unit_ready(), SHORT, Attention::SendAgain) {
            Ok(()) => Ok(State::Is(Settled::Ready)),
            Err(Failure::Sense(sense)) if sense.key == Key::NotReady => {
                match (sense.code.asc, sense.code.ascq) {
                    // Medium not present, but its memory can be read: it is in, and not threaded. And: needs LOAD.
                    (0x3a, 0x04) | (0x04, 0x02) => Ok(State::Unthreaded),
                    (0x3a, _) => Ok(State::Is(Settled::Empty)),
                    (0x30, 0x03) => Ok(State::Is(Settled::Cleaning)),
                    _ => Err(Failure::Sense(sense)),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Threads what is in it.
    pub(crate) fn load(&mut self) -> Result<(), Failure> {
        let cdb = load_unload(Loading::Load, Answered::WhenDone);
        self.line.order(&cdb, THREADING, Attention::SendAgain)
    }

    /// Lets go of what is in it. A drive that has already let go is content.
    pub(crate) fn unload(&mut self) -> Result<(), Failure> {
        // Somebody may have locked it, and died since. Drives that do not know the command have nothing locked.
        let allowed = self.line.order(&spc::removal(Removal::Allowed), SHORT, Attention::SendAgain);
        if let Err(failure @ Failure::Transport(_)) = allowed {
            return Err(failure);
        }
        let cdb = load_unload(Loading::Unload, Answered::WhenDone);
        match self.line.order(&cdb, THREADING, Attention::SendAgain) {
            Err(Failure::Sense(sense)) if sense.code.asc == 0x3a => Ok(()),
            done => done,
        }
    }

    /// Lets some time pass.
    pub(crate) fn pause(&mut self) {
        self.line.pause();
    }
}

/// What a drive has in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// That.
    Is(Settled),
    /// A cartridge that was not threaded.
    Unthreaded,
}

/// What a page of vital product data adds.
fn note(seen: &mut DriveSeen, page: u8, bytes: &[u8]) {
    match page {
        0x80 => seen.serial = reading::serial(bytes),
        0xb1 => seen.made_serial = reading::serial(bytes),
        0xb3 => seen.library = reading::serial(bytes),
        0xb4 => {
            let element = bytes.get(4..6).map(|two| u16::from(two[0]) << 8 | u16::from(two[1]));
            seen.element = element.filter(|element| *element != 0);
        }
        0x83 => {
            for (kind, data) in designators(bytes) {
                match kind {
                    1 if !trimmed(data).is_empty() => seen.t10.push(data.to_vec()),
                    3 => seen.naa.push(data.to_vec()),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Types and data of the designators of the logical unit itself; those of its ports are of no use here.
fn designators(page: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    let mut rest = page.get(4..).unwrap_or_default();
    while let Some((header, behind)) = rest.split_at_checked(4) {
        let [_, kind, _, length] = [0, 1, 2, 3].map(|at| header.get(at).copied().unwrap_or(0));
        let Some((data, next)) = behind.split_at_checked(usize::from(length)) else { break };
        if kind & 0x30 == 0 {
            found.push((kind & 0x0f, data));
        }
        rest = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_designators_of_the_drive_itself_count() {
        let mut page = vec![1, 0x83, 0, 0];
        page.extend_from_slice(&[0x02, 0x01, 0, 4]);
        page.extend_from_slice(b"ACME");
        page.extend_from_slice(&[0x01, 0x13, 0, 2, 0x50, 0x01]); // of a port
        page.extend_from_slice(&[0x01, 0x03, 0, 2, 0x50, 0x02]);
        page.extend_from_slice(&[0x01, 0x03, 0, 200, 0x50]); // longer than the page
        let mut seen = DriveSeen::default();
        note(&mut seen, 0x83, &page);
        assert_eq!(seen.naa, [[0x50, 0x02]]);
        assert_eq!(seen.t10, [b"ACME".to_vec()]);
    }

    #[test]
    fn a_drive_outside_a_library_has_no_element_address() {
        let mut seen = DriveSeen::default();
        note(&mut seen, 0xb4, &[1, 0xb4, 0, 2, 0, 0]);
        assert_eq!(seen.element, None);
        note(&mut seen, 0xb4, &[1, 0xb4, 0, 2, 1, 1]);
        assert_eq!(seen.element, Some(257));
        note(&mut seen, 0xb4, &[1, 0xb4]);
        assert_eq!(seen.element, None);
    }
}

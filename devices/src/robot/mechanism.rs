//! A drive as a place for cartridges: who it is, whether a cartridge is ready in it, and getting it out.
//!
//! Reading and writing are the business of [`crate::ssc`]. What is asked here disturbs nobody who reads or writes,
//! but for [`Mechanism::load`] and [`Mechanism::unload`].

use std::time::Duration;

use super::cleaning::Condition;
use super::matching::DriveSeen;
use crate::scsi::Status;
use crate::scsi::cdb::Answered;
use crate::scsi::cdb::spc::{self, Removal};
use crate::scsi::cdb::ssc::{Loading, load_unload};
use crate::scsi::judge::{During, Unready, Verdict};
use crate::scsi::page::designators::{self, Of};
use crate::scsi::page::inquiry::{self, Inquiry};
use crate::scsi::page::log::device_status::Activity;
use crate::scsi::page::{BadReply, PageCode, log, vpd};
use crate::smc::{Failure, Line, Patience};
use crate::transport::{Data, Transport};

/// For commands that move nothing.
const SHORT: Duration = Duration::from_secs(60);

/// LOAD and UNLOAD: an LTO-9 drive rewinds and unthreads in up to 186 seconds (IBM), old ones in more.
const THREADING: Duration = Duration::from_secs(1200);

/// So many looks, [`Patience::step`] apart, until a drive must have noticed what the arm put into it.
const NOTICING: u32 = 12;

/// Enough for the log pages that are asked for here.
const LOG_ROOM: u16 = 4096;

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

/// Whether a drive calibrates cartridges that are new to it: LTO-9 is the first generation that does, and takes up to
/// two hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calibrates {
    /// It does not.
    Never,
    /// It may.
    Perhaps,
}

/// What a drive that is not ready is doing: log page 11h tells it while the tape moves.
fn doing(transport: &mut Box<dyn Transport>, calibrates: Calibrates) -> Option<String> {
    let mut reply = vec![0; usize::from(LOG_ROOM)];
    let cdb = spc::log_sense(log::device_status::PAGE, 0, LOG_ROOM);
    let done = transport.execute(&cdb, Data::In(&mut reply), SHORT).ok();
    let page = done.filter(|done| done.status == Status::Good);
    let page = page.and_then(|done| reply.get(..done.moved));
    let status = page.and_then(|page| log::device_status::decode(page).ok());
    Some(match (status.map(|status| status.activity), calibrates) {
        (Some(Activity::Calibrating), _) => {
            "it calibrates a cartridge that is new to it, which takes up to two hours".to_owned()
        }
        (Some(Activity::Loading), _) => "it loads the cartridge".to_owned(),
        (Some(Activity::Rewinding), _) => "it rewinds".to_owned(),
        (Some(Activity::Unloading), _) => "it unloads the cartridge".to_owned(),
        (None, Calibrates::Perhaps) => {
            "it becomes ready: within minutes, or up to two hours if it calibrates a cartridge that is new to it"
                .to_owned()
        }
        _ => return None,
    })
}

/// A drive.
pub(crate) struct Mechanism {
    line: Line<Box<dyn Transport>>,
}

impl Mechanism {
    pub(crate) fn new(transport: Box<dyn Transport>, patience: Patience) -> Self {
        Self::of(transport, patience, Calibrates::Never)
    }

    /// The same, of a drive of which it is known whether it calibrates cartridges.
    pub(crate) fn of(
        transport: Box<dyn Transport>,
        patience: Patience,
        calibrates: Calibrates,
    ) -> Self {
        let explain =
            Box::new(move |transport: &mut Box<dyn Transport>| doing(transport, calibrates));
        let mut line = Line::new(transport).explained(explain);
        line.patience = patience;
        Self { line }
    }

    /// Who it says that it is. Pages that it does not have are not asked for: some devices answer them with
    /// another.
    pub(crate) fn identify(&mut self, node: &str) -> Result<DriveSeen, Failure> {
        let mut reply = vec![0; usize::from(inquiry::ROOM)];
        let length = self.line.read(&spc::inquiry(inquiry::ROOM), &mut reply, SHORT)?;
        reply.truncate(length);
        let Inquiry { vendor, product, .. } = inquiry::decode(&reply)?;
        let pages = vpd::supported(&self.page(vpd::SUPPORTED)?).unwrap_or_default();
        let mut page = |code| match pages.contains(&code) {
            true => self.page(code),
            false => Ok(Vec::new()),
        };
        // What cannot be read says nothing: there are other pages.
        let text = |read: Result<Option<String>, BadReply>| read.ok().flatten();
        let names = designators::decode(&page(vpd::DESIGNATORS)?).unwrap_or_default();
        let of_the_unit = names.into_iter().filter(|it| it.of == Of::Unit).map(|it| it.name);
        Ok(DriveSeen {
            node: node.to_owned(),
            vendor,
            product,
            serial: text(vpd::serial(&page(vpd::SERIAL)?)),
            made_serial: text(vpd::manufacturer_serial(&page(vpd::MANUFACTURER_SERIAL)?)),
            names: of_the_unit.collect(),
            library: text(vpd::automation_serial(&page(vpd::AUTOMATION_SERIAL)?)),
            element: vpd::element_address(&page(vpd::ELEMENT_ADDRESS)?)
                .ok()
                .flatten()
                .map(|element| element.0),
        })
    }

    fn page(&mut self, page: u8) -> Result<Vec<u8>, Failure> {
        let mut reply = vec![0; usize::from(vpd::ROOM)];
        match self.line.read(&spc::inquiry_vpd(page, vpd::ROOM), &mut reply, SHORT) {
            Ok(length) => reply.truncate(length),
            // It lists pages that it does not have, or has none at all.
            Err(Failure::Sense(_)) => reply.clear(),
            Err(failure) => return Err(failure),
        }
        Ok(reply)
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
        match self.line.order(&spc::test_unit_ready(), SHORT, During::Other) {
            Ok(()) => Ok(State::Is(Settled::Ready)),
            Err(failure) => match failure.verdict(During::Other) {
                Some(Verdict::NotReady(Unready::NotThreaded | Unready::NeedsLoad)) => {
                    Ok(State::Unthreaded)
                }
                Some(Verdict::NotReady(Unready::NoMedium)) => Ok(State::Is(Settled::Empty)),
                Some(Verdict::NotReady(Unready::Cleaning)) => Ok(State::Is(Settled::Cleaning)),
                _ => Err(failure),
            },
        }
    }

    /// Threads what is in it.
    pub(crate) fn load(&mut self) -> Result<(), Failure> {
        let cdb = load_unload(Loading::Load, Answered::WhenDone);
        self.line.order(&cdb, THREADING, During::Other)
    }

    /// Lets go of what is in it. A drive that has already let go is content.
    pub(crate) fn unload(&mut self) -> Result<(), Failure> {
        // Somebody may have locked it, and died since. Drives that do not know the command have nothing locked.
        let allowed = self.line.order(&spc::removal(Removal::Allowed), SHORT, During::Other);
        if let Err(failure @ Failure::Transport(_)) = allowed {
            return Err(failure);
        }
        let cdb = load_unload(Loading::Unload, Answered::WhenDone);
        match self.line.order(&cdb, THREADING, During::Other) {
            Err(failure) => match failure.verdict(During::Other) {
                Some(Verdict::NotReady(Unready::NoMedium | Unready::NotThreaded)) => Ok(()),
                _ => Err(failure),
            },
            Ok(()) => Ok(()),
        }
    }

    /// How clean it is. Pages that it does not have are not asked for, and what cannot be read is not told.
    pub(crate) fn condition(&mut self) -> Result<Condition, Failure> {
        let supported = self.log(log::SUPPORTED, log::supported)?.unwrap_or_default();
        let has = |page| supported.contains(&page);
        let mut condition = Condition::default();
        if has(log::statistics::PAGE) {
            let life = self.log(log::statistics::PAGE, log::statistics::decode)?;
            condition.cleanings = life.and_then(|life| life.cleanings);
        }
        if has(log::device_status::PAGE) {
            let status = self.log(log::device_status::PAGE, log::device_status::decode)?;
            let told = status.filter(|it| it.initialized);
            condition.asks = told.map(|it| it.cleaning_requested || it.cleaning_required);
        }
        // Reading the older page clears the flags, so it is asked only where there is no other.
        let alerts = if has(log::alerts::RESPONSE) {
            self.log(log::alerts::RESPONSE, log::alerts::response)?
        } else if has(log::alerts::ALERTS) {
            self.log(log::alerts::ALERTS, log::alerts::alerts)?
        } else {
            None
        };
        condition.alerts = alerts.unwrap_or_default();
        Ok(condition)
    }

    fn log<R>(
        &mut self,
        page: PageCode,
        decode: impl FnOnce(&[u8]) -> Result<R, BadReply>,
    ) -> Result<Option<R>, Failure> {
        let mut reply = vec![0; usize::from(LOG_ROOM)];
        match self.line.read(&spc::log_sense(page, 0, LOG_ROOM), &mut reply, SHORT) {
            Ok(length) => Ok(decode(reply.get(..length).unwrap_or(&reply)).ok()),
            // It does not have the page, or not now.
            Err(Failure::Sense(_) | Failure::Mute(_) | Failure::Status(_)) => Ok(None),
            Err(failure) => Err(failure),
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

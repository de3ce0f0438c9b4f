//! LOAD, UNLOAD, PREVENT, and what happens to a cartridge from the mouth of the drive to its hub and back.
//!
//! ```text
//!  Empty ─put in─► Loading ─► (Calibrating, LTO-9 and new) ─► Threaded ◄─LOAD── Held, Ejected
//!    ▲                └─► Cleaning, Refused ─► Ejected           └──UNLOAD──► Ejected ─taken out─► Empty
//! ```

use std::time::Duration;

use crate::emulator::Pace;
use crate::emulator::cartridge::Kind;
use crate::emulator::complaint::{Complaint, Detail, Outcome, Reply, key};
use crate::emulator::events::MEDIUM_MAY_HAVE_CHANGED;
use crate::emulator::generation::{Access, Generation};

use super::{At, Mount, Seat, Turn};

/// What an LTO-9 drive takes to measure a new cartridge: IBM's average.
const CALIBRATION: Duration = Duration::from_secs(40 * 60);

const CLEANING: Duration = Duration::from_secs(120);

impl Turn<'_> {
    /// Time has gone on since the last command: what was to happen by itself has happened.
    pub(crate) fn catch_up(&mut self, pace: Pace) {
        self.drive.flips = None;
        if pace == Pace::Instant {
            while let Some(until) = self.busy_until() {
                self.desk.now = self.desk.now.max(until);
                self.arrive();
            }
        }
        while self.busy_until().is_some_and(|until| until <= self.desk.now) {
            self.arrive();
        }
        self.drive.stream.elapse(self.desk.now);
        self.settle();
    }

    pub(crate) fn busy_until(&self) -> Option<Duration> {
        match self.drive.seat {
            Seat::Loading(until)
            | Seat::Calibrating { until, .. }
            | Seat::Cleaning(until)
            | Seat::Unloading(until) => Some(until),
            Seat::Empty | Seat::Threaded | Seat::Held | Seat::Ejected | Seat::Refused(_) => None,
        }
    }

    /// A cartridge was put in, and is drawn in.
    pub(crate) fn begin_load(&mut self) {
        let facts = self.drive.model.generation.facts();
        self.drive.mount = Mount::default();
        self.drive.seat = Seat::Loading(self.desk.now + Duration::from_secs(facts.load_s));
    }

    pub(crate) fn begin_calibration(&mut self, since: Duration) {
        self.drive.seat = Seat::Calibrating { since, until: since + CALIBRATION };
    }

    /// What takes time has come to its end.
    fn arrive(&mut self) {
        let Some(cartridge) = self.cartridge.as_deref_mut() else {
            self.drive.seat = Seat::Empty;
            return;
        };
        let model = &self.drive.model;
        match self.drive.seat {
            Seat::Loading(_) if cartridge.is_cleaning() => {
                self.begin_cleaning();
                return;
            }
            Seat::Loading(_) if model.generation.access(cartridge.generation) == Access::None => {
                self.drive.health.raise(0x0c);
                self.drive.seat = Seat::Refused(Complaint::new(key::NOT_READY, 0x30, 0x00));
                return;
            }
            Seat::Loading(at) if model.generation == Generation::Lto9 && !cartridge.calibrated => {
                self.begin_calibration(at);
                return;
            }
            Seat::Cleaning(_) | Seat::Unloading(_) => {
                self.drive.seat = Seat::Ejected;
                return;
            }
            _ => {}
        }
        cartridge.calibrated = true;
        cartridge.wear.loads += 1;
        (cartridge.wear.written_last, cartridge.wear.read_last) = (0, 0);
        let drive = format!("{:<8}{}", model.vendor, self.drive.serial);
        cartridge.wear.drives.insert(0, drive);
        cartridge.wear.drives.truncate(4);
        self.drive.counters.loads += 1;
        self.drive.seat = Seat::Threaded;
        self.drive.at = At::default();
        self.desk.attentions.raise(MEDIUM_MAY_HAVE_CHANGED);
    }

    fn begin_cleaning(&mut self) {
        let Some(cartridge) = self.cartridge.as_deref_mut() else { return };
        self.drive.seat = match &mut cartridge.kind {
            Kind::Cleaning { uses } if *uses > 0 => {
                *uses -= 1;
                self.drive.health.cleaned();
                self.drive.counters.cleanings += 1;
                Seat::Cleaning(self.desk.now + CLEANING)
            }
            _ => {
                self.drive.health.raise(0x16);
                Seat::Refused(Complaint::new(key::NOT_READY, 0x30, 0x03))
            }
        };
    }

    /// Whether the tape can be used.
    pub(crate) fn ready(&self) -> Result<(), Complaint> {
        let not_ready = |code, qualifier| Err(Complaint::new(key::NOT_READY, code, qualifier));
        match &self.drive.seat {
            Seat::Threaded => Ok(()),
            Seat::Empty | Seat::Ejected => Err(Complaint::no_medium()),
            Seat::Held => not_ready(0x3a, 0x04),
            Seat::Loading(_) | Seat::Unloading(_) => not_ready(0x04, 0x01),
            Seat::Calibrating { since, until } => {
                let whole = until.saturating_sub(*since).as_millis().max(1);
                let done = self.desk.now.saturating_sub(*since).as_millis();
                let progress = u16::try_from(done * 0xffff / whole).unwrap_or(u16::MAX);
                let complaint = Complaint::new(key::NOT_READY, 0x04, 0x01);
                Err(Complaint { detail: Detail::Progress(progress), ..complaint })
            }
            Seat::Cleaning(_) => not_ready(0x30, 0x03),
            Seat::Refused(complaint) => Err(complaint.clone()),
        }
    }

    /// Whether the chip can be read.
    pub(crate) fn has_chip(&self) -> Result<(), Complaint> {
        match &self.drive.seat {
            Seat::Threaded | Seat::Held | Seat::Calibrating { .. } => Ok(()),
            _ => self.ready(),
        }
    }

    pub(crate) fn load_unload(&mut self) -> Reply {
        let (load, hold) = (self.ask.bit(4, 0x01), self.ask.bit(4, 0x08));
        let outcome = match load {
            true => self.load(hold),
            false => self.unload(hold),
        };
        // With IMMED the answer does not wait; without, the command takes as long as it takes.
        if outcome.is_ok() && !self.ask.bit(1, 0x01) && !self.calibrates() {
            while let Some(until) = self.busy_until() {
                self.desk.now = self.desk.now.max(until);
                self.arrive();
                if self.calibrates() {
                    break;
                }
            }
        }
        outcome
    }

    fn calibrates(&self) -> bool {
        matches!(self.drive.seat, Seat::Calibrating { .. })
    }

    fn load(&mut self, hold: bool) -> Reply {
        match (&self.drive.seat, hold) {
            (Seat::Empty, _) => Err(Complaint::no_medium().into()),
            (Seat::Threaded, false) => self.rewind(),
            (Seat::Ejected, true) => {
                self.drive.seat = Seat::Held;
                Ok(Outcome::done())
            }
            (Seat::Ejected | Seat::Held, false) => {
                self.begin_load();
                Ok(Outcome::done())
            }
            (Seat::Refused(complaint), _) => Err(complaint.clone().into()),
            (Seat::Threaded, true) => Err(Complaint::bad_command(4).into()),
            _ => Ok(Outcome::done()),
        }
    }

    fn unload(&mut self, hold: bool) -> Reply {
        if !self.drive.prevented.is_empty() && !hold {
            self.drive.health.raise(0x0a);
            return Err(Complaint::new(key::ILLEGAL, 0x53, 0x02).into());
        }
        match self.drive.seat {
            Seat::Threaded => {}
            Seat::Calibrating { .. } | Seat::Loading(_) | Seat::Cleaning(_) => {
                return Err(Complaint::new(key::NOT_READY, 0x04, 0x01).into());
            }
            Seat::Held if !hold => {
                self.drive.seat = Seat::Ejected;
                return Ok(Outcome::done());
            }
            Seat::Refused(_) => {
                self.drive.seat = Seat::Ejected;
                return Ok(Outcome::done());
            }
            _ => return Ok(Outcome::done()),
        }
        let flushed = self.come_to_rest();
        self.wind_back();
        self.desk.now += self.slow_rewind();
        self.drive.keys.demounted();
        let unload = Duration::from_secs(self.drive.model.generation.facts().unload_s);
        self.drive.seat = match hold {
            true => Seat::Held,
            false => Seat::Unloading(self.desk.now + unload),
        };
        if let Some(cartridge) = self.cartridge.as_deref() {
            // A page that the disk will not take is found torn when the cartridge is next opened.
            let _told = cartridge.store.sync();
        }
        flushed?;
        Ok(Outcome::done())
    }

    /// LTO-9 drives take the longer to rewind for unloading the more they moved (IBM).
    fn slow_rewind(&self) -> Duration {
        let moved =
            self.cartridge.as_deref().map_or(0, |it| it.wear.written_last + it.wear.read_last);
        if self.drive.model.generation != Generation::Lto9 {
            return Duration::ZERO;
        }
        let seconds = match moved / 1_000_000_000 {
            0..5 => 55,
            5..50 => 110,
            _ => 165,
        };
        Duration::from_secs(seconds)
    }

    pub(crate) fn prevent(&mut self) -> Reply {
        match self.ask.byte(4) & 0x03 {
            0 => self.drive.prevented.remove(&self.ask.nexus),
            _ => self.drive.prevented.insert(self.ask.nexus),
        };
        Ok(Outcome::done())
    }

    /// Whether the robot, or a person, can take the cartridge.
    pub(crate) fn releases(&mut self) -> bool {
        matches!(self.drive.seat, Seat::Empty | Seat::Ejected | Seat::Refused(_))
    }

    /// The button on the front: unloads, whatever hosts have forbidden.
    pub(crate) fn press_eject(&mut self) {
        self.catch_up(Pace::Instant);
        self.drive.prevented.clear();
        // What fails is told to the next who asks.
        let _told = self.unload(false);
        self.catch_up(Pace::Instant);
    }

    pub(crate) fn removed(&mut self) {
        self.drive.seat = Seat::Empty;
        self.drive.session = None;
        self.drive.stream.stop();
        self.drive.at = At::default();
    }
}

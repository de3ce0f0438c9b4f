//! What a drive has to say of itself: TapeAlert flags, dirt, and errors that pile up.
//!
//! Flags are numbered as in SSC-4, table 24: 1 to 64. A drive that wants to be cleaned first says so beside its work,
//! once; when it must be, its heads read and write no more.

use serde::{Deserialize, Serialize};

use crate::emulator::complaint::{Complaint, key};

use super::{DriveUnit, Seat};

/// How dirty the heads are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dirt {
    #[default]
    Clean,
    /// It asks, and works on.
    Requested,
    /// It does not work any more.
    Required,
}

/// Alerts and dirt of one drive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    alerts: u64,
    pub(crate) dirt: Dirt,
    told: bool,
}

impl Health {
    /// Raises a flag.
    pub(crate) fn raise(&mut self, flag: u8) {
        if (1..=64).contains(&flag) {
            self.alerts |= 1 << (flag - 1);
        }
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        (1..=64).contains(&flag) && self.alerts >> (flag - 1) & 1 == 1
    }

    /// Forgets the flags: they were read, or another cartridge came.
    pub(crate) fn clear(&mut self) {
        let standing = match self.dirt {
            Dirt::Clean => 0,
            Dirt::Requested => 1 << (0x15 - 1),
            Dirt::Required => 1 << (0x14 - 1),
        };
        self.alerts = standing;
    }

    pub(crate) fn dirtier(&mut self) {
        self.dirt = match self.dirt {
            Dirt::Clean => Dirt::Requested,
            Dirt::Requested | Dirt::Required => Dirt::Required,
        };
        self.told = false;
        self.clear();
    }

    pub(crate) fn cleaned(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn write_failed(&mut self) {
        [0x02, 0x03, 0x06].into_iter().for_each(|flag| self.raise(flag));
    }

    pub(crate) fn read_failed(&mut self) {
        [0x01, 0x03, 0x05].into_iter().for_each(|flag| self.raise(flag));
    }

    /// 0/00/17, once: the command was carried out, and the drive would like to be cleaned.
    pub(crate) fn notice(&mut self) -> Option<Complaint> {
        let tells = self.dirt == Dirt::Requested && !self.told;
        self.told |= tells;
        tells.then(|| Complaint::new(key::NO_SENSE, 0x00, 0x17))
    }

    /// Whether the drive wants to be cleaned.
    pub(crate) fn notice_pending(&self) -> bool {
        self.dirt != Dirt::Clean
    }

    /// Dirty heads write nothing that could be read.
    pub(crate) fn may_work(&self) -> Result<(), Complaint> {
        match self.dirt {
            Dirt::Required => Err(Complaint::new(key::MEDIUM, 0x0c, 0x00)),
            Dirt::Clean | Dirt::Requested => Ok(()),
        }
    }
}

/// What a drive remembers while the power is off.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Life {
    dirt: Dirt,
    counters: Counters,
    cartridge: Rests,
}

/// Where in the drive its cartridge is, if it has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Rests {
    /// Where the drive loads it from when the power comes on.
    #[default]
    Inside,
    /// In the mouth, or on its way there: somebody can take it, and the power does not draw it in.
    InTheMouth,
}

impl DriveUnit {
    /// What the drive will remember.
    pub(crate) fn life(&self) -> Life {
        let cartridge = match self.seat {
            Seat::Ejected | Seat::Unloading(_) => Rests::InTheMouth,
            _ => Rests::Inside,
        };
        Life { dirt: self.health.dirt, counters: self.counters.clone(), cartridge }
    }

    /// The power comes on in a drive that has had this life.
    pub(crate) fn live_on(&mut self, life: Life) {
        self.health = Health { dirt: life.dirt, ..Health::default() };
        self.health.clear();
        self.counters = life.counters;
        if life.cartridge == Rests::InTheMouth && self.seat != Seat::Empty {
            self.seat = Seat::Ejected;
        }
    }
}

/// What a drive counts over its life, or until a host sets it back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counters {
    pub(crate) loads: u64,
    pub(crate) cleanings: u64,
    pub(crate) write_errors: u64,
    pub(crate) read_errors: u64,
    pub(crate) read_recovered: u64,
    /// From the host, and on the tape.
    pub(crate) received: u64,
    pub(crate) stored: u64,
    /// From the tape, and to the host.
    pub(crate) fetched: u64,
    pub(crate) sent: u64,
    /// On the tape and from it, in all its life.
    pub(crate) stored_ever: u64,
    pub(crate) fetched_ever: u64,
}

impl Counters {
    /// A host has set back what can be set back: not what belongs to the drive's life.
    pub(crate) fn set_back(&mut self) {
        let Self { loads, cleanings, stored_ever, fetched_ever, .. } = *self;
        *self = Self { loads, cleanings, stored_ever, fetched_ever, ..Self::default() };
    }

    pub(crate) fn wrote(&mut self, length: u32, native: u32) {
        self.received += u64::from(length);
        self.stored += u64::from(native);
        self.stored_ever += u64::from(native);
    }

    pub(crate) fn read(&mut self, length: u32, native: u32) {
        self.fetched += u64::from(native);
        self.fetched_ever += u64::from(native);
        self.sent += u64::from(length);
    }
}

#[cfg(test)]
mod tests {
    use super::{Dirt, Health};

    #[test]
    fn a_dirty_drive_asks_once_and_then_refuses() {
        let mut health = Health::default();
        health.dirtier();
        assert_eq!(health.notice().map(|it| (it.key, it.code)), Some((0, (0x00, 0x17))));
        assert_eq!(health.notice(), None);
        assert!(health.has(0x15) && health.may_work().is_ok());
        health.dirtier();
        assert!(health.has(0x14) && health.may_work().is_err());
        health.clear();
        assert!(health.has(0x14), "reading the flags does not clean the heads");
        health.cleaned();
        assert_eq!(health.dirt, Dirt::Clean);
    }
}

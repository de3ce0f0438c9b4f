//! Between buffer and medium: which objects have reached the tape, where its ends are, and what is lost when.
//!
//! A block that the drive took stands behind the last object, and is not durable. As the motor empties the
//! buffer, objects become durable one by one; a flush makes all of them so, and writes the end-of-data mark. A
//! write error that the drive meets in between belongs to data it has long accepted: a *deferred* error, told to
//! whoever comes next.

use std::io;

use crate::emulator::cartridge::{Cartridge, Harm};
use crate::emulator::complaint::{Complaint, key};
use crate::emulator::medium::{Object, Partition};
use crate::emulator::setup::PowerCut;

use super::{At, Turn};

/// Where writing stands, seen from the ends of the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Zone {
    /// Far from the end.
    Free,
    /// Behind the point that the host chose for a first warning.
    Programmed,
    /// Behind the drive's own early warning.
    Early,
}

impl Turn<'_> {
    /// The cartridge, threaded or not.
    pub(crate) fn cartridge(&mut self) -> Result<&mut Cartridge, Complaint> {
        self.cartridge.as_deref_mut().ok_or_else(Complaint::no_medium)
    }

    /// The partition under the heads.
    pub(crate) fn partition(&mut self) -> Result<&mut Partition, Complaint> {
        let number = self.drive.at.partition;
        self.cartridge()?.partition_mut(number).ok_or_else(Complaint::no_medium)
    }

    /// Bytes of tape between the beginning of the partition and the heads.
    pub(crate) fn native_here(&mut self) -> u64 {
        let object = self.drive.at.object;
        self.partition().map_or(0, |tape| tape.native_before(object))
    }

    /// What is written here lies in this zone.
    pub(crate) fn zone(&mut self) -> Zone {
        let (here, at) = (self.native_here(), self.drive.at.partition);
        let programmed = self.drive.modes.programmable_early_warning();
        let Ok(cartridge) = self.cartridge() else { return Zone::Free };
        let early = cartridge.size_of(at).saturating_sub(cartridge.early_warning.0);
        match here {
            here if here >= early => Zone::Early,
            here if programmed > 0 && here >= early.saturating_sub(programmed) => Zone::Programmed,
            _ => Zone::Free,
        }
    }

    /// How many bytes still go on the tape.
    pub(crate) fn room(&mut self) -> u64 {
        let (here, at) = (self.native_here(), self.drive.at.partition);
        self.cartridge().map_or(0, |cartridge| cartridge.size_of(at).saturating_sub(here))
    }

    /// Makes the place under the heads the end of the tape, ready for another object.
    pub(crate) fn begin_writing(&mut self) -> Result<(), Complaint> {
        let (at, base) = (self.drive.at, self.native_here());
        let cartridge = self.cartridge.as_deref_mut().ok_or_else(Complaint::no_medium)?;
        let first_of_mount = !std::mem::replace(&mut self.drive.mount.written_to, true);
        if first_of_mount {
            cartridge.wear.change = cartridge.wear.change.wrapping_add(1);
        }
        let Some(tape) = cartridge.tape.get_mut(usize::from(at.partition)) else {
            return Err(Complaint::no_medium());
        };
        if self.drive.session.is_none() || at.object < tape.end() {
            self.drive.session = Some(base);
            self.drive.stream.stop();
        }
        if !tape.is_torn() || at.object < tape.end() {
            noted(cartridge.store.note_cut(at.partition, at.object))?;
            tape.cut(at.object);
        }
        Ok(())
    }

    /// Puts so many equal objects behind the last one, into the buffer. Time passes until there is room for them.
    pub(crate) fn put(&mut self, object: Object, count: u64, bytes: u64) -> Result<(), Complaint> {
        let native = object.native() * count;
        self.partition()?.push_many(object, count);
        self.drive.at.object += count;
        self.desk.now = self.drive.stream.accept(bytes, native, self.desk.now);
        self.settle();
        Ok(())
    }

    /// Notes what the motor has brought to the tape by now.
    pub(crate) fn settle(&mut self) {
        let (Some(base), number) = (self.drive.session, self.drive.at.partition) else { return };
        let reached = base + self.drive.stream.drained();
        let Some(tape) = self.cartridge.as_deref().and_then(|it| it.partition(number)) else {
            return;
        };
        let until = tape.whole_before(reached);
        if until > tape.durable()
            && let Err(complaint) = self.settle_until(until)
        {
            self.drive.deferred = Some(Complaint { deferred: true, ..complaint });
        }
    }

    fn settle_until(&mut self, until: u64) -> Result<(), Complaint> {
        let number = self.drive.at.partition;
        let cartridge = self.cartridge.as_deref_mut().ok_or_else(Complaint::no_medium)?;
        let bad = first_unwritable(cartridge, number, until);
        let stop = bad.unwrap_or(until);
        let Cartridge { tape, store, wear, .. } = cartridge;
        let Some(tape) = tape.get_mut(usize::from(number)) else { return Ok(()) };
        let before = tape.native_before(tape.durable());
        let settled = tape.settle(stop);
        let bytes = tape.native_before(tape.durable()) - before;
        wear.written += bytes;
        wear.written_last += bytes;
        noted(store.note_settled(number, &settled))?;
        if bad.is_some() {
            wear.write_errors += 1;
            self.drive.health.write_failed();
            self.drive.counters.write_errors += 1;
            self.lose_buffer();
            return Err(Complaint::new(key::MEDIUM, 0x0c, 0x00));
        }
        Ok(())
    }

    /// Brings all that was written to the tape, and marks its end. What fails now is no deferred error.
    pub(crate) fn flush(&mut self) -> Result<(), Complaint> {
        if self.drive.session.is_none() {
            return Ok(());
        }
        self.desk.now = self.drive.stream.flush(self.desk.now);
        let number = self.drive.at.partition;
        let end = self.partition()?.end();
        self.settle_until(end)?;
        // Another base, for the motor counts from here again.
        self.drive.session = Some(self.partition()?.native_before(end));
        self.drive.stream.stop();
        let cartridge = self.cartridge()?;
        if let Some(tape) = cartridge.tape.get_mut(usize::from(number)) {
            tape.mend_end();
        }
        noted(cartridge.store.note_end(number))
    }

    /// Ends writing: the tape is about to go somewhere else.
    pub(crate) fn come_to_rest(&mut self) -> Result<(), Complaint> {
        let flushed = self.flush();
        self.drive.session = None;
        flushed
    }

    /// What stood in the buffer is lost. The drive itself goes on, and knows where the tape now ends.
    pub(crate) fn lose_buffer(&mut self) {
        let At { partition, .. } = self.drive.at;
        self.drive.stream.stop();
        let was_writing = self.drive.session.take().is_some();
        let Some(cartridge) = self.cartridge.as_deref_mut() else { return };
        let Some(tape) = cartridge.tape.get_mut(usize::from(partition)) else { return };
        tape.lose_buffered();
        self.drive.at.object = self.drive.at.object.min(tape.end());
        if was_writing {
            tape.mend_end();
            // A journal that cannot be written is told at the next write.
            let _told = cartridge.store.note_end(partition);
        }
    }

    /// The power goes in the middle of whatever the drive did.
    pub(crate) fn lose_power(&mut self) {
        let was_writing = self.drive.session.is_some();
        let partition = self.drive.at.partition;
        let torn = was_writing
            && self.power_cut == PowerCut::TornEnd
            && self.partition().is_ok_and(|tape| tape.is_torn());
        self.lose_buffer();
        if torn && let Some(cartridge) = self.cartridge.as_deref_mut() {
            let Some(tape) = cartridge.tape.get_mut(usize::from(partition)) else { return };
            tape.cut(tape.end());
            let _told = cartridge.store.note_cut(partition, tape.end());
        }
    }

    /// The object under the heads, and what harm lies there.
    pub(crate) fn here(&mut self) -> Result<(Option<Object>, Option<Harm>), Complaint> {
        let At { partition, object } = self.drive.at;
        let cartridge = self.cartridge()?;
        let found = cartridge.partition(partition).and_then(|tape| tape.object(object)).cloned();
        Ok((found, harm_at(cartridge, partition, object)))
    }
}

pub(crate) fn harm_at(cartridge: &Cartridge, partition: u8, object: u64) -> Option<Harm> {
    if cartridge.bad_spots.is_empty() {
        return None;
    }
    let tape = cartridge.partition(partition)?;
    let (from, to) = (tape.native_before(object), tape.native_before(object + 1));
    cartridge.harm_at(partition, object, (from, to))
}

fn first_unwritable(cartridge: &Cartridge, partition: u8, until: u64) -> Option<u64> {
    if cartridge.bad_spots.is_empty() {
        return None;
    }
    let durable = cartridge.partition(partition)?.durable();
    let hurt = |&object: &u64| {
        matches!(harm_at(cartridge, partition, object), Some(Harm::Unwritable | Harm::Servo))
    };
    (durable..until).find(hurt)
}

/// A host whose disk fails is a drive that fails.
pub(crate) fn noted<T>(result: io::Result<T>) -> Result<T, Complaint> {
    result.map_err(|_| Complaint::new(key::HARDWARE, 0x44, 0x00))
}

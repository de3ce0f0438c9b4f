//! WRITE, WRITE FILEMARKS, ERASE, FORMAT MEDIUM, SET CAPACITY, ALLOW OVERWRITE: what changes the tape.
//!
//! SSC-4, chapter 5. A write near the end is carried out and says so with key 0 and EOM; one that does not fit any
//! more is refused with key D and says how much was left over.

use std::time::Duration;

use crate::emulator::cartridge::Kind;
use crate::emulator::complaint::{Complaint, Outcome, Reply, key};
use crate::emulator::generation::{Access, Generation};
use crate::emulator::medium::{Block, FILEMARK, Object, Partition};

use super::tape::{Zone, noted};
use super::{At, Turn, compression};

impl Turn<'_> {
    pub(crate) fn write(&mut self) -> Reply {
        self.ready()?;
        let fixed = self.ask.bit(1, 0x01);
        let count = self.ask.field(2, 3);
        let length = match (fixed, self.drive.modes.block_length) {
            (true, 0) => return Err(Complaint::bad_command(1).into()),
            (true, length) => u64::from(length),
            (false, _) => count,
        };
        if count == 0 {
            return Ok(Outcome::done());
        }
        if length > self.longest_transfer() {
            return Err(Complaint::bad_command(2).into());
        }
        let blocks = if fixed { count } else { 1 };
        let data = self.ask.list(blocks * length)?;
        self.may_write()?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        for (done, block) in (0..).zip(data.chunks(length)) {
            let taken = self.write_block(block)?;
            if !taken {
                let left = if fixed { blocks - done } else { count };
                return Err(volume_overflow(left).into());
            }
        }
        Ok(self.warned(0))
    }

    /// What a block may have, with its protection information.
    pub(crate) fn longest_transfer(&self) -> u64 {
        u64::from(self.drive.model.longest_block) + self.drive.modes.protection_length()
    }

    /// Takes one block. False if the tape is full.
    fn write_block(&mut self, bytes: &[u8]) -> Result<bool, Complaint> {
        let bytes = self.drive.modes.check_written(bytes)?;
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let native = match self.drive.modes.compression {
            true => compression::native_length(bytes),
            false => length,
        };
        if u64::from(native) > self.room() {
            // What came before is brought to the tape, for the host will want to know it there.
            self.flush()?;
            return Ok(false);
        }
        let seal = self.drive.keys.seal(self.ask.nexus)?;
        self.begin_writing()?;
        let cartridge = self.cartridge()?;
        let content = noted(cartridge.store.take(&cartridge.tape, bytes))?;
        let block = Block { length, native, crc: crc32c::crc32c(bytes), content, seal };
        self.drive.counters.wrote(length, native);
        let mut object = Object::Block(block);
        self.flip_on_tape(&mut object, bytes);
        self.put(object, 1, u64::from(length))?;
        Ok(true)
    }

    pub(crate) fn write_filemarks(&mut self) -> Reply {
        self.ready()?;
        if self.ask.bit(1, 0x02) {
            return Err(Complaint::bad_command(1).into());
        }
        let count = self.ask.field(2, 3);
        if count > 0 {
            self.may_write()?;
        }
        let fits = count.min(self.room() / FILEMARK);
        if fits > 0 {
            self.begin_writing()?;
            self.put(Object::Filemark, fits, 0)?;
        }
        if fits < count {
            self.flush()?;
            return Err(volume_overflow(count - fits).into());
        }
        if !self.ask.bit(1, 0x01) {
            self.flush()?;
        }
        if count == 0 {
            return Ok(Outcome::done());
        }
        Ok(self.warned(0))
    }

    /// Done; and the end may be near.
    fn warned(&mut self, left: i64) -> Outcome {
        let complaint = match self.zone() {
            Zone::Early => Complaint::new(key::NO_SENSE, 0x00, 0x02),
            // Once for each time that writing comes into the zone.
            Zone::Programmed if !self.drive.mount.warned => {
                self.drive.mount.warned = true;
                Complaint::new(key::NO_SENSE, 0x00, 0x07)
            }
            _ => return self.drive.health.notice().map_or_else(Outcome::done, Outcome::noting),
        };
        Outcome::noting(complaint.at_end_of_medium().with_information(left))
    }

    /// Whether what lies under the heads may be written over.
    pub(crate) fn may_write(&mut self) -> Result<(), Complaint> {
        self.drive.health.may_work()?;
        let At { partition, object } = self.drive.at;
        let generation = self.drive.model.generation;
        let append_only = self.drive.modes.append_only;
        let allowed = self.drive.mount.overwrite == Some(self.drive.at);
        let cartridge = self.cartridge()?;
        if generation.access(cartridge.generation) != Access::Write {
            return Err(Complaint::new(key::PROTECT, 0x30, 0x05));
        }
        if cartridge.write_protected {
            self.drive.health.raise(0x09);
            return Err(Complaint::new(key::PROTECT, 0x27, 0x00));
        }
        let Some(tape) = cartridge.partition(partition) else { return Err(Complaint::no_medium()) };
        let behind = object..tape.end();
        if cartridge.kind == Kind::Worm {
            // Filemarks at the very end may give way to more data; blocks never.
            let only_marks =
                behind.clone().all(|at| tape.object(at).is_some_and(Object::is_filemark));
            if !only_marks {
                self.drive.health.raise(0x3c);
                return Err(Complaint::new(key::PROTECT, 0x30, 0x0c));
            }
        }
        if append_only && !behind.is_empty() && !allowed {
            return Err(Complaint::new(key::PROTECT, 0x27, 0x06));
        }
        self.drive.mount.overwrite = None;
        Ok(())
    }

    pub(crate) fn erase(&mut self) -> Reply {
        self.ready()?;
        self.may_write()?;
        self.begin_writing()?;
        if self.ask.bit(1, 0x01) {
            // As long as its own timeout would allow, and somewhat less.
            let seconds = self.drive.model.generation.facts().timeouts.erase / 2;
            self.desk.now += Duration::from_secs(seconds);
        }
        self.flush()?;
        Ok(Outcome::done())
    }

    pub(crate) fn format_medium(&mut self) -> Reply {
        self.ready()?;
        if self.drive.model.generation < Generation::Lto5 {
            return Err(Complaint::no_such_command().into());
        }
        if self.drive.at != At::default() {
            return Err(Complaint::new(key::ILLEGAL, 0x3b, 0x00).into());
        }
        let sizes = match self.ask.byte(2) & 0x0f {
            0 => vec![self.cartridge()?.capacity.0],
            1 | 2 => {
                let capacity = self.cartridge()?.capacity.0;
                self.drive.modes.partition_sizes(capacity)?
            }
            _ => return Err(Complaint::bad_command(2).into()),
        };
        self.may_write()?;
        self.desk.now += Duration::from_secs(120);
        let (now, calibrates) = (self.desk.now, self.drive.model.generation == Generation::Lto9);
        let type_one = self.ask.byte(2) & 0x0f == 1;
        let cartridge = self.cartridge()?;
        cartridge.tape = vec![Partition::default(); sizes.len()];
        let count = u8::try_from(sizes.len()).unwrap_or(u8::MAX);
        cartridge.sizes = sizes;
        cartridge.wear.formatted += 1;
        cartridge.wear.change = cartridge.wear.change.wrapping_add(1);
        noted(cartridge.store.note_format(count))?;
        // An LTO-9 drive measures the medium again but for partitions by mode page.
        if calibrates && !type_one {
            self.begin_calibration(now);
        }
        Ok(Outcome::done())
    }

    /// Scales the cartridge, for tests on real hardware too.
    pub(crate) fn set_capacity(&mut self) -> Reply {
        self.ready()?;
        if self.drive.at != At::default() {
            return Err(Complaint::new(key::ILLEGAL, 0x3b, 0x00).into());
        }
        let proportion = self.ask.field(3, 2);
        self.may_write()?;
        let cartridge = self.cartridge()?;
        if cartridge.kind == Kind::Worm {
            return Err(Complaint::new(key::ILLEGAL, 0x24, 0x00).into());
        }
        let whole = cartridge.generation.facts().capacity_mb * 1_000_000;
        let whole = whole.min(cartridge.capacity.0.max(1)).max(cartridge.capacity.0);
        let size = if proportion == 0xffff { whole } else { whole / 0xffff * proportion };
        cartridge.sizes = vec![size.max(1 << 20)];
        cartridge.tape = vec![Partition::default()];
        noted(cartridge.store.note_format(1))?;
        Ok(Outcome::done())
    }

    pub(crate) fn allow_overwrite(&mut self) -> Reply {
        self.ready()?;
        if !self.drive.modes.append_only {
            return Err(Complaint::new(key::ILLEGAL, 0x20, 0x0c).into());
        }
        let place = At { partition: self.ask.byte(3), object: self.ask.field(4, 8) };
        match self.ask.byte(2) & 0x0f {
            0 => self.drive.mount.overwrite = None,
            1 if place == self.drive.at => self.drive.mount.overwrite = Some(place),
            2 => self.drive.mount.overwrite = Some(At::default()),
            _ => return Err(Complaint::bad_command(4).into()),
        }
        Ok(Outcome::done())
    }
}

/// D/00/02: it did not fit, and so much is left over.
fn volume_overflow(left: u64) -> Complaint {
    let left = i64::try_from(left).unwrap_or(i64::MAX);
    Complaint::new(key::OVERFLOW, 0x00, 0x02).at_end_of_medium().with_information(left)
}

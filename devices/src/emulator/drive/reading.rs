//! READ and VERIFY: what comes back from the tape.
//!
//! SSC-4, 5.10 and 5.26. A block of another length than asked for is told with ILI, and by how much in the
//! information field: positive when it was shorter, negative when it was longer and its tail is lost.

use crate::emulator::cartridge::{Cartridge, Harm};
use crate::emulator::complaint::{Complaint, Outcome, Refusal, Reply, key};
use crate::emulator::medium::{Block, Object};

use super::Turn;

/// What lies under the heads, read.
enum Found {
    Block { bytes: Vec<u8>, recovered: bool },
    Filemark,
    End(Complaint),
    Bad(Complaint),
}

impl Turn<'_> {
    pub(crate) fn read(&mut self) -> Reply {
        self.ready()?;
        self.drive.health.may_work()?;
        let (sili, fixed) = (self.ask.bit(1, 0x02), self.ask.bit(1, 0x01));
        let count = self.ask.field(2, 3);
        match (fixed, self.drive.modes.block_length) {
            (true, 0) => Err(Complaint::bad_command(1).into()),
            (true, _) if sili => Err(Complaint::bad_command(1).into()),
            _ if count == 0 => Ok(Outcome::done()),
            (true, length) => self.read_fixed(count, u64::from(length)),
            (false, _) => self.read_one(count, sili),
        }
    }

    fn read_one(&mut self, asked: u64, sili: bool) -> Reply {
        if asked > self.longest_transfer() {
            return Err(Complaint::bad_command(2).into());
        }
        self.come_to_rest()?;
        let asked = i64::try_from(asked).unwrap_or(i64::MAX);
        let (bytes, recovered) = match self.find()? {
            Found::Block { bytes, recovered } => (bytes, recovered),
            Found::Filemark => return Err(filemark().with_information(asked).into()),
            Found::End(complaint) | Found::Bad(complaint) => {
                return Err(complaint.with_information(asked).into());
            }
        };
        let bytes = self.drive.modes.protect(bytes);
        let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let difference = asked - length;
        let complaint = match difference {
            0 => None,
            1.. if sili => None,
            _ => Some(wrong_length().with_information(difference)),
        };
        let complaint = complaint.or_else(|| recovered.then(recovered_error));
        let complaint = complaint.or_else(|| self.drive.health.notice());
        let data = Outcome::reply(bytes, u64::try_from(asked).unwrap_or(0)).data;
        Ok(Outcome { data, complaint })
    }

    fn read_fixed(&mut self, count: u64, length: u64) -> Reply {
        self.come_to_rest()?;
        let mut data = Vec::new();
        let mut noted = None;
        for done in 0..count {
            let left = i64::try_from(count - done).unwrap_or(i64::MAX);
            let complaint = match self.find()? {
                Found::Block { bytes, recovered } => {
                    if recovered {
                        noted = Some(recovered_error());
                    }
                    let bytes = self.drive.modes.protect(bytes);
                    if bytes.len() as u64 == length {
                        // What the host has no room for is read and lost.
                        if data.len() < self.ask.room {
                            data.extend(bytes);
                        }
                        continue;
                    }
                    wrong_length()
                }
                Found::Filemark => filemark(),
                Found::End(complaint) | Found::Bad(complaint) => complaint,
            };
            return Ok(Outcome { data, complaint: Some(complaint.with_information(left)) });
        }
        Ok(Outcome { data, complaint: noted })
    }

    /// Reads what lies under the heads, and goes past it.
    fn find(&mut self) -> Result<Found, Complaint> {
        let (object, harm) = self.here()?;
        let Some(object) = object else { return Ok(Found::End(self.end_of_data()?)) };
        if harm == Some(Harm::Servo) {
            return Err(Complaint::new(key::MEDIUM, 0x09, 0x00));
        }
        let block = match object {
            Object::Filemark => {
                self.drive.at.object += 1;
                return Ok(Found::Filemark);
            }
            Object::Block(block) => block,
        };
        // The tape stays before a block that may not be read.
        let seal = block.seal.as_ref();
        if let Err(sealed) = self.drive.keys.may_read(self.ask.nexus, seal, &self.drive.model) {
            return Ok(Found::Bad(sealed));
        }
        self.drive.at.object += 1;
        let (length, native) = (u64::from(block.length), u64::from(block.native));
        self.desk.now = self.drive.stream.supply(length, native, self.desk.now);
        let bytes = match self.content(&block) {
            Some(bytes) if harm != Some(Harm::Unreadable) => bytes,
            _ => return Ok(Found::Bad(self.unreadable())),
        };
        self.drive.counters.read(block.length, block.native);
        let cartridge = self.cartridge()?;
        cartridge.wear.read += native;
        cartridge.wear.read_last += native;
        let recovered = harm == Some(Harm::Recovered);
        if recovered {
            cartridge.wear.read_retries += 1;
            self.drive.counters.read_recovered += 1;
        }
        Ok(Found::Block { bytes, recovered })
    }

    /// The bytes of a block, if they are still those that were written.
    fn content(&mut self, block: &Block) -> Option<Vec<u8>> {
        let cartridge: &Cartridge = self.cartridge.as_deref()?;
        let bytes = cartridge.store.bytes(&block.content, block.length).ok()?;
        (crc32c::crc32c(&bytes) == block.crc).then_some(bytes)
    }

    fn unreadable(&mut self) -> Complaint {
        self.drive.counters.read_errors += 1;
        self.drive.health.read_failed();
        if let Some(cartridge) = self.cartridge.as_deref_mut() {
            cartridge.wear.read_errors += 1;
        }
        Complaint::new(key::MEDIUM, 0x11, 0x00)
    }

    /// Nothing stands here: 8/00/05, or 8/14/03 where nobody marked the end.
    pub(crate) fn end_of_data(&mut self) -> Result<Complaint, Complaint> {
        let torn = self.partition()?.is_torn();
        Ok(match torn {
            true => Complaint::new(key::BLANK, 0x14, 0x03),
            false => Complaint::new(key::BLANK, 0x00, 0x05),
        })
    }

    /// Reads inside the drive, and checks.
    pub(crate) fn verify(&mut self) -> Reply {
        self.ready()?;
        let fixed = self.ask.bit(1, 0x01);
        if self.ask.bit(1, 0x02) {
            // Byte by byte against what the host sends: no LTO drive does that.
            return Err(Complaint::bad_command(1).into());
        }
        self.come_to_rest()?;
        let count = if self.ask.bit(1, 0x20) { u64::MAX } else { self.ask.field(2, 3) };
        let (whole, mut left) = (self.ask.bit(1, 0x20), if fixed { count } else { count.min(1) });
        if whole {
            left = u64::MAX;
        }
        while left > 0 {
            let told = i64::try_from(left).unwrap_or(0);
            match self.find()? {
                Found::Block { .. } => left -= 1,
                Found::Filemark if whole && self.ask.bit(1, 0x08) => break,
                Found::Filemark if whole => {}
                Found::Filemark => return Err(filemark().with_information(told).into()),
                Found::End(_) if whole => break,
                Found::End(complaint) | Found::Bad(complaint) => {
                    return Err(Refusal::from(complaint.with_information(told)));
                }
            }
        }
        Ok(Outcome::done())
    }
}

fn filemark() -> Complaint {
    Complaint::new(key::NO_SENSE, 0x00, 0x01).at_filemark()
}

fn wrong_length() -> Complaint {
    Complaint::new(key::NO_SENSE, 0x00, 0x00).of_wrong_length()
}

fn recovered_error() -> Complaint {
    Complaint::new(key::RECOVERED, 0x17, 0x01)
}

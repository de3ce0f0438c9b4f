//! INQUIRY and the vital product data: what the drive says it is.

use crate::emulator::bytes::Layout;
use crate::emulator::complaint::{Complaint, Outcome, Reply};

use super::Turn;

/// The pages there are.
const PAGES: [u8; 9] = [0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5];

/// A sequential-access device.
const TAPE: u8 = 0x01;

impl Turn<'_> {
    pub(crate) fn inquiry(&mut self) -> Reply {
        let allocation = self.ask.field(3, 2);
        let page = self.ask.byte(2);
        match self.ask.bit(1, 0x01) {
            true => Ok(Outcome::reply(self.vital_data(page)?, allocation)),
            false if page != 0 => Err(Complaint::bad_command(2).into()),
            false => Ok(Outcome::reply(self.standard_data(), allocation)),
        }
    }

    fn standard_data(&self) -> Vec<u8> {
        let model = &self.drive.model;
        let mut reply = Layout::new();
        // Removable, SPC-4, response format 2, 91 more bytes, PROTECT, BQUE.
        reply.bytes(&[TAPE, 0x80, 0x06, 0x02, 91, 0x01, 0x10, 0x02]);
        reply.text(8, &model.vendor).text(16, &model.product).text(4, &model.revision);
        reply.zeros(22);
        // SAM-5, SPC-4, SSC-4.
        reply.put(2, 0x00a0).put(2, 0x0460).put(2, 0x0480).zeros(32);
        reply.done()
    }

    fn vital_data(&self, page: u8) -> Result<Vec<u8>, Complaint> {
        let (model, serial) = (&self.drive.model, &self.drive.serial);
        let mut reply = Layout::new();
        reply.byte(TAPE).byte(page).zeros(2);
        match page {
            0x00 => reply.bytes(&PAGES),
            0x80 => reply.text(10, serial),
            0x83 => {
                // T10 vendor identification, then the NAA name of unit and port.
                reply.bytes(&[0x02, 0x01, 0x00, 34]);
                reply.text(8, &model.vendor).text(16, &model.product).text(10, serial);
                reply.bytes(&[0x01, 0x03, 0x00, 8]).put(8, self.name(0));
                reply.bytes(&[0x61, 0x93, 0x00, 8]).put(8, self.name(1));
                reply.bytes(&[0x61, 0x94, 0x00, 4]).put(4, 1)
            }
            // WORM media can be used; nothing else is claimed.
            0xb0 => reply.byte(0x01).zeros(1),
            0xb1 => reply.text(12, &format!("M{serial}")),
            0xb2 => reply.put(8, u64::MAX),
            0xb3 => reply.bytes(self.drive.bay.library.as_bytes()),
            0xb4 => reply.put(2, self.drive.bay.address.into()),
            0xb5 => {
                reply.zeros(4);
                // CRC-32C of four bytes, written, read, and with RECOVER BUFFERED DATA not.
                reply.bytes(&[8, 0x02, 4, 0xc0, 0, 0, 0, 0])
            }
            _ => return Err(Complaint::bad_command(2)),
        };
        Ok(reply.close(2, 2))
    }

    /// The name of the unit, or of one of its ports.
    fn name(&self, port: u64) -> u64 {
        self.drive.world_wide_name() + port
    }
}

//! What befalls drives and cartridges from outside: dust, scratches, buttons, other hosts.
//!
//! A person at the library is an [`Operator`](super::Operator); here is what chance and malice do, and what a test may
//! look at that no host can see.

use super::ask::Ask;
use super::cartridge::{BadSpot, Cartridge};
use super::drive::Streaming;
use super::medium::{Block, Content, Object};
use super::world::drive_of;
use super::{Act, Library, Lun};

impl Library {
    /// Damages the cartridge with this sticker. False if there is none.
    pub fn damage(&self, barcode: &str, spot: BadSpot) -> bool {
        self.with_cartridge(barcode, |cartridge| cartridge.bad_spots.push(spot))
    }

    /// Puts so many equal blocks of this length behind what stands on a cartridge, as if they had been written long
    /// ago: a full tape costs neither time nor memory. False if there is no such cartridge, or a block is longer
    /// than the 8 MiB that drives take.
    pub fn fill(&self, barcode: &str, blocks: u64, length: u32) -> bool {
        let Some(bytes) = usize::try_from(length).ok().filter(|&bytes| bytes <= 8 << 20) else {
            return false;
        };
        let (crc, content) = (crc32c::crc32c(&vec![0; bytes]), Content::Fill(0));
        let object = Object::Block(Block { length, native: length, crc, content, seal: None });
        self.with_cartridge(barcode, |cartridge| {
            let Cartridge { tape, store, .. } = cartridge;
            let Some(tape) = tape.first_mut() else { return };
            tape.push_many(object, blocks);
            let settled = tape.settle(u64::MAX);
            tape.mend_end();
            // A journal that cannot be written is told at the next write.
            let _told = store.note_settled(0, &settled).and_then(|()| store.note_end(0));
        })
    }

    /// Takes all damage away. False if there is no such cartridge.
    pub fn mend(&self, barcode: &str) -> bool {
        self.with_cartridge(barcode, |cartridge| cartridge.bad_spots.clear())
    }

    fn with_cartridge(&self, barcode: &str, act: impl FnOnce(&mut Cartridge)) -> bool {
        let mut world = self.world();
        let Some(spot) = world.elements.find(barcode) else { return false };
        let Some(cartridge) = world.elements.cartridge_mut(spot) else { return false };
        act(cartridge);
        true
    }

    /// Rewinds a drive from another host, of which nobody here is told.
    pub fn rewind_from_elsewhere(&self, lun: Lun) {
        self.suffer(lun, &Act::ForeignRewind);
    }

    /// Dust gets into a drive: it asks to be cleaned, and at a second time it refuses to work.
    pub fn soil(&self, lun: Lun) {
        self.suffer(lun, &Act::Dirt);
    }

    fn suffer(&self, lun: Lun, act: &Act) {
        let mut world = self.world();
        if let Some(mut turn) = drive_of(lun).and_then(|number| world.turn(number, Ask::nothing()))
        {
            turn.suffer(act);
        }
    }

    /// The button on the front of a drive: what is in it comes out, whatever hosts have forbidden.
    pub fn press_eject(&self, lun: Lun) {
        let mut world = self.world();
        if let Some(mut turn) = drive_of(lun).and_then(|number| world.turn(number, Ask::nothing()))
        {
            turn.press_eject();
        }
    }

    /// How a drive's time went so far.
    pub fn streaming(&self, lun: Lun) -> Streaming {
        let world = self.world();
        let drive = drive_of(lun).and_then(|number| world.drives.get(usize::from(number)));
        drive.map(|drive| drive.stream.statistics).unwrap_or_default()
    }
}

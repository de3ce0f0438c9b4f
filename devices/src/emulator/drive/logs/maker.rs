//! The log pages that each maker has for itself, as far as an emulated drive can answer them truthfully: 30h, which all LTO
//! drives have; IBM's 3Dh; HP's 34h and 3Eh. Where they are from is told beside their decoder.

use super::{DATA_SET, Dirt, MB, Page, Seat, Turn};

/// A number that the drive does not know has all its bits set.
const UNKNOWN: u64 = u64::MAX;

impl Turn<'_> {
    /// Which pages the maker of this drive has for itself.
    pub(super) fn maker_pages(&self) -> &'static [u8] {
        match &*self.drive.model.vendor {
            "IBM" => &[0x3d],
            "HP" => &[0x34, 0x3e],
            _ => &[],
        }
    }

    pub(super) fn maker_page(&mut self, page: &mut Page, code: u8) {
        match code {
            0x34 => self.performance(page),
            0x3d => self.subsystem(page),
            _ => self.judgement(page),
        }
    }

    /// 30h: the cartridge's life, as its memory has it.
    pub(super) fn usage(&self, page: &mut Page) {
        let cartridge = self.cartridge.as_deref().filter(|_| self.drive.seat == Seat::Threaded);
        let Some(cartridge) = cartridge else { return };
        let it = &cartridge.wear;
        let rows = [
            (0x01, 4, it.loads),
            (0x02, 8, it.written / DATA_SET),
            (0x03, 4, it.write_retries),
            (0x04, 2, it.write_errors),
            (0x05, 2, 0),
            (0x06, 2, 0),
            (0x07, 8, it.read / DATA_SET),
            (0x08, 4, it.read_retries),
            (0x09, 2, it.read_errors),
            (0x0a, 2, 0),
            (0x0b, 2, 0),
        ];
        rows.into_iter().for_each(|(parameter, width, value)| page.number(parameter, width, value));
    }

    /// 3Dh: mounts, MB written, MB read; of the cartridge and of the drive.
    fn subsystem(&self, page: &mut Page) {
        let wear = self.cartridge.as_deref().map(|cartridge| &cartridge.wear);
        let cartridge = wear.map_or([0; 3], |it| [it.loads, it.written / MB, it.read / MB]);
        let it = &self.drive.counters;
        let drive = [it.loads, it.stored_ever / MB, it.fetched_ever / MB];
        for (first, values) in [(0x20, cartridge), (0x40, drive)] {
            for (parameter, value) in (first..).zip(values) {
                page.number(parameter, if parameter == first { 4 } else { 8 }, value);
            }
        }
    }

    /// 34h: how well it streams. It keeps no rates, but for the one that it is made for.
    fn performance(&self, page: &mut Page) {
        let streamed = &self.drive.stream.statistics;
        let hundreds = streamed.bytes.div_ceil(100 * MB).max(1);
        page.number(0x00, 2, streamed.backhitches / hundreds);
        (0x01..=0x03).for_each(|parameter| page.number(parameter, 2, UNKNOWN & 0xffff));
        let fastest = self.drive.model.generation.facts().steps.last().copied().unwrap_or(0);
        // From bytes a millisecond to 100 kB a second.
        page.number(0x04, 2, fastest / 100);
    }

    /// 3Eh: how it is, in two bits each.
    fn judgement(&self, page: &mut Page) {
        let (asks, must) = match self.drive.health.dirt {
            Dirt::Clean => (0, 0),
            Dirt::Requested => (0x02, 0),
            Dirt::Required => (0x02, 0x04),
        };
        let good = 0x01;
        let drive = if must == 0 { good } else { 0x03 };
        let medium = if self.drive.seat == Seat::Threaded { good } else { 0 };
        page.number(0x00, 4, 0);
        page.bytes(0x01, &[asks | must, good << 2 | drive, medium, 0]);
        page.number(0x02, 4, self.drive.counters.loads);
        page.number(0x03, 4, UNKNOWN & 0xffff_ffff);
    }
}

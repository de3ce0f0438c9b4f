//! LOG SENSE and LOG SELECT: what the drive has counted.
//!
//! SPC-4, 7.3 and SSC-4, 8.2. Parameters are a code, a byte of control, a length and a value.

use crate::emulator::bytes::Layout;
use crate::emulator::cartridge::Kind;
use crate::emulator::complaint::{Complaint, Outcome, Reply};
use crate::emulator::events::LOG_PARAMETERS_CHANGED;

use super::health::Dirt;
use super::{Seat, Turn};

mod maker;

/// The pages there are, page and subpage 0; behind them come those of the drive's maker.
const PAGES: [u8; 13] =
    [0x00, 0x02, 0x03, 0x0c, 0x11, 0x12, 0x14, 0x17, 0x1b, 0x2e, 0x30, 0x31, 0x32];

/// A page while it is being laid out.
struct Page(Layout);

impl Page {
    fn new(code: u8) -> Self {
        let mut layout = Layout::new();
        layout.byte(code).zeros(3);
        Self(layout)
    }

    /// A number of `width` bytes.
    fn number(&mut self, code: u16, width: usize, value: u64) {
        self.head(code, width);
        self.0.put(width, value);
    }

    fn text(&mut self, code: u16, width: usize, text: &str) {
        self.head(code, width);
        self.0.text(width, text);
    }

    fn bytes(&mut self, code: u16, bytes: &[u8]) {
        self.head(code, bytes.len());
        self.0.bytes(bytes);
    }

    fn head(&mut self, code: u16, length: usize) {
        // A list in binary format: format 11b.
        self.0.put(2, code.into()).byte(0x03).put(1, length as u64);
    }
}

const MB: u64 = 1_000_000;

/// What drives write at once; this is LTO-6's.
const DATA_SET: u64 = 2_472_960;

impl Turn<'_> {
    pub(crate) fn log_sense(&mut self) -> Reply {
        let (page, subpage) = (self.ask.byte(2) & 0x3f, self.ask.byte(3));
        let allocation = self.ask.field(7, 2);
        if subpage != 0 && !(page == 0 && subpage == 0xff) {
            return Err(Complaint::bad_command(3).into());
        }
        let mut reply = Page::new(page);
        match page {
            0x00 if subpage == 0xff => {
                reply.0.set(0, 1, 0x40).set(1, 1, 0xff);
                PAGES.iter().chain(self.maker_pages()).for_each(|&page| {
                    reply.0.byte(page).byte(0);
                });
            }
            0x00 => {
                reply.0.bytes(&PAGES).bytes(self.maker_pages());
            }
            0x02 | 0x03 => self.error_counters(&mut reply, page == 0x02),
            0x0c => self.sequential_access(&mut reply),
            0x11 => self.device_status(&mut reply),
            0x12 => self.alert_response(&mut reply),
            0x14 => self.device_statistics(&mut reply),
            0x17 => self.volume_statistics(&mut reply),
            0x2e => {
                for flag in 1..=64_u8 {
                    reply.number(flag.into(), 1, self.drive.health.has(flag).into());
                }
                // Reading this page clears the flags (SSC-4, 8.2.3).
                self.drive.health.clear();
            }
            0x30 => self.usage(&mut reply),
            0x31 => self.capacity(&mut reply),
            0x1b | 0x32 => self.compression_counters(&mut reply, page),
            own if self.maker_pages().contains(&own) => self.maker_page(&mut reply, own),
            _ => return Err(Complaint::bad_command(2).into()),
        }
        // Parameters before the one asked for are left out.
        let pointer = self.ask.field(5, 2);
        let bytes = from_parameter(reply.0, if page == 0 { 0 } else { pointer });
        Ok(Outcome::reply(bytes, allocation))
    }

    pub(crate) fn log_select(&mut self) -> Reply {
        if self.ask.field(7, 2) != 0 {
            return Err(Complaint::bad_command(7).into());
        }
        self.drive.counters.set_back();
        self.desk.attentions.raise_for_others(self.ask.nexus, LOG_PARAMETERS_CHANGED);
        Ok(Outcome::done())
    }

    fn error_counters(&self, page: &mut Page, writing: bool) {
        let it = &self.drive.counters;
        let (rewrites, bytes, errors) = match writing {
            true => (0, it.received, it.write_errors),
            false => (it.read_recovered, it.sent, it.read_errors),
        };
        for (code, value) in (0..).zip([0, 0, rewrites, rewrites, rewrites, bytes, errors]) {
            page.number(code, 8, value);
        }
    }

    /// Where the ends are, from here: consistent with what WRITE says of them.
    fn ends(&mut self) -> (u64, u64, u64) {
        let (here, at) = (self.native_here(), self.drive.at.partition);
        let Some(cartridge) = self.cartridge.as_deref() else { return (0, 0, here) };
        let size = cartridge.size_of(at);
        (size.saturating_sub(cartridge.early_warning.0), size, here)
    }

    fn sequential_access(&mut self, page: &mut Page) {
        let it = self.drive.counters.clone();
        for (code, value) in (0..).zip([it.received, it.stored, it.fetched, it.sent]) {
            page.number(code, 8, value);
        }
        if self.drive.seat == Seat::Threaded {
            let (early, end, here) = self.ends();
            let data = self.partition().map_or(0, |tape| tape.native_before(tape.end()));
            page.number(4, 4, data / MB);
            page.number(5, 4, early / MB);
            page.number(6, 4, (end - early) / MB);
            page.number(7, 4, here / MB);
        }
        page.number(8, 4, self.drive.model.generation.facts().buffer / MB);
        page.number(0x0100, 4, u64::from(self.drive.health.dirt != Dirt::Clean));
    }

    fn device_status(&self, page: &mut Page) {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let seat = &self.drive.seat;
        let threaded = matches!(seat, Seat::Threaded | Seat::Calibrating { .. });
        let (asks, must) = match self.drive.health.dirt {
            Dirt::Clean => (false, false),
            Dirt::Requested => (true, false),
            Dirt::Required => (true, true),
        };
        let protected = self.cartridge.as_deref().is_some_and(|it| it.write_protected);
        let first = flag(!self.drive.prevented.is_empty(), 0x80)
            | flag(threaded || *seat == Seat::Held, 0x20)
            | flag(self.drive.modes.compression, 0x10)
            | flag(protected, 0x08)
            | flag(asks, 0x04)
            | flag(must, 0x02)
            | 0x01;
        let second = flag(matches!(seat, Seat::Loading(_) | Seat::Unloading(_)), 0x80)
            | flag(matches!(seat, Seat::Empty | Seat::Ejected | Seat::Refused(_)), 0x20)
            | flag(*seat != Seat::Empty, 0x10)
            | flag(!matches!(seat, Seat::Empty | Seat::Ejected), 0x04)
            | flag(threaded, 0x02)
            | flag(*seat == Seat::Threaded, 0x01);
        let activity = match seat {
            Seat::Cleaning(_) => 0x01,
            Seat::Loading(_) => 0x02,
            Seat::Unloading(_) => 0x03,
            Seat::Calibrating { .. } => 0x0b,
            Seat::Threaded if self.drive.session.is_some() => 0x06,
            _ => 0x00,
        };
        page.bytes(0, &[first, second, activity, 0]);
        page.number(1, 4, 0);
    }

    fn alert_response(&self, page: &mut Page) {
        let set = (1..=64).filter(|&flag| self.drive.health.has(flag));
        let map = set.fold(0_u64, |map, flag| map | 1 << (64 - flag));
        page.number(0, 8, map);
    }

    fn device_statistics(&self, page: &mut Page) {
        let it = &self.drive.counters;
        let hours = self.desk.now.as_secs() / 3600;
        let metres = (it.stored + it.fetched) / 64_000_000;
        for (code, value) in (0..).zip([it.loads, it.cleanings, hours, hours, metres]) {
            page.number(code, 8, value);
        }
        page.number(0x08, 8, hours);
        page.number(0x0c, 8, 1);
        page.number(0x0e, 8, it.write_errors);
        page.number(0x0f, 8, it.read_errors);
        page.text(0x40, 12, &format!("M{}", self.drive.serial));
        page.text(0x41, 10, &self.drive.serial);
    }

    fn volume_statistics(&mut self, page: &mut Page) {
        let valid = self.drive.seat == Seat::Threaded;
        page.number(0, 1, valid.into());
        let passes = self.native_here() / 50_000_000_000;
        let Some(cartridge) = self.cartridge.as_deref().filter(|_| valid) else { return };
        let it = &cartridge.wear;
        let facts = cartridge.generation.facts();
        let used: Vec<u64> =
            cartridge.tape.iter().map(|tape| tape.native_before(tape.end())).collect();
        page.number(0x01, 4, it.loads);
        page.number(0x02, 8, it.written / DATA_SET);
        page.number(0x03, 4, it.write_retries);
        page.number(0x04, 2, it.write_errors);
        page.number(0x05, 2, 0);
        page.number(0x06, 2, 0);
        page.number(0x07, 8, it.read / DATA_SET);
        page.number(0x08, 4, it.read_retries);
        page.number(0x09, 2, it.read_errors);
        page.number(0x0e, 4, it.written_last / MB);
        page.number(0x0f, 4, it.read_last / MB);
        page.number(0x10, 8, it.written / MB);
        page.number(0x11, 8, it.read / MB);
        page.number(0x12, 2, 100);
        page.number(0x13, 2, 100);
        page.number(0x16, 4, cartridge.capacity.0 / MB);
        page.number(0x17, 4, used.iter().sum::<u64>() / MB);
        page.text(0x40, 32, &cartridge.serial);
        page.text(0x41, 32, "RKE0001");
        page.text(0x42, 32, cartridge.barcode.as_deref().unwrap_or(""));
        page.text(0x43, 8, "REELKEEP");
        page.text(0x44, 4, &format!("U{:03}", u64::from(facts.density)));
        page.text(0x45, 9, facts.name);
        page.text(0x46, 8, "20260101");
        page.number(0x80, 1, cartridge.write_protected.into());
        page.number(0x81, 1, (cartridge.kind == Kind::Worm).into());
        page.number(0x82, 1, 0);
        page.number(0x0101, 4, passes + it.loads);
        page.number(0x0102, 4, passes);
        let first = |sealed: bool| match cartridge.tape.first() {
            Some(tape) => tape.first_block(sealed).unwrap_or(0xffff_ffff_ffff),
            None => 0xffff_ffff_ffff,
        };
        page.number(0x0200, 6, first(true));
        page.number(0x0201, 6, first(false));
        let sizes = &cartridge.sizes;
        let left = sizes.iter().zip(&used).map(|(size, used)| size.saturating_sub(*used)).collect();
        for (code, values) in [(0x0202, sizes.clone()), (0x0203, used), (0x0204, left)] {
            page.bytes(code, &by_partition(&values));
        }
    }

    /// In MiB, unlike all other pages.
    fn capacity(&mut self, page: &mut Page) {
        let Some(cartridge) =
            self.cartridge.as_deref().filter(|_| self.drive.seat == Seat::Threaded)
        else {
            return (1..=8).for_each(|code| page.number(code, 4, 0));
        };
        let early = cartridge.early_warning.0;
        let of = |number: u8| {
            let size = cartridge.size_of(number).saturating_sub(early);
            let used = cartridge.partition(number).map_or(0, |it| it.native_before(it.end()));
            (size.saturating_sub(used) >> 20, size >> 20)
        };
        // Remaining and largest of partitions 0 and 1, then of 2 and 3.
        for (pair, base) in [((0, 1), 1), ((2, 3), 5)] {
            let (one, other) = (of(pair.0), of(pair.1));
            for (code, value) in (base..).zip([one.0, other.0, one.1, other.1]) {
                page.number(code, 4, value);
            }
        }
    }

    fn compression_counters(&self, page: &mut Page, code: u8) {
        let it = &self.drive.counters;
        let ratio = |whole: u64, native: u64| (whole * 100).checked_div(native).unwrap_or(100);
        page.number(0, 2, ratio(it.sent, it.fetched));
        page.number(1, 2, ratio(it.received, it.stored));
        for (code, bytes) in [(2, it.sent), (4, it.fetched), (6, it.received), (8, it.stored)] {
            page.number(code, 4, bytes / MB);
            page.number(code + 1, 4, bytes % MB);
        }
        if code == 0x1b {
            page.number(0x0100, 2, self.drive.modes.compression.into());
        }
    }
}

/// A record a partition: length, reserved, number, MB.
fn by_partition(values: &[u64]) -> Vec<u8> {
    let mut records = Layout::new();
    for (number, value) in (0..).zip(values) {
        records.byte(7).zeros(1).put(2, number).put(4, value / MB);
    }
    records.done()
}

/// The page without the parameters before this one, its length filled in.
fn from_parameter(page: Layout, pointer: u64) -> Vec<u8> {
    let whole = page.close(2, 2);
    if pointer == 0 {
        return whole;
    }
    let mut kept = Layout::new();
    let (head, mut rest) = whole.split_at_checked(4).unwrap_or((&whole, &[]));
    kept.bytes(head);
    while let [high, low, _, length, ..] = rest {
        let end = 4 + usize::from(*length);
        let (parameter, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        if u64::from(u16::from_be_bytes([*high, *low])) >= pointer {
            kept.bytes(parameter);
        }
        rest = behind;
    }
    kept.close(2, 2)
}

//! Mode pages: how the drive is set, and how a host sets it.
//!
//! SPC-4, 7.5 and SSC-4, 8.3. Each page can be asked for as it is, as it is by default, or as a mask of what may be
//! changed. A reset sets all back.

use crate::emulator::bytes::{Layout, field};
use crate::emulator::cartridge::Kind;
use crate::emulator::complaint::{Complaint, Outcome, Reply, key};
use crate::emulator::events::MODE_PARAMETERS_CHANGED;

use super::Turn;

/// How a drive is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Modes {
    /// 0: blocks of any length.
    pub(crate) block_length: u32,
    pub(crate) buffered: bool,
    pub(crate) compression: bool,
    /// In MB before the drive's own early warning.
    pub(crate) pews: u64,
    pub(crate) append_only: bool,
    pub(crate) descriptor_sense: bool,
    pub(crate) protection: Protection,
    pub(crate) partitioning: Partitioning,
}

/// Logical block protection (SSC-4, 8.3.9): a CRC at the end of every block that travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Protection {
    /// 0 none, 2 CRC-32C. Method 1, the Reed-Solomon code of older tapes, is not offered.
    pub(crate) method: u8,
    pub(crate) writing: bool,
    pub(crate) reading: bool,
}

/// What FORMAT MEDIUM makes of the tape (SSC-4, 8.3.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Partitioning {
    pub(crate) additional: u8,
    /// FDP, SDP, IDP, PSUM and POFM as they were sent.
    pub(crate) manner: u8,
    pub(crate) units: u8,
    pub(crate) sizes: Vec<u16>,
}

/// What the CRC takes.
const CRC: usize = 4;

impl Default for Modes {
    fn default() -> Self {
        Self {
            block_length: 0,
            buffered: true,
            compression: true,
            pews: 0,
            append_only: false,
            descriptor_sense: false,
            protection: Protection::default(),
            partitioning: Partitioning::default(),
        }
    }
}

impl Modes {
    /// In bytes.
    pub(crate) fn programmable_early_warning(&self) -> u64 {
        self.pews * 1_000_000
    }

    pub(crate) fn protection_length(&self) -> u64 {
        if self.protection.method == 0 { 0 } else { CRC as u64 }
    }

    /// What the host wrote, without the CRC behind it. The CRC travels with its lowest byte first.
    pub(crate) fn check_written<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], Complaint> {
        if !self.protection.writing || self.protection.method == 0 {
            return Ok(bytes);
        }
        let mismatch = || Complaint::new(key::HARDWARE, 0x10, 0x01);
        let (data, crc) = bytes.split_last_chunk::<CRC>().ok_or_else(mismatch)?;
        match crc32c::crc32c(data) == u32::from_le_bytes(*crc) {
            true => Ok(data),
            false => Err(mismatch()),
        }
    }

    /// What the host reads, with the CRC behind it if it asked for one.
    pub(crate) fn protect(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        if self.protection.reading && self.protection.method != 0 {
            let crc = crc32c::crc32c(&bytes);
            bytes.extend(crc.to_le_bytes());
        }
        bytes
    }

    /// How FORMAT MEDIUM divides so many bytes.
    pub(crate) fn partition_sizes(&self, capacity: u64) -> Result<Vec<u64>, Complaint> {
        let Partitioning { additional, manner, units, sizes } = &self.partitioning;
        let count = usize::from(*additional) + 1;
        if count > 4 {
            return Err(Complaint::bad_parameter(2));
        }
        // FDP and SDP leave the sizes to the drive.
        if manner & 0xc0 != 0 || sizes.is_empty() {
            return Ok(vec![capacity / count as u64; count]);
        }
        let unit = 10_u64.saturating_pow((*units).into());
        let rest = |size: &&u16| **size == 0xffff;
        let fixed: u64 =
            sizes.iter().filter(|size| !rest(size)).map(|&size| u64::from(size) * unit).sum();
        let open = sizes.iter().filter(rest).count();
        if fixed > capacity || open > 1 || sizes.len() < count {
            return Err(Complaint::bad_parameter(8));
        }
        let size =
            |&size: &u16| if size == 0xffff { capacity - fixed } else { u64::from(size) * unit };
        Ok(sizes.iter().take(count).map(size).collect())
    }
}

/// Every page there is: page and subpage.
const PAGES: [(u8, u8); 11] = [
    (0x01, 0x00),
    (0x02, 0x00),
    (0x0a, 0x00),
    (0x0a, 0xf0),
    (0x0f, 0x00),
    (0x10, 0x00),
    (0x10, 0x01),
    (0x11, 0x00),
    (0x18, 0x00),
    (0x1c, 0x00),
    (0x1d, 0x00),
];

/// Which of a page's values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Control {
    Current,
    Changeable,
    Default,
}

impl Turn<'_> {
    pub(crate) fn mode_sense(&mut self) -> Reply {
        let long = self.ask.opcode() == 0x5a;
        let control = match self.ask.byte(2) >> 6 {
            0 => Control::Current,
            1 => Control::Changeable,
            2 => Control::Default,
            _ => return Err(Complaint::new(key::ILLEGAL, 0x39, 0x00).into()),
        };
        let (page, subpage) = (self.ask.byte(2) & 0x3f, self.ask.byte(3));
        let mut pages = Layout::new();
        for (number, sub) in PAGES {
            let wanted = match (page, subpage) {
                (0x3f, 0xff) => true,
                (0x3f, _) => sub == 0,
                (page, 0xff) => page == number,
                (page, subpage) => (page, subpage) == (number, sub),
            };
            if wanted {
                pages.bytes(&self.mode_page(number, sub, control));
            }
        }
        let pages = pages.done();
        if pages.is_empty() && page != 0x00 {
            return Err(Complaint::bad_command(2).into());
        }
        let descriptor = if self.ask.bit(1, 0x08) { Vec::new() } else { self.block_descriptor() };
        let protected = self.cartridge.as_deref().is_some_and(|it| it.write_protected);
        let buffered = self.drive.modes.buffered;
        let specific = if protected { 0x80 } else { 0 } | if buffered { 0x10 } else { 0 };
        let medium = self.cartridge.as_deref().map_or(0, |it| it.generation.facts().density & 0xf8);
        let mut reply = Layout::new();
        let length = u64::try_from(descriptor.len()).unwrap_or(0);
        match long {
            true => reply.zeros(2).byte(medium).byte(specific).zeros(2).put(2, length),
            false => reply.zeros(1).byte(medium).byte(specific).put(1, length),
        };
        reply.bytes(&descriptor).bytes(&pages);
        let (width, allocation) =
            if long { (2, self.ask.field(7, 2)) } else { (1, self.ask.field(4, 1)) };
        Ok(Outcome::reply(reply.close(0, width), allocation))
    }

    fn block_descriptor(&self) -> Vec<u8> {
        let mut reply = Layout::new();
        let density = self.cartridge.as_deref().map_or(0, |it| it.generation.facts().density);
        reply.byte(density).put(3, 0).zeros(1).put(3, self.drive.modes.block_length.into());
        reply.done()
    }

    fn mode_page(&self, page: u8, subpage: u8, control: Control) -> Vec<u8> {
        let default = Modes::default();
        let modes = if control == Control::Default { &default } else { &self.drive.modes };
        let mask = control == Control::Changeable;
        let mut body = Layout::new();
        match (page, subpage) {
            (0x01, _) => body.zeros(10),
            (0x02, _) => body.zeros(14),
            (0x0a, 0x00) => body.byte(flag(mask || modes.descriptor_sense, 0x04)).zeros(9),
            (0x0a, _) => self.protection_page(&mut body, modes, mask),
            (0x0f, _) => {
                let enabled = flag(mask || modes.compression, 0x80) | flag(!mask, 0x40);
                body.byte(enabled).byte(flag(!mask, 0x80));
                let algorithm = if mask { 0 } else { 0xff };
                body.put(4, algorithm).put(4, algorithm).zeros(4)
            }
            (0x10, 0x00) => {
                body.zeros(1)
                    .put(1, if mask { 0 } else { self.drive.at.partition.into() })
                    .zeros(2);
                body.put(2, if mask { 0 } else { 100 }).byte(flag(!mask, 0x40)).zeros(1);
                // EOD is found by default, and the drive flushes at early warning: EEG, SEW.
                body.byte(flag(!mask, 0x10)).zeros(3);
                body.byte(u8::from(mask || modes.compression)).zeros(1)
            }
            (0x10, _) => {
                let write_mode = if mask { 0xf0 } else { flag(modes.append_only, 0x10) };
                body.zeros(1).byte(write_mode).put(2, if mask { 0xffff } else { modes.pews });
                body.zeros(24)
            }
            (0x11, _) => self.partition_page(&mut body, modes, mask),
            (0x18, _) => body.byte(0x06).zeros(5),
            (0x1c, _) => body.byte(flag(!mask, 0x08)).byte(if mask { 0 } else { 3 }).zeros(8),
            _ => {
                let worm = self.cartridge.as_deref().is_some_and(|it| it.kind == Kind::Worm);
                body.byte(flag(worm && !mask, 0x01)).zeros(1);
                body.byte(flag(worm && !mask, 0x01)).byte(flag(worm && !mask, 0x02)).zeros(26)
            }
        };
        let mut reply = Layout::new();
        let length = body.len() as u64;
        match subpage {
            0 => reply.byte(page).put(1, length),
            _ => reply.byte(page | 0x40).byte(subpage).put(2, length),
        };
        reply.bytes(&body.done());
        reply.done()
    }

    fn protection_page<'a>(
        &self,
        body: &'a mut Layout,
        modes: &Modes,
        mask: bool,
    ) -> &'a mut Layout {
        let Protection { method, writing, reading } = modes.protection;
        let length = if method == 0 { 0 } else { 4 };
        body.byte(if mask { 0xff } else { method }).byte(if mask { 0x3f } else { length });
        body.byte(flag(mask || writing, 0x80) | flag(mask || reading, 0x40)).zeros(25)
    }

    fn partition_page<'a>(
        &self,
        body: &'a mut Layout,
        modes: &Modes,
        mask: bool,
    ) -> &'a mut Layout {
        let sizes = self.cartridge.as_deref().map_or(&[][..], |it| &it.sizes);
        let defined = u8::try_from(sizes.len().saturating_sub(1)).unwrap_or(0);
        let manner = if mask { 0xf8 } else { modes.partitioning.manner | 0x04 };
        body.byte(if mask { 0 } else { 3 }).byte(if mask { 0xff } else { defined });
        body.byte(manner).byte(flag(!mask, 0x03));
        // In GB, as far as they go.
        body.byte(if mask { 0x0f } else { 9 }).zeros(1);
        for &size in sizes.iter().take(4) {
            body.put(2, if mask { 0xffff } else { size / 1_000_000_000 });
        }
        body.zeros(2 * 4_usize.saturating_sub(sizes.len()))
    }

    pub(crate) fn mode_select(&mut self) -> Reply {
        let long = self.ask.opcode() == 0x55;
        let length = if long { self.ask.field(7, 2) } else { self.ask.field(4, 1) };
        if length == 0 {
            return Ok(Outcome::done());
        }
        let list = self.ask.list(length)?;
        let header = if long { 8 } else { 4 };
        if list.len() < header {
            return Err(Complaint::short_list().into());
        }
        let descriptors = if long { field(list, 6, 2) } else { field(list, 3, 1) };
        let mut modes = self.drive.modes.clone();
        modes.buffered = field(list, if long { 3 } else { 2 }, 1) & 0x70 != 0;
        let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
        let pages = header.saturating_add(descriptors);
        match descriptors {
            0 => {}
            8 if list.len() >= pages => {
                let length = u32::try_from(field(list, header + 5, 3)).unwrap_or(0);
                if length > self.drive.model.longest_block {
                    return Err(Complaint::bad_parameter(5).into());
                }
                modes.block_length = length;
            }
            _ => return Err(Complaint::bad_parameter(if long { 6 } else { 3 }).into()),
        }
        let mut rest = list.get(pages..).unwrap_or_default();
        while !rest.is_empty() {
            let at = list.len() - rest.len();
            let taken = select_page(&mut modes, rest, u16::try_from(at).unwrap_or(u16::MAX))?;
            rest = rest.get(taken..).unwrap_or_default();
        }
        self.desk.descriptor_sense = modes.descriptor_sense;
        let changed = modes != self.drive.modes;
        self.drive.modes = modes;
        if changed {
            self.desk.attentions.raise_for_others(self.ask.nexus, MODE_PARAMETERS_CHANGED);
        }
        Ok(Outcome::done())
    }
}

/// Takes over one page of a list, and says how long it was.
fn select_page(modes: &mut Modes, list: &[u8], at: u16) -> Result<usize, Complaint> {
    let (page, subpaged) = (field(list, 0, 1) & 0x3f, field(list, 0, 1) & 0x40 != 0);
    let (head, subpage) = if subpaged { (4, field(list, 1, 1)) } else { (2, 0) };
    let length = if subpaged { field(list, 2, 2) } else { field(list, 1, 1) };
    let whole = head + usize::try_from(length).unwrap_or(usize::MAX);
    let body = list.get(head..whole).ok_or_else(Complaint::short_list)?;
    let byte = |at: usize| body.get(at).copied().unwrap_or(0);
    match (page, subpage) {
        (0x01 | 0x02 | 0x18 | 0x1c, 0) => {}
        (0x0a, 0) => modes.descriptor_sense = byte(0) & 0x04 != 0,
        (0x0a, 0xf0) => {
            let (method, length) = (byte(0), byte(1));
            if !matches!((method, length), (0, _) | (2, 4)) {
                return Err(Complaint::bad_parameter(at + 4));
            }
            let [writing, reading] = [0x80, 0x40].map(|bit| byte(2) & bit != 0 && method != 0);
            modes.protection = Protection { method, writing, reading };
        }
        (0x0f, 0) => modes.compression = byte(0) & 0x80 != 0,
        (0x10, 0) => modes.compression = byte(12) != 0,
        (0x10, 1) => {
            if byte(1) >> 4 > 1 {
                return Err(Complaint::bad_parameter(at + 5));
            }
            modes.append_only = byte(1) >> 4 == 1;
            modes.pews = field(body, 2, 2);
        }
        (0x11, 0) => {
            if byte(1) > 3 {
                return Err(Complaint::bad_parameter(at + 3));
            }
            let sizes = body.get(6..).unwrap_or_default().chunks_exact(2);
            modes.partitioning = Partitioning {
                additional: byte(1),
                manner: byte(2) & 0xf8,
                units: if byte(2) >> 3 & 3 == 3 { byte(4) & 0x0f } else { 6 },
                sizes: sizes.map(|size| u16::from_be_bytes([size[0], size[1]])).collect(),
            };
        }
        (0x1d, 0) => return Err(Complaint::bad_parameter(at)),
        _ => return Err(Complaint::bad_parameter(at)),
    }
    Ok(whole)
}

fn flag(set: bool, bit: u8) -> u8 {
    if set { bit } else { 0 }
}

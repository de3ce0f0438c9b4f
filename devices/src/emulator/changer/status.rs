//! READ ELEMENT STATUS: what the changer believes to be in which place (SMC-3, 6.11).
//!
//! ```text
//!  header 8: first address, number of elements, byte count
//!  page header 8: type, tag flags, descriptor length, byte count      for each type in turn
//!  descriptor: 12 bytes of flags and source, [36 of volume tag], [identifier, or what the dialect puts there]
//! ```

use super::super::ask::Ask;
use super::super::bytes::Layout;
use super::super::cartridge::{Cartridge, Kind as Purpose};
use super::super::complaint::{Complaint, Outcome, Reply, key};
use super::super::dialect::{
    Allocation, AlternateTags, Barcodes, Counts, FirstAsk, Ids, LoadedDrive, Profile, Sources,
    TagsWithIds, Tail, Types, VolumeTags,
};
use super::super::elements::Spot;
use super::super::world::World;
use super::moves::holds;
use super::numbering::{Kind, Numbering, Place};
use super::{Believed, Door, numbering, profile, ready};

/// A primary volume tag: 32 characters, two reserved bytes, a sequence number.
const TAG: usize = 36;

/// What was asked for.
struct Wanted {
    tags: bool,
    ids: bool,
    kind: u8,
    first: u16,
    count: u16,
    allocation: u64,
}

impl Wanted {
    fn of(profile: &Profile, ask: &Ask<'_>) -> Result<Self, Complaint> {
        let low = |value: u64| u16::try_from(value & 0xffff).unwrap_or(0);
        let wanted = Self {
            tags: ask.bit(1, 0x10),
            ids: ask.bit(6, 0x01),
            kind: ask.byte(1) & 0x0f,
            first: low(ask.field(2, 2)),
            count: low(ask.field(4, 2)),
            allocation: match profile.allocation {
                Allocation::ThreeBytes => ask.field(7, 3),
                Allocation::LowTwoBytes => ask.field(8, 2),
            },
        };
        let kind_refused = match profile.types {
            Types::Any => wanted.kind > 4,
            Types::OneAtATime => !(1..=4).contains(&wanted.kind),
            Types::OnlyAll => wanted.kind != 0,
        };
        let no_tags = wanted.tags && profile.volume_tags == VolumeTags::Refused;
        if kind_refused || no_tags {
            return Err(Complaint::bad_command(1));
        }
        let both = wanted.tags && wanted.ids && profile.tags_with_ids == TagsWithIds::Refused;
        if both || wanted.ids && profile.ids == Ids::None {
            return Err(Complaint::bad_command(6));
        }
        Ok(wanted)
    }
}

/// Carries out the command.
pub(super) fn read(world: &mut World, ask: &Ask<'_>) -> Reply {
    let profile = profile(world);
    // CURDATA: what is known already, without a look (SMC-3, 6.11.1).
    if !ask.bit(6, 0x02) {
        ready(world)?;
    }
    let wanted = Wanted::of(profile, ask)?;
    if profile.first_ask == FirstAsk::HeaderOnly && !world.changer.header_asked {
        if wanted.allocation > 8 {
            return Err(Complaint::bad_command(7).into());
        }
        world.changer.header_asked = true;
    }
    let numbering = numbering(world);
    let places = chosen(&numbering, &wanted);
    if places.is_empty() && profile.types == Types::OnlyAll {
        // INVALID ELEMENT ADDRESS
        return Err(Complaint::new(key::ILLEGAL, 0x21, 0x01).into());
    }
    let view = View { world, profile, numbering: &numbering, wanted: &wanted };
    Ok(Outcome::reply(view.reply(&places), wanted.allocation))
}

fn chosen(numbering: &Numbering, wanted: &Wanted) -> Vec<Place> {
    numbering
        .places()
        .into_iter()
        .filter(|place| wanted.kind == 0 || place.kind.code() == wanted.kind)
        .filter(|place| place.address >= wanted.first)
        .take(usize::from(wanted.count))
        .collect()
}

/// What is seen, and how it is said.
struct View<'a> {
    world: &'a World,
    profile: &'static Profile,
    numbering: &'a Numbering,
    wanted: &'a Wanted,
}

impl View<'_> {
    fn reply(&self, places: &[Place]) -> Vec<u8> {
        let pages: Vec<&[Place]> = places.chunk_by(|one, next| one.kind == next.kind).collect();
        let mut body = Layout::new();
        for page in &pages {
            body.bytes(&self.page(page));
        }
        let mut body = body.done();
        let counted = match self.profile.counts {
            Counts::Right => body.len(),
            Counts::WithoutPageHeaders => body.len() - 8 * pages.len(),
            Counts::TooFew => body.len().saturating_sub(8),
            Counts::TooMany => {
                let whole = body.len();
                body.truncate(whole.saturating_sub(8));
                whole
            }
        };
        let mut reply = Layout::new();
        reply
            .put(2, places.first().map_or(0, |place| u64::from(place.address)))
            .put(2, places.len() as u64)
            .byte(0)
            .put(3, counted as u64)
            .bytes(&body);
        reply.done()
    }

    fn page(&self, places: &[Place]) -> Vec<u8> {
        let Some(kind) = places.first().map(|place| place.kind) else { return Vec::new() };
        let descriptors: Vec<Vec<u8>> = places.iter().map(|place| self.descriptor(place)).collect();
        // Identifiers may differ in length; the page has room for the longest.
        let length = descriptors.iter().map(Vec::len).max().unwrap_or(0);
        let claimed = self.profile.alternate_tags == AlternateTags::Claimed && self.wanted.tags;
        let primary = if self.wanted.tags { 0x80 } else { 0 };
        let zeros = match self.profile.tail {
            Tail::FourAndZeros if kind == Kind::Slot => 2,
            _ => 0,
        };
        let mut page = Layout::new();
        page.byte(kind.code())
            .byte(primary | if claimed { 0x40 } else { 0 })
            .put(2, length as u64)
            .byte(0)
            .put(3, ((descriptors.len() + zeros) * length) as u64);
        for mut descriptor in descriptors {
            descriptor.resize(length, 0);
            page.bytes(&descriptor);
        }
        page.zeros(zeros * length);
        page.done()
    }

    fn descriptor(&self, place: &Place) -> Vec<u8> {
        let seen = self.seen(place);
        let exception = self.exception(place, &seen);
        let mut layout = Layout::new();
        layout
            .put(2, u64::from(place.address))
            .byte(self.flags(place, &seen, exception.is_some()))
            .byte(0)
            .byte(exception.map_or(0, |(code, _)| code))
            .byte(exception.map_or(0, |(_, qualifier)| qualifier))
            .bytes(&self.bus_address(place))
            .byte(0);
        let (flags, source) = self.source(place, &seen);
        layout.byte(flags).put(2, source);
        let garbled = self.wanted.ids && self.profile.tags_with_ids == TagsWithIds::Garbled;
        if self.wanted.tags && !(garbled && place.kind == Kind::Drive) {
            layout.bytes(&self.tag(&seen));
        }
        layout.bytes(&self.tail(place));
        layout.done()
    }

    fn seen(&self, place: &Place) -> Glimpse<'_> {
        let Some(spot) = place.spot else { return Glimpse::default() };
        match self.world.changer.believed.get(&spot) {
            Some(Believed::Empty) => Glimpse::default(),
            Some(Believed::Cartridge(sticker)) => {
                Glimpse { full: true, sticker: sticker.as_deref(), cartridge: None }
            }
            None => {
                let cartridge = self.world.elements.cartridge(spot);
                let sticker = cartridge.and_then(|cartridge| cartridge.barcode.as_deref());
                Glimpse { full: cartridge.is_some(), sticker, cartridge }
            }
        }
    }

    /// EXCEPT and its codes: the place is out of order, or its sticker cannot be read.
    fn exception(&self, place: &Place, seen: &Glimpse<'_>) -> Option<(u8, u8)> {
        let broken = place
            .spot
            .and_then(|spot| self.world.changer.lasting.broken_at(spot))
            .map(<(u8, u8)>::from);
        let reader = self.profile.volume_tags == VolumeTags::Given;
        // BAR CODE UNREADABLE, of the makers' own range.
        broken.or((reader && seen.full && seen.sticker.is_none()).then_some((0x83, 0x09)))
    }

    fn flags(&self, place: &Place, seen: &Glimpse<'_>, exception: bool) -> u8 {
        const FULL: u8 = 0x01;
        const IMPEXP: u8 = 0x02;
        const EXCEPT: u8 = 0x04;
        const ACCESS: u8 = 0x08;
        const EXENAB: u8 = 0x10;
        const INENAB: u8 = 0x20;
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let threaded = self.threaded(place);
        let looks_empty = threaded && self.profile.loaded_drive == LoadedDrive::SaysEmpty;
        let broken =
            place.spot.is_some_and(|spot| self.world.changer.lasting.broken_at(spot).is_some());
        let drawer_open =
            place.kind == Kind::Mail && self.world.changer.lasting.drawer == Door::Open;
        let reachable = place.spot.is_some() && !threaded && !broken && !drawer_open;
        let mut flags = flag(seen.full && !looks_empty, FULL) | flag(exception, EXCEPT);
        if place.kind != Kind::Arm {
            flags |= flag(reachable, ACCESS);
        }
        if place.kind == Kind::Mail {
            let element = place.spot.and_then(|spot| self.world.elements.get(spot));
            let by_hand = element.is_some_and(|element| element.by_hand);
            flags |= flag(by_hand && seen.full, IMPEXP) | EXENAB | INENAB;
        }
        flags
    }

    /// Whether the place is a drive that would not let go.
    fn threaded(&self, place: &Place) -> bool {
        let Some(Spot::Drive(number)) = place.spot else { return false };
        let drive = self.world.drives.get(usize::from(number));
        drive.is_some_and(|drive| holds(&drive.seat))
    }

    /// Bytes 6 and 7: SCSI address and flags of a drive (SMC-2, table 20).
    fn bus_address(&self, place: &Place) -> [u8; 2] {
        match (self.profile.ids, place.spot) {
            (Ids::BusAddress, Some(Spot::Drive(number))) => {
                [0x20, u8::try_from(number + 1).unwrap_or(0)]
            }
            _ => [0, 0],
        }
    }

    /// Byte 9 and the source: SVALID, medium type, address.
    fn source(&self, place: &Place, seen: &Glimpse<'_>) -> (u8, u64) {
        let medium = match seen.cartridge.map(|cartridge| cartridge.kind) {
            None => 0,
            Some(Purpose::Data) => 1,
            Some(Purpose::Cleaning { .. }) => 2,
            Some(Purpose::Worm) => 4,
        };
        let element = place.spot.and_then(|spot| self.world.elements.get(spot));
        let source = element
            .filter(|_| self.profile.sources != Sources::Never && seen.full)
            .and_then(|element| element.source)
            .and_then(|spot| self.numbering.address(spot));
        match source {
            Some(address) => (0x80 | medium, u64::from(address)),
            None => (medium, 0),
        }
    }

    fn tag(&self, seen: &Glimpse<'_>) -> Vec<u8> {
        let mut tag = Layout::new();
        match (seen.sticker, self.profile.barcodes) {
            (None, _) => tag.zeros(32),
            (Some(sticker), Barcodes::Spaces) => tag.text(32, sticker),
            (Some(sticker), Barcodes::Six) => {
                let six: String = sticker.chars().take(6).collect();
                tag.text(32, &six)
            }
            (Some(sticker), Barcodes::Zeros) => {
                let sticker: Vec<u8> = sticker.bytes().take(32).collect();
                tag.bytes(&sticker).zeros(32 - sticker.len())
            }
        };
        tag.zeros(TAG - 32);
        tag.done()
    }

    /// What follows the tag: an identifier, or what the dialect puts there without one.
    fn tail(&self, place: &Place) -> Vec<u8> {
        let id = match place.spot {
            Some(Spot::Drive(number)) if self.wanted.ids => self.identifier(number),
            _ => None,
        };
        if let Some(id) = id {
            return id;
        }
        let length = match self.profile.tail {
            Tail::Nothing => 0,
            Tail::Four | Tail::FourAndZeros => 4,
            Tail::Six => 6,
        };
        vec![0; length]
    }

    /// A drive's identification descriptor (SPC-4, 7.8.6.1).
    fn identifier(&self, number: u16) -> Option<Vec<u8>> {
        let drive = self.world.drives.get(usize::from(number))?;
        let mut name = Layout::new();
        let (code_set, kind) = match self.profile.ids {
            Ids::Vendor => {
                name.text(8, &drive.model.vendor)
                    .text(16, &drive.model.product)
                    .text(10, &drive.serial);
                (2, 1)
            }
            Ids::Serial => {
                name.bytes(drive.serial.as_bytes());
                (2, 0)
            }
            Ids::Naa => {
                name.put(8, drive.world_wide_name());
                (1, 3)
            }
            Ids::Logical => {
                name.text(8, self.profile.vendor).text(16, &drive.model.product);
                name.text(10, &format!("LGCL{number:06}"));
                (2, 1)
            }
            Ids::None | Ids::BusAddress => return None,
        };
        let name = name.done();
        let mut id = Layout::new();
        id.byte(code_set).byte(kind).byte(0).put(1, name.len() as u64).bytes(&name);
        Some(id.done())
    }
}

/// What the changer sees in a place, or believes to.
#[derive(Clone, Copy, Debug, Default)]
struct Glimpse<'a> {
    full: bool,
    sticker: Option<&'a str>,
    /// Only where it is what is really there.
    cartridge: Option<&'a Cartridge>,
}

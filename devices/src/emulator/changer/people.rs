//! A person standing at the library.
//!
//! People put cartridges into mail slots and take them out, open the door and reach in, flip the write protect tab,
//! and sometimes do so without the library noticing. [`Operator`] does to an emulated library what they do to a real
//! one, and the library tells its initiators what it noticed.

use std::io;

use serde::Serialize;

use super::super::Library;
use super::super::cartridge::Kind;
use super::super::dialect::Attention;
use super::super::elements::{Element, Spot};
use super::super::events::{Event, MEDIUM_MAY_HAVE_CHANGED, MODE_PARAMETERS_CHANGED};
use super::super::faults::FaultPlan;
use super::super::setup::CartridgeSetup;
use super::super::world::World;
use super::{Believed, Door, begin_scan, numbering, profile, tell_drives};

/// IMPORT OR EXPORT ELEMENT ACCESSED.
const MAIL_ACCESSED: Event = (0x28, 0x01);

/// How many cartridges may lie outside.
const MOST_OUTSIDE: usize = 4096;

/// A person at the library.
#[derive(Clone, Debug)]
pub struct Operator(Library);

/// Why a person could not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unable {
    /// No such place.
    #[error("there is no {0}")]
    NoPlace(Spot),
    /// Nothing to take.
    #[error("{0} is empty")]
    Empty(Spot),
    /// No room.
    #[error("{0} is full")]
    Full(Spot),
    /// No cartridge with this sticker.
    #[error("there is no cartridge {0}")]
    NoCartridge(String),
    /// A host has locked it.
    #[error("the mail slots are locked: a host prevents removal")]
    Locked,
    /// Behind the door.
    #[error("{0} is behind the door: open it first")]
    BehindTheDoor(Spot),
    /// The drive holds it fast.
    #[error("{0} does not let go: unload it first")]
    Held(Spot),
    /// The directory does not take it.
    #[error("the library's directory could not be written: {0}")]
    NotKept(String),
    /// Out of hands.
    #[error("{MOST_OUTSIDE} cartridges lie outside: put some back first")]
    TooManyOutside,
}

/// What a person sees in a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Where.
    pub place: Spot,
    /// The element address that the changer gives it, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<u16>,
    /// Whether something is there.
    pub full: bool,
    /// Its sticker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Whether its tab is set.
    pub write_protected: bool,
}

impl Library {
    /// A person at the library.
    pub fn operator(&self) -> Operator {
        Operator(self.clone())
    }
}

impl Operator {
    /// What is where, really.
    pub fn look(&self) -> Vec<Seen> {
        let world = self.0.world();
        let numbering = numbering(&world);
        let seen = |spot: Spot| {
            let cartridge = world.elements.cartridge(spot);
            Seen {
                place: spot,
                address: numbering.address(spot),
                full: cartridge.is_some(),
                barcode: cartridge.and_then(|cartridge| cartridge.barcode.clone()),
                kind: cartridge.map(|cartridge| cartridge.kind),
                write_protected: cartridge.is_some_and(|cartridge| cartridge.write_protected),
            }
        };
        world.elements.spots().into_iter().map(seen).collect()
    }

    /// Where the cartridge with this sticker is.
    pub fn find(&self, barcode: &str) -> Option<Spot> {
        self.0.world().elements.find(barcode)
    }

    /// Takes a cartridge out of the library, and gives the place where it lies now.
    pub fn take(&self, from: Spot) -> Result<Spot, Unable> {
        let mut world = self.0.world();
        check_reach(&mut world, from)?;
        let out = take_out(&mut world, from)?;
        noticed(&mut world, from);
        keep(&mut world)?;
        Ok(out)
    }

    /// Puts a cartridge that lies outside into a place of the library.
    pub fn put(&self, barcode: &str, to: Spot) -> Result<(), Unable> {
        let mut world = self.0.world();
        let from = world.elements.find(barcode).filter(|spot| matches!(spot, Spot::Outside(_)));
        let from = from.ok_or_else(|| Unable::NoCartridge(barcode.to_owned()))?;
        check_reach(&mut world, to)?;
        put_in(&mut world, from, to)?;
        noticed(&mut world, to);
        keep(&mut world)
    }

    /// Puts a cartridge into a place that was never in the library. Its place in the description does not count.
    pub fn put_new(&self, cartridge: &CartridgeSetup, to: Spot) -> Result<(), Unable> {
        let mut world = self.0.world();
        check_reach(&mut world, to)?;
        let shelf = lay_outside(&mut world)?;
        let mut cartridge = cartridge.make(new_serial(&world));
        world.keep(&mut cartridge).map_err(not_kept)?;
        if let Some(element) = world.elements.get_mut(shelf) {
            element.cartridge = Some(Box::new(cartridge));
        }
        if let Err(unable) = put_in(&mut world, shelf, to) {
            if let Some(element) = world.elements.get_mut(shelf) {
                *element = Element::default();
            }
            return Err(unable);
        }
        noticed(&mut world, to);
        keep(&mut world)
    }

    /// Takes a cartridge away so that the library does not notice: it believes it still there.
    pub fn take_unnoticed(&self, from: Spot) -> Result<Spot, Unable> {
        let mut world = self.0.world();
        let cartridge = world.elements.cartridge(from).ok_or(Unable::Empty(from))?;
        let believed = Believed::Cartridge(cartridge.barcode.clone());
        let out = take_out(&mut world, from)?;
        world.changer.believed.insert(from, believed);
        keep(&mut world)?;
        Ok(out)
    }

    /// Exchanges what is in two places so that the library does not notice.
    pub fn swap_unnoticed(&self, one: Spot, other: Spot) -> Result<(), Unable> {
        let mut world = self.0.world();
        for place in [one, other] {
            let element = world.elements.get(place).ok_or(Unable::NoPlace(place))?;
            let believed = match &element.cartridge {
                Some(cartridge) => Believed::Cartridge(cartridge.barcode.clone()),
                None => Believed::Empty,
            };
            world.changer.believed.entry(place).or_insert(believed);
        }
        let mut taken =
            |place| world.elements.get_mut(place).map(std::mem::take).unwrap_or_default();
        let (first, second) = (taken(one), taken(other));
        for (place, element) in [(one, second), (other, first)] {
            if let Some(to) = world.elements.get_mut(place) {
                *to = element;
            }
        }
        keep(&mut world)
    }

    /// Opens the door.
    pub fn open_door(&self) -> Result<(), Unable> {
        let mut world = self.0.world();
        world.changer.lasting.door = Door::Open;
        world.changer.lasting.tally.doors += 1;
        keep(&mut world)
    }

    /// Closes the door. The library looks around, and tells everybody that something may have changed.
    pub fn close_door(&self) -> Result<(), Unable> {
        let mut world = self.0.world();
        if std::mem::take(&mut world.changer.lasting.door) == Door::Closed {
            return Ok(());
        }
        begin_scan(&mut world);
        raise(&mut world, MEDIUM_MAY_HAVE_CHANGED);
        keep(&mut world)
    }

    /// Pulls the mail slots out.
    pub fn open_mail_slots(&self) -> Result<(), Unable> {
        let mut world = self.0.world();
        if !world.changer.prevented.is_empty() {
            return Err(Unable::Locked);
        }
        world.changer.lasting.drawer = Door::Open;
        world.changer.lasting.tally.drawers += 1;
        keep(&mut world)
    }

    /// Pushes them in again.
    pub fn close_mail_slots(&self) -> Result<(), Unable> {
        let mut world = self.0.world();
        close_drawer(&mut world);
        keep(&mut world)
    }

    /// Flips the write protect tab of a cartridge.
    pub fn write_protect(&self, barcode: &str, protected: bool) -> Result<(), Unable> {
        let mut world = self.0.world();
        let spot = world.elements.find(barcode);
        let cartridge = spot.and_then(|spot| world.elements.cartridge_mut(spot));
        let cartridge = cartridge.ok_or_else(|| Unable::NoCartridge(barcode.to_owned()))?;
        cartridge.write_protected = protected;
        keep(&mut world)
    }

    /// Sticks another label on the cartridge in a place, or takes it off.
    pub fn relabel(&self, place: Spot, barcode: Option<&str>) -> Result<(), Unable> {
        let mut world = self.0.world();
        let cartridge = world.elements.cartridge_mut(place).ok_or(Unable::Empty(place))?;
        cartridge.barcode = barcode.map(str::to_owned);
        keep(&mut world)
    }

    /// A place goes out of order, with what its element status says: 83/02 no magazine, 83/04 no drive. `None`
    /// mends it.
    pub fn break_place(&self, place: Spot, code: Option<[u8; 2]>) -> Result<(), Unable> {
        let mut world = self.0.world();
        world.elements.get(place).ok_or(Unable::NoPlace(place))?;
        let broken = &mut world.changer.lasting.broken;
        broken.retain(|(other, _)| *other != place);
        broken.extend(code.map(|code| (place, code)));
        keep(&mut world)
    }

    /// Plans what goes wrong from now on, also in the next process that has the library.
    pub fn plan_faults(&self, plan: FaultPlan) -> Result<(), Unable> {
        self.0.world().plan_faults(plan).map_err(not_kept)
    }

    /// Partitions the library anew: all element addresses but the arm's move by so many.
    pub fn renumber(&self, by: u16) -> Result<(), Unable> {
        let mut world = self.0.world();
        world.changer.lasting.shift = by;
        tell_drives(&mut world);
        raise(&mut world, MODE_PARAMETERS_CHANGED);
        keep(&mut world)
    }
}

/// Where a person gets at. The drives' and slots' fronts are behind the door.
fn check_reach(world: &mut World, place: Spot) -> Result<(), Unable> {
    if world.elements.get(place).is_none() {
        return Err(Unable::NoPlace(place));
    }
    let open = world.changer.lasting.door == Door::Open;
    match place {
        Spot::Mail(_) if open || world.changer.lasting.drawer == Door::Open => Ok(()),
        Spot::Mail(_) if !world.changer.prevented.is_empty() => Err(Unable::Locked),
        Spot::Mail(_) | Spot::Outside(_) => Ok(()),
        Spot::Drive(number) if open => {
            let full = world.elements.cartridge(place).is_some();
            if full && !world.releases(number) { Err(Unable::Held(place)) } else { Ok(()) }
        }
        _ if open => Ok(()),
        _ => Err(Unable::BehindTheDoor(place)),
    }
}

/// What people did outlives the process too.
fn keep(world: &mut World) -> Result<(), Unable> {
    world.save().map_err(not_kept)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn not_kept(error: io::Error) -> Unable {
    Unable::NotKept(error.to_string())
}

/// A serial number that no cartridge of this library has. Those it was made with are RKE….
fn new_serial(world: &World) -> String {
    let taken: Vec<&str> = world
        .elements
        .spots()
        .into_iter()
        .filter_map(|spot| world.elements.cartridge(spot))
        .map(|cartridge| cartridge.serial.as_str())
        .collect();
    let free = |serial: &String| !taken.contains(&serial.as_str());
    (1_u32..).map(|number| format!("RKN{number:07}")).find(free).unwrap_or_default()
}

fn lay_outside(world: &mut World) -> Result<Spot, Unable> {
    let outside = &mut world.elements.outside;
    let free = outside.iter().position(|element| element.cartridge.is_none());
    let number = free.unwrap_or_else(|| {
        outside.push(Element::default());
        outside.len() - 1
    });
    if number >= MOST_OUTSIDE {
        outside.pop();
        return Err(Unable::TooManyOutside);
    }
    Ok(Spot::Outside(u16::try_from(number).unwrap_or(u16::MAX)))
}

fn take_out(world: &mut World, from: Spot) -> Result<Spot, Unable> {
    if world.elements.cartridge(from).is_none() {
        return Err(Unable::Empty(from));
    }
    let out = lay_outside(world)?;
    world.elements.carry(from, out);
    if let Spot::Drive(number) = from {
        world.removed(number);
    }
    Ok(out)
}

fn put_in(world: &mut World, from: Spot, to: Spot) -> Result<(), Unable> {
    if world.elements.cartridge(to).is_some() {
        return Err(Unable::Full(to));
    }
    world.elements.carry(from, to);
    if let Some(element) = world.elements.get_mut(to) {
        element.by_hand = true;
        element.source = None;
    }
    if let Spot::Drive(number) = to {
        world.inserted(number);
    }
    Ok(())
}

/// The library notices what happens at its mail slots at once; behind its door it looks when it is closed.
fn noticed(world: &mut World, place: Spot) {
    world.changer.believed.remove(&place);
    if matches!(place, Spot::Mail(_)) && world.changer.lasting.drawer == Door::Closed {
        raise(world, MAIL_ACCESSED);
    }
}

pub(super) fn close_drawer(world: &mut World) {
    if std::mem::take(&mut world.changer.lasting.drawer) == Door::Open {
        raise(world, MAIL_ACCESSED);
    }
}

/// Tells whom the dialect tells.
fn raise(world: &mut World, event: Event) {
    let everybody = profile(world).attention == Attention::Everybody;
    let told = if everybody { world.desks.len() } else { 1 };
    for desk in world.desks.iter_mut().take(told) {
        desk.attentions.raise(event);
    }
}

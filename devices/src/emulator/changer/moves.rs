//! What the robot does: MOVE MEDIUM and its kin (SMC-3, 6.5, 6.9, 6.10).
//!
//! Every move is checked before the hand moves, as real robots do: is there such a place, something to take, room
//! to put it, does the drive let go. A move that fails leaves everything where it was.

use super::super::ask::Ask;
use super::super::complaint::{Complaint, Outcome, Reply, key};
use super::super::dialect::{Exchange, StillLoaded};
use super::super::drive::Seat;
use super::super::elements::Spot;
use super::super::world::World;
use super::numbering::Numbering;
use super::{Believed, Door, begin_scan, numbering, profile, ready, spend};

/// How long some libraries wait for a drive that does not unload.
const GIVES_UP_S: u64 = 240;

/// How long the hand looks at one place.
const LOOK_S: u64 = 2;

/// Whether a drive keeps what is in it.
pub(super) fn holds(seat: &Seat) -> bool {
    !matches!(seat, Seat::Empty | Seat::Ejected | Seat::Refused(_))
}

/// INITIALIZE ELEMENT STATUS: the robot looks into every place, and answers when it has.
pub(super) fn look_around(world: &mut World) -> Reply {
    ready(world)?;
    let places = numbering(world).places().len() as u64;
    begin_scan(world);
    world.changer.scanning = None;
    spend(world, places * LOOK_S);
    Ok(Outcome::done())
}

/// POSITION TO ELEMENT.
pub(super) fn position(world: &mut World, ask: &Ask<'_>) -> Reply {
    ready(world)?;
    let numbering = numbering(world);
    check_arm(&numbering, ask)?;
    spot(&numbering, ask, 4)?;
    spend(world, profile(world).move_s / 2);
    Ok(Outcome::done())
}

/// MOVE MEDIUM.
pub(super) fn carry(world: &mut World, ask: &Ask<'_>) -> Reply {
    ready(world)?;
    let numbering = numbering(world);
    check_arm(&numbering, ask)?;
    let (from, to) = (spot(&numbering, ask, 4)?, spot(&numbering, ask, 6)?);
    check_side(ask)?;
    check_reach(world, from)?;
    check_reach(world, to)?;
    check_full(world, from)?;
    check_free(world, to)?;
    if let Spot::Drive(number) = from
        && let Some(end) = check_released(world, number)
    {
        return end;
    }
    let time = profile(world).move_s;
    transfer(world, from, to, time);
    Ok(Outcome::done())
}

/// EXCHANGE MEDIUM: what is in the first place goes to the second, and what was there to the third.
pub(super) fn exchange(world: &mut World, ask: &Ask<'_>) -> Reply {
    if profile(world).exchange == Exchange::Refused {
        return Err(Complaint::no_such_command().into());
    }
    ready(world)?;
    let numbering = numbering(world);
    check_arm(&numbering, ask)?;
    check_side(ask)?;
    let first = spot(&numbering, ask, 4)?;
    let second = spot(&numbering, ask, 6)?;
    let third = spot(&numbering, ask, 8)?;
    for place in [first, second, third] {
        check_reach(world, place)?;
    }
    check_full(world, first)?;
    check_full(world, second)?;
    if third != first {
        check_free(world, third)?;
    }
    for place in [first, second] {
        if let Spot::Drive(number) = place
            && let Some(end) = check_released(world, number)
        {
            return end;
        }
    }
    check_free(world, Spot::Arm)?;
    let time = profile(world).move_s;
    transfer(world, second, Spot::Arm, time / 2);
    transfer(world, first, second, time);
    transfer(world, Spot::Arm, third, time / 2);
    Ok(Outcome::done())
}

/// Carries a cartridge, after all checks. The drives at both ends learn of it.
fn transfer(world: &mut World, from: Spot, to: Spot, seconds: u64) {
    // A drive and the robot wait for each other, so it has to be asked before the time is spent.
    let home = match from {
        Spot::Slot(_) | Spot::Mail(_) => Some(from),
        _ => world.elements.get(from).and_then(|element| element.source),
    };
    spend(world, seconds);
    if !world.elements.carry(from, to) {
        return;
    }
    if let Some(element) = world.elements.get_mut(to) {
        element.source = home;
    }
    for place in [from, to] {
        world.changer.believed.remove(&place);
    }
    if let Spot::Drive(number) = from {
        world.removed(number);
    }
    if let Spot::Drive(number) = to {
        world.inserted(number);
    }
    let tally = &mut world.changer.lasting.tally;
    tally.moves += 1;
    tally.picks += 1;
    tally.places += 1;
}

/// The element that a field of the command names.
fn spot(numbering: &Numbering, ask: &Ask<'_>, at: usize) -> Result<Spot, Complaint> {
    address(ask, at).and_then(|address| numbering.spot(address)).ok_or_else(no_such_element)
}

fn address(ask: &Ask<'_>, at: usize) -> Option<u16> {
    u16::try_from(ask.field(at, 2)).ok()
}

/// INVALID ELEMENT ADDRESS.
fn no_such_element() -> Complaint {
    Complaint::new(key::ILLEGAL, 0x21, 0x01)
}

/// The transport is the only one there is, or 0 for whichever.
fn check_arm(numbering: &Numbering, ask: &Ask<'_>) -> Result<(), Complaint> {
    match address(ask, 2) {
        Some(0) => Ok(()),
        Some(arm) if numbering.spot(arm) == Some(Spot::Arm) => Ok(()),
        _ => Err(no_such_element()),
    }
}

/// No cartridge here has two sides.
fn check_side(ask: &Ask<'_>) -> Result<(), Complaint> {
    if ask.byte(10) & 0x03 == 0 { Ok(()) } else { Err(Complaint::bad_command(10)) }
}

/// The hand gets there.
fn check_reach(world: &World, place: Spot) -> Result<(), Complaint> {
    if world.changer.lasting.broken_at(place).is_some() {
        // MEDIUM MAGAZINE NOT ACCESSIBLE
        return Err(Complaint::new(key::ILLEGAL, 0x3b, 0x11));
    }
    if matches!(place, Spot::Mail(_)) && world.changer.lasting.drawer == Door::Open {
        // MEDIUM MAGAZINE REMOVED
        return Err(Complaint::new(key::ILLEGAL, 0x3b, 0x12));
    }
    Ok(())
}

/// There is something. A hand that grips into the void has learnt something.
fn check_full(world: &mut World, place: Spot) -> Result<(), Complaint> {
    let believes = world.changer.believed.get(&place).cloned();
    let full = world.elements.cartridge(place).is_some();
    if full && believes != Some(Believed::Empty) {
        return Ok(());
    }
    if believes.is_some() && !full {
        world.changer.believed.remove(&place);
    }
    // MEDIUM SOURCE ELEMENT EMPTY
    Err(Complaint::new(key::ILLEGAL, 0x3b, 0x0e))
}

/// There is room.
fn check_free(world: &mut World, place: Spot) -> Result<(), Complaint> {
    let believes_full = matches!(world.changer.believed.get(&place), Some(Believed::Cartridge(_)));
    let full = world.elements.cartridge(place).is_some();
    if full {
        world.changer.believed.remove(&place);
    }
    if full || believes_full {
        // MEDIUM DESTINATION ELEMENT FULL
        return Err(Complaint::new(key::ILLEGAL, 0x3b, 0x0d));
    }
    Ok(())
}

/// Whether the drive lets go. If not, how the command ends.
fn check_released(world: &mut World, number: u16) -> Option<Reply> {
    let prevented =
        world.drives.get(usize::from(number)).is_some_and(|drive| drive.removal_prevented());
    if prevented {
        // MEDIUM REMOVAL PREVENTED
        return Some(Err(Complaint::new(key::ILLEGAL, 0x53, 0x02).into()));
    }
    if world.releases(number) {
        return None;
    }
    Some(match profile(world).still_loaded {
        // MEDIA LOAD OR EJECT FAILED: the drive did not unload
        StillLoaded::DriveDidNotUnload => Err(Complaint::new(key::ILLEGAL, 0x53, 0x01).into()),
        StillLoaded::NoMedium => Err(Complaint::new(key::ILLEGAL, 0x3a, 0x00).into()),
        StillLoaded::GoodButNot => {
            spend(world, GIVES_UP_S);
            Ok(Outcome::done())
        }
    })
}

/// PREVENT ALLOW MEDIUM REMOVAL: locks the mail slots.
pub(super) fn prevent(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let prevented = &mut world.changer.prevented;
    if ask.byte(4) & 0x03 == 0 {
        prevented.remove(&ask.nexus);
    } else {
        prevented.insert(ask.nexus);
    }
    Outcome::done()
}

/// OPEN/CLOSE IMPORT/EXPORT ELEMENT.
pub(super) fn open_or_close(world: &mut World, ask: &Ask<'_>) -> Reply {
    if !matches!(spot(&numbering(world), ask, 2)?, Spot::Mail(_)) {
        return Err(no_such_element().into());
    }
    match ask.byte(4) & 0x1f {
        0 if !world.changer.prevented.is_empty() => {
            Err(Complaint::new(key::ILLEGAL, 0x53, 0x02).into())
        }
        0 => {
            world.changer.lasting.drawer = Door::Open;
            world.changer.lasting.tally.drawers += 1;
            Ok(Outcome::done())
        }
        1 => {
            super::people::close_drawer(world);
            Ok(Outcome::done())
        }
        _ => Err(Complaint::bad_command(4).into()),
    }
}

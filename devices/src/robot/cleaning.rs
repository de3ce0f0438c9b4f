//! Cleaning a drive, and whether it was cleaned.
//!
//! ```text
//!  how it is ─► cleaning cartridge in ─► wait ─► how it is ─► cartridge back ─► verdict
//!      ▲                                                                          │ not cleaned
//!      └──────────────────────── the next cleaning cartridge ◄────────────────────┘
//! ```
//!
//! A cartridge that is used up looks like one at work: the drive says *cleaning cartridge* (2/30/03), or gives it out
//! again. So the end of it proves nothing. What the drive says of itself before and after does ([`verdict`]):
//!
//! | the drive says | verdict |
//! |---|---|
//! | it has counted one cleaning more (SSC-4, log page 14h) | cleaned |
//! | it asked to be cleaned (11h), and does no more | cleaned |
//! | TapeAlert 22 (expired cleaning media) | the cartridge is used up |
//! | TapeAlert 23 (invalid cleaning cartridge) | the cartridge is not for this drive |
//! | it counts no more than before, or asks as before | not cleaned |
//! | nothing of all that: it has no such pages | taken on trust, and told so |

use types::{DriveName, Slot};

use super::check::Purpose;
use super::mechanism::{Mechanism, Settled, State};
use super::{Robot, RobotTrouble, Shared, drive_trouble};
use crate::changer::{CartridgeKind, ChangerError, Errand, Inventory, Spot};
use crate::scsi::judge::cleaning_failed;
use crate::scsi::page::alert::Flag;
use crate::scsi::page::attributes;
use crate::smc::Failure;
use crate::ssc::{self, TapeDrive};

/// So many looks, five seconds apart, is a drive given for cleaning itself: a cleaning takes two to five minutes.
const CLEANING: u32 = 180;

/// At most so many cartridges that are not used up are tried: each wears the heads.
const TRIES: usize = 2;

/// A drive that was cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// With which cartridge: its barcode, or its slot.
    pub cartridge: String,
    /// From which slot it came and to which it went back.
    pub slot: Slot,
    /// How many cleanings it was made for, if its memory tells; some tell how many are left.
    pub made_for: Option<u64>,
    /// How often it has been in a drive, if its memory tells.
    pub loads: Option<u64>,
    /// What shows that the drive was cleaned.
    pub proof: Proof,
    /// The cartridges that were tried before and did nothing, each with what to do with it.
    pub in_vain: Vec<String>,
}

impl Cleaned {
    /// What became of the drive, behind its name: "was cleaned with CLN001L1".
    pub fn words(&self) -> String {
        let cartridge = &self.cartridge;
        match self.proof {
            Proof::Counted | Proof::AsksNoMore => format!("was cleaned with {cartridge}"),
            Proof::None => {
                format!("had {cartridge} in it, and does not say whether that cleaned it")
            }
        }
    }
}

/// What shows that a drive was cleaned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It has counted one cleaning more.
    Counted,
    /// It asked to be cleaned, and does no more.
    AsksNoMore,
    /// Nothing: it counts no cleanings and did not ask for one. It complained of nothing either.
    None,
}

/// What a drive says of its cleanliness. What it does not tell is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Condition {
    /// How often it was cleaned.
    pub(crate) cleanings: Option<u64>,
    /// Whether it wants to be.
    pub(crate) asks: Option<bool>,
    /// What it warns of.
    pub(crate) alerts: Vec<Flag>,
}

impl Condition {
    fn warns(&self, flag: Flag) -> bool {
        self.alerts.contains(&flag)
    }

    fn complains_of_the_cartridge(&self) -> bool {
        self.warns(Flag::CLEANING_CARTRIDGE_USED_UP) || self.warns(Flag::NO_CLEANING_CARTRIDGE)
    }
}

/// How the time with the cartridge in the drive ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// The drive is done with it, or has had time enough.
    Over,
    /// The drive says why it did nothing.
    Refused(String),
}

/// Why a drive was not cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Unclean {
    /// The cartridge has done its work.
    UsedUp,
    /// Another reason.
    Because(String),
}

/// Judges a cleaning by what the drive said before and after. Flags belong to the cartridge that is in the drive, so
/// those from before do not count.
fn verdict(before: &Condition, after: &Condition, end: End) -> Result<Proof, Unclean> {
    let because = |why: &str| Err(Unclean::Because(why.to_owned()));
    if let (Some(before), Some(after)) = (before.cleanings, after.cleanings)
        && after > before
    {
        return Ok(Proof::Counted);
    }
    if after.warns(Flag::CLEANING_CARTRIDGE_USED_UP) {
        return Err(Unclean::UsedUp);
    }
    if after.warns(Flag::NO_CLEANING_CARTRIDGE) {
        return because("the drive says that it is no cleaning cartridge for it (TapeAlert 23)");
    }
    match (end, before.asks, after.asks) {
        (End::Refused(why), ..) => Err(Unclean::Because(why)),
        (End::Over, Some(true), Some(false)) => Ok(Proof::AsksNoMore),
        (End::Over, Some(true), Some(true)) => because("the drive asks for it as before"),
        (End::Over, ..) if before.cleanings.is_some() && after.cleanings.is_some() => {
            because("the drive has not counted a cleaning")
        }
        (End::Over, ..) => Ok(Proof::None),
    }
}

impl Robot {
    /// Cleans an empty drive with the first cleaning cartridge that does clean it. Each that was tried is brought back.
    pub fn clean(&self, drive: &DriveName) -> Result<Cleaned, ChangerError> {
        let done = self.try_clean(drive);
        done.map_err(|trouble| self.error(Errand::Clean(drive.clone()), trouble))
    }

    fn try_clean(&self, drive: &DriveName) -> Result<Cleaned, RobotTrouble> {
        let cleaners = cleaners(&self.try_inventory()?);
        let (mut in_vain, mut worn, mut others) = (Vec::new(), 0, 0);
        for cleaner in &cleaners {
            match self.try_cleaner(drive, cleaner)? {
                Ok(cleaned) => return Ok(Cleaned { in_vain, ..cleaned }),
                Err(why) => {
                    in_vain.push(cleaner.in_vain(&why));
                    match why {
                        Unclean::UsedUp => worn += 1,
                        Unclean::Because(_) => others += 1,
                    }
                }
            }
            if others >= TRIES {
                break;
            }
        }
        match (worn, others) {
            (0, 0) => Err(RobotTrouble::NoCleaner),
            (_, 0) => Err(RobotTrouble::CleanersUsedUp { drive: drive.clone(), why: in_vain }),
            _ => Err(RobotTrouble::NotCleaned { drive: drive.clone(), why: in_vain }),
        }
    }

    /// Puts one cleaning cartridge into the drive and takes it back.
    fn try_cleaner(
        &self,
        drive: &DriveName,
        cleaner: &Cleaner,
    ) -> Result<Result<Cleaned, Unclean>, RobotTrouble> {
        let (from, to) = (Spot::Slot(cleaner.slot), Spot::Drive(drive.clone()));
        let before = self.shared.condition(drive)?;
        self.shared.transfer(&from, &to, Purpose::Cleaning)?;
        let (made_for, loads) = self.shared.uses(drive).unwrap_or_default();
        let seen = self.shared.until_cleaned(drive);
        // Back it goes, clean or not: a cleaning cartridge that stays blocks the drive.
        self.shared.transfer(&to, &from, Purpose::Cleaning)?;
        let (end, after) = seen?;
        Ok(verdict(&before, &after, end).map(|proof| {
            let (cartridge, slot) = (cleaner.name.clone(), cleaner.slot);
            Cleaned { cartridge, slot, made_for, loads, proof, in_vain: Vec::new() }
        }))
    }
}

impl Shared {
    fn condition(&self, name: &DriveName) -> Result<Condition, RobotTrouble> {
        let drive = self.drive(name)?;
        let condition = self.mechanism(drive)?.condition();
        condition.map_err(|cause| drive_trouble(drive, "say how clean it is", cause))
    }

    /// What the memory of the cleaning cartridge says, if the drive can read it now.
    fn uses(&self, name: &DriveName) -> Option<(Option<u64>, Option<u64>)> {
        let transport = self.open_node(&self.drive(name).ok()?.seen.node).ok()?;
        let mut drive = TapeDrive::new(name.clone(), transport, ssc::Setup::default());
        let memory = drive.cartridge().ok()?.memory;
        match memory.kind? {
            attributes::CartridgeKind::Cleaning { cycles } => Some((cycles, memory.loads)),
            _ => None,
        }
    }

    /// Waits for the end of a cleaning, and asks the drive how it is while the cartridge is still in it.
    fn until_cleaned(&self, name: &DriveName) -> Result<(End, Condition), RobotTrouble> {
        let drive = self.drive(name)?;
        let mut mechanism = self.mechanism(drive)?;
        let end = ended(&mut mechanism);
        let end = end.map_err(|cause| drive_trouble(drive, "be cleaned", cause))?;
        let after = mechanism.condition();
        let after = after.map_err(|cause| drive_trouble(drive, "say how clean it is", cause))?;
        Ok((end, after))
    }
}

fn ended(mechanism: &mut Mechanism) -> Result<End, Failure> {
    for _ in 0..CLEANING {
        match mechanism.state() {
            // It gave the cartridge out, or is content with having been cleaned.
            Ok(State::Is(Settled::Empty) | State::Unthreaded) => return Ok(End::Over),
            Ok(State::Is(Settled::Ready)) => {
                return Ok(End::Refused("it is no cleaning cartridge".to_owned()));
            }
            Ok(State::Is(Settled::Cleaning)) => {
                // One that is used up is not worth a quarter of an hour.
                if mechanism.condition()?.complains_of_the_cartridge() {
                    return Ok(End::Over);
                }
                mechanism.pause();
            }
            Err(Failure::Sense(sense)) if cleaning_failed(&sense) => {
                return Ok(End::Refused(sense.to_string()));
            }
            Err(cause) => return Err(cause),
        }
    }
    // Drives that keep the cartridge say *cleaning cartridge* for ever. It was long enough.
    Ok(End::Over)
}

/// A cleaning cartridge that the arm can get at.
struct Cleaner {
    slot: Slot,
    /// What to call it.
    name: String,
}

impl Cleaner {
    /// What became of it, and what to do.
    fn in_vain(&self, why: &Unclean) -> String {
        let Self { slot, name } = self;
        match why {
            Unclean::UsedUp => {
                format!("cleaning cartridge {name} (slot {slot}) is used up: throw it away")
            }
            Unclean::Because(why) => {
                format!("cleaning cartridge {name} (slot {slot}) did not clean: {why}")
            }
        }
    }
}

fn cleaners(inventory: &Inventory) -> Vec<Cleaner> {
    let cleaner = |place: &crate::changer::Place| {
        let cartridge = place.cartridge.as_ref()?;
        let name = cartridge.barcode.as_ref().map(ToString::to_string);
        let name = name.unwrap_or_else(|| "without a barcode".to_owned());
        let cleans = cartridge.kind == CartridgeKind::Cleaning;
        cleans.then_some(Cleaner { slot: place.slot, name })
    };
    inventory.slots.iter().filter_map(cleaner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(cleanings: Option<u64>, asks: Option<bool>, alerts: &[Flag]) -> Condition {
        Condition { cleanings, asks, alerts: alerts.to_vec() }
    }

    #[test]
    fn what_the_drive_says_before_and_after_decides() {
        let used_up = [Flag::CLEANING_CARTRIDGE_USED_UP];
        let invalid = [Flag::NO_CLEANING_CARTRIDGE];
        let nothing = says(None, None, &[]);
        let counted = |count| says(Some(count), None, &[]);
        let asking = |asks| says(None, Some(asks), &[]);
        let table = [
            (counted(3), counted(4), "counted"),
            (counted(3), counted(3), "not"),
            // Its last use: it did its work, and is used up now.
            (counted(3), says(Some(4), None, &used_up), "counted"),
            (counted(3), says(Some(3), None, &used_up), "used up"),
            (asking(true), asking(false), "asks no more"),
            (asking(true), asking(true), "not"),
            (asking(true), says(None, Some(false), &used_up), "used up"),
            (asking(false), says(None, Some(false), &invalid), "not"),
            (asking(false), asking(false), "trust"),
            (says(None, None, &used_up), nothing.clone(), "trust"),
            (nothing.clone(), says(None, None, &used_up), "used up"),
            (nothing.clone(), nothing.clone(), "trust"),
            (says(Some(3), Some(true), &[]), says(Some(3), Some(false), &[]), "asks no more"),
        ];
        for (before, after, expected) in table {
            let said = match verdict(&before, &after, End::Over) {
                Ok(Proof::Counted) => "counted",
                Ok(Proof::AsksNoMore) => "asks no more",
                Ok(Proof::None) => "trust",
                Err(Unclean::UsedUp) => "used up",
                Err(Unclean::Because(_)) => "not",
            };
            assert_eq!(said, expected, "{before:?} {after:?}");
        }
        let refused = End::Refused("no".to_owned());
        assert_eq!(verdict(&nothing, &nothing, refused), Err(Unclean::Because("no".to_owned())));
    }
}

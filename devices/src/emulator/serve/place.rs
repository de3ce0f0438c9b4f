//! Places as people type them: `slot:3`, `mail:0`, `drive:1`, `outside:2`. They are counted from 0, but drives from 1,
//! like their logical units.

use super::super::Spot;

/// Not a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no place: say slot:0, mail:0, drive:1 or outside:0")]
pub struct BadPlace(String);

/// The place that is meant.
pub fn place(text: &str) -> Result<Spot, BadPlace> {
    let bad = || BadPlace(text.to_owned());
    let (kind, number) = text.split_once(':').ok_or_else(bad)?;
    let number: u16 = number.parse().map_err(|_| bad())?;
    match kind {
        "slot" => Ok(Spot::Slot(number)),
        "mail" => Ok(Spot::Mail(number)),
        "drive" => number.checked_sub(1).map(Spot::Drive).ok_or_else(bad),
        "outside" => Ok(Spot::Outside(number)),
        _ => Err(bad()),
    }
}

/// A place as it is typed.
pub(super) fn word(spot: Spot) -> String {
    match spot {
        Spot::Arm => "arm".to_owned(),
        Spot::Slot(number) => format!("slot:{number}"),
        Spot::Mail(number) => format!("mail:{number}"),
        Spot::Drive(number) => format!("drive:{}", u32::from(number) + 1),
        Spot::Outside(number) => format!("outside:{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_as_they_are_typed() {
        for spot in [Spot::Slot(0), Spot::Mail(7), Spot::Drive(0), Spot::Drive(9), Spot::Outside(3)]
        {
            assert_eq!(place(&word(spot)), Ok(spot));
        }
        for bad in ["", "slot", "slot:", "slot:x", "drive:0", "slot:70000", "shelf:1", "arm"] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }
}

//! Element addresses: what number each place has.

use super::super::dialect::Profile;
use super::super::elements::{Elements, Spot};

/// Element type codes (SMC-3, table 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Arm = 1,
    Slot = 2,
    Mail = 3,
    Drive = 4,
}

impl Kind {
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Arm => 1,
            Self::Slot => 2,
            Self::Mail => 3,
            Self::Drive => 4,
        }
    }
}

/// A place that has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) address: u16,
    pub(super) kind: Kind,
    /// `None` is a mail slot that is not there: the changer counts its gripper as one.
    pub(super) spot: Option<Spot>,
}

/// A stretch of addresses of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) kind: Kind,
    pub(super) first: u16,
    pub(super) count: u16,
}

/// All addresses.
#[derive(Clone, Debug)]
pub(super) struct Numbering {
    /// In the order of their addresses.
    stretches: Vec<Stretch>,
    mail: u16,
}

impl Numbering {
    /// As the profile numbers them. Where a library is larger than the maker's own, the next kind begins later.
    pub(super) fn of(profile: &Profile, elements: &Elements, shift: u16) -> Self {
        let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
        let mail = count(elements.mail.len());
        let at = profile.addresses;
        let stretch =
            |kind, first: u16, count| Stretch { kind, first: first.saturating_add(shift), count };
        let mut stretches = vec![
            stretch(Kind::Slot, at.slots, count(elements.slots.len())),
            stretch(Kind::Mail, at.mail, mail + u16::from(profile.phantom_mail)),
            stretch(Kind::Drive, at.drives, count(elements.drives.len())),
        ];
        if let Some(arm) = at.arm {
            stretches.push(Stretch { kind: Kind::Arm, first: arm, count: 1 });
        }
        stretches.sort_by_key(|stretch| stretch.first);
        let mut free = 0;
        for stretch in &mut stretches {
            stretch.first = stretch.first.max(free);
            free = stretch.first.saturating_add(stretch.count);
        }
        Self { stretches, mail }
    }

    pub(super) fn stretch(&self, kind: Kind) -> Stretch {
        let found = self.stretches.iter().find(|stretch| stretch.kind == kind);
        found.copied().unwrap_or(Stretch { kind, first: 0, count: 0 })
    }

    /// Every place, in the order of the addresses.
    pub(super) fn places(&self) -> Vec<Place> {
        let of = |stretch: &Stretch| {
            let stretch = *stretch;
            (0..stretch.count).map(move |number| self.place(stretch, number))
        };
        self.stretches.iter().flat_map(of).collect()
    }

    fn place(&self, stretch: Stretch, number: u16) -> Place {
        Place {
            address: stretch.first.saturating_add(number),
            kind: stretch.kind,
            spot: match stretch.kind {
                Kind::Arm => Some(Spot::Arm),
                Kind::Slot => Some(Spot::Slot(number)),
                Kind::Mail => (number < self.mail).then_some(Spot::Mail(number)),
                Kind::Drive => Some(Spot::Drive(number)),
            },
        }
    }

    /// The place with this address.
    pub(super) fn spot(&self, address: u16) -> Option<Spot> {
        let within = |stretch: &&Stretch| {
            address.checked_sub(stretch.first).is_some_and(|number| number < stretch.count)
        };
        let stretch = *self.stretches.iter().find(within)?;
        self.place(stretch, address - stretch.first).spot
    }

    /// The address of a place.
    pub(super) fn address(&self, spot: Spot) -> Option<u16> {
        let (kind, number) = match spot {
            Spot::Arm => (Kind::Arm, 0),
            Spot::Slot(number) => (Kind::Slot, number),
            Spot::Mail(number) => (Kind::Mail, number),
            Spot::Drive(number) => (Kind::Drive, number),
            Spot::Outside(_) => return None,
        };
        let stretch = self.stretch(kind);
        (number < stretch.count).then(|| stretch.first.saturating_add(number))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::dialect::Dialect;
    use super::*;

    #[test]
    fn addresses_and_places_are_each_others_in_every_dialect_and_size() {
        for dialect in Dialect::ALL {
            for (slots, mail, drives) in [(8, 1, 1), (40, 4, 2), (1000, 0, 64), (9000, 20, 64)] {
                let elements = Elements::new(slots, mail, drives);
                let numbering = Numbering::of(dialect.profile(), &elements, 0);
                let places = numbering.places();
                for pair in places.windows(2) {
                    assert!(pair[0].address < pair[1].address, "{dialect:?}");
                }
                for place in places {
                    assert_eq!(numbering.spot(place.address), place.spot);
                    if let Some(spot) = place.spot {
                        assert_eq!(numbering.address(spot), Some(place.address));
                    }
                }
            }
        }
    }

    #[test]
    fn a_new_partitioning_moves_all_addresses_but_the_arms() {
        let elements = Elements::new(8, 1, 1);
        let before = Numbering::of(Dialect::Standard.profile(), &elements, 0);
        let after = Numbering::of(Dialect::Standard.profile(), &elements, 5);
        let slot = |numbering: &Numbering| numbering.address(Spot::Slot(3));
        assert_eq!((slot(&before), slot(&after)), (Some(1003), Some(1008)));
        assert_eq!(after.address(Spot::Arm), Some(1));
    }
}

//! Which cartridges a drive can use: looked up before the arm moves, because a wrong one costs minutes, and some
//! drives need the operator to get it out again.
//!
//! | drive | writes | reads too |
//! |---|---|---|
//! | LTO-1 | 1 | |
//! | LTO-2 | 2, 1 | |
//! | LTO-3 to 7 | its own and the one before | the one before that |
//! | LTO-8 | 8, 7, M8 | |
//! | LTO-9 | 9, 8 | |
//! | LTO-10 | 10, 10P | |
//!
//! M8 is a new LTO-7 cartridge that an LTO-8 drive was told to write with more tracks; no other drive knows it.
//! LTO-10 drives use nothing older. The generation of a cartridge is on its sticker, as its last two characters;
//! without them nothing is refused here, and the drive will say.
//!
//! Sources: the LTO consortium's bar code label specification; IBM's and HPE's tables of drives and media.

use std::fmt;

use types::Barcode;

use crate::smc::barcode;

/// A kind of tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tape {
    /// LTO of this generation, 1 to 9.
    Lto(u8),
    /// An LTO-7 cartridge written by an LTO-8 drive at higher density.
    M8,
    /// LTO-10 of 30 TB.
    Lto10,
    /// LTO-10 of 40 TB.
    Lto10P,
}

/// What the last two characters of a sticker mean: the tape, and whether it is written only once.
const STICKERS: [(&str, Tape, Writing); 19] = {
    use Tape::{Lto, Lto10, Lto10P, M8};
    use Writing::{Often, Once};
    [
        ("L1", Lto(1), Often),
        ("L2", Lto(2), Often),
        ("L3", Lto(3), Often),
        ("LT", Lto(3), Once),
        ("L4", Lto(4), Often),
        ("LU", Lto(4), Once),
        ("L5", Lto(5), Often),
        ("LV", Lto(5), Once),
        ("L6", Lto(6), Often),
        ("LW", Lto(6), Once),
        ("L7", Lto(7), Often),
        ("LX", Lto(7), Once),
        ("M8", M8, Often),
        ("L8", Lto(8), Often),
        ("LY", Lto(8), Once),
        ("L9", Lto(9), Often),
        ("LZ", Lto(9), Once),
        ("LA", Lto10, Often),
        ("PA", Lto10P, Often),
    ]
};

/// How often a medium can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// As often as one likes.
    Often,
    /// Once.
    Once,
}

/// What a sticker says of its cartridge.
pub fn on_sticker(code: &Barcode) -> Option<(Tape, Writing)> {
    let medium = barcode::medium(code).filter(|_| !barcode::cleans(code))?;
    let row = STICKERS.iter().find(|(sticker, ..)| *sticker == medium)?;
    Some((row.1, row.2))
}

/// The generation of an LTO drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriveGeneration(u8);

impl DriveGeneration {
    /// The first generation that calibrates cartridges.
    pub(crate) const LTO_9: Self = Self(9);

    /// Reads it off the product name of INQUIRY: `ULT3580-HH8`, `ULTRIUM-TD8`, `Ultrium 8-SCSI`. Other names say
    /// nothing.
    pub fn of_product(product: &str) -> Option<Self> {
        let product = product.trim().to_ascii_uppercase();
        let rest = match product.strip_prefix("ULTRIUM ") {
            Some(rest) => rest.strip_suffix("-SCSI")?,
            None => {
                let (family, model) = product.split_once('-')?;
                let known = matches!(family, "ULT3580" | "ULTRIUM" | "LTO");
                let forms = ["TD", "HH", "HT", ""];
                let form = forms.iter().find(|form| model.starts_with(**form))?;
                known.then(|| model.get(form.len()..)).flatten()?
            }
        };
        // There is room for one character: LTO-10 is A.
        let generation = if rest == "A" { Some(10) } else { rest.parse().ok() };
        generation.filter(|generation| (1..=10).contains(generation)).map(Self)
    }
}

impl fmt::Display for DriveGeneration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LTO-{}", self.0)
    }
}

impl fmt::Display for Tape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lto(generation) => write!(f, "LTO-{generation}"),
            Self::M8 => f.write_str("LTO-7 type M8"),
            Self::Lto10 => f.write_str("LTO-10"),
            Self::Lto10P => f.write_str("LTO-10P"),
        }
    }
}

/// What a drive can do with a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Write and read.
    Writes,
    /// Only read.
    Reads,
    /// Nothing.
    Nothing,
}

/// What a drive of this generation can do with this tape, by the table above.
pub fn fit(drive: DriveGeneration, tape: Tape) -> Fit {
    match (drive.0, tape) {
        (8, Tape::M8) | (10, Tape::Lto10 | Tape::Lto10P) => Fit::Writes,
        (drive @ 1..=9, Tape::Lto(tape)) => match (drive.checked_sub(tape), drive) {
            (Some(0), _) => Fit::Writes,
            (Some(1), 2..) => Fit::Writes,
            (Some(2), 3..=7) => Fit::Reads,
            _ => Fit::Nothing,
        },
        _ => Fit::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drive(generation: u8) -> DriveGeneration {
        DriveGeneration(generation)
    }

    #[test]
    fn every_drive_uses_what_the_makers_tables_say() {
        use Tape::{Lto, Lto10, Lto10P, M8};
        let all = [
            Lto(1),
            Lto(2),
            Lto(3),
            Lto(4),
            Lto(5),
            Lto(6),
            Lto(7),
            M8,
            Lto(8),
            Lto(9),
            Lto10,
            Lto10P,
        ];
        // W writes, r reads, - nothing; in the order of `all`.
        let table = [
            (1, "W-----------"),
            (2, "WW----------"),
            (3, "rWW---------"),
            (4, "-rWW--------"),
            (5, "--rWW-------"),
            (6, "---rWW------"),
            (7, "----rWW-----"),
            (8, "------WWW---"),
            (9, "--------WW--"),
            (10, "----------WW"),
        ];
        for (generation, row) in table {
            let seen: String = all
                .iter()
                .map(|tape| match fit(drive(generation), *tape) {
                    Fit::Writes => 'W',
                    Fit::Reads => 'r',
                    Fit::Nothing => '-',
                })
                .collect();
            assert_eq!(seen, row, "LTO-{generation}");
        }
    }

    #[test]
    fn the_generation_of_a_drive_stands_in_its_product_name() {
        for (product, generation) in [
            ("ULT3580-TD5     ", Some(5)),
            ("ULT3580-HH8", Some(8)),
            ("ULTRIUM-HH9", Some(9)),
            ("Ultrium 6-SCSI  ", Some(6)),
            ("ULTRIUM-TD10", Some(10)),
            ("ULT3580-TDA", Some(10)),
            ("03592E08", None),
            ("VIRTUAL", None),
            ("ULTRIUM-TD0", None),
            ("ULTRIUM-TD11", None),
            ("Ultrium -SCSI", None),
            ("", None),
        ] {
            assert_eq!(DriveGeneration::of_product(product), generation.map(drive), "{product}");
        }
    }

    #[test]
    fn a_sticker_tells_the_tape_and_whether_it_is_written_once() {
        let read = |text: &str| on_sticker(&text.parse().unwrap());
        assert_eq!(read("A00001L8"), Some((Tape::Lto(8), Writing::Often)));
        assert_eq!(read("A00001LZ"), Some((Tape::Lto(9), Writing::Once)));
        assert_eq!(read("A00001M8"), Some((Tape::M8, Writing::Often)));
        assert_eq!(read("A00001LA"), Some((Tape::Lto10, Writing::Often)));
        assert_eq!(read("A00001PA"), Some((Tape::Lto10P, Writing::Often)));
        assert_eq!(read("A00001"), None);
        assert_eq!(read("A00001XX"), None);
        assert_eq!(read("CLNU01L1"), None, "a cleaning cartridge is no tape");
    }
}

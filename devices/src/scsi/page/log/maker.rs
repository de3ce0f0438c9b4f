//! Log pages 30h to 3Eh: what each maker counts in its own way.
//!
//! These numbers are free for the makers. Page 3Eh is the life of drive and cartridge with one, the state of the drive with
//! another, and a third has none. One table says what is known, of whose devices, and from where. All else is kept as the
//! bytes that came, to be shown as such: a number without a meaning can still be compared with the one of last month, and
//! told to the maker.

use std::ops::RangeInclusive;

use types::Bytes;

use super::{BadReply, Log, MEGABYTE, PageCode, Parameter};
use crate::scsi::bytes::u8_at;

/// The makers' pages.
pub const PAGES: RangeInclusive<u8> = 0x30..=0x3e;

/// More parameters of one page than this are not kept.
const MOST: usize = 1024;

/// Whose device it is, as far as pages are known by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// A drive of IBM's.
    Ibm,
    /// A drive of HP's or HPE's.
    Hp,
    /// A drive of Quantum's, when that still made its own, or of those that it took over.
    Quantum,
    /// A PowerVault TL2000 or TL4000 of Dell's.
    Powervault,
    /// Nobody whose pages are known.
    Other,
}

impl Maker {
    /// The maker of a drive, by the name in its INQUIRY data.
    pub fn of_drive(vendor: &str) -> Self {
        match vendor {
            "IBM" => Self::Ibm,
            "HP" | "HPE" => Self::Hp,
            "QUANTUM" | "CERTANCE" | "SEAGATE" => Self::Quantum,
            _ => Self::Other,
        }
    }

    /// The maker of a changer, by the names in its INQUIRY data.
    pub fn of_changer(vendor: &str, product: &str) -> Self {
        match vendor {
            "DELL" if product.starts_with("PV-TL") => Self::Powervault,
            _ => Self::Other,
        }
    }
}

/// One thing that a maker counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// On which page.
    pub page: PageCode,
    /// In which parameter.
    pub parameter: u16,
    /// What it is, if that is known.
    pub means: Option<&'static str>,
    /// How much.
    pub value: Value,
}

/// How much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// So many.
    Count(u64),
    /// So much.
    Amount(Bytes),
    /// So much in a second.
    Rate(Bytes),
    /// How something is.
    State(State),
    /// Bytes that say nothing to us.
    Raw(Vec<u8>),
}

/// How something is, in the words of HP's page 3Eh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// Worse.
    Degraded,
    /// Not at all.
    Failed,
}

/// In what a parameter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    One,
    /// 10^6 bytes.
    Megabyte,
    /// 10^9 bytes.
    Gigabyte,
    /// 10^5 bytes a second.
    TenthOfMegabyteASecond,
    /// Two bits with a [`State`], so many bits from the end of this byte.
    TwoBits(usize, u8),
}

use Maker::{Hp, Ibm, Powervault, Quantum};
use Unit::{Gigabyte, Megabyte, One, TenthOfMegabyteASecond, TwoBits};

/// What is known. A parameter may have several rows.
///
/// - IBM 37h: the name that IBM's own LTFS gives the parameter; the scale is IBM's.
/// - IBM 3Dh: recorded replies of LTO-6 and LTO-10 drives, whose numbers are those that pages 14h and 17h of the same drives
///   gave at the same time.
/// - HP 34h, 3Eh: HP Ultrium drives technical reference, volume 3 (Q1530-90901).
/// - Quantum 3Eh: Quantum LTO-3 and LTO-4 product manual.
/// - PowerVault 30h: Dell PowerVault TL2000/TL4000 SCSI reference.
const TABLE: [(Maker, u8, u16, Unit, &str); 33] = [
    (Ibm, 0x37, 0x0001, One, "media efficiency on IBM's scale"),
    (Ibm, 0x3d, 0x0040, One, "mounts in the drive ever"),
    (Ibm, 0x3d, 0x0041, Megabyte, "written by the drive ever"),
    (Ibm, 0x3d, 0x0042, Megabyte, "read by the drive ever"),
    (Hp, 0x34, 0x0000, One, "repositions for each 100 MB"),
    (Hp, 0x34, 0x0001, TenthOfMegabyteASecond, "rate into the buffer, compressed"),
    (Hp, 0x34, 0x0002, TenthOfMegabyteASecond, "fastest rate for these data"),
    (Hp, 0x34, 0x0003, TenthOfMegabyteASecond, "rate from the host"),
    (Hp, 0x34, 0x0004, TenthOfMegabyteASecond, "native rate"),
    (Hp, 0x3e, 0x0001, TwoBits(1, 2), "temperature"),
    (Hp, 0x3e, 0x0001, TwoBits(1, 0), "drive's own judgement"),
    (Hp, 0x3e, 0x0001, TwoBits(2, 0), "judgement of the cartridge"),
    (Hp, 0x3e, 0x0002, One, "loads and unloads ever"),
    (Hp, 0x3e, 0x0003, One, "uses of the last cleaning cartridge"),
    (Quantum, 0x3e, 0x8000, One, "loads of the drive ever"),
    (Quantum, 0x3e, 0x8001, One, "hours of motion of the drive ever"),
    (Quantum, 0x3e, 0x8002, One, "hours of motion since the drive was cleaned"),
    (Quantum, 0x3e, 0x8003, One, "hours of motion between cleanings"),
    (Quantum, 0x3e, 0x8004, Gigabyte, "written by the drive ever"),
    (Quantum, 0x3e, 0x8005, Gigabyte, "read by the drive ever"),
    (Quantum, 0x3e, 0x9000, One, "loads of the cartridge ever"),
    (Quantum, 0x3e, 0x9001, One, "loads that the cartridge is made for"),
    (Quantum, 0x3e, 0x9002, One, "passes of the cartridge"),
    (Quantum, 0x3e, 0x9003, One, "passes that the cartridge is made for"),
    (Quantum, 0x3e, 0x9004, One, "hours of wear of the cartridge"),
    (Quantum, 0x3e, 0x9005, One, "hours of wear that the cartridge is made for"),
    (Powervault, 0x30, 0x0001, One, "minutes switched on ever"),
    (Powervault, 0x30, 0x0002, One, "times switched on"),
    (Powervault, 0x30, 0x0003, One, "changes of firmware"),
    (Powervault, 0x30, 0x0004, One, "cartridges moved"),
    (Powervault, 0x30, 0x0005, One, "entries in its log"),
    (Powervault, 0x30, 0x0006, One, "errors in its log"),
    (Powervault, 0x30, 0x0007, One, "remarks in its log"),
];

/// Reads one page of a maker's own. What the device does not know is left out.
pub fn decode(maker: Maker, code: PageCode, bytes: &[u8]) -> Result<Vec<Figure>, BadReply> {
    let log = Log::decode("a page of its maker's own", code, bytes)?;
    let parameters = log.parameters().iter().take(MOST);
    Ok(parameters.flat_map(|parameter| figures(maker, code, parameter)).collect())
}

/// What one parameter tells.
fn figures(maker: Maker, page: PageCode, parameter: &Parameter<'_>) -> Vec<Figure> {
    let figure = |means, value| Figure { page, parameter: parameter.code, means, value };
    let known = TABLE
        .iter()
        .filter(|row| page == PageCode::page(row.1) && (row.0, row.2) == (maker, parameter.code));
    let mut known = known.peekable();
    if known.peek().is_none() {
        return vec![figure(None, Value::Raw(parameter.value.to_vec()))];
    }
    let told = |unit: Unit| unit.read(parameter);
    known.filter_map(|row| Some(figure(Some(row.4), told(row.3)?))).collect()
}

impl Unit {
    /// What these bytes are, if the device knows.
    fn read(self, parameter: &Parameter<'_>) -> Option<Value> {
        let times = |unit: Bytes| Some(Bytes(parameter.number()?.saturating_mul(unit.0)));
        match self {
            One => parameter.number().map(Value::Count),
            Megabyte => times(MEGABYTE).map(Value::Amount),
            Gigabyte => times(Bytes(1_000_000_000)).map(Value::Amount),
            TenthOfMegabyteASecond => times(Bytes(100_000)).map(Value::Rate),
            TwoBits(byte, bits) => match u8_at(parameter.value, byte)? >> bits & 0x03 {
                1 => Some(Value::State(State::Good)),
                2 => Some(Value::State(State::Degraded)),
                3 => Some(Value::State(State::Failed)),
                _ => None,
            },
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Good => "good",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        })
    }
}

/// A count and an amount as it is, a rate with its second, bytes in hexadecimal digits.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(number) => number.fmt(f),
            Self::Amount(amount) => amount.fmt(f),
            Self::Rate(rate) => write!(f, "{rate}/s"),
            Self::State(state) => state.fmt(f),
            Self::Raw(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::{any, prop, proptest};

    use super::super::super::testing::{hex, spoil};
    use super::super::testing::page;
    use super::*;

    const ALL: [Maker; 5] = [Ibm, Hp, Quantum, Powervault, Maker::Other];

    fn told(figures: &[Figure]) -> Vec<(&'static str, Value)> {
        let named = figures.iter().filter_map(|it| Some((it.means?, it.value.clone())));
        named.collect()
    }

    fn megabytes(number: u64) -> Bytes {
        Bytes(number * 1_000_000)
    }

    #[test]
    fn two_drives_of_ibm_count_what_they_wrote_in_their_lives() {
        let page = PageCode::page(0x3d);
        let lto6 = hex(include_str!("../../../../tests/replies/log_subsystem_td6.hex"));
        let figures = decode(Ibm, page, &lto6).unwrap();
        // 419 loads also on page 14h of the same drive.
        assert_eq!(
            told(&figures),
            [
                ("mounts in the drive ever", Value::Count(419)),
                ("written by the drive ever", Value::Amount(megabytes(150_416))),
                ("read by the drive ever", Value::Amount(megabytes(30_949_362))),
            ]
        );
        // 107 mounts of the cartridge: on page 17h too, and not named twice.
        let mounts = figures.iter().find(|it| it.parameter == 0x20).unwrap();
        assert_eq!((mounts.means, &mounts.value), (None, &Value::Raw(vec![0, 0, 0, 0x6b])));
        let lto10 = hex(include_str!("../../../../tests/replies/log_subsystem_tda.hex"));
        let figures = decode(Ibm, page, &lto10).unwrap();
        // What it has read is cut off in the middle of the number: four of eight bytes, all zero.
        assert_eq!(
            told(&figures),
            [
                ("mounts in the drive ever", Value::Count(95)),
                ("written by the drive ever", Value::Amount(megabytes(2_936_551))),
            ]
        );
    }

    #[test]
    fn what_is_not_known_is_kept_as_it_came() {
        let bytes = hex(include_str!("../../../../tests/replies/log_performance_td6.hex"));
        let page = PageCode::page(0x37);
        let figures = decode(Ibm, page, &bytes).unwrap();
        assert_eq!(told(&figures), [("media efficiency on IBM's scale", Value::Count(10))]);
        assert_eq!(figures[0].value.to_string(), "0f");
        // Of another maker's drive nothing is known.
        assert_eq!(told(&decode(Hp, page, &bytes).unwrap()), []);
    }

    #[test]
    fn an_hp_drive_tells_how_well_it_streams() {
        let parameters: [(u16, &[u8]); 5] =
            [(0, &[0, 3]), (1, &[1, 0x2c]), (2, &[0xff, 0xff]), (3, &[2, 0x58]), (4, &[3, 0x20])];
        let code = PageCode::page(0x34);
        let bytes = page(code, &parameters);
        assert_eq!(
            told(&decode(Hp, code, &bytes).unwrap()),
            [
                ("repositions for each 100 MB", Value::Count(3)),
                ("rate into the buffer, compressed", Value::Rate(megabytes(30))),
                ("rate from the host", Value::Rate(megabytes(60))),
                ("native rate", Value::Rate(megabytes(80))),
            ]
        );
        for maker in ALL {
            spoil(&bytes, |bytes| drop(decode(maker, code, bytes)));
        }
    }

    #[test]
    fn an_hp_drive_judges_itself_and_the_cartridge() {
        let code = PageCode::page(0x3e);
        let bytes = page(code, &[(0, &[0; 4]), (1, &[0, 0x09, 0x03, 0]), (3, &[0xff; 4])]);
        assert_eq!(
            told(&decode(Hp, code, &bytes).unwrap()),
            [
                ("temperature", Value::State(State::Degraded)),
                ("drive's own judgement", Value::State(State::Good)),
                ("judgement of the cartridge", Value::State(State::Failed)),
            ]
        );
        let short = page(code, &[(1, &[0])]);
        assert_eq!(told(&decode(Hp, code, &short).unwrap()), []);
    }

    #[test]
    fn the_makers_are_known_by_their_names() {
        let drives = ["IBM", "HP", "HPE", "CERTANCE", "TANDBERG"].map(Maker::of_drive);
        assert_eq!(drives, [Ibm, Hp, Hp, Quantum, Maker::Other]);
        let changers = [("DELL", "PV-TL2000"), ("DELL", "ML6000"), ("IBM", "3573-TL")];
        let found = changers.map(|(vendor, product)| Maker::of_changer(vendor, product));
        assert_eq!(found, [Powervault, Maker::Other, Maker::Other]);
    }

    #[test]
    fn a_name_stands_for_one_thing_of_a_maker_s() {
        for maker in ALL {
            let rows = TABLE.iter().filter(|row| row.0 == maker);
            let names: Vec<&str> = rows.map(|row| row.4).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{maker:?}");
        }
        assert!(TABLE.iter().all(|row| PAGES.contains(&row.1)));
    }

    proptest! {
        #[test]
        fn no_page_of_no_maker_is_too_strange(
            code in PAGES,
            maker in 0..ALL.len(),
            mut bytes in prop::collection::vec(any::<u8>(), 4..600),
        ) {
            bytes[0] = code;
            bytes[2..4].copy_from_slice(&[0xff, 0xff]);
            let figures = decode(ALL[maker], PageCode::page(code), &bytes).unwrap();
            // A parameter has four bytes of head, and at most three things in it.
            assert!(figures.len() <= 3 * bytes.len().div_ceil(4));
        }
    }
}

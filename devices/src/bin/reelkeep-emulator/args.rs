//! The command line.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args as Arguments, Parser, Subcommand, ValueEnum};
use devices::emulator::serve::Movement;
use devices::emulator::{CartridgeSetup, Dialect, DriveModel, Generation, Kind, Setup, Spot};
use tracing_subscriber::filter::LevelFilter;
use types::Bytes;

use super::Failure;

/// A tape library that exists only in a directory.
///
/// It has a robot with slots and mail slots, LTO drives and cartridges, and answers SCSI
/// commands as the real things do. Served by iSCSI, it appears to this machine's kernel as
/// /dev/nst0, /dev/sg1 and so on, so that mt, mtx, tar, LTFS and every backup program can be
/// tried against it. What goes wrong with tape can be made to go wrong.
///
///   reelkeep-emulator create /srv/library --drives 2 --slots 24 --tapes 20 --capacity 2G
///   reelkeep-emulator serve /srv/library &
///   iscsiadm -m discovery -t sendtargets -p 127.0.0.1
///   iscsiadm -m node --login
#[derive(Debug, Parser)]
#[command(name = "reelkeep-emulator", version, verbatim_doc_comment, after_long_help = AFTER)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER: &str = "\
Places are slot:0, mail:0, drive:1, outside:0. Slots and mail slots are counted from 0, drives
from 1 as their logical units are (0 is the changer); what people have taken out lies outside.
Commands that act on a library work whether or not somebody serves it.

Exit codes: 0 done; 1 a person could not do that (the place is empty, the door is closed, it is
locked); 2 it could not run (no such library, port taken); 3 wrong usage.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a library
    Create(Create),
    /// Serve a library by iSCSI, until SIGTERM or SIGINT
    ///
    /// Prints "listening on ADDRESS as NAME" when it can be reached.
    Serve(Serve),
    /// Name the makers whose changers can be played, and their whims
    Profiles,
    /// Say what is where
    Show {
        /// The library
        directory: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Put a cartridge into a place: one that lies outside, or a new one
    ///
    /// Slots and drives are behind the door: open it first. Mail slots are not.
    Put {
        /// The library
        directory: PathBuf,
        /// What its sticker says
        barcode: String,
        /// Where: mail:0, slot:3, drive:1
        to: String,
        #[command(flatten)]
        new: New,
    },
    /// Take a cartridge out
    Take {
        /// The library
        directory: PathBuf,
        /// Its barcode, or the place it is in
        what: String,
        /// Behind the library's back: it believes the cartridge still there
        #[arg(long)]
        unnoticed: bool,
    },
    /// Open or close the door
    Door {
        /// The library
        directory: PathBuf,
        /// Which
        movement: OpenClose,
    },
    /// Pull the mail slots out, or push them in
    Mail {
        /// The library
        directory: PathBuf,
        /// Which
        movement: OpenClose,
    },
    /// Flip the write protect tab of a cartridge
    WriteProtect {
        /// The library
        directory: PathBuf,
        /// What its sticker says
        barcode: String,
        /// Protected or not
        state: OnOff,
    },
    /// Stick another label on the cartridge in a place; none takes it off
    Relabel {
        /// The library
        directory: PathBuf,
        /// Where: slot:3
        place: String,
        /// What the new sticker says
        barcode: Option<String>,
    },
    /// Take a place out of order
    Break {
        /// The library
        directory: PathBuf,
        /// Which: slot:3, drive:2
        place: String,
        /// What its element status says, as ASC/ASCQ in hexadecimal: 83/02 no magazine, 83/04 no drive
        #[arg(default_value = "83/02")]
        code: String,
    },
    /// Mend a place that was out of order
    Mend {
        /// The library
        directory: PathBuf,
        /// Which
        place: String,
    },
    /// Move all element addresses but the arm's, as a new partitioning does
    Renumber {
        /// The library
        directory: PathBuf,
        /// By so many
        by: u16,
    },
    /// Plan what goes wrong: a file of JSON replaces the plan
    Faults {
        /// The library
        directory: PathBuf,
        /// The plan; see the manual
        file: PathBuf,
    },
    /// Switch the library off and on: what drives had not yet written is lost
    Power {
        /// The library
        directory: PathBuf,
    },
    /// Write this manual page to standard output
    #[command(hide = true)]
    Manual,
}

/// A new library.
#[derive(Debug, Arguments)]
pub(crate) struct Create {
    /// Where it is kept
    pub(crate) directory: PathBuf,
    /// Whose changer it plays: see `profiles`
    #[arg(long, default_value = "standard", value_parser = dialect)]
    profile: Dialect,
    /// Who made the drives
    #[arg(long, default_value = "ibm")]
    maker: Maker,
    /// Half-height drives
    #[arg(long)]
    half_height: bool,
    /// Drives
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(0..=64))]
    drives: u16,
    /// Slots
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(0..=20_000))]
    slots: u16,
    /// Mail slots
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(0..=100))]
    mail: u16,
    /// Cartridges, in the first slots
    #[arg(long, default_value_t = 20)]
    tapes: u16,
    /// Cleaning cartridges, in the last slots
    #[arg(long, default_value_t = 0)]
    cleaning: u16,
    /// What goes onto a cartridge (500M, 2G); as much as on a real one if not said
    #[arg(long, value_parser = size)]
    capacity: Option<Bytes>,
    /// Of the drives and cartridges: lto4 to lto10
    #[arg(long, default_value = "lto8", value_parser = generation)]
    generation: Generation,
    /// New LTO-9 cartridges: the first drive that gets one calibrates it
    #[arg(long)]
    uncalibrated: bool,
    /// How the cartridges' barcodes are made
    #[arg(long, default_value = "TST%03dL8")]
    barcode: String,
}

impl Create {
    /// What it is made of.
    pub(crate) fn setup(&self) -> Result<Setup, Failure> {
        let cartridges = u32::from(self.tapes) + u32::from(self.cleaning);
        if cartridges > u32::from(self.slots) {
            return Err(
                format!("{cartridges} cartridges do not fit into {} slots", self.slots).into()
            );
        }
        let model = match self.maker {
            Maker::Ibm => DriveModel::ibm(self.generation),
            Maker::Hp => DriveModel::hp(self.generation),
        };
        let model = DriveModel { half_height: self.half_height, ..model };
        let mut setup = Setup::of(&model, self.drives, self.slots, self.mail);
        setup.dialect = self.profile;
        for slot in 0..self.tapes {
            let barcode = numbered(&self.barcode, slot + 1)?;
            let blank = CartridgeSetup::blank(Spot::Slot(slot), &barcode, self.generation);
            let calibrated = !self.uncalibrated;
            setup = setup.with(CartridgeSetup { capacity: self.capacity, calibrated, ..blank });
        }
        for number in 0..self.cleaning {
            let place = Spot::Slot(self.slots - 1 - number);
            setup =
                setup.with(CartridgeSetup::cleaning(place, &format!("CLN{:03}CU", number + 1), 50));
        }
        Ok(setup)
    }
}

/// How to serve.
#[derive(Debug, Arguments)]
pub(crate) struct Serve {
    /// The library
    pub(crate) directory: PathBuf,
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:3260")]
    pub(crate) listen: SocketAddr,
    /// The name of the iSCSI target
    #[arg(long, default_value = "iqn.2026-01.test.reelkeep:library", value_parser = iqn)]
    pub(crate) iqn: String,
    /// Let other machines in: whoever reaches the address can read and overwrite the tapes
    #[arg(long)]
    pub(crate) network: bool,
    /// How long things take: "instant" answers at once, "real" lets drives and robot take the time of real ones, a
    /// number goes so many times as fast
    #[arg(long, default_value = "instant", value_parser = tempo)]
    pub(crate) pace: Tempo,
    /// Say who comes and goes; twice for more
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

impl Serve {
    pub(crate) fn level(&self) -> LevelFilter {
        match self.verbose {
            0 => LevelFilter::WARN,
            1 => LevelFilter::INFO,
            _ => LevelFilter::DEBUG,
        }
    }
}

/// What a new cartridge is like.
#[derive(Debug, Arguments)]
pub(crate) struct New {
    /// It was never in this library; so are those below
    #[arg(long)]
    new: bool,
    /// Of which generation
    #[arg(long, value_parser = generation, requires = "new", default_value = "lto8")]
    generation: Generation,
    /// What goes onto it
    #[arg(long, value_parser = size, requires = "new")]
    capacity: Option<Bytes>,
    /// As LTO-9 media come from the factory: the first drive that gets it calibrates it
    #[arg(long, requires = "new")]
    uncalibrated: bool,
    /// It can be written once
    #[arg(long, requires = "new", conflicts_with = "cleaning")]
    worm: bool,
    /// It cleans drives, so many times
    #[arg(long, requires = "new", value_name = "USES")]
    cleaning: Option<u8>,
}

impl New {
    /// A new cartridge, if one is meant.
    pub(crate) fn cartridge(&self, barcode: &str) -> Result<Option<CartridgeSetup>, Failure> {
        let blank = CartridgeSetup::blank(Spot::Outside(0), barcode, self.generation);
        let kind = match (self.worm, self.cleaning) {
            (true, _) => Kind::Worm,
            (false, Some(uses)) => Kind::Cleaning { uses },
            (false, None) => Kind::Data,
        };
        let calibrated = !self.uncalibrated;
        let whole = CartridgeSetup { capacity: self.capacity, kind, calibrated, ..blank };
        Ok(self.new.then_some(whole))
    }
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tempo {
    /// No time.
    AtOnce,
    /// As long as the real ones, or this part of it.
    Times(NonZeroU32),
}

/// Who makes drives.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Maker {
    Ibm,
    Hp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnOff {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OpenClose {
    Open,
    Close,
}

impl From<OpenClose> for Movement {
    fn from(one: OpenClose) -> Self {
        match one {
            OpenClose::Open => Self::Open,
            OpenClose::Close => Self::Close,
        }
    }
}

fn tempo(word: &str) -> Result<Tempo, String> {
    match word {
        "instant" => Ok(Tempo::AtOnce),
        "real" => Ok(Tempo::Times(NonZeroU32::MIN)),
        number => match number.parse::<NonZeroU32>() {
            Ok(times) if times.get() <= 10_000 => Ok(Tempo::Times(times)),
            _ => Err("instant, real, or a number from 1 to 10000".to_owned()),
        },
    }
}

fn dialect(word: &str) -> Result<Dialect, String> {
    Dialect::named(word).ok_or_else(|| {
        let all: Vec<_> = Dialect::ALL.iter().map(|it| it.word()).collect();
        format!("one of {}", all.join(", "))
    })
}

fn generation(word: &str) -> Result<Generation, String> {
    serde_json::from_value(word.to_lowercase().into())
        .map_err(|_| "one of lto4, lto5, lto6, lto7, m8, lto8, lto9, lto10".to_owned())
}

/// A name that iSCSI takes (RFC 7143, 4.2.7).
fn iqn(name: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:".contains(c);
    let known = ["iqn.", "eui.", "naa."].iter().any(|start| name.starts_with(start));
    if known && name.len() <= 223 && name.chars().all(plain) {
        Ok(name.to_owned())
    } else {
        Err("an iSCSI name such as iqn.2026-01.org.example:library, in small letters".to_owned())
    }
}

/// `500M`, `2G`: binary units, as many programs take them.
fn size(text: &str) -> Result<Bytes, String> {
    let bad = || format!("{text:?} is not a size such as 500M or 2G");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| bad())?;
    let shift = match text.get(digits.len()..).unwrap_or("").to_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        "T" | "TB" | "TIB" => 40,
        _ => return Err(bad()),
    };
    let bytes = number.checked_mul(1 << shift).filter(|bytes| *bytes >= 1 << 20);
    bytes.map(Bytes).ok_or_else(|| "at least 1M, and no more than a tape holds".to_owned())
}

/// `TST%03dL8` with a number in it.
fn numbered(pattern: &str, number: u16) -> Result<String, Failure> {
    let bad = || format!("{pattern:?} is no pattern of barcodes such as TST%03dL8");
    let (before, rest) = pattern.split_once('%').ok_or_else(bad)?;
    let (width, after) = rest.split_once('d').ok_or_else(bad)?;
    let width: usize = if width.is_empty() { 0 } else { width.parse().map_err(|_| bad())? };
    let barcode = format!("{before}{number:0>width$}{after}");
    if barcode.len() > 32 || !barcode.chars().all(|c| c.is_ascii_graphic()) {
        return Err(bad().into());
    }
    Ok(barcode)
}

/// `83/02`: an additional sense code and its qualifier.
pub(crate) fn code(text: &str) -> Result<[u8; 2], Failure> {
    let (code, qualifier) =
        text.split_once('/').ok_or_else(|| format!("{text:?} is not a code such as 83/02"))?;
    Ok([u8::from_str_radix(code, 16)?, u8::from_str_radix(qualifier, 16)?])
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn barcodes_are_numbered_by_a_pattern() {
        assert_eq!(numbered("TST%03dL8", 7).unwrap(), "TST007L8");
        assert_eq!(numbered("A%dL5", 12).unwrap(), "A12L5");
        for bad in ["TST", "TST%", "%xd", "A B%03d", "%099d"] {
            assert!(numbered(bad, 1).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_binary() {
        assert_eq!(size("500M"), Ok(Bytes(500 << 20)));
        assert_eq!(size("2GiB"), Ok(Bytes(2 << 30)));
        for bad in ["", "x", "10", "-1G", "2X", "99999999999999T"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn cartridges_can_be_as_new_as_they_come_from_the_factory() {
        let made = |args: &[&str]| {
            let args = [&["reelkeep-emulator"], args].concat();
            match Args::try_parse_from(args).unwrap().command {
                Command::Create(create) => create.setup().unwrap().cartridges[0].calibrated,
                Command::Put { new, .. } => new.cartridge("NEW001L9").unwrap().unwrap().calibrated,
                _ => panic!("another command"),
            }
        };
        let create = ["create", "x", "--generation", "lto9"];
        let put = ["put", "x", "NEW001L9", "slot:1", "--new", "--generation", "lto9"];
        for command in [&create[..], &put] {
            assert!(made(command));
            assert!(!made(&[command, &["--uncalibrated"]].concat()));
        }
    }

    #[test]
    fn more_cartridges_than_slots_are_refused() {
        let parse = |tapes: &str| {
            let args = ["reelkeep-emulator", "create", "x", "--slots", "4", "--tapes", tapes];
            match Args::try_parse_from(args).unwrap().command {
                Command::Create(create) => create.setup().map(|setup| setup.cartridges.len()).ok(),
                _ => None,
            }
        };
        assert_eq!((parse("4"), parse("5")), (Some(4), None));
    }
}

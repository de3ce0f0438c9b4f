//! `device`: what a drive says of itself and of the cartridge in it, and what it does when it is tried out.
//!
//! ```text
//!  show, stats, alerts   ask, and change nothing         a drive of the library, or any node of this host
//!  measure, burn-in      write over the cartridge        a drive of the library
//!                        └ only one that is blank, or holds no volume and was given up with --erase
//! ```

use std::path::Path;

use anyhow::Context as _;
use devices::discover::{Devices, Kind};
use devices::sg::Sg;
use devices::ssc::{self, Compression, TapeDrive};
use devices::st::Beyond;
use types::DriveName;

use super::library::Place;
use super::{Context, Exit};
use crate::cli;
use crate::library::{AnyDrive, LibraryTrouble, Tape};
use crate::lock::LockError;
use crate::print;
use crate::site::Site;

mod alerts;
mod burn_in;
mod logged;
mod measure;
mod scratch;
mod sheet;
mod show;
mod stats;
mod through_st;

use sheet::Told;

pub(super) fn run(context: &Context, command: &cli::Device) -> anyhow::Result<Exit> {
    use cli::Device as D;
    match command {
        D::Show(of) => look(context, Question::Show, of),
        D::Stats(wish) => {
            let known = if wish.all { Known::All } else { Known::Named };
            look(context, Question::Stats(known), &wish.of)
        }
        D::Alerts(of) => look(context, Question::Alerts, of),
        D::Measure(wish) => measure::run(context, wish),
        D::BurnIn(wish) => burn_in::run(context, wish),
    }
}

/// What a drive is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Show,
    Stats(Known),
    Alerts,
}

/// Which counts of the device's maker are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Those whose meaning is known.
    Named,
    /// All.
    All,
}

impl Question {
    fn verb(self) -> &'static str {
        match self {
            Self::Show => "device show",
            Self::Stats(_) => "device stats",
            Self::Alerts => "device alerts",
        }
    }

    fn ask(self, tape: &mut Tape, name: &str) -> anyhow::Result<Told> {
        match self {
            Self::Show => show::show(tape, name),
            Self::Stats(known) => stats::stats(tape, name, known),
            Self::Alerts => alerts::alerts(tape, name),
        }
    }

    /// Asks a drive of any kind.
    fn ask_any(self, drive: &mut AnyDrive, name: &DriveName) -> anyhow::Result<Told> {
        match (self, &mut *drive) {
            (Self::Show, AnyDrive::St { drive, .. }) => through_st::show(drive, name.as_str()),
            (Self::Stats(_) | Self::Alerts, AnyDrive::St { drive, .. }) => {
                Err(drive.beyond(Beyond::Logs).into())
            }
            _ => self.ask(tape_of(drive, name)?, name.as_str()),
        }
    }
}

/// Asks one drive, or all of the library.
fn look(context: &Context, question: Question, of: &cli::OfDrive) -> anyhow::Result<Exit> {
    let verb = question.verb();
    let mut answers = Answers { json: context.json, values: Vec::new(), exit: Exit::Good };
    if let Some(node) = of.drive.as_deref().filter(|word| is_node(word)) {
        // A run of this site may have the drive: what happened to it must be told to that run, not to us.
        let site = context.open().ok();
        let _lock = site.as_ref().map(|site| site.lock(&context.holder(verb))).transpose()?;
        answers.take(question.ask(&mut open_node(node)?, node)?)?;
        return answers.done();
    }
    let site = context.open()?;
    let _lock = match site.lock(&context.holder(verb)) {
        Err(held @ LockError::Held { .. }) if question != Question::Show => {
            return while_at_work(&site, question, of, held, answers);
        }
        other => other?,
    };
    let place = Place::open(&site, of.storage.as_deref())?;
    for name in place.named(of.drive.as_deref())? {
        let mut drive = place.library.drive(&name)?;
        let told = question.ask_any(&mut drive, &name);
        drive.give_back();
        answers.take(told?)?;
    }
    if of.drive.is_none() {
        if let (Question::Stats(known), Some(life)) = (question, place.library.life()?) {
            answers.take(stats::changer(&place.storage.changer.name, &life, known))?;
        }
        for (name, why) in place.library.lost_drives() {
            print::remark(&format!("drive {name} cannot be used: {why}"));
            answers.exit = Exit::Complaints;
        }
    }
    answers.done()
}

/// The drives belong to somebody else now, and what they would tell us they would not tell him.
fn while_at_work(
    site: &Site,
    question: Question,
    of: &cli::OfDrive,
    held: LockError,
    answers: Answers,
) -> anyhow::Result<Exit> {
    let logs = &site.config.site.logdir;
    let readings = logged::readings(logs, of.drive.as_deref())
        .with_context(|| format!("could not read the logs of runs in {}", logs.display()))?;
    if readings.is_empty() {
        return Err(held.into());
    }
    print::remark(
        "another command is at work, and the drives are left to it: this is what the newest run that used them has last read",
    );
    logged::tell(&readings, question, answers)
}

/// What was said so far, and how bad it was.
struct Answers {
    json: bool,
    values: Vec<serde_json::Value>,
    exit: Exit,
}

impl Answers {
    fn take(&mut self, told: Told) -> anyhow::Result<()> {
        if told.exit != Exit::Good {
            self.exit = told.exit;
        }
        if self.json {
            self.values.push(told.value);
        } else {
            print::text(&told.text)?;
        }
        Ok(())
    }

    fn done(self) -> anyhow::Result<Exit> {
        if self.json {
            print::json(&self.values)?;
        }
        Ok(self.exit)
    }
}

/// The tape drive that is spoken to in commands, if it is one.
fn tape_of<'a>(drive: &'a mut AnyDrive, name: &DriveName) -> anyhow::Result<&'a mut Tape> {
    let why = "it is a drive of directories, which has nothing to tell";
    match drive {
        AnyDrive::Tape(tape) => Ok(tape),
        AnyDrive::St { drive, .. } => Err(drive.beyond(Beyond::Trial).into()),
        AnyDrive::Vtape(_) => {
            Err(LibraryTrouble::NotForThis { changer: name.to_string(), why }.into())
        }
    }
}

/// Whether a word names a node rather than a drive of the configuration.
fn is_node(word: &str) -> bool {
    let numbered = |prefix: &str| {
        word.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    word.starts_with('/') || ["sg", "st", "nst"].into_iter().any(numbered)
}

/// Opens a drive of this host that no library of the configuration needs to have.
fn open_node(node: &str) -> anyhow::Result<Tape> {
    let devices = Devices::read(Path::new("/sys"), Path::new("/dev"))?;
    let sg = devices.sg_of(Kind::Drive, node)?;
    let transport = Sg::open(sg, types::BlockSize::LARGEST.len())
        .with_context(|| format!("could not ask {node}"))?;
    let setup = ssc::Setup { compression: Compression::AsItIs, ..ssc::Setup::default() };
    let name = node.parse().with_context(|| format!("{node:?} is no name of a drive"))?;
    Ok(TapeDrive::new(name, Box::new(transport), setup))
}

#[cfg(test)]
mod tests {
    use super::is_node;

    #[test]
    fn a_node_is_told_from_the_name_of_a_drive() {
        for node in ["/dev/sg3", "sg3", "nst0", "st12", "/dev/tape/by-id/scsi-1068000123"] {
            assert!(is_node(node), "{node}");
        }
        for name in ["drive0", "sg", "stage1", "left", "nst0a"] {
            assert!(!is_node(name), "{name}");
        }
    }
}

//! Opening a library: what the changer has, who is behind each node, and which drive sits in which bay.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::matching::{BaySeen, Company, DriveSeen, Matching, Named, Seen, matched};
use super::mechanism::Mechanism;
use super::numbering::{LostDrive, exception};
use super::{Robot, RobotDrive, RobotTrouble, Shared};
use crate::locks;
use crate::scsi::Sense;
use crate::scsi::judge::{Attention, During, Verdict, judge};
use crate::smc::{Busy, Cell, MediumChanger, Patience};
use crate::transport::{Transport, Wait};

/// Opens a node: `/dev/sg3`, or whatever the library's nodes are called.
pub type Opener = Box<dyn Fn(&str) -> io::Result<Box<dyn Transport>> + Send + Sync>;

/// Hears what is being waited for, and may give up. The first is the changer's or the drive's name.
pub type Listener = Arc<dyn Fn(&str, &Busy) -> Wait + Send + Sync>;

/// Who gets a cartridge out of a drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unloading {
    /// The drive is told to unload before the arm comes.
    #[default]
    ByDrive,
    /// The library does that itself as part of the move.
    ByLibrary,
}

/// What a library is to be.
pub struct Setup {
    /// What it is called.
    pub name: String,
    /// The nodes of all tape drives of this host. Those that sit elsewhere are found out.
    pub nodes: Vec<String>,
    /// What the configuration says of its drives.
    pub named: Vec<Named>,
    /// Whether there are other libraries on this host.
    pub company: Company,
    /// Where lock files are kept. All programs that use this library must have the same.
    pub locks: PathBuf,
    /// Who gets a cartridge out of a drive.
    pub unloading: Unloading,
    /// Hears what is being waited for.
    pub listener: Listener,
}

impl Robot {
    pub(super) fn try_open(
        changer: Box<dyn Transport>,
        opener: Opener,
        setup: Setup,
    ) -> Result<Self, RobotTrouble> {
        locks::directory(&setup.locks)?;
        let patience = Patience { told: told(&setup.listener, &setup.name), ..Patience::default() };
        let mut changer = MediumChanger::open_with(changer, patience)?;
        let claims = changer.claims()?;
        let absent = changer.stock()?.absent;
        let bay = |(cell, element, claim): (Cell, crate::scsi::cdb::smc::Element, _)| BaySeen {
            index: cell.index,
            address: element.0,
            claim,
        };
        let (drives, mut remarks) = identify(&setup, &opener);
        let silent = remarks.clone();
        // That it was switched on at some time before is no news to whoever opens it; that somebody was at its
        // door may be.
        let was_reset =
            |event: &Sense| judge(event, During::Other) == Verdict::Attention(Attention::Reset);
        let news = changer.events().into_iter().filter(|event| !was_reset(event));
        remarks.extend(news.map(|event| event.to_string()));
        let identity = changer.identity().clone();
        let seen = Seen {
            library: identity.serial.clone(),
            company: setup.company,
            bays: claims.into_iter().map(bay).collect(),
            drives,
            named: setup.named.clone(),
        };
        let matching = matched(&seen)?;
        let drives = matching.pairs.iter().filter_map(|pair| {
            let seen = seen.drives.get(pair.drive)?.clone();
            let (name, evidence) = (pair.name.clone(), pair.evidence.clone());
            Some(RobotDrive { name, bay: pair.bay, seen, evidence })
        });
        let drives = drives.collect();
        let (changer, remarks) = (Mutex::new(changer), Mutex::new(remarks));
        let open = Mutex::default();
        let lost = lost(&seen, &matching, &absent, &silent);
        let shared = Shared {
            setup,
            opener,
            identity,
            changer,
            drives,
            seen,
            matching,
            lost,
            open,
            remarks,
        };
        Ok(Self { shared: Arc::new(shared) })
    }
}

/// The drives that the library should have and that cannot be used: of all bays, or of those whose drives the
/// configuration names.
fn lost(
    seen: &Seen,
    matching: &Matching,
    absent: &BTreeMap<Cell, (u8, u8)>,
    silent: &[String],
) -> Vec<LostDrive> {
    let mut unanswered =
        "no drive of this host is in this bay: it is switched off, not attached, or another host's"
            .to_owned();
    for remark in silent {
        unanswered.push_str("; ");
        unanswered.push_str(remark);
    }
    let why = |bay: Option<u16>| match bay.and_then(|bay| absent.get(&Cell::bay(bay))) {
        Some((asc, ascq)) => exception(*asc, *ascq),
        None => unanswered.clone(),
    };
    if seen.named.is_empty() {
        let gone = absent.keys().filter(|cell| **cell == Cell::bay(cell.index));
        let bays = matching.empty_bays.iter().copied().chain(gone.map(|cell| cell.index));
        let drive = |bay: u16| {
            let name = format!("drive{bay}").parse().ok()?;
            Some(LostDrive { name, bay: Some(bay), why: why(Some(bay)) })
        };
        return bays.filter_map(drive).collect();
    }
    let missing = matching.missing.iter().map(|named| {
        let claims = |bay: &&BaySeen| {
            let claim = bay.claim.as_ref().and_then(|claim| claim.serial());
            claim.is_some_and(|claim| claim == named.serial)
        };
        let bay = named.bay.or_else(|| seen.bays.iter().find(claims).map(|bay| bay.index));
        LostDrive { name: named.name.clone(), bay, why: why(bay) }
    });
    missing.collect()
}

/// Asks every node who is there. One that cannot be asked is remarked upon and left out.
fn identify(setup: &Setup, opener: &Opener) -> (Vec<DriveSeen>, Vec<String>) {
    let (mut drives, mut remarks) = (Vec::new(), Vec::new());
    for node in &setup.nodes {
        let patience = Patience { told: told(&setup.listener, node), ..Patience::default() };
        let asked = match opener(node) {
            Ok(transport) => Mechanism::new(transport, patience)
                .identify(node)
                .map_err(|failure| failure.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match asked {
            Ok(seen) => drives.push(seen),
            Err(why) => remarks.push(format!("{node} does not say which drive it is: {why}")),
        }
    }
    (drives, remarks)
}

pub(super) fn told(listener: &Listener, who: &str) -> Box<dyn FnMut(&Busy) -> Wait + Send> {
    let (listener, who) = (Arc::clone(listener), who.to_owned());
    Box::new(move |busy| listener(&who, busy))
}

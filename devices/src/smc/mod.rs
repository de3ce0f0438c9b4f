//! A medium changer over a [`Transport`]: what is where, and carrying it (SMC-3).
//!
//! ```text
//!  open ──► INQUIRY, VPD 80h ──► MODE SENSE 1Dh ──► Layout
//!  stock ─► READ ELEMENT STATUS, as the Survey says ──► Stock
//!  carry ─► look at both ends ─► MOVE MEDIUM ─► look at both ends ─► judge
//! ```
//!
//! Nothing that a changer says is believed for longer than one command: a door may be opened, a cartridge taken
//! by hand, the library partitioned anew. A move is judged by what is seen at its two ends, never by its status:
//! changers answer GOOD although the arm gave up, and an error although the cartridge arrived.
//!
//! A place is a [`Cell`], its kind and its number. An element address lives no longer than the [`Layout`] that it
//! came from.
//!
//! What decides is pure and stands apart: [`survey`] which request comes next, [`moving`] what became of a
//! cartridge, [`reading`] what a reply says.

mod asking;
pub mod barcode;
mod error;
mod layout;
mod life;
mod line;
mod moving;
mod reading;
mod stock;
mod survey;

use std::collections::BTreeSet;
use std::time::Duration;

pub use self::error::SmcError;
pub use self::layout::{Cell, Layout, Run};
pub use self::life::Life;
pub use self::line::{Busy, Failure, Patience};
pub use self::stock::{Access, Content, Fill, Hand, Source, Stock};

pub(crate) use self::line::Line;
use self::moving::{Answer, Ends, Verdict};
use self::stock::AccessBits;
use self::survey::{Rung, Sure, Survey};
use crate::scsi::Sense;
use crate::scsi::cdb::smc::{
    Element, RangeCommand, Turn, initialize_element_status, initialize_range, move_medium,
};
use crate::scsi::cdb::spc::{self, Removal};
use crate::scsi::judge::{During, Reason};
use crate::scsi::page::designators::Name;
use crate::transport::Transport;

/// For commands that move nothing.
const SHORT: Duration = Duration::from_secs(60);

/// READ ELEMENT STATUS may have to look at a place.
const LOOKING: Duration = Duration::from_secs(600);

/// MOVE MEDIUM: a large library turns cartridges over, and tries again by itself. Most makers ask for 5 to 15
/// minutes.
const MOVING: Duration = Duration::from_secs(1200);

/// INITIALIZE ELEMENT STATUS: 20 seconds for each slot without a label, and some libraries have hundreds.
const SCANNING: Duration = Duration::from_secs(7200);

/// So often a move begins anew because a door was opened between the look and the move.
const BEGINNINGS: u32 = 4;

/// Who a changer is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Who made it.
    pub vendor: String,
    /// The model.
    pub product: String,
    /// The revision of its firmware.
    pub revision: String,
    /// Its serial number (VPD 80h).
    pub serial: Option<String>,
}

/// How a cartridge arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// As the changer says.
    Plain,
    /// Although the changer says something else.
    Although(String),
}

/// Whether doors and mail slots can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doors {
    /// They can.
    Free,
    /// They cannot, until they are freed or the changer is reset.
    Locked,
}

/// A changer.
pub struct MediumChanger<T> {
    line: Line<T>,
    identity: Identity,
    layout: Layout,
    /// How often it had been disturbed when the layout was read.
    layout_of: u64,
    rung: Rung,
    /// A lower rung that complaints led to in the inventory before.
    suspected: Option<Rung>,
    /// What is to be told, and what was told of the way it answers.
    remarks: Vec<String>,
    told: BTreeSet<String>,
    access: AccessBits,
}

impl<T: Transport> MediumChanger<T> {
    /// Asks who it is and which places it has.
    pub fn open(transport: T) -> Result<Self, SmcError> {
        Self::open_with(transport, Patience::default())
    }

    /// The same, waiting for a busy changer in another way.
    pub fn open_with(transport: T, patience: Patience) -> Result<Self, SmcError> {
        let mut line = Line::new(transport);
        line.patience = patience;
        let identity = Identity::default();
        let (layout, rung) = (Layout::default(), Rung::default());
        let access = AccessBits::default();
        let (suspected, remarks, told) = (None, Vec::new(), BTreeSet::new());
        let mut changer =
            Self { line, identity, layout, layout_of: 0, rung, suspected, remarks, told, access };
        changer.identity = changer.identify()?;
        changer.read_layout()?;
        Ok(changer)
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The node that it was opened by.
    pub fn device(&self) -> &str {
        self.line.name()
    }

    /// Which places it has.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How long it is waited for when it is busy, and who hears of it.
    pub fn set_patience(&mut self, patience: Patience) {
        self.line.patience = patience;
    }

    /// What has happened to it since this was asked last: doors opened, mail slots used, resets.
    pub fn events(&mut self) -> Vec<Sense> {
        self.line.attentions()
    }

    /// What there is to say of the way in which it answers: that it tells no barcodes. Each is told once.
    pub fn remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    /// What is in all its places. While it scans, this waits.
    pub fn stock(&mut self) -> Result<Stock, SmcError> {
        for _ in 1..BEGINNINGS {
            self.until_ready()?;
            if self.line.disturbances() != self.layout_of {
                // Reset, set up anew, or partitioned: its places may have other addresses now.
                self.read_layout()?;
            }
            let stock = self.stock_once()?;
            if self.line.disturbances() == self.layout_of {
                return Ok(stock);
            }
            // A door was opened while it answered: what it said first may be wrong by now.
        }
        self.stock_once()
    }

    fn stock_once(&mut self) -> Result<Stock, SmcError> {
        let mut survey = Survey::new(self.layout, self.rung);
        while let Some(request) = survey.next() {
            match self.ask(request) {
                Ok(reply) => survey.heard(reply),
                Err(Failure::Sense(complaint)) => {
                    survey
                        .refused(*complaint)
                        .map_err(|complaint| self.inventory_failed(complaint))?;
                }
                Err(cause) => return Err(self.inventory_failed(cause)),
            }
        }
        let (mut stock, rung, sure) = survey.finish();
        self.learn(rung, sure);
        for remark in &stock.remarks {
            if self.told.insert(remark.clone()) {
                self.remarks.push(remark.clone());
            }
        }
        for (cell, content) in &mut stock.places {
            *content = std::mem::take(content).settled(cell.kind, self.access);
        }
        Ok(stock)
    }

    /// Remembers how it wants to be asked.
    fn learn(&mut self, rung: Rung, sure: Sure) {
        if sure == Sure::Yes || self.suspected == Some(rung) {
            self.rung = rung;
        }
        self.suspected = (sure == Sure::NotYet).then_some(rung);
    }

    /// What is in one place, looked up now.
    pub fn look(&mut self, cell: Cell) -> Result<Content, SmcError> {
        let request = survey::one(&self.layout, self.rung, cell);
        let request = request.ok_or(SmcError::NoSuchPlace(cell))?;
        let element = self.layout.element(cell);
        let reply = match self.ask(request) {
            Ok(reply) => reply,
            // It has not been asked before, or wants to be asked in another way since: the survey finds out.
            Err(Failure::Sense(_)) => Vec::new(),
            Err(cause) => return Err(self.inventory_failed(cause)),
        };
        let found =
            reply.into_iter().find(|told| told.kind == cell.kind && Some(told.element) == element);
        match found {
            Some(told) => {
                let content = told.content.map_err(|_| SmcError::NoSuchPlace(cell))?;
                Ok(content.settled(cell.kind, self.access))
            }
            None => self.stock()?.places.remove(&cell).ok_or(SmcError::NoSuchPlace(cell)),
        }
    }

    /// What the changer says of the drive in each bay. A changer that says nothing is no error.
    pub fn claims(&mut self) -> Result<Vec<(Cell, Element, Option<Name>)>, SmcError> {
        let stock = self.stock()?;
        let mut claims = Vec::new();
        // The second question is for changers that leave out the last bytes of a reply, and with them a name: it
        // asks for one place more.
        for request in survey::serials(&self.layout, self.rung) {
            match self.ask_serials(request) {
                Ok(more) => claims.extend(more.into_iter().filter(|(_, claim)| claim.is_some())),
                Err(Failure::Sense(_)) => {}
                Err(cause) => return Err(self.inventory_failed(cause)),
            }
            if claims.len() >= usize::from(self.layout.bays.count) {
                break;
            }
        }
        let bays = (0..self.layout.bays.count).map(Cell::bay);
        let there = bays.filter(|bay| stock.places.contains_key(bay));
        let layout = self.layout;
        let claim = |element| {
            let found = claims.iter().find(|(seen, _)| *seen == element);
            found.and_then(|(_, claim)| claim.clone())
        };
        Ok(there
            .filter_map(|bay| layout.element(bay).map(|element| (bay, element, claim(element))))
            .collect())
    }

    /// Carries a cartridge, and looks whether it arrived.
    pub fn carry(&mut self, from: Cell, to: Cell) -> Result<Arrival, SmcError> {
        let mut disturbed = None;
        for _ in 0..BEGINNINGS {
            let before = self.ends(from, to)?;
            if !before.from.is_full() {
                return Err(SmcError::Empty(from));
            }
            if before.to.is_full() {
                return Err(SmcError::Full { cell: to, barcode: before.to.barcode });
            }
            match self.order_move(from, to)? {
                Ok(()) => return self.judged(from, to, &before, None),
                Err(failure) if failure.is_attention() => {
                    // Not carried out, and what was seen may no longer hold: a door was open.
                    disturbed = Some(failure);
                    self.read_layout()?;
                }
                Err(failure) => return self.judged(from, to, &before, Some(failure)),
            }
        }
        match disturbed {
            Some(cause) => Err(SmcError::Disturbed { from, to, cause }),
            None => Err(SmcError::NoSuchPlace(from)),
        }
    }

    fn order_move(&mut self, from: Cell, to: Cell) -> Result<Result<(), Failure>, SmcError> {
        let source = self.layout.element(from).ok_or(SmcError::NoSuchPlace(from))?;
        let destination = self.layout.element(to).ok_or(SmcError::NoSuchPlace(to))?;
        let cdb = move_medium(self.layout.arm(), source, destination, Turn::AsItIs);
        Ok(self.line.order(&cdb, MOVING, During::Move))
    }

    /// What became of a move that began with `before` and ended with `failure` or well.
    fn judged(
        &mut self,
        from: Cell,
        to: Cell,
        before: &Ends,
        failure: Option<Failure>,
    ) -> Result<Arrival, SmcError> {
        let after = match self.ends(from, to) {
            Ok(after) => after,
            Err(cause) => {
                let why =
                    failure.map_or_else(|| "it says that it was".to_owned(), |why| why.to_string());
                return Err(SmcError::Unseen { from, to, why, cause: Box::new(cause) });
            }
        };
        let answer = if failure.is_none() { Answer::Good } else { Answer::Bad };
        let barcode = before.from.barcode.clone();
        match (moving::judge(before, &after, answer), failure) {
            (Verdict::Moved, _) | (Verdict::MovedAlthough, None) => Ok(Arrival::Plain),
            (Verdict::MovedAlthough, Some(failure)) => {
                tracing::warn!(changer = self.line.name(), %from, %to, %failure, "moved, although the changer says not");
                Ok(Arrival::Although(failure.to_string()))
            }
            (Verdict::NotMoved, Some(cause)) => Err(SmcError::NotMoved { from, to, cause }),
            (Verdict::Lied | Verdict::NotMoved, _) => Err(SmcError::Lied { from, to }),
            (Verdict::Lost, cause) => {
                let in_arm = self.look(Cell::arm(0)).ok().map(|arm| arm.is_full());
                Err(SmcError::Lost { from, to, barcode, in_arm, cause })
            }
            (Verdict::Meddled, _) => {
                let (from_now, to_now) = (Box::new(after.from), Box::new(after.to));
                Err(SmcError::Meddled { from, to, barcode, from_now, to_now })
            }
        }
    }

    fn ends(&mut self, from: Cell, to: Cell) -> Result<Ends, SmcError> {
        Ok(Ends { from: self.look(from)?, to: self.look(to)? })
    }

    /// Locks doors and mail slots, or frees them.
    pub fn doors(&mut self, doors: Doors) -> Result<(), SmcError> {
        let removal = match doors {
            Doors::Free => Removal::Allowed,
            Doors::Locked => Removal::Prevented,
        };
        let done = self.line.order(&spc::removal(removal), SHORT, During::Other);
        done.map_err(|cause| self.failed("lock or free its doors", cause))
    }

    /// Lets the changer look into all its places by itself. It takes minutes to hours, and the arm does nothing
    /// else meanwhile.
    pub fn scan(&mut self) -> Result<(), SmcError> {
        let done = self.line.order(&initialize_element_status(), SCANNING, During::Other);
        done.map_err(|cause| self.failed("look through its slots", cause))
    }

    /// Lets the changer look into `count` places from `first` on, or into all if it knows no ranges.
    pub fn scan_range(&mut self, first: Cell, count: u16) -> Result<(), SmcError> {
        let element = self.layout.element(first).ok_or(SmcError::NoSuchPlace(first))?;
        for command in [RangeCommand::Standard, RangeCommand::Vendor] {
            let cdb = initialize_range(command, element, count);
            match self.line.order(&cdb, SCANNING, During::Other) {
                Ok(()) => return Ok(()),
                Err(failure) if is_unknown_command(&failure) => {}
                Err(cause) => return Err(self.failed("look through some of its slots", cause)),
            }
        }
        self.scan()
    }
}

fn is_unknown_command(failure: &Failure) -> bool {
    failure.reason(During::Other) == Some(Reason::Unsupported)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod toy;

//! Crowded sites: hundreds of clients, which share hosts, spindles, interfaces, holding disks and drives.
//!
//! Elsewhere a night has a dozen dumps, which meet few limits. Here there is a crowd for each: some holding disks are too small
//! for any full, some nights begin with more on holding than their volumes take, and a report has hundreds of lines. What
//! comes by turn or by part comes a dozen times more seldom, or no night would see its end.

use types::Bytes;

use super::dice::Dice;
use super::faults::{Fault, Troubles};
use super::settings::{
    ChangerSettings, DleSettings, Keep, Settings, StorageSettings, USUAL_FULL, dle_by_chance,
    small, write_line,
};

/// Slots of a library, at most.
const MOST_SLOTS: u64 = 160;

/// What only a site of many clients has.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    dumporder: &'static str,
    /// Images on a volume, at most; 0: no such rule.
    images: u64,
    /// Bytes a second that each interface carries.
    interfaces: Vec<Bytes>,
}

impl Crowd {
    fn by_chance(dice: &mut Dice) -> Self {
        let orders = ["tttT", "s", "S", "bBtT", "sSbBtT", "BTS"];
        let rate = |dice: &mut Dice| Bytes::MIB.times(20).share(dice.factor(8.0));
        Self {
            dumporder: dice.pick(&orders).copied().unwrap_or("tttT"),
            images: if dice.one_in(4) { dice.between(20, 100) } else { 0 },
            interfaces: (0..dice.below(4)).map(|_| rate(dice)).collect(),
        }
    }

    /// Lines of the site, and sections.
    pub(crate) fn text(&self) -> (String, String) {
        let Self { dumporder, images, .. } = self;
        let lines = format!("dumporder = \"{dumporder}\"\nmax-dle-by-volume = {images}\n");
        let mut sections = String::new();
        for (number, rate) in self.interfaces.iter().enumerate() {
            write_line(
                &mut sections,
                &format!("[interface.lan{number}]\nuse = \"{} B/s\"", rate.0),
            );
        }
        (lines, sections)
    }

    /// A DLE of any kind, on one of so many hosts, which it shares with others.
    pub(crate) fn dle(&self, dice: &mut Dice, number: u64, hosts: u64) -> DleSettings {
        let mut dle = dle_by_chance(dice, number, hosts);
        dle.hurry();
        if dice.one_in(3) {
            write_line(&mut dle.more, &format!("maxdumps = {}", dice.between(1, 4)));
        }
        if dice.one_in(2) {
            write_line(&mut dle.more, &format!("spindle = {}", dice.below(3)));
        }
        if !self.interfaces.is_empty() && dice.one_in(2) {
            let lan = dice.index(self.interfaces.len());
            write_line(&mut dle.more, &format!("interface = \"lan{lan}\""));
        }
        dle
    }
}

impl Settings {
    /// A site with 100 to 400 DLEs. One that goes round has hardly more volumes than it has to keep.
    pub fn crowded(dice: &mut Dice, goes_round: bool) -> Self {
        let mut site = Self::by_chance(dice);
        let crowd = Crowd::by_chance(dice);
        let count = dice.between(100, 400);
        let hosts = dice.between(20, count);
        site.dles = (0..count).map(|number| crowd.dle(dice, number, hosts)).collect();
        site.crowd = Some(crowd);
        site.pace = 8;
        site.dumpcycle = small(dice.between(2, 7));
        site.inparallel = small(dice.between(4, 60));
        site.offsite_by_chance(dice);
        for storage in &mut site.storages {
            storage.keep = if goes_round { Keep::briefly(dice) } else { Keep::by_chance(dice) };
        }
        let fulls = USUAL_FULL.times(count);
        let a_run = fulls.share(1.0 / f64::from(site.dumpcycle) + 0.05);
        site.give_volumes(dice, a_run, goes_round);
        site.give_holding(dice, a_run);
        site
    }

    /// A third storage, to which copies are carried.
    fn offsite_by_chance(&mut self, dice: &mut Dice) {
        let is_vaulted = self.storages.iter().any(|storage| storage.vault.is_some());
        if is_vaulted || dice.one_in(2) {
            return;
        }
        let changer = ChangerSettings { name: "vault", drives: 1, slots: 0, cartridges: 0 };
        self.changers.push(changer);
        self.storages.push(StorageSettings {
            name: "away",
            changer: "vault",
            keep: Keep::default(),
            fulls: dice.one_in(2),
            vault: Some(small(dice.below(4))),
        });
    }

    /// Several volumes and drives for a run; sometimes too few.
    fn give_volumes(&mut self, dice: &mut Dice, a_run: Bytes, goes_round: bool) {
        let kept = self.storages.iter().map(|of| of.keep.days_at_most(self.dumpcycle)).max();
        let runs = u64::from(self.dumpcycle + kept.unwrap_or(0)) + 2;
        let runs = runs * self.storages.len() as u64;
        let volumes = dice.between(2, 12).min(MOST_SLOTS / runs).max(1);
        self.length = a_run.share(1.0 / volumes as f64);
        self.part = Some(Bytes::MIB.times(dice.between(200, 2000)).min(self.length.share(0.5)));
        self.runtapes = small(dice.between(volumes / 2 + 1, volumes + 3));
        for changer in &mut self.changers {
            let least = (volumes * runs).max(8);
            let slots = if goes_round {
                dice.between(least, least * 3 / 2)
            } else {
                dice.between(least / 2, least * 2)
            };
            changer.slots = usize::try_from(slots).unwrap_or(8);
            changer.cartridges = changer.slots + dice.index(4);
            changer.drives = 2 + dice.index(5);
        }
        let drives = self.changers.iter().map(|changer| changer.drives as u64).min();
        let most = drives.unwrap_or(1).min(u64::from(self.runtapes));
        self.parallel = small(dice.between(1, most));
    }

    /// Several disks. Of each three one holds no usual full; all together perhaps not what a night brings.
    fn give_holding(&mut self, dice: &mut Dice, a_run: Bytes) {
        let disk = |dice: &mut Dice, number: u64| match number % 3 {
            1 => Bytes::MIB.times(dice.between(1, 400)),
            _ => a_run.share(0.5 * dice.factor(8.0)),
        };
        self.holding = (0..dice.between(2, 6)).map(|number| disk(dice, number)).collect();
    }

    /// DLEs that its disk list may come to have.
    pub(crate) fn most_dles(&self) -> usize {
        if self.crowd.is_some() { 440 } else { 40 }
    }

    /// How many times as much happens here by day as elsewhere.
    pub(crate) fn crowds(&self) -> usize {
        (self.dles.len() / 50).max(1)
    }
}

/// What goes wrong there: the same, but what comes by turn and by part, of which a night has hundreds, more seldom.
pub(crate) fn less_often(troubles: Troubles) -> Troubles {
    use Fault as F;
    let by_turn = [
        F::WriteFails,
        F::DriveReset,
        F::DriveDies,
        F::HoldingUnreadable,
        F::HoldingFills,
        F::Interrupt,
        F::Cancelled,
        F::SaidAtNight,
        F::Read,
        F::ReaderKilled,
    ];
    by_turn.into_iter().fold(troubles, |all, fault| {
        let one_in = all.one_in(fault);
        all.with(fault, one_in * 12)
    })
}

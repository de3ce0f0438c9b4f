//! Asking a changer what is in its places: which request comes next, and what to do when one is refused.
//!
//! There are as many dialects of READ ELEMENT STATUS as makers. A [`Survey`] begins with the request that says most
//! and costs least, and each time the changer refuses it begins anew one rung lower:
//!
//! | rung | barcodes | from memory | by kind | header first | for changers that |
//! |---|---|---|---|---|---|
//! | 0 | yes | yes | yes | no | follow SMC-3 |
//! | 1 | yes | no | yes | no | do not know CURDATA |
//! | 2 | yes | no | yes | yes | want the header alone before the rest |
//! | 3 | yes | no | no | no | only know all kinds together |
//! | 4 | yes | no | no | yes | both |
//! | 5 | no | no | yes | no | have no barcode reader and say so in this way |
//! | 6 | no | no | yes | yes | the same |
//! | 7 | no | no | no | no | the same |
//! | 8 | no | no | no | yes | the same |
//!
//! A request that is not understood is one rung too high. Any other complaint may be over the next moment (the arm
//! stuck for once, the loop was reset), so the same is asked once more on the same rung. Only a second complaint means
//! that the reader of barcodes is the trouble: some changers answer so where they have none. It is told, since cartridges
//! are then known by their slots alone.
//!
//! The rung that was good is remembered, so the next inventory begins there; one that only complaints led to is
//! believed when the next inventory meets them as well. A request asks for at most 1000 places and
//! 65 535 bytes: some changers look only at the lower two bytes of a length.
//!
//! Nothing here touches a device. Every request either teaches something new or is the last of its kind, so a
//! survey ends whatever the changer answers.

use super::layout::{Cell, Layout};
use super::stock::{Content, Stock};
use crate::scsi::Cdb;
use crate::scsi::cdb::U24;
use crate::scsi::cdb::smc::{
    Barcodes, Element, ElementKind, Kinds, Knowledge, Serials, StatusOf, read_element_status,
};
use crate::scsi::judge::{Again, During, Position, Reason, Verdict, judge};
use crate::scsi::sense::Sense;

/// At most so many places in one request.
const PLACES: u32 = 1000;

/// At most so many bytes in one reply.
pub(crate) const ROOM: u16 = u16::MAX;

/// How a changer wants to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    barcodes: Barcodes,
    knowledge: Knowledge,
    grouping: Grouping,
    asking: Asking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grouping {
    ByKind,
    AllTogether,
}

/// Whether the whole reply is asked for at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// It is.
    Whole,
    /// First the header alone, then the whole.
    HeaderFirst,
}

/// The table above.
const RUNGS: [Dialect; 9] = {
    use Asking::{HeaderFirst, Whole};
    use Barcodes::{Left, Wanted};
    use Grouping::{AllTogether, ByKind};
    use Knowledge::{FromMemory, MayMove};
    const fn rung(
        barcodes: Barcodes,
        knowledge: Knowledge,
        grouping: Grouping,
        asking: Asking,
    ) -> Dialect {
        Dialect { barcodes, knowledge, grouping, asking }
    }
    [
        rung(Wanted, FromMemory, ByKind, Whole),
        rung(Wanted, MayMove, ByKind, Whole),
        rung(Wanted, MayMove, ByKind, HeaderFirst),
        rung(Wanted, MayMove, AllTogether, Whole),
        rung(Wanted, MayMove, AllTogether, HeaderFirst),
        rung(Left, MayMove, ByKind, Whole),
        rung(Left, MayMove, ByKind, HeaderFirst),
        rung(Left, MayMove, AllTogether, Whole),
        rung(Left, MayMove, AllTogether, HeaderFirst),
    ]
};

/// The first rung without barcodes.
const WITHOUT_BARCODES: usize = 5;

/// A place in [`RUNGS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rung(usize);

impl Rung {
    fn dialect(self) -> Dialect {
        RUNGS.get(self.0).copied().unwrap_or(RUNGS[RUNGS.len() - 1])
    }

    /// The rung to try after a complaint of this kind.
    fn below(self, kind: Complaint) -> Option<Self> {
        let next = match kind {
            Complaint::NotUnderstood => self.0 + 1,
            Complaint::Other if self.0 < WITHOUT_BARCODES => WITHOUT_BARCODES,
            Complaint::Other => return None,
        };
        (next < RUNGS.len()).then_some(Self(next))
    }

    fn has_barcodes(self) -> bool {
        self.0 < WITHOUT_BARCODES
    }
}

/// What a complaint says about the way of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Complaint {
    /// The changer does not know the request.
    NotUnderstood,
    /// It knows the request, and something is wrong.
    Other,
}

impl Complaint {
    fn of(sense: &Sense) -> Self {
        match judge(sense, During::Other) {
            Verdict::Failed(failure)
                if failure.position == Position::Kept && failure.again != Again::AtOnce =>
            {
                Self::NotUnderstood
            }
            _ => Self::Other,
        }
    }
}

/// How a rung was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sure {
    /// It was good, and so were all requests that were refused on the way not understood.
    Yes,
    /// Complaints led there that may be over next time.
    NotYet,
}

/// What is to be asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The question.
    pub(crate) of: StatusOf,
    /// In one go?
    pub(crate) asking: Asking,
}

impl Request {
    /// The command, for a reply of at most so many bytes.
    pub(crate) fn cdb(&self, room: u16) -> Cdb {
        read_element_status(self.of, U24::from(room))
    }
}

/// One place, as the changer spoke of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) kind: ElementKind,
    pub(crate) element: Element,
    /// An additional sense code, if the place is not there: its magazine was taken out, or the bay has no drive.
    pub(crate) content: Result<Content, (u8, u8)>,
}

/// An inventory in the making.
#[derive(Debug)]
pub(crate) struct Survey {
    layout: Layout,
    rung: Rung,
    sure: Sure,
    /// Whether the request that comes next was complained of before.
    asked: Asked,
    /// What is still to be asked, the next last.
    todo: Vec<Stretch>,
    stock: Stock,
}

/// How often a request was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Never,
    Once,
}

/// Places still to be asked about.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    kinds: Kinds,
    next: Element,
    /// How many there are at most from `next` on.
    left: u32,
}

impl Survey {
    /// Begins on the rung that was good before.
    pub(crate) fn new(layout: Layout, rung: Rung) -> Self {
        let (todo, stock) = (todo(&layout, rung), Stock::default());
        Self { layout, rung, sure: Sure::Yes, asked: Asked::Never, todo, stock }
    }

    /// What to ask; none when all is known.
    pub(crate) fn next(&self) -> Option<Request> {
        let stretch = self.todo.last()?;
        let dialect = self.rung.dialect();
        let of = StatusOf {
            kinds: stretch.kinds,
            first: stretch.next,
            count: u16::try_from(stretch.left.min(PLACES)).unwrap_or(u16::MAX),
            barcodes: dialect.barcodes,
            serials: Serials::Left,
            knowledge: dialect.knowledge,
        };
        Some(Request { of, asking: dialect.asking })
    }

    /// Takes in a reply.
    pub(crate) fn heard(&mut self, reply: Vec<Told>) {
        let Some(stretch) = self.todo.last_mut() else { return };
        self.asked = Asked::Never;
        let highest = reply.iter().map(|told| told.element).max();
        match highest.filter(|highest| *highest >= stretch.next) {
            Some(highest) => stretch.go_on_behind(highest),
            // Nothing new: the changer has no more to say of these.
            None => stretch.left = 0,
        }
        if stretch.left == 0 {
            self.todo.pop();
        }
        for told in reply {
            // An address that no place of this kind has: descriptors filled with zeros, and worse.
            let Some(cell) = self.layout.cell(told.kind, told.element) else { continue };
            match told.content {
                Ok(content) => drop(self.stock.places.entry(cell).or_insert(content)),
                Err(code) => drop(self.stock.absent.entry(cell).or_insert(code)),
            }
        }
    }

    /// Takes in a complaint. The error is the complaint itself, if there is no other way to ask.
    pub(crate) fn refused(&mut self, complaint: Sense) -> Result<(), Sense> {
        let Some(stretch) = self.todo.last().copied() else { return Ok(()) };
        let no_such_element = matches!(
            judge(&complaint, During::Other),
            Verdict::Failed(failure) if failure.reason == Reason::NoSuchElement
        );
        let started = match stretch.kinds {
            Kinds::All => !self.stock.places.is_empty(),
            Kinds::Only(kind) => self.stock.places.keys().any(|cell| cell.kind == kind),
        };
        let only_arms = stretch.kinds == Kinds::Only(ElementKind::Arm);
        if only_arms || (no_such_element && started) {
            self.asked = Asked::Never;
            // The end of the list, for changers that know no better way to say so. And what an arm holds is good
            // to know, but nothing hangs on it.
            self.todo.pop();
            return Ok(());
        }
        let kind = Complaint::of(&complaint);
        if kind == Complaint::Other && self.asked == Asked::Never {
            self.asked = Asked::Once;
            return Ok(());
        }
        let Some(rung) = self.rung.below(kind) else { return Err(complaint) };
        let (had_barcodes, sure) = (self.rung.has_barcodes(), self.sure);
        let remarks = std::mem::take(&mut self.stock.remarks);
        *self = Self::new(self.layout, rung);
        self.stock.remarks = remarks;
        self.sure = if kind == Complaint::Other { Sure::NotYet } else { sure };
        if had_barcodes && !rung.has_barcodes() {
            let remark =
                format!("the changer tells no barcodes: asked for them, it answers {complaint}");
            self.stock.remarks.push(remark);
        }
        Ok(())
    }

    /// What is known, and the rung to begin on next time.
    pub(crate) fn finish(self) -> (Stock, Rung, Sure) {
        (self.stock, self.rung, self.sure)
    }
}

impl Stretch {
    fn go_on_behind(&mut self, highest: Element) {
        let behind = u32::from(highest.0) + 1;
        let done = behind - u32::from(self.next.0);
        self.left = self.left.saturating_sub(done);
        match u16::try_from(behind) {
            Ok(next) => self.next = Element(next),
            Err(_) => self.left = 0,
        }
    }
}

/// What is to be asked, in the reverse of its order: the arms last, because the least hangs on them.
fn todo(layout: &Layout, rung: Rung) -> Vec<Stretch> {
    match rung.dialect().grouping {
        Grouping::AllTogether => {
            let (next, last) = layout.ends();
            let left = u32::from(last.0.saturating_sub(next.0)) + 1;
            vec![Stretch { kinds: Kinds::All, next, left }]
        }
        Grouping::ByKind => {
            use ElementKind::{Arm, Drive, MailSlot, Slot};
            let stretch = |kind| {
                let run = layout.run(kind);
                let (next, left) = (Element(run.first), run.count.into());
                (left > 0).then_some(Stretch { kinds: Kinds::Only(kind), next, left })
            };
            [Arm, MailSlot, Slot, Drive].into_iter().filter_map(stretch).collect()
        }
    }
}

/// How to ask about one place, on the rung that was good. Not from memory: this is to find out what is true.
pub(crate) fn one(layout: &Layout, rung: Rung, cell: Cell) -> Option<Request> {
    let dialect = rung.dialect();
    let kinds = match dialect.grouping {
        Grouping::ByKind => Kinds::Only(cell.kind),
        Grouping::AllTogether => Kinds::All,
    };
    let of = StatusOf {
        kinds,
        first: layout.element(cell)?,
        count: 1,
        barcodes: dialect.barcodes,
        serials: Serials::Left,
        knowledge: Knowledge::MayMove,
    };
    Some(Request { of, asking: dialect.asking })
}

/// How to ask which drives are in the bays, in two ways. Never together with barcodes, which some changers then
/// garble.
pub(crate) fn serials(layout: &Layout, rung: Rung) -> Vec<Request> {
    let dialect = rung.dialect();
    let only_bays = match dialect.grouping {
        Grouping::ByKind => Kinds::Only(ElementKind::Drive),
        Grouping::AllTogether => Kinds::All,
    };
    let run = layout.bays;
    let ask = |kinds, count| Request {
        of: StatusOf {
            kinds,
            first: Element(run.first),
            count,
            barcodes: Barcodes::Left,
            serials: Serials::Wanted,
            knowledge: dialect.knowledge,
        },
        asking: dialect.asking,
    };
    match run.count {
        0 => Vec::new(),
        count => vec![ask(only_bays, count), ask(Kinds::All, count.saturating_add(1))],
    }
}

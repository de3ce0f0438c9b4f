//! Volumes: labelled, looked at, and what may become of them.

use clap::{Args, Subcommand};

/// Arguments of `label`.
#[derive(Args, Debug)]
pub struct Label {
    /// The label; the storage's template gives the next one without
    #[arg(value_name = "LABEL")]
    pub label: Option<String>,
    /// The slot that the volume is in; the first one with a blank volume without
    #[arg(long)]
    pub slot: Option<u32>,
    /// The barcode of the cartridge, wherever it is in the library
    #[arg(long, conflicts_with = "slot")]
    pub barcode: Option<String>,
    /// The storage, if there are several
    #[arg(long)]
    pub storage: Option<String>,
    /// Overwrite what is there: data of something else, or a volume on which nothing is needed
    #[arg(long)]
    pub force: bool,
}

/// What `volume` can do.
#[derive(Subcommand, Debug)]
pub enum Volume {
    /// Show a volume and what is on it
    Show {
        /// The volume's label
        label: String,
    },
    /// Say why a volume may or may not be reused, and when it will be
    ///
    /// The day is found by judging the volume again on days to come, with runs as those of late: how many volumes they
    /// begin, and a full of each DLE as often as its cycle says. Also which DLEs still need it, by which rules.
    Explain {
        /// The volume's label
        label: String,
    },
    /// Read a volume's headers, without the catalogue
    Scan {
        /// The volume: the number of its slot, its barcode or its label
        #[arg(value_name = "SLOT|BARCODE|LABEL")]
        what: String,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Never reuse volumes, until they are unlocked, or until a day
    ///
    /// A lock says who wanted it and why, wherever the volume is shown. Retention goes on beside it: on that day a
    /// volume is reused only if nothing on it is needed.
    Lock {
        /// The volumes' labels
        #[arg(required = true, value_name = "LABEL")]
        labels: Vec<String>,
        /// The lock falls off on this day (2031-01-01)
        #[arg(long, value_name = "DAY")]
        until: Option<String>,
        /// Why, in words
        #[arg(long, value_name = "TEXT", default_value = "")]
        why: String,
        /// Who wants it; whoever gives the command without
        #[arg(long, value_name = "WHO")]
        by: Option<String>,
        /// Also where that ends a lock before its day
        #[arg(long)]
        early: bool,
    },
    /// Let locked volumes be reused again, once nothing on them is needed
    Unlock {
        /// The volumes' labels
        #[arg(required = true, value_name = "LABEL")]
        labels: Vec<String>,
        /// Also those that are locked until a day which has not come
        #[arg(long)]
        early: bool,
    },
    /// Note that volumes were carried elsewhere, or are back
    ///
    /// No scan asks for a volume that is elsewhere; a restore that has no other copy says where to fetch it. The
    /// cartridge has to be taken out by hand, or with `library export`.
    Relocate {
        /// The volumes' labels
        #[arg(required = true, value_name = "LABEL")]
        labels: Vec<String>,
        /// Where they are now, in words
        #[arg(
            long,
            value_name = "PLACE",
            required_unless_present = "back",
            conflicts_with = "back"
        )]
        off_site: Option<String>,
        /// They are at hand again
        #[arg(long)]
        back: bool,
    },
    /// Never write to a volume again; what is on it stays restorable
    Retire {
        /// The volume's label
        label: String,
        /// Say what would happen, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Give back all volumes on which nothing is needed any more
    ///
    /// The catalogue forgets what is on them; with `erase-volume` in the configuration those at hand are labelled afresh,
    /// which frees the space of virtual tapes. Without this command a volume holds what it has until a run takes it.
    Expire {
        /// Only these volumes; all without
        #[arg(value_name = "LABEL")]
        labels: Vec<String>,
        /// Only those of this storage
        #[arg(long)]
        storage: Option<String>,
        /// Say what would happen, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Make a volume blank, and have the catalogue forget it
    ///
    /// Only one on which nothing is needed. For another the dumps are shown that would be lost, and its label has to be
    /// typed. The catalogue forgets first what is on it, then the end of data is set at the beginning of the medium:
    /// that takes seconds, and no drive reads it any more, though a laboratory could.
    Erase {
        /// The volume's label
        label: String,
        /// Say what would happen, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Have the catalogue forget a volume that is lost or destroyed, and what was on it
    ///
    /// If something on it is needed or nowhere else, that is shown, and the label has to be typed. A locked volume is
    /// refused.
    Forget {
        /// The volume's label
        label: String,
        /// Do not ask, whatever is lost
        #[arg(long)]
        yes: bool,
        /// Say which dumps would be lost, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
}

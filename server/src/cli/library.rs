//! The library: what is where in it, and what its arm carries.

use clap::Subcommand;

/// What `library` can do.
#[derive(Subcommand, Debug)]
pub enum Library {
    /// Show slots, drives and what is in them
    Show {
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Find out what is where
    ///
    /// Shows what `show` shows, after the library was made to look into its slots (--scan), and after cartridges that
    /// nobody has read yet were loaded, one after the other, to read their labels (--read). Where cartridges without
    /// barcodes were carried by hand, --read --all reads every label again.
    Inventory {
        /// Let the library look into its slots by itself; that takes minutes
        #[arg(long)]
        scan: bool,
        /// Load what nobody has read, and read its label
        #[arg(long)]
        read: bool,
        /// With --read: also those that were read before, for cartridges may have been carried by hand since
        #[arg(long, requires = "read")]
        all: bool,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Carry a cartridge from a slot or drive to another
    Move {
        /// From where: the number of a slot or mail slot, or the name of a drive
        from: String,
        /// Where to
        to: String,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Take in what lies in the mail slots
    Import {
        /// The mail slot; all that have a cartridge without
        mail: Option<u32>,
        /// To this slot; the first free one without
        to: Option<u32>,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Put a cartridge into a mail slot, to be taken out
    Export {
        /// What: the number of a slot, a barcode or a label
        what: String,
        /// Into this mail slot; the first free one without
        mail: Option<u32>,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Clean a drive with a cleaning cartridge of the library, and say how it went
    ///
    /// What is in the drive goes back to its slot first. A cleaning takes two to five minutes; the cleaning cartridge
    /// goes back to its slot, clean or not.
    Clean {
        /// The drive
        drive: String,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Get new cartridges ready, one after the other: LTO-9 media are measured at their first load, for up to two hours
    Calibrate {
        /// The slots
        #[arg(required = true)]
        slots: Vec<u32>,
        /// With this drive; the first without
        #[arg(long)]
        drive: Option<String>,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Show which drive of this host sits in which bay of the library, and what proves it
    ///
    /// The order of device nodes proves nothing, so nobody counts. What could be two ways is refused, with everything
    /// that library and drives say of themselves.
    VerifyDrives {
        /// Prove it with the cartridge of this slot: it is put into every bay in turn, and it shows which drive has it.
        /// All drives must be empty, and each bay takes some minutes
        #[arg(long, value_name = "SLOT")]
        by_loading: Option<u32>,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Say that the volume that is asked for is in the drive: it is looked at now
    ///
    /// For a drive without a robot. The drive is watched anyway; this saves half a minute. An empty file
    /// `operator/answer` beside the catalogue says the same.
    Loaded,
    /// Say that there will be no volume: what waits for it goes on without
    Skip,
    /// Load the cartridge of a slot into a drive, after taking back what is in it
    Load {
        /// The slot
        slot: u32,
        /// The drive; the first without
        #[arg(long)]
        drive: Option<String>,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
    /// Take the cartridge in a drive back to its slot
    Unload {
        /// The drive; all drives without
        #[arg(long)]
        drive: Option<String>,
        /// The storage, if there are several
        #[arg(long)]
        storage: Option<String>,
    },
}

impl Library {
    /// Which storage's library is meant.
    pub fn storage(&self) -> Option<&str> {
        match self {
            Self::Show { storage }
            | Self::Inventory { storage, .. }
            | Self::Move { storage, .. }
            | Self::Import { storage, .. }
            | Self::Export { storage, .. }
            | Self::Clean { storage, .. }
            | Self::Calibrate { storage, .. }
            | Self::VerifyDrives { storage, .. }
            | Self::Load { storage, .. }
            | Self::Unload { storage, .. } => storage.as_deref(),
            Self::Loaded | Self::Skip => None,
        }
    }
}

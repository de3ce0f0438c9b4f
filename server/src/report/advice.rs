//! What to do about what failed.
//!
//! One sentence for each kind of failure, for a person who was woken by it. What happened is told beside it; this
//! says where to look and what to type.

use types::{Blame, DleRef};

use crate::runlog::Cause;

pub(super) const INTERRUPTED: &str =
    "nothing is lost: what was whole stays whole, and the next run goes on from there";

pub(super) const NO_VOLUME: &str = "load a volume that may be written, or label a new one (`reelkeep label`); \
                                    `reelkeep volume explain LABEL` says what keeps one from being reused. What waits on \
                                    the holding disk is written by `reelkeep flush`, or by the next run";

pub(super) const NO_VOLUME_FOR_COPIES: &str = "load a volume that may be written, or label a new one (`reelkeep label`); `reelkeep volume explain LABEL` says what \
     keeps one from being reused. Then `reelkeep vault` again: it makes the copies that are missing";

pub(super) const NOT_COPIED: &str =
    "when that is mended, `reelkeep vault` again: it makes the copies that are missing";

pub(super) const CUT_OFF: &str =
    "nothing, if the run is still at work (`reelkeep status`); else the next run dumps it";

pub(super) const DISK_FULL: &str = "neither drive nor medium is at fault: free some space on the file system that has the \
                                    volumes, or give the library fewer slots or less `length`. `reelkeep volume expire` \
                                    frees what is needed no more. What waits on the holding disk is written by \
                                    `reelkeep flush`, or by the next run where `autoflush` is set";

pub(super) const TOO_SMALL: &str = "neither drive nor medium is at fault. Give the tapetype a greater `length` if its \
                                    volumes are directories, which then hold that much at once; else load larger \
                                    cartridges. What waits on the holding disk is written by `reelkeep flush`, or by the \
                                    next run";

pub(super) const BROKEN_OFF: &str = "mend what it says, and run it again: what was whole stays whole, and the next run clears \
                                     up what this one left behind. `reelkeep check` says whether it would go through";

pub(super) const NO_LIBRARY: &str = "see that the library is there and switched on, that no other program uses it, and \
                                     that the user that runs reelkeep may use it: `reelkeep check` tries to open it. What \
                                     waits on the holding disk is written by `reelkeep flush`, or by the next run where \
                                     `autoflush` is set";

/// About a dump that was good and is nowhere any more.
pub(super) fn of_lost(dle: &DleRef) -> String {
    format!(
        "if the file was moved, put it back, and `reelkeep cleanup` takes it over. Else nothing of that day can be restored \
         from it; `reelkeep force {} {}` has the next run make a full dump",
        dle.host, dle.dle
    )
}

/// About images that a storage takes no more of.
pub(super) fn of_held(cause: Option<Cause>) -> &'static str {
    match cause {
        Some(Cause::Runtapes) => {
            "`reelkeep flush` writes them to further volumes. If that comes every night, raise `runtapes`"
        }
        _ => {
            "when that is mended, `reelkeep flush` writes them, and so does the next run where `autoflush` is set"
        }
    }
}

/// About a drive, or what was in it.
pub(super) fn of_drive(blame: &str) -> Option<&'static str> {
    let known = [Blame::Medium, Blame::Drive, Blame::Host, Blame::Nothing];
    let blame = known.into_iter().find(|known| known.to_string() == blame)?;
    Some(match blame {
        Blame::Medium => {
            "look at the volume with `reelkeep volume show LABEL`; if it fails in another drive too, it is retired by \
             itself"
        }
        Blame::Drive => {
            "ask the drive what it complains of (`reelkeep device alerts`), clean it, and try it out with `reelkeep device \
             burn-in` before it is used again"
        }
        Blame::Host => {
            "do what is said there; if nothing is, look at the adapter, the cable and the kernel's log of this host"
        }
        Blame::Nothing => "nothing, unless it comes again: the drive was reset or busy",
    })
}

/// About a DLE without a dump.
pub(super) fn of_dump(dle: &DleRef, cause: Option<Cause>, tries: u32) -> String {
    let check = format!("`reelkeep check {} {}`", dle.host, dle.dle);
    match cause {
        Some(Cause::Estimate) => format!(
            "look whether the client is up and whether a file system on it hangs; if it is only slow, raise `etimeout`. \
             {check} tries to reach it"
        ),
        Some(Cause::Start) => format!("install reelkeep-agent beside reelkeep; {check} says whether it starts"),
        Some(Cause::Agent) => format!(
            "look whether the client is up, whether a file system on it hangs, and what killed the agent; if it is only \
             slow, raise `dtimeout`. {check} tries to reach it"
        ),
        Some(Cause::Refused) => format!(
            "do what the agent says (a path that is not there may not be mounted, or be wrong in the configuration), then \
             {check}"
        ),
        Some(Cause::Protocol) => {
            "agent and server do not fit: install the same version of both".to_owned()
        }
        Some(Cause::Holding) => {
            "look at the holding disk: its file system may be full, read-only or broken".to_owned()
        }
        Some(Cause::Drive) => "see what is said of the drive".to_owned(),
        Some(Cause::Server) => {
            "look at the disk with the catalogue and the indexes on this server".to_owned()
        }
        Some(Cause::Script) => {
            "the script said no; its own words stand in the notes. `reelkeep config show` says where it is".to_owned()
        }
        Some(Cause::NoBase) => "nothing: the next run makes a full dump".to_owned(),
        Some(Cause::Stopped) => "nothing: the next run dumps it".to_owned(),
        Some(Cause::Space) => "make room on the holding disk (`reelkeep flush` writes what waits there), or give it more; \
                               the next run tries again"
            .to_owned(),
        Some(Cause::Volumes) => "do what is said of the storage; the next run dumps it".to_owned(),
        Some(Cause::Runtapes) => "if that comes every night, raise `runtapes`; the next run dumps it".to_owned(),
        Some(Cause::Other) => format!("{check} looks at the client"),
        // It was never begun.
        None if tries == 0 => format!(
            "`reelkeep plan {} {}` says what the planner knows of it",
            dle.host, dle.dle
        ),
        None => format!("{check} looks at the client"),
    }
}

//! A night in whose course a person may be asked for volumes.

use std::collections::BTreeMap;
use std::sync::Arc;

use taper::scan::Scan;
use types::StorageName;

use super::drive::Bench;
use super::happened::Voice;
use super::run::Signals;
use super::scan;
use crate::library::Library;
use crate::operator::Desk;
use crate::runlog::RunEvent;

/// The same libraries, with the operator behind those that have no robot. What is asked goes into the run's log, and
/// a signal to the run ends the waiting.
pub(super) fn libraries(
    libraries: BTreeMap<StorageName, Library>,
    operator: Option<&Desk>,
    voice: &Voice,
    signals: &Signals,
) -> BTreeMap<StorageName, Library> {
    let Some(operator) = operator else { return libraries };
    let voice = voice.clone();
    let tell = move |text: &str| voice.log(RunEvent::OperatorAsked { text: text.to_owned() });
    let desk = operator.within(Arc::new(tell), signals.any());
    let attended = |(name, library): (_, Library)| (name, library.attended_in_a_run(&desk));
    libraries.into_iter().map(attended).collect()
}

/// Asks for a volume to write on, after a scan that found none. If there will be none, says why, with what was found.
pub(super) fn ask(bench: &Bench, library: &Library, scan: &Scan) -> Result<(), String> {
    if !library.can_ask() {
        return Err(scan::refusals(scan));
    }
    // There is one slot, and that is the drive.
    let found: Vec<&str> = scan.refusals().iter().map(|refusal| refusal.why.as_str()).collect();
    let found = found.join("; ");
    match library.ask_to_write(scan.would_do(), found.clone()) {
        Ok(waited) => {
            let (drive, seconds) = (bench.called.clone(), waited.as_secs());
            bench.voice.log(RunEvent::OperatorCame { drive, seconds, found });
            Ok(())
        }
        Err(why) => Err(format!("drive {}: {found}; {why}", bench.called)),
    }
}

//! A run whose log cannot be gone on with, since its disk is full: it breaks off, and in good order.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};

use devices::emulator::Spot;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use taper::catalogue::{RunKind, RunStatus};
use types::Stamp;

use super::world::{Make, World};
use super::{BrokenOff, Outcome};
use crate::runlog;

#[test]
fn a_run_whose_log_fails_has_brought_everything_to_an_end_when_it_breaks_off() {
    let mut world = World::new(Make::default());
    world.hold(1, 20);
    let [before, run]: [Stamp; 2] =
        ["29990101000000", "29990101000001"].map(|stamp| stamp.parse().unwrap());
    let mut catalogue = world.catalogue();
    catalogue.begin_run(before, RunKind::Flush, before, "test").unwrap();
    catalogue.finish_run(before, before, RunStatus::Good).unwrap();
    drop(catalogue);

    // The log is a pipe, which breaks once a drive has begun to write.
    let logs = &world.site.config.site.logdir;
    fs::create_dir_all(logs).unwrap();
    let log = runlog::path(logs, run);
    mknodat(CWD, &log, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let pipe = log.clone();
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(File::open(pipe).unwrap()).lines();
        let writes = |line: &String| line.contains("drive-began") && line.contains("\"write\"");
        lines.map(Result::unwrap).any(|line| writes(&line))
    });
    let error = world.break_off();
    assert!(reader.join().unwrap());
    assert_eq!(error.downcast_ref::<BrokenOff>().unwrap().run, run);
    assert_eq!(world.find("RK0001L8"), Some(Spot::Slot(0)), "the drive was emptied");

    fs::remove_file(log).unwrap();
    assert_eq!(world.night().outcome, Outcome::Good);
    world.assert_all_placed();
}

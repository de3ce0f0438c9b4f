//! Runs that are ended before their time, by a signal, by an order or by a power cut, at a moment that is known: while a
//! slow client is being dumped, or while an image is being written to a volume.

use std::path::{Path, PathBuf};
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::hangs::{files, processes, programs, trees};
use crate::site::{Scratch, Site};
use crate::trees::{Manifest, noise};

/// A site on which one DLE takes its time, and a second one waits for it.
struct Slow {
    scratch: Scratch,
    site: Site,
    reelkeep: PathBuf,
    slow: PathBuf,
    waits: PathBuf,
}

impl Slow {
    fn new() -> Self {
        let scratch = Scratch::new();
        let reelkeep = programs(&scratch.path().join("bin"));
        let [slow, waits] = trees(scratch.path(), [("slow", 150_000), ("waits", 600_000)]);
        let site = Site::new(&scratch.path().join("site"), &[], &[&slow, &waits]);
        site.configure(|text| text.replace("inparallel = 4", "inparallel = 1\ndumporder = \"s\""));
        Self { scratch, site, reelkeep, slow, waits }
    }

    /// A night that has just begun to dump the slow one.
    fn begun(&self) -> Child {
        let night = Site::start_command(self.site.command_of(&self.reelkeep, &["dump"]));
        self.site.wait_for(&["dump-started", "slow"]);
        night
    }

    /// Which of the two have a dump.
    fn dumped(&self) -> Vec<String> {
        let dumps = self.site.dumps().into_iter().filter(|dump| dump.restorable);
        dumps.map(|dump| dump.dle.rsplit('/').next().unwrap().to_owned()).collect()
    }

    fn report(&self) -> String {
        let report = self.site.say(&["report"]).expect(1).out;
        report.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The next night makes up for it, and nothing is left of the one before.
    fn expect_next_night_is_whole(&self) {
        let run = self.site.night();
        // What an earlier run left there is written by the next only where autoflush is on.
        self.site.say(&["flush"]).good();
        for tree in [&self.slow, &self.waits] {
            self.site.expect_restores(tree, &run, &Manifest::of(tree));
        }
        self.site.say(&["verify", "--all"]).good();
        self.site.say(&["catalogue", "check"]).good();
        assert_eq!(files(&self.site.path().join("holding")), <Vec<PathBuf>>::new());
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn code(mut child: Child) -> Option<i32> {
    child.wait().unwrap().code()
}

#[test]
#[ignore = "needs the programs: buildbot/run runs it"]
fn a_ctrl_c_at_the_terminal_finishes_the_dump_that_was_begun_and_begins_no_other() {
    let slow = Slow::new();
    let night = slow.begun();
    let flush = slow.site.say(&["flush"]).expect(2);
    assert!(flush.err.contains("dump, process"), "{flush}");
    // The terminal sends it to all that it started.
    kill_process_group(pid(&night), Signal::INT).unwrap();
    assert_eq!(code(night), Some(1));
    assert_eq!(slow.dumped(), ["slow"], "from the holding disk, for no volume was begun any more");
    let report = slow.report();
    assert!(report.contains("the run was told to stop before it was done"), "{report}");
    let waits = format!("localhost:{}: no dump in this run", slow.waits.display());
    assert!(report.contains(&waits), "{report}");
    assert!(report.contains("on the holding disk: the next run writes them first"), "{report}");
    slow.expect_next_night_is_whole();
}

#[test]
#[ignore = "needs the programs: buildbot/run runs it"]
fn sigterm_gives_up_the_dump_that_goes_on_and_leaves_nothing_of_it() {
    let slow = Slow::new();
    let night = slow.begun();
    kill_process(pid(&night), Signal::TERM).unwrap();
    assert_eq!(code(night), Some(1));
    assert_eq!(slow.dumped(), <Vec<String>>::new());
    assert_eq!(processes(slow.scratch.path()), <Vec<String>>::new());
    assert_eq!(files(&slow.site.path().join("holding")), <Vec<PathBuf>>::new());
    let report = slow.report();
    for tree in [&slow.slow, &slow.waits] {
        assert!(report.contains(&format!("localhost:{}: no dump", tree.display())), "{report}");
    }
    slow.expect_next_night_is_whole();
}

#[test]
#[ignore = "needs the programs: buildbot/run runs it"]
fn a_dle_is_aborted_while_it_is_dumped_and_another_before_it_is_begun_and_the_rest_goes_on() {
    let slow = Slow::new();
    let [well] = trees(slow.scratch.path(), [("well", 700_000)]);
    let dle = format!("[[dle]]\nhost = \"localhost\"\npath = {well:?}\ndumptype = \"tree\"\n");
    slow.site.configure(|text| format!("{text}\n{dle}"));
    let none = slow.site.say(&["abort", "localhost", slow.slow.to_str().unwrap()]).expect(2);
    assert!(none.err.contains("no run is at work"), "{none}");
    let night = slow.begun();
    for tree in [&slow.waits, &slow.slow] {
        let tree = tree.to_str().unwrap();
        slow.site.say(&["abort", "localhost", tree, "--why", "in the way"]).good();
    }
    assert_eq!(code(night), Some(1));
    assert_eq!(slow.dumped(), ["well"]);
    let report = slow.report();
    let told = format!(
        "localhost:{}, localhost:{}: no dump in this run: the operator called it off: in the way",
        slow.slow.display(),
        slow.waits.display()
    );
    assert!(report.contains(&told), "{report}");
    let run = slow.site.runs().pop().unwrap();
    slow.site.expect_restores(&well, &run, &Manifest::of(&well));
    slow.expect_next_night_is_whole();
}

#[test]
#[ignore = "needs the programs: buildbot/run runs it"]
fn what_a_power_cut_leaves_on_holding_counts_for_nothing_and_is_swept_up() {
    let slow = Slow::new();
    let mut night = slow.begun();
    let holding = slow.site.path().join("holding");
    while files(&holding).is_empty() {}
    kill_process(pid(&night), Signal::KILL).unwrap();
    night.wait().unwrap();
    assert_eq!(slow.site.json(&["list", "holding"]).as_array().unwrap().len(), 0);
    assert_eq!(slow.dumped(), <Vec<String>>::new());
    slow.site.say(&["flush"]).good();
    assert_eq!(files(&holding), <Vec<PathBuf>>::new());
    slow.expect_next_night_is_whole();
}

#[test]
#[ignore = "needs the programs: buildbot/run runs it"]
fn sigterm_while_an_image_is_written_ends_behind_its_part_and_a_flush_goes_on() {
    let scratch = Scratch::new();
    let tree = scratch.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    std::fs::write(tree.join("file"), noise(160 << 20)).unwrap();
    let site = Site::new(&scratch.path().join("site"), &[], &[&tree]);
    let part = "[tapetype.vtape]\npart-size = \"1 MiB\"\n";
    let frame = "[dumptype.tree]\nframe-size = \"1 MiB\"\n";
    site.configure(|text| {
        text.replace("[tapetype.vtape]\n", part).replace("[dumptype.tree]\n", frame)
    });
    let night = site.start(&["dump"]);
    site.wait_for(&["drive-began", "\"write\""]);
    kill_process(pid(&night), Signal::TERM).unwrap();
    assert_eq!(code(night), Some(1));
    assert_eq!(site.json(&["list", "holding"]).as_array().unwrap().len(), 1);
    let report = site.say(&["report"]).expect(1).out;
    assert!(report.contains("told to stop"), "{report}");
    let (run, was) = (site.runs().pop().unwrap(), Manifest::of(&tree));
    site.expect_restores(&tree, &run, &was);
    let before = parts(&site);
    assert!((1..160).contains(&before), "{before} parts");

    site.say(&["flush"]).good();
    assert_eq!(site.json(&["list", "holding"]).as_array().unwrap().len(), 0);
    site.expect_restores(&tree, &run, &was);
    site.say(&["verify", "--all"]).good();
    assert!(site.say(&["report"]).good().out.starts_with("site: flush"));
}

/// The parts on all volumes.
fn parts(site: &Site) -> usize {
    crate::volumes::parts(Path::new(&site.path().join("vtapes"))).len()
}

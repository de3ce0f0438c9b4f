//! One drive and a person who changes its cartridges, by the real programs. The drive is that of an emulated library,
//! at which the person stands with `reelkeep-emulator`; mail arrives in a pipe.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::post::Post;
use crate::programs::{Said, built, run};
use crate::site::{Scratch, Site};
use crate::trees::{Manifest, noise};

/// The library, and where mail arrives.
struct Desk {
    library: PathBuf,
    post: Post,
}

impl Desk {
    fn new(scratch: &Path) -> Self {
        let desk = Self { library: scratch.join("library"), post: Post::new(scratch) };
        let how =
            ["--drives", "1", "--slots", "8", "--mail", "0", "--tapes", "6", "--capacity", "16M"];
        let mut create = Command::new(built("reelkeep-emulator"));
        run(create.arg("create").arg(&desk.library).args(how)).good();
        desk
    }

    /// What the configuration says of all that.
    fn configure(&self, site: &Site) {
        let drive = self.library.display();
        let slots = "type = \"vtape\"\ndirectory = \"vtapes\"\nslots = 12\n";
        site.configure(|text| {
            let drive = format!("type = \"single\"\ndrive = \"{drive}\"\n");
            assert!(text.contains(slots), "{text}");
            let tape = "length = \"16 MB\"\nblocksize = \"64 KiB\"\npart-size = \"2 MiB\"\nearly-warning = \"1 MiB\"";
            text.replace(slots, &drive)
                .replace("mailto = []", &self.post.settings())
                .replace("length = \"20 MiB\"", tape)
        });
    }

    /// The next mail, when it comes.
    fn mail(&self) -> String {
        self.post.next()
    }

    fn stand(&self, command: &str, arguments: &[&str]) -> Said {
        let mut person = Command::new(built("reelkeep-emulator"));
        run(person.arg(command).arg(&self.library).args(arguments))
    }

    /// Takes out what the drive has let go of, and puts this cartridge in. Somebody has the library open.
    fn put_in(&self, barcode: &str) {
        self.stand("door", &["open"]).good();
        // The drive may be empty, and the cartridge may lie outside already.
        let _maybe = [self.stand("take", &["drive:1"]), self.stand("take", &[barcode])];
        self.stand("put", &[barcode, "drive:1"]).good();
        self.stand("door", &["close"]).good();
    }
}

/// A tree that does not go on one cartridge of these stories.
pub(crate) fn longer_than_a_cartridge(scratch: &Path) -> PathBuf {
    let tree = scratch.join("tree");
    fs::create_dir(&tree).unwrap();
    for number in 1..=5 {
        fs::write(tree.join(format!("noise{number}")), noise(4 << 20)).unwrap();
    }
    tree
}

pub(crate) fn code(child: &mut Child) -> i32 {
    child.wait().unwrap().code().unwrap()
}

#[test]
#[ignore = "needs the programs: buildbot/run runs it"]
fn a_person_is_asked_for_volumes_by_mail_and_at_the_terminal() {
    let scratch = Scratch::new();
    let tree = longer_than_a_cartridge(scratch.path());
    fs::write(tree.join("letter"), "Dear operator").unwrap();
    let how = ["--volume-size", "20 MiB", "--volumes", "12"];
    let site = Site::new(&scratch.path().join("site"), &how, &[&tree]);
    let desk = Desk::new(scratch.path());
    desk.configure(&site);

    // A night from cron: the drive is empty, and then the first cartridge is full.
    assert!(site.say(&["check"]).good().out.contains("it is empty"));
    let mut night = site.start(&["dump"]);
    let mail = desk.mail();
    assert!(mail.contains("To: operator@example.org"), "{mail}");
    assert!(mail.contains("a blank cartridge (it becomes DAILY-001)"), "{mail}");
    desk.put_in("TST001L8");
    let said = site.say(&["library", "loaded"]);
    assert!(said.code == Some(0) || said.err.contains("nothing waits"), "it was faster: {said}");
    let mail = desk.mail();
    assert!(mail.contains("Now: DAILY-001 was written in this run already"), "{mail}");
    // Putting it in is answer enough.
    desk.put_in("TST002L8");
    assert_eq!(code(&mut night), 0);
    assert_eq!(
        site.say(&["library", "loaded"]).expect(2).err,
        "reelkeep: nothing waits for a volume now\n"
    );
    assert!(site.say(&["library", "inventory"]).good().out.contains("DAILY-002"));
    assert!(site.say(&["check"]).good().out.contains("DAILY-002 is written on"));

    // It is read back in the same order; a cartridge that will not do is said.
    let was = Manifest::of(&tree);
    let to = scratch.path().join("restored");
    let mut restore =
        site.start(&["restore", "--dle", tree.to_str().unwrap(), "--to", to.to_str().unwrap()]);
    let mail = desk.mail();
    assert!(mail.contains("Put volume DAILY-001 into drive drive0"), "{mail}");
    assert!(mail.contains("Now: volume DAILY-002 is in it"), "{mail}");
    desk.put_in("TST003L8");
    let mail = desk.mail();
    assert!(mail.contains("Now: a blank cartridge is in it"), "{mail}");
    desk.put_in("TST001L8");
    assert!(desk.mail().contains("Put volume DAILY-002 into drive drive0"));
    desk.put_in("TST002L8");
    assert_eq!(code(&mut restore), 0);
    was.expect(&Manifest::of(&to), "what a person has put in");

    // Told to end while it waits, it ends, and what was dumped stays on the holding disk.
    fs::write(tree.join("more"), noise(1 << 20)).unwrap();
    site.say(&["volume", "lock", "DAILY-002"]).good();
    let mut night = site.start(&["dump"]);
    assert!(desk.mail().contains("a blank cartridge (it becomes DAILY-003)"));
    let pid = Pid::from_raw(night.id().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(code(&mut night), 1);

    // At the terminal the question stands there, and an answer is typed.
    let skip: Step<'_> = ("Put a volume", &|| {}, "s\n");
    let transcript = at_the_terminal(&site, &["flush"], &[skip]);
    for line in [
        "Put a volume to write on into drive drive0",
        "Now: ",
        "a blank cartridge (it becomes DAILY-003)",
        "the operator said to go on without it",
    ] {
        assert!(transcript.contains(line), "{line:?} in {transcript}");
    }
    let mut flush = site.start(&["flush"]);
    assert!(desk.mail().contains("a blank cartridge (it becomes DAILY-003)"));
    desk.put_in("TST004L8");
    assert_eq!(code(&mut flush), 0);
}

#[test]
#[ignore = "needs the programs: buildbot/run runs it"]
fn at_the_terminal_a_cartridge_that_will_not_do_is_said_and_another_asked_for() {
    let scratch = Scratch::new();
    let tree = longer_than_a_cartridge(scratch.path());
    let how = ["--volume-size", "20 MiB", "--volumes", "12"];
    let site = Site::new(&scratch.path().join("site"), &how, &[&tree]);
    let desk = Desk::new(scratch.path());
    desk.configure(&site);
    desk.stand("write-protect", &["TST003L8", "on"]).good();
    let first = || desk.put_in("TST001L8");
    let second = || desk.put_in("TST002L8");
    let protected = || desk.put_in("TST003L8");
    let blank = || desk.put_in("TST004L8");
    let nothing = || {};

    // Putting one in is answer enough; Enter alone is not.
    let night = at_the_terminal(
        &site,
        &["dump"],
        &[
            ("it is empty", &nothing, "\n"),
            ("it is empty", &protected, ""),
            ("write-protected", &first, ""),
            ("DAILY-001 was written", &first, ""),
            ("DAILY-001 was written", &second, ""),
        ],
    );
    let (dle, to) = (tree.to_str().unwrap(), scratch.path().join("restored"));
    let restore = at_the_terminal(
        &site,
        &["restore", "--dle", dle, "--to", to.to_str().unwrap()],
        &[
            ("Put volume DAILY-001", &blank, ""),
            ("a blank cartridge", &first, ""),
            ("Put volume DAILY-002", &nothing, "s\n"),
        ],
    );
    // The drive has given it out for the next, and nobody has pushed it in again.
    let verify = at_the_terminal(
        &site,
        &["verify"],
        &[("Put volume DAILY-001", &first, ""), ("Put volume DAILY-002", &second, "")],
    );
    assert!(verify.contains("all good"), "{verify}");
    // Each question above stands on the screen with what is in the drive; besides them:
    assert!(night.contains("These would do: a blank cartridge (it becomes DAILY-001)"), "{night}");
    let order = "Volumes that will be asked for, in this order: DAILY-001 DAILY-002";
    assert!(restore.contains(order), "{restore}");
    assert!(
        restore.contains("s skips it (what is only on it is not read), q gives up"),
        "{restore}"
    );
}

/// What a person does at a question: something with cartridges, and what is typed.
type Step<'a> = (&'a str, &'a dyn Fn(), &'a str);

/// Runs a command at a terminal. At each question in turn the person does what stands there. Gives all that stood on the
/// screen.
fn at_the_terminal(site: &Site, arguments: &[&str], steps: &[Step<'_>]) -> String {
    let words = [&["-c", site.path().to_str().unwrap()], arguments].concat().join(" ");
    let command = format!("{} {words}", built("reelkeep").display());
    // A question that is not expected is waited at for some minutes, and not for ever.
    let mut script = Command::new("timeout")
        .args(["--foreground", "300", "script", "-q", "-e", "-f", "-c", &command, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keys, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
    let (mut seen, mut answered) = (Vec::new(), 0);
    let mut left = steps.iter();
    let mut next = left.next();
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = screen.read(&mut piece) {
        seen.extend_from_slice(&piece[..length]);
        let new = String::from_utf8_lossy(&seen[answered..]).into_owned();
        if let Some((question, act, typed)) = next
            && let Some(at) = new.find(question)
            && new[at..].contains("Then press Enter")
        {
            answered = seen.len();
            next = left.next();
            act();
            keys.write_all(typed.as_bytes()).unwrap();
        }
    }
    let ended = script.wait().unwrap();
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert_eq!(next.map(|(question, ..)| question), None, "not asked: {seen}");
    assert_ne!(ended.code(), Some(124), "it asked for more: {seen}");
    seen
}

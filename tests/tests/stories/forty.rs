//! A night with forty DLEs: eight dumpers, two drives, a holding disk that takes a few of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::programs::run;
use crate::site::{Scratch, Site};
use crate::trees::Manifest;

/// How many DLEs.
const DLES: u32 = 40;

/// A tree of some files that do not compress, of 20 to 400 KB; each tree is another.
fn tree(at: &Path, number: u32) -> PathBuf {
    let tree = at.join(format!("tree{number:02}"));
    let mut chance = u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for file in 0..=number % 5 {
        let folder = tree.join(format!("folder{}", file % 2));
        fs::create_dir_all(&folder).unwrap();
        let length = 20_000 + usize::try_from(number).unwrap() * 1_500;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance.to_be_bytes()[0]
        })
        .take(length)
        .collect();
        fs::write(folder.join(format!("file{file}")), bytes).unwrap();
    }
    tree
}

/// Some of the trees change by a day.
fn next_day(trees: &[PathBuf]) {
    for tree in trees.iter().step_by(3) {
        fs::write(tree.join("folder0/new"), tree.to_str().unwrap().repeat(500)).unwrap();
    }
}

/// `use` of the holding disk, and what makes the night wide.
fn wide(text: &str, holding: &str) -> String {
    let line = |line: &str| match line.split_once(" =").map_or("", |(key, _)| key) {
        "use" => format!("use = \"{holding}\""),
        "inparallel" => "inparallel = 8".to_owned(),
        "maxdumps" => "maxdumps = 8".to_owned(),
        "runtapes" => "runtapes = 12\ntaper-parallel-write = 2".to_owned(),
        "slots" => format!("{line}\ndrives = 2"),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// The first word of each section of a report; what there is to note differs from night to night.
fn headings(report: &str) -> Vec<&str> {
    let words = report.lines().skip(2).filter(|line| !line.starts_with([' ', '-']));
    let words = words.filter_map(|line| line.split_whitespace().next());
    words.filter(|word| word.chars().all(char::is_uppercase) && *word != "NOTES").collect()
}

/// What another program's parser finds in a page, in which everything that opens is closed.
const PARSE: &str = r#"
import html.parser, sys
VOID = {"meta", "br", "img", "hr"}
class Page(html.parser.HTMLParser):
    open, seen = [], {}
    def handle_starttag(self, tag, attrs):
        self.seen[tag] = self.seen.get(tag, 0) + 1
        if tag not in VOID: self.open.append(tag)
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())
    def handle_data(self, data):
        assert not data.strip() or self.open, (data, self.getpos())
page = Page()
page.feed(open(sys.argv[1]).read())
page.close()
assert not page.open, page.open
assert page.seen.get("script", 0) == 0
notes = 1 if "<h2>Notes</h2>" in open(sys.argv[1]).read() else 0
page.seen["h2"] -= notes
print(", ".join("%s %d" % (tag, page.seen[tag]) for tag in ("title", "h1", "h2", "table")))
"#;

fn parsed(page: &Path) -> String {
    run(Command::new("python3").args(["-c", PARSE]).arg(page)).good().out
}

fn expect_all_dumped(site: &Site, run: &str, trees: &[PathBuf]) {
    let of_run: BTreeSet<String> =
        site.dumps().into_iter().filter(|dump| dump.run == run).map(|dump| dump.dle).collect();
    assert_eq!(of_run.len(), trees.len(), "{of_run:?}");
    for tree in trees {
        site.expect_restores(tree, run, &Manifest::of(tree));
    }
}

#[test]
#[ignore = "takes minutes: buildbot/run runs it"]
fn forty_dles_two_drives_and_a_small_holding_disk_end_with_every_dle_on_volumes() {
    let scratch = Scratch::new();
    let trees: Vec<PathBuf> = (0..DLES).map(|number| tree(scratch.path(), number)).collect();
    let paths: Vec<&Path> = trees.iter().map(PathBuf::as_path).collect();
    let how = ["--volume-size", "6 MiB", "--volumes", "30"];
    let site = Site::new(&scratch.path().join("site"), &how, &paths);
    // The images come to some eight megabytes.
    site.configure(|text| wide(text, "1 MiB"));
    let first = site.night();
    expect_all_dumped(&site, &first, &trees);
    assert_eq!(site.json(&["list", "holding"]).as_array().unwrap().len(), 0);

    let report = site.json(&["report"]);
    let drives: BTreeSet<&str> =
        report["drives"].as_array().unwrap().iter().map(|d| d["drive"].as_str().unwrap()).collect();
    assert_eq!(drives.len(), 2, "{report:#}");
    let text = site.say(&["report"]).good().out;
    assert!(text.lines().nth(1).unwrap().starts_with("OK, 40 DLEs"), "{text}");
    for tree in &trees {
        let name = tree.file_name().unwrap().to_str().unwrap();
        assert!(text.contains(name), "{name} is not in the report:\n{text}");
    }

    assert_eq!(headings(&text), ["NEXT", "STATISTICS", "SPEED", "VOLUME", "DRIVE", "DLE"]);
    let page = scratch.path().join("report.html");
    fs::write(&page, site.say(&["report", "--format", "html"]).good().out).unwrap();
    assert_eq!(parsed(&page), "title 1, h1 1, h2 6, table 4\n");

    next_day(&trees);
    let second = site.night();
    expect_all_dumped(&site, &second, &trees);
    site.say(&["verify", "--all"]).good();
}

// Amanda 3.5.2 dumps the first of them, and fails the others with "can't do degraded dump without holding disk" (#222, #253).
#[test]
#[ignore = "takes minutes: buildbot/run runs it"]
fn without_any_holding_disk_every_dle_is_dumped_and_not_only_the_first() {
    let scratch = Scratch::new();
    let trees: Vec<PathBuf> = (0..6).map(|number| tree(scratch.path(), number)).collect();
    let paths: Vec<&Path> = trees.iter().map(PathBuf::as_path).collect();
    let site = Site::new(&scratch.path().join("site"), &[], &paths);
    site.configure(|text| {
        let holding = text.find("[holdingdisk.holding]").unwrap();
        let end = holding + text[holding..].find("\n\n").unwrap();
        wide(&[&text[..holding], &text[end..]].concat(), "")
    });
    let run = site.night();
    expect_all_dumped(&site, &run, &trees);
    site.say(&["verify", "--all"]).good();
}

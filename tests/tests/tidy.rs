//! Habits that no compiler checks, each with a kind message.
//!
//! Every module opens with its story; the arrows between the crates point as ARCHITECTURE.md draws them; every
//! kept sample of a format is named in docs/FORMAT.md; links in the documentation lead somewhere, every page of the
//! manual is in its table of contents, and a test that the manual points to is there.

#![expect(clippy::unwrap_used, reason = "a file of ours that cannot be read fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which crates each crate may name, as in the table of ARCHITECTURE.md.
const ARROWS: [(&str, &[&str]); 8] = [
    ("types", &[]),
    ("format", &["types"]),
    ("config", &["types"]),
    ("devices", &["types"]),
    ("taper", &["devices", "format", "types"]),
    ("client", &["config", "format", "types"]),
    ("server", &["taper", "devices", "config", "format", "types"]),
    ("tests", &["server", "client", "taper", "devices", "config", "format", "types"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the workspace")
        .to_owned()
}

/// All files below `dir` with this extension, in order, without what builds and runs leave behind.
fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let mut found = Vec::new();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let ours =
            !name.starts_with('.') && !["target", "reelkeep-site", "book"].contains(&name.as_str());
        if path.is_dir() && ours {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Fails with all complaints at once.
fn expect_none(rule: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{rule}:\n  {}", complaints.join("\n  "));
}

#[test]
fn every_module_opens_with_its_story() {
    let opens = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let first = text.lines().find(|line| !line.starts_with("#![") && !line.trim().is_empty());
        first.is_some_and(|line| line.starts_with("//!"))
    };
    let bare: Vec<_> = files(&root(), "rs")
        .iter()
        .filter(|path| !opens(path))
        .map(|path| relative(path))
        .collect();
    expect_none("a file begins with `//!` and says what it is for, before any code", &bare);
}

#[test]
fn the_arrows_between_crates_point_only_to_the_right() {
    let allowed: BTreeMap<_, _> = ARROWS.into_iter().collect();
    let members = members();
    assert_eq!(
        members.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        allowed.keys().copied().collect(),
        "a new crate needs a row in ARROWS and in ARCHITECTURE.md",
    );
    let mut wrong = Vec::new();
    for member in &members {
        let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        for named in dependencies(&manifest) {
            if members.contains(&named) && !allowed[member.as_str()].contains(&named.as_str()) {
                wrong.push(format!("{member}/Cargo.toml names {named}"));
            }
        }
    }
    expect_none("a crate names only those to its right in ARCHITECTURE.md's table", &wrong);
}

/// The workspace's members, from the one line that lists them.
fn members() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = "))
        .expect("members stand on one line");
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The names under [dependencies], [dev-dependencies] and [build-dependencies].
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && let Some((name, _)) = line.split_once(['.', ' ', '=']) {
            names.push(name.to_owned());
        }
    }
    names
}

#[test]
fn every_kept_sample_is_named_in_the_format() {
    let format = fs::read_to_string(root().join("docs/FORMAT.md")).unwrap();
    let mut unnamed = Vec::new();
    for member in members() {
        let samples = root().join(member).join("tests/samples");
        let there = fs::read_dir(&samples).into_iter().flatten().map(|entry| entry.unwrap().path());
        unnamed.extend(
            there.map(|path| relative(&path)).filter(|path| !format.contains(path.as_str())),
        );
    }
    expect_none("docs/FORMAT.md names every sample of a format, and says of what", &unnamed);
}

#[test]
fn links_in_the_documentation_lead_somewhere() {
    let mut broken = Vec::new();
    for page in files(&root(), "md") {
        for target in links(&fs::read_to_string(&page).unwrap()) {
            if let Err(why) = follow(&page, &target) {
                broken.push(format!("{}: {target}: {why}", relative(&page)));
            }
        }
    }
    expect_none("a link leads to a file of this repository, and to a heading in it", &broken);
}

fn follow(page: &Path, target: &str) -> Result<(), &'static str> {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let to = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    if !to.exists() {
        return Err("there is no such file");
    }
    if !anchor.is_empty()
        && !anchors(&fs::read_to_string(to).unwrap()).iter().any(|it| it == anchor)
    {
        return Err("there is no such heading");
    }
    Ok(())
}

/// Targets of `[text](target)` outside code, those of the web left out.
fn links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        let targets = prose.split("](").skip(1).filter_map(|piece| piece.split_once(')'));
        found.extend(
            targets.map(|(target, _)| target.to_owned()).filter(|target| !target.contains("://")),
        );
    }
    found
}

/// What mdBook and the forges make of headings.
fn anchors(text: &str) -> Vec<String> {
    let letter = |letter: char| match letter {
        ' ' => Some('-'),
        _ if letter.is_alphanumeric() || "-_".contains(letter) => Some(letter),
        _ => None,
    };
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            line.trim_start_matches('#').trim().to_lowercase().chars().filter_map(letter).collect()
        })
        .collect()
}

#[test]
fn every_page_of_the_manual_is_in_its_contents() {
    let manual = root().join("docs/manual/src");
    let listed = links(&fs::read_to_string(manual.join("SUMMARY.md")).unwrap());
    let forgotten: Vec<_> = files(&manual, "md")
        .into_iter()
        .map(|path| path.strip_prefix(&manual).unwrap().display().to_string())
        .filter(|name| name != "SUMMARY.md" && !listed.contains(name))
        .collect();
    expect_none("every page stands in docs/manual/src/SUMMARY.md", &forgotten);
}

/// `from-amanda.md` says which test shows that a pain of Amanda's users is gone.
#[test]
fn every_test_that_the_manual_points_to_is_there() {
    let page = root().join("docs/manual/src/from-amanda.md");
    let named = tests_named(&fs::read_to_string(&page).unwrap());
    assert!(named.len() >= 15, "the table of pains names {} tests", named.len());
    let code = |path: &PathBuf| fs::read_to_string(path).unwrap();
    let all: BTreeSet<String> =
        files(&root(), "rs").iter().flat_map(|path| tests_of(&code(path))).collect();
    let missing: Vec<_> = named.into_iter().filter(|name| !all.contains(name)).collect();
    expect_none("docs/manual/src/from-amanda.md names tests that exist", &missing);
}

/// What stands in code quotes and is long enough to be a sentence with underscores.
fn tests_named(page: &str) -> Vec<String> {
    let quoted = page.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let sentence = |name: &&str| {
        name.matches('_').count() > 2
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    quoted.filter(sentence).map(str::to_owned).collect()
}

/// The functions under `#[test]`, whatever other attributes stand between.
fn tests_of(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in code.lines().map(str::trim) {
        is_test |= line == "#[test]";
        if let Some(rest) = line.strip_prefix("fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            names.extend(is_test.then(|| name.to_owned()));
            is_test = false;
        }
    }
    names
}

#[test]
fn decisions_are_numbered_once_each() {
    let mut numbers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files(&root().join("docs/decisions"), "md") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        numbers.entry(name.chars().take(4).collect()).or_default().push(name);
    }
    let twice: Vec<_> = numbers
        .into_values()
        .filter(|names| names.len() > 1)
        .map(|names| names.join(", "))
        .collect();
    expect_none("two decisions share a number: the later one takes the next free", &twice);
}

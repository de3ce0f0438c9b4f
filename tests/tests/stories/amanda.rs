//! Debian's Amanda 3.5.1 reads what we write.
//!
//! Amanda's programs find a dump in two ways: by reading headers (`amrestore`), and by the logs of its own runs
//! (`amfetchdump`, `amcheckdump`). So the story writes such a log, as Amanda's taper would have, from what the headers
//! say.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::programs::{Said, run, shell};
use crate::site::{Scratch, Site};
use crate::trees::{Manifest, office};
use crate::volumes::{PartFile, images, parts};

/// An Amanda server whose library is a copy of ours. It works as the user `backup`, so all lies where that user gets.
struct Amanda {
    directory: TempDir,
    name: String,
}

impl Amanda {
    fn with_library(library: &Path) -> Self {
        let directory = TempDir::with_prefix("reelkeep-amanda-").unwrap();
        let path = directory.path();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for below in ["log", "curinfo", "index", "out", "etc"] {
            fs::create_dir(path.join(below)).unwrap();
        }
        shell(path, &format!("cp -a '{}' library", library.display())).good();
        let mut amanda = Self { directory, name };
        amanda.configure();
        amanda.remember();
        shell(amanda.path(), &format!("chown -R backup:backup . '{}'", amanda.etc().display()))
            .good();
        amanda
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn configure(&mut self) {
        let path = self.path().display();
        let text = format!(
            "org \"story\"\nmailto \"\"\ndumpuser \"backup\"\ninfofile \"{path}/curinfo\"\nlogdir \"{path}/log\"\n\
             indexdir \"{path}/index\"\ntapelist \"{path}/tapelist\"\ntpchanger \"chg-disk:{path}/library\"\n\
             labelstr \".*\"\ntapetype VT\ndefine tapetype VT {{\n  length 1 gbytes\n}}\n"
        );
        fs::create_dir(self.etc()).unwrap();
        fs::write(self.etc().join("amanda.conf"), text).unwrap();
        fs::write(self.etc().join("disklist"), "").unwrap();
    }

    /// Amanda looks for a configuration by name in one place only.
    fn etc(&self) -> PathBuf {
        Path::new("/etc/amanda").join(&self.name)
    }

    /// The list of tapes, and for each run the log that Amanda's taper would have written.
    fn remember(&self) {
        let mut runs: BTreeMap<String, Vec<PartFile>> = BTreeMap::new();
        for part in images(&self.path().join("library")).into_values().flatten() {
            let stamp = part.header[0].split(' ').nth(2).unwrap().to_owned();
            runs.entry(stamp).or_default().push(part);
        }
        let mut tapelist = Vec::new();
        for (stamp, parts) in &runs {
            let mut lines =
                vec![format!("START planner date {stamp}"), format!("START driver date {stamp}")];
            let mut labels: Vec<String> = Vec::new();
            for part in parts {
                let label = label_of(&part.path);
                if !labels.contains(&label) {
                    labels.push(label.clone());
                    lines.push(format!(
                        "START taper datestamp {stamp} label {label} tape {}",
                        labels.len()
                    ));
                }
                let file: u32 =
                    part.path.file_name().unwrap().to_str().unwrap()[..5].parse().unwrap();
                lines.push(format!("PART taper {label} {file} {}", part_words(part)));
            }
            for part in parts.iter().filter(|part| part.part() == Some(1)) {
                let count = parts.iter().filter(|other| image_of(other) == image_of(part)).count();
                lines.push(format!("DONE taper {}", done_words(part, count)));
            }
            lines.push(format!("FINISH driver date {stamp} time 2.0"));
            fs::write(self.path().join(format!("log/log.{stamp}.0")), lines.join("\n") + "\n")
                .unwrap();
            tapelist.extend(labels.iter().map(|label| format!("{stamp} {label} reuse\n")));
        }
        tapelist.sort();
        tapelist.reverse();
        fs::write(self.path().join("tapelist"), tapelist.concat()).unwrap();
    }

    /// Runs a line of shell as the user `backup`, in the directory `out`.
    fn say(&self, line: &str) -> Said {
        let mut command = Command::new("runuser");
        command.args(["-u", "backup", "--", "bash", "-o", "pipefail", "-c", line]);
        run(command.current_dir(self.path().join("out")))
    }
}

impl Drop for Amanda {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(self.etc()));
    }
}

/// A volume is the directory that its files lie in, and says its label in the name of file 0.
fn label_of(part: &Path) -> String {
    let files = fs::read_dir(part.parent().unwrap()).unwrap();
    let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.into_iter().find_map(|name| name.strip_prefix("00000.").map(str::to_owned)).unwrap()
}

/// Host, disk, stamp and level, which name an image in Amanda's logs.
fn image_of(part: &PartFile) -> [String; 4] {
    let words: Vec<&str> = part.header[0].split_whitespace().collect();
    [words[3], words[4], words[2], part.word_after("lev").unwrap()].map(str::to_owned)
}

fn part_words(part: &PartFile) -> String {
    let [host, disk, stamp, level] = image_of(part);
    let bytes = fs::metadata(&part.path).unwrap().len() - (32 << 10);
    let number = part.word_after("part").unwrap();
    format!("{host} {disk} {stamp} {number} {level} [sec 1.0 bytes {bytes} kps 1.0]")
}

fn done_words(part: &PartFile, count: usize) -> String {
    let [host, disk, stamp, level] = image_of(part);
    format!("{host} {disk} {stamp} {count} {level} [sec 1.0 bytes 1 kps 1.0]")
}

#[test]
#[ignore = "needs root and Debian's Amanda: buildbot/run runs it"]
fn amanda_3_5_reads_our_volumes() {
    let scratch = Scratch::new();
    let tree = office(&scratch.path().join("tree"), 0.01);
    let site = Site::new(&scratch.path().join("site"), &["--volume-size", "14 MiB"], &[&tree]);
    let was = Manifest::of(&tree);
    site.night();
    let library = library_of(&site);
    let amanda = Amanda::with_library(&library);
    let images = images(&library);
    assert!(
        images.values().any(|parts| parts.len() > 1),
        "the image should lie on several volumes"
    );
    amrestore(&amanda, &was);
    amfetchdump(&amanda, &was);
    let checked = amanda.say(&format!("amcheckdump {} </dev/null", amanda.name)).good();
    assert!(checked.out.contains("successfully validated"), "{checked}");
}

/// The directory that holds the slots.
fn library_of(site: &Site) -> PathBuf {
    let part = parts(site.path()).remove(0);
    part.path.parent().and_then(Path::parent).unwrap().to_owned()
}

/// Each volume by itself: amrestore unpacks every part that it finds; put together they are the tree.
fn amrestore(amanda: &Amanda, was: &Manifest) {
    let image = images(&amanda.path().join("library")).into_values().next().unwrap();
    for (number, part) in image.iter().enumerate() {
        let name = part.path.file_name().unwrap().to_str().unwrap();
        let slot = part.path.parent().unwrap();
        let line =
            format!("amrestore -p -f {} 'file:{}' > part.{number:04}", &name[..5], slot.display());
        amanda.say(&line).good();
    }
    compare(amanda, "cat part.*", was);
    amanda.say("rm -f part.*").good();
}

/// All volumes together, in the order of the log.
fn amfetchdump(amanda: &Amanda, was: &Manifest) {
    let image = images(&amanda.path().join("library")).into_values().next().unwrap();
    let host = image_of(&image[0])[0].clone();
    amanda.say(&format!("amfetchdump -p {} {host} > whole.tar </dev/null", amanda.name)).good();
    compare(amanda, "cat whole.tar", was);
}

/// Unpacks what Amanda gave, as root, and compares.
fn compare(amanda: &Amanda, archive: &str, was: &Manifest) {
    let to = amanda.path().join("tree");
    fs::create_dir(&to).unwrap();
    shell(&amanda.path().join("out"), &format!("{archive} | tar -xpf - -C '{}'", to.display()))
        .good();
    was.without_time_of_top()
        .expect(&Manifest::of(&to).without_time_of_top(), "the tree that Amanda gave back");
    fs::remove_dir_all(&to).unwrap();
}

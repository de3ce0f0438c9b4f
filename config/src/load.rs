//! The files of a site, read from its directory.
//!
//! The only part of this crate that looks at a disk. `include` names files relative to the site's directory;
//! the last part of such a name may have wildcards, and matches are read in the order of their names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::complaint::{Complaint, Complaints};
use crate::model::Config;
use crate::read::{FILE_NAME, includes, read};

/// Reads and checks the configuration of the site in this directory. A directory given relative to the
/// working directory leaves the paths of the configuration relative, too: give an absolute one.
pub fn load(directory: &Path) -> Result<Config, Complaints> {
    read(&files(directory)?)
}

/// The files of a site with their texts, `reelkeep.toml` first.
pub fn files(directory: &Path) -> Result<Vec<(PathBuf, String)>, Complaints> {
    let main = directory.join(FILE_NAME);
    let text = text_of(&main)?;
    let mut complaints = Vec::new();
    let mut paths = Vec::new();
    for pattern in includes(&text) {
        match matches(directory, &pattern) {
            Ok(found) => paths.extend(found.into_iter().filter(|path| *path != main)),
            Err(message) => {
                let message = format!("include {pattern:?}: {message}");
                complaints.push(Complaint::about_file(&main, message));
            }
        }
    }
    let mut files = vec![(main, text)];
    for path in paths {
        if files.iter().any(|(read, _)| *read == path) {
            continue;
        }
        match text_of(&path) {
            Ok(text) => files.push((path, text)),
            Err(Complaints(bad)) => complaints.extend(bad),
        }
    }
    if complaints.is_empty() { Ok(files) } else { Err(Complaints(complaints)) }
}

fn text_of(path: &Path) -> Result<String, Complaints> {
    let bytes = fs::read(path).map_err(|error| {
        let complaint = Complaint::about_file(path, format!("cannot be read: {error}"));
        let no_site = error.kind() == io::ErrorKind::NotFound && path.ends_with(FILE_NAME);
        Complaints(vec![if no_site { complaint.suggest(BEGIN) } else { complaint }])
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("is not UTF-8 text: byte {at} belongs to no character");
        Complaints(vec![Complaint::about_file(path, message)])
    })
}

/// What to do where there is no site.
const BEGIN: &str =
    "give the site's directory with --config, or begin a site with reelkeep quickstart";

/// The files that a pattern names.
fn matches(directory: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let whole = directory.join(pattern);
    let wild = |text: &str| text.contains(['*', '?', '[', '{']);
    let (Some(parent), Some(name)) = (whole.parent(), Path::new(pattern).file_name()) else {
        return Err("this names no file".to_owned());
    };
    let name = name.to_string_lossy();
    if !wild(pattern) {
        return Ok(vec![whole]);
    }
    if Path::new(pattern).parent().is_some_and(|p| wild(&p.to_string_lossy())) {
        return Err("wildcards are for the file's name, not for directories".to_owned());
    }
    let glob = globset::Glob::new(&name).map_err(|error| error.to_string())?.compile_matcher();
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        // No such files yet is no mistake.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| error.to_string())?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if glob.is_match(entry.file_name()) && !hidden {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = r#"
        include = ["dles/*.toml", "more.toml"]
        [storage.daily]
        [changer.vtapes]
        type = "vtape"
        directory = "vtapes"
        slots = 20
        [tapetype.disk]
        length = "10 GiB"
    "#;

    fn site(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("dles")).unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    }

    #[test]
    fn included_files_are_read_in_the_order_of_their_names() {
        let dle = |path: &str| format!("[[dle]]\nhost = \"localhost\"\npath = {path:?}\n");
        let site = site(&[
            ("reelkeep.toml", SITE),
            ("dles/b.toml", &dle("/b")),
            ("dles/a.toml", &dle("/a")),
            ("dles/.hidden.toml", "nonsense"),
            ("dles/notes.txt", "nonsense"),
            ("more.toml", &dle("/c")),
        ]);
        let config = load(site.path()).unwrap();
        let names: Vec<&str> = config.dles.iter().map(|dle| dle.name.as_str()).collect();
        assert_eq!(names, ["/a", "/b", "/c"]);
    }

    #[test]
    fn files_that_cannot_be_read_are_all_named() {
        let main = "include = [\"gone.toml\", \"latin.toml\", \"*/x.toml\", \"[\"]";
        let site = site(&[("reelkeep.toml", main)]);
        fs::write(site.path().join("latin.toml"), b"a = \"\xe4\"").unwrap();
        let complaints = load(site.path()).unwrap_err();
        let said: Vec<&str> = complaints.0.iter().map(|c| c.message.as_str()).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(complaints.to_string().contains("gone.toml: cannot be read"));
        assert!(complaints.to_string().contains("byte 5 belongs to no character"));
    }

    #[test]
    fn a_directory_without_a_site_says_what_to_do() {
        let complaints = load(Path::new("/nonexistent")).unwrap_err();
        assert!(complaints.to_string().contains("reelkeep quickstart"));
    }
}

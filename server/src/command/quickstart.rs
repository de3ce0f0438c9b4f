//! `quickstart`: a site from nothing, its first night, and how to restore from it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use config::Quickstart as Settings;
use serde_json::json;

use super::{Context, Exit, Misuse, dump, verify};
use crate::cli;
use crate::print;
use crate::site::CONFIG_FILE;

pub(super) fn run(context: &Context, arguments: &cli::Quickstart) -> anyhow::Result<Exit> {
    if let Some(site) = &context.site {
        return Err(Misuse(format!(
            "quickstart makes a new site, and --config names one that is there: say where it is to be made with \
             `--dir {site}`"
        ))
        .into());
    }
    let directory = make(arguments)?;
    let file = directory.join(CONFIG_FILE);
    let (site, file) = (directory.display().to_string(), file.display().to_string());
    if context.json {
        print::json(&json!({ "site": site, "configuration": file }))?;
    } else {
        print::line(&format!("site {site}: configured in {file}"))?;
    }
    let here = Context {
        site: Some(directory.display().to_string()),
        json: context.json,
        program: context.program.clone(),
        now: context.now.clone(),
        operator: context.operator.clone(),
    };
    if arguments.no_run {
        return Ok(Exit::Good);
    }
    let all = cli::Selection::default();
    let night = cli::Dump { selection: all.clone(), no_taper: false, no_flush: false };
    let dumped = dump::run(&here, &night)?;
    let verified = verify::run(&here, &cli::Verify { all: false, sample: None, selection: all })?;
    let what_now = what_now(&directory, arguments);
    if context.json {
        print::remark(what_now.trim_end())
    } else {
        print::text(&what_now)?
    }
    Ok(if verified == Exit::Good { dumped } else { verified })
}

/// Writes the configuration, and makes the directory.
fn make(arguments: &cli::Quickstart) -> anyhow::Result<PathBuf> {
    let made = fs::create_dir_all(&arguments.dir).and_then(|()| arguments.dir.canonicalize());
    let directory = made.with_context(|| format!("could not make {}", arguments.dir.display()))?;
    let file = directory.join(CONFIG_FILE);
    if file.exists() {
        let name = directory.display();
        return Err(Misuse(format!(
            "{name} is a site already: run its next night with `reelkeep -c {name} dump`, or name another directory \
             with --dir"
        ))
        .into());
    }
    let mut paths = Vec::new();
    for path in &arguments.paths {
        let absolute =
            path.canonicalize().with_context(|| format!("could not find {}", path.display()))?;
        if !absolute.is_dir() {
            bail!(Misuse(format!(
                "{} is no directory: a DLE is a directory and all in it",
                path.display()
            )));
        }
        paths.push(absolute);
    }
    let length =
        config::parse_size(&arguments.volume_size).map_err(|error| Misuse(error.to_string()))?;
    let settings =
        Settings { slots: arguments.volumes, length, ..Settings::new(directory.clone(), paths) };
    let text = config::quickstart(&settings)?;
    fs::write(&file, text).with_context(|| format!("could not write {}", file.display()))?;
    Ok(directory)
}

fn what_now(directory: &Path, arguments: &cli::Quickstart) -> String {
    let site = directory.display();
    let dle =
        arguments.paths.first().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone()));
    let dle = dle.unwrap_or_default();
    let dle = dle.display();
    format!(
        "\nWHAT NOW\n  \
         every night, from cron:   reelkeep -c {site} dump\n  \
         look around and restore:  reelkeep -c {site} recover --dle {dle}\n  \
         restore a whole DLE:      reelkeep -c {site} restore --dle {dle} --to /tmp/restored\n  \
         restore one path:         reelkeep -c {site} restore --dle {dle} --to /tmp/restored some/path\n  \
         without Reelkeep:         the first block of every file below {site}/vtapes says how\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Now;

    #[test]
    fn a_site_that_is_named_as_one_that_is_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("site");
        let context = Context {
            site: Some("daily".to_owned()),
            json: false,
            program: PathBuf::new(),
            now: Now::read(),
            operator: String::new(),
        };
        let arguments = cli::Quickstart {
            dir: directory.clone(),
            volume_size: "1 GiB".to_owned(),
            volumes: 1,
            no_run: true,
            paths: vec![folder.path().to_owned()],
        };
        let error = run(&context, &arguments).unwrap_err();
        assert!(error.is::<Misuse>(), "{error:?}");
        assert!(error.to_string().contains("--dir daily"), "{error}");
        assert!(!directory.exists());
        run(&Context { site: None, ..context }, &arguments).unwrap();
        assert!(directory.join(CONFIG_FILE).is_file());
    }
}

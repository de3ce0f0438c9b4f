//! `quickstart`: a site from nothing, its first night, and how to restore from it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use config::Quickstart as Settings;

use super::{Context, Exit, Misuse, dump, verify};
use crate::cli;
use crate::print;
use crate::site::CONFIG_FILE;

pub(super) fn run(context: &Context, arguments: &cli::Quickstart) -> anyhow::Result<Exit> {
    let directory = make(arguments)?;
    print::line(&format!(
        "site {}: configured in {}",
        directory.display(),
        directory.join(CONFIG_FILE).display()
    ))?;
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
    print::text(&what_now(&directory, arguments))?;
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

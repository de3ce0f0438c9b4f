//! The manual pages, made from the definitions of the command line.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::{Command, CommandFactory};

use crate::cli::Cli;

/// Writes `reelkeep.1` and a page for each command into `directory`.
pub(super) fn write(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("could not make {}", directory.display()))?;
    let mut root = Cli::command();
    root.build();
    page(&root, "reelkeep", directory)
}

fn page(command: &Command, name: &str, directory: &Path) -> anyhow::Result<()> {
    let mut text = Vec::new();
    let named = command.clone().name(name.to_owned().leak() as &str).display_name(name.to_owned());
    clap_mangen::Man::new(named).render(&mut text)?;
    let path = directory.join(format!("{name}.1"));
    fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
    let shown =
        command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help");
    shown
        .into_iter()
        .try_for_each(|sub| page(sub, &format!("{name}-{}", sub.get_name()), directory))
}

//! What is told of a night by the command that made it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use clap::Parser as _;
use taper::catalogue::{RunKind, RunStatus};
use types::Stamp;

use super::storages::{BOTH, Lie, configuration};
use super::world::World;
use crate::cli::Cli;
use crate::command::{self, Exit};

#[test]
fn a_report_that_cannot_be_kept_is_mailed_all_the_same_and_the_command_fails() {
    let post = tempfile::tempdir().unwrap();
    let (mailer, mail) = (post.path().join("mailer"), post.path().join("mail"));
    fs::write(&mailer, format!("#!/bin/sh\nexec cat > '{}'\n", mail.display())).unwrap();
    fs::set_permissions(&mailer, fs::Permissions::from_mode(0o755)).unwrap();
    let mailed = format!("mailto = [\"operator\"]\nmailer = \"{}\"", mailer.display());
    let mut world = World::with(&configuration(Lie::Apart, &format!("{BOTH}\n{mailed}"), ""));
    world.hold(1, 20);
    let [before, run]: [Stamp; 2] =
        ["29990101000000", "29990101000001"].map(|stamp| stamp.parse().unwrap());
    let mut catalogue = world.catalogue();
    catalogue.begin_run(before, RunKind::Flush, before, "test").unwrap();
    catalogue.finish_run(before, before, RunStatus::Good).unwrap();
    // Something is in the way.
    fs::create_dir_all(world.site.config.site.logdir.join(format!("{run}.txt"))).unwrap();
    let directory = world.site.directory.display().to_string();
    let flush = Cli::try_parse_from(["reelkeep", "-c", &directory, "flush"]).unwrap();
    assert_eq!(command::run(flush), Exit::Failed);
    assert!(fs::read_to_string(mail).unwrap().contains("localhost"), "it was mailed");
    world.assert_all_placed();
}

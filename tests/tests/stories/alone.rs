//! The two programs by themselves: without rights, without an environment, without any other file.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;

use crate::programs::{built, run};
use crate::trees::{Manifest, noise};

/// The user and group that own nothing.
const NOBODY: u32 = 65_534;

/// What root gave away for Amanda's helpers.
const SETUID_AND_SETGID: u32 = 0o6000;

#[test]
#[ignore = "needs root, to be somebody else: buildbot/run runs it"]
fn two_programs_without_rights_or_an_environment_dump_and_restore_what_their_user_may_read() {
    // Out of the reach of the checkout, which others may not be allowed to enter.
    let place = tempfile::tempdir().unwrap();
    let [programs, empty, tree] = ["programs", "empty", "tree"].map(|name| {
        let path = place.path().join(name);
        fs::create_dir(&path).unwrap();
        path
    });
    for program in ["reelkeep", "reelkeep-agent"] {
        let mode = fs::metadata(built(program)).unwrap().mode();
        assert_eq!(mode & SETUID_AND_SETGID, 0, "{program} has mode {mode:o}");
        fs::copy(built(program), programs.join(program)).unwrap();
        fs::set_permissions(programs.join(program), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(tree.join("file"), noise(100_000)).unwrap();
    fs::create_dir(tree.join("folder")).unwrap();
    fs::write(tree.join("folder/other"), "text").unwrap();
    let all =
        [place.path(), &tree, &tree.join("file"), &tree.join("folder"), &tree.join("folder/other")];
    all.iter().for_each(|path| chown(path, Some(NOBODY), Some(NOBODY)).unwrap());
    let site = place.path().join("site");
    let nobody = |arguments: &[&str]| {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(programs.join("reelkeep"));
        command.args(arguments).env_clear().current_dir(&empty).uid(NOBODY).gid(NOBODY);
        run(&mut command)
    };
    let [named, tree_named] = [&site, &tree].map(|path| path.to_str().unwrap());
    nobody(&["quickstart", "--dir", named, tree_named]).good();
    nobody(&["-c", named, "check"]).good();
    let to = place.path().join("restored");
    nobody(&["-c", named, "restore", "--dle", tree_named, "--to", to.to_str().unwrap()]).good();
    Manifest::of(&tree).expect(&Manifest::of(&to), "what nobody has restored");
}

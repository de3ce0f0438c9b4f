//! Hook scripts: run at all points, in order; one that offers a snapshot has that dumped; one that fails stops its DLE.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::site::{Scratch, Site};

/// Writes down what it is told, and offers a snapshot.
const HOOK: &str = r#"#!/bin/sh
[ "$1" = support ] && { echo 'EXECUTE-WHERE YES'; echo 'TIMESTAMP YES'; exit 0; }
point=$1; shift; disk=
while [ $# -gt 1 ]; do
  case "$1" in --logfile) log=$2 ;; --disk) disk=$2 ;; --execute-where) where=$2 ;; --snapshot) snapshot=$2 ;; esac
  shift 2
done
echo "$point $where${disk:+ $(basename "$disk")}" >> "$log"
echo "hello from $point"
case "$point" in PRE-DLE-BACKUP) [ -n "$snapshot" ] && echo "PROPERTY directory $snapshot" ;; esac
exit 0
"#;

const FAIL: &str =
    "#!/bin/sh\n[ \"$1\" = support ] && exit 0\necho 'the pool is gone' >&2\nexit 1\n";

fn install(directory: &Path, name: &str, text: &str) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join(name), text).unwrap();
    fs::set_permissions(directory.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
#[ignore = "runs the programs: buildbot/run runs it"]
fn scripts_run_at_all_points_and_say_what_is_dumped() {
    let scratch = Scratch::new();
    let [tree, other, snapshot] = ["tree", "other", "snapshot"].map(|name| {
        let path = scratch.path().join(name);
        fs::create_dir(&path).unwrap();
        fs::write(path.join("of"), name).unwrap();
        path
    });
    let site = Site::new(&scratch.path().join("site"), &[], &[&tree, &other]);
    let directory = site.path().join("agent/scripts");
    install(&directory, "hook", HOOK);
    install(&directory, "fail", FAIL);
    let log = scratch.path().join("log");
    let points = "[\"pre-amcheck\", \"post-amcheck\", \"pre-host-amcheck\", \"post-host-amcheck\", \"pre-dle-amcheck\", \
                  \"post-dle-amcheck\", \"pre-estimate\", \"post-estimate\", \"pre-host-estimate\", \
                  \"post-host-estimate\", \"pre-dle-estimate\", \"post-dle-estimate\", \"pre-backup\", \
                  \"post-backup\", \"pre-host-backup\", \"post-host-backup\", \"pre-dle-backup\", \
                  \"post-dle-backup\", \"pre-recover\", \"post-recover\", \"pre-level-recover\", \
                  \"post-level-recover\"]";
    site.configure(|text| {
        let scripts = format!(
            "[script.client]\nplugin = \"hook\"\nexecute-on = {points}\nsingle-execution = true\n\
             property = {{ logfile = {0:?}, snapshot = {1:?} }}\n\
             [script.server]\nplugin = \"hook\"\nexecute-where = \"server\"\nexecute-on = {points}\norder = 1\n\
             property = {{ logfile = {0:?} }}\n\
             [script.fail]\nplugin = \"fail\"\nexecute-on = [\"pre-dle-backup\"]\n",
            log, snapshot
        );
        let dle = |path: &Path| format!("path = {:?}", path.to_str().unwrap());
        let with = |path: &Path, names: &str| format!("{}\nscript = {names}", dle(path));
        text.replace(&dle(&tree), &with(&tree, "[\"client\", \"server\"]"))
            .replace(&dle(&other), &with(&other, "[\"fail\"]"))
            + &scripts
    });
    site.say(&["check"]).good();
    let told = || {
        let text = fs::read_to_string(&log).unwrap();
        fs::remove_file(&log).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let expected = [
        "PRE-AMCHECK server",
        "PRE-HOST-AMCHECK server tree",
        "PRE-HOST-AMCHECK client tree",
        "PRE-DLE-AMCHECK server tree",
        "PRE-DLE-AMCHECK client tree",
        "POST-DLE-AMCHECK server tree",
        "POST-DLE-AMCHECK client tree",
        "POST-HOST-AMCHECK server tree",
        "POST-HOST-AMCHECK client tree",
        "POST-AMCHECK server",
    ];
    assert_eq!(told(), expected);

    let said = site.say(&["dump"]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    let report = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        report.contains("the script fail at PRE-DLE-BACKUP: exit code 1: the pool is gone"),
        "{}",
        said.out
    );
    assert!(report.contains("hello from PRE-BACKUP"), "{}", said.out);
    let expected = [
        "PRE-ESTIMATE server",
        "PRE-HOST-ESTIMATE server tree",
        "PRE-HOST-ESTIMATE client tree",
        "PRE-DLE-ESTIMATE server tree",
        "PRE-DLE-ESTIMATE client tree",
        "POST-DLE-ESTIMATE server tree",
        "POST-DLE-ESTIMATE client tree",
        "POST-HOST-ESTIMATE server tree",
        "POST-HOST-ESTIMATE client tree",
        "POST-ESTIMATE server",
        "PRE-BACKUP server",
        "PRE-HOST-BACKUP server tree",
        "PRE-DLE-BACKUP server tree",
        "PRE-DLE-BACKUP client tree",
        "POST-DLE-BACKUP server tree",
        "POST-DLE-BACKUP client tree",
        "POST-HOST-BACKUP server tree",
        "POST-BACKUP server",
    ];
    assert_eq!(told(), expected);
    let dumps = site.dumps();
    assert_eq!(dumps.len(), 1, "the DLE whose script failed has no dump: {dumps:?}");

    let to = scratch.path().join("restored");
    site.restore(&tree, "latest", &to).good();
    assert_eq!(fs::read_to_string(to.join("of")).unwrap(), "snapshot");
    let expected = [
        "PRE-RECOVER client tree",
        "PRE-LEVEL-RECOVER client tree",
        "POST-LEVEL-RECOVER client tree",
        "POST-RECOVER client tree",
    ];
    assert_eq!(told(), expected);
}

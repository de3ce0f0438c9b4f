//! Scripts that are real programs, at all points, well behaved and not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use config::Config;

use super::*;

/// A site with two DLEs of one host, and scripts.
fn site() -> Config {
    let text = r#"
[site]
dumpcycle = "7 days"
[storage.daily]
tpchanger = "library"
tapetype = "vtape"
[changer.library]
type = "vtape"
directory = "vtapes"
slots = 3
[tapetype.vtape]
length = "1 GiB"

[script.mail]
plugin = "script-email"
execute-on = ["pre-backup", "pre-host-backup", "pre-dle-backup", "post-recover"]
execute-where = "server"
single-execution = true
property = { mailto = ["ops", "night"], TEXT = "x" }
[script.snapshot]
plugin = "amzfs-snapshot"
execute-on = ["pre-dle-backup", "pre-host-amcheck", "pre-backup", "post-recover"]
order = 10
[script.each]
plugin = "each"
execute-on = ["pre-host-amcheck"]

[[dle]]
host = "localhost"
path = "/a"
script = ["mail", "snapshot", "each"]
[[dle]]
host = "localhost"
path = "/b"
script = ["mail", "each"]
"#;
    config::read(&[("/site/reelkeep.toml".into(), text.to_owned())])
        .unwrap_or_else(|complaints| panic!("{}", complaints.pictures(false)))
}

fn chosen(point: ScriptPoint) -> Vec<String> {
    let config = site();
    let dles: Vec<&Dle> = config.dles.iter().collect();
    let told = select::at(&config, &dles, point).into_iter().map(|one| {
        let dle = one.dle.map(|dle| dle.name.to_string()).unwrap_or_default();
        format!("{} {dle}", one.script.name)
    });
    told.collect()
}

#[test]
fn of_several_scripts_the_smallest_order_goes_first() {
    assert_eq!(chosen(ScriptPoint::PreDleBackup), ["snapshot /a", "mail /a", "mail /b"]);
}

#[test]
fn at_a_point_of_a_run_a_script_of_the_server_runs_once_and_for_no_dle() {
    assert_eq!(chosen(ScriptPoint::PreBackup), ["mail "]);
}

#[test]
fn at_a_point_of_a_host_single_execution_is_once() {
    assert_eq!(chosen(ScriptPoint::PreHostBackup), ["mail /a"]);
    assert_eq!(chosen(ScriptPoint::PreHostAmcheck), ["snapshot /a", "each /a", "each /b"]);
}

#[test]
fn restores_run_scripts_of_the_client_only() {
    assert_eq!(chosen(ScriptPoint::PostRecover), ["snapshot /a"]);
}

#[test]
fn a_host_is_over_when_nothing_of_it_is_open() {
    let [a, b] = ["a", "b"].map(|name| name.parse::<HostName>().unwrap());
    let outcomes = [(&a, true), (&b, true), (&a, false)];
    let over: Vec<&HostName> = hosts_over(outcomes.into_iter()).into_iter().collect();
    assert_eq!(over, [&b]);
}

/// An agent that says what it was asked, in place of the real one: it greets, and answers each request with the same
/// reply.
fn agent(directory: &Path, features: &str, reply: &str) -> AgentCommand {
    let message = |kind: u8, text: &str| {
        let length = u32::try_from(text.len()).unwrap().to_le_bytes();
        let bytes = [&length[..], &[kind], text.as_bytes()].concat();
        bytes.iter().map(|byte| format!("\\{byte:03o}")).collect::<String>()
    };
    let hello = message(1, &format!(r#"{{"version":1,"features":[{features}]}}"#));
    let path = directory.join("agent");
    let script =
        format!("#!/bin/sh\nprintf '{hello}'\nprintf '{}'\ncat > /dev/null\n", message(3, reply));
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    AgentCommand { program: path, state: directory.to_owned() }
}

fn ran(features: &str, reply: &str) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    let config = site();
    let agent = agent(directory.path(), features, reply);
    let scripts = Scripts::of(&config, &agent, None);
    let patience = Patience::of(std::time::Duration::from_secs(30));
    scripts.at_dle(ScriptPoint::PreDleBackup, &config.dles[1], &[Level::FULL], &patience)
}

#[test]
fn what_a_script_says_goes_to_the_log_and_what_it_has_to_the_dump() {
    let reply = r#"{"reply":"script","code":0,"said":[{"complaint":true,"text":"slow"}],
        "properties":{"directory":["/snapshot"]}}"#;
    let ran = ran(r#""scripts""#, reply);
    assert_eq!(ran.failed, None);
    assert_eq!((ran.complaints, ran.directory()), (1, Some("/snapshot")));
    let [RunEvent::ScriptSaid { script, about, text, .. }] = ran.said.as_slice() else {
        panic!("{:?}", ran.said)
    };
    assert_eq!((script.as_str(), text.as_str()), ("mail", "slow"));
    assert_eq!(about.as_deref(), Some("localhost:/b"));
}

#[test]
fn a_script_that_does_not_go_well_is_named_with_its_last_words() {
    let reply = r#"{"reply":"script","code":2,"said":[{"complaint":true,"text":"no pool"}]}"#;
    let ran = ran(r#""scripts""#, reply);
    assert_eq!(
        ran.failed.as_deref(),
        Some("the script mail at PRE-DLE-BACKUP: exit code 2: no pool")
    );
}

#[test]
fn an_agent_that_is_too_old_for_scripts_fails_them() {
    let ran = ran("", r#"{"reply":"done"}"#);
    let why = ran.failed.unwrap();
    assert!(why.contains("too old to run scripts"), "{why}");
}

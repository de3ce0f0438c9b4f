//! Amanda's names for the program.
//!
//! Called under one of them (`amdump`, `amcheck`, …), the program takes the configuration first, as Amanda does, and
//! behaves as the command of ours that does the same.

use std::ffi::OsString;
use std::path::Path;

/// The command line with Amanda's names put into ours: `amdump CONFIG HOST` becomes
/// `reelkeep --config CONFIG dump HOST`.
pub fn arguments(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut given: Vec<OsString> = given.collect();
    let called =
        given.first().and_then(|path| Path::new(path).file_name()).and_then(|name| name.to_str());
    let Some(command) = called.and_then(amanda_name) else { return given };
    let rest = given.split_off(1);
    let mut ours: Vec<OsString> = vec!["reelkeep".into()];
    let config = rest.iter().position(|word| !word.as_encoded_bytes().starts_with(b"-"));
    if let Some(config) = config {
        ours.extend(["--config".into(), rest[config].clone()]);
    }
    ours.extend(command.iter().map(OsString::from));
    ours.extend(
        rest.iter().enumerate().filter(|(i, _)| Some(*i) != config).map(|(_, word)| word.clone()),
    );
    ours
}

/// The command that does what the one of this name does in Amanda.
fn amanda_name(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "amdump" => &["dump"],
        "amcheck" => &["check"],
        "amflush" => &["flush"],
        "amstatus" => &["status"],
        "amreport" => &["report"],
        "amrecover" => &["recover"],
        "amfetchdump" => &["restore"],
        "amcheckdump" => &["verify"],
        "amlabel" => &["label"],
        "amcleanup" => &["cleanup"],
        "amtape" => &["library"],
        "amgetconf" => &["config", "show"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn amandas_names_take_the_configuration_first() {
        let given = ["/usr/sbin/amdump", "daily", "web", "/srv"].map(OsString::from);
        let ours = arguments(given.into_iter());
        assert_eq!(ours, ["reelkeep", "--config", "daily", "dump", "web", "/srv"]);
        let cli = Cli::try_parse_from(ours).unwrap();
        assert_eq!(cli.config.as_deref(), Some("daily"));
    }

    #[test]
    fn our_own_name_changes_nothing() {
        let given = ["reelkeep", "-c", "x", "list", "dumps"].map(OsString::from);
        assert_eq!(arguments(given.clone().into_iter()), given);
    }
}

//! Parameters of amanda.conf that have no key here, and what to do instead.
//!
//! Who copies a line from an amanda.conf should learn why it is not taken, rather than that it is unknown.

/// Amanda's name, and the advice.
const RETIRED: &[(&str, &str)] = &[
    ("allow-compress", "images are always compressed; choose compress-level"),
    ("amandad-path", "clients over a network are not served yet"),
    ("amandates", "the agent keeps snapshots by dump id, leave it out"),
    ("amrecover-changer", "recover always uses the storages' changers, leave it out"),
    ("amrecover-check-label", "labels are always checked, leave it out"),
    ("amrecover-do-fsf", "parts are always found by position, leave it out"),
    (
        "application",
        "application plug-ins are not served yet; trees are archived by the agent itself",
    ),
    ("auth", "clients over a network are not served yet; every agent is run on this machine"),
    ("autolabel-when", "write autolabel = { template = \"…\", when = [\"empty\"] }"),
    ("changerdev", "name the changer's own keys in [changer.NAME]"),
    ("changerfile", "a changer keeps its state beside its slots, leave it out"),
    ("client-custom-compress", "images are always zstd frames; choose compress-level"),
    ("client-encrypt", "encryption is not served yet"),
    ("client-port", "clients over a network are not served yet"),
    ("client-username", "clients over a network are not served yet"),
    ("columnspec", "the report's columns fit themselves, leave it out"),
    ("command-file", "the catalogue keeps what is still to be done, leave it out"),
    (
        "compress",
        "images are always zstd frames made by the client; choose compress-level: 1 fast, 3 default, 19 best",
    ),
    ("compress-index", "indexes are always compact, leave it out"),
    ("connect-tries", "clients over a network are not served yet"),
    ("data-path", "image frames always take the same way, leave it out"),
    ("debug-days", "logs are kept, leave it out"),
    ("device-property", "name the changer's own keys in [changer.NAME]"),
    ("diskfile", "write [[dle]] sections, or include = [\"dles/*.toml\"]"),
    ("dump-limit", "every run is started by the server, leave it out"),
    ("dumpuser", "reelkeep runs as the user who starts it, leave it out"),
    ("encrypt", "encryption is not served yet"),
    ("exclude-file", "write patterns in exclude, or name a file with patterns in exclude-list"),
    ("exclude-files", "did you mean \"exclude-list\"?"),
    ("fallback-splitsize", "set part-size in the tapetype"),
    ("holdingdisk-use", "did you mean \"use\"?"),
    ("include-file", "write the patterns in include"),
    ("include-list", "write the patterns in include"),
    ("include-files", "write the patterns in include"),
    ("includefile", "write include = [\"dles/*.toml\"] at the top of reelkeep.toml"),
    ("infofile", "the catalogue holds the history; its place is set by catalogue"),
    (
        "interactivity",
        "who is at the terminal is asked, else mail goes to mailto; a changer of type \"single\" says with \
         wait-for-operator how long",
    ),
    ("kencrypt", "encryption is not served yet"),
    ("krb5keytab", "clients over a network are not served yet"),
    ("krb5principal", "clients over a network are not served yet"),
    ("label-new-tapes", "set autolabel"),
    ("lbl-templ", "labels are not printed"),
    ("meta-autolabel", "removable containers of slots are not served yet"),
    ("part-cache-dir", "parts end at frames and are never written twice, leave it out"),
    ("part-cache-max-size", "parts end at frames and are never written twice, leave it out"),
    ("part-cache-type", "parts end at frames and are never written twice, leave it out"),
    ("printer", "labels are not printed"),
    ("program", "trees are archived by the agent itself, leave it out"),
    ("property", "there are no properties: each setting has a key of its own"),
    ("readblocksize", "blocks of every size are read, leave it out"),
    ("recovery-limit", "clients over a network are not served yet"),
    ("rep-tries", "clients over a network are not served yet"),
    ("report-format", "every format can be made of every run at any time, leave it out"),
    ("req-tries", "clients over a network are not served yet"),
    ("rest-api-port", "there is no such service"),
    ("send-report-on", "did you mean \"send-amreport-on\"?"),
    (
        "server-custom-compress",
        "images are always zstd frames made by the client; choose compress-level",
    ),
    ("server-encrypt", "encryption is not served yet"),
    ("sort-index", "indexes are always sorted, leave it out"),
    ("split-diskbuffer", "parts end at frames and are never written twice, leave it out"),
    ("src-ip", "clients over a network are not served yet"),
    ("ssh-keys", "clients over a network are not served yet"),
    ("ssl-dir", "clients over a network are not served yet"),
    ("tape-splitsize", "set part-size in the tapetype"),
    ("tapedev", "write a [changer.NAME], and tpchanger = \"NAME\" in the storage"),
    ("tapelist", "the catalogue holds the volumes; its place is set by catalogue"),
    ("changer", "did you mean \"tpchanger\"?"),
    ("pool", "did you mean \"tapepool\"?"),
    ("tmpdir", "nothing is sorted on disk, leave it out"),
    ("usetimestamps", "runs always have a time stamp, leave it out"),
    ("erase-on-failure", "a volume that got nothing is written again, leave it out"),
    ("erase-on-full", "a volume is erased only when nothing on it is kept; see erase-volume"),
    ("disk", "did you mean \"path\"?"),
    ("device", "did you mean \"path\"?"),
    ("directory-name", "did you mean \"directory\"?"),
    ("retention-cycle", "did you mean \"retention-cycles\"?"),
    ("cycles", "did you mean \"retention-cycles\"?"),
    ("max-size", "did you mean \"max-file-size\"?"),
];

/// What to do instead of setting this.
pub(crate) fn advice(key: &str) -> Option<&'static str> {
    if key.starts_with("debug-") && key != "debug-days" {
        return Some("how much is logged is said on the command line, leave it out");
    }
    RETIRED.iter().find(|(name, _)| *name == key).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_explained_twice() {
        for (n, (name, advice)) in RETIRED.iter().enumerate() {
            assert!(!RETIRED[n + 1..].iter().any(|(other, _)| other == name), "{name}");
            assert!(!advice.is_empty());
        }
    }
}

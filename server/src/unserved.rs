//! What the configuration may say and this version does not do yet.
//!
//! A key that is accepted and has no effect is a promise that is not kept. Each that is set to more than its
//! default is told: by `config check`, by `check`, and in the notes of every run.

use config::Config;

/// One sentence for each.
pub fn told(config: &Config) -> Vec<String> {
    let mut told = Vec::new();
    let mut say = |applies: bool, text: String| {
        if applies {
            told.push(text);
        }
    };
    let site = &config.site;
    say(
        site.storage.len() > 1,
        format!("storage: this version writes to the first one only, {}", first(&site.storage)),
    );
    say(
        !site.vault_storage.is_empty(),
        "vault-storage: this version makes no copies to other storages".to_owned(),
    );
    for storage in &config.storages {
        let name = &storage.name;
        let keys = [
            ("vault", !storage.vault.is_empty()),
            ("dump-selection", !storage.dump_selection.is_empty()),
            ("set-no-reuse", storage.set_no_reuse),
            ("erase-volume", storage.tapering.erase_volume),
        ];
        for (key, set) in keys {
            say(set, format!("storage {name}: {key} has no effect in this version"));
        }
    }
    for dle in &config.dles {
        let reference = dle.reference();
        say(
            !dle.dumping.record,
            format!("{reference}: record = false has no effect in this version"),
        );
        say(
            dle.dumping.skip_full,
            format!(
                "{reference}: skip-full leaves the DLE out whenever a full is due, and forgets that it did"
            ),
        );
    }
    told
}

fn first(names: &[types::StorageName]) -> String {
    names.first().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(more: &str) -> Config {
        let settings = config::Quickstart::new("/site".into(), vec!["/srv".into()]);
        let text = config::quickstart(&settings)
            .unwrap()
            .replace("[site]\n", &format!("[site]\n{more}\n"));
        config::read(&[("/site/reelkeep.toml".into(), text)]).unwrap()
    }

    #[test]
    fn what_quickstart_writes_is_all_served() {
        assert_eq!(told(&site("")), [""; 0]);
    }

    #[test]
    fn a_key_without_effect_is_told() {
        let told = told(&site("vault-storage = [\"daily\"]"));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("vault-storage"));
    }
}

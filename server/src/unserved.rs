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
    for storage in &config.storages {
        let name = &storage.name;
        let keys = [("set-no-reuse", storage.set_no_reuse)];
        for (key, set) in keys {
            say(set, format!("storage {name}: {key} has no effect in this version"));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(more: &str) -> Config {
        let settings = config::Quickstart::new("/site".into(), vec!["/srv".into()]);
        let text = config::quickstart(&settings)
            .unwrap()
            .replace("[storage.daily]\n", &format!("[storage.daily]\n{more}\n"));
        config::read(&[("/site/reelkeep.toml".into(), text)]).unwrap()
    }

    #[test]
    fn what_quickstart_writes_is_all_served() {
        assert_eq!(told(&site("")), [""; 0]);
    }

    #[test]
    fn a_key_without_effect_is_told() {
        let told = told(&site("set-no-reuse = true"));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("set-no-reuse"));
    }
}

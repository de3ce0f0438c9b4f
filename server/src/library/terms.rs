//! What the configuration says of a storage, in the words of the taper.

use config::{Config, Storage};
use devices::vtape;
use taper::label::{Autolabel, BadTemplate, LabelRule, Names};
use taper::retention::{Policies, Policy};
use taper::scan::Method;
use types::Bytes;

use crate::command::Misuse;

/// The storage of this name, or the one that runs write to.
pub(crate) fn storage<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a Storage, Misuse> {
    match name {
        None => planned_for(config)
            .ok_or_else(|| Misuse("the configuration has no storage to write to".to_owned())),
        Some(name) => config
            .storages
            .iter()
            .find(|storage| storage.name.as_str() == name)
            .ok_or_else(|| Misuse(format!("there is no storage {name} in the configuration"))),
    }
}

/// The storage that a run writes to.
pub fn planned_for(config: &Config) -> Option<&Storage> {
    let name = config.site.storage.first()?;
    config.storages.iter().find(|storage| storage.name == *name)
}

/// What the policies of all storages say, for the retention engine.
pub fn policies(config: &Config) -> Policies {
    config.storages.iter().map(|storage| (storage.name.clone(), policy(&storage.policy))).collect()
}

fn policy(policy: &config::Policy) -> Policy {
    Policy {
        volumes: policy.retention_tapes,
        days: policy.retention_days,
        recover_days: policy.retention_recover,
        cycles: policy.retention_cycles,
        keep_until: policy.keep_until,
        ..Policy::default()
    }
    .with_retention_full(policy.retention_full)
}

/// What goes on a volume of a storage before its end is near. Behind that there is only room for the last frame and the
/// records of the run.
pub fn usable(storage: &Storage) -> Bytes {
    let tapetype = &storage.tapetype;
    let kept = || vtape::Setup::kept_at_the_end(tapetype.length);
    tapetype.length - tapetype.early_warning.unwrap_or_else(kept)
}

/// What label variables stand for.
pub fn names(config: &Config, storage: &Storage) -> Names {
    Names {
        org: config.site.org.clone(),
        config: config.site.name.clone(),
        storage: storage.name.to_string(),
    }
}

/// In which order volumes are looked for.
pub fn method(storage: &Storage) -> Method {
    match storage.tapering.taperscan {
        config::Taperscan::Traditional => Method::Traditional,
        config::Taperscan::Oldest => Method::Oldest,
        config::Taperscan::Lexical => Method::Lexical,
    }
}

/// Which labels are ours, and how new volumes are labelled.
pub fn labels(storage: &Storage) -> Result<(LabelRule, Option<Autolabel>), BadTemplate> {
    let autolabel = storage.tapering.autolabel.as_ref().map(autolabel).transpose()?;
    let rule = match (&storage.tapering.labelstr, &autolabel) {
        (config::LabelRule::MatchAutolabel, Some(autolabel)) => {
            LabelRule::Template(autolabel.template.clone())
        }
        (config::LabelRule::MatchAutolabel, None) => LabelRule::Any,
        (config::LabelRule::Template(template), _) => {
            LabelRule::Template(template.as_str().parse()?)
        }
        (config::LabelRule::Regex(text), _) => {
            regex::Regex::new(text).map_or(LabelRule::Any, LabelRule::Regex)
        }
    };
    Ok((rule, autolabel))
}

fn autolabel(autolabel: &config::Autolabel) -> Result<Autolabel, BadTemplate> {
    Ok(Autolabel {
        template: autolabel.template.as_str().parse()?,
        empty: autolabel.empty,
        volume_error: autolabel.volume_error,
        non_amanda: autolabel.non_amanda,
        other_config: autolabel.other_config,
    })
}

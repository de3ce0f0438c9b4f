//! The effective configuration: every setting with its value, and where that comes from.
//!
//! As TOML it reads back to the same configuration, so it can be kept, compared or sent to somebody. A DLE
//! is shown with what it says itself, and its dumptype once; as JSON each DLE has all of its settings.

use std::fmt::Write as _;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::changer::{Changer, ChangerKind, RobotDrives};
use crate::changer_values::Drives;
use crate::keys::Key;
use crate::model::{Config, Dle, Storage};
use crate::origins::Origin;
use crate::scripts::{ScriptDraft, script_keys};
use crate::sections::{
    ChangerDraft, DleDraft, DumptypeDraft, HoldingDraft, InterfaceDraft, Kind, PolicyDraft,
    SiteDraft, StorageDraft, TaperDraft, TapetypeDraft, changer_keys, dle_keys, dumptype_keys,
    holding_keys, interface_keys, policy_keys, site_keys, storage_keys, tapetype_keys,
};
use crate::shown::{Shown, key};
use crate::special::VaultDraft;
use crate::value::{At, Spot};

/// The effective configuration, to be shown as TOML ([`View::toml`]) or serialised.
#[derive(Debug)]
pub struct View {
    sections: Vec<Part>,
}

/// A section of it.
#[derive(Debug)]
struct Part {
    /// `site`, `storage` and so on.
    kind: &'static str,
    /// What it is called, where such sections have names.
    name: Option<String>,
    settings: Vec<Setting>,
}

#[derive(Debug)]
struct Setting {
    key: &'static str,
    value: Shown,
    origin: Option<Origin>,
    /// Whether it is shown in TOML: a DLE's dumptype has its line elsewhere.
    listed: bool,
}

/// The effective configuration as TOML, with a comment on each line that says where the value was set.
pub fn show(config: &Config) -> String {
    view(config).toml()
}

/// The effective configuration as JSON has it: sizes and times are texts with units as in TOML, and each DLE
/// has all of its settings.
pub fn show_json(config: &Config) -> impl Serialize + use<> {
    view(config)
}

/// The effective configuration, setting by setting.
pub fn view(config: &Config) -> View {
    let mut view = Viewer { config, sections: Vec::new() };
    view.section("site", None, "site", site_keys(), site_draft(config));
    let mut seen = Vec::new();
    for storage in &config.storages {
        view.storage(storage, &mut seen);
    }
    for disk in &config.holding {
        let draft = HoldingDraft { directory: Some(disk.directory.clone()), disk: disk.clone() };
        view.named("holdingdisk", &disk.name, holding_keys(), draft);
    }
    for interface in config.interfaces.iter().skip(1) {
        let draft = InterfaceDraft { rate: Some(interface.use_rate), interface: interface.clone() };
        view.named("interface", &interface.name, interface_keys(), draft);
    }
    for script in &config.scripts {
        let draft = ScriptDraft { plugin: Some(script.plugin.clone()), script: script.clone() };
        view.named("script", &script.name, script_keys(), draft);
    }
    for dumptype in &config.dumptypes {
        let draft = DumptypeDraft::new(dumptype.dumping.clone());
        view.named("dumptype", &dumptype.name, dumptype_keys(), draft);
    }
    for (number, dle) in config.dles.iter().enumerate() {
        view.dle(number, dle);
    }
    View { sections: view.sections }
}

struct Viewer<'a> {
    config: &'a Config,
    sections: Vec<Part>,
}

impl Viewer<'_> {
    fn storage(&mut self, storage: &Storage, seen: &mut Vec<(&'static str, String)>) {
        let mut first = |kind, name: &str| {
            let new = !seen.contains(&(kind, name.to_owned()));
            seen.push((kind, name.to_owned()));
            new
        };
        if first("changer", &storage.changer.name) {
            let draft = changer_draft(&storage.changer);
            self.named("changer", &storage.changer.name, changer_keys(), draft);
        }
        if first("tapetype", &storage.tapetype.name) {
            let tapetype = storage.tapetype.clone();
            let draft = TapetypeDraft {
                comment: tapetype.comment,
                length: Some(tapetype.length),
                blocksize: Some(tapetype.blocksize),
                filemark: tapetype.filemark,
                speed: tapetype.speed,
                part_size: Some(tapetype.part_size),
                early_warning: tapetype.early_warning,
                compression: tapetype.compression,
            };
            self.named("tapetype", &tapetype.name, tapetype_keys(), draft);
        }
        if first("policy", &storage.policy.name) {
            let policy = storage.policy.clone();
            let draft = PolicyDraft { tapes: Some(policy.retention_tapes), policy };
            self.named("policy", &storage.policy.name, policy_keys(), draft);
        }
        self.named("storage", storage.name.as_str(), storage_keys(), storage_draft(storage));
    }

    fn dle(&mut self, number: usize, dle: &Dle) {
        let draft = DleDraft {
            host: Some(spot(dle.host.clone())),
            name: named(dle.name.as_str()),
            path: Some(spot(dle.path.clone())),
            dumptype: named(&dle.dumptype),
            interface: named(&dle.interface),
            how: DumptypeDraft::new(dle.dumping.clone()),
        };
        self.section("dle", None, &format!("dle.{number}"), dle_keys(), draft);
        let own = ["host", "name", "path", "dumptype", "interface"];
        for setting in self.sections.last_mut().into_iter().flat_map(|part| &mut part.settings) {
            setting.listed = setting.origin.is_some() || own.contains(&setting.key);
        }
    }

    fn named<S: 'static>(&mut self, kind: &'static str, name: &str, keys: Vec<Key<S>>, draft: S) {
        self.section(kind, Some(name.to_owned()), &format!("{kind}.{name}"), keys, draft);
    }

    fn section<S: 'static>(
        &mut self,
        kind: &'static str,
        name: Option<String>,
        id: &str,
        keys: Vec<Key<S>>,
        mut draft: S,
    ) {
        let mut settings = Vec::new();
        // What has only one position is not a setting; and what is shown has all that it inherits.
        for key in keys.iter().filter(|key| !["index", "inherits"].contains(&key.name)) {
            let origin = self.config.origins.of(id, key.name).cloned();
            let value = key.show(&mut draft);
            let listed = value != Shown::Absent;
            settings.push(Setting { key: key.name, value, origin, listed });
        }
        self.sections.push(Part { kind, name, settings });
    }
}

fn spot<T>(value: T) -> Spot<T> {
    Spot { value, at: At { file: 0, span: 0..0 } }
}

fn named(name: &str) -> Option<Spot<String>> {
    Some(spot(name.to_owned()))
}

fn site_draft(config: &Config) -> SiteDraft {
    let site = config.site.clone();
    let names = |list: &[types::StorageName]| {
        Some(list.iter().map(|name| spot(name.as_str().to_owned())).collect())
    };
    SiteDraft {
        org: Some(site.org.clone()),
        storage: names(&site.storage),
        active_storage: names(&site.active_storage),
        vault_storage: names(&site.vault_storage),
        taper: TaperDraft {
            labelstr: Some(spot(site.tapering.labelstr.clone())),
            autolabel: site.tapering.autolabel.clone().map(spot),
            tapering: site.tapering.clone(),
            tapetype: None,
            blocksize: None,
            policy: None,
        },
        site,
    }
}

fn changer_draft(changer: &Changer) -> ChangerDraft {
    let draft = ChangerDraft { comment: changer.comment.clone(), ..ChangerDraft::default() };
    match changer.kind.clone() {
        ChangerKind::Vtape { directory, slots, drives } => ChangerDraft {
            kind: Some(Kind::Vtape),
            directory: Some(directory),
            slots: Some(slots),
            drives: Some(Drives::Count(drives)),
            ..draft
        },
        ChangerKind::Emulator(emulated) => ChangerDraft {
            kind: Some(Kind::Emulator),
            directory: Some(emulated.directory),
            slots: Some(emulated.slots),
            cartridges: Some(emulated.cartridges),
            mail_slots: Some(emulated.mail_slots),
            drives: Some(Drives::Count(emulated.drives)),
            profile: Some(emulated.profile),
            generation: Some(emulated.generation),
            cleaning: Some(emulated.cleaning),
            ..draft
        },
        ChangerKind::Robot(robot) => ChangerDraft {
            kind: Some(Kind::Robot),
            device: Some(robot.device),
            drives: Some(match robot.drives {
                RobotDrives::Auto => Drives::Auto,
                RobotDrives::Listed(list) => Drives::Listed(list),
            }),
            eject_before_unload: Some(robot.eject_before_unload),
            cleaning: Some(robot.cleaning),
            ..draft
        },
        ChangerKind::Single { drive, patience } => ChangerDraft {
            kind: Some(Kind::Single),
            drive: Some(drive),
            wait_for_operator: Some(patience),
            ..draft
        },
    }
}

fn storage_draft(storage: &Storage) -> StorageDraft {
    let vault = |vault: &crate::model::Vault| VaultDraft {
        storage: named(vault.storage.as_str()),
        days: vault.days,
    };
    StorageDraft {
        comment: storage.comment.clone(),
        pool_comment: String::new(),
        pool: named(storage.pool.as_str()),
        changer: named(&storage.changer.name),
        taper: TaperDraft {
            labelstr: Some(spot(storage.tapering.labelstr.clone())),
            autolabel: storage.tapering.autolabel.clone().map(spot),
            tapering: storage.tapering.clone(),
            tapetype: named(&storage.tapetype.name),
            blocksize: Some(spot(storage.tapetype.blocksize)),
            policy: named(&storage.policy.name),
        },
        set_no_reuse: storage.set_no_reuse,
        dump_selection: storage.dump_selection.clone(),
        vault: storage.vault.iter().map(vault).collect(),
    }
}

impl View {
    /// As TOML that reads back to the same configuration.
    pub fn toml(&self) -> String {
        let mut text = String::new();
        for part in &self.sections {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&part.toml());
        }
        text
    }

    /// The value of a setting, `site.dumpcycle` or `storage.daily.runtapes`.
    pub fn get(&self, path: &str) -> Option<&Shown> {
        let (section, key) = path.rsplit_once('.').unwrap_or(("site", path));
        let part = self.sections.iter().find(|part| part.id().is_some_and(|id| id == section))?;
        part.settings.iter().find(|setting| setting.key == key).map(|setting| &setting.value)
    }
}

impl Part {
    fn id(&self) -> Option<String> {
        match (&self.name, self.kind) {
            (Some(name), kind) => Some(format!("{kind}.{name}")),
            (None, "dle") => None,
            (None, kind) => Some(kind.to_owned()),
        }
    }

    fn toml(&self) -> String {
        let mut text = match (&self.name, self.kind) {
            (Some(name), kind) => format!("[{kind}.{}]\n", key(name)),
            (None, "dle") => "[[dle]]\n".to_owned(),
            (None, kind) => format!("[{kind}]\n"),
        };
        for setting in self.settings.iter().filter(|setting| setting.listed) {
            let line = format!("{} = {}", setting.key, setting.value);
            // Writing to a String cannot fail.
            let _unfailing = writeln!(text, "{line:<39} # {}", setting.whence());
        }
        text
    }
}

impl Setting {
    fn whence(&self) -> String {
        match &self.origin {
            Some(Origin { section, file, line }) => format!("{section}, {file}:{line}"),
            None => "default".to_owned(),
        }
    }
}

/// As JSON: sections by kind and name, DLEs as a list.
impl Serialize for View {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut kinds: Vec<&str> = Vec::new();
        for part in &self.sections {
            if !kinds.contains(&part.kind) {
                kinds.push(part.kind);
            }
        }
        let mut map = serializer.serialize_map(Some(kinds.len()))?;
        for kind in kinds {
            let parts: Vec<&Part> = self.sections.iter().filter(|part| part.kind == kind).collect();
            match kind {
                "site" => map.serialize_entry(kind, &Settings(parts[0]))?,
                "dle" => {
                    map.serialize_entry(
                        kind,
                        &parts.into_iter().map(Settings).collect::<Vec<_>>(),
                    )?;
                }
                _ => map.serialize_entry(kind, &Named(parts))?,
            }
        }
        map.end()
    }
}

struct Settings<'a>(&'a Part);

impl Serialize for Settings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.settings.iter().map(|s| (s.key, &s.value)))
    }
}

struct Named<'a>(Vec<&'a Part>);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries =
            self.0.iter().map(|part| (part.name.as_deref().unwrap_or(""), Settings(part)));
        serializer.collect_map(entries)
    }
}

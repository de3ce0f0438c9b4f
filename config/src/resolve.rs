//! From sections to a configuration: names are followed, defaults filled in, and what has to fit together
//! is checked.
//!
//! Every check that fails leaves its complaint and goes on, so that one run of `reelkeep config check`
//! shows all of them. Only what a failed check leaves without a value is left out of what follows.

mod changers;
mod dles;
mod scripts;
mod storages;
mod tapetypes;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use types::{Bytes, StorageName};

use crate::complaint::Source;
use crate::keys::Set;
use crate::mail::SmtpSecurity;
use crate::model::{Config, HoldingDisk, Interface, Site, Storage, UseSpace};
use crate::origins::{Origin, Origins};
use crate::read::{Faults, Section, Sections};
use crate::sections::{HoldingDraft, InterfaceDraft, SiteDraft, default_site, taper_draft};
use crate::suggest;
use crate::value::{At, Spot};

/// What the parts of the resolution share.
pub(crate) struct Resolver<'a> {
    pub(crate) sections: &'a Sections,
    pub(crate) sources: &'a [Source],
    pub(crate) faults: &'a mut Faults,
    pub(crate) origins: BTreeMap<(String, &'static str), Origin>,
}

/// The configuration that the sections make, if nothing essential is missing.
pub(crate) fn resolve(
    sections: &Sections,
    sources: &[Source],
    directory: PathBuf,
    faults: &mut Faults,
) -> Option<Config> {
    let mut resolver = Resolver { sections, sources, faults, origins: BTreeMap::new() };
    let draft = resolver.site(directory);
    let storages = resolver.storages(&draft);
    let holding = resolver.holding(&draft.site.directory);
    let interfaces = resolver.interfaces(&draft.site);
    let scripts = resolver.scripts();
    let (dumptypes, dles) = resolver.dles(&draft.site, &interfaces, &holding);
    let storages: Vec<Storage> = storages.into_iter().map(|(storage, _)| storage).collect();
    resolver.directories(&holding, &storages);
    resolver.tags(&storages, &dles);
    resolver.backups_of_backups(&dles, &holding, &storages);
    let site = resolver.storage_lists(draft, &storages)?;
    resolver.unused(&site, &storages);
    resolver.sizes(&site, &storages, &holding);
    let origins = Origins(resolver.origins);
    let mut by_name: Vec<usize> = (0..dles.len()).collect();
    by_name.sort_by_key(|at| dles[*at].key());
    Some(Config {
        site,
        storages,
        holding,
        interfaces,
        dumptypes,
        dles,
        by_name,
        scripts,
        hints: Vec::new(),
        origins,
    })
}

impl Resolver<'_> {
    /// Remembers where the values of a section were set.
    fn remember<S>(&mut self, section: &str, written: &str, sets: &[Set<S>]) {
        for set in sets {
            let source = &self.sources[set.at.file];
            let (line, _) = source.position(set.at.span.start);
            let file = source.path.display().to_string();
            let origin = Origin { section: written.to_owned(), file, line };
            self.origins.insert((section.to_owned(), set.key), origin);
        }
    }

    fn site(&mut self, directory: PathBuf) -> SiteDraft {
        let name = directory.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "reelkeep".to_owned());
        let site = default_site(directory, name);
        let draft = SiteDraft {
            taper: taper_draft(&site),
            site,
            org: None,
            storage: None,
            active_storage: None,
            vault_storage: None,
        };
        let sections = self.sections;
        self.remember("site", "site", &sections.site.sets);
        let mut draft = sections.site.apply(draft);
        let site = &mut draft.site;
        for path in [&mut site.catalogue, &mut site.indexdir, &mut site.logdir] {
            *path = absolute(&site.directory, path);
        }
        for file in [&mut site.smtp_login, &mut site.smtp_ca].into_iter().flatten() {
            *file = absolute(&site.directory, file);
        }
        self.mail(site);
        if let Some(org) = &draft.org {
            site.org.clone_from(org);
        }
        if site.inparallel < site.dumping.maxdumps {
            let message = format!(
                "a host may be dumped {} times at once, and the whole site only {}",
                site.dumping.maxdumps, site.inparallel
            );
            self.faults.hint(
                &sections.site.place("maxdumps"),
                message,
                "raise inparallel".to_owned(),
            );
        }
        draft
    }

    /// A password is for a server, and for no ears on the way; only an encrypted server has a certificate.
    fn mail(&mut self, site: &Site) {
        let needed = [("smtp-login", &site.smtp_login), ("smtp-ca", &site.smtp_ca)];
        for (key, _) in needed.into_iter().filter(|(_, file)| file.is_some()) {
            let place = self.sections.site.place(key);
            match (key, &site.smtp) {
                (_, None) => self.faults.mistake(
                    &place,
                    format!("{key} is for the server that smtp names, and there is none"),
                    format!("write smtp = \"smtps://HOST\", or leave {key} out"),
                ),
                ("smtp-login", Some(server))
                    if server.security == SmtpSecurity::Plain && !server.is_local() =>
                {
                    self.faults.mistake(
                        &place,
                        format!("the password would go to {server} for all to read"),
                        "write smtps:// or smtp+starttls://".to_owned(),
                    );
                }
                ("smtp-ca", Some(server)) if server.security == SmtpSecurity::Plain => {
                    self.faults.mistake(
                        &place,
                        format!("the connection to {server} is not encrypted, so that no certificate is seen"),
                        "write smtps:// or smtp+starttls://, or leave smtp-ca out".to_owned(),
                    );
                }
                (_, Some(_)) => {}
            }
        }
    }

    /// Looks up the storages that the site names.
    fn storage_lists(&mut self, draft: SiteDraft, storages: &[Storage]) -> Option<Site> {
        let sections = self.sections;
        let defined: Vec<&str> = sections.storages.iter().map(|s| s.name.as_str()).collect();
        let mut site = draft.site;
        let place = &sections.site.at;
        site.storage = match (&draft.storage, defined.as_slice()) {
            (_, []) => {
                let message = "there is no storage: nothing says where dumps go";
                self.faults.mistake(place, message, "write [storage.NAME]".to_owned());
                return None;
            }
            (Some(names), _) if names.is_empty() => {
                self.faults.mistake(
                    &sections.site.place("storage"),
                    "storage: a run has to write to at least one storage",
                    suggest::choices(&defined),
                );
                return None;
            }
            (Some(names), _) => self.known_storages(names, &defined),
            (None, [only]) => only.parse().into_iter().collect(),
            (None, _) => {
                let message =
                    "there are several storages, and none is said to be the one that runs write to";
                self.faults.mistake(
                    place,
                    message,
                    format!("write storage = [{:?}] in [site]", defined[0]),
                );
                return None;
            }
        };
        site.active_storage = match &draft.active_storage {
            Some(names) => self.known_storages(names, &defined),
            None => site.storage.clone(),
        };
        site.vault_storage = match &draft.vault_storage {
            Some(names) => self.known_storages(names, &defined),
            None => Vec::new(),
        };
        site.tapering = draft.taper.tapering;
        if let Some(labelstr) = draft.taper.labelstr {
            site.tapering.labelstr = labelstr.value;
        }
        site.tapering.autolabel = draft.taper.autolabel.map(|spot| spot.value);
        storages.iter().any(|s| Some(&s.name) == site.storage.first()).then_some(site)
    }

    fn known_storages(&mut self, names: &[Spot<String>], defined: &[&str]) -> Vec<StorageName> {
        let mut known: Vec<StorageName> = Vec::new();
        for Spot { value, at } in names {
            if !defined.contains(&value.as_str()) {
                self.missing("storage", value, at, defined);
            } else if known.iter().any(|name| name.as_str() == value) {
                self.faults.hint(at, format!("the storage {value:?} stands here twice"), None);
            } else if let Ok(name) = value.parse() {
                known.push(name);
            }
        }
        known
    }

    /// Complains about a name that nothing has.
    fn missing(&mut self, kind: &str, name: &str, at: &At, defined: &[&str]) {
        let suggestion = suggest::did_you_mean(name, defined)
            .unwrap_or_else(|| format!("write [{kind}.{}]", crate::shown::key(name)));
        self.faults.mistake(at, format!("there is no {kind} {name:?}"), suggestion);
    }

    fn holding(&mut self, site_directory: &Path) -> Vec<HoldingDisk> {
        let mut disks: Vec<HoldingDisk> = Vec::new();
        let sections = self.sections;
        for section in &sections.holding {
            let disk = HoldingDisk {
                name: section.name.clone(),
                comment: String::new(),
                directory: PathBuf::new(),
                use_space: UseSpace::All,
                chunksize: Some(Bytes::GIB),
            };
            let draft = section.apply(HoldingDraft { directory: None, disk });
            let id = format!("holdingdisk.{}", section.name);
            self.remember(&id, &id, &section.sets);
            let Some(directory) = draft.directory else {
                if !section.failed.contains(&"directory") {
                    let suggestion = "write directory = \"holding\"".to_owned();
                    self.faults.mistake(
                        &section.at,
                        "a holding disk needs a directory",
                        suggestion,
                    );
                }
                continue;
            };
            let directory = absolute(site_directory, &directory);
            // Chunks are whole 32 KiB blocks, as in Amanda.
            let chunksize =
                draft.disk.chunksize.map(|size| Bytes(size.0 / (32 << 10) * (32 << 10)));
            if let Some(other) = disks.iter().find(|other| other.directory == directory) {
                let message =
                    format!("the holding disk {:?} has this directory already", other.name);
                self.faults.mistake(&section.place("directory"), message, None);
            }
            disks.push(HoldingDisk { directory, chunksize, ..draft.disk });
        }
        disks
    }

    fn interfaces(&mut self, site: &Site) -> Vec<Interface> {
        let sections = self.sections;
        let default = Interface {
            name: "default".to_owned(),
            comment: "what no other interface is said to carry".to_owned(),
            use_rate: site.netusage,
        };
        let mut interfaces = vec![default];
        for section in &sections.interfaces {
            let interface = Interface {
                name: section.name.clone(),
                comment: String::new(),
                use_rate: site.netusage,
            };
            let draft = section.apply(InterfaceDraft { rate: None, interface });
            let id = format!("interface.{}", section.name);
            self.remember(&id, &id, &section.sets);
            if section.name == "default" {
                let message =
                    "the interface \"default\" is there already, with the site's netusage";
                self.faults.mistake(&section.at, message, "set netusage in [site]".to_owned());
                continue;
            }
            interfaces.push(Interface {
                use_rate: draft.rate.unwrap_or(site.netusage),
                ..draft.interface
            });
        }
        interfaces
    }

    /// Images, volumes and the catalogue must not share a directory.
    fn directories(&mut self, holding: &[HoldingDisk], storages: &[Storage]) {
        let sections = self.sections;
        for disk in holding {
            for changer in storages.iter().map(|storage| &storage.changer) {
                let Some(directory) = changer.kind.directory() else { continue };
                let place = find(&sections.holding, &disk.name).map(|s| s.place("directory"));
                let Some(place) = place else { continue };
                if directory == disk.directory {
                    let message = format!(
                        "the holding disk and the changer {:?} have the same directory",
                        changer.name
                    );
                    self.faults.mistake(&place, message, "give each its own directory".to_owned());
                } else if directory.starts_with(&disk.directory)
                    || disk.directory.starts_with(directory)
                {
                    let message = format!(
                        "the holding disk and the changer {:?} lie inside each other",
                        changer.name
                    );
                    self.faults.mistake(&place, message, "give each its own directory".to_owned());
                }
            }
        }
    }

    /// Sections that nothing uses.
    fn unused(&mut self, site: &Site, storages: &[Storage]) {
        let sections = self.sections;
        let note = |faults: &mut Faults, at: &At, kind: &str, name: &str| {
            faults.hint(at, format!("nothing uses the {kind} {name:?}"), None);
        };
        for section in &sections.tapetypes {
            if !storages.iter().any(|s| s.tapetype.name == section.name) {
                note(self.faults, &section.at, "tapetype", &section.name);
            }
        }
        for section in &sections.changers {
            if !storages.iter().any(|s| s.changer.name == section.name) {
                note(self.faults, &section.at, "changer", &section.name);
            }
        }
        for section in &sections.policies {
            if !storages.iter().any(|s| s.policy.name == section.name) {
                note(self.faults, &section.at, "policy", &section.name);
            }
        }
        for section in &sections.pools {
            if !storages.iter().any(|s| s.pool.as_str() == section.name) {
                note(self.faults, &section.at, "pool", &section.name);
            }
        }
        let vaulted = |name: &StorageName| {
            storages.iter().any(|s| s.vault.iter().any(|v| v.storage == *name))
        };
        for section in &sections.storages {
            let Some(storage) = storages.iter().find(|s| s.name.as_str() == section.name) else {
                continue;
            };
            if site.vault_storage.contains(&storage.name) && !vaulted(&storage.name) {
                self.faults.hint(
                    &section.at,
                    format!(
                        "vault-storage names {:?}, and nothing is vaulted to it: no storage has it in `vault`",
                        section.name
                    ),
                    "say in the storage that is to be copied: vault = [{ storage = …, after = … }]".to_owned(),
                );
            }
            let lists = [&site.storage, &site.active_storage, &site.vault_storage];
            if !lists.iter().any(|list| list.contains(&storage.name)) && !vaulted(&storage.name) {
                self.faults.hint(
                    &section.at,
                    format!("no run writes to the storage {:?}", section.name),
                    "name it in storage of [site]".to_owned(),
                );
            }
        }
    }

    /// Whether the planner's numbers can come true.
    fn sizes(&mut self, site: &Site, storages: &[Storage], holding: &[HoldingDisk]) {
        let sections = self.sections;
        let Some(first) = storages.iter().find(|s| Some(&s.name) == site.storage.first()) else {
            return;
        };
        let room = first.tapetype.length.times(u64::from(first.tapering.runtapes));
        if let Some(most) = site.maxdumpsize.filter(|most| *most > room) {
            let message = format!(
                "a run may plan {most}, and its {} volumes hold {room}",
                first.tapering.runtapes
            );
            self.faults.hint(&sections.site.place("maxdumpsize"), message, None);
        }
        if holding.is_empty() {
            let message = "there is no holding disk: dumps go straight to a volume, one at a time";
            self.faults.hint(&sections.site.at, message, "write [holdingdisk.NAME]".to_owned());
        }
    }
}

/// A path below a directory, unless it is absolute; `.` and `..` are worked out without looking at the disk.
pub(crate) fn absolute(directory: &Path, path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for component in directory.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(whole.components().next_back(), Some(Component::Normal(_))) =>
            {
                whole.pop();
            }
            other => whole.push(other),
        }
    }
    whole
}

/// The section of this name.
fn find<'s, S>(sections: &'s [Section<S>], name: &str) -> Option<&'s Section<S>> {
    sections.iter().find(|section| section.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_worked_out_from_the_site() {
        let cases = [
            ("/etc/rk", "holding", "/etc/rk/holding"),
            ("/etc/rk", "./a/../b", "/etc/rk/b"),
            ("/etc/rk", "/srv/x", "/srv/x"),
            ("site", "../x", "x"),
            ("", "../x", "../x"),
            ("/", "../../x", "/../../x"),
        ];
        for (directory, path, whole) in cases {
            assert_eq!(absolute(Path::new(directory), Path::new(path)), Path::new(whole));
        }
    }
}

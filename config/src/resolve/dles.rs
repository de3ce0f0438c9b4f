//! Dumptypes and DLEs: inheritance, defaults, and what two DLEs must not share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use types::{DleName, HostName};

use super::Resolver;
use crate::keys::Set;
use crate::model::{
    Dle, Dumping, Dumptype, HoldingDisk, HoldingUse, Interface, Site, Storage, Strategy,
};
use crate::read::Section;
use crate::sections::{DleDraft, DumptypeDraft, default_dumping};
use crate::value::{At, Spot};

/// How many dumptypes may stand between a dumptype and the last that it inherits from.
const DEEPEST: usize = 32;

/// A dumptype's settings and the dumptype that each comes from, in the order in which they are carried out.
type Inherited = Vec<(Set<DumptypeDraft>, String)>;

/// The host that is always this machine.
const LOCALHOST: &str = "localhost";

impl Resolver<'_> {
    pub(super) fn dles(
        &mut self,
        site: &Site,
        interfaces: &[Interface],
        holding: &[HoldingDisk],
    ) -> (Vec<Dumptype>, Vec<Dle>) {
        let sections = self.sections;
        let mut known = BTreeMap::new();
        let mut loops = BTreeSet::new();
        for section in &sections.dumptypes {
            self.inherited(section, &mut Vec::new(), &mut known, &mut loops);
        }
        let dles: Vec<(Dle, &Section<DleDraft>)> = sections
            .dles
            .iter()
            .enumerate()
            .filter_map(|(n, section)| {
                Some((self.dle(n, section, site, interfaces, &known)?, section))
            })
            .collect();
        self.check_dles(&dles, holding);
        let used: BTreeSet<&str> = sections
            .dumptypes
            .iter()
            .flat_map(|section| section.apply(DumptypeDraft::new(site.dumping.clone())).inherits)
            .filter_map(|spot| sections.dumptypes.iter().find(|s| s.name == spot.value))
            .map(|section| section.name.as_str())
            .chain(dles.iter().map(|(dle, _)| dle.dumptype.as_str()))
            .collect();
        let mut dumptypes = Vec::new();
        for section in &sections.dumptypes {
            let predefined = section.at.file + 1 == self.sources.len();
            if !used.contains(section.name.as_str()) && !predefined {
                let message = format!("no DLE uses the dumptype {:?}", section.name);
                self.faults.hint(&section.at, message, None);
            }
            if !predefined || dles.iter().any(|(dle, _)| dle.dumptype == section.name) {
                dumptypes.push(self.dumptype(section, site, &known));
            }
        }
        (dumptypes, dles.into_iter().map(|(dle, _)| dle).collect())
    }

    fn dumptype(
        &mut self,
        section: &Section<DumptypeDraft>,
        site: &Site,
        known: &BTreeMap<String, Inherited>,
    ) -> Dumptype {
        let id = format!("dumptype.{}", section.name);
        let all = known.get(&section.name).map_or(&[][..], Vec::as_slice);
        let of_site: Vec<_> =
            self.sections.site.sets.iter().filter(|set| is_dumping(set.key)).cloned().collect();
        self.remember(&id, "site", &of_site);
        for (set, from) in all {
            self.remember(&id, &format!("dumptype.{from}"), std::slice::from_ref(set));
        }
        Dumptype { name: section.name.clone(), dumping: carried_out(all, site).dumping }
    }

    /// What a dumptype sets, what it inherits first.
    fn inherited(
        &mut self,
        section: &Section<DumptypeDraft>,
        path: &mut Vec<String>,
        known: &mut BTreeMap<String, Inherited>,
        loops: &mut BTreeSet<String>,
    ) -> Inherited {
        if let Some(done) = known.get(&section.name) {
            return done.clone();
        }
        let sections = self.sections;
        path.push(section.name.clone());
        let mut all: Inherited = Vec::new();
        let nothing = DumptypeDraft::new(default_dumping());
        for Spot { value: parent, at } in section.apply(nothing).inherits {
            if let Some(start) = path.iter().position(|name| *name == parent) {
                if path[start..].iter().all(|name| !loops.contains(name)) {
                    let way = [&path[start..], std::slice::from_ref(&parent)].concat().join(" → ");
                    self.faults.mistake(&at, format!("dumptypes inherit in a circle: {way}"), None);
                    loops.extend(path[start..].iter().cloned());
                }
            } else if path.len() > DEEPEST {
                let message = format!("dumptypes inherit from each other more than {DEEPEST} deep");
                self.faults.mistake(&at, message, None);
            } else if let Some(found) = sections.dumptypes.iter().find(|s| s.name == parent) {
                for (set, from) in self.inherited(found, path, known, loops) {
                    add(&mut all, set, from);
                }
            } else {
                self.no_dumptype(&parent, &at);
            }
        }
        for set in section.sets.iter().filter(|set| set.key != "inherits") {
            add(&mut all, set.clone(), section.name.clone());
        }
        path.pop();
        known.insert(section.name.clone(), all.clone());
        all
    }

    fn no_dumptype(&mut self, name: &str, at: &At) {
        let message = format!("there is no dumptype {name:?}");
        let amanda = match name {
            "no-compress" => {
                Some("images are always compressed; compress-level = -7 costs next to nothing")
            }
            "srvcompress" => Some("images are always compressed by the client"),
            "bsd-auth" | "bsdtcp-auth" | "ssh-auth" => {
                Some("clients over a network are not served yet")
            }
            _ => None,
        };
        match amanda {
            Some(advice) => self.faults.mistake(at, message, advice.to_owned()),
            None => {
                let defined: Vec<&str> =
                    self.sections.dumptypes.iter().map(|s| s.name.as_str()).collect();
                let suggestion = crate::suggest::nearest(name, &defined).map_or_else(
                    || format!("write [dumptype.{}]", crate::shown::key(name)),
                    |meant| format!("did you mean {meant:?}?"),
                );
                self.faults.mistake(at, message, suggestion);
            }
        }
    }

    fn dle(
        &mut self,
        number: usize,
        section: &Section<DleDraft>,
        site: &Site,
        interfaces: &[Interface],
        known: &BTreeMap<String, Inherited>,
    ) -> Option<Dle> {
        let named = section.apply(DleDraft::new(site.dumping.clone()));
        let dumptype = named.dumptype.as_ref().map_or("default", |spot| &spot.value).to_owned();
        let inherited = known.get(&dumptype);
        if let (None, Some(spot)) = (inherited, &named.dumptype) {
            self.no_dumptype(&spot.value, &spot.at);
        }
        let how = carried_out(inherited.map_or(&[][..], Vec::as_slice), site);
        let draft = section.apply(DleDraft { how, ..DleDraft::new(site.dumping.clone()) });
        self.remember(&format!("dle.{number}"), "dle", &section.sets);

        let interface = self.interface(&draft, interfaces);
        let host = draft.host.as_ref().map(|spot| spot.value.clone());
        if host.is_none() && !wrongly_set(section, "host") {
            self.faults.mistake(
                &section.at,
                "this DLE has no host",
                "write host = \"localhost\"".to_owned(),
            );
        }
        let path = self.path(section, &draft);
        let name = self.name(&draft, path.as_deref());
        Some(Dle {
            host: host?,
            name: name?,
            path: path?,
            dumptype,
            interface: interface?,
            dumping: draft.how.dumping,
        })
    }

    fn interface(&mut self, draft: &DleDraft, interfaces: &[Interface]) -> Option<String> {
        let Some(spot) = &draft.interface else { return Some("default".to_owned()) };
        let defined: Vec<&str> = interfaces.iter().map(|i| i.name.as_str()).collect();
        if defined.contains(&spot.value.as_str()) {
            return Some(spot.value.clone());
        }
        self.missing("interface", &spot.value, &spot.at, &defined);
        None
    }

    fn path(&mut self, section: &Section<DleDraft>, draft: &DleDraft) -> Option<PathBuf> {
        let Some(spot) = &draft.path else {
            if !wrongly_set(section, "path") {
                let message = "this DLE has no path";
                self.faults.mistake(&section.at, message, "write path = \"/home\"".to_owned());
            }
            return None;
        };
        let path = &spot.value;
        if !path.is_absolute() {
            let message = format!("the path of a DLE is absolute, and {:?} is not", path.display());
            self.faults.mistake(
                &spot.at,
                message,
                format!("did you mean \"/{}\"?", path.display()),
            );
            return None;
        }
        if path.components().any(|c| c == std::path::Component::ParentDir) {
            let message = "\"..\" may lead elsewhere when a link changes";
            self.faults.mistake(&spot.at, message, "write the path without it".to_owned());
            return None;
        }
        // Without double and trailing slashes: the path is the catalogue's key for good.
        Some(path.components().collect())
    }

    fn name(&mut self, draft: &DleDraft, path: Option<&Path>) -> Option<DleName> {
        let (name, at) = match (&draft.name, path, &draft.path) {
            (Some(spot), ..) => (spot.value.clone(), &spot.at),
            (None, Some(path), Some(spot)) => (path.to_string_lossy().into_owned(), &spot.at),
            _ => return None,
        };
        match name.parse() {
            Ok(name) => Some(name),
            Err(wrong) => {
                self.faults.mistake(
                    at,
                    wrong.to_string(),
                    "set name to something shorter".to_owned(),
                );
                None
            }
        }
    }

    fn check_dles(&mut self, dles: &[(Dle, &Section<DleDraft>)], holding: &[HoldingDisk]) {
        if self.sections.dles.is_empty() {
            let message = "there is no DLE: nothing says what is to be dumped";
            self.faults.mistake(
                &self.sections.site.at,
                message,
                "write [[dle]], and host and path below it".to_owned(),
            );
        } else if dles.len() == self.sections.dles.len() && dles.iter().all(|(dle, _)| sleeps(dle))
        {
            let message =
                "every DLE has ignore = true or strategy = \"skip\": a run would dump nothing";
            self.faults.hint(&self.sections.site.at, message, None);
        }
        self.check_twins(dles);
        self.check_hosts();
        for (dle, section) in dles {
            let dumping = &dle.dumping;
            if dumping.holdingdisk == HoldingUse::Required && holding.is_empty() {
                let message =
                    format!("{} has to wait on a holding disk, and there is none", dle.reference());
                self.faults.mistake(
                    &section.at,
                    message,
                    "write [holdingdisk.NAME], or holdingdisk = \"auto\"".to_owned(),
                );
            }
            let never_full = dumping.strategy == Strategy::NoInc && dumping.skip_full;
            if never_full || (dumping.skip_full && dumping.skip_incr) {
                let message =
                    format!("{} would never be dumped: what it may do is skipped", dle.reference());
                self.faults.mistake(
                    &section.at,
                    message,
                    "remove skip-full or skip-incr".to_owned(),
                );
            }
        }
    }

    /// Two DLEs with one name, or with names that files cannot tell apart.
    fn check_twins(&mut self, dles: &[(Dle, &Section<DleDraft>)]) {
        let mut names: BTreeMap<(&HostName, &DleName), &Section<DleDraft>> = BTreeMap::new();
        let mut files: BTreeMap<(String, String), &Dle> = BTreeMap::new();
        let mut paths: BTreeMap<(&HostName, &Path), &Dle> = BTreeMap::new();
        for (dle, section) in dles {
            let place = section.place(if section.sets.iter().any(|s| s.key == "name") {
                "name"
            } else {
                "path"
            });
            if let Some(first) = names.get(&(&dle.host, &dle.name)) {
                let source = &self.sources[first.at.file];
                let (line, _) = source.position(first.at.span.start);
                let message = format!(
                    "{} is a DLE already, in line {line} of {}",
                    dle.reference(),
                    source.path.display()
                );
                self.faults.mistake(&place, message, "give one of them another name".to_owned());
                continue;
            }
            names.insert((&dle.host, &dle.name), section);
            let file_name = (sanitised(dle.host.as_str()), sanitised(dle.name.as_str()));
            if let Some(twin) = files.get(&file_name) {
                let message = format!(
                    "Amanda's tools cannot tell {} from {}: both become {} in file names",
                    dle.reference(),
                    twin.reference(),
                    file_name.1
                );
                self.faults.hint(&place, message, "give one of them another name".to_owned());
            }
            files.insert(file_name, dle);
            if let Some(twin) = paths.get(&(&dle.host, dle.path.as_path()))
                && dle.dumping.picks == twin.dumping.picks
            {
                let message =
                    format!("{} is the same tree as {}", dle.reference(), twin.reference());
                self.faults.hint(&place, message, None);
            }
            paths.insert((&dle.host, &dle.path), dle);
        }
    }

    /// One host in two spellings, and hosts that are not this machine.
    fn check_hosts(&mut self) {
        let mut spellings: BTreeMap<String, String> = BTreeMap::new();
        for section in &self.sections.dles {
            let Some(host) = section.apply(DleDraft::new(default_dumping())).host else { continue };
            let Spot { value: host, at } = host;
            let host = host.as_str();
            if host.chars().any(|c| c.is_whitespace() || "/\\:".contains(c)) {
                let message = format!(
                    "{host:?} cannot be a host: blanks, slashes and colons have no place in it"
                );
                self.faults.mistake(&at, message, None);
            }
            match spellings.get(&host.to_lowercase()) {
                Some(first) if first != host => {
                    let message = format!("the host {host:?} is spelled {first:?} elsewhere");
                    self.faults.mistake(&at, message, format!("did you mean {first:?}?"));
                }
                Some(_) => {}
                None => {
                    spellings.insert(host.to_lowercase(), host.to_owned());
                    if host != LOCALHOST {
                        let message = format!(
                            "{host} is dumped from the trees of this machine: clients over a network are not served yet"
                        );
                        self.faults.hint(&at, message, None);
                    }
                }
            }
        }
    }

    /// Tags that a storage waits for and no DLE has.
    pub(super) fn tags(&mut self, storages: &[Storage], dles: &[Dle]) {
        for storage in storages {
            for tag in storage.dump_selection.iter().filter_map(|selection| selection.tag.as_ref())
            {
                if !dles.iter().any(|dle| dle.dumping.tag.contains(tag)) {
                    let section =
                        self.sections.storages.iter().find(|s| s.name == storage.name.as_str());
                    let Some(section) = section else { continue };
                    let message = format!(
                        "the storage {} waits for dumps with the tag {tag:?}, and no DLE has it",
                        storage.name
                    );
                    self.faults.hint(&section.place("dump-selection"), message, None);
                }
            }
        }
    }

    /// A DLE that contains the holding disk or the volumes dumps its own dumps, more each night.
    pub(super) fn backups_of_backups(
        &mut self,
        dles: &[Dle],
        holding: &[HoldingDisk],
        storages: &[Storage],
    ) {
        let volumes = storages
            .iter()
            .filter_map(|storage| Some(("the volumes", storage.changer.kind.directory()?)));
        let places: Vec<(&str, &Path)> = holding
            .iter()
            .map(|disk| ("the holding disk", disk.directory.as_path()))
            .chain(volumes)
            .collect();
        let sections = self.sections;
        if dles.len() != sections.dles.len() {
            return;
        }
        for (dle, section) in dles.iter().zip(&sections.dles) {
            if dle.host.as_str() != LOCALHOST {
                continue;
            }
            for (what, directory) in &places {
                let Ok(below) = directory.strip_prefix(&dle.path) else { continue };
                if !excluded(below, &dle.dumping) {
                    let message =
                        format!("{} contains {what}, and would dump them too", dle.reference());
                    let exclude = format!("write exclude = [\"./{}\"]", below.display());
                    self.faults.hint(&section.place("path"), message, exclude);
                }
            }
        }
    }
}

/// Whether a pattern names this path or a directory above it. Patterns with wildcards are believed.
fn excluded(below: &Path, dumping: &Dumping) -> bool {
    let picks = &dumping.picks;
    let by_name = |pattern: &String| {
        let plain = pattern.trim_start_matches("./").trim_end_matches('/');
        let names_it = if pattern.starts_with("./") || plain.contains('/') {
            below.starts_with(plain.trim_start_matches('/'))
        } else {
            below.components().any(|c| c.as_os_str() == plain)
        };
        names_it || plain.contains(['*', '?', '['])
    };
    !picks.include.is_empty()
        || !picks.exclude_files.is_empty()
        || !picks.exclude_if_present.is_empty()
        || picks.exclude.iter().any(by_name)
}

/// Whether a key was set, but to something that could not be read: then it has its complaint.
fn wrongly_set(section: &Section<DleDraft>, key: &str) -> bool {
    section.failed.contains(&key)
}

fn sleeps(dle: &Dle) -> bool {
    dle.dumping.ignore || dle.dumping.strategy == Strategy::Skip
}

fn is_dumping(key: &str) -> bool {
    crate::sections::dumping_keys().iter().any(|k| k.name == key)
}

/// As Amanda makes file names of hosts and DLEs.
fn sanitised(name: &str) -> String {
    name.replace(['/', ':', '\\'], "_")
}

/// A setting that comes by two ways counts once, the last time.
fn add(all: &mut Inherited, set: Set<DumptypeDraft>, from: String) {
    all.retain(|(other, _)| other.at != set.at);
    all.push((set, from));
}

fn carried_out(all: &[(Set<DumptypeDraft>, String)], site: &Site) -> DumptypeDraft {
    let mut draft = DumptypeDraft::new(site.dumping.clone());
    for (set, _) in all {
        (set.change)(&mut draft);
    }
    draft
}

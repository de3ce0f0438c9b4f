//! Changers: what each kind has to be told, and what it cannot be told.

use std::path::Path;
use std::time::Duration;

use super::{Resolver, absolute};
use crate::changer::{
    Changer, ChangerKind, Cleaning, Emulated, Generation, Node, Profile, Robot, RobotDrives,
};
use crate::changer_values::Drives;
use crate::model::Storage;
use crate::read::Section;
use crate::sections::{ChangerDraft, Kind, StorageDraft};
use crate::value::At;

/// How long a run waits for a cartridge if nothing else is said.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What a kind of changer has to be told, with an example, and what it may be told besides.
struct Wants {
    needs: &'static [(&'static str, &'static str)],
    takes: &'static [&'static str],
}

fn wants(kind: Kind) -> Wants {
    match kind {
        Kind::Vtape => Wants {
            needs: &[("directory", "directory = \"vtapes\""), ("slots", "slots = 20")],
            takes: &["drives"],
        },
        Kind::Emulator => Wants {
            needs: &[("directory", "directory = \"library\""), ("slots", "slots = 40")],
            takes: &["mail-slots", "cartridges", "drives", "profile", "generation", "cleaning"],
        },
        Kind::Robot => Wants {
            needs: &[("device", "device = \"/dev/sg3\", or its serial number")],
            takes: &["drives", "eject-before-unload", "cleaning"],
        },
        Kind::Single => {
            Wants { needs: &[("drive", "drive = \"/dev/nst0\"")], takes: &["wait-for-operator"] }
        }
    }
}

impl Resolver<'_> {
    /// The changer of a storage.
    pub(super) fn changer_of(
        &mut self,
        section: &Section<StorageDraft>,
        draft: &StorageDraft,
        directory: &Path,
    ) -> Option<Changer> {
        let changers = &self.sections.changers;
        let name = &draft.changer;
        let found = self.named_or_only(section, "changer", "tpchanger", name, changers)?;
        resolved(found, directory)
    }

    /// Complains about a changer that lacks something, or is told what it has no use for.
    pub(super) fn changer(&mut self, section: &Section<ChangerDraft>, directory: &Path) {
        let id = format!("changer.{}", section.name);
        self.remember(&id, &id, &section.sets);
        let name = &section.name;
        let draft = section.apply(ChangerDraft::default());
        let Some(kind) = draft.kind else {
            if !section.failed.contains(&"type") {
                let words: Vec<&str> = Kind::WORDS.iter().map(|(word, _)| *word).collect();
                let suggestion = crate::suggest::choices(&words).map(|c| format!("type: {c}"));
                let message = format!("the changer {name:?} has no type");
                self.faults.mistake(&section.at, message, suggestion);
            }
            return;
        };
        let wants = wants(kind);
        for (key, example) in wants.needs {
            let said = section.sets.iter().any(|set| set.key == *key);
            if !said && !section.failed.contains(key) {
                let message = format!("the changer {name:?} has no {key}");
                self.faults.mistake(&section.at, message, format!("write {example}"));
            }
        }
        for set in &section.sets {
            let common = ["comment", "type"].contains(&set.key);
            let needed = wants.needs.iter().any(|(key, _)| *key == set.key);
            if !common && !needed && !wants.takes.contains(&set.key) {
                self.of_no_use(kind, set.key, &set.at);
            }
        }
        self.drives(section, kind, &draft, directory);
    }

    fn of_no_use(&mut self, kind: Kind, key: &str, at: &At) {
        let others = Kind::WORDS.iter().filter(|(_, kind)| {
            let wants = wants(*kind);
            wants.takes.contains(&key) || wants.needs.iter().any(|(needed, _)| *needed == key)
        });
        let others: Vec<String> = others.map(|(word, _)| format!("{word:?}")).collect();
        let message = format!("a changer of type {:?} has no use for {key}", kind.word());
        let suggestion =
            format!("leave it out; it is a key of changers of type {}", others.join(" and "));
        self.faults.mistake(at, message, suggestion);
    }

    fn drives(
        &mut self,
        section: &Section<ChangerDraft>,
        kind: Kind,
        draft: &ChangerDraft,
        directory: &Path,
    ) {
        let place = section.place("drives");
        match (kind, &draft.drives) {
            (Kind::Robot, Some(Drives::Count(_))) => {
                let message = "a robot says itself how many drives it has";
                let suggestion =
                    "write \"auto\", or a list like [{ name = \"left\", serial = \"…\" }]";
                self.faults.mistake(&place, message, suggestion.to_owned());
            }
            (Kind::Vtape | Kind::Emulator, Some(Drives::Auto | Drives::Listed(_))) => {
                let message = "the drives of such a changer are only counted";
                self.faults.mistake(&place, message, "write drives = 2".to_owned());
            }
            _ => {}
        }
        let kind = resolved(section, directory).map(|changer| changer.kind);
        if let Some((drives, slots)) = kind.and_then(|kind| Some((kind.drives()?, kind.slots()?)))
            && drives > slots
        {
            let message = format!("{drives} drives have only {slots} slots to load from");
            self.faults.mistake(&place, message, None);
        }
    }

    /// Two changers in one directory, or with one device, would fight over it.
    pub(super) fn changers_apart(&mut self, directory: &Path) {
        let mut seen: Vec<(&str, &'static str, String)> = Vec::new();
        for section in &self.sections.changers {
            let draft = section.apply(ChangerDraft::default());
            let path = draft.directory.map(|path| absolute(directory, &path).display().to_string());
            let mut taken = vec![("directory", path)];
            taken.push(("device", draft.device.as_ref().map(Node::to_string)));
            taken.push(("drive", draft.drive.as_ref().map(Node::to_string)));
            for (key, what) in taken {
                let Some(what) = what else { continue };
                if let Some((other, ..)) =
                    seen.iter().find(|(_, k, taken)| *k == key && *taken == what)
                {
                    let message = format!("the changer {other:?} has this {key} already");
                    self.faults.mistake(&section.place(key), message, None);
                }
                seen.push((&section.name, key, what));
            }
        }
    }

    /// Numbers of volumes, slots and drives that contradict each other.
    pub(super) fn check_volumes(&mut self, section: &Section<StorageDraft>, storage: &Storage) {
        let tapering = &storage.tapering;
        let kind = &storage.changer.kind;
        let (name, volumes) = (&storage.name, tapering.runtapes);
        if let Some(slots) = kind.slots().filter(|slots| volumes > *slots) {
            let message = format!(
                "a run of {name} may use {volumes} volumes, and its changer has {slots} slots"
            );
            let place = self.place_of_value(section, "runtapes");
            self.faults.mistake(&place, message, format!("did you mean runtapes = {slots}?"));
        }
        let parallel = tapering.taper_parallel_write;
        let place = self.place_of_value(section, "taper-parallel-write");
        if parallel > volumes {
            let message = format!(
                "{parallel} volumes cannot be written at once in a run that may use {volumes}"
            );
            self.faults.mistake(&place, message, format!("raise runtapes to {parallel}"));
        }
        if let Some(drives) = kind.drives().filter(|drives| parallel > *drives) {
            let message =
                format!("{parallel} volumes cannot be written at once by {drives} drives");
            let suggestion = format!("did you mean taper-parallel-write = {drives}?");
            self.faults.mistake(&place, message, suggestion);
        }
        if tapering.device_output_buffer_size < storage.tapetype.blocksize.bytes().times(4) {
            let place = self.place_of_value(section, "device-output-buffer-size");
            self.faults.mistake(&place, "the buffer has no room for four blocks", None);
        }
    }
}

/// The changer that a section describes, if nothing is missing.
fn resolved(section: &Section<ChangerDraft>, site: &Path) -> Option<Changer> {
    let draft = section.apply(ChangerDraft::default());
    let directory = draft.directory.as_ref().map(|path| absolute(site, path));
    let count = || match draft.drives {
        None => Some(1),
        Some(Drives::Count(count)) => Some(count),
        Some(_) => None,
    };
    let cleaning = draft.cleaning.unwrap_or(Cleaning::Library);
    let kind = match draft.kind? {
        Kind::Vtape => {
            ChangerKind::Vtape { directory: directory?, slots: draft.slots?, drives: count()? }
        }
        Kind::Emulator => ChangerKind::Emulator(Emulated {
            directory: directory?,
            profile: draft.profile.unwrap_or(Profile::Standard),
            generation: draft.generation.unwrap_or(Generation::Lto8),
            slots: draft.slots?,
            cartridges: draft.cartridges.or(draft.slots)?,
            mail_slots: draft.mail_slots.unwrap_or(0),
            drives: count()?,
            cleaning,
        }),
        Kind::Robot => ChangerKind::Robot(Robot {
            device: draft.device?,
            drives: match draft.drives {
                None | Some(Drives::Auto) => RobotDrives::Auto,
                Some(Drives::Listed(list)) => RobotDrives::Listed(list),
                Some(Drives::Count(_)) => return None,
            },
            eject_before_unload: draft.eject_before_unload.unwrap_or(true),
            cleaning,
        }),
        Kind::Single => ChangerKind::Single {
            drive: draft.drive?,
            patience: draft.wait_for_operator.unwrap_or(Some(PATIENCE)),
        },
    };
    Some(Changer { name: section.name.clone(), comment: draft.comment, kind, storages: Vec::new() })
}

//! Texts in, a [`Config`] or all complaints out.
//!
//! First each file becomes sections, and each section a list of what it sets; what is not TOML, not a
//! section or not a key is complained about here. Then `resolve` follows the names and
//! checks what has to fit together. Where a file is not even TOML the second step is left out: half of its
//! complaints would be about what the reader missed.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::codec::{Codec, List, Word};
use crate::complaint::{Complaint, Complaints, Gravity, Source};
use crate::keys::{Keys, Said, Set};
use crate::model::Config;
use crate::resolve;
use crate::scripts::{self, ScriptDraft};
use crate::sections::{self, DleDraft, SiteDraft};
use crate::suggest;
use crate::value::{At, Bad, Fault, Value};

/// The name of a site's file.
pub const FILE_NAME: &str = "reelkeep.toml";

/// The dumptypes that every site has.
const PREDEFINED: &str = include_str!("predefined.toml");

/// What a section is called and what it sets.
pub(crate) struct Section<S> {
    pub(crate) name: String,
    /// Where the name stands.
    pub(crate) at: At,
    pub(crate) sets: Vec<Set<S>>,
    /// Keys whose values could not be read: they have their complaint, and are not missing.
    pub(crate) failed: Vec<&'static str>,
}

impl<S> Section<S> {
    /// Where this key was set; the section's name if it was not.
    pub(crate) fn place(&self, key: &str) -> At {
        self.sets.iter().find(|set| set.key == key).map_or(&self.at, |set| &set.at).clone()
    }

    /// What it says, beginning with this.
    pub(crate) fn apply(&self, mut draft: S) -> S {
        for set in &self.sets {
            (set.change)(&mut draft);
        }
        draft
    }
}

/// All sections of all files.
pub(crate) struct Sections {
    pub(crate) site: Section<SiteDraft>,
    pub(crate) tapetypes: Vec<Section<sections::TapetypeDraft>>,
    pub(crate) changers: Vec<Section<sections::ChangerDraft>>,
    pub(crate) policies: Vec<Section<sections::PolicyDraft>>,
    pub(crate) pools: Vec<Section<sections::StorageDraft>>,
    pub(crate) storages: Vec<Section<sections::StorageDraft>>,
    pub(crate) holding: Vec<Section<sections::HoldingDraft>>,
    pub(crate) interfaces: Vec<Section<sections::InterfaceDraft>>,
    pub(crate) scripts: Vec<Section<ScriptDraft>>,
    pub(crate) dumptypes: Vec<Section<sections::DumptypeDraft>>,
    pub(crate) dles: Vec<Section<DleDraft>>,
}

/// What was found wrong so far.
#[derive(Default)]
pub(crate) struct Faults(Vec<(Gravity, Fault)>);

impl Faults {
    pub(crate) fn mistake(
        &mut self,
        at: &At,
        message: impl Into<String>,
        suggestion: impl Into<Option<String>>,
    ) {
        self.add(Fault { at: at.clone(), message: message.into(), suggestion: suggestion.into() });
    }

    pub(crate) fn hint(
        &mut self,
        at: &At,
        message: impl Into<String>,
        suggestion: impl Into<Option<String>>,
    ) {
        let fault =
            Fault { at: at.clone(), message: message.into(), suggestion: suggestion.into() };
        self.0.push((Gravity::Hint, fault));
    }

    fn add(&mut self, fault: Fault) {
        self.0.push((Gravity::Mistake, fault));
    }

    fn any_mistake(&self) -> bool {
        self.0.iter().any(|(gravity, _)| *gravity == Gravity::Mistake)
    }

    /// As complaints, in the order of the files.
    fn complaints(mut self, sources: &[Source]) -> Vec<Complaint> {
        self.0.sort_by_key(|(_, fault)| (fault.at.file, fault.at.span.start));
        let complain = |(gravity, fault): (Gravity, Fault)| {
            sources[fault.at.file].complain(fault.at.span, gravity, fault.message, fault.suggestion)
        };
        self.0.into_iter().map(complain).collect()
    }
}

/// Reads the files of a site. The first is its `reelkeep.toml`, whose directory is the site's; the others
/// are those it includes.
pub fn read(files: &[(PathBuf, String)]) -> Result<Config, Complaints> {
    let Some((main, _)) = files.first() else {
        return Err(Complaints(vec![Complaint::about_file(
            Path::new(FILE_NAME),
            "there is no configuration",
        )]));
    };
    let directory = main.parent().unwrap_or(Path::new("")).to_owned();
    let mut sources: Vec<Source> =
        files.iter().map(|(path, text)| Source::new(path, text)).collect();
    sources.push(Source::new(Path::new("predefined"), PREDEFINED));

    let mut faults = Faults::default();
    let texts: Vec<_> = sources.iter().map(|source| source.text.clone()).collect();
    let mut tables = Vec::new();
    for (file, text) in texts.iter().enumerate() {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let span = error.span().unwrap_or_default();
            let (message, suggestion) = not_toml(text, &span, error.message());
            faults.mistake(&At { file, span }, message, suggestion);
        }
        tables.push(table);
    }
    let well_formed = !faults.any_mistake();
    let sections =
        Reader { faults: &mut faults, predefined: files.len(), vocabulary: sections::vocabulary() }
            .sections(&tables);
    let resolved =
        well_formed.then(|| resolve::resolve(&sections, &sources, directory, &mut faults));
    match resolved {
        Some(Some(config)) if !faults.any_mistake() => {
            Ok(Config { hints: faults.complaints(&sources), ..config })
        }
        _ => Err(Complaints(faults.complaints(&sources))),
    }
}

/// What `include` of a site's `reelkeep.toml` names: files and globs relative to the site's directory.
/// What is wrong with it is left to [`read`].
pub fn includes(text: &str) -> Vec<String> {
    let (table, _) = DeTable::parse_recoverable(text);
    let value = table.get_ref().iter().find(|(name, _)| name.get_ref() == "include");
    let list = value.map(|(_, value)| Value::new(0, value).elements()).unwrap_or_default();
    list.iter().filter_map(Value::text).map(str::to_owned).collect()
}

/// What is not TOML about it, and the most common slips of those who know amanda.conf.
fn not_toml(text: &str, span: &Range<usize>, message: &str) -> (String, Option<String>) {
    let word = text.get(span.clone()).unwrap_or_default();
    let line = text.get(..span.start).unwrap_or_default().rsplit('\n').next().unwrap_or_default();
    let quotable = !word.is_empty() && word.len() < 60 && !word.contains(['\n', '"']);
    let suggestion = match line.trim_start() {
        line if line.starts_with("define ") => {
            Some("write [dumptype.NAME], not \"define dumptype NAME {\"".to_owned())
        }
        _ if message.contains("must be quoted") && quotable => {
            Some(format!("did you mean \"{word}\"?"))
        }
        _ => None,
    };
    let shown =
        if message == "duplicate key" && quotable { format!(" {word:?}") } else { String::new() };
    (format!("not TOML: {message}{shown}"), suggestion)
}

struct Reader<'f> {
    faults: &'f mut Faults,
    /// The file of the predefined dumptypes, which give way to others.
    predefined: usize,
    vocabulary: Vec<(&'static str, Vec<&'static str>)>,
}

type Entry<'t> = (&'t Spanned<DeString<'t>>, &'t Spanned<DeValue<'t>>);

impl Reader<'_> {
    fn sections(mut self, tables: &[Spanned<DeTable<'_>>]) -> Sections {
        let start = At { file: 0, span: 0..0 };
        let mut sections = Sections {
            site: Section { name: String::new(), at: start, sets: Vec::new(), failed: Vec::new() },
            tapetypes: Vec::new(),
            changers: Vec::new(),
            policies: Vec::new(),
            pools: Vec::new(),
            storages: Vec::new(),
            holding: Vec::new(),
            interfaces: Vec::new(),
            scripts: Vec::new(),
            dumptypes: Vec::new(),
            dles: Vec::new(),
        };
        for (file, table) in tables.iter().enumerate() {
            for entry in in_order(table.get_ref()) {
                self.section(file, entry, &mut sections);
            }
        }
        sections
    }

    fn section(&mut self, file: usize, entry: Entry<'_>, all: &mut Sections) {
        let (name, value) = entry;
        match name.get_ref().as_ref() {
            "include" => self.include(file, entry),
            "site" => self.site(file, entry, &mut all.site),
            "tapetype" => self.named(file, entry, sections::tapetype_keys(), &mut all.tapetypes),
            "changer" => self.named(file, entry, sections::changer_keys(), &mut all.changers),
            "policy" => self.named(file, entry, sections::policy_keys(), &mut all.policies),
            "pool" => self.named(file, entry, sections::pool_keys(), &mut all.pools),
            "storage" => self.named(file, entry, sections::storage_keys(), &mut all.storages),
            "holdingdisk" => self.named(file, entry, sections::holding_keys(), &mut all.holding),
            "interface" => self.named(file, entry, sections::interface_keys(), &mut all.interfaces),
            "script" => self.named(file, entry, scripts::script_keys(), &mut all.scripts),
            "dumptype" => self.named(file, entry, sections::dumptype_keys(), &mut all.dumptypes),
            "dle" => self.dles(file, value, &mut all.dles),
            unknown => self.unknown(file, name, unknown, value.get_ref().is_table()),
        }
    }

    fn unknown(&mut self, file: usize, at: &Spanned<DeString<'_>>, word: &str, is_table: bool) {
        const SECTIONS: &[&str] = &[
            "site",
            "tapetype",
            "changer",
            "policy",
            "pool",
            "storage",
            "holdingdisk",
            "interface",
            "script",
            "dumptype",
            "dle",
        ];
        let word: String = word.chars().take(80).collect();
        let at = At { file, span: at.span() };
        let place = || self.place_of(&word);
        let meant = match suggest::nearest(&word, SECTIONS) {
            Some("dle") => Some("did you mean [[dle]]?".to_owned()),
            Some(meant) if is_table => Some(format!("did you mean [{meant}]?")),
            _ => place().or_else(|| crate::retired::advice(&word).map(str::to_owned)),
        };
        let message = if is_table {
            format!("unknown section [{word}]")
        } else {
            format!("the key {word:?} stands in no section")
        };
        let meant =
            meant.or_else(|| is_table.then(|| format!("the sections are {}", SECTIONS.join(", "))));
        self.faults.mistake(&at, message, meant);
    }

    /// Which section a key belongs to.
    fn place_of(&self, key: &str) -> Option<String> {
        let has = |(_, keys): &&(&str, Vec<&str>)| keys.contains(&key);
        let homes: Vec<&str> = self.vocabulary.iter().filter(has).map(|(home, _)| *home).collect();
        (!homes.is_empty() && homes.len() < 4)
            .then(|| format!("it belongs in {}", homes.join(" or ")))
    }

    fn include(&mut self, file: usize, (name, value): Entry<'_>) {
        if file > 0 {
            let at = At { file, span: name.span() };
            let message = "only reelkeep.toml itself includes other files";
            return self.faults.mistake(&at, message, None);
        }
        if let Err(Bad(bad)) = List(Word).read(Value::new(file, value)) {
            for fault in bad {
                self.faults.add(Fault { message: format!("include: {}", fault.message), ..fault });
            }
        }
    }

    fn site(&mut self, file: usize, (name, value): Entry<'_>, site: &mut Section<SiteDraft>) {
        let at = At { file, span: name.span() };
        let Some(table) = value.get_ref().as_table() else {
            return self.faults.mistake(&at, "site is a section", "write [site]".to_owned());
        };
        if file > 0 {
            return self.faults.mistake(&at, "[site] belongs in reelkeep.toml itself", None);
        }
        *site = self.table(String::new(), at, table, "[site]", &Keys(sections::site_keys()));
    }

    /// Sections of one kind, each with a name.
    fn named<S: 'static>(
        &mut self,
        file: usize,
        (kind, value): Entry<'_>,
        keys: Vec<crate::keys::Key<S>>,
        all: &mut Vec<Section<S>>,
    ) {
        let kind_name = kind.get_ref();
        let at = At { file, span: kind.span() };
        let nameless = format!("a {kind_name} needs a name");
        let advice = format!("write [{kind_name}.NAME]");
        let Some(table) = value.get_ref().as_table() else {
            return self.faults.mistake(&at, nameless, advice);
        };
        let keys = Keys(keys);
        let entries = in_order(table);
        if let Some((stray, _)) = entries.iter().find(|(_, value)| !value.get_ref().is_table()) {
            self.faults.mistake(&At { file, span: stray.span() }, nameless, advice);
        }
        for (name, value) in entries {
            let Some(table) = value.get_ref().as_table() else { continue };
            let at = At { file, span: name.span() };
            let section = format!("[{kind_name}.{}]", crate::shown::key(name.get_ref()));
            if let Some(first) = all.iter().find(|s| s.name == name.get_ref().as_ref()) {
                if file != self.predefined && first.at.file != file {
                    self.faults.mistake(&at, format!("{section} stands in two files"), None);
                }
                continue;
            }
            if name.get_ref().is_empty()
                || name.get_ref().chars().any(char::is_control)
                || name.get_ref().len() > 80
            {
                let message = format!(
                    "{:?} cannot be a name",
                    name.get_ref().chars().take(90).collect::<String>()
                );
                self.faults.mistake(&at, message, "use 1 to 80 characters".to_owned());
            }
            all.push(self.table(name.get_ref().to_string(), at, table, &section, &keys));
        }
    }

    fn dles(
        &mut self,
        file: usize,
        value: &Spanned<DeValue<'_>>,
        all: &mut Vec<Section<DleDraft>>,
    ) {
        let keys = Keys(sections::dle_keys());
        for element in Value::new(file, value).elements() {
            match element.table() {
                Some(table) => {
                    all.push(self.table(String::new(), element.at(), table, "[[dle]]", &keys));
                }
                None => self.faults.mistake(
                    &element.at(),
                    "a DLE is a section",
                    "write [[dle]], and host and path below it".to_owned(),
                ),
            }
        }
    }

    fn table<S: 'static>(
        &mut self,
        name: String,
        at: At,
        table: &DeTable<'_>,
        section: &str,
        keys: &Keys<S>,
    ) -> Section<S> {
        let Said { mut sets, failed, faults } =
            keys.read(at.file, table, section, &|key| self.place_of(key));
        sets.sort_by_key(|set| set.at.span.start);
        for fault in faults {
            self.faults.add(fault);
        }
        Section { name, at, sets, failed }
    }
}

/// A table's entries in the order of the file.
fn in_order<'t>(table: &'t DeTable<'t>) -> Vec<Entry<'t>> {
    let mut entries: Vec<Entry<'t>> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

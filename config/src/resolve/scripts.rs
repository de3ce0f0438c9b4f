//! Scripts, and whether those that DLEs name are there.

use super::Resolver;
use crate::keys::Set;
use crate::read::Section;
use crate::scripts::{Script, ScriptDraft};
use crate::sections::{DleDraft, DumptypeDraft, default_dumping};

impl Resolver<'_> {
    pub(super) fn scripts(&mut self) -> Vec<Script> {
        let sections = self.sections;
        let mut scripts = Vec::new();
        for section in &sections.scripts {
            let draft = section.apply(ScriptDraft::new(&section.name));
            let id = format!("script.{}", section.name);
            self.remember(&id, &id, &section.sets);
            let Some(plugin) = draft.plugin else {
                if !section.failed.contains(&"plugin") {
                    self.faults.mistake(
                        &section.at,
                        "a script needs a plugin",
                        "write plugin = \"script-email\"".to_owned(),
                    );
                }
                continue;
            };
            let script = Script { plugin, ..draft.script };
            if script.execute_on.is_empty() && !section.failed.contains(&"execute-on") {
                let message = format!("the script {:?} is never run", section.name);
                let advice = "write execute-on = [\"pre-dle-backup\"]".to_owned();
                self.faults.hint(&section.at, message, advice);
            }
            scripts.push(script);
        }
        let dumptype = |section: &Section<DumptypeDraft>| {
            section.apply(DumptypeDraft::new(default_dumping())).dumping.script
        };
        let dle = |section: &Section<DleDraft>| {
            section.apply(DleDraft::new(default_dumping())).how.dumping.script
        };
        for section in &sections.dumptypes {
            self.scripts_named(section, &dumptype(section));
        }
        for section in &sections.dles {
            self.scripts_named(section, &dle(section));
        }
        scripts
    }

    fn scripts_named<S>(&mut self, section: &Section<S>, names: &[String])
    where
        Set<S>: Clone,
    {
        let sections = self.sections;
        let defined: Vec<&str> = sections.scripts.iter().map(|s| s.name.as_str()).collect();
        for name in names.iter().filter(|name| !defined.contains(&name.as_str())) {
            self.missing("script", name, &section.place("script"), &defined);
        }
    }
}

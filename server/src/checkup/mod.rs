//! Will tonight work? The look around before the night, which changes nothing.
//!
//! Three areas, as in `amcheck`: the server with its directories, catalogue and holding disks; the volumes that
//! the run would write on; the clients with their DLEs. Everything found is a [`Finding`]: how grave, what about,
//! what is the matter, and what to do. Whatever is in the way of one thing is no reason not to look at the next.

mod by_hand;
mod clients;
mod server;
mod volumes;

use config::Dle;
use serde::Serialize;
use taper::catalogue::{Catalogue, CatalogueError, OnlyRead};

use crate::agent::AgentCommand;
use crate::clock::Now;
use crate::night::estimate::with_causes;
use crate::site::Site;

/// Where something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// This host: configuration, catalogue, directories, holding disks.
    Server,
    /// The library and its volumes.
    Volumes,
    /// The clients and their DLEs.
    Clients,
}

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gravity {
    /// It is as it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Tonight works, but somebody should look at it.
    Warning,
    /// Something of tonight fails.
    Error,
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where.
    pub area: Area,
    /// How grave.
    pub gravity: Gravity,
    /// What it is about.
    pub about: String,
    /// What is the matter with it.
    pub text: String,
    /// What to do.
    pub advice: Option<String>,
}

/// Collects what is found in one area.
struct Notes<'a> {
    area: Area,
    findings: &'a mut Vec<Finding>,
}

impl Notes<'_> {
    fn add(&mut self, gravity: Gravity, about: impl ToString, text: impl Into<String>) {
        let (area, about, text) = (self.area, about.to_string(), text.into());
        self.findings.push(Finding { area, gravity, about, text, advice: None });
    }

    fn good(&mut self, about: impl ToString, text: impl Into<String>) {
        self.add(Gravity::Good, about, text);
    }

    fn note(&mut self, about: impl ToString, text: impl Into<String>) {
        self.add(Gravity::Note, about, text);
    }

    /// Something to look at, and what to do about it.
    fn warning(
        &mut self,
        about: impl ToString,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.add(Gravity::Warning, about, text);
        self.advise(advice);
    }

    /// Something that fails tonight, and what to do about it.
    fn error(&mut self, about: impl ToString, text: impl Into<String>, advice: impl Into<String>) {
        self.add(Gravity::Error, about, text);
        self.advise(advice);
    }

    fn advise(&mut self, advice: impl Into<String>) {
        if let Some(last) = self.findings.last_mut() {
            last.advice = Some(advice.into());
        }
    }
}

/// Looks at everything that a run of these DLEs needs.
pub fn all(site: &Site, dles: &[&Dle], agent: &AgentCommand, now: &Now) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut notes = Notes { area: Area::Server, findings: &mut findings };
    server::configuration(&mut notes, site);
    server::directories(&mut notes, site);
    let catalogue = match site.catalogue_to_look_at() {
        Ok(catalogue) => {
            if let Some(OnlyRead { why, told }) = catalogue.only_read() {
                notes.error("catalogue", told, why.advice());
            }
            Some(catalogue)
        }
        Err(error) => {
            unread(&mut notes, &error);
            None
        }
    };
    if let Some(catalogue) = &catalogue {
        server::catalogue(&mut notes, site, catalogue);
    }
    server::holding(&mut notes, site, catalogue.as_ref());
    if let Some(catalogue) = &catalogue {
        server::plan(&mut notes, site, catalogue, dles, now);
        notes.area = Area::Volumes;
        volumes::look(&mut notes, site, catalogue, now);
    }
    notes.area = Area::Clients;
    clients::look(&mut notes, site, catalogue.as_ref(), dles, agent);
    findings
}

/// What the catalogue could not say. It is told, and the look around goes on.
fn unread(notes: &mut Notes<'_>, error: &CatalogueError) {
    let advice = error.advice().unwrap_or_else(|| "see `reelkeep catalogue check`".to_owned());
    notes.error("catalogue", with_causes(error), advice);
}

/// The dumps that the next of a DLE may build on.
fn bases(
    catalogue: &Catalogue,
) -> Result<std::collections::BTreeMap<types::DleRef, Vec<types::DumpId>>, CatalogueError> {
    let mut bases = std::collections::BTreeMap::new();
    for (dle, facts) in catalogue.planner_facts()? {
        let mut dumps = Vec::new();
        for row in facts.last_of_each_level().values() {
            if catalogue.chain(row.dump)?.gap.is_none() {
                dumps.push(row.dump);
            }
        }
        bases.insert(dle, dumps);
    }
    Ok(bases)
}

#[cfg(test)]
mod tests;

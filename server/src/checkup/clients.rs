//! The clients: does an agent start, and can each DLE be dumped? Hosts are asked side by side.

use std::collections::BTreeMap;

use config::Dle;
use format::wire::{Note, Reply, Request, Severity};
use taper::catalogue::Catalogue;
use types::{DleRef, DumpId, HostName, ScriptPoint};

use super::{Notes, unread};
use crate::agent::{Agent, AgentCommand, AgentError, Patience};
use crate::night::estimate::with_causes;
use crate::night::spec;
use crate::print;
use crate::runlog::RunEvent;
use crate::script::{Ran, Scripts};
use crate::site::Site;

/// What came of asking for one DLE.
type Answer = Result<Vec<Note>, AgentError>;

pub(super) fn look(
    notes: &mut Notes<'_>,
    site: &Site,
    catalogue: Option<&Catalogue>,
    dles: &[&Dle],
    agent: &AgentCommand,
) {
    let bases = match catalogue.map(super::bases).transpose() {
        Ok(bases) => bases.unwrap_or_default(),
        Err(error) => {
            unread(notes, &error);
            BTreeMap::new()
        }
    };
    let mut hosts: BTreeMap<&HostName, Vec<&Dle>> = BTreeMap::new();
    for dle in dles {
        hosts.entry(&dle.host).or_default().push(dle);
    }
    let patience = Patience::of(site.config.site.ctimeout);
    let scripts = Scripts::of(&site.config, agent, None);
    hear(notes, scripts.at(ScriptPoint::PreAmcheck, dles, &patience));
    let answers: Vec<(&HostName, Answers<'_>)> = std::thread::scope(|scope| {
        let asked: Vec<_> = hosts
            .iter()
            .map(|(host, dles)| {
                let (bases, patience, scripts) = (&bases, &patience, &scripts);
                (*host, scope.spawn(move || ask(dles, scripts, patience, bases)))
            })
            .collect();
        asked.into_iter().map(|(host, thread)| (host, thread.join().unwrap_or_default())).collect()
    });
    for (host, Answers { said, answers }) in answers {
        said.into_iter().for_each(|ran| hear(notes, ran));
        tell(notes, host, answers);
    }
    hear(notes, scripts.at(ScriptPoint::PostAmcheck, dles, &patience));
    if dles.is_empty() {
        notes.note("clients", "no DLE is to be dumped");
    }
}

/// What came of asking a host.
#[derive(Default)]
struct Answers<'a> {
    /// What scripts had to say.
    said: Vec<Ran>,
    /// What the agent had to say of each DLE.
    answers: Vec<(&'a Dle, Answer)>,
}

/// Asks for the DLEs of a host, one after the other. An agent that can't be started is not started again.
fn ask<'a>(
    dles: &[&'a Dle],
    scripts: &Scripts,
    patience: &Patience,
    bases: &BTreeMap<DleRef, Vec<DumpId>>,
) -> Answers<'a> {
    let mut all = Answers::default();
    all.said.push(scripts.at(ScriptPoint::PreHostAmcheck, dles, patience));
    for dle in dles {
        let bases = bases.get(&dle.reference()).cloned().unwrap_or_default();
        all.said.push(scripts.at_dle(ScriptPoint::PreDleAmcheck, dle, &[], patience));
        let answer = ask_one(dle, scripts.agent(), patience.clone(), bases);
        let hopeless = matches!(answer, Err(AgentError::Start { .. }));
        all.answers.push((*dle, answer));
        if hopeless {
            return all;
        }
        all.said.push(scripts.at_dle(ScriptPoint::PostDleAmcheck, dle, &[], patience));
    }
    all.said.push(scripts.at(ScriptPoint::PostHostAmcheck, dles, patience));
    all
}

/// What scripts have to say, as Amanda's check tells it: a message is one, a complaint is an error.
fn hear(notes: &mut Notes<'_>, ran: Ran) {
    for event in ran.said {
        let Some(text) = event.of_script() else { continue };
        match event {
            RunEvent::ScriptSaid { complaint: false, .. } => notes.note("scripts", text),
            _ => notes.error("scripts", text, "look at the script, or at what it complains of"),
        }
    }
}

fn ask_one(dle: &Dle, agent: &AgentCommand, patience: Patience, bases: Vec<DumpId>) -> Answer {
    let mut agent = Agent::start(agent, patience)?;
    match agent.ask(&Request::Check { dle: spec::of(dle), bases })? {
        Reply::Checked { notes } => {
            agent.finish()?;
            Ok(notes)
        }
        other => Err(AgentError::Protocol(format!("{other:?} in answer to a check"))),
    }
}

fn tell(notes: &mut Notes<'_>, host: &HostName, answers: Vec<(&Dle, Answer)>) {
    let of_host = said_of_all(&answers);
    for text in &of_host {
        notes.note(host, text.clone());
    }
    for (dle, answer) in answers {
        let about = dle.reference();
        match answer {
            Ok(said) => {
                let strange = said.iter().any(|note| note.severity == Severity::Strange);
                if !strange {
                    notes.good(&about, "can be dumped");
                }
                for note in said.iter().filter(|note| !of_host.contains(&note.text)) {
                    let text = worded(note);
                    match note.severity {
                        Severity::Strange => {
                            let advice =
                                "mend it on the client, or change the DLE in the configuration";
                            notes.error(&about, text, advice);
                        }
                        Severity::Info => notes.note(&about, text),
                    }
                }
            }
            Err(error @ AgentError::Start { .. }) => {
                let advice = "no DLE of this host can be dumped: install reelkeep-agent";
                notes.error(host, with_causes(&error), advice);
            }
            Err(error) => {
                let advice =
                    "see `reelkeep-agent` on the client; with -vv the server shows what it says";
                notes.error(&about, with_causes(&error), advice);
            }
        }
    }
}

/// What the agent says of every DLE alike is about the host.
fn said_of_all(answers: &[(&Dle, Answer)]) -> Vec<String> {
    let heard: Vec<&Vec<Note>> =
        answers.iter().filter_map(|(_, answer)| answer.as_ref().ok()).collect();
    let Some((first, others)) = heard.split_first() else { return Vec::new() };
    let infos = first.iter().filter(|note| note.severity == Severity::Info && note.path.is_none());
    infos
        .filter(|note| others.iter().all(|notes| notes.contains(note)))
        .filter(|note| !others.is_empty() || !note.text.contains("snapshot"))
        .map(|note| note.text.clone())
        .collect()
}

fn worded(note: &Note) -> String {
    match &note.path {
        Some(path) => format!("{}: {}", print::path(&path.0), note.text),
        None => note.text.clone(),
    }
}

//! How large each dump would be: from history where that is enough, else from the clients.
//!
//! A client that can't answer costs its own DLEs their exact numbers, and nothing else. Hosts are asked side
//! by side, the DLEs of one host one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use config::{Config, Dle, EstimateLimit};
use format::wire::{EstimateBase, Reply, Request};
use types::{Bytes, DleRef, DumpId, HostName, Level, ScriptPoint};

use super::spec;
use crate::agent::{Agent, AgentCommand, AgentError, Patience};
use crate::planner::{self, Day, DleFacts, EstimateNeed, Estimates};
use crate::runlog::RunEvent;
use crate::script::{Ran, Scripts};

/// What the clients said.
#[derive(Debug, Default)]
pub struct Asked {
    /// By DLE.
    pub estimates: BTreeMap<DleRef, Estimates>,
    /// Dumps whose snapshots the clients no longer have.
    pub lost: BTreeSet<DumpId>,
    /// The DLEs of which the client itself said that it can't.
    pub refused: BTreeSet<DleRef>,
    /// What scripts had to say.
    pub said: Vec<RunEvent>,
}

/// Estimates for every DLE.
pub fn all(
    config: &Config,
    dles: &[&Dle],
    facts: &[DleFacts],
    today: Day,
    scripts: &Scripts,
) -> Asked {
    let asked = Mutex::new(Asked::default());
    let mut to_ask: BTreeMap<&HostName, Vec<Question<'_>>> = BTreeMap::new();
    let needs = planner::estimates_wanted(facts, today);
    for ((dle, facts), need) in dles.iter().zip(facts).zip(needs) {
        match need {
            EstimateNeed::Nothing => {}
            EstimateNeed::FromHistory(estimates) => {
                lock(&asked).estimates.insert(dle.reference(), estimates);
            }
            EstimateNeed::AskClient { levels, otherwise } => {
                to_ask.entry(&dle.host).or_default().push(Question {
                    dle,
                    facts,
                    levels,
                    otherwise,
                });
            }
        }
    }
    std::thread::scope(|scope| {
        let asked = &asked;
        for dles in to_ask.values() {
            scope.spawn(move || {
                let of_host: Vec<&Dle> = dles.iter().map(|question| question.dle).collect();
                let hear = |ran: Ran| lock(asked).said.extend(ran.said);
                let patience = Patience::of(config.site.dtimeout);
                hear(scripts.at(ScriptPoint::PreHostEstimate, &of_host, &patience));
                for question in dles {
                    let limit = limit(config, question.levels.len());
                    let (answer, said) = question.ask_between(scripts, limit, &patience);
                    lock(asked).said.extend(said);
                    note(asked, question, answer);
                }
                hear(scripts.at(ScriptPoint::PostHostEstimate, &of_host, &patience));
            });
        }
    });
    asked.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Estimates for every DLE from history alone; none if a client would have to be asked.
pub fn from_history(facts: &[DleFacts], today: Day) -> Option<BTreeMap<DleRef, Estimates>> {
    let mut estimates = BTreeMap::new();
    for (dle, need) in facts.iter().zip(planner::estimates_wanted(facts, today)) {
        match need {
            EstimateNeed::Nothing => {}
            EstimateNeed::FromHistory(known) => {
                estimates.insert(dle.dle.clone(), known);
            }
            EstimateNeed::AskClient { .. } => return None,
        }
    }
    Some(estimates)
}

fn lock(asked: &Mutex<Asked>) -> std::sync::MutexGuard<'_, Asked> {
    asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn limit(config: &Config, estimates: usize) -> Duration {
    match config.site.etimeout {
        EstimateLimit::Each(each) => {
            each.saturating_mul(u32::try_from(estimates).unwrap_or(u32::MAX))
        }
        EstimateLimit::Host(all) => all,
    }
}

/// What a client is asked.
struct Question<'a> {
    dle: &'a Dle,
    facts: &'a DleFacts,
    /// The levels, each with what it would build on.
    levels: Vec<(Level, Option<DumpId>)>,
    /// What holds if the client does not answer.
    otherwise: Estimates,
}

impl Question<'_> {
    /// Asks, between the scripts that come before and after. One that fails before leaves the client unasked.
    fn ask_between(
        &self,
        scripts: &Scripts,
        limit: Duration,
        patience: &Patience,
    ) -> (Result<Vec<format::wire::Estimate>, AgentError>, Vec<RunEvent>) {
        let levels: Vec<Level> = self.levels.iter().map(|(level, _)| *level).collect();
        let before = scripts.at_dle(ScriptPoint::PreDleEstimate, self.dle, &levels, patience);
        let answer = match &before.failed {
            Some(why) => Err(AgentError::Refused(why.clone())),
            None => self.ask(scripts.agent(), limit, before.directory()),
        };
        let mut said = before.said;
        if before.failed.is_none() {
            let after = scripts.at_dle(ScriptPoint::PostDleEstimate, self.dle, &levels, patience);
            said.extend(after.said);
        }
        (answer, said)
    }

    /// Asks for all levels, in one walk.
    fn ask(
        &self,
        agent: &AgentCommand,
        limit: Duration,
        directory: Option<&str>,
    ) -> Result<Vec<format::wire::Estimate>, AgentError> {
        let bases = self.levels.iter().map(|&(level, base)| EstimateBase { level, base }).collect();
        let mut agent = Agent::start(agent, Patience::of(limit))?;
        match agent.ask(&Request::Estimate { dle: spec::read_from(self.dle, directory), bases })? {
            Reply::Estimates { estimates } => {
                agent.finish()?;
                Ok(estimates)
            }
            other => {
                Err(AgentError::Protocol(format!("{other:?} in answer to a request for estimates")))
            }
        }
    }
}

fn note(
    asked: &Mutex<Asked>,
    question: &Question<'_>,
    answer: Result<Vec<format::wire::Estimate>, AgentError>,
) {
    let mut asked = lock(asked);
    let mut estimates = question.otherwise.clone();
    match answer {
        Ok(answer) => {
            for wire in answer {
                match wire.size {
                    Some((_, raw)) => {
                        let estimate = planner::from_client(question.facts, wire.level, Bytes(raw));
                        estimates.levels.insert(wire.level, estimate);
                    }
                    None => asked.lost.extend(wire.base),
                }
            }
        }
        Err(error) => {
            if matches!(error, AgentError::Refused(_)) {
                asked.refused.insert(question.dle.reference());
            }
            estimates.failed = Some(with_causes(&error));
        }
    }
    asked.estimates.insert(question.dle.reference(), estimates);
}

/// An error and what caused it, in one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

//! Hook scripts: programs of the operator's, run at points of a check, a run or a restore.
//!
//! ```text
//! pre-amcheck    pre-host-amcheck    pre-dle-amcheck    (the DLE is checked)    post-dle-amcheck    …    post-amcheck
//! pre-estimate   pre-host-estimate   pre-dle-estimate   (the client is asked)   post-dle-estimate   …    post-estimate
//! pre-backup     pre-host-backup     pre-dle-backup     (the DLE is dumped)     post-dle-backup     …    post-backup
//! pre-recover    pre-level-recover                      (levels are restored)   post-level-recover       post-recover
//! ```
//!
//! The programs are those of Amanda's Script API and run unmodified; `format::script` has what is said to them. All are
//! run by an agent: the client's by that of the client, the server's by that of this host, so that there is one place
//! that starts programs. `select` says which are run.
//!
//! What goes wrong before a DLE is estimated or dumped, or after it is dumped, fails the dump; elsewhere it is told.

mod select;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use config::{Config, Dle};
use format::script::ScriptCall;
use types::{HostName, Level, ScriptPoint, Stamp};

use crate::agent::{Agent, AgentCommand, AgentError, Patience};
use crate::night::estimate::with_causes;
use crate::night::spec;
use crate::runlog::RunEvent;
use select::Chosen;

/// What the scripts at a point came to.
#[derive(Debug, Default)]
pub struct Ran {
    /// What they said, in order, for the log of a run.
    pub said: Vec<RunEvent>,
    /// Why one did not go well, the first.
    pub failed: Option<String>,
    /// What they have for whatever makes the dump.
    pub properties: BTreeMap<String, Vec<String>>,
    /// How many lines were complaints.
    pub complaints: u64,
}

/// Runs the scripts of a site.
#[derive(Clone, Debug)]
pub struct Scripts {
    config: Arc<Config>,
    agent: AgentCommand,
    run: Option<Stamp>,
    /// Hosts whose dumps have begun.
    begun: Arc<Mutex<BTreeMap<HostName, Arc<Mutex<bool>>>>>,
}

impl Scripts {
    /// Those of this site, run by this agent, in a run or without one.
    pub fn of(config: &Config, agent: &AgentCommand, run: Option<Stamp>) -> Self {
        Self { config: Arc::new(config.clone()), agent: agent.clone(), run, begun: Arc::default() }
    }

    /// The agent that runs them.
    pub fn agent(&self) -> &AgentCommand {
        &self.agent
    }

    /// Whether any script is run at this point at all.
    pub fn any_at(&self, point: ScriptPoint) -> bool {
        self.config.scripts.iter().any(|script| script.execute_on.contains(&point))
    }

    /// Runs the scripts of these DLEs at a point of the run, or of their host.
    pub fn at(&self, point: ScriptPoint, dles: &[&Dle], patience: &Patience) -> Ran {
        self.run(select::at(&self.config, dles, point), point, &[], patience)
    }

    /// Runs the scripts of a DLE at a point of it, or of a restore of it.
    pub fn at_dle(
        &self,
        point: ScriptPoint,
        dle: &Dle,
        levels: &[Level],
        patience: &Patience,
    ) -> Ran {
        self.run(select::at(&self.config, &[dle], point), point, levels, patience)
    }

    /// Runs what comes before the first dump of a host, once, and has the other dumps of the host wait for it.
    pub fn before_host(&self, host: &HostName, patience: &Patience) -> Ran {
        if !self.any_at(ScriptPoint::PreHostBackup) {
            return Ran::default();
        }
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let once = Arc::clone(begun.entry(host.clone()).or_default());
        drop(begun);
        let mut done = once.lock().unwrap_or_else(PoisonError::into_inner);
        if *done {
            return Ran::default();
        }
        *done = true;
        self.at(ScriptPoint::PreHostBackup, &self.dles_of(host), patience)
    }

    /// Runs what comes after the last dump of a host.
    pub fn after_host(&self, host: &HostName, patience: &Patience) -> Ran {
        self.at(ScriptPoint::PostHostBackup, &self.dles_of(host), patience)
    }

    fn dles_of(&self, host: &HostName) -> Vec<&Dle> {
        let dles = self.config.dles.iter();
        dles.filter(|dle| dle.host == *host && !dle.dumping.ignore).collect()
    }

    fn run(
        &self,
        chosen: Vec<Chosen<'_>>,
        point: ScriptPoint,
        levels: &[Level],
        patience: &Patience,
    ) -> Ran {
        let mut ran = Ran::default();
        for one in chosen {
            let call = self.call(&one, point, levels);
            let about = one.dle.map(|dle| dle.reference().to_string());
            let script = one.script.name.clone();
            match self.ask(&call, patience) {
                Ok(end) => {
                    let well = end.went_well();
                    let last = end.said.last().map(|said| said.text.clone());
                    for said in end.said {
                        ran.complaints += u64::from(said.complaint);
                        ran.said.push(RunEvent::ScriptSaid {
                            script: script.clone(),
                            at: point,
                            about: about.clone(),
                            complaint: said.complaint,
                            text: said.text,
                        });
                    }
                    for (name, values) in end.properties {
                        ran.properties.entry(name).or_default().extend(values);
                    }
                    if !well {
                        let code = match end.code {
                            Some(code) => format!("exit code {code}"),
                            None => "it was killed".to_owned(),
                        };
                        let said = last.map(|last| format!(": {last}")).unwrap_or_default();
                        ran.fail(script, point, about, format!("{code}{said}"));
                    }
                }
                Err(error) => ran.fail(script, point, about, with_causes(&error)),
            }
        }
        ran
    }

    fn call(&self, chosen: &Chosen<'_>, point: ScriptPoint, levels: &[Level]) -> ScriptCall {
        let Chosen { script, dle } = chosen;
        ScriptCall {
            plugin: script.plugin.clone(),
            point,
            place: script.execute_where,
            config: self.config.site.name.clone(),
            host: dle.map(|dle| dle.host.clone()),
            dle: dle.map(|dle| dle.name.clone()),
            device: dle.map(|dle| spec::wire_path(&dle.path)),
            run: self.run,
            levels: levels.to_vec(),
            properties: script.property.clone(),
        }
    }

    fn ask(
        &self,
        call: &ScriptCall,
        patience: &Patience,
    ) -> Result<format::script::ScriptEnd, AgentError> {
        let mut agent = Agent::start(&self.agent, patience.clone())?;
        let end = agent.script(call)?;
        agent.finish()?;
        Ok(end)
    }
}

impl Ran {
    fn fail(&mut self, script: String, at: ScriptPoint, about: Option<String>, why: String) {
        self.failed.get_or_insert_with(|| format!("the script {script} at {at}: {why}"));
        self.said.push(RunEvent::ScriptFailed { script, at, about, why });
    }

    /// The directory that is to be read instead of the DLE's, if a script said so: `PROPERTY directory PATH`.
    pub fn directory(&self) -> Option<&str> {
        self.properties.get("directory").and_then(|values| values.last()).map(String::as_str)
    }
}

/// The hosts that have begun and of which nothing is left to be dumped.
pub fn hosts_over<'a>(
    outcomes: impl Iterator<Item = (&'a HostName, bool)>,
) -> BTreeSet<&'a HostName> {
    let (mut over, mut open) = (BTreeSet::new(), BTreeSet::new());
    for (host, done) in outcomes {
        if done {
            over.insert(host)
        } else {
            open.insert(host)
        };
    }
    over.difference(&open).copied().collect()
}

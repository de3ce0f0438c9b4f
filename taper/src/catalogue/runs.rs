//! Runs: one night's work each.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use types::Stamp;

use super::events::{EventKind, log};
use super::sql::{get, get_maybe, text, words};
use super::{Catalogue, CatalogueError, Trouble};

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunKind {
    /// Dumps what is due.
    Dump,
    /// Writes to volumes what waits on holding.
    Flush,
    /// Copies to another storage.
    Vault,
    /// Took over what was found on volumes or elsewhere.
    Import,
}

words!(RunKind, "kind of run", Dump = "dump", Flush = "flush", Vault = "vault", Import = "import");

/// How a run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// It has not finished. If its process is gone, it was interrupted.
    Unfinished,
    /// Everything that was asked for was done.
    Good,
    /// Finished, with complaints or some DLEs failed.
    Complaints,
    /// It could not do its work.
    Failed,
    /// It was cut short, and the next run found out.
    Interrupted,
}

words!(
    RunStatus,
    "status of a run",
    Unfinished = "unfinished",
    Good = "good",
    Complaints = "complaints",
    Failed = "failed",
    Interrupted = "interrupted",
);

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its name.
    pub stamp: Stamp,
    /// What it was for.
    pub kind: RunKind,
    /// By the clock on the wall, which may be behind the stamp after the clock was set back.
    pub started: Stamp,
    /// `None` as long as it goes on.
    pub finished: Option<Stamp>,
    /// How it went.
    pub status: RunStatus,
    /// Which program, in which version.
    pub program: String,
}

impl Catalogue {
    /// A run begins. Volumes it writes are needed until it is finished.
    pub fn begin_run(
        &mut self,
        stamp: Stamp,
        kind: RunKind,
        started: Stamp,
        program: &str,
    ) -> Result<(), CatalogueError> {
        self.write("record that a run begins", |tx| {
            let run = Run {
                stamp,
                kind,
                started,
                finished: None,
                status: RunStatus::Unfinished,
                program: program.to_owned(),
            };
            insert(tx, &run)?;
            log(tx, started, Some(stamp), EventKind::Run, &format!("{kind} run {stamp} begins"))
        })
    }

    /// A run is over.
    pub fn finish_run(
        &mut self,
        stamp: Stamp,
        finished: Stamp,
        status: RunStatus,
    ) -> Result<(), CatalogueError> {
        self.write("record that a run is over", |tx| {
            let changed = tx.execute(
                "UPDATE runs SET finished = ?2, status = ?3 WHERE stamp = ?1",
                [text(stamp), text(finished), text(status)],
            )?;
            if changed == 0 {
                return Err(CatalogueError::NoSuchRun(stamp).into());
            }
            let what = format!("run {stamp} is over: {status}");
            log(tx, finished, Some(stamp), EventKind::Run, &what)
        })
    }

    /// Runs that never said they were over. Whoever holds the site's lock knows that they were interrupted.
    pub fn unfinished_runs(&self) -> Result<Vec<Run>, CatalogueError> {
        self.read("list its unfinished runs", |c| {
            select(c, "WHERE status = 'unfinished' ORDER BY stamp")
        })
    }

    /// All runs, newest first.
    pub fn runs(&self) -> Result<Vec<Run>, CatalogueError> {
        self.read("list its runs", |c| select(c, "ORDER BY stamp DESC"))
    }

    /// One run.
    pub fn run(&self, stamp: Stamp) -> Result<Run, CatalogueError> {
        self.read("look up a run", |c| {
            one(c, stamp)?.ok_or_else(|| CatalogueError::NoSuchRun(stamp).into())
        })
    }

    /// The newest stamp there is: a new run's has to be later.
    pub fn newest_stamp(&self) -> Result<Option<Stamp>, CatalogueError> {
        self.read("tell its newest run", |c| {
            let newest = c
                .prepare_cached("SELECT stamp FROM runs ORDER BY stamp DESC LIMIT 1")?
                .query_row([], |row| get(row, "stamp"))
                .optional()?;
            Ok(newest)
        })
    }
}

pub(super) fn one(c: &Connection, stamp: Stamp) -> Result<Option<Run>, Trouble> {
    let mut statement = c.prepare_cached("SELECT * FROM runs WHERE stamp = ?1")?;
    Ok(statement.query_row([text(stamp)], of_row).optional()?)
}

pub(super) fn insert(c: &Connection, run: &Run) -> Result<(), Trouble> {
    c.prepare_cached(
        "INSERT INTO runs (stamp, kind, started, finished, status, program)
         VALUES (:stamp, :kind, :started, :finished, :status, :program)",
    )?
    .execute(named_params! {
        ":stamp": text(run.stamp),
        ":kind": run.kind.as_str(),
        ":started": text(run.started),
        ":finished": run.finished.map(text),
        ":status": run.status.as_str(),
        ":program": run.program,
    })?;
    Ok(())
}

fn select(c: &Connection, clauses: &str) -> Result<Vec<Run>, Trouble> {
    let mut statement = c.prepare(&format!("SELECT * FROM runs {clauses}"))?;
    Ok(statement.query_map([], of_row)?.collect::<Result<_, _>>()?)
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        stamp: get(row, "stamp")?,
        kind: get(row, "kind")?,
        started: get(row, "started")?,
        finished: get_maybe(row, "finished")?,
        status: get(row, "status")?,
        program: row.get("program")?,
    })
}

//! `reelkeep-emulator`: a tape library that exists only in a directory, for every program that speaks to real ones.

mod args;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use clap::{CommandFactory, Parser};
use devices::emulator::serve::{Control, ControlError, Errand, Home, Served, Wall, place, send};
use devices::emulator::{Dialect, FaultPlan, Library, Spot};
use devices::iscsi::login::Offer;
use devices::iscsi::server::{Reach, Server};
use serde_json::Value;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use args::{Args, Command, OnOff, Serve, Tempo};

/// The end of a command that did not go well.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A person could not do it.
const UNABLE: u8 = 1;
/// It could not run.
const FAILED: u8 = 2;
/// It was called wrongly.
const USAGE: u8 = 3;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            return if error.print().is_ok() { code.into() } else { FAILED.into() };
        }
    };
    match run(args.command) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads what is said has read enough.
        Err(failure) if broken_pipe(failure.as_ref()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(failure.as_ref());
            if failure.downcast_ref::<Unable>().is_some() { UNABLE.into() } else { FAILED.into() }
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(create) => {
            Home::create(&create.directory, &create.setup()?)?.library()?;
            say(&format!("made a library in {}", create.directory.display()))
        }
        Command::Serve(serve) => serve_library(&serve),
        Command::Profiles => {
            let line = |dialect: &Dialect| format!("{:<14} {}", dialect.word(), dialect.story());
            say(&Dialect::ALL.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        Command::Show { directory, json } => {
            let seen = errand(&directory, Errand::Look)?;
            if json { say(&serde_json::to_string_pretty(&seen)?) } else { say(&table(&seen)) }
        }
        Command::Put { directory, barcode, to, new } => {
            let to = place(&to)?;
            let errand_of = match new.cartridge(&barcode)? {
                Some(cartridge) => Errand::PutNew { cartridge: Box::new(cartridge), to },
                None => Errand::Put { barcode, to },
            };
            errand(&directory, errand_of).map(drop)
        }
        Command::Take { directory, what, unnoticed } => {
            let from = find(&directory, &what)?;
            let lies = errand(&directory, Errand::Take { from, unnoticed })?;
            say(&format!("it lies at {}", lies["place"].as_str().unwrap_or("?")))
        }
        Command::Door { directory, movement } => {
            errand(&directory, Errand::Door { movement: movement.into() }).map(drop)
        }
        Command::Mail { directory, movement } => {
            errand(&directory, Errand::Mail { movement: movement.into() }).map(drop)
        }
        Command::WriteProtect { directory, barcode, state } => {
            let protected = state == OnOff::On;
            errand(&directory, Errand::WriteProtect { barcode, protected }).map(drop)
        }
        Command::Relabel { directory, place: at, barcode } => {
            errand(&directory, Errand::Relabel { place: place(&at)?, barcode }).map(drop)
        }
        Command::Break { directory, place: at, code } => {
            let code = Some(args::code(&code)?);
            errand(&directory, Errand::Break { place: place(&at)?, code }).map(drop)
        }
        Command::Mend { directory, place: at } => {
            errand(&directory, Errand::Break { place: place(&at)?, code: None }).map(drop)
        }
        Command::Renumber { directory, by } => {
            errand(&directory, Errand::Renumber { by }).map(drop)
        }
        Command::Faults { directory, file } => {
            let plan = FaultPlan::from_json(&fs::read_to_string(&file)?)?;
            errand(&directory, Errand::Faults { plan }).map(drop)
        }
        Command::Power { directory } => errand(&directory, Errand::Power).map(drop),
        Command::Manual => Ok(clap_mangen::Man::new(Args::command()).render(&mut io::stdout())?),
    }
}

/// Serves until a signal comes.
fn serve_library(serve: &Serve) -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(io::stderr)
        .with_max_level(serve.level())
        .init();
    let home = Home::open(&serve.directory)?;
    let library = home.library()?;
    let served = match serve.pace {
        Tempo::AtOnce => Served::at_once(library.clone()),
        Tempo::Times(times) => {
            let begun = Instant::now();
            let wall = Wall::new(library.now(), times, move || begun.elapsed(), wait);
            Served::in_time(library.clone(), wall)
        }
    };
    let reach = if serve.network { Reach::Network } else { Reach::Loopback };
    let offer = Offer::new(serve.iqn.clone());
    let server = Server::bind(serve.listen, reach, offer, Arc::new(served))?;
    let stopper = server.stopper()?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            stopper.stop();
        }
    });
    let control = Control::listen(&serve.directory, library);
    if let Err(error) = &control {
        // The library can be used all the same, but nobody can stand at it.
        tracing::warn!("there is no control socket in {}: {error}", serve.directory.display());
    }
    say(&format!("listening on {} as {}", server.address()?, serve.iqn))?;
    server.run()?;
    drop(control);
    Ok(())
}

/// The drive is at work.
#[expect(clippy::disallowed_methods, reason = "what takes time is played here")]
fn wait(time: Duration) {
    thread::sleep(time);
}

/// Does it to the library that is served, or to the one that lies in the directory.
fn errand(directory: &Path, errand: Errand) -> Result<Value, Failure> {
    match send(directory, &errand) {
        Err(ControlError::NotServed(_)) => {}
        Err(ControlError::Unable(why)) => return Err(Unable(why).into()),
        reply => return Ok(reply?),
    }
    let library: Library = Home::open(directory)?.library()?;
    errand.run(&library).map_err(|unable| Unable(unable.to_string()).into())
}

/// A place, or where the cartridge with this sticker is.
fn find(directory: &Path, what: &str) -> Result<Spot, Failure> {
    let typed = place(what);
    if typed.is_ok() {
        return Ok(typed?);
    }
    let seen = errand(directory, Errand::Look)?;
    let places = seen["places"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = places.iter().find(|one| one["barcode"] == what);
    let word = found.and_then(|one| one["place"].as_str());
    Ok(place(word.ok_or_else(|| Unable(format!("there is no cartridge {what}")))?)?)
}

/// What is where, for people.
fn table(seen: &Value) -> String {
    let places = seen["places"].as_array().map(Vec::as_slice).unwrap_or_default();
    let line = |one: &Value| {
        let word = |key: &str| one[key].as_str().unwrap_or("").to_owned();
        let address = one["address"].as_u64().map(|it| it.to_string()).unwrap_or_default();
        let what = match one["full"].as_bool() {
            Some(true) if one["barcode"].is_null() => "(no barcode)".to_owned(),
            Some(true) => word("barcode"),
            _ => String::new(),
        };
        let tab = if one["write-protected"] == true { "write-protected" } else { "" };
        format!("{:<12} {:>7}  {:<14} {}", word("place"), address, what, tab).trim_end().to_owned()
    };
    let head = format!("{:<12} {:>7}  {}", "place", "address", "cartridge");
    std::iter::once(head).chain(places.iter().map(line)).collect::<Vec<_>>().join("\n")
}

/// What a person cannot do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unable(String);

fn broken_pipe(failure: &(dyn std::error::Error + 'static)) -> bool {
    failure.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == io::ErrorKind::BrokenPipe)
}

fn say(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// The error and its causes.
fn complain(failure: &(dyn std::error::Error + 'static)) {
    let mut text = format!("reelkeep-emulator: {failure}");
    let mut cause = failure.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    // Nobody is left to be told if standard error is gone.
    drop(writeln!(io::stderr(), "{text}"));
}

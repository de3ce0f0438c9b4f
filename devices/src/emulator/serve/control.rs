//! How to reach the library that another process serves: a Unix socket in its directory.
//!
//! One line of JSON there, an [`Errand`]; one line back, `{"done": …}` or `{"unable": "why"}`. Who may write into the
//! directory may do whatever a person at the library may.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Library;
use super::Errand;

const NAME: &str = "control";

/// The longest errand: a fault plan may be long.
const LONGEST: u64 = 4 << 20;

/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(30);

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reply {
    Done(Value),
    Unable(String),
}

/// Why an errand was not done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody serves this library.
    #[error("nobody serves the library in {0}")]
    NotServed(PathBuf),
    /// The one who serves it could not be talked to.
    #[error("could not talk to the process that serves the library")]
    Talk(#[source] io::Error),
    /// It answers nonsense.
    #[error("the process that serves the library answered nonsense")]
    Nonsense(#[source] serde_json::Error),
    /// It could not be done.
    #[error("{0}")]
    Unable(String),
}

/// Takes errands for a library, until it is dropped.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
}

impl Control {
    /// Listens in the library's directory. The caller has the directory's lock.
    pub fn listen(directory: &Path, library: Library) -> io::Result<Self> {
        let path = directory.join(NAME);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = within(directory, |path| UnixListener::bind(path))?;
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if let Err(error) = serve(&stream, &library) {
                    tracing::info!("an errand was not understood: {error}");
                }
            }
        });
        Ok(Self { path })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Whoever comes next removes it, if we could not.
        drop(fs::remove_file(&self.path));
    }
}

/// The name of a socket may have 108 bytes, that of a directory more: so by way of the directory's descriptor.
fn within<T>(directory: &Path, act: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let open = File::open(directory)?;
    let path = format!("/proc/self/fd/{}/{NAME}", open.as_raw_fd());
    act(Path::new(&path))
}

fn serve(stream: &UnixStream, library: &Library) -> io::Result<()> {
    let line = read_line(stream)?;
    let reply = match serde_json::from_str::<Errand>(&line) {
        Ok(errand) => match errand.run(library) {
            Ok(said) => Reply::Done(said),
            Err(unable) => Reply::Unable(unable.to_string()),
        },
        Err(error) => Reply::Unable(format!("that is no errand: {error}")),
    };
    write_line(stream, &reply)
}

/// Sends an errand to whoever serves the library in this directory.
pub fn send(directory: &Path, errand: &Errand) -> Result<Value, ControlError> {
    let stream =
        within(directory, |path| UnixStream::connect(path)).map_err(|error| {
            match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                    ControlError::NotServed(directory.to_owned())
                }
                _ => ControlError::Talk(error),
            }
        })?;
    write_line(&stream, errand).map_err(ControlError::Talk)?;
    let line = read_line(&stream).map_err(ControlError::Talk)?;
    match serde_json::from_str(&line).map_err(ControlError::Nonsense)? {
        Reply::Done(said) => Ok(said),
        Reply::Unable(why) => Err(ControlError::Unable(why)),
    }
}

fn read_line(stream: &UnixStream) -> io::Result<String> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line)?;
    Ok(line)
}

fn write_line(mut stream: &UnixStream, message: &impl Serialize) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line)
}

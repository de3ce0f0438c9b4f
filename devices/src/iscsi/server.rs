//! The target's sockets and threads.
//!
//! A thread a connection reads; a thread a unit carries out commands, so that a rewinding tape holds up neither the
//! other drives nor the answers to the initiator's pings. Both hand what they have to the session, which stands behind a
//! lock, and send what it says.
//!
//! Anybody who reaches the port can read and overwrite the tapes. So only loopback addresses are listened on,
//! unless [`Reach::Network`] says that this is wanted.

use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::login::{Login, LoginResponse, Offer, Purpose, Step, Terms};
use super::pdu::{HEADER, Header, Lengths, Numbers, PduError, Request, Response};
use super::session::{Action, Job, Session};
use super::{Lun, Nexus, Units};

/// The longest data segment before and during the log-in (RFC 7143, 13.12).
const LOGIN_SEGMENT: usize = 8192;

/// How long an initiator may take for its log-in, and how long it may not take what we send.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many connections there may be.
const MOST_CONNECTIONS: usize = 64;

/// How many initiators are remembered.
const MOST_NEXUSES: usize = 4096;

/// How many units a connection has threads for; the rest share one.
const MOST_WORKERS: usize = 256;

/// Who may reach the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Programs on this machine.
    Loopback,
    /// Whoever reaches the address.
    Network,
}

/// Why there is no target.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Not without being told.
    #[error(
        "{0} can be reached from other machines, and anybody who reaches it can read and overwrite the tapes"
    )]
    Exposed(SocketAddr),
    /// The address is taken, or not ours.
    #[error("could not listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No new connections any more.
    #[error("could not accept connections")]
    Accept(#[source] io::Error),
}

/// A listening target.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// Stops a [`Server`] from another thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    offer: Offer,
    units: Arc<dyn Units>,
    stopping: AtomicBool,
    connections: Mutex<Connections>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("offer", &self.offer).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Connections {
    next: u64,
    open: BTreeMap<u64, (TcpStream, Option<Nexus>)>,
    nexuses: BTreeMap<(String, [u8; 6]), Nexus>,
}

impl Server {
    /// Listens. Port 0 takes a free one.
    pub fn bind(
        address: SocketAddr,
        reach: Reach,
        offer: Offer,
        units: Arc<dyn Units>,
    ) -> Result<Self, ServerError> {
        if reach == Reach::Loopback && !address.ip().is_loopback() {
            return Err(ServerError::Exposed(address));
        }
        let listener =
            TcpListener::bind(address).map_err(|source| ServerError::Listen { address, source })?;
        let shared = Shared {
            offer,
            units,
            stopping: AtomicBool::new(false),
            connections: Mutex::new(Connections::default()),
        };
        Ok(Self { listener, shared: Arc::new(shared) })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr, ServerError> {
        self.listener.local_addr().map_err(ServerError::Accept)
    }

    /// What stops it.
    pub fn stopper(&self) -> Result<Stopper, ServerError> {
        Ok(Stopper { address: self.address()?, shared: Arc::clone(&self.shared) })
    }

    /// Serves until it is stopped.
    pub fn run(self) -> Result<(), ServerError> {
        let mut threads = Vec::new();
        for stream in self.listener.incoming() {
            if self.shared.stopping.load(Ordering::SeqCst) {
                break;
            }
            let stream = match stream {
                Ok(stream) => stream,
                // One that is gone before it was accepted is no reason to stop.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(ServerError::Accept(error)),
            };
            threads.retain(|thread: &thread::JoinHandle<()>| !thread.is_finished());
            let shared = Arc::clone(&self.shared);
            threads.push(thread::spawn(move || shared.serve(stream)));
        }
        for thread in threads {
            // A connection that panicked has said so, and is over.
            if thread.join().is_err() {
                tracing::error!("a connection ended in a panic");
            }
        }
        Ok(())
    }
}

impl Stopper {
    /// Closes all connections and ends [`Server::run`].
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for (stream, _) in self.shared.connections().open.values() {
            close(stream);
        }
        // Wakes the thread that accepts. If nobody listens any more, it needs no waking.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(self: Arc<Self>, stream: TcpStream) {
        let Ok(copy) = stream.try_clone() else { return };
        let number = {
            let mut connections = self.connections();
            if connections.open.len() >= MOST_CONNECTIONS || self.stopping.load(Ordering::SeqCst) {
                return;
            }
            connections.next += 1;
            let number = connections.next;
            connections.open.insert(number, (copy, None));
            number
        };
        if let Err(error) = self.talk(number, stream) {
            tracing::info!("connection {number} is over: {error}");
        }
        let gone = self.connections().open.remove(&number);
        if let Some((_, Some(nexus))) = gone {
            self.units.nexus_changed(nexus);
        }
    }

    fn talk(self: &Arc<Self>, number: u64, stream: TcpStream) -> Result<(), Over> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let address = stream.local_addr()?.to_string();
        let mut reading = BufReader::with_capacity(64 << 10, stream.try_clone()?);
        let mut writing = BufWriter::with_capacity(64 << 10, stream.try_clone()?);
        let Welcome { terms, response, numbers } = log_in(&self.offer, &mut reading, &mut writing)?;
        stream.set_read_timeout(None)?;
        // Before the initiator hears that it is in: what it does next, on another connection too, finds it there.
        let nexus = match terms.purpose {
            Purpose::Discovery => None,
            Purpose::Normal => Some(self.enter(number, &terms)?),
        };
        write_pdu(&mut writing, Response::Login(response), numbers)?;
        writing.flush()?;
        let connection = Connection {
            units: Arc::clone(&self.units),
            nexus: nexus.unwrap_or(Nexus(u32::MAX)),
            inner: Mutex::new(Inner {
                session: Session::new(terms, self.offer.target.clone(), address),
                writing,
            }),
        };
        Arc::new(connection).read(&mut reading, self.offer.segment)
    }

    /// Gives the connection its nexus. An older connection of the same nexus is closed: the initiator has logged
    /// in again (RFC 7143, 6.3.5).
    fn enter(&self, number: u64, terms: &Terms) -> Result<Nexus, Over> {
        let mut connections = self.connections();
        let new = u32::try_from(connections.nexuses.len()).unwrap_or(u32::MAX);
        let name = (terms.initiator.clone(), terms.isid);
        if connections.nexuses.len() >= MOST_NEXUSES && !connections.nexuses.contains_key(&name) {
            return Err(Over::TooMany);
        }
        let nexus = *connections.nexuses.entry(name).or_insert(Nexus(new));
        for (stream, its) in connections.open.values_mut() {
            if *its == Some(nexus) {
                *its = None;
                close(stream);
            }
        }
        if let Some((_, its)) = connections.open.get_mut(&number) {
            *its = Some(nexus);
        }
        drop(connections);
        tracing::info!("{} logged in", terms.initiator);
        self.units.nexus_changed(nexus);
        Ok(nexus)
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Over {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Pdu(#[from] PduError),
    #[error("it was no log-in")]
    NoLogin,
    #[error("the log-in was refused: {0:?}")]
    Refused(super::login::LoginStatus),
    #[error("too many initiators")]
    TooMany,
}

fn close(stream: &TcpStream) {
    // If it is closed already, all the better.
    drop(stream.shutdown(Shutdown::Both));
}

/// One PDU: its header, and what follows it.
fn read_pdu(from: &mut impl Read, longest: usize) -> Result<(Header, Vec<u8>), Over> {
    let mut header = [0; HEADER];
    from.read_exact(&mut header)?;
    let mut rest = vec![0; Lengths::of(&header, longest)?.rest()];
    from.read_exact(&mut rest)?;
    Ok((header, rest))
}

fn write_pdu(to: &mut impl Write, response: Response, numbers: Numbers) -> io::Result<()> {
    let (header, data) = response.encode(numbers);
    to.write_all(&header)?;
    to.write_all(&data)?;
    let filling = data.len().next_multiple_of(4) - data.len();
    to.write_all([0; 3].get(..filling).unwrap_or_default())
}

/// A log-in that is accepted, and the answer that is still to be sent.
struct Welcome {
    terms: Terms,
    response: LoginResponse,
    numbers: Numbers,
}

fn log_in(
    offer: &Offer,
    reading: &mut impl Read,
    writing: &mut impl Write,
) -> Result<Welcome, Over> {
    let mut login = Login::new(offer.clone());
    loop {
        let (header, rest) = read_pdu(reading, LOGIN_SEGMENT)?;
        let Request::Login(request) = Request::decode(&header, rest)? else {
            return Err(Over::NoLogin);
        };
        let (stat_sn, cmd_sn) = (request.head.exp_stat_sn, request.head.cmd_sn);
        let numbers = Numbers { stat_sn, exp_cmd_sn: cmd_sn, max_cmd_sn: cmd_sn };
        let (response, refused) = match login.step(request) {
            Step::Continue(response) => (response, None),
            Step::Refuse(response) => {
                let status = response.status;
                (response, Some(Over::Refused(status)))
            }
            Step::Done(response, mut terms) => {
                terms.stat_sn = stat_sn.wrapping_add(1);
                return Ok(Welcome { terms: *terms, response, numbers });
            }
        };
        write_pdu(writing, Response::Login(response), numbers)?;
        writing.flush()?;
        if let Some(refused) = refused {
            return Err(refused);
        }
    }
}

/// A connection of a session.
struct Connection {
    units: Arc<dyn Units>,
    nexus: Nexus,
    inner: Mutex<Inner>,
}

struct Inner {
    session: Session,
    writing: BufWriter<TcpStream>,
}

/// The threads that carry out commands: one a unit.
type Workers = BTreeMap<Option<Lun>, Sender<Job>>;

impl Connection {
    /// Reads until the connection is over.
    fn read(self: &Arc<Self>, reading: &mut impl Read, segment: u32) -> Result<(), Over> {
        let longest = usize::try_from(segment).unwrap_or(usize::MAX);
        let mut workers = Workers::new();
        loop {
            let (header, rest) = read_pdu(reading, longest)?;
            let request = Request::decode(&header, rest);
            let mut inner = self.inner();
            let actions = match request {
                Ok(request) => inner.session.receive(&header, request),
                Err(_) => inner.session.receive_unknown(&header),
            };
            if self.perform(&mut inner, actions, &mut workers)? == Next::Close {
                close(inner.writing.get_ref());
                return Ok(());
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn perform(
        self: &Arc<Self>,
        inner: &mut Inner,
        actions: Vec<Action>,
        workers: &mut Workers,
    ) -> Result<Next, Over> {
        let mut next = Next::Read;
        for action in actions {
            match action {
                Action::Send(response, numbers) => {
                    write_pdu(&mut inner.writing, response, numbers)?;
                }
                Action::Execute(job) => self.hand_over(job, workers),
                Action::Reset(what) => self.units.reset(what),
                Action::Close => next = Next::Close,
            }
        }
        inner.writing.flush()?;
        Ok(next)
    }

    fn hand_over(self: &Arc<Self>, job: Job, workers: &mut Workers) {
        let whose = if workers.len() < MOST_WORKERS || workers.contains_key(&job.lun) {
            job.lun
        } else {
            None
        };
        let worker = workers.entry(whose).or_insert_with(|| {
            let (sender, jobs) = channel();
            let connection = Arc::clone(self);
            thread::spawn(move || connection.work(&jobs));
            sender
        });
        if worker.send(job).is_err() {
            tracing::error!("a unit's thread is gone");
        }
    }

    /// Carries out commands until the connection is over.
    fn work(&self, jobs: &Receiver<Job>) {
        for job in jobs {
            let answer = self.units.execute(self.nexus, job.lun, &job.cdb, &job.data, job.room);
            let Some(answer) = answer else { continue };
            let mut inner = self.inner();
            let actions = inner.session.answered(job.task, answer);
            if let Err(error) = send_all(&mut inner.writing, actions) {
                tracing::info!("an answer could not be sent: {error}");
                close(inner.writing.get_ref());
            }
        }
    }
}

/// What answers lead to: only more to send.
fn send_all(to: &mut impl Write, actions: Vec<Action>) -> io::Result<()> {
    for action in actions {
        if let Action::Send(response, numbers) = action {
            write_pdu(to, response, numbers)?;
        }
    }
    to.flush()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Read,
    Close,
}

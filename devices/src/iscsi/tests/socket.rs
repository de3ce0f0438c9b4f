//! A target on a real socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::super::login::Offer;
use super::super::server::{Reach, Server, ServerError, Stopper};
use super::super::{Answer, Lun, Nexus, Reset, Units};
use super::initiator::{Initiator, KEYS};
use super::{TARGET, good};
use crate::scsi::Status;

/// Units that remember what they were told: one that gives back what was written to it.
#[derive(Default)]
pub(crate) struct Echo {
    kept: Mutex<Vec<u8>>,
    told: Mutex<Vec<String>>,
}

impl Units for Echo {
    fn execute(
        &self,
        nexus: Nexus,
        lun: Option<Lun>,
        cdb: &[u8],
        out: &[u8],
        _room: usize,
    ) -> Option<Answer> {
        self.told.lock().unwrap().push(format!("{} {:?} {:02x}", nexus.0, lun, cdb[0]));
        let mut kept = self.kept.lock().unwrap();
        Some(match cdb[0] {
            0x0a => {
                *kept = out.to_vec();
                good(0)
            }
            0x08 => Answer { data: kept.clone(), ..good(0) },
            _ => {
                Answer { status: Status::CheckCondition, sense: vec![0x70, 0, 5, 0, 0], ..good(0) }
            }
        })
    }

    fn reset(&self, what: Reset) {
        self.told.lock().unwrap().push(format!("{what:?}"));
    }

    fn nexus_changed(&self, nexus: Nexus) {
        self.told.lock().unwrap().push(format!("nexus {}", nexus.0));
    }
}

/// A target on a free port, stopped when dropped.
pub(crate) struct Running<U = Echo> {
    pub(crate) address: SocketAddr,
    stopper: Stopper,
    units: Arc<U>,
    thread: Option<thread::JoinHandle<Result<(), ServerError>>>,
}

impl<U: Units + Default> Running<U> {
    fn start() -> Self {
        Self::with(U::default())
    }
}

impl<U: Units> Running<U> {
    pub(crate) fn with(units: U) -> Self {
        let units = Arc::new(units);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server =
            Server::bind(any, Reach::Loopback, Offer::new(TARGET), Arc::clone(&units) as _)
                .unwrap();
        let (address, stopper) = (server.address().unwrap(), server.stopper().unwrap());
        Self { address, stopper, units, thread: Some(thread::spawn(|| server.run())) }
    }
}

impl Running {
    fn told(&self) -> Vec<String> {
        self.units.told.lock().unwrap().clone()
    }
}

impl<U> Drop for Running<U> {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

const READ: [u8; 6] = [0x08, 0, 0, 0, 0, 0];
const WRITE: [u8; 6] = [0x0a, 0, 0, 0, 0, 0];

#[test]
fn megabytes_written_over_a_socket_are_read_back() {
    let running: Running = Running::start();
    let mut initiator = Initiator::logged_in(running.address, 1, KEYS);
    initiator.immediate = 10_000;
    let block: Vec<u8> = (0..3_000_001_u32).map(|at| at.to_le_bytes()[1]).collect();
    assert_eq!(initiator.command(&WRITE, &block, 0).0, 0);
    let (status, _, back, moved) = initiator.command(&READ, &[], 4_000_000);
    assert_eq!((status, moved), (0, block.len()));
    assert!(back == block);
}

#[test]
fn sense_data_reach_the_initiator() {
    let running: Running = Running::start();
    let mut initiator = Initiator::logged_in(running.address, 1, "");
    let (status, sense, _, _) = initiator.command(&[0x55; 10], &[], 0);
    assert_eq!((status, sense), (2, vec![0x70, 0, 5, 0, 0]));
}

#[test]
fn who_logs_in_again_is_the_same_and_its_old_connection_is_closed() {
    let running: Running = Running::start();
    let mut old = Initiator::logged_in(running.address, 1, "");
    let other = Initiator::logged_in(running.address, 2, "");
    let mut new = Initiator::logged_in(running.address, 1, "");
    assert_eq!(old.stream.read(&mut [0]).unwrap_or(0), 0);
    assert_eq!(new.command(&WRITE, b"abc", 0).0, 0);
    let told = running.told();
    assert_eq!(told.last().unwrap(), "0 Some(Lun(1)) 0a");
    assert!(told.contains(&"nexus 1".to_owned()));
    drop(other);
}

#[test]
fn nonsense_on_the_port_closes_the_connection_and_nothing_else() {
    let running: Running = Running::start();
    let browser = b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n\r\n";
    for nonsense in [&[0xff; 48][..], &[0; 48][..], browser] {
        let mut stream = TcpStream::connect(running.address).unwrap();
        stream.write_all(nonsense).unwrap();
        let mut rest = Vec::new();
        assert_eq!(stream.read_to_end(&mut rest).unwrap_or(0), 0, "{nonsense:?}");
    }
    let mut refused = Initiator::connect(running.address);
    let (header, _) = refused.log_in(1, b"InitiatorName=iqn.x:y\0TargetName=iqn.other\0");
    assert_eq!(header[36..38], [2, 3]);
    let mut good = Initiator::logged_in(running.address, 1, "");
    assert_eq!(good.command(&WRITE, b"abc", 0).0, 0);
}

#[test]
fn an_address_that_others_reach_is_refused_unless_wanted() {
    let bind = |reach| {
        let any = SocketAddr::from(([0, 0, 0, 0], 0));
        Server::bind(any, reach, Offer::new(TARGET), Arc::new(Echo::default()))
    };
    assert!(matches!(bind(Reach::Loopback), Err(ServerError::Exposed(_))));
    assert!(bind(Reach::Network).is_ok());
}

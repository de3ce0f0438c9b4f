//! A target on a real socket. The initiator here knows nothing of the target's code: it puts its PDUs together byte by
//! byte, from the standard.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::super::login::Offer;
use super::super::pdu::{HEADER, Header};
use super::super::server::{Reach, Server, ServerError, Stopper};
use super::super::{Answer, Lun, Nexus, Reset, Units};
use super::{TARGET, good};
use crate::scsi::Status;

/// Units that remember what they were told: one that gives back what was written to it.
#[derive(Default)]
struct Echo {
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
struct Running {
    address: SocketAddr,
    stopper: Stopper,
    units: Arc<Echo>,
    thread: Option<thread::JoinHandle<Result<(), ServerError>>>,
}

impl Running {
    fn start() -> Self {
        let units = Arc::new(Echo::default());
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server =
            Server::bind(any, Reach::Loopback, Offer::new(TARGET), Arc::clone(&units) as _)
                .unwrap();
        let (address, stopper) = (server.address().unwrap(), server.stopper().unwrap());
        Self { address, stopper, units, thread: Some(thread::spawn(|| server.run())) }
    }

    fn told(&self) -> Vec<String> {
        self.units.told.lock().unwrap().clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

/// The least initiator.
struct Initiator {
    stream: TcpStream,
    cmd_sn: u32,
    stat_sn: u32,
    tag: u32,
}

impl Initiator {
    fn connect(running: &Running) -> Self {
        Self { stream: TcpStream::connect(running.address).unwrap(), cmd_sn: 1, stat_sn: 0, tag: 0 }
    }

    fn logged_in(running: &Running, isid: u8, keys: &str) -> Self {
        let mut new = Self::connect(running);
        let text = format!("InitiatorName=iqn.x:y\0TargetName={TARGET}\0{keys}");
        let (header, _) = new.log_in(isid, text.as_bytes());
        assert_eq!((header[0], header[1], &header[36..38]), (0x23, 0x87, &[0, 0][..]));
        new
    }

    fn log_in(&mut self, isid: u8, text: &[u8]) -> (Header, Vec<u8>) {
        let mut header = [0; HEADER];
        header[0] = 0x43;
        header[1] = 0x87;
        header[13] = isid;
        self.send(header, text);
        self.receive()
    }

    fn send(&mut self, mut header: Header, data: &[u8]) {
        let length = u32::try_from(data.len()).unwrap();
        header[5..8].copy_from_slice(&length.to_be_bytes()[1..]);
        header[24..28].copy_from_slice(&self.cmd_sn.to_be_bytes());
        header[28..32].copy_from_slice(&self.stat_sn.to_be_bytes());
        let mut bytes = [&header[..], data].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        self.stream.write_all(&bytes).unwrap();
    }

    fn receive(&mut self) -> (Header, Vec<u8>) {
        let mut header = [0; HEADER];
        self.stream.read_exact(&mut header).unwrap();
        let length = u32::from_be_bytes([0, header[5], header[6], header[7]]);
        let mut data = vec![0; usize::try_from(length).unwrap().next_multiple_of(4)];
        self.stream.read_exact(&mut data).unwrap();
        data.truncate(usize::try_from(length).unwrap());
        let status = header[0] != 0x31 && (header[0] != 0x25 || header[1] & 1 != 0);
        if status {
            self.stat_sn = u32::from_be_bytes(header[24..28].try_into().unwrap()) + 1;
        }
        (header, data)
    }

    fn command(&mut self, flags: u8, opcode: u8, length: usize, data: &[u8]) {
        self.tag += 1;
        let mut header = [0; HEADER];
        header[0] = 0x01;
        header[1] = 0x80 | flags;
        header[9] = 1;
        header[16..20].copy_from_slice(&self.tag.to_be_bytes());
        header[20..24].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
        header[32] = opcode;
        self.send(header, data);
        self.cmd_sn += 1;
    }

    fn write(&mut self, data: &[u8], immediate: usize, segment: usize) -> u8 {
        self.command(0x20, 0x0a, data.len(), &data[..immediate]);
        loop {
            let (header, _) = self.receive();
            if header[0] == 0x21 {
                return header[3];
            }
            assert_eq!(header[0], 0x31);
            let offset =
                usize::try_from(u32::from_be_bytes(header[40..44].try_into().unwrap())).unwrap();
            let length =
                usize::try_from(u32::from_be_bytes(header[44..48].try_into().unwrap())).unwrap();
            let asked = &data[offset..offset + length];
            for (number, piece) in asked.chunks(segment).enumerate() {
                let mut out = [0; HEADER];
                out[0] = 0x05;
                out[1] = if (number + 1) * segment >= length { 0x80 } else { 0 };
                out[9] = 1;
                out[16..20].copy_from_slice(&self.tag.to_be_bytes());
                out[20..24].copy_from_slice(&header[20..24]);
                out[36..40].copy_from_slice(&u32::try_from(number).unwrap().to_be_bytes());
                let at = u32::try_from(offset + number * segment).unwrap();
                out[40..44].copy_from_slice(&at.to_be_bytes());
                self.send(out, piece);
            }
        }
    }

    fn read(&mut self, room: usize) -> (u8, Vec<u8>) {
        self.command(0x40, 0x08, room, &[]);
        let mut data = Vec::new();
        loop {
            let (header, piece) = self.receive();
            match header[0] {
                0x25 => {
                    data.extend_from_slice(&piece);
                    if header[1] & 1 != 0 {
                        return (header[3], data);
                    }
                }
                0x21 => return (header[3], data),
                other => panic!("unexpected opcode {other:#x}"),
            }
        }
    }
}

#[test]
fn megabytes_written_over_a_socket_are_read_back() {
    let running = Running::start();
    let mut initiator = Initiator::logged_in(
        &running,
        1,
        "MaxRecvDataSegmentLength=65536\0MaxBurstLength=300000\0ImmediateData=Yes\0InitialR2T=Yes\0",
    );
    let block: Vec<u8> = (0..3_000_001_u32).map(|at| at.to_le_bytes()[1]).collect();
    assert_eq!(initiator.write(&block, 10_000, 100_000), 0);
    let (status, back) = initiator.read(4_000_000);
    assert_eq!(status, 0);
    assert!(back == block);
}

#[test]
fn sense_data_reach_the_initiator() {
    let running = Running::start();
    let mut initiator = Initiator::logged_in(&running, 1, "");
    initiator.command(0, 0x55, 0, &[]);
    let (header, data) = initiator.receive();
    assert_eq!((header[0], header[3]), (0x21, 2));
    assert_eq!(data, [0, 5, 0x70, 0, 5, 0, 0]);
}

#[test]
fn who_logs_in_again_is_the_same_and_its_old_connection_is_closed() {
    let running = Running::start();
    let mut old = Initiator::logged_in(&running, 1, "");
    let other = Initiator::logged_in(&running, 2, "");
    let mut new = Initiator::logged_in(&running, 1, "");
    assert_eq!(old.stream.read(&mut [0]).unwrap_or(0), 0);
    assert_eq!(new.write(b"abc", 3, 100), 0);
    let told = running.told();
    assert_eq!(told.last().unwrap(), "0 Some(Lun(1)) 0a");
    assert!(told.contains(&"nexus 1".to_owned()));
    drop(other);
}

#[test]
fn nonsense_on_the_port_closes_the_connection_and_nothing_else() {
    let running = Running::start();
    for nonsense in [
        &[0xff; 48][..],
        &[0; 48][..],
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(running.address).unwrap();
        stream.write_all(nonsense).unwrap();
        let mut rest = Vec::new();
        assert_eq!(stream.read_to_end(&mut rest).unwrap_or(0), 0, "{nonsense:?}");
    }
    let mut refused = Initiator::connect(&running);
    let (header, _) = refused.log_in(1, b"InitiatorName=iqn.x:y\0TargetName=iqn.other\0");
    assert_eq!(header[36..38], [2, 3]);
    assert_eq!(Initiator::logged_in(&running, 1, "").write(b"abc", 3, 100), 0);
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

//! The least initiator. It knows nothing of the target's code: it puts its PDUs together byte by byte, from the standard.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::super::pdu::{HEADER, Header};
use super::TARGET;
use crate::scsi::{Cdb, Status};
use crate::transport::{Completion, Data, Transport, TransportError};

/// How much it sends in one PDU, and how much it wants to be asked for.
const SEGMENT: usize = 100_000;

/// What the initiator says of itself, besides its name.
pub(crate) const KEYS: &str =
    "MaxRecvDataSegmentLength=65536\0MaxBurstLength=300000\0ImmediateData=Yes\0InitialR2T=Yes\0";

/// A session with one unit.
pub(crate) struct Initiator {
    pub(crate) stream: TcpStream,
    lun: u8,
    cmd_sn: u32,
    stat_sn: u32,
    tag: u32,
    /// How much of a write travels with the command.
    pub(crate) immediate: usize,
}

impl Initiator {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        Self { stream, lun: 1, cmd_sn: 1, stat_sn: 0, tag: 0, immediate: 0 }
    }

    pub(crate) fn logged_in(address: SocketAddr, isid: u8, keys: &str) -> Self {
        let mut new = Self::connect(address);
        let text = format!("InitiatorName=iqn.x:y\0TargetName={TARGET}\0{keys}");
        let (header, _) = new.log_in(isid, text.as_bytes());
        assert_eq!((header[0], header[1], &header[36..38]), (0x23, 0x87, &[0, 0][..]));
        new
    }

    /// The same, speaking to this unit.
    pub(crate) fn to(self, lun: u8) -> Self {
        Self { lun, ..self }
    }

    pub(crate) fn log_in(&mut self, isid: u8, text: &[u8]) -> (Header, Vec<u8>) {
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

    /// Sends `out`, takes up to `room` bytes: status, sense, data, and how many bytes moved.
    pub(crate) fn command(
        &mut self,
        cdb: &[u8],
        out: &[u8],
        room: usize,
    ) -> (u8, Vec<u8>, Vec<u8>, usize) {
        self.tag += 1;
        let length = out.len().max(room);
        let mut header = [0; HEADER];
        header[0] = 0x01;
        header[1] = 0x80 | if room > 0 { 0x40 } else { 0 } | if out.is_empty() { 0 } else { 0x20 };
        header[9] = self.lun;
        header[16..20].copy_from_slice(&self.tag.to_be_bytes());
        header[20..24].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
        header[32..32 + cdb.len()].copy_from_slice(cdb);
        self.send(header, &out[..self.immediate.min(out.len())]);
        self.cmd_sn += 1;
        let mut data = vec![0; room];
        let mut top = 0;
        loop {
            let (header, piece) = self.receive();
            match header[0] {
                0x31 => self.give(&header, out),
                0x25 => {
                    let offset = word(&header, 40);
                    top = offset + piece.len();
                    data[offset..top].copy_from_slice(&piece);
                    if header[1] & 1 != 0 {
                        data.truncate(top);
                        return (header[3], Vec::new(), data, moved(&header, length));
                    }
                }
                0x21 => {
                    data.truncate(top);
                    let sense = piece.get(2..).unwrap_or_default().to_vec();
                    return (header[3], sense, data, moved(&header, length));
                }
                other => panic!("unexpected opcode {other:#x}"),
            }
        }
    }

    /// Answers an R2T.
    fn give(&mut self, ready: &Header, out: &[u8]) {
        let (offset, length) = (word(ready, 40), word(ready, 44));
        for (number, piece) in out[offset..offset + length].chunks(SEGMENT).enumerate() {
            let mut header = [0; HEADER];
            header[0] = 0x05;
            header[1] = if (number + 1) * SEGMENT >= length { 0x80 } else { 0 };
            header[9] = self.lun;
            header[16..20].copy_from_slice(&self.tag.to_be_bytes());
            header[20..24].copy_from_slice(&ready[20..24]);
            header[36..40].copy_from_slice(&u32::try_from(number).unwrap().to_be_bytes());
            let at = u32::try_from(offset + number * SEGMENT).unwrap();
            header[40..44].copy_from_slice(&at.to_be_bytes());
            self.send(header, piece);
        }
    }
}

fn word(header: &Header, at: usize) -> usize {
    usize::try_from(u32::from_be_bytes(header[at..at + 4].try_into().unwrap())).unwrap()
}

fn moved(header: &Header, length: usize) -> usize {
    match header[1] & 0x06 {
        0x02 => length - word(header, 44),
        _ => length,
    }
}

/// So that whatever works over a transport can be tried over the wire.
impl Transport for Initiator {
    fn name(&self) -> &str {
        "iscsi"
    }

    fn longest(&self) -> usize {
        16 << 20
    }

    fn execute(
        &mut self,
        cdb: &Cdb,
        data: Data<'_>,
        _timeout: Duration,
    ) -> Result<Completion, TransportError> {
        let (status, sense, moved) = match data {
            Data::None => {
                let (status, sense, _, _) = self.command(cdb.bytes(), &[], 0);
                (status, sense, 0)
            }
            Data::Out(out) => {
                let (status, sense, _, moved) = self.command(cdb.bytes(), out, 0);
                (status, sense, moved)
            }
            Data::In(room) => {
                let (status, sense, data, moved) = self.command(cdb.bytes(), &[], room.len());
                room[..data.len()].copy_from_slice(&data);
                (status, sense, moved)
            }
        };
        Ok(Completion { status: Status::from(status), sense, moved })
    }

    /// The library behind the target has no time to lose.
    fn pause(&mut self, _time: Duration) {}
}

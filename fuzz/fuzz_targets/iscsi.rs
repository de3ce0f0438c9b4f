//! Everything that an initiator may send: log-in, then a session, PDU after PDU.
#![no_main]

use devices::iscsi::login::{Login, Offer, Step};
use devices::iscsi::pdu::{HEADER, Header, Lengths, Request};
use devices::iscsi::session::Session;
use libfuzzer_sys::fuzz_target;

/// Takes a PDU off the front.
fn pdu<'a>(bytes: &mut &'a [u8]) -> Option<(Header, &'a [u8])> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>()?;
    let lengths = Lengths::of(header, 1 << 16).ok()?;
    let (body, rest) = rest.split_at_checked(lengths.rest())?;
    *bytes = rest;
    Some((*header, body))
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes;
    let mut login = Login::new(Offer::new("iqn.x:y"));
    let mut session = None;
    while let Some((header, body)) = pdu(&mut bytes) {
        let request = Request::decode(&header, body.to_vec());
        match (&mut session, request) {
            (None, Ok(Request::Login(request))) => match login.step(request) {
                Step::Continue(_) => {}
                Step::Done(_, terms) => {
                    session = Some(Session::new(*terms, "iqn.x:y", "127.0.0.1:1"))
                }
                Step::Refuse(_) => return,
            },
            (None, _) => return,
            (Some(session), Ok(request)) => drop(session.receive(&header, request)),
            (Some(session), Err(_)) => drop(session.receive_unknown(&header)),
        }
    }
});

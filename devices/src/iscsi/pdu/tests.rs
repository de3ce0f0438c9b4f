//! Headers, byte by byte.

use super::*;

fn header(opcode: u8, flags: u8, extra: u8, data: [u8; 3]) -> Header {
    let mut header = [0; HEADER];
    header[0] = opcode;
    header[1] = flags;
    header[4] = extra;
    header[5..8].copy_from_slice(&data);
    header
}

#[test]
fn a_length_above_what_was_agreed_is_refused_before_anything_is_allocated() {
    let huge = header(0x01, 0, 0, [0xff, 0xff, 0xff]);
    assert_eq!(
        Lengths::of(&huge, 1 << 20),
        Err(PduError::TooLong { length: 0xff_ffff, longest: 1 << 20 })
    );
    assert_eq!(Lengths::of(&header(0x01, 0, 2, [0, 0, 5]), 1 << 20).unwrap().rest(), 8 + 8);
}

#[test]
fn every_short_or_odd_body_is_an_error_or_a_request() {
    for opcode in 0..=u8::MAX {
        for extra in [0, 1, 2, 255] {
            for length in [0, 1, 4, 44, 1020, 1024] {
                let header = header(opcode, 0xff, extra, [0, 0, 4]);
                for byte in [0xff, 0] {
                    let decoded = Request::decode(&header, vec![byte; length]);
                    assert!(decoded.is_err() || opcode & 0x3f <= 6, "{opcode:#x}");
                }
            }
        }
    }
}

#[test]
fn a_command_says_where_its_data_go() {
    for (flags, direction) in [
        (0x80, Direction::None),
        (0xc0, Direction::In),
        (0xa0, Direction::Out),
        (0xe0, Direction::Both),
    ] {
        let Request::Command(command) =
            Request::decode(&header(0x41, flags, 0, [0; 3]), Vec::new()).unwrap()
        else {
            panic!("not a command")
        };
        assert_eq!((command.direction, command.last), (direction, true));
        assert_eq!(command.head.delivery, Delivery::Immediate);
    }
}

#[test]
fn a_long_command_goes_on_in_the_extra_words() {
    let mut header = header(0x01, 0x80, 2, [0; 3]);
    header[32] = 0x7f;
    let extra = vec![0, 4, 1, 0, 0xaa, 0xbb, 0xcc, 0];
    let Request::Command(command) = Request::decode(&header, extra).unwrap() else {
        panic!("not a command")
    };
    assert_eq!(command.cdb.len(), 19);
    assert_eq!(command.cdb[16..], [0xaa, 0xbb, 0xcc]);
}

#[test]
fn an_extra_segment_without_length_is_refused() {
    let header = header(0x01, 0x80, 1, [0; 3]);
    assert_eq!(Request::decode(&header, vec![0, 0, 1, 0]), Err(PduError::Extra));
    assert_eq!(Request::decode(&header, vec![0, 9, 1, 0]), Err(PduError::Extra));
}

#[test]
fn a_status_in_the_last_data_carries_residual_and_number() {
    let numbers = Numbers { stat_sn: 7, exp_cmd_sn: 8, max_cmd_sn: 9 };
    let (header, data) = Response::Data {
        tag: 0x0102_0304,
        last: true,
        end: Some((0, Residual::Under(0x1234))),
        data_sn: 3,
        offset: 0x20,
        data: vec![1, 2, 3],
    }
    .encode(numbers);
    assert_eq!(data, [1, 2, 3]);
    let expected: [u8; HEADER] = [
        0x25, 0x83, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff,
        0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 0, 0x20, 0, 0, 0x12, 0x34,
    ];
    assert_eq!(header, expected);
}

#[test]
fn sense_data_follow_their_length() {
    let response = Response::Command {
        tag: 1,
        status: 2,
        residual: Residual::Over(5),
        data_sn: 0,
        sense: vec![0x70, 0, 6],
    };
    let (header, data) = response.encode(Numbers::default());
    assert_eq!(data, [0, 3, 0x70, 0, 6]);
    assert_eq!((header[1], header[3], header[47]), (0x84, 2, 5));
}

#[test]
fn numbers_wrap() {
    assert!(before(u32::MAX, 0));
    assert!(before(1, 2));
    assert!(!before(2, 2));
    assert!(!before(0, u32::MAX));
}

//! Archives made to do harm.

use format::entry::{Entry, Kind};
use format::path::BadPath;
use format::tar::{BLOCK, Decoder, END, Limits, Problem};

use super::{GNU, Read, USTAR, blocks, file, header, put, read};

#[test]
fn what_would_lead_out_of_the_tree_is_refused_and_passed_over() {
    let mut ours = Vec::new();
    let mut evil = file("x", 9);
    evil.path = [&b"../"[..], &[b'a'; 200]].concat();
    put(&evil, b"evil data", &mut ours);
    let link = Entry::new("link", Kind::HardLink { target: b"../../etc/shadow".to_vec() });
    put(&link, b"", &mut ours);
    let tar = [
        header(b"/etc/passwd", b'0', b"00000000005\0", USTAR),
        blocks(b"root:"),
        header(b"a/../../b", b'0', b"0", USTAR),
        ours,
        header(b"./", b'2', b"0", USTAR),
        header(b"good", b'5', b"0", USTAR),
    ]
    .concat();
    let members = read(&tar, &[512]).unwrap();
    let refused: Vec<BadPath> = members[..5]
        .iter()
        .map(|member| if let Read::Refused(_, why) = member { *why } else { panic!("{member:?}") })
        .collect();
    let parent = BadPath::Parent;
    assert_eq!(refused, [BadPath::Absolute, parent, parent, parent, BadPath::Root]);
    assert_eq!(members[0], Read::Refused(b"/etc/passwd".to_vec(), BadPath::Absolute));
    assert!(matches!(&members[5], Read::Entry(good, _) if good.path == b"good"));
}

type Expected<'a> = &'a dyn Fn(&Problem) -> bool;

#[test]
fn hostile_headers_are_errors_that_say_where() {
    let good = header(b"good", b'5', b"0", USTAR);
    let sparse = |records: &[u8], size: &[u8]| {
        let size_of_records = format!("{:o}", records.len());
        let head = header(b"x", b'x', size_of_records.as_bytes(), USTAR);
        [head, blocks(records), header(b"x", b'0', size, USTAR), END.to_vec()].concat()
    };
    let one = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n";
    let sized = [&one[..], b"27 GNU.sparse.realsize=999\n"].concat();
    let too_long = |p: &Problem| matches!(p, Problem::TooLong { .. });
    let map = |p: &Problem| matches!(p, Problem::Map(_));
    let cases: [(Vec<u8>, Expected); 12] = [
        (vec![7; BLOCK], &|p| *p == Problem::Checksum),
        (header(b"x", b'0', &[0xff; 12], USTAR), &|p| *p == Problem::Field("size")),
        (header(b"x", b'0', b"99", USTAR), &|p| *p == Problem::Field("size")),
        (header(b"x", b'x', b"77777777777", USTAR), &too_long),
        (header(b"x", b'L', b"77777777777", GNU), &too_long),
        (header(b"x", b'K', b"77777777777", GNU), &too_long),
        (header(b"x", b'D', b"77777777777", GNU), &too_long),
        (header(b"x", b'M', b"0", GNU), &|p| *p == Problem::Continuation),
        (sparse(b"23 GNU.sparse.map=0,5\n\n", b"5"), &|p| {
            matches!(p, Problem::OldSparse | Problem::Record(_))
        }),
        (sparse(one, b"1000"), &|p| *p == Problem::Field("GNU.sparse.realsize")),
        (sparse(&sized, b"100"), &map),
        (sparse(&sized, b"1000"), &map),
    ];
    for (number, (tar, expected)) in cases.into_iter().enumerate() {
        let (at, problem) = read(&[&good[..], &tar].concat(), &[512]).unwrap_err();
        assert!(expected(&problem), "case {number}: {problem:?}");
        assert!(at >= 512, "case {number}: {at}");
    }
}

#[test]
fn many_extended_headers_before_one_member_are_too_much() {
    let record_len = 1 << 20;
    let mut record = format!("{record_len} comment=").into_bytes();
    record.resize(record_len - 1, b'c');
    record.push(b'\n');
    let one = [header(b"x", b'x', b"4000000", USTAR), record].concat();
    assert!(matches!(read(&one.repeat(17), &[65_536]), Err((_, Problem::TooLong { .. }))));
    let fine = [one.repeat(16), header(b"x", b'0', b"0", USTAR)].concat();
    assert!(read(&fine, &[65_536]).is_ok());
}

#[test]
fn after_an_error_nothing_more_comes() {
    let mut decoder = Decoder::new(Limits::default());
    assert!(decoder.next(&mut &[7; 512][..]).is_err());
    let again = decoder.next(&mut &END[..]).unwrap_err();
    assert_eq!(again.problem, Problem::Stopped);
    assert!(decoder.finish().is_err());
}

#[test]
fn what_is_said_about_a_member_that_never_comes_is_cut_off() {
    let tar = [header(b"x", b'x', b"11", USTAR), blocks(b"9 uid=12\n")].concat();
    assert!(matches!(read(&tar, &[512]), Err((1024, Problem::CutOff))));
}

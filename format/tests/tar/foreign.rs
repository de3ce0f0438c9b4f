//! Other programs' archives, and other programs' view of ours.

use format::entry::{Entry, Kind};
use format::tar::{BLOCK, Dumpdir, END, Listed, encode_header};
use types::FileTime;

use super::{GNU, Read, USTAR, blocks, file, header, mend, put, read};

#[test]
fn old_and_gnu_archives_are_read() {
    let long = [b'n'; 150];
    let listing = b"Yfile\0\0";
    let tar = [
        header(b"old/", 0, b"0", &[0; 8]),
        header(b"old/file", 0, b"     3 ", &[0; 8]),
        blocks(b"abc"),
        header(b"././@LongLink", b'L', b"227", GNU),
        blocks(&[&long[..], b"\0"].concat()),
        header(b"nnnn", b'0', b"0", GNU),
        header(b"volume", b'V', b"0", GNU),
        header(b"global", b'g', b"13", USTAR),
        blocks(b"11 uid=999\n"),
        header(b"dir/", b'D', b"7", GNU),
        blocks(listing),
        header(b"seven", b'7', b"\x80\0\0\0\0\0\0\0\0\0\0\x02", USTAR),
        blocks(b"xy"),
        END.to_vec(),
        b"whatever follows".to_vec(),
    ]
    .concat();
    let members = read(&tar, &[300]).unwrap();
    let seen: Vec<(&[u8], &Kind, u64)> = members
        .iter()
        .filter_map(|m| {
            if let Read::Entry(e, _) = m { Some((&e.path[..], &e.kind, e.size)) } else { None }
        })
        .collect();
    let expected: [(&[u8], &Kind, u64); 5] = [
        (b"old", &Kind::Directory, 0),
        (b"old/file", &Kind::File, 3),
        (&long, &Kind::File, 0),
        (b"dir", &Kind::Directory, 0),
        (b"seven", &Kind::File, 2),
    ];
    assert_eq!(seen, expected);
    assert!(matches!(&members[3], Read::Entry(dir, _) if dir.dumpdir.as_deref() == Some(listing)));
    assert!(matches!(&members[4], Read::Entry(_, data) if data == &[(0, b"xy".to_vec())]));
    assert_eq!(members.last(), Some(&Read::End));
}

#[test]
fn sparse_files_in_gnu_tars_own_format_are_read() {
    // Five extents of two bytes each: four in the header, one in a block behind it.
    let extent = |offset: u32| format!("{offset:011o}\0{:011o}\0", 2);
    let mut head = header(b"sparse", b'S', b"4012", GNU);
    for (number, offset) in [0, 1000, 2000, 3000].into_iter().enumerate() {
        head[386 + 24 * number..][..24].copy_from_slice(extent(offset).as_bytes());
    }
    head[482] = 1;
    head[483..495].copy_from_slice(b"00000007640\0");
    mend(&mut head);
    let more = blocks(extent(3998).as_bytes());
    let data: Vec<Vec<u8>> = (b'a'..=b'e').map(|byte| blocks(&[byte, byte])).collect();
    let members = read(&[head, more, data.concat()].concat(), &[77]).unwrap();
    let Read::Entry(entry, data) = &members[0] else { panic!("{members:?}") };
    assert_eq!(entry.size, 4000);
    assert_eq!(entry.sparse.as_ref().unwrap().len(), 5);
    assert_eq!(data[0], (0, b"aa".to_vec()));
    assert_eq!(data[4], (3998, b"ee".to_vec()));
}

#[test]
fn one_entry_is_read_from_the_middle() {
    let mut tar = Vec::new();
    put(&file("a", 5), b"first", &mut tar);
    let from = tar.len();
    put(&file("b", 6), b"second", &mut tar);
    let to = tar.len();
    put(&file("c", 5), b"third", &mut tar);
    let members = read(&tar[from..to], &[1000]).unwrap();
    assert_eq!(members, [Read::Entry(file("b", 6), vec![(0, b"second".to_vec())])]);
}

#[test]
fn the_tar_crate_reads_what_we_write() {
    let mut tar = Vec::new();
    let mut dir = Entry::new("dir", Kind::Directory);
    let mut listing = Dumpdir::new();
    listing.push(Listed::Here, b"file");
    dir.dumpdir = listing.finish();
    put(&dir, b"", &mut tar);
    let long = format!("dir/{}", "long/".repeat(60) + "name");
    let mut entry = file(&long, 8);
    (entry.uid, entry.gid) = (3_000_000_000, 12);
    entry.mtime = FileTime { seconds: 1_700_000_000, nanos: 123_456_789 };
    entry.user = b"ann".to_vec();
    put(&entry, b"contents", &mut tar);
    let target = [b't'; 300].to_vec();
    put(&Entry::new("dir/link", Kind::Symlink { target: target.clone() }), b"", &mut tar);
    put(&Entry::new("dir/hard", Kind::HardLink { target: b"dir/x".to_vec() }), b"", &mut tar);
    put(&Entry::new("dir/null", Kind::CharDevice { major: 1, minor: 3 }), b"", &mut tar);
    tar.extend_from_slice(&END);

    let mut archive = tar::Archive::new(&tar[..]);
    let mut members = archive.entries().unwrap().map(Result::unwrap);
    assert_eq!(members.next().unwrap().path_bytes(), &b"./dir/"[..]);
    let mut member = members.next().unwrap();
    assert_eq!(member.path_bytes(), format!("./{long}").as_bytes());
    assert_eq!(member.header().username_bytes().unwrap(), b"ann");
    let records: Vec<Vec<u8>> = member
        .pax_extensions()
        .unwrap()
        .unwrap()
        .map(|record| record.unwrap())
        .map(|record| [record.key_bytes(), b"=", record.value_bytes()].concat())
        .collect();
    assert!(records.contains(&b"mtime=1700000000.123456789".to_vec()));
    assert!(records.contains(&b"uid=3000000000".to_vec()));
    let mut contents = String::new();
    std::io::Read::read_to_string(&mut member, &mut contents).unwrap();
    assert_eq!(contents, "contents");
    assert_eq!(members.next().unwrap().link_name_bytes().unwrap(), target);
    assert_eq!(members.next().unwrap().link_name_bytes().unwrap(), &b"./dir/x"[..]);
    let device = members.next().unwrap();
    assert_eq!(device.header().device_major().unwrap(), Some(1));
    assert_eq!(device.header().device_minor().unwrap(), Some(3));
    assert!(members.next().is_none());
}

#[test]
fn we_read_what_the_tar_crate_writes() {
    let mut builder = tar::Builder::new(Vec::new());
    let long = "x/".repeat(100) + "name";
    let mut head = tar::Header::new_gnu();
    head.set_size(4);
    head.set_mode(0o640);
    head.set_mtime(77);
    head.set_uid(5);
    head.set_gid(6);
    head.set_cksum();
    builder.append_data(&mut head, &long, &b"data"[..]).unwrap();
    let mut head = tar::Header::new_gnu();
    head.set_entry_type(tar::EntryType::Symlink);
    head.set_size(0);
    let target = "t/".repeat(100);
    builder.append_link(&mut head, "link", &target).unwrap();
    let tar = builder.into_inner().unwrap();

    let members = read(&tar, &[512]).unwrap();
    let mut expected = file(&long, 4);
    (expected.mode, expected.uid, expected.gid, expected.mtime.seconds) = (0o640, 5, 6, 77);
    assert_eq!(members[0], Read::Entry(expected, vec![(0, b"data".to_vec())]));
    let Read::Entry(link, _) = &members[1] else { panic!() };
    assert_eq!(link.kind, Kind::Symlink { target: target.into_bytes() });
    assert_eq!(members[2], Read::End);
}

#[test]
fn headers_depend_on_nothing_but_the_entry() {
    let mut entry = file("dir/name", 5);
    entry.mtime = FileTime { seconds: -2, nanos: 500_000_000 };
    let mut header = Vec::new();
    encode_header(&entry, 5, &mut header);
    assert_eq!(header.len(), 3 * BLOCK);
    assert!(header.starts_with(b"./PaxHeaders/name\0"));
    assert!(header[BLOCK..].starts_with(b"14 mtime=-1.5\n\0"));
    assert!(header[2 * BLOCK..].starts_with(b"./dir/name\0"));
    let mut again = vec![1; 7];
    encode_header(&entry, 5, &mut again);
    assert_eq!(again[7..], header);
}

#[test]
fn acls_and_selinux_have_records_of_their_own() {
    let mut entry = file("name", 0);
    entry.xattrs = vec![
        (b"system.posix_acl_access".to_vec(), vec![2, 0, 0, 0]),
        (b"security.selinux".to_vec(), b"system_u:object_r:etc_t:s0\0".to_vec()),
    ];
    entry.acl_access = Some(b"user::rw-".to_vec());
    let mut header = Vec::new();
    encode_header(&entry, 0, &mut header);
    let text = String::from_utf8_lossy(&header).into_owned();
    assert!(!text.contains("posix_acl"));
    assert!(text.contains(" SCHILY.acl.access=user::rw-\n"));
    assert!(text.contains(" RHT.security.selinux=system_u:object_r:etc_t:s0\n"));
    let Read::Entry(back, _) = read(&header, &[512]).unwrap().remove(0) else { panic!() };
    assert_eq!(back.xattrs, entry.xattrs[1..]);
    assert_eq!(back.acl_access, entry.acl_access);
}

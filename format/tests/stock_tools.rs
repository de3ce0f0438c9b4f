//! Stock tools as judges: GNU tar, bsdtar, Python and zstd restore what we write, and we read what they write.
//!
//! These need the programs, so that `cargo test` passes them over; `buildbot/run` runs them with `--ignored`. A
//! program that is missing makes them fail.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use format::acl;
use format::contents::{self, Contents, Identity};
use format::entry::{Entry, Extent, Kind};
use format::frame::{Encoder, FrameKind, FrameTable, digest, filler};
use format::tar::{
    Decoder, Dumpdir, END, Event, Limits, Listed, encode_header, grid, padding, sparse_map,
};
use tempfile::TempDir;
use types::{DumpId, FileTime, Level};

/// Runs a shell command in `dir`, with `input` before it and what it writes as the answer.
fn sh(dir: &Path, input: &[u8], command: &str) -> Vec<u8> {
    let mut child = Command::new("sh")
        .args(["-ec", command])
        .current_dir(dir)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = child.stdin.take().expect("a pipe");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).expect("the command reads all of its input"));
        child.wait_with_output().expect("an answer")
    });
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {}\n{complaints}", output.status);
    output.stdout
}

/// A line for everything in a directory, the root first: path, kind and mode, mtime in ns, size, the SHA-256 of
/// the contents or the target of the link, extended attributes, number of links.
const MANIFEST: &str = r#"
import hashlib, os, stat, sys
def line(path, name):
    s = os.lstat(path)
    what, size = '-', 0
    if stat.S_ISREG(s.st_mode):
        what, size = hashlib.sha256(open(path, 'rb').read()).hexdigest(), s.st_size
    elif stat.S_ISLNK(s.st_mode):
        what = os.readlink(path).hex()
    attributes = []
    if stat.S_ISREG(s.st_mode) or stat.S_ISDIR(s.st_mode):
        for key in sorted(os.listxattr(path), key=os.fsencode):
            attributes.append(os.fsencode(key).hex() + '=' + os.getxattr(path, key).hex())
    links = 1 if stat.S_ISDIR(s.st_mode) else s.st_nlink
    mode = s.st_mode if not stat.S_ISLNK(s.st_mode) else 0o120777
    print(name.hex() or '.', oct(mode)[2:], s.st_mtime_ns, size, what, ','.join(attributes) or '-', links)
def walk(path, name):
    line(path, name)
    if stat.S_ISDIR(os.lstat(path).st_mode):
        for child in sorted(os.listdir(path)):
            walk(path + b'/' + child, (name + b'/' if name else b'') + child)
walk(os.fsencode(sys.argv[1]), b'')
"#;

fn manifest(dir: &Path) -> Vec<String> {
    let script = dir.with_extension("py");
    fs::write(&script, MANIFEST).expect("a script");
    let text = sh(dir, b"", &format!("python3 {} .", script.display()));
    String::from_utf8(text).expect("hexadecimal digits").lines().map(str::to_owned).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A member: the entry, what is stored, and what the file then holds.
struct Member {
    entry: Entry,
    stored: Vec<u8>,
    contents: Vec<u8>,
    links: u32,
}

impl Member {
    /// Its line in the manifest.
    fn line(&self) -> String {
        let e = &self.entry;
        let kind = match e.kind {
            Kind::Directory => 0o40000,
            Kind::File | Kind::HardLink { .. } => 0o100_000,
            Kind::Symlink { .. } => 0o120_000,
            _ => 0o10000,
        };
        let what = match &e.kind {
            Kind::File | Kind::HardLink { .. } => digest(&self.contents).to_string(),
            Kind::Symlink { target } => hex(target),
            _ => "-".to_owned(),
        };
        let mut xattrs = e.xattrs.clone();
        for (name, text) in [
            ("system.posix_acl_access", &e.acl_access),
            ("system.posix_acl_default", &e.acl_default),
        ] {
            if let Some(text) = text {
                xattrs.push((name.as_bytes().to_vec(), acl::from_text(text).expect("an ACL")));
            }
        }
        xattrs.sort();
        let xattrs: Vec<String> =
            xattrs.iter().map(|(k, v)| format!("{}={}", hex(k), hex(v))).collect();
        let ns = i128::from(e.mtime.seconds) * 1_000_000_000 + i128::from(e.mtime.nanos);
        format!(
            "{} {:o} {ns} {} {what} {} {}",
            if e.path.is_empty() { ".".to_owned() } else { hex(&e.path) },
            kind | e.mode,
            self.contents.len(),
            if xattrs.is_empty() { "-".to_owned() } else { xattrs.join(",") },
            self.links,
        )
    }

    fn put(&self, tar: &mut Vec<u8>) {
        encode_header(&self.entry, self.stored.len() as u64, tar);
        tar.extend_from_slice(&self.stored);
        tar.resize(tar.len() + padding(self.stored.len() as u64), 0);
    }
}

fn member(path: impl Into<Vec<u8>>, kind: Kind, mode: u32, contents: &[u8]) -> Member {
    let mut entry = Entry::new(path, kind);
    entry.mode = mode;
    entry.size = contents.len() as u64;
    entry.mtime = FileTime { seconds: 1_700_000_000, nanos: 123_456_789 };
    Member { entry, stored: contents.to_vec(), contents: contents.to_vec(), links: 1 }
}

fn directory(path: &str, mode: u32) -> Member {
    member(path, Kind::Directory, mode, b"")
}

fn file(path: impl Into<Vec<u8>>, contents: &[u8]) -> Member {
    member(path, Kind::File, 0o644, contents)
}

fn sparse(path: &str, size: u64, extents: &[(u64, u64)]) -> Member {
    let extents: Vec<Extent> =
        extents.iter().map(|&(offset, len)| Extent { offset, len }).collect();
    let extents = grid(&extents, size);
    let mut stored = sparse_map(&extents, size);
    let mut contents = vec![0; usize::try_from(size).expect("small")];
    for extent in &extents {
        let at = usize::try_from(extent.offset).expect("small");
        let hole = &mut contents[at..][..usize::try_from(extent.len).expect("small")];
        hole.fill(b'x');
        stored.extend_from_slice(hole);
    }
    let mut made = file(path, b"");
    made.entry.size = size;
    made.entry.sparse = Some(extents);
    Member { stored, contents, ..made }
}

/// Everything that a file can be and that any user may make, in walk order.
fn tree() -> Vec<Member> {
    let mut dir = directory("d", 0o1770);
    dir.entry.mtime = FileTime { seconds: -2, nanos: 500_000_000 };
    let mut early = file("d/1969", b"early");
    early.entry.mtime = FileTime { seconds: -1, nanos: 999_999_999 };
    let mut attributes = file("d/attributes", b"has some");
    let mut xattr = |name: &[u8], value: &[u8]| {
        attributes.entry.xattrs.push((name.to_vec(), value.to_vec()));
    };
    xattr(b"user.a=b", b"equals");
    xattr(b"user.binary", b"\0\n=\xff");
    xattr(b"user.empty", b"");
    xattr(b"user.new\nline=eq", b"v");
    xattr(b"user.per%cent%3D", b"%25");
    attributes.entry.acl_access =
        Some(b"user::rw-,user:12345:r--,group::r--,mask::r--,other::---".to_vec());
    attributes.entry.mode = 0o640;
    let mut inherits = directory("d/inherits", 0o755);
    inherits.entry.acl_default = Some(b"user::rwx,group::r-x,other::r-x".to_vec());
    let mut first = file("d/hard", b"two names");
    first.links = 2;
    let target = Kind::HardLink { target: b"d/hard".to_vec() };
    let mut second = member("d/hard.2", target, 0o644, b"");
    (second.contents, second.links) = (b"two names".to_vec(), 2);
    let mut long = b"d/".to_vec();
    long.extend([0xff; 200]);
    let link = |path: &str, target: &[u8]| {
        member(path, Kind::Symlink { target: target.to_vec() }, 0o777, b"")
    };
    let mut members = vec![
        directory("", 0o755),
        dir,
        early,
        attributes,
        file("d/empty", b""),
        member("d/fifo", Kind::Fifo, 0o600, b""),
        first,
        second,
        inherits,
        link("d/link", b"../nowhere"),
        link("d/link.long", &[b'l'; 300]),
        link("d/link.raw", b"\xfe\xff"),
        file("d/name with \"quotes\", \\ and\nnewline", b"odd"),
        member("d/setuid", Kind::File, 0o4711, b"bits"),
        sparse("d/sparse", 10 << 20, &[(0, 5), (1 << 20, 9000), (5 << 20, 4096)]),
        sparse("d/sparse.all-hole", 1 << 20, &[]),
        sparse("d/sparse.data-at-end", 3_000_100, &[(3_000_000, 100)]),
        sparse(&format!("d/{}", "s".repeat(150)), 1 << 20, &[(4096, 4096)]),
        file("d/\u{e9}\u{e8}", b"UTF-8"),
        file(format!("d/{}", "\u{e9}".repeat(90)), b"long UTF-8"),
        file(b"d/\xe9".to_vec(), b"not UTF-8"),
        file(long, b"long and not UTF-8"),
    ];
    members.sort_by(|a, b| format::path::compare(&a.entry.path, &b.entry.path));
    members
}

fn tar_of(members: &[Member]) -> Vec<u8> {
    let mut tar = Vec::new();
    members.iter().for_each(|member| member.put(&mut tar));
    tar.extend_from_slice(&END);
    tar
}

fn fresh() -> (TempDir, std::path::PathBuf) {
    let temp = TempDir::new().expect("a directory");
    let dir = temp.path().join("tree");
    fs::create_dir(&dir).expect("a directory");
    (temp, dir)
}

#[test]
#[ignore = "needs GNU tar, bsdtar, python3, zstd: buildbot/run runs it"]
fn gnu_tar_restores_everything() {
    for locale in ["C", "C.UTF-8"] {
        let members = tree();
        let (_temp, dir) = fresh();
        let command = format!("LC_ALL={locale} tar --acls --xattrs --xattrs-include='*' -xpf -");
        sh(&dir, &tar_of(&members), &command);
        let expected: Vec<String> = members.iter().map(Member::line).collect();
        pretty_assert(&manifest(&dir), &expected);
        let blocks = |name: &str| {
            std::os::unix::fs::MetadataExt::blocks(&fs::metadata(dir.join(name)).unwrap())
        };
        assert!(blocks("d/sparse") < 200, "the holes are holes");
        assert_eq!(blocks("d/sparse.all-hole"), 0);
    }
}

/// So that a difference shows as one line.
fn pretty_assert(seen: &[String], expected: &[String]) {
    let missing: Vec<&String> = expected.iter().filter(|line| !seen.contains(line)).collect();
    let surplus: Vec<&String> = seen.iter().filter(|line| !expected.contains(line)).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "expected and not there: {missing:#?}\nthere and not expected: {surplus:#?}"
    );
}

/// Without attributes, of which bsdtar and Python know less.
fn without_attributes(lines: impl IntoIterator<Item = String>) -> Vec<String> {
    lines
        .into_iter()
        .map(|line| {
            let mut fields: Vec<&str> = line.split(' ').collect();
            fields[5] = "-";
            fields.join(" ")
        })
        .collect()
}

#[test]
#[ignore = "needs GNU tar, bsdtar, python3, zstd: buildbot/run runs it"]
fn bsdtar_restores_everything_but_odd_attributes_and_early_times() {
    let mut members = tree();
    for Member { entry, .. } in &mut members {
        entry.acl_access = None;
        entry.acl_default = None;
        // bsdtar 3.6 misreads fractions before 1970.
        entry.mtime.seconds = entry.mtime.seconds.max(0);
    }
    let (_temp, dir) = fresh();
    // In the C locale it complains about long names that are UTF-8.
    sh(&dir, &tar_of(&members), "LC_ALL=C.UTF-8 bsdtar -xpf -");
    // And it leaves the directory alone that it unpacks into.
    let expected = without_attributes(members[1..].iter().map(Member::line));
    pretty_assert(&without_attributes(manifest(&dir))[1..], &expected);
}

#[test]
#[ignore = "needs GNU tar, bsdtar, python3, zstd: buildbot/run runs it"]
fn python_reads_every_name_and_every_byte() {
    const SCRIPT: &str = r"
import hashlib, os, sys, tarfile
tar = tarfile.open(fileobj=sys.stdin.buffer, mode='r|', errors='surrogateescape')
for m in tar:
    data = tar.extractfile(m).read() if m.isreg() else b''
    link = os.fsencode(m.linkname).hex() or '-'
    print(os.fsencode(m.name).hex(), oct(m.mode)[2:], m.size, hashlib.sha256(data).hexdigest(), link)
";
    let members = tree();
    let (_temp, dir) = fresh();
    fs::write(dir.join("read.py"), SCRIPT).unwrap();
    let seen = sh(&dir, &tar_of(&members), "LC_ALL=C.UTF-8 python3 read.py");
    let seen: Vec<String> = String::from_utf8(seen).unwrap().lines().map(str::to_owned).collect();
    let expected: Vec<String> = members
        .iter()
        .map(|Member { entry, contents, .. }| {
            let name = if entry.path.is_empty() {
                b".".to_vec()
            } else {
                [b"./", &entry.path[..]].concat()
            };
            let (data, link) = match &entry.kind {
                Kind::File => (&contents[..], "-".to_owned()),
                Kind::Symlink { target } => (&b""[..], hex(target)),
                Kind::HardLink { target } => (&contents[..], hex(&[b"./", &target[..]].concat())),
                _ => (&b""[..], "-".to_owned()),
            };
            let size = if entry.kind == Kind::File { contents.len() } else { 0 };
            let data = if matches!(entry.kind, Kind::HardLink { .. }) { b"" } else { data };
            format!("{} {:o} {size} {} {link}", hex(&name), entry.mode, digest(data))
        })
        .collect();
    pretty_assert(&seen, &expected);
}

#[test]
#[ignore = "needs GNU tar, bsdtar, python3, zstd: buildbot/run runs it"]
fn numbers_too_large_for_ustar_are_read_by_gnu_tar_and_bsdtar() {
    let mut device =
        member("device", Kind::CharDevice { major: 4_000_000, minor: 3_000_000 }, 0o600, b"");
    (device.entry.uid, device.entry.gid) = (3_000_000_000, 2_097_152);
    let mut small = member("null", Kind::CharDevice { major: 1, minor: 3 }, 0o666, b"");
    (small.entry.user, small.entry.group) = (b"ann".to_vec(), [b'g'; 40].to_vec());
    let mut tar = tar_of(&[device, small]);
    let (_temp, dir) = fresh();
    let seen = String::from_utf8(sh(&dir, &tar, "tar --numeric-owner -tvf -")).unwrap();
    assert!(seen.contains("3000000000/2097152"), "{seen}");
    assert!(seen.contains("4000000,3000000"), "{seen}");
    let seen = String::from_utf8(sh(&dir, &tar, "tar -tvf - ./null")).unwrap();
    assert!(seen.contains(&format!("ann/{}", "g".repeat(40))), "{seen}");
    let seen = String::from_utf8(sh(&dir, &tar, "bsdtar --numeric-owner -tvf -")).unwrap();
    assert!(seen.contains("3000000000") && seen.contains("4000000,3000000"), "{seen}");

    // A file of 9 GiB, of which only the headers are there.
    tar.clear();
    encode_header(&file("huge", b"").entry, 9 << 30, &mut tar);
    for tool in ["tar", "bsdtar"] {
        let seen = sh(&dir, &tar, &format!("{tool} -tvf - 2>/dev/null || true"));
        let seen = String::from_utf8(seen).unwrap();
        assert!(seen.contains("9663676416"), "{tool}: {seen}");
    }
}

/// A directory with its listing.
fn listed(path: &str, listing: &[(Listed, &str)]) -> Member {
    let mut dir = directory(path, 0o755);
    let mut dumpdir = Dumpdir::new();
    listing.iter().for_each(|(listed, name)| dumpdir.push(*listed, name.as_bytes()));
    dir.entry.dumpdir = dumpdir.finish();
    dir
}

#[test]
#[ignore = "needs GNU tar, bsdtar, python3, zstd: buildbot/run runs it"]
fn a_chain_of_levels_restores_with_gnu_tar() {
    use Listed::{Directory, Earlier, Here};
    let full = [
        listed(
            "",
            &[
                (Directory, "becomes-file"),
                (Here, "becomes-dir"),
                (Directory, "gone-dir"),
                (Here, "stays"),
            ],
        ),
        // Listings are sorted; `becomes-dir` is a file now.
        listed("becomes-file", &[(Here, "inside")]),
        file("becomes-file/inside", b"1"),
        file("becomes-dir", b"2"),
        listed("gone-dir", &[(Here, "x"), (Here, "y")]),
        file("gone-dir/x", b"3"),
        file("gone-dir/y", b"4"),
        file("stays", b"5"),
    ];
    let next = [
        listed("", &[(Directory, "becomes-dir"), (Here, "becomes-file"), (Earlier, "stays")]),
        listed("becomes-dir", &[(Here, "new")]),
        file("becomes-dir/new", b"6"),
        file("becomes-file", b"7"),
    ];
    let (_temp, dir) = fresh();
    sh(&dir, &tar_of(&full), "tar -xpGf -");
    sh(&dir, &tar_of(&next), "tar -xpGf -");
    let seen = String::from_utf8(sh(&dir, b"", "find . | sort")).unwrap();
    assert_eq!(seen, ".\n./becomes-dir\n./becomes-dir/new\n./becomes-file\n./stays\n");
}

/// An image of two bundles, with a filler between them as between parts, and one behind the contents.
fn image(members: &[Member]) -> (Vec<u8>, FrameTable) {
    let mut encoder = Encoder::new(Encoder::LEVEL).expect("good");
    let mut frames = FrameTable::new();
    let mut image = Vec::new();
    let mut stored = Vec::new();
    let (first, second) = members.split_at(members.len() / 2);
    for (kind, members) in [(FrameKind::S, first), (FrameKind::S, second), (FrameKind::Z, &[])] {
        let mut raw = Vec::new();
        members.iter().for_each(|member| member.put(&mut raw));
        if kind == FrameKind::Z {
            raw.extend_from_slice(&END);
        }
        encoder.encode(&raw, &mut stored).expect("good");
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).expect("good");
        frames.push(kind, len(&stored), len(&raw), digest(&stored));
        image.extend_from_slice(&stored);
    }
    let dump = DumpId::new(1, [1; 10]);
    let identity = Identity {
        version: contents::VERSION,
        host: "host".parse().expect("good"),
        dle: "/".parse().expect("good"),
        level: Level::FULL,
        dump,
        base: None,
        run: "20260101000000".parse().expect("good"),
        started: FileTime::default(),
        finished: FileTime::default(),
        program: "test".to_owned(),
        system: "Linux".to_owned(),
        frame_size: 4 << 20,
        entries: members.len() as u64,
        gone: 0,
        raw_bytes: 0,
        strange: 0,
    };
    let contents = Contents { identity, frames: frames.clone(), index: b"index".to_vec() };
    image.extend(contents::encode(&contents).expect("good"));
    (image, frames)
}

#[test]
#[ignore = "needs GNU tar, bsdtar, python3, zstd: buildbot/run runs it"]
fn an_image_is_zstd_and_tar_to_everybody_else() {
    let members = tree();
    let (image, frames) = image(&members);
    let cut = usize::try_from(frames.get(1).unwrap().offset).unwrap();
    let parts = [&image[..cut], &filler(1000), &image[cut..], &filler(16)].concat();
    let expected: Vec<String> = members.iter().map(Member::line).collect();

    let (_temp, dir) = fresh();
    sh(&dir, &parts, "zstd -t -");
    let restore = "zstd -dc | tar --acls --xattrs --xattrs-include='*' -xpf -";
    sh(&dir, &parts, restore);
    pretty_assert(&manifest(&dir), &expected);

    // bsdtar opens it by itself.
    let (_temp, dir) = fresh();
    let names = sh(&dir, &parts, "LC_ALL=C.UTF-8 bsdtar -tf -");
    assert_eq!(names.iter().filter(|&&byte| byte == b'\n').count(), members.len());

    // One frame, as the manual says.
    let (_temp, dir) = fresh();
    fs::write(dir.join("image"), &image).unwrap();
    let frame = frames.get(1).unwrap();
    let (skip, count) = (frame.offset, frame.stored);
    sh(
        &dir,
        b"",
        &format!(
            "dd iflag=skip_bytes,count_bytes skip={skip} count={count} status=none < image | zstd -dc | tar -tf - > names"
        ),
    );
    let names = fs::read(dir.join("names")).unwrap();
    let second = members.len() - members.len() / 2;
    assert_eq!(names.iter().filter(|&&byte| byte == b'\n').count(), second);
}

/// Path, kind, size, contents and seconds of everything in a tar.
type Seen = (Vec<u8>, Kind, Vec<u8>, i64);

fn read(tar: &[u8]) -> Vec<Seen> {
    let mut decoder = Decoder::new(Limits::default());
    let mut seen: Vec<Seen> = Vec::new();
    let mut input = tar;
    while let Some(event) = decoder.next(&mut input).expect("a good tar") {
        match event {
            Event::Entry { entry, .. } => {
                let contents = vec![0; usize::try_from(entry.size).expect("small")];
                seen.push((entry.path, entry.kind, contents, entry.mtime.seconds));
            }
            Event::Data { at, bytes } => {
                let at = usize::try_from(at).expect("small");
                seen.last_mut().expect("an entry").2[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Event::Refused { name, why } => panic!("{}: {why}", name.escape_ascii()),
            Event::EntryEnd | Event::End => {}
        }
    }
    decoder.finish().expect("a whole tar");
    seen.sort_by(|a, b| format::path::compare(&a.0, &b.0));
    seen
}

#[test]
#[ignore = "needs GNU tar, bsdtar, python3, zstd: buildbot/run runs it"]
fn we_read_what_other_programs_write() {
    let (_temp, dir) = fresh();
    let long = format!("d/{}/{}", "directory-".repeat(8), "name-".repeat(10));
    fs::create_dir_all(dir.join(&long).parent().unwrap()).unwrap();
    fs::write(dir.join(&long), b"long").unwrap();
    fs::write(dir.join("file"), vec![b'f'; 100_000]).unwrap();
    fs::hard_link(dir.join("file"), dir.join("file.2")).unwrap();
    symlink("a/target", dir.join("link")).unwrap();
    let sparse = fs::File::create(dir.join("sparse")).unwrap();
    for number in 0..40 {
        std::os::unix::fs::FileExt::write_all_at(&sparse, b"some data", number * 200_000).unwrap();
    }
    sparse.set_len(9_000_000).unwrap();
    sh(&dir, b"", "touch -hd @1600000000 file link sparse d");

    let expected = read(&sh(&dir, b"", "tar --format=posix -cf - ."));
    assert!(expected.len() > 6);
    for (path, kind, contents, seconds) in &expected {
        let path = dir.join(String::from_utf8(path.clone()).unwrap());
        if *kind == Kind::File {
            assert_eq!(*contents, fs::read(&path).unwrap());
        }
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!(*seconds, std::os::unix::fs::MetadataExt::mtime(&metadata).min(*seconds));
    }
    for command in [
        "tar --format=gnu -cf - .",
        "tar --format=gnu --sparse -cf - .",
        "tar --format=oldgnu --sparse -cf - .",
        "tar --format=posix --sparse --xattrs -cf - .",
        "tar --format=ustar -cf - .",
        "tar --format=gnu --listed-incremental=../snapshot -cf - .",
        "tar --format=gnu --sparse --label=VOLUME --blocking-factor=64 -cf - .",
        "bsdtar --format=pax -cf - .",
        "bsdtar --format=ustar -cf - .",
        "bsdtar --format=gnutar -cf - .",
        "python3 -c 'import sys, tarfile; tarfile.open(fileobj=sys.stdout.buffer, mode=\"w|\", format=tarfile.GNU_FORMAT).add(\".\")' && head -c 10240 /dev/zero",
        "python3 -c 'import sys, tarfile; tarfile.open(fileobj=sys.stdout.buffer, mode=\"w|\", format=tarfile.PAX_FORMAT).add(\".\")' && head -c 10240 /dev/zero",
    ] {
        let seen = read(&sh(&dir, b"", command));
        let normal = |seen: Vec<Seen>| -> Vec<Seen> {
            // Which of two names is the hard link is each program's choice.
            seen.into_iter()
                .filter(|(_, kind, ..)| !matches!(kind, Kind::HardLink { .. }))
                .filter(|(path, ..)| !path.starts_with(b"file"))
                .collect()
        };
        assert_eq!(normal(seen), normal(expected.clone()), "{command}");
    }
}

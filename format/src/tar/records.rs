//! What the extended headers before a member say, read from any program's hand.
//!
//! Records that nobody here knows are passed over. Those that are known must make sense, because what they say
//! is then done to a file system.

use types::FileTime;

use super::decode::{Limits, Problem};
use super::sparse::decimal;

/// Attributes that one member may have. The names of Linux's fit into 64 KiB.
const XATTRS_MOST: usize = 1 << 14;

/// The records for the next member. Later ones replace earlier ones.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) user: Option<Vec<u8>>,
    pub(super) group: Option<Vec<u8>>,
    pub(super) mtime: Option<FileTime>,
    pub(super) atime: Option<FileTime>,
    pub(super) ctime: Option<FileTime>,
    pub(super) major: Option<u32>,
    pub(super) minor: Option<u32>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) acl_access: Option<Vec<u8>>,
    pub(super) acl_default: Option<Vec<u8>>,
    pub(super) dumpdir: Option<Vec<u8>>,
    pub(super) sparse: Option<[u64; 2]>,
    pub(super) sparse_name: Option<Vec<u8>>,
    pub(super) real_size: Option<u64>,
}

impl Records {
    /// Adds all records of one extended header.
    pub(super) fn add(&mut self, mut bytes: &[u8], limits: &Limits) -> Result<(), Problem> {
        while !bytes.is_empty() {
            // Some programs fill the rest of the header with zeros.
            if bytes.iter().all(|&byte| byte == 0) {
                return Ok(());
            }
            let (keyword, value) = take(&mut bytes, limits)?;
            self.set(keyword, value, limits)?;
        }
        Ok(())
    }

    fn set(&mut self, keyword: &[u8], value: &[u8], limits: &Limits) -> Result<(), Problem> {
        let text = || (!value.is_empty()).then(|| value.to_vec());
        match keyword {
            b"path" => self.path = name(value, limits)?,
            b"linkpath" => self.link = name(value, limits)?,
            b"GNU.sparse.name" => self.sparse_name = name(value, limits)?,
            b"uname" => self.user = name(value, limits)?,
            b"gname" => self.group = name(value, limits)?,
            b"size" => self.size = number(value, "size")?,
            b"uid" => self.uid = id(value, "uid")?,
            b"gid" => self.gid = id(value, "gid")?,
            b"mtime" => self.mtime = time(value, "mtime")?,
            b"atime" => self.atime = time(value, "atime")?,
            b"ctime" => self.ctime = time(value, "ctime")?,
            b"SCHILY.devmajor" => self.major = id(value, "SCHILY.devmajor")?,
            b"SCHILY.devminor" => self.minor = id(value, "SCHILY.devminor")?,
            b"SCHILY.acl.access" => self.acl_access = text(),
            b"SCHILY.acl.default" => self.acl_default = text(),
            b"GNU.dumpdir" => self.dumpdir = text(),
            b"GNU.sparse.major" => self.sparse_version(0, number(value, "GNU.sparse.major")?),
            b"GNU.sparse.minor" => self.sparse_version(1, number(value, "GNU.sparse.minor")?),
            // The forms 0.0 and 0.1 have the map in records.
            b"GNU.sparse.numblocks" | b"GNU.sparse.map" => self.sparse = Some([0, 1]),
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => {
                self.real_size = number(value, "GNU.sparse.realsize")?;
            }
            b"RHT.security.selinux" => {
                let value = [value, b"\0"].concat();
                self.add_xattr(b"security.selinux".to_vec(), value, limits)?;
            }
            _ => {
                if let Some(name) = keyword.strip_prefix(b"SCHILY.xattr.") {
                    self.add_xattr(unescape(name), value.to_vec(), limits)?;
                }
            }
        }
        Ok(())
    }

    fn sparse_version(&mut self, which: usize, number: Option<u64>) {
        let mut version = self.sparse.unwrap_or_default();
        version[which] = number.unwrap_or(0);
        self.sparse = Some(version);
    }

    fn add_xattr(&mut self, name: Vec<u8>, value: Vec<u8>, limits: &Limits) -> Result<(), Problem> {
        if self.xattrs.len() == XATTRS_MOST {
            return Err(Problem::TooManyXattrs);
        }
        if name.is_empty() || name.contains(&0) {
            return Err(Problem::Record(
                "an extended attribute has no name, or one with a zero byte",
            ));
        }
        within("the value of an extended attribute", value.len(), limits.xattr)?;
        self.xattrs.push((name, value));
        Ok(())
    }
}

/// Takes a record off the front: its keyword and its value.
fn take<'a>(bytes: &mut &'a [u8], limits: &Limits) -> Result<(&'a [u8], &'a [u8]), Problem> {
    let shown = &bytes[..bytes.len().min(21)];
    let digits = shown
        .iter()
        .position(|&byte| byte == b' ')
        .ok_or(Problem::Record("a record does not begin with its length"))?;
    let len = decimal(&bytes[..digits])
        .and_then(|len| usize::try_from(len).ok())
        .ok_or(Problem::Record("the length of a record is not a number"))?;
    within("a record of an extended header", len, limits.record)?;
    if len < digits + 3 {
        return Err(Problem::Record("a record says that it is shorter than it can be"));
    }
    let (record, rest) = bytes
        .split_at_checked(len)
        .ok_or(Problem::Record("a record is longer than its extended header"))?;
    *bytes = rest;
    let text = record[digits + 1..]
        .strip_suffix(b"\n")
        .ok_or(Problem::Record("a record does not end with its line"))?;
    let equals = text
        .iter()
        .position(|&byte| byte == b'=')
        .ok_or(Problem::Record("a record has no value"))?;
    Ok((&text[..equals], &text[equals + 1..]))
}

pub(super) fn within(what: &'static str, len: usize, most: usize) -> Result<(), Problem> {
    if len > most { Err(Problem::TooLong { what, len: len as u64, most }) } else { Ok(()) }
}

/// An empty value takes a record back.
fn name(value: &[u8], limits: &Limits) -> Result<Option<Vec<u8>>, Problem> {
    within("a name", value.len(), limits.name)?;
    Ok((!value.is_empty()).then(|| value.to_vec()))
}

fn number(value: &[u8], keyword: &'static str) -> Result<Option<u64>, Problem> {
    match value {
        b"" => Ok(None),
        digits => decimal(digits).map(Some).ok_or(Problem::Field(keyword)),
    }
}

fn id(value: &[u8], keyword: &'static str) -> Result<Option<u32>, Problem> {
    let narrow = |number| u32::try_from(number).map_err(|_| Problem::Field(keyword));
    number(value, keyword)?.map(narrow).transpose()
}

fn time(value: &[u8], keyword: &'static str) -> Result<Option<FileTime>, Problem> {
    match value {
        b"" => Ok(None),
        text => parse_time(text).map(Some).ok_or(Problem::Field(keyword)),
    }
}

/// Decimal seconds with any number of digits behind the point, rounded down.
fn parse_time(text: &[u8]) -> Option<FileTime> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let point = text.iter().position(|&byte| byte == b'.').unwrap_or(text.len());
    let whole = decimal(&text[..point])?;
    let fraction = text.get(point + 1..).unwrap_or(b"");
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut nanos = 0;
    for at in 0..9 {
        nanos = nanos * 10 + u32::from(fraction.get(at).map_or(0, |digit| digit - b'0'));
    }
    if !negative {
        return Some(FileTime { seconds: i64::try_from(whole).ok()?, nanos });
    }
    let seconds = 0i64.checked_sub_unsigned(whole)?;
    if fraction.iter().skip(9).any(|&digit| digit != b'0') {
        nanos += 1;
    }
    match nanos {
        0 => Some(FileTime { seconds, nanos: 0 }),
        nanos => Some(FileTime { seconds: seconds.checked_sub(1)?, nanos: 1_000_000_000 - nanos }),
    }
}

/// As GNU tar: `%3D` is `=` and `%25` is `%`, and any other `%` stands for itself.
fn unescape(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, behind)) = rest.split_first() {
        let (byte, behind) = match rest {
            [b'%', b'3', b'D', behind @ ..] => (b'=', behind),
            [b'%', b'2', b'5', behind @ ..] => (b'%', behind),
            _ => (byte, behind),
        };
        plain.push(byte);
        rest = behind;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::super::pax;
    use super::*;
    use proptest::prelude::*;

    fn records(bytes: &[u8]) -> Result<Records, Problem> {
        let mut records = Records::default();
        records.add(bytes, &Limits::default()).map(|()| records)
    }

    #[test]
    fn later_records_replace_earlier_ones_and_empty_ones_take_them_back() {
        let read = records(b"8 uid=1\n8 uid=2\n10 path=a\n10 path=b\n8 path=\n").unwrap();
        assert_eq!((read.uid, read.path), (Some(2), None));
    }

    #[test]
    fn a_value_may_hold_anything() {
        let read = records(b"30 SCHILY.xattr.user.x=a\n=\0\xff\n\n").unwrap();
        assert_eq!(read.xattrs, [(b"user.x".to_vec(), b"a\n=\0\xff\n".to_vec())]);
        let read = records(b"32 SCHILY.xattr.user.a%3Db%25%zz=v\n");
        assert!(read.is_err(), "its length is wrong");
        let read = records(b"35 SCHILY.xattr.user.a%3Db%25%zz=v\n").unwrap();
        assert_eq!(read.xattrs[0].0, b"user.a=b%%zz");
    }

    #[test]
    fn broken_records_are_refused() {
        for bad in [
            &b"path=a\n"[..],
            b"x path=a\n",
            b"11 path=a\n",
            b"8 path=a\n",
            b"999999999999999999999 a=b\n",
            b"2 \n",
            b"4 a\n",
            b"0 ",
            b"99999 path=a\n",
            b"9 uid=-1\n",
            b"18 uid=4294967296\n",
            b"12 mtime=x.\n",
        ] {
            assert!(records(bad).is_err(), "{}", bad.escape_ascii());
        }
        assert!(records(b"8 uid=1\n\0\0\0\0").is_ok(), "zeros behind the last record");
    }

    #[test]
    fn limits_hold() {
        let mut long = Vec::new();
        pax::put(&[b"SCHILY.xattr.user.x=", &vec![0; (64 << 10) + 1]], &mut long);
        assert!(matches!(records(&long), Err(Problem::TooLong { .. })));
        let mut long = Vec::new();
        pax::put(&[b"path=", &vec![b'a'; (64 << 10) + 1]], &mut long);
        assert!(matches!(records(&long), Err(Problem::TooLong { .. })));
        let mut long = Vec::new();
        pax::put(&[b"comment=", &vec![b'a'; 1 << 20]], &mut long);
        assert!(matches!(records(&long), Err(Problem::TooLong { .. })));
        let many = b"18 SCHILY.xattr.a=\n".repeat(XATTRS_MOST + 1);
        assert!(records(&many).is_err());
    }

    #[test]
    fn times_of_other_programs_are_rounded_down() {
        let cases = [
            ("1", Some((1, 0))),
            ("1.", Some((1, 0))),
            ("1.5", Some((1, 500_000_000))),
            ("1.9999999999", Some((1, 999_999_999))),
            ("-0.0000000001", Some((-1, 999_999_999))),
            ("-0", Some((0, 0))),
            ("-9223372036854775808", Some((i64::MIN, 0))),
            ("-9223372036854775808.1", None),
            ("9223372036854775808", None),
            ("", None),
            (".5", None),
            ("--1", None),
            ("1.-5", None),
            ("1e5", None),
        ];
        for (text, expected) in cases {
            let time = parse_time(text.as_bytes()).map(|time| (time.seconds, time.nanos));
            assert_eq!(time, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn times_read_back(seconds in any::<i64>(), nanos in 0..1_000_000_000u32) {
            let mut bytes = Vec::new();
            pax::put_time(b"mtime", FileTime { seconds, nanos }, &mut bytes);
            prop_assert_eq!(records(&bytes).unwrap().mtime, Some(FileTime { seconds, nanos }));
        }

        #[test]
        fn arbitrary_records_never_panic(bytes in "([0-9]{1,3} (path|uid|mtime|GNU.sparse.major|SCHILY.xattr.a)=[0-9.-]{0,5}\n?){0,3}") {
            drop(records(bytes.as_bytes()));
        }
    }
}

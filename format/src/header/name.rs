//! What the files of an image are called, on a holding disk and in a vtape.
//!
//! `HOST.DLE.LEVEL`, as Amanda does it, but so that two images never get the same name: Amanda turns `/`, `:`
//! and `\` all into `_`. Here `/` becomes `_`, and what could be mistaken is written as `%` and two digits:
//! `/srv/data` is still `_srv_data`, and `/srv_data` is `_srv%5Fdata`.

use types::{DleRef, Level};

/// The longest name that is given, so that numbers and endings can be added within 255 bytes.
const LONGEST: usize = 200;

/// The file name of an image, different for every host, DLE and level.
pub fn image_name(dle: &DleRef, level: Level) -> String {
    let host = escaped(dle.host.as_str(), "");
    // A dot would make it unclear where the host ends, and a mere number would look like a level.
    let mut name = escaped(dle.dle.as_str(), ".");
    if name.bytes().all(|b| b.is_ascii_digit()) {
        name = format!("%{:02X}{}", name.as_bytes()[0], &name[1..]);
    }
    let mut both = format!("{host}.{name}");
    if both.len() > LONGEST {
        let digest = crate::frame::digest(format!("{}\0{}", dle.host, dle.dle).as_bytes());
        let cut = (0..=LONGEST - 34).rev().find(|at| both.is_char_boundary(*at)).unwrap_or(0);
        // No escape is one `%` followed by another, so this can't be a shorter image's name.
        both = format!("{}%%{}", &both[..cut], &digest.to_string()[..32]);
    }
    format!("{both}.{level}")
}

fn escaped(name: &str, also: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c == '/' {
            out.push('_');
        } else if "_%:\\".contains(c) || also.contains(c) || c.is_whitespace() || c.is_control() {
            out.extend(c.to_string().bytes().map(|byte| format!("%{byte:02X}")));
        } else {
            out.push(c);
        }
    }
    out
}

//! What stickers say.
//!
//! An LTO sticker has six characters and two for the medium, `A00001L8`. Some libraries report all eight, some
//! only six, and a library may be switched from one to the other.

use types::Barcode;

/// How many characters a label has without its medium.
const WITHOUT_MEDIUM: usize = 6;

/// The sticker as a changer reports it, padded with spaces or zeros; none if nothing readable is left.
pub fn read(field: &[u8]) -> Option<Barcode> {
    let text = String::from_utf8_lossy(field);
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    // Behind the sticker's text and a zero some changers leave what was in their buffer.
    let text = text.split('\0').next().unwrap_or_default().trim();
    text.parse().ok()
}

/// The two characters for the medium, if the barcode has them: `L8`.
pub fn medium(barcode: &Barcode) -> Option<&str> {
    let text = barcode.as_str();
    let medium = text.get(WITHOUT_MEDIUM..).filter(|_| text.len() == WITHOUT_MEDIUM + 2)?;
    medium.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(medium)
}

/// Do they name the same cartridge? With the medium or without it.
pub fn same(one: &Barcode, other: &Barcode) -> bool {
    fn bare(barcode: &Barcode) -> &str {
        match medium(barcode) {
            Some(_) => barcode.as_str().get(..WITHOUT_MEDIUM).unwrap_or(barcode.as_str()),
            None => barcode.as_str(),
        }
    }
    match (medium(one), medium(other)) {
        (Some(_), Some(_)) | (None, None) => one == other,
        _ => bare(one) == bare(other),
    }
}

/// Whether the sticker says that it is a cleaning cartridge: these begin with `CLN` everywhere.
pub fn cleans(barcode: &Barcode) -> bool {
    barcode.as_str().starts_with("CLN")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Barcode {
        text.parse().unwrap()
    }

    #[test]
    fn padding_is_no_part_of_a_barcode() {
        assert_eq!(read(b"A00001L8                        "), Some(code("A00001L8")));
        assert_eq!(read(b"A00001L8\0\0\0\0"), Some(code("A00001L8")));
        assert_eq!(read(b"  A00001L8\0B00002L8 "), Some(code("A00001L8")));
        assert_eq!(read(&[b' '; 32]), None);
        assert_eq!(read(&[0; 32]), None);
        assert_eq!(read(b""), None);
    }

    #[test]
    fn bytes_that_are_no_text_are_no_barcode_or_a_harmless_one() {
        for byte in 0..=255_u8 {
            if let Some(barcode) = read(&[byte; 32]) {
                assert!(!barcode.as_str().chars().any(char::is_control), "{barcode:?}");
            }
        }
    }

    #[test]
    fn a_barcode_is_the_same_with_and_without_its_medium() {
        assert!(same(&code("A00001L8"), &code("A00001")));
        assert!(same(&code("A00001"), &code("A00001L8")));
        assert!(!same(&code("A00001L8"), &code("A00001L7")), "two stickers that differ are two");
        assert!(!same(&code("A00001L8"), &code("A00002")));
        assert!(!same(&code("A0000"), &code("A00001")));
        assert!(same(&code("LONGER-LABEL"), &code("LONGER-LABEL")));
    }

    #[test]
    fn the_medium_is_the_last_two_of_eight() {
        assert_eq!(medium(&code("A00001L8")), Some("L8"));
        assert_eq!(medium(&code("CLNU01L1")), Some("L1"));
        assert_eq!(medium(&code("A00001")), None);
        assert_eq!(medium(&code("ÄÖÜ1L8")), None, "eight bytes, but not two at the end of them");
        assert!(cleans(&code("CLNU01L1")) && !cleans(&code("A00001L8")));
    }
}

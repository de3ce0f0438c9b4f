//! What a changer says of the drive in a bay.

/// What the changer says of the drive in a bay: an identification descriptor (SPC-4, 7.8.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Code set 2, type 0: text of the vendor's own, in practice the serial number.
    Serial(String),
    /// Code set 2, type 1: vendor, product and serial number.
    Model {
        /// 8 characters, trimmed.
        vendor: String,
        /// 16 characters, trimmed.
        product: String,
        /// The rest, trimmed.
        serial: String,
    },
    /// Code set 1, type 3: a world-wide name.
    Naa(Vec<u8>),
}

impl Claim {
    /// Reads a designator. What cannot be compared with anything is no claim.
    pub fn of(code_set: u8, kind: u8, data: &[u8]) -> Option<Self> {
        match (code_set, kind) {
            (2 | 3, 0) => {
                let text = trimmed(data);
                (!text.is_empty()).then_some(Self::Serial(text))
            }
            (2 | 3, 1) => {
                let (vendor, rest) = data.split_at_checked(8)?;
                let (product, serial) = rest.split_at_checked(16)?;
                let [vendor, product, serial] = [vendor, product, serial].map(trimmed);
                (!serial.is_empty()).then_some(Self::Model { vendor, product, serial })
            }
            (1, 3) => data.iter().any(|byte| *byte != 0).then(|| Self::Naa(data.to_vec())),
            _ => None,
        }
    }

    pub(crate) fn serial(&self) -> Option<&str> {
        match self {
            Self::Serial(serial) | Self::Model { serial, .. } => Some(serial),
            Self::Naa(_) => None,
        }
    }
}

/// Text as devices pad it: with spaces or zeros, on either side.
pub(crate) fn trimmed(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned()
}

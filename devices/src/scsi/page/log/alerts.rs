//! Log pages 12h and 2Eh: which TapeAlert flags are set (SSC-4, 8.2.4 and 4.2.17).
//!
//! Ask page 12h where there is one: reading page 2Eh clears the flags for everybody else.

use super::super::alert::{Flag, from_map};
use super::{BadReply, Log, PageCode};

/// The flags as one map. Reading it clears nothing.
pub const RESPONSE: PageCode = PageCode::page(0x12);
/// The flags as 64 parameters. Reading it clears them.
pub const ALERTS: PageCode = PageCode::page(0x2e);

/// The flags that are set, from page 12h.
pub fn response(bytes: &[u8]) -> Result<Vec<Flag>, BadReply> {
    let what = "the drive's TapeAlerts";
    let log = Log::decode(what, RESPONSE, bytes)?;
    let map = log.value(0).ok_or(BadReply::Wrong { what, why: "it has no parameter 0" })?;
    Ok(from_map(map))
}

/// The flags that are set, from page 2Eh.
pub fn alerts(bytes: &[u8]) -> Result<Vec<Flag>, BadReply> {
    let log = Log::decode("the device's TapeAlerts", ALERTS, bytes)?;
    let set = |flag: &Flag| log.flag(flag.number().into()) == Some(true);
    Ok(Flag::all().filter(set).collect())
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::spoil;
    use super::super::testing::page;
    use super::{ALERTS, RESPONSE, alerts, response};

    #[test]
    fn both_pages_tell_the_same() {
        // Flags 4 (media) and 20 (clean now).
        let map = page(RESPONSE, &[(0, &[0x10, 0x00, 0x10, 0, 0, 0, 0, 0])]);
        let many: Vec<(u16, &[u8])> = (1..=64)
            .map(|code| (code, if code == 4 || code == 20 { &[1][..] } else { &[0] }))
            .collect();
        let list = page(ALERTS, &many);
        for flags in [response(&map).unwrap(), alerts(&list).unwrap()] {
            assert_eq!(flags.iter().map(|flag| flag.number()).collect::<Vec<_>>(), [4, 20]);
        }
        spoil(&map, |bytes| drop(response(bytes)));
        spoil(&list, |bytes| drop(alerts(bytes)));
    }
}

//! `device alerts`: what a drive warns of, how bad it is, what it means, and what to do.

use devices::scsi::page::alert::{Flag, Severity};
use serde_json::json;

use super::sheet::Told;
use crate::command::Exit;
use crate::library::Tape;

pub(super) fn alerts(tape: &mut Tape, name: &str) -> anyhow::Result<Told> {
    Ok(told(name, &tape.health()?.alerts))
}

pub(super) fn told(name: &str, flags: &[Flag]) -> Told {
    let mut flags = flags.to_vec();
    flags.sort_by_key(|flag| (std::cmp::Reverse(flag.severity()), *flag));
    let value = flags.iter().map(|flag| {
        json!({
            "number": flag.number(), "name": flag.name(), "meaning": flag.meaning(),
            "advice": flag.advice(), "severity": severity(*flag),
        })
    });
    let value = json!({ "drive": name, "alerts": value.collect::<Vec<_>>() });
    let mut text = String::new();
    if flags.is_empty() {
        text = format!("{name}: no alerts\n");
    }
    for flag in &flags {
        let (severity, number) = (severity(*flag), flag.number());
        text.push_str(&format!("{name}: {severity}: {} (TapeAlert {number})\n", flag.meaning()));
        text.push_str(&format!("  what to do: {}\n", flag.advice()));
    }
    let critical = flags.iter().any(|flag| flag.severity() == Severity::Critical);
    Told { value, text, exit: if critical { Exit::Complaints } else { Exit::Good } }
}

fn severity(flag: Flag) -> &'static str {
    match flag.severity() {
        Severity::Information => "information",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first_and_only_a_critical_one_is_a_complaint() {
        let flags = [21, 20].map(|number| Flag::of(number).unwrap());
        let both = told("drive0", &flags);
        assert_eq!(both.exit, Exit::Complaints);
        assert_eq!(
            both.text,
            "drive0: critical: the drive must be cleaned (TapeAlert 20)\n  what to do: load a cleaning cartridge now\n\
             drive0: warning: it is time to clean the drive (TapeAlert 21)\n  what to do: load a cleaning cartridge when \
             the drive is free\n"
        );
        assert_eq!(told("drive0", &flags[..1]).exit, Exit::Good);
        assert_eq!(told("drive0", &[]).text, "drive0: no alerts\n");
    }
}

//! A report by mail, to those whom the site's `mailto` names.

use config::{SendReport, Site};

use super::{Report, render, verdict};
use crate::clock::{Now, stamp_text};
use crate::mail::{Mail, MailError, Mailer};
use crate::runlog::Outcome;

/// Mails the report of a run, if anybody wants it.
pub fn mail(site: &Site, report: &Report, now: &Now) -> Result<(), MailError> {
    if site.mailto.is_empty() || !wanted(site.send_report_on, report.outcome) {
        return Ok(());
    }
    Mailer::of(site).send(&site.mailto, &mail_of(report), now)
}

fn mail_of(report: &Report) -> Mail {
    let verdict = verdict(report.outcome);
    let subject =
        format!("{}: {} of {}: {verdict}", report.org, report.kind, stamp_text(report.run));
    Mail { subject, text: render(report), ..Mail::default() }
}

/// Whether a run that ended like this is worth a mail.
fn wanted(on: SendReport, outcome: Option<Outcome>) -> bool {
    match on {
        SendReport::All => true,
        SendReport::Strange => outcome != Some(Outcome::Good),
        SendReport::Error => !matches!(outcome, Some(Outcome::Good | Outcome::Strange)),
        SendReport::Never => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_mailed_if_it_ended_as_badly_as_is_asked_for() {
        let outcomes = [
            Some(Outcome::Good),
            Some(Outcome::Strange),
            Some(Outcome::Failed),
            Some(Outcome::Interrupted),
            None,
        ];
        let mailed = |on| outcomes.map(|outcome| wanted(on, outcome));
        assert_eq!(mailed(SendReport::All), [true; 5]);
        assert_eq!(mailed(SendReport::Strange), [false, true, true, true, true]);
        assert_eq!(mailed(SendReport::Error), [false, false, true, true, true]);
        assert_eq!(mailed(SendReport::Never), [false; 5]);
    }
}

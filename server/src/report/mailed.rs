//! A report by mail, to those whom the site's `mailto` names.
//!
//! As text and as a page in one message; the reader's program chooses. The subject has the verdict in it, so that a
//! row of them in a mailbox is read without opening any.

use config::{SendReport, Site};

use super::{Report, Width, html, render};
use crate::clock::{Now, stamp_text};
use crate::mail::{Attachment, Mail, MailError, Mailer};
use crate::runlog::Outcome;

/// What goes with the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// Nothing.
    Nothing,
    /// The report as JSON.
    Json,
}

/// Mails the report of a run, if the site wants it for such a run.
pub fn mail(site: &Site, report: &Report, now: &Now) -> Result<(), MailError> {
    if site.mailto.is_empty() || !wanted(site.send_report_on, report.outcome) {
        return Ok(());
    }
    send(site, report, Attached::Nothing, now)
}

/// Mails the report of a run.
pub fn send(site: &Site, report: &Report, attached: Attached, now: &Now) -> Result<(), MailError> {
    Mailer::of(site).send(&site.mailto, &mail_of(report, attached), now)
}

fn mail_of(report: &Report, attached: Attached) -> Mail {
    let attachments = match attached {
        Attached::Nothing => Vec::new(),
        Attached::Json => vec![Attachment {
            name: format!("report-{}.json", report.run),
            media_type: "application/json".to_owned(),
            bytes: serde_json::to_vec_pretty(report).unwrap_or_default(),
        }],
    };
    Mail {
        subject: subject(report),
        text: render(report, Width::MAIL),
        html: Some(html::render(report)),
        attachments,
    }
}

fn subject(report: &Report) -> String {
    let Report { host, org, verdict, kind, .. } = report;
    let by = if host.is_empty() { org.clone() } else { format!("{host} {org}") };
    format!("{by}: {verdict} ({kind} of {})", stamp_text(report.run))
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

/// Mails a made-up night, and says what should arrive: the text, and the page.
#[cfg(test)]
pub(crate) fn send_sample(mailer: &Mailer) -> (String, String) {
    use super::tests::{facts, night, run};
    let sample = mail_of(&super::of(run(), &night(), facts()), Attached::Json);
    mailer.send(&["ops@example.org".to_owned()], &sample, &Now::read()).unwrap();
    (sample.text, sample.html.unwrap())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, night, run};
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

    #[test]
    fn the_subject_has_the_verdict_and_the_mail_both_forms() {
        let report = super::super::of(run(), &night(), facts());
        let mail = mail_of(&report, Attached::Json);
        assert_eq!(
            mail.subject,
            "backup1 Example: FAIL, 1 of 2 DLEs (dump of 2026-01-02 03:00:00)"
        );
        assert!(mail.text.starts_with("Example: dump of"));
        assert!(mail.html.unwrap().starts_with("<!DOCTYPE html>"));
        let [json] = mail.attachments.as_slice() else { panic!("one file goes with it") };
        let value: serde_json::Value = serde_json::from_slice(&json.bytes).unwrap();
        assert_eq!(value["verdict"]["word"], "FAIL");
    }
}

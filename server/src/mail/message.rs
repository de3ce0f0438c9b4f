//! A [`Mail`] as a message of RFC 5322 with MIME parts (RFC 2045, 2046).
//!
//! Text alone is one part; with HTML they are alternatives, the better one last; with attachments all of that is
//! the first part of a mixture. Every message says that a program sent it (RFC 3834), so that nobody's holiday
//! notice answers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as Part, Mailbox, MultiPart, SinglePart};

use super::{Attachment, Mail, MailError};
use crate::clock::Now;

/// The message of a mail.
pub(super) fn build(
    from: Mailbox,
    to: Vec<Mailbox>,
    mail: &Mail,
    now: &Now,
) -> Result<Message, MailError> {
    let id = format!("<{}.{}@{}>", now.millis(), std::process::id(), from.email.domain());
    let subject: String = mail.subject.chars().filter(|c| !c.is_control()).collect();
    let mut message = Message::builder()
        .from(from)
        .subject(subject)
        .date(date(now))
        .message_id(Some(id))
        .raw_header(automatic());
    for one in to {
        message = message.to(one);
    }
    let text = || SinglePart::plain(mail.text.clone());
    let built = match (&mail.html, mail.attachments.as_slice()) {
        (None, []) => message.header(ContentType::TEXT_PLAIN).body(mail.text.clone()),
        (Some(html), []) => message.multipart(alternatives(text(), html)),
        (html, attachments) => {
            let mixed = match html {
                Some(html) => MultiPart::mixed().multipart(alternatives(text(), html)),
                None => MultiPart::mixed().singlepart(text()),
            };
            let parts = attachments.iter().map(part).collect::<Result<Vec<_>, _>>()?;
            message.multipart(parts.into_iter().fold(mixed, MultiPart::singlepart))
        }
    };
    built.map_err(MailError::Message)
}

/// The message as sendmail takes it: its lines end as those of a text file do.
///
/// No line of a body holds a return of its own, because such bodies are encoded.
pub(super) fn for_program(message: &Message) -> Vec<u8> {
    let formatted = message.formatted();
    let mut bytes = Vec::with_capacity(formatted.len());
    let mut rest = formatted.as_slice();
    while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
        bytes.extend_from_slice(&rest[..at]);
        bytes.push(b'\n');
        rest = &rest[at + 2..];
    }
    bytes.extend_from_slice(rest);
    bytes
}

fn alternatives(text: SinglePart, html: &str) -> MultiPart {
    MultiPart::alternative().singlepart(text).singlepart(SinglePart::html(html.to_owned()))
}

fn part(attachment: &Attachment) -> Result<SinglePart, MailError> {
    let kind = ContentType::parse(&attachment.media_type).map_err(|_| MailError::MediaType {
        name: attachment.name.clone(),
        media_type: attachment.media_type.clone(),
    })?;
    Ok(Part::new(attachment.name.clone()).body(attachment.bytes.clone(), kind))
}

fn date(now: &Now) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(now.unix()).unwrap_or(0))
}

fn automatic() -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    HeaderValue::new(name, "auto-generated".to_owned())
}

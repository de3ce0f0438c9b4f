//! Text requests of a session that stands: which targets there are.

use super::super::login::Purpose;
use super::super::pdu::{Reason, Response, TextRequest};
use super::super::text::{self, Pair};
use super::{Session, Wrong, size};

impl Session {
    pub(super) fn talk(&mut self, request: &TextRequest) -> Result<(), Wrong> {
        if !self.admit(&request.head)? {
            return Ok(());
        }
        if self.text.len() + request.text.len() > text::LONGEST {
            return Err(Wrong(Reason::Protocol));
        }
        self.text.extend_from_slice(&request.text);
        if request.goes_on {
            self.send(Response::TextMore { tag: request.head.tag, transfer_tag: 0 });
            return Ok(());
        }
        let asked =
            text::pairs(&std::mem::take(&mut self.text)).map_err(|_| Wrong(Reason::Protocol))?;
        let mut answers = Vec::new();
        for (key, value) in asked {
            match key.as_str() {
                "SendTargets" => answers.extend(self.targets(&value)),
                _ => answers.push((key, "NotUnderstood".to_owned())),
            }
        }
        let mut text = text::encode(&answers);
        // It cannot be longer but for a flood of unknown keys.
        text.truncate(size(self.terms.segment));
        self.send(Response::Text { tag: request.head.tag, text });
        Ok(())
    }

    /// Which targets there are: this one.
    fn targets(&self, asked: &str) -> Vec<Pair> {
        let all = asked == "All" && self.terms.purpose == Purpose::Discovery;
        if all || asked.is_empty() || asked == self.target {
            vec![
                ("TargetName".to_owned(), self.target.clone()),
                ("TargetAddress".to_owned(), format!("{},1", self.address)),
            ]
        } else {
            Vec::new()
        }
    }
}

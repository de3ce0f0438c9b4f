//! How labels are written: `labelstr` and `autolabel`.

use types::BadTemplate;

use crate::codec::{Codec, List, Text, Word, maybe};
use crate::keys::{Keys, key};
use crate::labels::{Autolabel, LabelRule};
use crate::shown::Shown;
use crate::suggest;
use crate::value::{Bad, Spot, Value};

/// A regular expression or a template of labels.
pub(crate) struct LabelRules;

/// Amanda's word for the autolabel template.
const MATCH_AUTOLABEL: &str = "MATCH-AUTOLABEL";

impl Codec for LabelRules {
    type Value = Spot<LabelRule>;

    fn read(&self, value: Value<'_>) -> Result<Spot<LabelRule>, Bad> {
        let text = Word.read(value)?;
        let rule = if text == MATCH_AUTOLABEL {
            LabelRule::MatchAutolabel
        } else if text.contains(['%', '!']) || text.strip_suffix('$').unwrap_or(&text).contains('$')
        {
            LabelRule::Template(text.parse().map_err(|wrong| bad_template(value, &wrong))?)
        } else {
            if let Err(wrong) = regex::Regex::new(&text) {
                let last = wrong.to_string();
                let reason = last.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let message = format!("{} is not a regular expression: {reason}", value.named());
                return Err(value.bad(message));
            }
            LabelRule::Regex(text)
        };
        Ok(Spot { value: rule, at: value.at() })
    }

    fn show(&self, value: &Spot<LabelRule>) -> Shown {
        match &value.value {
            LabelRule::MatchAutolabel => Shown::from(MATCH_AUTOLABEL),
            LabelRule::Template(template) => Shown::from(template.as_str()),
            LabelRule::Regex(regex) => Shown::Text(regex.clone()),
        }
    }
}

fn bad_template(value: Value<'_>, wrong: &BadTemplate) -> Bad {
    value.bad(wrong.to_string()).suggest("a template looks like \"DAILY-%%%\"".to_owned())
}

/// A template of new labels, alone or with the volumes that may get one.
pub(crate) struct Autolabels;

/// `{ template = "DAILY-%%%", when = ["empty"] }`
#[derive(Default)]
struct AutolabelDraft {
    template: Option<Spot<Autolabel>>,
    when: Option<Vec<String>>,
}

/// What counts as new, in Amanda's words.
const CONDITIONS: [&str; 6] = ["empty", "non-amanda", "other-config", "volume-error", "any", WORM];

/// Ours: also media that can be written only once. Amanda's `any` does not mean them: what is labelled by mistake stays.
const WORM: &str = "worm";

impl Codec for Autolabels {
    type Value = Spot<Autolabel>;

    fn read(&self, value: Value<'_>) -> Result<Spot<Autolabel>, Bad> {
        let Some(table) = value.table() else {
            return Ok(Spot { value: autolabel(value, &["empty"])?, at: value.at() });
        };
        let keys = Keys(vec![
            key("template", maybe(Self), |draft: &mut AutolabelDraft| &mut draft.template),
            key("when", maybe(List(Condition)), |draft| &mut draft.when),
        ]);
        let AutolabelDraft { template, when } = keys.read_table(value, table)?;
        let Some(template) = template else { return Err(value.bad("the template is missing")) };
        let when = when.unwrap_or_else(|| vec!["empty".to_owned()]);
        let has = |word: &str| when.iter().any(|w| w == word || w == "any");
        let autolabel = Autolabel {
            other_config: has("other-config"),
            non_amanda: has("non-amanda"),
            volume_error: has("volume-error"),
            empty: has("empty"),
            worm: when.iter().any(|word| word == WORM),
            ..template.value
        };
        Ok(Spot { value: autolabel, at: value.at() })
    }

    fn show(&self, value: &Spot<Autolabel>) -> Shown {
        let rule = &value.value;
        let conditions = [
            (rule.empty, "empty"),
            (rule.non_amanda, "non-amanda"),
            (rule.other_config, "other-config"),
            (rule.volume_error, "volume-error"),
            (rule.worm, WORM),
        ];
        let when = conditions.iter().filter(|(on, _)| *on);
        let when = when.map(|(_, word)| Shown::from(*word)).collect();
        Shown::Table(vec![
            ("template".into(), Shown::from(rule.template.as_str())),
            ("when".into(), Shown::List(when)),
        ])
    }
}

/// Reads the template; Amanda's conditions in the same text are complained about.
fn autolabel(value: Value<'_>, when: &[&str]) -> Result<Autolabel, Bad> {
    let text = Word.read(value)?;
    if let Some((template, conditions)) = text.split_once(' ') {
        let words: Vec<String> = conditions.split_whitespace().map(|w| format!("{w:?}")).collect();
        let table = format!("{{ template = {template:?}, when = [{}] }}", words.join(", "));
        return Err(value.bad("a label has no blanks").suggest(format!("did you mean {table}?")));
    }
    let has = |word: &str| when.contains(&word);
    Ok(Autolabel {
        template: text.parse().map_err(|wrong| bad_template(value, &wrong))?,
        other_config: has("other-config"),
        non_amanda: has("non-amanda"),
        volume_error: has("volume-error"),
        empty: has("empty"),
        worm: false,
    })
}

/// One of the words of autolabel's `when`.
struct Condition;

impl Codec for Condition {
    type Value = String;

    fn read(&self, value: Value<'_>) -> Result<String, Bad> {
        let text = Text.read(value)?;
        if CONDITIONS.contains(&text.as_str()) {
            return Ok(text);
        }
        let message = format!("{} is no kind of volume that can get a label", value.named());
        Err(value.bad(message).suggest(suggest::did_you_mean(&text, &CONDITIONS)))
    }

    fn show(&self, value: &String) -> Shown {
        Shown::Text(value.clone())
    }
}

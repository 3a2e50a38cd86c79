//! The words that a user's own judge hears and says. Running it is somebody else's business.

use crate::verdict::{Case, Outcome, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Changes with every change of what a program is told, or of how its words are understood.
pub const COMMAND_VERSION: &str = "1";

/// Characters of what a program said that a reason quotes.
const QUOTED: usize = 120;

#[derive(Serialize)]
struct Asked<'a> {
    problem: &'a str,
    gold: &'a str,
    response: &'a str,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    precision: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    verdict: Value,
    #[serde(default)]
    extracted: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

/// What a program reads on standard input: one JSON object, `{"problem", "gold", "response", "truncated"}`, with
/// `"precision"` where the problem has one.
pub fn asked(case: &Case, precision: Option<u32>) -> String {
    let asked = Asked {
        problem: case.problem,
        gold: case.gold,
        response: case.response,
        truncated: case.truncated,
        precision,
    };
    // Texts, a flag and a number can always be written.
    serde_json::to_string(&asked).unwrap_or_default()
}

/// The verdict in what a program printed: one JSON object, `{"verdict", "extracted", "reason"}`. A verdict is `correct`,
/// `wrong`, `unparsed`, `truncated` or `gave_up`, or `true` and `false` for the first two. Anything else is the program's
/// fault and not the response's: `gave_up`.
pub fn heard(printed: &str) -> Verdict {
    let answered: Answered = match serde_json::from_str(printed.trim()) {
        Ok(answered) => answered,
        Err(error) => {
            let said: String = printed.trim().chars().take(QUOTED).collect();
            return failed(&format!(
                "the judging program printed no verdict ({error}): “{said}”"
            ));
        }
    };
    let outcome = match &answered.verdict {
        Value::Bool(true) => Some(Outcome::Correct),
        Value::Bool(false) => Some(Outcome::Wrong),
        Value::String(name) => Outcome::OF_TEXTS
            .into_iter()
            .find(|outcome| outcome.name() == name),
        _ => None,
    };
    let Some(outcome) = outcome else {
        return failed(&format!(
            "the judging program gave the verdict {}, which is none of correct, wrong, unparsed, truncated, gave_up, true, false",
            answered.verdict
        ));
    };
    let reason = answered
        .reason
        .unwrap_or_else(|| "as the judging program says".to_owned());
    Verdict::new(outcome, answered.extracted, "command", reason)
}

/// The verdict where the program itself failed: never for or against a response.
pub fn failed(why: &str) -> Verdict {
    Verdict::new(Outcome::GaveUp, None, "command", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_told_as_json() {
        let case = Case {
            problem: "1 + \"1\"?",
            gold: "2",
            response: "It is\n2",
            truncated: false,
            gold_is_text: false,
        };
        assert_eq!(
            asked(&case, None),
            r#"{"problem":"1 + \"1\"?","gold":"2","response":"It is\n2","truncated":false}"#
        );
        assert!(asked(&case, Some(2)).ends_with(r#""precision":2}"#));
    }

    #[test]
    fn verdicts_are_heard_and_all_else_is_the_programs_fault() {
        let said = heard(" {\"verdict\": \"wrong\", \"extracted\": \"3\", \"reason\": \"off by one\"}\n");
        assert_eq!(
            (said.outcome, said.extracted.as_deref(), said.reason.as_str()),
            (Outcome::Wrong, Some("3"), "off by one")
        );
        assert_eq!(heard("{\"verdict\": true}").outcome, Outcome::Correct);
        assert_eq!(heard("{\"verdict\": false}").outcome, Outcome::Wrong);
        for printed in [
            "",
            "correct",
            "{\"verdict\": \"pass\"}",
            "{\"verdict\": 1}",
            "{\"verdict\": true, \"score\": 0.5}",
            "{\"verdict\": true}{\"verdict\": false}",
        ] {
            let said = heard(printed);
            assert_eq!(said.outcome, Outcome::GaveUp, "{printed}");
            assert!(said.reason.contains("the judging program"), "{printed}");
        }
    }
}

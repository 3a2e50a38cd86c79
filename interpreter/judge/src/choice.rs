//! The choice judge: the letter that a response chooses is the gold letter.

use crate::extract;
use crate::verdict::{Case, Judge, Outcome, Verdict};

/// Longest text that is looked at, in bytes; a longer response is judged by its last bytes.
const LIMIT: usize = 1 << 20;

/// Takes the letters A to J of the last `\boxed{…}`, else of the last `<answer>…</answer>`, else of what follows the last
/// `####`, else of the last phrase like "the answer is", else the last letter in parentheses, else a response that is a
/// letter and nothing more; the gold is a letter, with or without parentheses, or several (`A, C`), which the response
/// has to name all and no others, in any order.
///
/// A box that begins with a letter and goes on with its text (`\textbf{(C)}\ 12`) chooses that letter. In a truncated
/// response only a box, a tag, `####` or a phrase counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice;

impl Judge for Choice {
    fn name(&self) -> &str {
        "choice"
    }

    fn version(&self) -> &str {
        "1"
    }

    fn judge(&self, case: &Case) -> Verdict {
        let gold = match case.gold_is_text || extract::is_marked(case.gold) {
            true => find(case.gold).1,
            false => letters(case.gold),
        };
        let Some(gold) = gold else {
            let reason = "the gold answer is no letter of a choice";
            return Verdict::new(Outcome::GaveUp, None, "gold", reason);
        };
        let mut from = case.response.len().saturating_sub(LIMIT);
        while !case.response.is_char_boundary(from) {
            from += 1;
        }
        let (rule, found) = find(case.response.get(from..).unwrap_or_default());
        if case.truncated && matches!(rule, "last_letter" | "whole") {
            let reason = "the token limit came before a final answer";
            return Verdict::new(Outcome::Truncated, None, rule, reason);
        }
        let Some(found) = found else {
            let reason = "no letter of a choice was found";
            return Verdict::new(Outcome::Unparsed, None, rule, reason);
        };
        let text: String = found.iter().collect();
        if found == gold {
            Verdict::new(Outcome::Correct, Some(text), rule, "the gold choice")
        } else {
            let gold: String = gold.iter().collect();
            Verdict::new(
                Outcome::Wrong,
                Some(text),
                rule,
                format!("the gold choice is {gold}"),
            )
        }
    }
}

fn is_letter(c: char) -> bool {
    ('A'..='J').contains(&c)
}

/// Where the choice stands, and its letters.
fn find(text: &str) -> (&'static str, Option<Vec<char>>) {
    if let Some(marked) = extract::marked(text) {
        return (marked.rule, letters(marked.text));
    }
    let lower = text.to_ascii_lowercase();
    let phrases = [
        "answer is",
        "answer:",
        "answer**:",
        "answer:**",
        "choice is",
        "option is",
        "choose",
        "答案是",
        "答案为",
    ];
    let phrase = phrases
        .iter()
        .filter_map(|phrase| Some((lower.rfind(phrase)?, phrase.len())))
        .max();
    if let Some((at, length)) = phrase
        && let Some(rest) = text.get(at + length..)
    {
        let line = rest.trim_start().split('\n').next().unwrap_or_default();
        let end = line.find(". ").unwrap_or(line.len());
        if let Some(found) = line.get(..end).and_then(letters) {
            return ("answer_phrase", Some(found));
        }
    }
    if let Some(found) = letters(text.trim()).filter(|_| text.trim().len() <= 12) {
        return ("whole", Some(found));
    }
    // The last letter in parentheses.
    let bytes = text.as_bytes();
    let last = bytes
        .windows(3)
        .rev()
        .find(|window| matches!(window, [b'(', letter, b')'] if is_letter(char::from(*letter))));
    (
        "last_letter",
        last.and_then(|window| window.get(1))
            .map(|letter| vec![char::from(*letter)]),
    )
}

/// The letters that a short text chooses, sorted, each once.
fn letters(text: &str) -> Option<Vec<char>> {
    let mut plain = text.to_owned();
    for command in ["\\textbf", "\\text", "\\mathrm", "\\mathbf", "\\textit", "\\mbox"] {
        plain = plain.replace(command, " ");
    }
    let plain = plain.replace(['{', '}', '$', '*', '\\', '~'], " ");
    let plain = plain
        .trim()
        .trim_start_matches([':', ' '])
        .trim_end_matches(['.', ' ']);
    for lead in ["option ", "Option ", "choice ", "Choice "] {
        if let Some(rest) = plain.strip_prefix(lead) {
            return letters(rest);
        }
    }
    let (body, enclosed) = match plain.strip_prefix('(') {
        Some(rest) => (rest.trim_start(), true),
        None => (plain, false),
    };
    let mut chars = body.chars();
    let first = chars
        .next()
        .map(|c| c.to_ascii_uppercase())
        .filter(|c| is_letter(*c))?;
    let rest = chars.as_str();
    let rest = if enclosed {
        rest.trim_start().strip_prefix(')')?
    } else {
        rest
    };
    // A list of letters: `A, C`, `(A) and (C)`, `ACD`.
    let listed = rest
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| !word.is_empty() && *word != "and");
    let mut found = vec![first];
    let mut list = true;
    for word in listed {
        if word.chars().all(is_letter) && !rest.contains(|c: char| c.is_ascii_digit() || "+-=^".contains(c)) {
            found.extend(word.chars());
        } else {
            list = false;
        }
    }
    if !list {
        // The letter, then the text of the choice: something has to part them.
        found.truncate(1);
        let parted = enclosed
            || rest.starts_with([')', '.', ':', ','])
            || rest.starts_with(' ') && first != 'A' && first != 'I';
        if !parted {
            return None;
        }
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_found_where_they_are_chosen() {
        use Outcome::{Correct, GaveUp, Unparsed, Wrong};
        let rows = [
            ("C", "so \\boxed{C}", Correct, "boxed"),
            ("C", "\\boxed{\\textbf{(C)}\\ 12}", Correct, "boxed"),
            ("D", "\\boxed{\\textbf{(C)}\\ 12}", Wrong, "boxed"),
            ("(B)", "The answer is (B).", Correct, "answer_phrase"),
            (
                "B",
                "The answer is: B. It cannot be (C).",
                Correct,
                "answer_phrase",
            ),
            ("A,C", "\\boxed{CA}", Correct, "boxed"),
            ("A, C", "\\boxed{A}", Wrong, "boxed"),
            ("A", "A box is what we want", Unparsed, "last_letter"),
            ("E", "It is (D), no, (E)", Correct, "last_letter"),
            ("E", "E", Correct, "whole"),
            ("B", "<answer>b) 7 cm</answer>", Correct, "answer_tag"),
            ("12", "\\boxed{C}", GaveUp, "gold"),
        ];
        for (gold, response, outcome, rule) in rows {
            let case = Case {
                problem: "",
                gold,
                response,
                truncated: false,
                gold_is_text: false,
            };
            let verdict = Choice.judge(&case);
            assert_eq!(
                (verdict.outcome, verdict.rule.as_str()),
                (outcome, rule),
                "{gold} / {response}: {verdict:?}"
            );
        }
    }
}

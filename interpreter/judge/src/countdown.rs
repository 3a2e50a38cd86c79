//! The countdown judge: checks a worked solution step by step.
//!
//! Problem: `Use 5 20 15 14 to make 12`. Response, one line a step, nothing before, between or after:
//!
//! ```text
//! 15-5=10 left 20 14 10
//! 20/10=2 left 14 2
//! 14-2=12 yes
//! ```
//!
//! A response is right when it has n-1 lines of exactly this form, every operand is available, every step is legal
//! (`a-b` with a > b; `a*b` with neither 1; `a/b` exact with b > 1; result in 1..=99) and its arithmetic right,
//! `left` lists what is left as a multiset, and the last line ends in ` yes` with the target. One newline at the very
//! end is allowed and means nothing. The chain itself is checked, so no answer can be guessed.

use crate::verdict::{Case, Judge, Outcome, Verdict};

/// Longest problem and response that are looked at, in bytes.
const LIMIT: usize = 1 << 16;
/// Results lie in 1..=LARGEST.
const LARGEST: u64 = 99;

/// See the module's documentation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Countdown;

impl Judge for Countdown {
    fn name(&self) -> &str {
        "countdown"
    }

    fn version(&self) -> &str {
        "1"
    }

    /// The final answer is a last line that ends in ` yes` or ` no`; a truncated response without one is `truncated`.
    /// The extracted answer is the last line.
    fn judge(&self, case: &Case) -> Verdict {
        let gave_up = |reason: String| Verdict::new(Outcome::GaveUp, None, "chain", reason);
        if case.problem.len() > LIMIT || case.response.len() > LIMIT {
            return gave_up(format!("problem or response is longer than {LIMIT} bytes"));
        }
        let Some((numbers, target)) = parse_problem(case.problem) else {
            return gave_up("the problem's text is not of the form `Use 5 20 15 to make 12`".to_owned());
        };
        let response = case.response.strip_suffix('\n').unwrap_or(case.response);
        let last = response.rsplit('\n').next().unwrap_or_default();
        let finished = last.ends_with(" yes") || last.ends_with(" no");
        if case.truncated && !finished {
            return Verdict::new(
                Outcome::Truncated,
                None,
                "chain",
                "the token limit came before a last line that ends in `yes` or `no`",
            );
        }
        let extracted = (!last.is_empty()).then(|| last.to_owned());
        match check(response, numbers, target) {
            Ok(()) => Verdict::new(
                Outcome::Correct,
                extracted,
                "chain",
                "every step holds and the target is reached",
            ),
            Err(fault) => {
                let any_step = response.split('\n').any(|line| parse_line(line).is_some());
                let outcome = if any_step {
                    Outcome::Wrong
                } else {
                    Outcome::Unparsed
                };
                Verdict::new(outcome, extracted, "chain", fault)
            }
        }
    }
}

/// `Use 5 20 15 14 to make 12` as ([5, 20, 15, 14], 12).
fn parse_problem(text: &str) -> Option<(Vec<u64>, u64)> {
    let (list, target) = text.trim().strip_prefix("Use ")?.split_once(" to make ")?;
    let numbers: Vec<u64> = list.split(' ').map(parse_number).collect::<Option<_>>()?;
    (numbers.len() >= 2).then_some((numbers, parse_number(target)?))
}

/// Decimal digits without a leading zero, at most six of them.
fn parse_number(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
    (plain && (text.len() == 1 || !text.starts_with('0')))
        .then(|| text.parse().ok())
        .flatten()
}

struct Line {
    left: u64,
    operator: char,
    right: u64,
    result: u64,
    ending: Ending,
}

#[derive(PartialEq, Eq)]
enum Ending {
    Left(Vec<u64>),
    Yes,
    No,
}

fn parse_line(line: &str) -> Option<Line> {
    let at = line.find(['+', '-', '*', '/'])?;
    let left = parse_number(line.get(..at)?)?;
    let operator = line.get(at..)?.chars().next()?;
    let (right, rest) = line.get(at + 1..)?.split_once('=')?;
    let right = parse_number(right)?;
    let (result, ending) = rest.split_once(' ')?;
    let ending = match ending {
        "yes" => Ending::Yes,
        "no" => Ending::No,
        other => {
            let list = other.strip_prefix("left ")?;
            Ending::Left(list.split(' ').map(parse_number).collect::<Option<_>>()?)
        }
    };
    Some(Line {
        left,
        operator,
        right,
        result: parse_number(result)?,
        ending,
    })
}

/// Err: what the first broken line breaks.
fn check(response: &str, mut pool: Vec<u64>, target: u64) -> Result<(), String> {
    let steps = pool.len() - 1;
    if response.is_empty() {
        return Err("the response is empty".to_owned());
    }
    let lines = response.split('\n').count();
    for (index, text) in response.split('\n').enumerate() {
        let at = index + 1;
        if at > steps {
            return Err(format!(
                "line {at}: {steps} steps use up the numbers, the response has {lines} lines"
            ));
        }
        let line = parse_line(text)
            .ok_or_else(|| format!("line {at}: not of the form of a step: `{}`", excerpt(text)))?;
        let Line {
            left: a,
            operator,
            right: b,
            result,
            ending,
        } = line;
        for operand in [a, b] {
            let Some(place) = pool.iter().position(|&n| n == operand) else {
                return Err(format!("line {at}: {operand} is not available"));
            };
            pool.remove(place);
        }
        let truth = match operator {
            '+' => a + b,
            '-' if a > b => a - b,
            '*' if a != 1 && b != 1 => a * b,
            '/' if b > 1 && a % b == 0 => a / b,
            _ => return Err(format!("line {at}: {a}{operator}{b} is not a legal step")),
        };
        if result != truth {
            return Err(format!("line {at}: {a}{operator}{b} is {truth}, not {result}"));
        }
        if !(1..=LARGEST).contains(&result) {
            return Err(format!("line {at}: {result} is outside 1..{LARGEST}"));
        }
        pool.push(result);
        match ending {
            Ending::Left(_) if at == steps => {
                return Err(format!("line {at}: the last line must end in `yes` or `no`"));
            }
            Ending::Left(mut listed) => {
                let mut expected = pool.clone();
                expected.sort_unstable();
                listed.sort_unstable();
                if listed != expected {
                    return Err(format!("line {at}: `left` does not list what is left"));
                }
            }
            _ if at < steps => return Err(format!("line {at}: numbers are left over")),
            Ending::No if result == target => {
                return Err(format!("line {at}: says `no` although {result} is the target"));
            }
            Ending::No => {
                return Err(format!(
                    "line {at}: says `no`, having reached {result} instead of {target}"
                ));
            }
            Ending::Yes if result != target => {
                return Err(format!("line {at}: says `yes`, but {result} is not {target}"));
            }
            Ending::Yes => {}
        }
    }
    if lines < steps {
        return Err(format!("line {}: missing, {steps} steps are needed", lines + 1));
    }
    Ok(())
}

fn excerpt(text: &str) -> String {
    let mut cut: String = text.chars().take(40).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(problem: &str, response: &str, truncated: bool) -> Verdict {
        Countdown.judge(&Case {
            problem,
            gold: "",
            response,
            truncated,
            gold_is_text: false,
        })
    }

    const PROBLEM: &str = "Use 5 20 15 14 to make 12";
    const RIGHT: &str = "15-5=10 left 20 14 10\n20/10=2 left 14 2\n14-2=12 yes";

    #[test]
    fn accepts_a_right_chain_in_any_order_of_left_and_with_one_newline() {
        for response in [
            RIGHT.to_owned(),
            format!("{RIGHT}\n"),
            RIGHT.replace("left 20 14 10", "left 10 20 14"),
        ] {
            let verdict = judge(PROBLEM, &response, false);
            assert_eq!(
                verdict.outcome,
                Outcome::Correct,
                "{response}: {}",
                verdict.reason
            );
            assert_eq!(verdict.extracted.as_deref(), Some("14-2=12 yes"));
        }
    }

    #[test]
    fn names_the_line_and_what_it_breaks() {
        let rows = [
            (RIGHT.replace("15-5=10", "15-5=11"), "line 1: 15-5 is 10, not 11"),
            (RIGHT.replace("15-5=10", "16-5=11"), "line 1: 16 is not available"),
            (
                RIGHT.replace("20/10=2", "10/20=2"),
                "line 2: 10/20 is not a legal step",
            ),
            (
                RIGHT.replace("left 14 2", "left 14 3"),
                "line 2: `left` does not list",
            ),
            (
                RIGHT.replace("left 14 2", "left 14 2 2"),
                "line 2: `left` does not list",
            ),
            (RIGHT.replace("yes", "no"), "line 3: says `no` although"),
            (RIGHT.replace(" yes", ""), "line 3: not of the form"),
            (RIGHT.replace("=12 yes", "=012 yes"), "line 3: not of the form"),
            (format!("{RIGHT}\n\n"), "line 4: 3 steps use up"),
            (format!("{RIGHT} "), "line 3: not of the form"),
            (RIGHT.replace("\n", "\r\n"), "line 1: not of the form"),
            (
                "15-5=10 left 20 14 10\n20/10=2 left 14 2".to_owned(),
                "line 3: missing",
            ),
            ("15-5=10 yes".to_owned(), "line 1: numbers are left over"),
            (
                "15-5=10 left 20 14 10\n20/10=2 left 14 2\n14+2=16 no".to_owned(),
                "line 3: says `no`, having reached 16",
            ),
            (
                "15-5=10 left 20 14 10\n20/10=2 left 14 2\n14+2=16 yes".to_owned(),
                "line 3: says `yes`, but 16 is not 12",
            ),
            (
                "15-5=10 left 20 14 10\n20*14=280 left 10 280\n280/10=28 yes".to_owned(),
                "line 2: 280 is outside",
            ),
        ];
        for (response, reason) in rows {
            let verdict = judge(PROBLEM, &response, false);
            assert_eq!(verdict.outcome, Outcome::Wrong, "{response}");
            assert!(
                verdict.reason.starts_with(reason),
                "{response}: {}",
                verdict.reason
            );
        }
        let doubled = judge("Use 5 7 3 to make 10", "5+5=10 left 7 3\n7+3=10 yes", false);
        assert_eq!(doubled.reason, "line 1: 5 is not available");
        let by_one = judge("Use 1 7 3 to make 10", "1*7=7 left 3 7\n3+7=10 yes", false);
        assert_eq!(by_one.reason, "line 1: 1*7 is not a legal step");
    }

    #[test]
    fn unparsed_truncated_and_unusable_are_outcomes_of_their_own() {
        assert_eq!(judge(PROBLEM, "", false).outcome, Outcome::Unparsed);
        assert_eq!(
            judge(PROBLEM, "The answer is 12 yes", false).outcome,
            Outcome::Unparsed
        );
        assert_eq!(
            judge(PROBLEM, "15-5=10 left 20 14", true).outcome,
            Outcome::Truncated
        );
        assert_eq!(judge(PROBLEM, RIGHT, true).outcome, Outcome::Correct);
        assert_eq!(judge("What is 2+2?", RIGHT, false).outcome, Outcome::GaveUp);
        assert_eq!(
            judge(PROBLEM, &"9".repeat(LIMIT + 1), false).outcome,
            Outcome::GaveUp
        );
        assert_eq!(
            judge(PROBLEM, "15−5=10 left 20 14 10", false).outcome,
            Outcome::Unparsed
        );
    }
}

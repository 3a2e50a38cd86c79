//! The comparison on a terminal.

use std::fmt::Write;

use super::{NumberDiff, OutputDiff, Side, StudyDiff};
use crate::escape::terminal;
use crate::number::{self, Unit, plural};
use crate::words;

/// Numbers of an output that are listed one by one.
const LISTED: usize = 40;
/// Problems of a model that are listed one by one.
const PROBLEMS: usize = 10;

/// A summary in plain text: settings, claims, paired differences, numbers.
pub fn render_diff_text(diff: &StudyDiff) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "- {}\n+ {}\n",
        terminal(&diff.names.0),
        terminal(&diff.names.1)
    );
    let _ = writeln!(out, "{}\n", terminal(&super::summary(diff)));
    if !diff.source.is_empty() {
        out.push_str("The spec\n");
        for line in &diff.source {
            let sign = match line.side {
                Side::Left => '-',
                Side::Right => '+',
                Side::Both => ' ',
            };
            let _ = writeln!(out, "  {sign} {}", terminal(&line.text));
        }
        out.push('\n');
    }
    if !diff.settings.is_empty() {
        out.push_str("Settings, data and machine\n");
        for setting in &diff.settings {
            let value =
                |side: &Option<String>| side.as_deref().map_or_else(|| "not said".to_owned(), terminal);
            let _ = writeln!(
                out,
                "  {}: {} -> {}",
                terminal(&setting.name),
                value(&setting.left),
                value(&setting.right)
            );
        }
        out.push('\n');
    }
    for alone in &diff.alone {
        let side = if alone.side == Side::Left { '-' } else { '+' };
        let _ = writeln!(out, "  {side} {} {}", alone.kind, terminal(&alone.name));
    }
    if !diff.claims.is_empty() {
        out.push_str("Claims\n");
        for claim in &diff.claims {
            let same = if claim.left.0 == claim.right.0 { ' ' } else { '!' };
            let _ = writeln!(
                out,
                "  {same} {}: {} -> {}",
                terminal(&claim.name),
                words::verdict(claim.left.0).to_lowercase(),
                words::verdict(claim.right.0).to_lowercase()
            );
            for (sign, effect) in [('-', claim.left.1), ('+', claim.right.1)] {
                if let Some(effect) = effect {
                    let _ = writeln!(
                        out,
                        "      {sign} {}",
                        dash(&number::estimate(&effect, claim.unit))
                    );
                }
            }
        }
        out.push('\n');
    }
    if !diff.paired.is_empty() {
        out.push_str("Accuracy on the problems of both, paired by problem (second minus first)\n");
        for pair in &diff.paired {
            let found = &pair.found;
            let p = pair
                .p_holm
                .map_or(String::new(), |p| format!(", p (Holm) {}", number::p_value(p)));
            let _ = writeln!(
                out,
                "  {} {}: {} over {}{p}; {} more often, {} less, {} as often",
                terminal(&pair.evaluation),
                terminal(&pair.model),
                dash(&number::estimate(&found.difference, Unit::Points)),
                plural(found.problems as u64, "problem"),
                found.more,
                found.less,
                found.same
            );
            for problem in found.changed.iter().take(PROBLEMS) {
                let _ = writeln!(
                    out,
                    "      {}: {:.1}% -> {:.1}%",
                    terminal(&problem.id),
                    100.0 * problem.left,
                    100.0 * problem.right
                );
            }
            if found.changed.len() > PROBLEMS {
                let _ = writeln!(out, "      and {} more", found.changed.len() - PROBLEMS);
            }
        }
        out.push('\n');
    }
    for output in &diff.outputs {
        numbers(&mut out, output);
    }
    out
}

fn numbers(out: &mut String, output: &OutputDiff) {
    let other: Vec<&NumberDiff> = output.numbers.iter().filter(|number| !number.same()).collect();
    let _ = writeln!(
        out,
        "{}: {}",
        terminal(&output.name),
        terminal(&super::count_of(output))
    );
    for number in other.iter().take(LISTED) {
        let mark = if number.beyond_noise() == Some(true) {
            '!'
        } else {
            ' '
        };
        let _ = writeln!(
            out,
            "  {mark} {} {}: {} -> {}, {}",
            terminal(&number.row),
            terminal(&number.name),
            dash(&super::written(&number.left, number.unit)),
            dash(&super::written(&number.right, number.unit)),
            dash(&number::estimate(&super::shown(&number.difference), number.unit))
        );
    }
    if other.len() > LISTED {
        let _ = writeln!(out, "    and {} more", other.len() - LISTED);
    }
}

/// A plain hyphen-minus: terminals and `grep` know it.
fn dash(text: &str) -> String {
    text.replace('−', "-")
}

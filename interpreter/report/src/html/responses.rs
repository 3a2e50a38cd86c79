//! What the models wrote: each problem with how often every model is right, and responses with their verdicts and why.

use std::fmt::Write;

use super::{model, table};
use crate::data::{ProblemTally, ReportData, SampledEvaluation, SampledProblem, SampledResponse};
use crate::escape::xml;
use crate::mathml;
use crate::number::{count, plural};
use crate::palette::Palette;

pub(super) fn section(page: &mut String, data: &ReportData, palette: &Palette) {
    if data.responses.is_empty() {
        return;
    }
    page.push_str(
        "<section id=\"responses\" aria-labelledby=\"responses-h\">\n<h2 id=\"responses-h\">Responses</h2>\n\
         <p class=\"intro\">Each problem with what the models wrote and what the judge made of it, so that the verdicts can be checked by eye.</p>\n",
    );
    for (place, evaluation) in data.responses.iter().enumerate() {
        let _ = writeln!(page, "<h3>{}</h3>", xml(&evaluation.evaluation));
        overview(page, evaluation, place);
        for (index, sampled) in evaluation.problems.iter().enumerate() {
            problem(page, sampled, palette, &anchor(place, index), index == 0);
        }
        if evaluation.left_out > 0 {
            let _ = writeln!(
                page,
                "<p class=\"intro\">{} are on this page; the rows of {} more are in the store.</p>",
                plural(evaluation.problems.len() as u64, "problem"),
                count(evaluation.left_out)
            );
        }
    }
    page.push_str("</section>\n");
}

fn anchor(evaluation: usize, problem: usize) -> String {
    format!("problem-{evaluation}-{problem}")
}

/// One line a problem: how often each model is right. Each leads to its problem.
fn overview(page: &mut String, evaluation: &SampledEvaluation, place: usize) {
    let mut models: Vec<&str> = Vec::new();
    for tally in evaluation.problems.iter().flat_map(|problem| &problem.tallies) {
        if !models.contains(&tally.model.as_str()) {
            models.push(&tally.model);
        }
    }
    if models.is_empty() {
        return;
    }
    let _ = write!(
        page,
        "<details class=\"all\"><summary>How often each model is right, problem by problem</summary>\n\
         <div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Problems of {0}\"><table><caption class=\"quiet\">Problems of {0}</caption>\n<thead><tr>{1}",
        xml(&evaluation.evaluation),
        table::head("problem", false)
    );
    for label in &models {
        page.push_str(&table::head(&format!("{label} %"), true));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for (index, problem) in evaluation.problems.iter().enumerate() {
        let _ = write!(
            page,
            "<tr><th scope=\"row\"><a href=\"#{}\">{}</a></th>",
            anchor(place, index),
            xml(&problem.id)
        );
        for label in &models {
            match problem.tallies.iter().find(|tally| tally.model == *label) {
                Some(tally) if tally.samples > 0 => {
                    let share = 100.0 * tally.right as f64 / tally.samples as f64;
                    let _ = write!(
                        page,
                        "<td class=\"n\" data-v=\"{share}\" title=\"{} of {}\"><span class=\"cover\" style=\"--share:{share:.1}%\">{share:.1}</span></td>",
                        tally.right, tally.samples
                    );
                }
                _ => page.push_str("<td class=\"n\">–</td>"),
            }
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div></details>\n");
}

fn problem(page: &mut String, problem: &SampledProblem, palette: &Palette, id: &str, open: bool) {
    let (right, judged) = if problem.tallies.is_empty() {
        let right = problem.responses.iter().filter(|response| response.correct);
        (right.count() as u64, problem.responses.len() as u64)
    } else {
        let sum = |of: fn(&ProblemTally) -> u64| problem.tallies.iter().map(of).sum();
        (sum(|tally| tally.right), sum(|tally| tally.samples))
    };
    let _ = writeln!(
        page,
        "<details class=\"problem\" id=\"{id}\"{}><summary><b>Problem {}</b> <span class=\"quiet-text\">{} of {} right</span> <a class=\"own\" href=\"#{id}\">page</a></summary>",
        if open { " open" } else { "" },
        xml(&problem.id),
        count(right),
        plural(judged, "response"),
    );
    if !problem.prompt.is_empty() {
        page.push_str("<p class=\"label\">Prompt</p>\n");
        written(page, &problem.prompt, "prompt", "Prompt");
    }
    if let Some(gold) = &problem.gold {
        let _ = writeln!(
            page,
            "<p class=\"gold\">Right answer: <code>{}</code></p>",
            xml(gold)
        );
    }
    if !problem.tallies.is_empty() {
        tallies(page, problem, palette);
    }
    page.push_str("<div class=\"answers\">\n");
    for answer in &problem.responses {
        response(page, answer, palette);
    }
    page.push_str("</div>\n</details>\n");
}

/// Right of all, and the answers that came most often.
fn tallies(page: &mut String, problem: &SampledProblem, palette: &Palette) {
    page.push_str("<ul class=\"tallies\">\n");
    for tally in &problem.tallies {
        let _ = write!(
            page,
            "<li>{} <span>{} of {} right</span><span class=\"given\">",
            model(&tally.model, palette),
            count(tally.right),
            count(tally.samples)
        );
        for answer in &tally.answers {
            let _ = write!(
                page,
                "<span class=\"{}\"><code>{}</code> ×{}{}</span> ",
                if answer.correct { "good" } else { "quiet-text" },
                xml(&answer.text),
                count(answer.count),
                if answer.correct { " right" } else { "" }
            );
        }
        page.push_str("</span></li>\n");
    }
    page.push_str("</ul>\n");
}

/// Text of a person or a model: with its formulas drawn where there are any, else letter by letter.
fn written(page: &mut String, text: &str, class: &str, label: &str) {
    let label = xml(label);
    let _ = if mathml::has_formula(text) {
        writeln!(
            page,
            "<div class=\"text {class}\" tabindex=\"0\" role=\"group\" aria-label=\"{label}\">{}</div>",
            mathml::render(text)
        )
    } else {
        writeln!(
            page,
            "<pre class=\"{class}\" tabindex=\"0\" aria-label=\"{label}\">{}</pre>",
            xml(text)
        )
    };
}

fn response(page: &mut String, response: &SampledResponse, palette: &Palette) {
    let (class, icon) = if response.correct {
        (
            "good",
            "<circle cx=\"8\" cy=\"8\" r=\"7.2\"/><path class=\"cut\" d=\"M4.500 8.300l2.400 2.400L11.500 5.800\"/>",
        )
    } else {
        (
            "bad",
            "<rect x=\"1\" y=\"1\" width=\"14\" height=\"14\" rx=\"2.500\"/><path class=\"cut\" d=\"M5 5l6 6M11 5l-6 6\"/>",
        )
    };
    let _ = writeln!(
        page,
        "<article class=\"answer\"><p class=\"who\">{} <span class=\"quiet-text\">sample {}, {}</span>\
         <span class=\"mark {class}\"><svg viewBox=\"0 0 16 16\" width=\"15\" height=\"15\" aria-hidden=\"true\">{icon}</svg>{}</span></p>",
        model(&response.model, palette),
        count(response.sample),
        plural(response.tokens, "token"),
        xml(&response.verdict),
    );
    written(
        page,
        &response.text,
        "said",
        &format!("Response of {}", response.model),
    );
    page.push_str("<p class=\"why\">");
    if response.cut > 0 {
        let _ = write!(page, "{} more are not shown; ", plural(response.cut, "character"));
    }
    if let Some(extracted) = &response.extracted {
        let _ = write!(page, "extracted <code>{}</code>: ", xml(extracted));
    }
    let _ = writeln!(page, "{}</p></article>", xml(&response.reason));
}

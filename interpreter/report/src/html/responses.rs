//! What the models wrote: a few problems of each evaluation, each response with its verdict and why.

use std::fmt::Write;

use super::model;
use crate::data::{ReportData, SampledProblem, SampledResponse};
use crate::escape::xml;
use crate::number::{count, plural};
use crate::palette::Palette;

pub(super) fn section(page: &mut String, data: &ReportData, palette: &Palette) {
    if data.responses.is_empty() {
        return;
    }
    page.push_str(
        "<section id=\"responses\" aria-labelledby=\"responses-h\">\n<h2 id=\"responses-h\">Responses</h2>\n\
         <p class=\"intro\">A few problems with what each model wrote, so that the verdicts can be checked by eye.</p>\n",
    );
    for evaluation in &data.responses {
        let _ = writeln!(page, "<h3>{}</h3>", xml(&evaluation.evaluation));
        for (index, sampled) in evaluation.problems.iter().enumerate() {
            problem(page, sampled, palette, index == 0);
        }
    }
    page.push_str("</section>\n");
}

fn problem(page: &mut String, problem: &SampledProblem, palette: &Palette, open: bool) {
    let right = problem
        .responses
        .iter()
        .filter(|response| response.correct)
        .count();
    let _ = write!(
        page,
        "<details class=\"problem\"{}><summary><b>Problem {}</b> <span class=\"quiet-text\">{right} of {} right</span></summary>\n\
         <p class=\"label\">Prompt</p>\n<pre class=\"prompt\">{}</pre>\n",
        if open { " open" } else { "" },
        xml(&problem.id),
        plural(problem.responses.len() as u64, "response"),
        xml(&problem.prompt)
    );
    if let Some(gold) = &problem.gold {
        let _ = writeln!(
            page,
            "<p class=\"gold\">Right answer: <code>{}</code></p>",
            xml(gold)
        );
    }
    page.push_str("<div class=\"answers\">\n");
    for answer in &problem.responses {
        response(page, answer, palette);
    }
    page.push_str("</div>\n</details>\n");
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
    let _ = write!(
        page,
        "<article class=\"answer\"><p class=\"who\">{} <span class=\"quiet-text\">sample {}, {}</span>\
         <span class=\"mark {class}\"><svg viewBox=\"0 0 16 16\" width=\"15\" height=\"15\" aria-hidden=\"true\">{icon}</svg>{}</span></p>\n<pre tabindex=\"0\" aria-label=\"Response of {}\">{}</pre>\n<p class=\"why\">",
        model(&response.model, palette),
        count(response.sample),
        plural(response.tokens, "token"),
        xml(&response.verdict),
        xml(&response.model),
        xml(&response.text)
    );
    if let Some(extracted) = &response.extracted {
        let _ = write!(page, "extracted <code>{}</code>: ", xml(extracted));
    }
    let _ = writeln!(page, "{}</p></article>", xml(&response.reason));
}

//! The comparison as one page in the manner of a study's report.

use std::fmt::Write;

use rlx_analysis::Verdict;

use super::{OutputDiff, Side, StudyDiff};
use crate::data::ReportData;
use crate::escape::xml;
use crate::html::{claims, head, model};
use crate::number::{self, Unit};
use crate::palette::Palette;
use crate::{svg, words};

/// The page. `left` is the study that was named first; it gives the models their colours.
pub fn render_diff_html(diff: &StudyDiff, left: &ReportData) -> String {
    let palette = Palette::new(left);
    let mut page = String::with_capacity(1 << 16);
    let title = format!("{} against {}", diff.names.1, diff.names.0);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} · rlx diff</title>\n<style>\n{style}{figures}\n</style>\n</head>\n<body>\n\
         <header>\n<p class=\"kicker\">rlx diff</p>\n<h1>{title}</h1>\n<p class=\"lede\">{summary}</p>\n</header>\n<main>\n",
        title = xml(&title),
        style = include_str!("../html/style.css"),
        figures = svg::style_sheet(&palette),
        summary = xml(&super::summary(diff)),
    );
    verdicts(&mut page, diff);
    pairs(&mut page, diff, &palette);
    results(&mut page, diff, left, &palette);
    settings(&mut page, diff);
    source(&mut page, diff);
    let _ = write!(
        page,
        "</main>\n<footer><p>Made by <b>rlx diff</b>: differences are second minus first.</p></footer>\n<script>\n{}</script>\n</body>\n</html>\n",
        include_str!("../html/script.js")
    );
    page
}

fn open(page: &mut String, id: &str, title: &str, intro: &str) {
    let _ = write!(
        page,
        "<section id=\"{id}\" aria-labelledby=\"{id}-h\">\n<h2 id=\"{id}-h\">{title}</h2>\n<p class=\"intro\">{intro}</p>\n"
    );
}

fn table(page: &mut String, name: &str, heads: &[(&str, bool)]) {
    let _ = write!(
        page,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table><caption class=\"quiet\">{0}</caption>\n<thead><tr>",
        xml(name)
    );
    for (text, numeric) in heads {
        page.push_str(&head(text, *numeric));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
}

const END: &str = "</tbody></table></div>\n";

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Refuted => "refuted",
        Verdict::Inconclusive => "open",
        Verdict::Error => "error",
    }
}

fn verdicts(page: &mut String, diff: &StudyDiff) {
    if diff.claims.is_empty() {
        return;
    }
    let moved = diff
        .claims
        .iter()
        .filter(|claim| claim.left.0 != claim.right.0)
        .count();
    open(
        page,
        "claims",
        "Claims",
        &match moved {
            0 => "Every claim that both make has the same verdict in both.".to_owned(),
            moved => format!(
                "{moved} of {} changed its verdict.",
                number::plural(diff.claims.len() as u64, "claim")
            ),
        },
    );
    table(
        page,
        "Claims",
        &[("claim", false), ("first", false), ("second", false)],
    );
    for claim in &diff.claims {
        let _ = write!(
            page,
            "<tr><th scope=\"row\" class=\"wrap\">{}<br><code>{}</code>{}</th>",
            xml(&claim.statement),
            xml(&claim.name),
            if claim.reworded {
                " <span class=\"quiet-text\">not written alike in both</span>"
            } else {
                ""
            }
        );
        for (verdict, effect) in [claim.left, claim.right] {
            let effect = effect.map_or_else(String::new, |effect| {
                format!(
                    "<br><span class=\"quiet-text\">{}</span>",
                    xml(&number::estimate(&effect, claim.unit))
                )
            });
            let _ = write!(
                page,
                "<td><b class=\"verdict {}\">{}</b>{effect}</td>",
                class(verdict),
                words::verdict(verdict)
            );
        }
        page.push_str("</tr>\n");
    }
    page.push_str(END);
    page.push_str("</section>\n");
}

fn pairs(page: &mut String, diff: &StudyDiff, palette: &Palette) {
    if diff.paired.is_empty() {
        return;
    }
    open(
        page,
        "paired",
        "Problem by problem",
        "Accuracy on the problems that both drew, in points, second minus first. The thin line is the 95% interval over problems \
         like these, the thick one that of the samples alone. p is corrected for all rows by Holm's method; a problem is listed \
         where Fisher's exact test, corrected for all problems of its model, finds a change.",
    );
    table(
        page,
        "Problem by problem",
        &[
            ("evaluation", false),
            ("model", false),
            ("problems", true),
            ("difference", true),
            ("", false),
            ("p (Holm)", true),
            ("more often", true),
            ("less", true),
            ("changed", true),
        ],
    );
    for pair in &diff.paired {
        let found = &pair.found;
        let value = found.difference.value.unwrap_or(0.0);
        let decimals = number::column_decimals([&found.difference], Unit::Points);
        let _ = writeln!(
            page,
            "<tr><td>{}</td><th scope=\"row\">{}</th><td class=\"n\" data-v=\"{}\">{}</td><td class=\"n\" data-v=\"{value}\">{}</td>\
             <td class=\"effect\">{}</td><td class=\"n\" data-v=\"{}\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            xml(&pair.evaluation),
            model(&pair.model, palette),
            found.problems,
            number::count(found.problems as u64),
            xml(&number::estimate(&found.difference, Unit::Points)),
            claims::strip(&found.difference, Unit::Points, decimals, "95%"),
            pair.p_holm.unwrap_or(f64::NAN),
            pair.p_holm
                .map_or_else(|| number::UNDEFINED.to_owned(), number::p_value),
            found.more,
            found.less,
            found.changed.len(),
        );
    }
    page.push_str(END);
    for pair in diff.paired.iter().filter(|pair| !pair.found.changed.is_empty()) {
        let _ = writeln!(
            page,
            "<details><summary>{} of {} on {}</summary>",
            number::plural(pair.found.changed.len() as u64, "changed problem"),
            xml(&pair.model),
            xml(&pair.evaluation)
        );
        table(
            page,
            "Changed problems",
            &[
                ("problem", false),
                ("first %", true),
                ("second %", true),
                ("p (Holm)", true),
            ],
        );
        for problem in &pair.found.changed {
            let _ = writeln!(
                page,
                "<tr><th scope=\"row\">{}</th><td class=\"n\" data-v=\"{2}\">{1:.1}</td><td class=\"n\" data-v=\"{4}\">{3:.1}</td><td class=\"n\" data-v=\"{6}\">{5}</td></tr>",
                xml(&problem.id),
                100.0 * problem.left,
                problem.left,
                100.0 * problem.right,
                problem.right,
                number::p_value(problem.p_holm),
                problem.p_holm
            );
        }
        page.push_str(END);
        page.push_str("</details>\n");
    }
    page.push_str("</section>\n");
}

fn results(page: &mut String, diff: &StudyDiff, left: &ReportData, palette: &Palette) {
    if diff.outputs.is_empty() && diff.alone.is_empty() {
        return;
    }
    open(
        page,
        "results",
        "Numbers",
        "Intervals of differences take both draws as independent (square and add, 95%): over these problems where the numbers have \
         such an interval. p (Holm) is the level at which that interval reaches 0, corrected for all numbers of its figure or table \
         by Holm's method.",
    );
    for alone in &diff.alone {
        let _ = writeln!(
            page,
            "<p class=\"warn\">{} <b>{}</b> is in the {} alone.</p>",
            alone.kind,
            xml(&alone.name),
            if alone.side == Side::Left {
                "first"
            } else {
                "second"
            }
        );
    }
    for output in &diff.outputs {
        one(page, output, left, palette);
    }
    page.push_str("</section>\n");
}

fn one(page: &mut String, output: &OutputDiff, left: &ReportData, palette: &Palette) {
    let _ = writeln!(
        page,
        "<h3>{} <code>{}</code></h3>\n<p class=\"intro\">{}</p>",
        xml(&output.title),
        xml(&output.name),
        xml(&super::count_of(output))
    );
    if output.numbers.iter().all(super::NumberDiff::same) {
        return;
    }
    table(
        page,
        &output.title,
        &[
            ("", false),
            ("number", false),
            ("first", true),
            ("second", true),
            ("difference", true),
            ("p (Holm)", true),
        ],
    );
    for number in output.numbers.iter().filter(|number| !number.same()) {
        let known = left.models.iter().any(|model| model.label == number.row);
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"n\" data-v=\"{}\">{}</td><td class=\"n\" data-v=\"{}\">{}</td><td class=\"n\" data-v=\"{}\">{}</td><td class=\"n\" data-v=\"{}\">{}</td></tr>",
            if known {
                model(&number.row, palette)
            } else {
                xml(&number.row)
            },
            xml(&number.name),
            number.left.value.unwrap_or(f64::NAN),
            xml(&super::written(&number.left, number.unit)),
            number.right.value.unwrap_or(f64::NAN),
            xml(&super::written(&number.right, number.unit)),
            number.difference.value.unwrap_or(f64::NAN),
            xml(&number::estimate(&super::shown(&number.difference), number.unit)),
            number.p_holm.unwrap_or(f64::NAN),
            match (number.p_holm, number.beyond_noise()) {
                (Some(p), Some(true)) => format!("<b>{}</b>", xml(&number::p_value(p))),
                (Some(p), _) => xml(&number::p_value(p)),
                (None, _) => number::UNDEFINED.to_owned(),
            }
        );
    }
    page.push_str(END);
}

fn settings(page: &mut String, diff: &StudyDiff) {
    if diff.settings.is_empty() {
        return;
    }
    open(
        page,
        "settings",
        "Settings, data and machine",
        "What is not the same in both.",
    );
    table(
        page,
        "Settings",
        &[("setting", false), ("first", false), ("second", false)],
    );
    for setting in &diff.settings {
        let value = |side: &Option<String>| {
            side.as_ref().map_or_else(
                || "<span class=\"quiet-text\">not said</span>".to_owned(),
                |text| format!("<code>{}</code>", xml(text)),
            )
        };
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td class=\"wrap\">{}</td><td class=\"wrap\">{}</td></tr>",
            xml(&setting.name),
            value(&setting.left),
            value(&setting.right)
        );
    }
    page.push_str(END);
    page.push_str("</section>\n");
}

fn source(page: &mut String, diff: &StudyDiff) {
    if diff.source.is_empty() {
        return;
    }
    open(
        page,
        "source",
        "The spec",
        "Lines that only the first has are marked −, those of the second +.",
    );
    page.push_str("<pre class=\"prompt\" tabindex=\"0\" aria-label=\"Changes of the spec\"><code>");
    for line in &diff.source {
        let text = xml(&line.text);
        let _ = match line.side {
            Side::Left => writeln!(page, "<del class=\"bad\">− {text}</del>"),
            Side::Right => writeln!(page, "<ins class=\"good\">+ {text}</ins>"),
            Side::Both => writeln!(page, "  {text}"),
        };
    }
    page.push_str("</code></pre>\n</section>\n");
}

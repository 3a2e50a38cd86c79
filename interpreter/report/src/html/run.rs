//! How it ran: device and precision with the reason, versions, seeds, and the time of each step.

use std::fmt::Write;

use super::table::head;
use crate::data::ReportData;
use crate::escape::xml;
use crate::number::{self, count, duration};

pub(super) fn section(page: &mut String, data: &ReportData) {
    page.push_str("<section id=\"run\" aria-labelledby=\"run-h\">\n<h2 id=\"run-h\">How it ran</h2>\n<dl class=\"pairs\">\n");
    let mut pair = |name: &str, value: String| {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    };
    let because = |value: &str, reason: &str| {
        if reason.is_empty() {
            xml(value)
        } else {
            format!(
                "<b>{}</b> <span class=\"quiet-text\">{}</span>",
                xml(value),
                xml(reason)
            )
        }
    };
    pair(
        "Device",
        because(&data.machine.device, &data.machine.device_reason),
    );
    pair(
        "Precision",
        because(&data.machine.precision, &data.machine.precision_reason),
    );
    pair("Wall time", duration(data.wall_seconds));
    pair("Tokens sampled", count(data.cost.tokens_sampled));
    pair("Tokens trained on", count(data.cost.tokens_trained));
    pair("Seed", format!("<code>{}</code>", data.seed));
    let versions: Vec<String> = data
        .versions
        .iter()
        .map(|(name, version)| format!("{} <b>{}</b>", xml(name), xml(version)))
        .collect();
    if !versions.is_empty() {
        pair("Versions", versions.join(" · "));
    }
    page.push_str("</dl>\n");
    if !data.seeds.is_empty() {
        let _ = writeln!(
            page,
            "<details><summary>{} derived from it</summary><dl class=\"pairs\">",
            number::plural(data.seeds.len() as u64, "seed")
        );
        for (name, seed) in &data.seeds {
            let _ = writeln!(
                page,
                "<div><dt>{}</dt><dd><code>{seed}</code></dd></div>",
                xml(name)
            );
        }
        page.push_str("</dl></details>\n");
    }
    steps(page, data);
    page.push_str("</section>\n");
}

fn steps(page: &mut String, data: &ReportData) {
    if data.steps.is_empty() {
        return;
    }
    page.push_str("<h3>Steps</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Steps\"><table class=\"steps\"><thead><tr>");
    let heads = [
        ("step", false),
        ("state", false),
        ("time", true),
        ("tokens", true),
        ("tokens/s", true),
    ];
    page.extend(heads.map(|(name, numeric)| head(name, numeric)));
    page.push_str("</tr></thead><tbody>\n");
    let longest = data
        .steps
        .iter()
        .filter_map(|step| step.seconds)
        .filter(|seconds| seconds.is_finite())
        .fold(0.0, f64::max);
    for step in &data.steps {
        let _ = write!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td>",
            xml(&step.name),
            xml(&step.state)
        );
        match step
            .seconds
            .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        {
            Some(seconds) => {
                let share = if longest > 0.0 {
                    100.0 * seconds / longest
                } else {
                    0.0
                };
                let _ = write!(
                    page,
                    "<td class=\"n\" data-v=\"{seconds}\"><span class=\"bar\" style=\"--w:{share:.1}%\">{}</span></td>",
                    duration(seconds)
                );
            }
            None => page.push_str("<td class=\"n\">–</td>"),
        }
        match step.tokens {
            Some(tokens) => {
                let _ = write!(page, "<td class=\"n\" data-v=\"{tokens}\">{}</td>", count(tokens));
            }
            None => page.push_str("<td class=\"n\">–</td>"),
        }
        match rate(step.tokens, step.seconds) {
            Some(rate) => {
                let _ = write!(page, "<td class=\"n\" data-v=\"{rate}\">{}</td>", count(rate));
            }
            None => page.push_str("<td class=\"n\">–</td>"),
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
}

/// Tokens a second, where both are known.
pub(crate) fn rate(tokens: Option<u64>, seconds: Option<f64>) -> Option<u64> {
    let (tokens, seconds) = (tokens?, seconds?);
    (tokens > 0 && seconds > 0.0 && seconds.is_finite()).then(|| (tokens as f64 / seconds).round() as u64)
}

//! The study itself: what was written, what a profile changed, how it sampled, which models.

use std::fmt::Write;

use super::{model, rlx, table::head};
use crate::data::{ReportChange, ReportData};
use crate::escape::xml;
use crate::number::{count, setting};
use crate::palette::Palette;
use crate::words;

pub(super) fn section(page: &mut String, data: &ReportData, palette: &Palette) {
    page.push_str("<section id=\"study\" aria-labelledby=\"study-h\">\n<h2 id=\"study-h\">The study</h2>\n");
    let _ = write!(
        page,
        "<p class=\"intro\">The whole study, as it was written in <code>{}</code>:</p>\n\
         <div class=\"spec\"><button type=\"button\" class=\"copy\" hidden>Copy</button><pre tabindex=\"0\" aria-label=\"Source of the study\"><code>{}</code></pre></div>\n",
        xml(&data.source.file),
        rlx::highlight(&data.source.text)
    );
    match &data.profile {
        Some(profile) => changes(
            page,
            &format!("Profile {} changed", profile.name),
            &profile.changes,
        ),
        None if data.overrides.is_empty() => {
            page.push_str("<p>No profile and no override: it ran as written.</p>\n")
        }
        None => {}
    }
    if !data.overrides.is_empty() {
        changes(page, "Changed on the command line", &data.overrides);
    }
    if !data.evaluations.is_empty() {
        page.push_str("<h3>Evaluations</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Evaluations\"><table><thead><tr>");
        let heads = [
            ("evaluation", false),
            ("benchmark", false),
            ("problems", true),
            ("samples", true),
            ("temperature", true),
            ("top_p", true),
            ("max_tokens", true),
        ];
        page.extend(heads.map(|(name, numeric)| head(name, numeric)));
        page.push_str("</tr></thead><tbody>\n");
        for settings in &data.evaluations {
            let _ = write!(
                page,
                "<tr><th scope=\"row\">{}</th><td>{}</td>",
                xml(&settings.name),
                xml(&settings.benchmark)
            );
            let temperature = words::temperature(settings);
            let numbers = [
                (settings.problems as f64, count(settings.problems as u64)),
                (settings.samples as f64, count(settings.samples)),
                (settings.temperature.unwrap_or(0.0), xml(&temperature)),
                (settings.top_p, setting(settings.top_p)),
                (settings.max_tokens as f64, count(settings.max_tokens)),
            ];
            for (place, (value, text)) in numbers.into_iter().enumerate() {
                // How recorded responses were drawn is not known here.
                if settings.only_recorded && place > 1 {
                    page.push_str("<td class=\"n\">–</td>");
                    continue;
                }
                let _ = write!(page, "<td class=\"n\" data-v=\"{value}\">{text}</td>");
            }
            page.push_str("</tr>\n");
        }
        page.push_str("</tbody></table></div>\n");
    }
    if !data.models.is_empty() {
        page.push_str("<h3>Models</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Models\"><table><thead><tr>");
        page.extend(["model", "source", "key of the weights"].map(|name| head(name, false)));
        page.push_str("</tr></thead><tbody>\n");
        for row in &data.models {
            let short: String = row.key.chars().take(12).collect();
            let _ = writeln!(
                page,
                "<tr><th scope=\"row\">{}</th><td class=\"wrap\">{}</td><td><code title=\"{}\">{}</code></td></tr>",
                model(&row.label, palette),
                xml(&row.source),
                xml(&row.key),
                xml(&short)
            );
        }
        page.push_str("</tbody></table></div>\n");
    }
    page.push_str("</section>\n");
}

fn changes(page: &mut String, title: &str, changes: &[ReportChange]) {
    let title = xml(title);
    if changes.is_empty() {
        let _ = writeln!(page, "<p>{title} nothing.</p>");
        return;
    }
    let _ = write!(
        page,
        "<h3>{title}</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><table><thead><tr>"
    );
    page.extend(["value", "from", "to"].map(|name| head(name, false)));
    page.push_str("</tr></thead><tbody>\n");
    for change in changes {
        let from = change.from.as_deref().map_or_else(
            || "<span class=\"quiet-text\">not set</span>".to_owned(),
            |from| format!("<code>{}</code>", xml(from)),
        );
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\"><code>{}</code></th><td>{from}</td><td><code>{}</code></td></tr>",
            xml(&change.path),
            xml(&change.to)
        );
    }
    page.push_str("</tbody></table></div>\n");
}

//! One page that holds everything and asks for nothing: styles, figures and a little script are inside it.

pub(crate) mod claims;
mod outputs;
mod responses;
mod rlx;
mod run;
mod study;
mod table;

pub(crate) use table::head;

use std::fmt::Write;

use crate::data::ReportData;
use crate::escape::xml;
use crate::number::{self, plural};
use crate::palette::{Palette, Style};
use crate::svg::{self, Canvas};
use crate::words;

/// The page. Links to the CSV, SVG and LaTeX files are relative: it lies in the study's folder beside them.
pub fn render_html(data: &ReportData) -> String {
    let palette = Palette::new(data);
    let title = heading(data);
    let mut page = String::with_capacity(1 << 17);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} · rlx</title>\n<style>\n{style}{figures}\n</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#claims\">Skip to the results</a>\n",
        title = xml(&title),
        style = include_str!("style.css"),
        figures = svg::style_sheet(&palette),
    );
    masthead(&mut page, data, &title);
    contents(&mut page, data);
    page.push_str("<main>\n");
    claims::section(&mut page, data);
    warnings(&mut page, data);
    outputs::section(&mut page, data, &palette);
    study::section(&mut page, data, &palette);
    run::section(&mut page, data);
    responses::section(&mut page, data, &palette);
    page.push_str("</main>\n");
    let version = data
        .versions
        .iter()
        .find(|(name, _)| name == "rlx")
        .map_or_else(String::new, |(_, version)| format!(" {version}"));
    let identity = match &data.identity {
        identity if identity.plan.is_empty() => String::new(),
        identity => format!(
            "<p>Plan <code>{}</code> · rows <code>{}</code></p>",
            xml(&identity.plan),
            xml(&identity.rows)
        ),
    };
    let _ = writeln!(
        page,
        "<footer><p>Made by <b>rlx</b>{} from <code>{}</code>, seed {}. The numbers behind each figure and table lie beside this page as CSV.</p>{identity}</footer>",
        xml(&version),
        xml(&data.source.file),
        data.seed
    );
    let _ = write!(
        page,
        "<script>\n{}</script>\n</body>\n</html>\n",
        include_str!("script.js")
    );
    page
}

/// The title; where the first line of the doc is only the start of a short first paragraph, all of that.
fn heading(data: &ReportData) -> String {
    let paragraph = first_paragraph(data);
    let finished = data.title.ends_with(['.', '?', '!', ':']);
    let title = if !finished && paragraph.starts_with(&data.title) && paragraph.chars().count() <= 200 {
        paragraph
    } else {
        data.title.clone()
    };
    if title.trim().is_empty() {
        data.name.clone()
    } else {
        title
    }
}

fn first_paragraph(data: &ReportData) -> String {
    let lines: Vec<&str> = data
        .doc
        .trim()
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    lines.join(" ")
}

/// The doc's paragraphs without what is in the heading already.
fn doc_paragraphs(data: &ReportData, title: &str) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    for line in data.doc.trim().lines().map(str::trim) {
        match paragraphs.last_mut() {
            Some(paragraph) if !line.is_empty() && !paragraph.is_empty() => {
                paragraph.push(' ');
                paragraph.push_str(line);
            }
            Some(paragraph) if paragraph.is_empty() => line.clone_into(paragraph),
            _ => paragraphs.push(line.to_owned()),
        }
    }
    if let Some(first) = paragraphs.first_mut()
        && let Some(rest) = first.strip_prefix(title)
    {
        *first = rest.trim().to_owned();
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

fn masthead(page: &mut String, data: &ReportData, title: &str) {
    let _ = write!(
        page,
        "<header>\n<p class=\"kicker\">rlx study <span>{}</span></p>\n<h1>{}</h1>\n",
        xml(&data.name),
        xml(title)
    );
    for paragraph in doc_paragraphs(data, title) {
        let _ = writeln!(page, "<p class=\"lede\">{}</p>", xml(&paragraph));
    }
    let _ = writeln!(page, "<p class=\"abstract\">{}</p>", xml(&words::summary(data)));
    let responses: u64 = data.steps.iter().filter_map(|step| step.tokens).sum();
    let mut facts: Vec<(&str, String)> = vec![("Models", data.models.len().to_string())];
    if let Some(problems) = data.evaluations.iter().map(|settings| settings.problems).max() {
        facts.push(("Problems", number::count(problems as u64)));
    }
    if let Some(samples) = data.evaluations.iter().map(|settings| settings.samples).max() {
        facts.push(("Samples a problem", number::count(samples)));
    }
    let tokens = data.cost.tokens_sampled.saturating_add(data.cost.tokens_trained);
    facts.push((
        "Tokens",
        number::short_count(if tokens > 0 { tokens } else { responses }),
    ));
    facts.push(("Wall time", number::duration(data.wall_seconds)));
    facts.push((
        "Device",
        format!("{}, {}", data.machine.device, data.machine.precision),
    ));
    if let Some(profile) = &data.profile {
        facts.push(("Profile", profile.name.clone()));
    }
    page.push_str("<dl class=\"facts\">\n");
    for (name, value) in facts {
        let _ = writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", xml(&value));
    }
    page.push_str("</dl>\n</header>\n");
}

/// The table of contents: every section, and each output by its title.
fn contents(page: &mut String, data: &ReportData) {
    page.push_str("<nav aria-label=\"Contents\">\n<ul>\n");
    if !data.claims.is_empty() {
        page.push_str("<li><a href=\"#claims\">Claims</a></li>\n");
    }
    if !data.outputs.is_empty() {
        page.push_str("<li><a href=\"#results\">Results</a>\n<ul>\n");
        for (output, stem) in data.outputs.iter().zip(crate::files::stems(data)) {
            let _ = writeln!(
                page,
                "<li><a href=\"#out-{}\">{}</a></li>",
                xml(&stem),
                xml(&words::title(output))
            );
        }
        page.push_str("</ul></li>\n");
    }
    page.push_str("<li><a href=\"#study\">The study</a></li>\n<li><a href=\"#run\">How it ran</a></li>\n");
    if !data.responses.is_empty() {
        page.push_str("<li><a href=\"#responses\">Responses</a></li>\n");
    }
    page.push_str("</ul>\n</nav>\n");
}

fn warnings(page: &mut String, data: &ReportData) {
    if data.warnings.is_empty() {
        return;
    }
    let _ = writeln!(
        page,
        "<aside class=\"note\" aria-label=\"Warnings\"><h2>{}</h2><ul>",
        plural(data.warnings.len() as u64, "warning")
    );
    for warning in &data.warnings {
        let _ = writeln!(page, "<li>{}</li>", xml(warning));
    }
    page.push_str("</ul></aside>\n");
}

/// A model's sign before its name.
pub(crate) fn model(label: &str, palette: &Palette) -> String {
    let style: Style = palette.style(label);
    let mut canvas = Canvas::new();
    canvas.marker((6.0, 6.0), &style, 4.2);
    format!(
        "<span class=\"model\"><svg viewBox=\"0 0 12 12\" width=\"12\" height=\"12\" aria-hidden=\"true\">{}</svg>{}</span>",
        canvas.finish().trim_end(),
        xml(label)
    )
}

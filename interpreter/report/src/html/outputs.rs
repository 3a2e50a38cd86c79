//! Figures and tables in the order they are declared, each with caption, warnings and its files.

use std::fmt::Write;

use super::table;
use crate::data::{OutputForm, ReportData, ReportOutput};
use crate::escape::xml;
use crate::figures;
use crate::files::{formats, path, stems};
use crate::palette::Palette;
use crate::svg::{self, Size};
use crate::{tables, words};

pub(super) fn section(page: &mut String, data: &ReportData, palette: &Palette) {
    if data.outputs.is_empty() {
        return;
    }
    page.push_str(
        "<section id=\"results\" aria-labelledby=\"results-h\">\n<h2 id=\"results-h\">Results</h2>\n",
    );
    let both = data
        .outputs
        .iter()
        .any(|output| tables::confidence(&output.results).is_some());
    if both {
        page.push_str(
            "<fieldset class=\"switch\"><legend>Intervals in tables</legend>\
             <label><input type=\"radio\" name=\"iv\" id=\"iv-pop\" checked> problems like these</label>\
             <label><input type=\"radio\" name=\"iv\" id=\"iv-smp\"> these problems</label>\
             <label><input type=\"radio\" name=\"iv\" id=\"iv-off\"> none</label></fieldset>\n",
        );
    }
    let (mut figure, mut table) = (0, 0);
    for (output, stem) in data.outputs.iter().zip(stems(data)) {
        let number = match output.kind {
            OutputForm::Figure => {
                figure += 1;
                format!("Figure {figure}")
            }
            OutputForm::Table => {
                table += 1;
                format!("Table {table}")
            }
        };
        one(page, output, &stem, &number, data, palette);
    }
    page.push_str("</section>\n");
}

fn one(
    page: &mut String,
    output: &ReportOutput,
    stem: &str,
    number: &str,
    data: &ReportData,
    palette: &Palette,
) {
    let title = words::title(output);
    let _ = write!(
        page,
        "<figure id=\"out-{stem}\">\n<h3><span class=\"no\">{number}</span> {}</h3>\n",
        xml(&title)
    );
    let numbers = table::results(&tables::build(&output.results), &title, palette);
    match output.kind {
        OutputForm::Figure => {
            for (size, class) in [(Size::Wide, "fig wide"), (Size::Narrow, "fig narrow")] {
                let id = format!("{stem}-{}", size.pick("w", "n"));
                page.push_str(&svg::inline(
                    &figures::draw(&output.results, palette, size),
                    &title,
                    &id,
                    class,
                ));
            }
        }
        OutputForm::Table => page.push_str(&numbers),
    }
    let _ = writeln!(
        page,
        "<figcaption>{}</figcaption>",
        xml(&words::caption(output, data))
    );
    for warning in tables::warnings(&output.results) {
        let _ = writeln!(page, "<p class=\"warn\">{}</p>", xml(warning));
    }
    page.push_str("<p class=\"files\">");
    for format in formats(output) {
        let _ = write!(
            page,
            "<a href=\"{}\" download>{}</a> ",
            xml(&path(output, stem, *format)),
            format.name()
        );
    }
    let _ = writeln!(page, "<code>{}</code></p>", xml(&output.name));
    if output.kind == OutputForm::Figure {
        let _ = writeln!(
            page,
            "<details><summary>The numbers of this figure</summary>\n{numbers}</details>"
        );
    }
    page.push_str("</figure>\n");
}

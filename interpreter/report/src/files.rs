//! Where each output lies in the study's folder; the caller writes the bytes.

use crate::data::{OutputForm, ReportData, ReportOutput};
use crate::palette::Palette;
use crate::svg::{self, Size};
use crate::{escape, figures, html, picture, tables, words};

/// A file of the report: a relative path with `/`, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    pub path: String,
    pub contents: Vec<u8>,
}

/// A format that an output is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Svg,
    Png,
    Pdf,
    Csv,
    Latex,
    Markdown,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::Svg => "SVG",
            Format::Png => "PNG",
            Format::Pdf => "PDF",
            Format::Csv => "CSV",
            Format::Latex => "LaTeX",
            Format::Markdown => "Markdown",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Format::Svg => "svg",
            Format::Png => "png",
            Format::Pdf => "pdf",
            Format::Csv => "csv",
            Format::Latex => "tex",
            Format::Markdown => "md",
        }
    }
}

/// Formats of an output, the figure first.
pub(crate) fn formats(output: &ReportOutput) -> &'static [Format] {
    match output.kind {
        OutputForm::Figure => &[
            Format::Svg,
            Format::Png,
            Format::Pdf,
            Format::Csv,
            Format::Latex,
            Format::Markdown,
        ],
        OutputForm::Table => &[Format::Csv, Format::Latex, Format::Markdown],
    }
}

/// A file stem for each output, no two alike (also where a file system ignores case).
pub(crate) fn stems(data: &ReportData) -> Vec<String> {
    let mut stems: Vec<String> = Vec::with_capacity(data.outputs.len());
    for output in &data.outputs {
        let stem = escape::slug(&output.name);
        let mut unique = stem.clone();
        let mut number = 2;
        while stems.iter().any(|taken| taken.eq_ignore_ascii_case(&unique)) {
            unique = format!("{stem}-{number}");
            number += 1;
        }
        stems.push(unique);
    }
    stems
}

pub(crate) fn path(output: &ReportOutput, stem: &str, format: Format) -> String {
    let folder = match output.kind {
        OutputForm::Figure => "figures",
        OutputForm::Table => "tables",
    };
    format!("{folder}/{stem}.{}", format.extension())
}

/// The whole report: `report.html`, `claims.csv`, and each output's files under `figures/` and `tables/`.
pub fn render_files(data: &ReportData) -> Vec<ReportFile> {
    let palette = Palette::new(data);
    let mut files = vec![ReportFile {
        path: "report.html".to_owned(),
        contents: html::render_html(data).into_bytes(),
    }];
    if !data.claims.is_empty() {
        files.push(ReportFile {
            path: "claims.csv".to_owned(),
            contents: tables::claims_csv(&data.claims).into_bytes(),
        });
    }
    for (output, stem) in data.outputs.iter().zip(stems(data)) {
        let drawn = (output.kind == OutputForm::Figure).then(|| {
            svg::standalone(
                &figures::draw(&output.results, &palette, Size::Wide),
                &words::title(output),
                &palette,
            )
        });
        let drawing = drawn.unwrap_or_default();
        for format in formats(output) {
            let contents = match format {
                Format::Svg => Some(drawing.clone().into_bytes()),
                Format::Png => picture::png(&drawing),
                Format::Pdf => picture::pdf(&drawing),
                Format::Csv => Some(tables::csv(&output.results).into_bytes()),
                Format::Latex => {
                    let caption = print_caption(output, data);
                    Some(tables::latex(&tables::build(&output.results), &caption, &output.name).into_bytes())
                }
                Format::Markdown => {
                    let caption = print_caption(output, data);
                    Some(tables::markdown(&tables::build(&output.results), &caption).into_bytes())
                }
            };
            // A drawing without a size has no picture; its numbers are still written.
            files.extend(contents.map(|contents| ReportFile {
                path: path(output, &stem, *format),
                contents,
            }));
        }
    }
    files
}

/// A table's caption, also for the table beside a figure: it speaks of brackets, not of bands.
fn print_caption(output: &ReportOutput, data: &ReportData) -> String {
    let table = ReportOutput {
        kind: OutputForm::Table,
        ..output.clone()
    };
    format!(
        "{}. {}",
        words::title(output).trim_end_matches('.'),
        words::caption(&table, data)
    )
}

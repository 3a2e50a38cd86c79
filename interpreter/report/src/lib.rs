//! text → Ast → Study → Plan → rows → **tables, figures, verdicts**.
//!
//! The last stage: a finished study as `ReportData` becomes bytes. Each figure is an SVG drawn here, each table a CSV with every
//! number in full, LaTeX and Markdown with digits that follow the intervals; `render_html` puts all of it on one page that needs
//! nothing else, `render_text` on a terminal. Everything is a pure function: no file, no clock, no network. Equal data give
//! equal bytes.

mod data;
mod diff;
mod escape;
mod figures;
mod files;
mod html;
pub mod mathml;
pub mod number;
mod palette;
mod picture;
mod svg;
mod tables;
mod text;
mod words;

pub use data::*;
pub use diff::{
    Alone, ClaimDiff, NumberDiff, OutputDiff, PairedModels, SettingDiff, Side, SourceLine, StudyDiff, diff,
    render_diff_html, render_diff_text,
};
pub use files::{ReportFile, render_files};
pub use html::render_html;
pub use text::render_text;

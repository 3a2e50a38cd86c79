//! Lines of output, and the column of the comments behind them.

/// Comments behind code begin here, counted from 0, if the code leaves room.
const COMMENT_COLUMN: usize = 45;

/// Lines wider than this do not push the comments of their neighbours.
const WIDEST: usize = 100;

#[derive(Default)]
pub(super) struct Line {
    /// Without indentation only where it is empty; a text over several lines holds line breaks.
    code: String,
    comment: Option<String>,
}

/// Lines being written; there is always a last one.
pub(super) struct Lines(Vec<Line>);

impl Lines {
    pub(super) fn new() -> Self {
        Self(vec![Line::default()])
    }

    pub(super) fn push(&mut self, code: &str) {
        if let Some(last) = self.0.last_mut() {
            last.code.push_str(code);
        }
    }

    /// A comment behind the last line.
    pub(super) fn comment(&mut self, comment: &str) {
        if let Some(last) = self.0.last_mut() {
            last.comment = Some(comment.to_owned());
        }
    }

    pub(super) fn has_comment(&self) -> bool {
        self.0.last().is_some_and(|last| last.comment.is_some())
    }

    pub(super) fn next(&mut self, indent: usize) {
        self.0.push(Line {
            code: " ".repeat(indent * 4),
            comment: None,
        });
    }

    pub(super) fn blank(&mut self) {
        self.0.push(Line::default());
    }

    /// One line that holds no text over several lines.
    pub(super) fn is_single(&self) -> bool {
        matches!(self.0.as_slice(), [only] if !only.code.contains('\n'))
    }

    /// Puts `other` behind the last line.
    pub(super) fn append(&mut self, other: Lines) {
        let mut lines = other.0.into_iter();
        if let (Some(last), Some(first)) = (self.0.last_mut(), lines.next()) {
            last.code.push_str(&first.code);
            last.comment = first.comment;
        }
        self.0.extend(lines);
    }

    /// The text, with the comments of consecutive lines in one column.
    pub(super) fn finish(self) -> String {
        let mut text = String::new();
        let mut lines = self.0.as_slice();
        while let Some(first) = lines.first() {
            let run = lines.iter().take_while(|line| line.comment.is_some()).count();
            if run == 0 {
                text.push_str(first.code.trim_end_matches(' '));
                text.push('\n');
                lines = lines.get(1..).unwrap_or_default();
                continue;
            }
            let (commented, rest) = lines.split_at(run);
            let widths = commented.iter().map(last_width).filter(|width| *width <= WIDEST);
            let column = COMMENT_COLUMN.max(widths.max().unwrap_or(0) + 1);
            for line in commented {
                text.push_str(&line.code);
                text.push_str(&" ".repeat(column.saturating_sub(last_width(line)).max(1)));
                text.push_str(line.comment.as_deref().unwrap_or_default());
                text.push('\n');
            }
            lines = rest;
        }
        let end = text.trim_end_matches('\n').len();
        text.truncate(end);
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }
}

/// Where the code of a line ends, in characters from the last line break in it.
fn last_width(line: &Line) -> usize {
    line.code.rsplit('\n').next().unwrap_or_default().chars().count()
}

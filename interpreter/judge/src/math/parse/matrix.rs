//! Matrices, and the environments that set them.

use super::{Parsed, Parser, Refusal};
use crate::math::expression::Expr;

impl Parser {
    /// `\begin{pmatrix}…\end{pmatrix}`, after `\begin`.
    pub(super) fn matrix(&mut self) -> Parsed {
        self.space();
        let kind = self.braced().ok_or(Refusal::Foreign)?;
        let kind = kind.trim_end_matches('*').to_owned();
        match kind.as_str() {
            "array" => {
                self.space();
                self.braced();
            }
            "matrix" | "pmatrix" | "bmatrix" | "Bmatrix" | "smallmatrix" | "vmatrix" | "cases"
            | "aligned" => {}
            _ => return Err(Refusal::Foreign),
        }
        let mut rows: Vec<Vec<Expr>> = vec![Vec::new()];
        loop {
            let cell = if kind == "cases" || kind == "aligned" {
                self.list(None)?
            } else {
                self.sets()?
            };
            if let Some(row) = rows.last_mut() {
                row.push(cell);
            }
            if self.take("\\\\") {
                while self.take("\\hline") {}
                if !self.starts_end() {
                    rows.push(Vec::new());
                }
            } else if self.take("&") {
                continue;
            }
            if self.starts_end() {
                break;
            }
            self.space();
            if self.peek().is_none() {
                return Err(Refusal::Foreign);
            }
        }
        self.take("\\end");
        self.space();
        self.braced().ok_or(Refusal::Foreign)?;
        match kind.as_str() {
            "vmatrix" => self.node(Expr::Function("det", vec![Expr::Matrix(rows)])),
            // A system of equations, one a row.
            "cases" | "aligned" => {
                let items: Option<Vec<Expr>> = rows
                    .into_iter()
                    .map(|mut row| (row.len() == 1).then(|| row.swap_remove(0)))
                    .collect();
                self.node(Expr::bare(items.ok_or(Refusal::Foreign)?))
            }
            _ => self.node(Expr::Matrix(rows)),
        }
    }

    fn starts_end(&mut self) -> bool {
        self.space();
        self.starts("\\end")
    }
}

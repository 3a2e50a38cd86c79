//! Lists and ranges of whole numbers: `[20, 40]`, `1..256 by *2`, `0..100 by 10`.

use rlx_grammar::ast::{ExprKind, Step};

use super::{Elaborator, Fail, Sited};
use crate::diagnostic::Diagnostic;
use crate::program::Place;
use crate::unit::Unit;

/// A range with more numbers than this is a slip.
const LONGEST: usize = 100_000;

impl<'a> Elaborator<'a> {
    /// Whole numbers, each with the place to blame for it.
    pub(super) fn counts(
        &mut self,
        at: Sited<'a>,
        unit: Unit,
        least: u64,
        field: &str,
    ) -> Result<Vec<(u64, Place)>, Fail> {
        let at = self.resolve(at).ok_or(Fail::Reported)?;
        match &at.expr.node {
            ExprKind::List(items) => {
                let mut all = Vec::new();
                let mut failed = None;
                for item in items {
                    match self.counts(at.with(item), unit, least, field) {
                        Ok(numbers) => all.extend(numbers),
                        Err(fail) => failed = Some(fail),
                    }
                }
                failed.map_or(Ok(all), Err)
            }
            ExprKind::Range { start, end, step } => {
                let first = self.count(at.with(start), Some(unit), least, field);
                let last = self.count(at.with(end), Some(unit), least, field);
                let step = match step {
                    None => Ok(By::Add(1)),
                    Some(Step::Add(by)) => self
                        .count(at.with(by), Some(unit), 1, "by")
                        .map(|(by, _)| By::Add(by)),
                    Some(Step::Multiply(by)) => self
                        .count(at.with(by), None, 2, "by *")
                        .map(|(by, _)| By::Multiply(by)),
                };
                let ((first, _), (last, place)) = (first?, last?);
                self.range(first, last, step?, place, at)
            }
            _ => self.count(at, Some(unit), least, field).map(|one| vec![one]),
        }
    }

    fn range(
        &mut self,
        first: u64,
        last: u64,
        by: By,
        last_place: Place,
        at: Sited<'a>,
    ) -> Result<Vec<(u64, Place)>, Fail> {
        let fail = |this: &mut Self, message: String, label: &str, help: &str| {
            let diagnostic = Diagnostic::error("rlx::range::empty", message);
            let mut diagnostic = this.at(diagnostic, at.place(), label).help(help);
            if last_place != at.place() && last_place.file != at.site.file {
                diagnostic = this.at(diagnostic, last_place, "its end");
            }
            this.report(diagnostic);
            Err(Fail::Reported)
        };
        if first > last {
            return fail(
                self,
                format!("the range from {first} to {last} is empty"),
                "it ends before it starts",
                "a range goes upwards",
            );
        }
        if first == 0 && matches!(by, By::Multiply(_)) {
            return fail(
                self,
                "a range from 0 by multiplication stays at 0".into(),
                "0 times anything is 0",
                "start at 1",
            );
        }
        let mut numbers = Vec::new();
        let mut next = first;
        while next <= last {
            if numbers.len() == LONGEST {
                return fail(
                    self,
                    format!("the range has more than {LONGEST} numbers"),
                    "too long",
                    "make its step larger",
                );
            }
            numbers.push((next, if next == last { last_place } else { at.place() }));
            let step = match by {
                By::Add(by) => next.checked_add(by),
                By::Multiply(by) => next.checked_mul(by),
            };
            match step {
                Some(step) => next = step,
                None => break,
            }
        }
        Ok(numbers)
    }
}

#[derive(Debug, Clone, Copy)]
enum By {
    Add(u64),
    Multiply(u64),
}

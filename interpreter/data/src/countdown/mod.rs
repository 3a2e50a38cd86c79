//! The countdown task: make a target from three or four numbers, one written step a line.
//!
//! A puzzle `Use 5 20 15 14 to make 12` has n numbers in 1..=20 (n is 3 with probability 0.4, else 4) and a target
//! drawn uniformly from the distinct values in 10..=99 that some legal path reaches and that are not among the
//! numbers. All numbers are used. A demonstration writes every step with its bookkeeping:
//!
//! ```text
//! 15-5=10 left 20 14 10
//! 20/10=2 left 14 2
//! 14-2=12 yes
//! ```
//!
//! It ends without a newline; the trainer puts the end token there. A faulty demonstration is a random legal walk
//! with right arithmetic that ends in ` no` (or, rarely, happens on the target and ends in ` yes`).
//!
//! Example `i` is a pure function of (options, seed, i).

mod options;
mod paths;
mod puzzle;
mod walk;

pub use options::CountdownOptions;
pub use puzzle::{CountdownKey, Puzzle};

use crate::random::Stream;
use paths::{List, MOST, Step};

/// Numbers lie in 1..=LARGEST_NUMBER.
const LARGEST_NUMBER: usize = 20;
/// Share of puzzles with three numbers when both kinds are drawn.
const SHARE_OF_THREE: f64 = 0.4;
/// Targets lie in SMALLEST_TARGET..=99.
const SMALLEST_TARGET: usize = 10;

/// The generator: an endless, random-access stream of examples.
#[derive(Debug, Clone)]
pub struct Countdown {
    options: CountdownOptions,
    seed: u64,
}

/// A puzzle with a demonstration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    pub puzzle: Puzzle,
    /// The worked steps, without a newline at the end.
    pub response: String,
    /// The demonstration reaches the target (always so for a clean one).
    pub solved: bool,
}

impl Countdown {
    pub fn new(options: CountdownOptions, seed: u64) -> Self {
        Countdown { options, seed }
    }

    pub fn options(&self) -> &CountdownOptions {
        &self.options
    }

    /// Example `index` of the stream.
    pub fn example(&self, index: u64) -> Example {
        let mut stream = Stream::new(self.seed, index);
        loop {
            if let Some(example) = self.draw(&mut stream) {
                return example;
            }
        }
    }

    /// One attempt; None where the draw has no target or is thinned out. The same stream then draws the next.
    fn draw(&self, stream: &mut Stream) -> Option<Example> {
        let count = match self.options.numbers() {
            Some(count) => count,
            None if stream.uniform() < SHARE_OF_THREE => 3,
            None => MOST,
        };
        let mut drawn = [0u8; MOST];
        for number in &mut drawn[..count] {
            *number = stream.below(LARGEST_NUMBER) as u8 + 1;
        }
        let numbers = &drawn[..count];
        let list = List::new(numbers);
        let counts = paths::count(&list);
        let mut targets = [0u8; 100];
        let mut reachable = 0;
        for (target, &paths) in counts.all.iter().enumerate().skip(SMALLEST_TARGET) {
            if paths > 0 && !numbers.contains(&(target as u8)) {
                targets[reachable] = target as u8;
                reachable += 1;
            }
        }
        let target = *targets[..reachable].get(stream.below(reachable))?;
        let at = usize::from(target);
        if self.options.requires_division() && counts.without_division[at] > 0 {
            return None;
        }
        let reference = paths::nth(&list, target, stream.below(counts.all[at] as usize) as u32)?;
        let keep = self.options.division();
        if keep < 1.0 && reference.iter().any(|step| step.operator == b'/') && stream.uniform() >= keep {
            return None;
        }
        let clean = stream.uniform() < self.options.clean();
        let path = if clean {
            reference
        } else {
            walk::random(&list, &self.options.walk_weights(), stream)
        };
        let (response, solved) = write(&list, &path, target);
        Some(Example {
            puzzle: Puzzle::new(numbers, target),
            response,
            solved,
        })
    }
}

/// The path as text, and whether it ends in the target.
fn write(numbers: &List, path: &[Step], target: u8) -> (String, bool) {
    let mut text = String::with_capacity(64);
    let mut list = *numbers;
    let mut reached = 0;
    for step in path {
        if reached != 0 {
            text.push('\n');
        }
        reached = step.result;
        push_number(&mut text, step.a);
        text.push(char::from(step.operator));
        push_number(&mut text, step.b);
        text.push('=');
        push_number(&mut text, step.result);
        list = list.after(step);
        if list.as_slice().len() > 1 {
            text.push_str(" left");
            for &number in list.as_slice() {
                text.push(' ');
                push_number(&mut text, number);
            }
        }
    }
    let solved = reached == target;
    text.push_str(if solved { " yes" } else { " no" });
    (text, solved)
}

/// Numbers are at most 99 here; formatting through `fmt` costs as much as the enumeration.
fn push_number(text: &mut String, number: u8) {
    if number >= 10 {
        text.push(char::from(b'0' + number / 10));
    }
    text.push(char::from(b'0' + number % 10));
}

#[cfg(test)]
mod tests;

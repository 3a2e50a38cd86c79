//! The options of `source = countdown { … }`.

use crate::error::DataError;

/// Checked options of the countdown task.
#[derive(Debug, Clone, PartialEq)]
pub struct CountdownOptions {
    clean: f64,
    division: f64,
    numbers: Option<usize>,
    requires_division: bool,
    distinct: bool,
}

impl Default for CountdownOptions {
    fn default() -> Self {
        CountdownOptions {
            clean: 0.5,
            division: 1.0,
            numbers: None,
            requires_division: false,
            distinct: false,
        }
    }
}

/// Weights of `+ - * /` in faulty walks at three values of `division`; between them they are interpolated linearly.
/// The rows at 0.08 and 1 are the measured recipes.
const WALK_WEIGHTS: [(f64, [f64; 4]); 3] = [
    (0.0, [0.335, 0.335, 0.33, 0.0]),
    (0.08, [0.33, 0.33, 0.32, 0.02]),
    (1.0, [0.3, 0.3, 0.25, 0.15]),
];

impl CountdownOptions {
    /// Names that `parse` knows.
    pub const NAMES: [&'static str; 5] = ["clean", "division", "numbers", "requires_division", "distinct"];

    /// Reads options by name:
    /// - `clean` (0..=1, default 0.5): probability that a demonstration is a solution, drawn uniformly from all;
    /// - `division` (0..=1, default 1): an example whose reference path divides is kept with this probability, and
    ///   faulty walks divide accordingly rarely;
    /// - `numbers` (0, 3 or 4; default 0): how many numbers a puzzle has, 0 for the mixture;
    /// - `requires_division` (0 or 1): 1 keeps only puzzles whose every solution divides;
    /// - `distinct` (0 or 1): 1 leaves out puzzles that the set already has (for test sets).
    ///
    /// # Errors
    /// An unknown name or a value outside its range.
    pub fn parse<'a>(options: impl IntoIterator<Item = (&'a str, f64)>) -> Result<Self, DataError> {
        let mut parsed = CountdownOptions::default();
        for (name, value) in options {
            let bad = |allowed: &str| DataError::TaskOption {
                task: "countdown".to_owned(),
                option: name.to_owned(),
                found: value.to_string(),
                mend: format!("give {allowed}"),
            };
            let share = || {
                if (0.0..=1.0).contains(&value) {
                    Ok(value)
                } else {
                    Err(bad("a number from 0 to 1"))
                }
            };
            let flag = || match value {
                0.0 => Ok(false),
                1.0 => Ok(true),
                _ => Err(bad("0 or 1")),
            };
            match name {
                "clean" => parsed.clean = share()?,
                "division" => parsed.division = share()?,
                "numbers" => {
                    parsed.numbers = match value {
                        0.0 => None,
                        3.0 => Some(3),
                        4.0 => Some(4),
                        _ => return Err(bad("3, 4, or 0 for both")),
                    }
                }
                "requires_division" => parsed.requires_division = flag()?,
                "distinct" => parsed.distinct = flag()?,
                _ => {
                    return Err(DataError::TaskOption {
                        task: "countdown".to_owned(),
                        option: name.to_owned(),
                        found: value.to_string(),
                        mend: format!("the options of countdown are {}", Self::NAMES.join(", ")),
                    });
                }
            }
        }
        // Below this the rejection loop would run practically for ever.
        if parsed.requires_division && parsed.division < 0.01 {
            return Err(DataError::TaskOption {
                task: "countdown".to_owned(),
                option: "division".to_owned(),
                found: parsed.division.to_string(),
                mend: "with requires_division = 1, keep division at 0.01 or more".to_owned(),
            });
        }
        Ok(parsed)
    }

    pub fn clean(&self) -> f64 {
        self.clean
    }

    pub fn division(&self) -> f64 {
        self.division
    }

    /// How many numbers a puzzle has; None for the mixture.
    pub fn numbers(&self) -> Option<usize> {
        self.numbers
    }

    pub fn requires_division(&self) -> bool {
        self.requires_division
    }

    pub fn distinct(&self) -> bool {
        self.distinct
    }

    /// Weights of `+ - * /` in faulty walks.
    pub(super) fn walk_weights(&self) -> [f64; 4] {
        let [zero, rare, full] = WALK_WEIGHTS;
        let (low, high) = if self.division < rare.0 {
            (zero, rare)
        } else {
            (rare, full)
        };
        let t = (self.division - low.0) / (high.0 - low.0);
        std::array::from_fn(|i| low.1[i] + t * (high.1[i] - low.1[i]))
    }
}

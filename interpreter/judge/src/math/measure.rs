//! `Unit`: a length, area, volume, mass or time that is known by name.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Pow};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unit {
    /// What is measured: `length`, `mass`, …
    dimension: &'static str,
    exponent: i32,
    /// How many of the dimension's base unit it is.
    factor: BigRational,
}

impl Unit {
    pub(super) fn raised(self, exponent: i32) -> Unit {
        Unit {
            dimension: self.dimension,
            exponent: self.exponent * exponent,
            factor: Pow::pow(self.factor, exponent),
        }
    }

    /// How many of `other` one of this unit is; None where they measure different things.
    pub(super) fn in_terms_of(&self, other: &Unit) -> Option<BigRational> {
        (self.dimension == other.dimension && self.exponent == other.exponent)
            .then(|| &self.factor / &other.factor)
    }
}

/// Names of one unit, its dimension, and its size as a fraction of the base unit.
const UNITS: [(&[&str], &str, i64, i64); 31] = [
    (&["mm", "millimeter", "millimetre"], "length", 1, 1_000),
    (&["cm", "centimeter", "centimetre"], "length", 1, 100),
    (&["dm", "decimeter", "decimetre"], "length", 1, 10),
    (&["m", "meter", "metre"], "length", 1, 1),
    (&["km", "kilometer", "kilometre"], "length", 1_000, 1),
    (&["in", "inch", "inche"], "length", 254, 10_000),
    (&["ft", "foot", "feet"], "length", 3_048, 10_000),
    (&["yd", "yard"], "length", 9_144, 10_000),
    (&["mi", "mile"], "length", 1_609_344, 1_000),
    (&["mg", "milligram"], "mass", 1, 1_000_000),
    (&["g", "gram"], "mass", 1, 1_000),
    (&["kg", "kilogram"], "mass", 1, 1),
    (&["ton", "tonne"], "mass", 1_000, 1),
    (&["lb", "pound"], "mass", 45_359_237, 100_000_000),
    (&["oz", "ounce"], "mass", 45_359_237, 1_600_000_000),
    (&["s", "sec", "second"], "time", 1, 1),
    (&["min", "minute"], "time", 60, 1),
    (&["h", "hr", "hour"], "time", 3_600, 1),
    (&["day"], "time", 86_400, 1),
    (&["week"], "time", 604_800, 1),
    (&["ml", "milliliter", "millilitre"], "capacity", 1, 1_000),
    (&["l", "liter", "litre"], "capacity", 1, 1),
    (&["cent"], "money", 1, 100),
    (&["dollar", "usd"], "money", 1, 1),
    (&["ms", "millisecond"], "time", 1, 1_000),
    (&["nm", "nanometer"], "length", 1, 1_000_000_000),
    (&["kw", "kilowatt"], "power", 1_000, 1),
    (&["w", "watt"], "power", 1, 1),
    (&["kj", "kilojoule"], "energy", 1_000, 1),
    (&["j", "joule"], "energy", 1, 1),
    (&["month"], "months", 1, 1),
];

/// The unit of a name, plural or singular, squares and cubes in words; None for anything else.
pub(super) fn unit(name: &str) -> Option<Unit> {
    let name = name.trim().trim_end_matches('.').to_lowercase();
    for (words, exponent) in [(["square ", "sq ", "sq. "], 2), (["cubic ", "cu ", "cu. "], 3)] {
        if let Some(rest) = words.iter().find_map(|word| name.strip_prefix(word)) {
            return unit(rest).map(|unit| unit.raised(exponent));
        }
    }
    let (name, exponent) = match name.strip_suffix("^2").or_else(|| name.strip_suffix('²')) {
        Some(rest) => (rest.to_owned(), 2),
        None => match name.strip_suffix("^3").or_else(|| name.strip_suffix('³')) {
            Some(rest) => (rest.to_owned(), 3),
            None => (name, 1),
        },
    };
    let singular = name.strip_suffix('s').filter(|rest| rest.len() > 1);
    let (_, dimension, top, bottom) = UNITS.iter().find(|(names, ..)| {
        names.contains(&name.as_str()) || singular.is_some_and(|name| names.contains(&name))
    })?;
    let unit = Unit {
        dimension,
        exponent: 1,
        factor: BigRational::new(BigInt::from(*top), BigInt::from(*bottom)) * BigRational::one(),
    };
    Some(unit.raised(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_one_dimension_convert() {
        let ratio = |a: &str, b: &str| unit(a)?.in_terms_of(&unit(b)?);
        let number = |n: i64| Some(BigRational::from(BigInt::from(n)));
        assert_eq!(ratio("meters", "cm"), number(100));
        assert_eq!(ratio("square feet", "inches^2"), number(144));
        assert_eq!(ratio("hours", "min"), number(60));
        assert_eq!(ratio("cm", "cm^2"), None);
        assert_eq!(ratio("kg", "m"), None);
        assert!(unit("apples").is_none());
    }
}

//! Searching the temperature at which outputs have an entropy: where to look next, and when to stop.
//!
//! The ends of the range are looked at first. Then follows the secant between the two ends of the bracket, kept off its ends;
//! a bisection where the same end moved twice in a row, as a secant alone creeps up on a curve from one side. The bracket
//! always holds the target: below its lower end's entropy and above its upper end's nothing is ever looked for. All of it is
//! a function of the looks before, so that a search that was broken off goes on as it would have.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What is looked for, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wanted {
    /// Nats a token.
    pub target: f64,
    /// How near to it.
    pub within: f64,
    /// The lowest and the highest temperature.
    pub between: [f64; 2],
    /// Looks at most, the two ends among them.
    pub looks: u64,
}

/// A temperature that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Look {
    pub temperature: f64,
    /// Nats a token of the outputs at this temperature.
    pub entropy: f64,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    /// Look at this temperature.
    At(f64),
    /// This look is near enough.
    Found(Look),
}

/// Why there is no such temperature.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum NotFound {
    #[error(
        "the entropy looked for, {target:.4}, is out of reach: it is {low:.4} at temperature {from} and {high:.4} at {to}"
    )]
    OutOfReach {
        target: f64,
        low: f64,
        high: f64,
        from: f64,
        to: f64,
    },
    #[error(
        "the entropy does not rise with the temperature: it is {low:.4} at temperature {from} and {high:.4} at {to}, and at {at} it is {between:.4}"
    )]
    NotRising {
        low: f64,
        high: f64,
        from: f64,
        to: f64,
        at: f64,
        between: f64,
    },
    #[error("the entropy falls from {low:.4} at temperature {from} to {high:.4} at {to}")]
    Falling { low: f64, high: f64, from: f64, to: f64 },
    #[error(
        "after {looks} looks the nearest to {target:.4} is {entropy:.4} at temperature {temperature}, which is {off:.4} away; between {from} and {to} it goes from {low:.4} to {high:.4}"
    )]
    TooFar {
        looks: u64,
        target: f64,
        entropy: f64,
        temperature: f64,
        off: f64,
        low: f64,
        high: f64,
        from: f64,
        to: f64,
    },
    #[error("the entropy at temperature {temperature} is not known")]
    NoEntropy { temperature: f64 },
}

impl NotFound {
    /// What to do.
    pub fn help(&self) -> &'static str {
        match self {
            NotFound::OutOfReach { target, low, .. } if target < low => {
                "begin `between` lower, or look for a higher `target`"
            }
            NotFound::OutOfReach { .. } => "end `between` higher, or look for a lower `target`",
            NotFound::NotRising { .. } | NotFound::Falling { .. } => {
                "draw more `samples`, so that noise does not decide; or narrow `between` to where the entropy rises"
            }
            NotFound::TooFar { .. } => "draw more `samples`, allow more `looks`, or a wider `within`",
            NotFound::NoEntropy { .. } => "its responses have no tokens: look at a model that answers",
        }
    }
}

/// Digits of a temperature behind the point: finer ones are of no consequence, and nobody wants to read them.
const GRAIN: f64 = 10_000.0;

/// Where to look after these looks (in their order), or what was found.
///
/// # Errors
/// When the target is not between the entropies of the ends, the entropy does not rise, or the looks are used up.
pub fn next(wanted: &Wanted, looks: &[Look]) -> Result<Next, NotFound> {
    let [from, to] = wanted.between;
    if let Some(look) = looks.iter().find(|look| !look.entropy.is_finite()) {
        return Err(NotFound::NoEntropy {
            temperature: look.temperature,
        });
    }
    let off = |look: &Look| (look.entropy - wanted.target).abs();
    let (first, second, rest) = match looks {
        [] => return Ok(Next::At(from)),
        [first] => return Ok(Next::At(to)).map(|next| near(wanted, first).unwrap_or(next)),
        [first, second, rest @ ..] => (first, second, rest),
    };
    if let Some(found) = near(wanted, second) {
        return Ok(found);
    }
    if first.entropy >= second.entropy {
        return Err(NotFound::Falling {
            low: first.entropy,
            high: second.entropy,
            from,
            to,
        });
    }
    if !(first.entropy..second.entropy).contains(&wanted.target) {
        return Err(NotFound::OutOfReach {
            target: wanted.target,
            low: first.entropy,
            high: second.entropy,
            from,
            to,
        });
    }
    let (mut low, mut high) = (*first, *second);
    // Which end moved, and how often in a row.
    let (mut last, mut times) = (0_i8, 0);
    for look in rest {
        if let Some(found) = near(wanted, look) {
            return Ok(found);
        }
        // As much as is allowed for a match is allowed for noise.
        if look.entropy < low.entropy - wanted.within || look.entropy > high.entropy + wanted.within {
            return Err(NotFound::NotRising {
                low: low.entropy,
                high: high.entropy,
                from: low.temperature,
                to: high.temperature,
                at: look.temperature,
                between: look.entropy,
            });
        }
        let side = if look.entropy < wanted.target { -1 } else { 1 };
        if side < 0 {
            low = *look;
        } else {
            high = *look;
        }
        times = if side == last { times + 1 } else { 1 };
        last = side;
    }
    let width = high.temperature - low.temperature;
    let share = if times >= 2 {
        0.5
    } else {
        ((wanted.target - low.entropy) / (high.entropy - low.entropy)).clamp(0.1, 0.9)
    };
    let at = ((low.temperature + share * width) * GRAIN).round() / GRAIN;
    let inside = at > low.temperature && at < high.temperature;
    if inside && (looks.len() as u64) < wanted.looks {
        return Ok(Next::At(at));
    }
    let nearest = looks.iter().fold(
        first,
        |best, look| if off(look) < off(best) { look } else { best },
    );
    Err(NotFound::TooFar {
        looks: looks.len() as u64,
        target: wanted.target,
        entropy: nearest.entropy,
        temperature: nearest.temperature,
        off: off(nearest),
        low: low.entropy,
        high: high.entropy,
        from: low.temperature,
        to: high.temperature,
    })
}

/// The look, where it is near enough.
fn near(wanted: &Wanted, look: &Look) -> Option<Next> {
    ((look.entropy - wanted.target).abs() <= wanted.within).then_some(Next::Found(*look))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WANTED: Wanted = Wanted {
        target: 0.5,
        within: 0.01,
        between: [0.2, 2.0],
        looks: 12,
    };

    /// Looks until the end.
    fn search(wanted: &Wanted, entropy: impl Fn(f64) -> f64) -> (Vec<Look>, Result<Look, NotFound>) {
        let mut looks = Vec::new();
        loop {
            match next(wanted, &looks) {
                Ok(Next::At(temperature)) => {
                    let entropy = entropy(temperature);
                    looks.push(Look { temperature, entropy });
                    assert!(looks.len() <= 100, "it does not end");
                }
                Ok(Next::Found(look)) => return (looks, Ok(look)),
                Err(error) => return (looks, Err(error)),
            }
        }
    }

    #[test]
    fn a_curve_that_bends_is_found_in_few_looks() {
        // Steep at the far end, as entropy is where sampling falls apart.
        let (looks, found) = search(&WANTED, |t| 0.05 + 0.1 * libm::pow(t, 5.0));
        let found = found.unwrap();
        assert!((found.entropy - 0.5).abs() <= 0.01, "{found:?}");
        assert!(looks.len() <= 9, "{} looks: {looks:?}", looks.len());
        assert_eq!((looks[0].temperature, looks[1].temperature), (0.2, 2.0));
    }

    #[test]
    fn an_end_that_is_near_enough_is_taken() {
        let (looks, found) = search(&WANTED, |t| if t < 0.3 { 0.495 } else { 3.0 });
        assert_eq!((looks.len(), found.unwrap().temperature), (1, 0.2));
        let (looks, found) = search(&WANTED, |t| t / 4.0 + 0.005);
        assert_eq!((looks.len(), found.unwrap().temperature), (2, 2.0));
    }

    #[test]
    fn a_target_out_of_reach_is_refused_with_both_ends() {
        let (looks, found) = search(&WANTED, |t| t / 10.0);
        let error = found.unwrap_err();
        assert_eq!(looks.len(), 2);
        let said = error.to_string();
        for part in ["0.5000", "0.0200 at temperature 0.2", "0.2000 at 2"] {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert!(error.help().contains("higher"));
        let (_, found) = search(&WANTED, |t| 1.0 + t);
        assert!(found.unwrap_err().help().contains("lower"));
    }

    #[test]
    fn an_entropy_that_does_not_rise_is_refused() {
        let (_, found) = search(&WANTED, |t| 3.0 - t);
        assert!(matches!(found, Err(NotFound::Falling { .. })), "{found:?}");
        let (_, found) = search(&WANTED, |t| if t > 0.3 && t < 1.9 { 0.1 } else { 0.4 + t / 10.0 });
        assert!(matches!(found, Err(NotFound::NotRising { .. })), "{found:?}");
        let (_, found) = search(&WANTED, |t| if t > 1.0 { f64::NAN } else { t / 10.0 });
        assert!(matches!(found, Err(NotFound::NoEntropy { .. })), "{found:?}");
    }

    #[test]
    fn a_step_that_is_never_near_ends_with_what_was_nearest() {
        let (looks, found) = search(&WANTED, |t| if t < 1.0 { 0.4 } else { 0.6 });
        assert_eq!(looks.len(), 12);
        let error = found.unwrap_err();
        assert!(matches!(error, NotFound::TooFar { .. }), "{error:?}");
        let endless = Wanted { looks: 90, ..WANTED };
        let (looks, found) = search(&endless, |t| if t < 1.0 { 0.4 } else { 0.6 });
        assert!(
            looks.len() < 40 && found.is_err(),
            "the grain ends it: {}",
            looks.len()
        );
    }

    proptest! {
        #[test]
        fn rising_curves_are_found_within_the_bracket(
            power in 0.3_f64..6.0,
            scale in 0.2_f64..3.0,
            place in 0.05_f64..0.95,
        ) {
            let curve = |t: f64| scale * libm::pow(t, power);
            let target = curve(0.2) + place * (curve(2.0) - curve(0.2));
            let wanted = Wanted { target, within: 0.005 * target, looks: 40, ..WANTED };
            let (looks, found) = search(&wanted, curve);
            let found = found.unwrap();
            prop_assert!((curve(found.temperature) - target).abs() <= wanted.within);
            prop_assert!(looks.iter().all(|look| (0.2..=2.0).contains(&look.temperature)));
            // What was looked at before decides alone: any beginning goes on the same way.
            for count in 0..looks.len() {
                prop_assert_eq!(next(&wanted, &looks[..count]).unwrap(), Next::At(looks[count].temperature));
            }
        }
    }
}

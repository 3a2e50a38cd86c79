//! Procedural tasks with one number as the answer: problem i of a seed is always the same, and no two are alike.

use crate::random::Stream;

/// Changes whenever the same options and seed give other problems.
pub(crate) const VERSION: &str = "tasks/1";

/// A kind of problem. Sizes are what the language allows: 1 to 6 digits, 2 to 8 terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// `Calculate 12 + 7 * 3 - 45.`
    Arithmetic { terms: usize, digits: u32 },
    /// `Solve 3x + 7 = 22 for x.`, in whole numbers.
    Equation { digits: u32 },
    /// `What is 17^23 mod 91?`
    Modular { digits: u32 },
    /// `Write 1203 in base 5 as a number in base 10.`
    Numeral { digits: u32 },
}

/// A problem with its answer and how to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drawn {
    pub(crate) text: String,
    pub(crate) answer: String,
    pub(crate) response: String,
}

/// Tasks that are not countdown, for messages.
pub(crate) const NAMES: [&str; 4] = ["arithmetic", "equation", "modular", "numeral"];

impl Task {
    /// The task of this name; `option` gives its sizes. None for a name that is none's.
    pub(crate) fn named(name: &str, option: impl Fn(&str) -> Option<f64>) -> Option<Task> {
        let digits = option("digits").map_or(2, |digits| digits as u32).clamp(1, 6);
        Some(match name {
            "arithmetic" => Task::Arithmetic {
                terms: option("terms").map_or(3, |terms| terms as usize).clamp(2, 8),
                digits,
            },
            "equation" => Task::Equation { digits },
            "modular" => Task::Modular { digits },
            "numeral" => Task::Numeral { digits },
            _ => return None,
        })
    }

    /// Number `index` of a seed.
    pub(crate) fn draw(self, seed: u64, index: u64) -> Drawn {
        let mut dice = Stream::new(seed, index);
        match self {
            Task::Arithmetic { terms, digits } => arithmetic(&mut dice, terms, digits),
            Task::Equation { digits } => equation(&mut dice, digits),
            Task::Modular { digits } => modular(&mut dice, digits),
            Task::Numeral { digits } => numeral(&mut dice, digits),
        }
    }
}

/// Uniform in `from..10^digits`.
fn number(dice: &mut Stream, from: i128, digits: u32) -> i128 {
    let width = 10_i128.pow(digits) - from;
    from + dice.below(usize::try_from(width).unwrap_or(usize::MAX)) as i128
}

fn drawn(text: String, steps: &[String], answer: i128) -> Drawn {
    let mut response = steps.join("\n");
    if !response.is_empty() {
        response.push('\n');
    }
    response.push_str(&format!("The answer is {answer}."));
    Drawn {
        text,
        answer: answer.to_string(),
        response,
    }
}

/// A sum of numbers and of products of two, worked out products first.
fn arithmetic(dice: &mut Stream, terms: usize, digits: u32) -> Drawn {
    let mut numbers = vec![number(dice, 0, digits)];
    let mut signs: Vec<char> = Vec::new();
    while numbers.len() < terms {
        // No product of three: results stay within twice the digits.
        let kinds = if signs.last() == Some(&'*') { 2 } else { 3 };
        signs.push(['+', '-', '*'][dice.below(kinds)]);
        numbers.push(number(dice, 0, digits));
    }
    let mut text = format!("Calculate {}", numbers[0]);
    for (sign, number) in signs.iter().zip(&numbers[1..]) {
        text.push_str(&format!(" {sign} {number}"));
    }
    text.push('.');
    let mut steps = Vec::new();
    while let Some(at) = signs
        .iter()
        .position(|sign| *sign == '*')
        .or((!signs.is_empty()).then_some(0))
    {
        let (left, right, sign) = (numbers[at], numbers[at + 1], signs[at]);
        let value = match sign {
            '*' => left * right,
            '+' => left + right,
            _ => left - right,
        };
        steps.push(format!("{left} {sign} {right} = {value}"));
        numbers.splice(at..=at + 1, [value]);
        signs.remove(at);
    }
    drawn(text, &steps, numbers[0])
}

fn equation(dice: &mut Stream, digits: u32) -> Drawn {
    let sign = |dice: &mut Stream| if dice.below(2) == 0 { 1 } else { -1 };
    let x = number(dice, 0, digits) * sign(dice);
    let a = number(dice, 2, digits);
    let b = number(dice, 1, digits) * sign(dice);
    let c = a * x + b;
    let (plus, minus) = if b > 0 { ('+', '-') } else { ('-', '+') };
    let size = b.abs();
    let steps = [
        format!("{a}x = {c} {minus} {size} = {}", a * x),
        format!("x = {} / {a} = {x}", a * x),
    ];
    drawn(format!("Solve {a}x {plus} {size} = {c} for x."), &steps, x)
}

/// A power by repeated squaring.
fn modular(dice: &mut Stream, digits: u32) -> Drawn {
    let base = number(dice, 2, digits);
    let exponent = 2 + dice.below(98) as u32;
    let modulus = number(dice, 2, digits);
    let mut steps = Vec::new();
    let (mut power, mut square, mut result) = (1_u32, base % modulus, 1 % modulus);
    steps.push(format!("{base}^1 = {square} mod {modulus}"));
    let mut factors = Vec::new();
    loop {
        if exponent & power != 0 {
            factors.push(square.to_string());
            result = result * square % modulus;
        }
        if power > exponent / 2 {
            break;
        }
        let next = square * square % modulus;
        power *= 2;
        steps.push(format!(
            "{base}^{power} = {square} * {square} = {next} mod {modulus}"
        ));
        square = next;
    }
    steps.push(format!(
        "{base}^{exponent} = {} = {result} mod {modulus}",
        factors.join(" * ")
    ));
    drawn(
        format!("What is {base}^{exponent} mod {modulus}?"),
        &steps,
        result,
    )
}

fn numeral(dice: &mut Stream, digits: u32) -> Drawn {
    let base = 2 + dice.below(8) as i128;
    let base = if base == 9 { 16 } else { base };
    // As long as it says, so that the first digit is none.
    let low = base.pow(digits.saturating_sub(1));
    let value = low + dice.below(usize::try_from(low * (base - 1)).unwrap_or(1).max(1)) as i128;
    let mut places = Vec::new();
    let mut left = value;
    while left > 0 {
        places.push(left % base);
        left /= base;
    }
    let written: String = places
        .iter()
        .rev()
        .map(|place| {
            char::from_digit(*place as u32, 16)
                .unwrap_or('0')
                .to_ascii_uppercase()
        })
        .collect();
    let mut terms: Vec<String> = (0_u32..)
        .zip(&places)
        .map(|(power, place)| format!("{place} * {}", base.pow(power)))
        .collect();
    terms.reverse();
    let steps = [format!("{} = {value}", terms.join(" + "))];
    drawn(
        format!("Write {written} in base {base} as a number in base 10."),
        &steps,
        value,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(name: &str, digits: f64, terms: f64) -> Task {
        Task::named(name, |option| {
            Some(if option == "terms" { terms } else { digits })
        })
        .unwrap()
    }

    #[test]
    fn problems_are_what_they_were() {
        let first = |name: &str| task(name, 2.0, 4.0).draw(1, 0).text;
        for name in NAMES {
            assert_eq!(first(name), first(name));
            assert_ne!(task(name, 2.0, 3.0).draw(1, 1), task(name, 2.0, 3.0).draw(2, 1));
        }
        assert!(Task::named("countdown", |_| None).is_none());
    }

    #[test]
    fn worked_responses_end_in_the_answer_and_every_step_of_them_holds() {
        let value = |text: &str| -> i128 {
            // Products before sums, as the task itself has them.
            let parts: Vec<&str> = text.split(' ').collect();
            let (mut sum, mut product, mut sign) = (0, parts[0].parse::<i128>().unwrap(), 1);
            for pair in parts[1..].chunks(2) {
                let next: i128 = pair[1].parse().unwrap();
                match pair[0] {
                    "*" => product *= next,
                    "/" => product /= next,
                    other => {
                        sum += sign * product;
                        (product, sign) = (next, if other == "+" { 1 } else { -1 });
                    }
                }
            }
            sum + sign * product
        };
        for (digits, terms) in [(1.0, 2.0), (2.0, 3.0), (3.0, 5.0), (6.0, 8.0)] {
            for index in 0..200 {
                let drawn = task("arithmetic", digits, terms).draw(7, index);
                let asked = drawn
                    .text
                    .strip_prefix("Calculate ")
                    .unwrap()
                    .strip_suffix('.')
                    .unwrap();
                assert_eq!(value(asked).to_string(), drawn.answer, "{asked}");
                for step in drawn.response.lines().filter(|line| line.contains('=')) {
                    let (left, right) = step.split_once(" = ").unwrap();
                    assert_eq!(value(left), right.parse::<i128>().unwrap(), "{step}");
                }

                let drawn = task("equation", digits, terms).draw(7, index);
                let x: i128 = drawn.answer.parse().unwrap();
                let asked = drawn
                    .text
                    .strip_prefix("Solve ")
                    .unwrap()
                    .strip_suffix(" for x.")
                    .unwrap();
                let (left, right) = asked.split_once(" = ").unwrap();
                let left = left.replacen('x', &format!(" * {x}"), 1);
                assert_eq!(value(&left), right.parse::<i128>().unwrap(), "{asked} with {x}");

                let drawn = task("modular", digits, terms).draw(7, index);
                let words: Vec<&str> = drawn.text.trim_end_matches('?').split(' ').collect();
                let (base, exponent) = words[2].split_once('^').unwrap();
                let (base, modulus): (i128, i128) = (base.parse().unwrap(), words[4].parse().unwrap());
                let power = (0..exponent.parse::<u32>().unwrap())
                    .fold(1 % modulus, |power, _| power * base % modulus);
                assert_eq!(power.to_string(), drawn.answer, "{}", drawn.text);

                let drawn = task("numeral", digits, terms).draw(7, index);
                let words: Vec<&str> = drawn.text.split(' ').collect();
                let read = i128::from_str_radix(words[1], words[4].parse().unwrap()).unwrap();
                assert_eq!(read.to_string(), drawn.answer, "{}", drawn.text);
                assert_eq!(words[1].len(), digits as usize);
                let terms = drawn.response.lines().next().unwrap().split_once(" = ").unwrap();
                assert_eq!(value(terms.0).to_string(), terms.1, "{}", drawn.response);
                for (name, drawn) in NAMES.map(|name| (name, task(name, digits, 3.0).draw(7, index))) {
                    let end = format!("The answer is {}.", drawn.answer);
                    assert!(drawn.response.ends_with(&end), "{name}: {}", drawn.response);
                }
            }
        }
    }
}

//! Known functions and how they are written: `\sin^2 x`, `\log_2 8`, `max(1, 2)`, `\operatorname{lcm}(4, 6)`.

use super::sum::product;
use super::{Parsed, Parser, Refusal};
use crate::math::expression::{Expr, Fold};

/// Spellings of functions and the names that [`Expr::Function`] gives them.
const FUNCTIONS: [(&str, &str); 66] = [
    ("arcsin", "arcsin"),
    ("arccos", "arccos"),
    ("arctan", "arctan"),
    ("arctg", "arctan"),
    ("arccot", "arccot"),
    ("arcsec", "arcsec"),
    ("arccsc", "arccsc"),
    ("asin", "arcsin"),
    ("acos", "arccos"),
    ("atan", "arctan"),
    ("acot", "arccot"),
    ("asec", "arcsec"),
    ("acsc", "arccsc"),
    ("arcsinh", "arcsinh"),
    ("arccosh", "arccosh"),
    ("arctanh", "arctanh"),
    ("arsinh", "arcsinh"),
    ("arcosh", "arccosh"),
    ("artanh", "arctanh"),
    ("asinh", "arcsinh"),
    ("acosh", "arccosh"),
    ("atanh", "arctanh"),
    ("sinh", "sinh"),
    ("cosh", "cosh"),
    ("tanh", "tanh"),
    ("coth", "coth"),
    ("sech", "sech"),
    ("csch", "csch"),
    ("sin", "sin"),
    ("cos", "cos"),
    ("tan", "tan"),
    ("tg", "tan"),
    ("cot", "cot"),
    ("ctg", "cot"),
    ("sec", "sec"),
    ("csc", "csc"),
    ("cosec", "csc"),
    ("exp", "exp"),
    ("ln", "ln"),
    ("log", "log"),
    ("lg", "lg"),
    ("max", "max"),
    ("min", "min"),
    ("gcd", "gcd"),
    ("gcf", "gcd"),
    ("hcf", "gcd"),
    ("lcm", "lcm"),
    ("floor", "floor"),
    ("ceil", "ceil"),
    ("ceiling", "ceil"),
    ("abs", "abs"),
    ("sgn", "sgn"),
    ("sign", "sgn"),
    ("Re", "re"),
    ("Im", "im"),
    ("arg", "arg"),
    ("Arg", "arg"),
    ("det", "det"),
    ("cis", "cis"),
    ("binom", "binom"),
    ("binomial", "binom"),
    ("factorial", "factorial"),
    ("mod", "mod"),
    ("nCr", "binom"),
    ("nPr", "permutations"),
    ("sqrt", "sqrt"),
];

/// The function that a spelling names.
pub(super) fn known(word: &str) -> Option<&'static str> {
    FUNCTIONS
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, function)| *function)
}

fn takes_many(function: &str) -> bool {
    matches!(
        function,
        "max" | "min" | "gcd" | "lcm" | "binom" | "permutations" | "mod" | "log"
    )
}

impl Parser {
    /// A function's power, base and argument, after its name.
    pub(super) fn call(&mut self, function: &'static str) -> Parsed {
        if function == "sqrt" {
            return self.root();
        }
        let mut base = if self.take("_") {
            Some(self.argument(true)?)
        } else {
            None
        };
        let power = if self.take("^") {
            Some(self.argument(true)?)
        } else {
            None
        };
        if base.is_none() && self.take("_") {
            base = Some(self.argument(true)?);
        }
        self.space();
        let mut arguments = match self.peek() {
            Some('(' | '{' | '[') => match self.deeper(Self::atom)? {
                Expr::List('(' | ' ' | '[', items, _) if takes_many(function) => items,
                one => vec![one],
            },
            _ => vec![self.bare_argument()?],
        };
        if matches!(arguments.as_slice(), [Expr::List('{', ..)]) && takes_many(function) {
            // `\max\{1, 2\}`
            if let Some(Expr::List(_, items, _)) = arguments.pop() {
                arguments = items;
            }
        }
        if function == "binom" && arguments.len() == 1 {
            arguments.push(self.argument(true)?);
        }
        // `\sin x!` and `\sin x^2` are read inside; `\sin(x)^2` is the power of the value, outside.
        let called = self.called(function, arguments, base)?;
        self.node(match power {
            None => called,
            // `\sin^{-1}` is the inverse function, not the reciprocal.
            Some(power)
                if power == Expr::integer(1).negative()
                    || power == Expr::Negative(Box::new(Expr::integer(1))) =>
            {
                inverse(called)?
            }
            Some(power) => Expr::Power(Box::new(called), Box::new(power)),
        })
    }

    fn called(&mut self, function: &'static str, mut arguments: Vec<Expr>, base: Option<Expr>) -> Parsed {
        let two = matches!(function, "binom" | "permutations" | "mod");
        if two && arguments.len() != 2 {
            return Err(Refusal::Foreign);
        }
        match (function, base) {
            ("lg", None) => {
                arguments.push(Expr::integer(10));
                Ok(Expr::Function("log", arguments))
            }
            ("log", Some(base)) if arguments.len() == 1 => {
                arguments.push(base);
                Ok(Expr::Function("log", arguments))
            }
            ("cis", None) => {
                let angle = arguments.swap_remove(0);
                let sine = Expr::Function("sin", vec![angle.clone()]);
                Ok(Expr::Add(vec![
                    Expr::Function("cos", vec![angle]),
                    Expr::Multiply(vec![Expr::I, sine]),
                ]))
            }
            // `\max_{x} f`, `\min_…` name what varies, which makes them no value.
            (_, Some(_)) => Err(Refusal::Foreign),
            ("log", None) if arguments.len() > 2 => Err(Refusal::Foreign),
            _ => Ok(Expr::Function(function, arguments)),
        }
    }

    /// `\sin 2x` takes the product, not the sum.
    fn bare_argument(&mut self) -> Parsed {
        if self.take("-") {
            return Ok(Expr::Negative(Box::new(self.bare_argument()?)));
        }
        let mut argument = self.factor()?;
        loop {
            self.space();
            let name = self.letters();
            let greek = self.peek() == Some('\\')
                && (name == "pi" || name == "frac" && matches!(argument, Expr::Number(_)) || is_greek(&name));
            let letter = self.peek().is_some_and(|c| c.is_ascii_alphabetic()) && known(&name).is_none();
            let joint = ["and ", "or "].iter().any(|word| self.starts(word));
            if !(greek || letter) || joint {
                break;
            }
            argument = product(argument, self.factor()?);
        }
        // `\sin \pi/4` means the quotient where the numerator is a constant.
        if matches!(argument, Expr::Pi | Expr::Number(_) | Expr::Multiply(_))
            && !argument.has_names()
            && argument.any(&|part| matches!(part, Expr::Pi))
            && self.take("/")
        {
            let bottom = self.factor()?;
            argument = argument.over(bottom);
        }
        Ok(argument)
    }

    /// `\sqrt[n]{x}`, `\sqrt2`, `sqrt(x)`, after the name.
    pub(super) fn root(&mut self) -> Parsed {
        let mut degree = 2;
        if self.take("[") {
            let text: String = self
                .chars
                .iter()
                .skip(self.at)
                .take_while(|c| **c != ']')
                .take(12)
                .collect();
            let Ok(known) = text.trim().trim_matches(['{', '}']).parse::<u32>() else {
                return self.symbolic_root();
            };
            degree = known;
            self.at += text.chars().count();
            if !self.take("]") || !(1..=64).contains(&degree) {
                return Err(Refusal::Foreign);
            }
        }
        self.space();
        let inner = match self.peek() {
            Some('(') => self.deeper(Self::atom)?,
            _ => self.argument(false)?,
        };
        self.node(Expr::Root(Box::new(inner), degree))
    }

    /// `\sqrt[n]{x}` with a name for the degree, after the bracket: a power.
    fn symbolic_root(&mut self) -> Parsed {
        let degree = self.sum()?;
        if !self.take("]") {
            return Err(Refusal::Foreign);
        }
        let inner = self.argument(false)?;
        self.node(Expr::Power(
            Box::new(inner),
            Box::new(Expr::integer(1).over(degree)),
        ))
    }

    /// `\sum_{k=1}^{n} f(k)`, after the command.
    pub(super) fn fold(&mut self, fold: Fold) -> Parsed {
        let (mut from, mut to) = (None, None);
        for _ in 0..2 {
            if self.take("_") {
                from = Some(self.argument(true)?);
            } else if self.take("^") {
                to = Some(self.argument(true)?);
            }
        }
        let (Some(Expr::Relation(terms, kinds)), Some(to)) = (from, to) else {
            return Err(Refusal::Foreign);
        };
        let ([name, from], ["="]) = (terms.as_slice(), kinds.as_slice()) else {
            return Err(Refusal::Foreign);
        };
        // `i` as an index is no imaginary unit.
        let imaginary = matches!(name, Expr::I);
        let name = match name {
            Expr::Name(name) => name.clone(),
            Expr::I => "i".to_owned(),
            _ => return Err(Refusal::Foreign),
        };
        let mut body = self.term()?;
        if imaginary {
            body = without_i(&body);
        }
        self.node(Expr::Fold(fold, name, Box::new([from.clone(), to, body])))
    }
}

fn without_i(tree: &Expr) -> Expr {
    match tree {
        Expr::I => Expr::Name("i".to_owned()),
        other => other.map(&mut without_i),
    }
}

fn inverse(called: Expr) -> Parsed {
    let Expr::Function(name, arguments) = called else {
        return Err(Refusal::Foreign);
    };
    let name = match name {
        "sin" => "arcsin",
        "cos" => "arccos",
        "tan" => "arctan",
        "cot" => "arccot",
        "sec" => "arcsec",
        "csc" => "arccsc",
        "sinh" => "arcsinh",
        "cosh" => "arccosh",
        "tanh" => "arctanh",
        _ => return Err(Refusal::Foreign),
    };
    Ok(Expr::Function(name, arguments))
}

/// Greek letters and other commands that are names of values.
pub(super) fn is_greek(name: &str) -> bool {
    const NAMES: [&str; 47] = [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "rho",
        "sigma",
        "tau",
        "upsilon",
        "phi",
        "chi",
        "psi",
        "omega",
        "varepsilon",
        "vartheta",
        "varpi",
        "varrho",
        "varsigma",
        "varphi",
        "ell",
        "hbar",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Sigma",
        "Upsilon",
        "Phi",
        "Psi",
        "Omega",
        "imath",
        "jmath",
        "aleph",
        "nabla",
        "angle",
        "triangle",
        "Pi",
    ];
    NAMES.contains(&name)
}

//! What each form means: snippets and their trees.

#![allow(clippy::unwrap_used)]

use rlx_grammar::ast::{
    Body, Checkpoint, Expr, ExprKind, ItemKind, Keyword, Number, Operator, Pick, Span, Step, UseFrom,
};
use rlx_grammar::{parse, parse_expression, parse_setting};

/// A value as an S-expression.
fn show(expr: &Expr) -> String {
    let path = |names: &[rlx_grammar::ast::Ident]| {
        names
            .iter()
            .map(|name| name.node.as_str())
            .collect::<Vec<_>>()
            .join(".")
    };
    let fields = |fields: &[rlx_grammar::ast::Field]| {
        fields
            .iter()
            .map(|field| format!(" {}={}", path(&field.name.node), show(&field.value)))
            .collect::<String>()
    };
    match &expr.node {
        ExprKind::Number(Number { value, unit, .. }) => {
            format!(
                "{value}{}",
                unit.as_ref()
                    .map_or(String::new(), |unit| format!("'{}", unit.node))
            )
        }
        ExprKind::Text(text) => format!("{text:?}"),
        ExprKind::Bool(bool) => bool.to_string(),
        ExprKind::None => "none".to_owned(),
        ExprKind::Path(names) => path(&names.node),
        ExprKind::List(list) => {
            format!("[{}]", list.iter().map(show).collect::<Vec<_>>().join(" "))
        }
        ExprKind::Record(record) => format!("{{{}}}", fields(record).trim_start()),
        ExprKind::Update {
            base,
            fields: changed,
        } => format!("({} with{})", show(base), fields(changed)),
        ExprKind::Call { callee, arguments } => {
            let arguments: String = arguments
                .iter()
                .map(|argument| {
                    let name = argument
                        .name
                        .as_ref()
                        .map_or(String::new(), |n| format!("{}=", n.node));
                    format!(" {name}{}", show(&argument.value))
                })
                .collect();
            format!("({}{arguments})", path(&callee.node))
        }
        ExprKind::Members { of, selectors } => {
            let selectors: Vec<String> = selectors
                .iter()
                .map(|selector| {
                    let axis = selector
                        .axis
                        .as_ref()
                        .map_or(String::new(), |n| format!("{}=", n.node));
                    match &selector.pick {
                        Pick::All(_) => format!("{axis}*"),
                        Pick::Value(value) => format!("{axis}{}", show(value)),
                    }
                })
                .collect();
            format!("{}[{}]", path(&of.node), selectors.join(" "))
        }
        ExprKind::Range { start, end, step } => {
            let step = match step {
                None => String::new(),
                Some(Step::Add(by)) => format!(" +{}", show(by)),
                Some(Step::Multiply(by)) => format!(" *{}", show(by)),
            };
            format!("({}..{}{step})", show(start), show(end))
        }
        ExprKind::Checkpoint { of, at } => {
            let at = match at {
                Checkpoint::Step(step) => show(step),
                Checkpoint::All(_) => "*".to_owned(),
                Checkpoint::Last(_) => "last".to_owned(),
            };
            format!("{}@{at}", show(of))
        }
        ExprKind::Negate(of) => format!("(neg {})", show(of)),
        ExprKind::Not(of) => format!("(not {})", show(of)),
        ExprKind::Binary {
            operator,
            left,
            right,
        } => {
            let sign = match operator.node {
                Operator::Or => "or",
                Operator::And => "and",
                Operator::Equal => "==",
                Operator::NotEqual => "!=",
                Operator::Less => "<",
                Operator::LessEqual => "<=",
                Operator::Greater => ">",
                Operator::GreaterEqual => ">=",
                Operator::Union => "|",
                Operator::Intersection => "&",
                Operator::Add => "+",
                Operator::Subtract => "-",
                Operator::Multiply => "*",
                Operator::Divide => "/",
            };
            format!("({sign} {} {})", show(left), show(right))
        }
    }
}

#[test]
fn values_mean_what_they_show() {
    for (text, tree) in [
        ("1_024 samples", "1024'samples"),
        ("1024samples", "1024'samples"),
        ("5%", "5'%"),
        ("1e-6", "0.000001"),
        ("2.5E+1 hours", "25'hours"),
        ("-3", "(neg 3)"),
        ("rl[grpo, steps = 150]@*", "rl[grpo steps=150]@*"),
        ("lab.rl[*, 2] { a = 1 }", "(lab.rl[* 2] with a=1)"),
        ("1..n by *2", "(1..n *2)"),
        ("0..100 by 10", "(0..100 +10)"),
        ("1..n - 1", "(1..(- n 1))"),
        ("-5..-1", "((neg 5)..(neg 1))"),
        ("1..64 samples by *2", "(1..64'samples *2)"),
        ("rl@150", "rl@150"),
        ("[base, rl@*, a.b@last, rl@k]", "[base rl@* a.b@last rl@k]"),
        ("rl@lasting", "rl@lasting"),
        ("grpo { kl = none, x = 1, }", "(grpo with kl=none x=1)"),
        (
            "std.algorithms.grpo { kl = 1 }",
            "(std.algorithms.grpo with kl=1)",
        ),
        (
            "init {\n a = 1\n\n b = { c = true } // x\n}",
            "(init with a=1 b={c=true})",
        ),
        ("{}", "{}"),
        ("[]", "[]"),
        ("f()", "(f)"),
        ("f(a, k = 2, of = [x],)", "(f a k=2 of=[x])"),
        ("f(\n a\n, b = 2 // two\n)", "(f a b=2)"),
        ("f(a == b, k = c == d)", "(f (== a b) k=(== c d))"),
        ("a or b and not c > d", "(or a (and b (not (> c d))))"),
        ("a < b and b < c or d", "(or (and (< a b) (< b c)) d)"),
        ("a | b & c", "(| a (& b c))"),
        ("a - b - c", "(- (- a b) c)"),
        ("1 + 2 * 3 - 4 / -5", "(- (+ 1 (* 2 3)) (/ 4 (neg 5)))"),
        ("(1 + 2) * 3", "(* (+ 1 2) 3)"),
        ("a\n | b\n | c", "(| (| a b) c)"),
        ("a -\n b", "(- a b)"),
        ("not not a", "(not (not a))"),
        ("none", "none"),
        ("nonesuch", "nonesuch"),
        ("rl@* - x", "(- rl@* x)"),
        (r#""a\n\t\"\\ \u{e9} {problem}""#, r#""a\n\t\"\\ é {problem}""#),
        ("\"a\r\nb\"", r#""a\nb""#),
        ("// first\n a", "a"),
        ("data", "data"),
        ("1_024..2 by step", "(1024..2 +step)"),
    ] {
        let value = parse_expression(text).unwrap_or_else(|errors| panic!("{text}: {errors:#?}"));
        assert_eq!(show(&value), tree, "{text}");
    }
}

#[test]
fn a_span_ends_with_its_last_token() {
    let at = |text: &str| parse_expression(text).unwrap().span;
    assert_eq!(at("  f(a)   // c\n"), Span { start: 2, end: 6 });
    assert_eq!(at("1..n   // c\n"), Span { start: 0, end: 4 });
    assert_eq!(at("1..n by *2   // c\n"), Span { start: 0, end: 10 });
    assert_eq!(at("rl@last // c"), Span { start: 0, end: 7 });
    assert_eq!(at("base   // c"), Span { start: 0, end: 4 });
    assert_eq!(at("a { b = 1 }  "), Span { start: 0, end: 11 });
    assert_eq!(at("(a + b) * c "), Span { start: 0, end: 11 });
    assert_eq!(at("1024 samples  "), Span { start: 0, end: 12 });
    assert_eq!(at("[ a ] // c"), Span { start: 0, end: 5 });
}

#[test]
fn declarations_hold_their_docs_and_places() {
    let text = "\u{feff}//! One.\n//! Two.\n\n/// The base.\n///\n/// Twice.\nmodel base = m // c\n\n\
                use \"./shared.rlx\" as shared\nuse std.models.{\n  a, // first\n  b,\n}\n\
                use std.data.math_train\n\
                figure f \"Title\" = g(a)\nclaim c \"says\" {\n  // why\n  a > b\n}\n\
                profile small {\n  rl.steps = 20 steps, n = 3\n}\n";
    let parsed = parse(text);
    assert!(parsed.errors.is_empty(), "{:#?}", parsed.errors);
    let file = parsed.file;
    assert_eq!(file.doc.as_deref(), Some("One.\nTwo."));
    assert_eq!(file.items.len(), 7);
    assert_eq!(file.items[0].doc.as_deref(), Some("The base.\n\nTwice."));
    let slice = |span: Span| &text[span.start..span.end];
    assert_eq!(slice(file.items[0].span), "model base = m");
    assert_eq!(slice(file.items[1].span), "use \"./shared.rlx\" as shared");
    assert!(slice(file.items[2].span).ends_with("b,\n}"));
    let ItemKind::Use(shared) = &file.items[1].kind else {
        panic!("no use")
    };
    assert!(matches!(&shared.from, UseFrom::File(file) if file.node == "./shared.rlx"));
    assert_eq!(shared.alias.as_ref().unwrap().node, "shared");
    let ItemKind::Use(models) = &file.items[2].kind else {
        panic!("no use")
    };
    assert!(matches!(&models.from, UseFrom::Path(path) if path.node.len() == 2));
    assert_eq!(
        models
            .names
            .iter()
            .map(|name| slice(name.span))
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    let ItemKind::Declaration(figure) = &file.items[4].kind else {
        panic!("no figure")
    };
    assert_eq!(figure.keyword.node, Keyword::Figure);
    assert_eq!(figure.title.as_ref().unwrap().node, "Title");
    let ItemKind::Declaration(claim) = &file.items[5].kind else {
        panic!("no claim")
    };
    let Body::Block(block) = &claim.body else {
        panic!("no block")
    };
    assert_eq!(slice(block.span), "{\n  // why\n  a > b\n}");
    assert_eq!(show(&block.node), "(> a b)");
    let ItemKind::Profile(profile) = &file.items[6].kind else {
        panic!("no profile")
    };
    assert_eq!(profile.fields[0].name.node.len(), 2);
    assert_eq!(slice(profile.fields[0].name.span), "rl.steps");
}

#[test]
fn words_of_declarations_are_names_of_fields() {
    let text = "train rl {\n    data = data\n    model = model\n    use = 1\n    claim = param\n}\n";
    let parsed = parse(text);
    assert!(parsed.errors.is_empty(), "{:#?}", parsed.errors);
    assert_eq!(parsed.file.items.len(), 1);
}

#[test]
fn a_text_can_hold_lines_that_look_like_declarations() {
    let text = "let a = \"\nparam n = 1\ntrain rl {\n\"\nlet b = 2\n";
    let parsed = parse(text);
    assert!(parsed.errors.is_empty(), "{:#?}", parsed.errors);
    assert_eq!(parsed.file.items.len(), 2);
}

#[test]
fn a_setting_is_a_dotted_name_and_a_value() {
    let field = parse_setting("rl.steps=20 steps").unwrap();
    assert_eq!(field.name.node.len(), 2);
    assert_eq!(show(&field.value), "20'steps");
    assert!(parse_setting("rl.steps").is_err());
    assert!(parse_setting("a = 1\nb = 2").is_err());
}

//! Families: how they are read, laid out and refused.

use rlx_grammar::ast::{Body, Declaration, ExprKind, ItemKind, Keyword, Pick};
use rlx_grammar::{format, parse, parse_expression, parse_setting};

fn declaration(source: &str) -> Declaration {
    let parsed = parse(source);
    assert!(parsed.errors.is_empty(), "{source}: {:?}", parsed.errors);
    assert_eq!(parsed.file.items.len(), 1, "{source}");
    match parsed.file.items.into_iter().next().map(|item| item.kind) {
        Some(ItemKind::Declaration(declaration)) => declaration,
        other => panic!("{source}: {other:?}"),
    }
}

fn errors(source: &str) -> Vec<String> {
    let errors = parse(source).errors;
    errors.into_iter().map(|error| error.message).collect()
}

/// Names of the axes, and whether there is a condition.
fn axes(source: &str) -> (Vec<String>, bool) {
    let family = declaration(source).family.expect("a family").node;
    let names = family.axes.into_iter().map(|axis| axis.name.node).collect();
    (names, family.condition.is_some())
}

#[test]
fn every_kind_takes_a_for() {
    let one = (vec!["a".to_owned()], false);
    for source in [
        "train rl for a in [1, 2] { seed = a }",
        "model m for a in xs { source = a }",
        "evaluate e for a in { low = 1, high = 2 } { seed = a }",
        "figure f for a in 1..4 by *2 = summary(e[a])",
        "figure f \"t\" for a in [1] = summary(e[a])",
        "figure f for a in [1] \"t\" = summary(e[a])",
        "table t for a in rl@* = summary(e[a])",
        "train r2 for a in rl[*] = a { seed = 2 }",
        "claim c for a in [1] \"c\" { pass(e[a], b, k = 1) > 1% }",
        "claim c \"c\" for a in [1] { pass(e[a], b, k = 1) > 1% }",
    ] {
        assert_eq!(axes(source), one, "{source}");
    }
}

#[test]
fn the_brace_after_a_name_is_the_body() {
    let train =
        declaration("train rl for algo in algos, n in 1..m where algo != ppo or n < last { seed = n }");
    assert!(matches!(train.body, Body::Fields(_)));
    assert_eq!(train.keyword.node, Keyword::Train);
    let family = train.family.expect("a family").node;
    assert_eq!(family.axes.len(), 2);
    assert!(matches!(family.axes[1].domain.node, ExprKind::Range { .. }));
    assert!(family.condition.is_some());
}

#[test]
fn a_head_goes_on_in_the_next_lines() {
    let source = "train rl\n    for algo in [ppo, grpo], // two\n        data in [1, 2]\n    where algo != ppo {\n    seed = data\n}\nlet x = 3\n";
    let parsed = parse(source);
    assert!(parsed.errors.is_empty(), "{:?}", parsed.errors);
    assert_eq!(parsed.file.items.len(), 2);
    assert_eq!(format(&format(source).expect("laid out")), format(source));
}

#[test]
fn members_are_chosen_in_brackets() {
    let members = |text: &str| match parse_expression(text).map(|expr| expr.node) {
        Ok(ExprKind::Members { of, selectors }) => (of.node.len(), selectors),
        other => panic!("{text}: {other:?}"),
    };
    assert!(matches!(members("rl[*]").1[0].pick, Pick::All(_)));
    let (length, selectors) = members("lab.rl[grpo, steps = 150]");
    assert_eq!((length, selectors.len()), (2, 2));
    assert_eq!(
        selectors[1].axis.as_ref().map(|axis| axis.node.as_str()),
        Some("steps")
    );
    let checkpoint = parse_expression("rl[*]@*").map(|expr| expr.node);
    assert!(
        matches!(checkpoint, Ok(ExprKind::Checkpoint { of, .. }) if matches!(of.node, ExprKind::Members { .. }))
    );
    let update = parse_expression("rl[grpo] { seed = 2 }").map(|expr| expr.node);
    assert!(
        matches!(update, Ok(ExprKind::Update { base, .. }) if matches!(base.node, ExprKind::Members { .. }))
    );
}

#[test]
fn settings_reach_members() {
    let field = parse_setting("rl[grpo, 150].optimizer.warmup=2").expect("a setting");
    assert_eq!(field.name.node.len(), 3);
    let (at, members) = field.members.expect("members");
    assert_eq!((at, members.node.len()), (1, 2));
}

#[test]
fn the_layout_of_families() {
    let source = "train rl for algo in [ppo,grpo],steps in[150,300]where not(algo==ppo and steps==300){ seed=1 }\n\
                  figure f for a in {low=1,high=2}=summary(e [a,*],of=rl [ * ]@ *)\n";
    let laid = "train rl for algo in [ppo, grpo], steps in [150, 300] where not (algo == ppo and steps == 300) {\n    seed = 1\n}\n\
                figure f for a in { low = 1, high = 2 } = summary(e[a, *], of = rl[*]@*)\n";
    assert_eq!(format(source).as_deref(), Ok(laid));
    assert_eq!(format(laid).as_deref(), Ok(laid));
    let lines = "train rl\n    for algo in [ppo, grpo]\n    where algo == ppo {\n    seed = 1\n}\n";
    assert_eq!(format(lines).as_deref(), Ok(lines));
}

#[test]
fn forms_of_other_languages_are_put_right() {
    for (source, help) in [
        ("train rl in [1, 2] { seed = 1 }", "declared with `for`"),
        ("train rl[grpo] { seed = 1 }", "declared with `for`"),
        ("train rl for algo = [ppo] { seed = 1 }", "behind `in`"),
        ("train rl for algo in ppo, grpo { seed = 1 }", "stand in brackets"),
        ("train rl for algo in [ppo]:\n    seed = 1\n", "stand in braces"),
        ("let a = n if b else c", "no conditions"),
        ("let a = ${n}", "`n`, not `${n}`"),
    ] {
        let errors = parse(source).errors;
        let found = errors.iter().filter_map(|error| error.help.as_deref());
        assert!(
            found.clone().any(|text| text.contains(help)),
            "{source}: {errors:?}"
        );
    }
}

#[test]
fn what_is_no_family() {
    assert_eq!(
        errors("let x for a in [1] = a"),
        ["a `let` is one value: it has no `for`"]
    );
    assert_eq!(errors("for x in [1, 2] {\n}\n").len(), 1);
    assert_eq!(
        errors("let a = 1\nfor x in a:\n")[0],
        "expected a declaration, found `for`"
    );
    assert_eq!(errors("train rl for a in [1] for b in [2] { seed = a }").len(), 1);
    assert_eq!(
        errors("train rl { rl[a] = 2 }"),
        ["the name of a field has no brackets"]
    );
    assert_eq!(errors("let a = b[]"), ["no member is named in the brackets"]);
    assert_eq!(errors("train rl for { seed = 1 }").len(), 1);
    assert_eq!(errors("train rl for a = [1] { seed = 1 }").len(), 1);
    assert_eq!(errors("train rl for a in { seed = a }").len(), 1);
}

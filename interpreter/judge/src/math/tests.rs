use super::*;

fn judge(gold: &str, response: &str) -> Verdict {
    Math.judge(&Case {
        problem: "",
        gold,
        response,
        truncated: false,
        gold_is_text: false,
    })
}

fn boxed(gold: &str, answer: &str) -> Verdict {
    judge(gold, &format!("So we get $\\boxed{{{answer}}}$."))
}

#[test]
fn equal_answers_in_another_form() {
    let rows = [
        ("\\frac{1}{2}", "0.5"),
        ("\\frac{1}{2}", "\\dfrac12"),
        ("\\frac{2}{9}", "{2 \\over 9}"),
        ("56", "{8 \\choose 3}"),
        ("\\binom{n}{k}", "\\binom{n}{n-k}"),
        ("\\binom{n}{k}", "\\frac{n!}{k!(n-k)!}"),
        ("\\frac{\\pi}{2}", "\\arcsin 1"),
        ("\\pi", "\\arccos(-1)"),
        ("\\frac{1}{6}", "0.1\\overline{6}"),
        ("0.\\overline{27}", "\\frac{3}{11}"),
        ("no", "\\text{No}"),
        ("\\text{A, C}", "A, C"),
        ("9", "\\underline{9}"),
        ("\\frac{1}{2}", "1/2"),
        ("2\\frac{1}{2}", "2.5"),
        ("1234", "1,234"),
        ("1234", "1{,}234"),
        ("12.5\\%", "0.125"),
        ("50", "50\\%"),
        ("90^\\circ", "90"),
        ("5", "5\\text{ cm}"),
        ("5", "5 \\text{ cm}^2"),
        ("18", "\\$18.00"),
        ("5", "x = 5"),
        ("2\\sqrt{3}", "\\sqrt{12}"),
        ("\\frac{\\sqrt{2}}{2}", "\\frac{1}{\\sqrt{2}}"),
        ("4\\pi", "\\pi \\cdot 4"),
        ("(1,2)", "\\left( 1, 2 \\right)"),
        ("\\{1,2,3\\}", "3,2,1"),
        ("1,2", "2 \\text{ and } 1"),
        ("1 \\pm \\sqrt{2}", "1+\\sqrt{2}, 1-\\sqrt{2}"),
        ("(-\\infty,3]", "x \\le 3"),
        ("[0,1) \\cup (2,3)", "(2,3) \\cup [0,1)"),
        ("x^2+2x+1", "(x+1)^2"),
        ("y=2x+1", "2x-y+1=0"),
        ("\\text{Evelyn}", "evelyn"),
        ("\\text{(C)}", "C"),
        (
            "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}",
            "\\begin{pmatrix}1\\\\2\\end{pmatrix}",
        ),
        ("2^{10}", "1024"),
        ("10!", "3628800"),
        ("\\binom{5}{2}", "10"),
        ("-\\frac{3}{4}", "\\frac{-3}{4}"),
        ("3i+2", "2+3i"),
        ("10^{20}", "1e20"),
        ("5", "five"),
        ("27.0", "27"),
        ("033", "33"),
        ("\\frac{\\pi}{6}", "30^\\circ"),
        ("\\sin 30^\\circ", "1/2"),
        ("C", "\\textbf{(C)}\\ 12"),
        ("\\lceil 2.1 \\rceil", "3"),
        ("a=1,b=2", "b=2,a=1"),
        ("\\text{ellipse}", "\\text{an ellipse}"),
        // numbers and how they are typed
        ("2500", "2{,}500"),
        ("1234567", "1\\,234\\,567"),
        ("7", "7."),
        ("-7", "−7"),
        ("1/3", "0.333333333333"),
        ("2.75", "2,75"),
        ("301", "three hundred and one"),
        ("1.2\\times 10^{-5}", "1.2e-5"),
        ("\\frac{7}{2}", "3 1/2"),
        ("8", "2^3"),
        ("212_3", "212_{\\text{three}}"),
        ("212_3", "212"),
        ("2F_{16}", "2F_{16}"),
        // units, percent, degrees
        ("3 \\text{ m}", "300 \\text{ cm}"),
        ("35\\%", "35 \\text{ percent}"),
        ("60^\\circ", "\\frac{\\pi}{3}"),
        ("3\\text{ hours}", "180 \\text{ minutes}"),
        ("10", "\\text{Rs. } 10"),
        // sets, intervals, inequalities
        ("(-\\infty,-2)\\cup(2,\\infty)", "|x|>2"),
        ("x \\ne 3", "(-\\infty,3) \\cup (3,\\infty)"),
        ("\\mathbb{R} \\setminus \\{3\\}", "x \\neq 3"),
        ("[1,3]", "[1,2] \\cup [2,3]"),
        ("(1,2)", "(0,2) \\cap (1,5)"),
        ("x > 2", "-2x < -4"),
        ("2 < x \\le 5", "5 \\ge x > 2"),
        ("\\{3,1,2\\}", "\\{1,2,2,3\\}"),
        ("x<-1 \\text{ or } x>4", "(-\\infty,-1)\\cup(4,\\infty)"),
        ("\\{x \\mid x > 3\\}", "(3,\\infty)"),
        ("\\emptyset", "\\text{no solution}"),
        ("\\text{all real numbers}", "(-\\infty, \\infty)"),
        // formulas
        ("\\cos 2x", "2\\cos^2 x - 1"),
        ("\\ln 8", "3 \\ln 2"),
        ("\\log_2 10", "\\frac{\\log 10}{\\log 2}"),
        ("\\frac{x^2-4}{x-2}", "x+2"),
        ("e^{i\\pi/3}", "\\frac{1+i\\sqrt 3}{2}"),
        ("\\sqrt{3+2\\sqrt{2}}", "1+\\sqrt2"),
        ("n(n-1)!", "n!"),
        ("\\binom{n}{2}", "\\frac{n(n-1)}{2}"),
        ("\\sum_{k=1}^{n} k^2", "\\frac{n(n+1)(2n+1)}{6}"),
        ("(-1)^n", "\\cos(n\\pi)"),
        ("\\gcd(12, 18)", "6"),
        ("a_{n+1}", "a_{1+n}"),
        ("\\arctan 1", "\\frac{\\pi}{4}"),
        ("\\frac{1}{2\\sqrt[3]{x}}", "\\frac{x^{-1/3}}{2}"),
        ("\\left|-5\\right|", "5"),
        ("\\sqrt{x^2}", "|x|"),
        // equations
        ("y = 2x + 1", "4x - 2y + 2 = 0"),
        ("x = 3, y = 4", "y = 4, x = 3"),
        ("S = 2\\pi r h", "2\\pi h r"),
        ("x=2 \\text{ or } x=-2", "\\pm 2"),
        ("x \\equiv 3 \\pmod 7", "3"),
        // matrices and vectors
        (
            "\\begin{pmatrix} 7 \\\\ 10 \\end{pmatrix}",
            "\\begin{bmatrix} 1 & 2 \\\\ 3 & 1 \\end{bmatrix} \\begin{bmatrix} 13/5 \\\\ 11/5 \\end{bmatrix}",
        ),
        ("-2", "\\begin{vmatrix} 1 & 2 \\\\ 3 & 4 \\end{vmatrix}"),
        ("(1,2,3)", "[1,2,3]"),
        // choices and times
        ("12", "\\textbf{(C)}\\ 12"),
        ("3:45 \\text{ p.m.}", "15:45"),
    ];
    for (gold, answer) in rows {
        let verdict = boxed(gold, answer);
        assert_eq!(
            verdict.outcome,
            Outcome::Correct,
            "{gold} / {answer}: {verdict:?}"
        );
    }
}

#[test]
fn unequal_answers_stay_unequal() {
    let rows = [
        ("0.2", "20"),
        ("(1,2)", "(2,1)"),
        ("(1,2)", "[1,2]"),
        ("[0,1)", "[0,1]"),
        ("99999", "100000"),
        ("\\frac{1}{3}", "0.333"),
        ("\\pi", "3.14"),
        ("1234", "1,2,3,4"),
        ("x^2+2x+1", "(x+2)^2"),
        ("\\text{Evelyn}", "\\text{Angela}"),
        ("C", "D"),
        ("2\\sqrt{3}", "3\\sqrt{2}"),
        ("5", "-5"),
        ("1,2", "1,2,3"),
        ("2^{2009}-1", "2^{2009}-9"),
        ("x=5", "y=5"),
        ("\\infty", "-\\infty"),
        ("D", "\\textbf{(C)}\\ 12"),
        ("30", "\\frac{\\pi}{6}"),
        ("212_3", "23"),
        ("5 \\text{ cm}", "5 \\text{ cm}^2"),
        ("3 \\text{ m}", "3 \\text{ cm}"),
        ("|x|", "x"),
        ("\\sqrt{x^2}", "x"),
        ("(-\\infty,-2)\\cup(2,\\infty)", "|x| \\ge 2"),
        ("[1,3]", "[1,2) \\cup (2,3]"),
        ("x > 2", "-2x > -4"),
        ("(0,1)", "0,1,2"),
        ("2,2,3", "2,3"),
        ("\\sin x", "x"),
        ("x + 10^{-40}", "x"),
        ("e^{\\pi\\sqrt{163}}", "262537412640768744"),
        ("f(x+1)", "f(x)+f(1)"),
        ("a_{n+1}", "a_n + 1"),
        ("\\frac{22}{7}", "\\pi"),
        ("0.1", "0.10000000001"),
        ("104", "104.000000000001"),
        ("\\binom{n}{2}", "\\frac{n(n+1)}{2}"),
        ("y = 2x + 1", "y = 2x - 1"),
        ("x = 3, y = 4", "x = 4, y = 3"),
        ("1 \\pm \\sqrt 2", "1 + \\sqrt 2"),
        ("3:45 \\text{ p.m.}", "3:45 \\text{ a.m.}"),
        ("11", "\\textbf{(C)}\\ 12"),
        ("\\ln 8", "2 \\ln 3"),
        ("3", "3x"),
        ("\\text{no}", "\\text{yes}"),
        ("no", "on"),
        ("\\binom{n}{k}", "\\binom{n}{k+1}"),
        ("\\binom{n}{k}", "\\binom{k}{n}"),
        ("0.1\\overline{6}", "0.16"),
        ("{8 \\choose 3}", "\\frac{8}{3}"),
        (
            "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}",
            "\\begin{pmatrix} 2 \\\\ 1 \\end{pmatrix}",
        ),
    ];
    for (gold, answer) in rows {
        let verdict = boxed(gold, answer);
        assert_eq!(verdict.outcome, Outcome::Wrong, "{gold} / {answer}: {verdict:?}");
    }
}

#[test]
fn the_answer_is_found_where_it_stands() {
    let rows = [
        ("So it is $\\boxed{\\frac{1}{2}$ in all.", "unclosed_box"),
        ("Thus \\boxed{3}, no: \\boxed{\\frac{1}{2}}.", "boxed"),
        ("The final answer is $\\frac{1}{2}$. Good.", "answer_phrase"),
        ("Final Answer: 1/2", "answer_phrase"),
        ("work\n#### 0.5", "####"),
        ("<answer>0.5</answer>", "answer_tag"),
        ("Hence $x = \\frac{1}{2}$", "last_formula"),
        ("so half, which is 0.5", "last_number"),
        (
            "\\boxed{3} Final Answer: The final answer is $1/2$. Good.",
            "answer_phrase",
        ),
        ("0.50", "whole"),
    ];
    for (response, rule) in rows {
        let verdict = judge("\\frac{1}{2}", response);
        assert_eq!(
            (verdict.outcome, verdict.rule.as_str()),
            (Outcome::Correct, rule),
            "{response}: {verdict:?}"
        );
    }
    assert_eq!(judge("3", "no idea").outcome, Outcome::Unparsed);
    assert_eq!(
        judge("1, 2", "$\\boxed{1}$ and $\\boxed{2}$").outcome,
        Outcome::Correct
    );
    assert_eq!(
        judge("Work.\n#### 1,000", "\\boxed{1000}").outcome,
        Outcome::Correct
    );
    let cut = |response| Case {
        problem: "",
        gold: "3",
        response,
        truncated: true,
        gold_is_text: false,
    };
    assert_eq!(Math.judge(&cut("then 2 + 1 = 3")).outcome, Outcome::Truncated);
    assert_eq!(Math.judge(&cut("\\boxed{3} and then")).outcome, Outcome::Correct);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    const CORPUS: [&str; 16] = [
        "\\frac{3\\sqrt{2}}{4}",
        "(-\\infty,3)\\cup[5,7)",
        "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
        "x^2+y^2-2xy=4",
        "\\{1,\\pm 2\\}",
        "\\binom{n+1}{k}\\cdot k!",
        "\\sum_{k=1}^{n}\\frac{1}{k^2}",
        "12{,}345.5\\text{ cm}^2",
        "45^{\\circ}",
        "\\log_{2}{(x+1)}",
        "a_{n}=2^{n}-1",
        "|x-3|\\le 5",
        "\\left\\lfloor\\frac{x}{2}\\right\\rfloor",
        "1011_{2}",
        "(1+i)^{10}",
        "\\text{(B)}\\ 12.5\\%",
    ];

    /// Random formulas without much that has poles.
    fn formulas(depth: u32) -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            (0u32..20).prop_map(|n| n.to_string()),
            Just("x".to_owned()),
            Just("y".to_owned()),
            Just("\\pi".to_owned()),
            Just("\\frac{2}{3}".to_owned()),
        ];
        leaf.prop_recursive(depth, 16, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}+{b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}-{b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} \\cdot {b}")),
                inner.clone().prop_map(|a| format!("\\sqrt{{{a}}}")),
                inner.clone().prop_map(|a| format!("({a})^{{2}}")),
                inner.clone().prop_map(|a| format!("\\sin({a})")),
                inner.prop_map(|a| format!("\\frac{{{a}}}{{7}}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

        /// Any text is judged without a panic, and a plain one equals itself.
        #[test]
        fn judges_any_text(gold in "[ -~\\\\{}^_0-9a-z]{0,40}", response in "\\PC{0,60}") {
            judge(&gold, &response);
            boxed(&gold, &response);
        }

        /// A formula equals itself in another spelling, whichever of the two is the gold; a constant added is noticed.
        #[test]
        fn formulas_equal_themselves_both_ways(formula in formulas(4)) {
            let spaced = formula.replace('+', " + ").replace("\\frac", "\\dfrac");
            let there = boxed(&formula, &format!("{{{spaced}}} + 0"));
            let back = boxed(&format!("{{{spaced}}} + 0"), &formula);
            prop_assert_eq!(there.outcome, back.outcome, "{}: {:?} {:?}", formula, there, back);
            prop_assert!(there.outcome != Outcome::Wrong, "{}: {:?}", formula, there);
            let more = boxed(&formula, &format!("{{{formula}}} + 1"));
            prop_assert!(more.outcome != Outcome::Correct, "{}: {:?}", formula, more);
        }

        #[test]
        fn two_formulas_are_equal_both_ways(a in formulas(3), b in formulas(3)) {
            let (there, back) = (boxed(&a, &b), boxed(&b, &a));
            prop_assert_eq!(there.outcome == Outcome::Correct, back.outcome == Outcome::Correct, "{} and {}", a, b);
        }

        /// Answers with letters cut out, doubled or swapped: a verdict, and no panic.
        #[test]
        fn mutated_answers_are_judged(which in 0usize..CORPUS.len(), at in 0usize..60, kind in 0u8..3, other in 0usize..CORPUS.len()) {
            let mut chars: Vec<char> = CORPUS[which].chars().collect();
            let at = at % chars.len();
            match kind {
                0 => drop(chars.remove(at)),
                1 => chars.insert(at, chars[at]),
                _ => {
                    let last = chars.len() - 1;
                    chars.swap(at, last);
                }
            }
            let mutated: String = chars.into_iter().collect();
            boxed(CORPUS[which], &mutated);
            boxed(&mutated, CORPUS[other]);
            judge(CORPUS[other], &mutated);
        }

        #[test]
        fn fractions_equal_their_multiples(top in -500i64..500, bottom in 1i64..500, factor in 1i64..50) {
            let gold = format!("\\frac{{{top}}}{{{bottom}}}");
            let same = format!("{}/{}", top * factor, bottom * factor);
            prop_assert_eq!(boxed(&gold, &same).outcome, Outcome::Correct);
            let other = format!("{}/{}", top * factor + 1, bottom * factor);
            prop_assert_eq!(boxed(&gold, &other).outcome, Outcome::Wrong);
        }
    }
}

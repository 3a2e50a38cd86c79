//! Two studies side by side: what is the same, what moved, and what a reader sees of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use rlx_analysis::{Results, Verdict};
use rlx_report::{Side, diff, render_diff_html, render_diff_text};

#[test]
fn a_study_is_the_same_as_itself() {
    let data = common::study();
    let found = diff(&data, &data, ("a", "b"));
    assert!(found.same_results());
    assert!(found.settings.is_empty() && found.source.is_empty() && found.alone.is_empty());
    let numbers: usize = found.outputs.iter().map(|output| output.numbers.len()).sum();
    assert!(numbers > 100, "{numbers}");
    let text = render_diff_text(&found);
    assert!(text.contains("are the same, bit for bit"), "{text}");
    assert!(text.contains("Spec and settings are the same."), "{text}");
}

#[test]
fn what_moved_is_named() {
    let left = common::study();
    let mut right = left.clone();
    right.seed += 1;
    right.source.text = right.source.text.replace("steps", "stops");
    right.evaluations[0].temperature = Some(0.6);
    right.data[0].hash = "other".into();
    right.claims[0].verdict = Verdict::Refuted;
    right.outputs.pop();
    if let Results::PassAtK(results) = &mut right.outputs[0].results {
        // Far outside of its interval.
        let point = &mut results.curves[0].points[8].pass;
        point.value = point.value.map(|value| value - 0.3);
        for interval in [&mut point.these_problems, &mut point.problems_like_these] {
            *interval = interval.map(|mut interval| {
                interval.low -= 0.3;
                interval.high -= 0.3;
                interval
            });
        }
        // Its interval leaves 0 out (1.2 times its own width off), which among 54 numbers is no wonder.
        let point = &mut results.curves[0].points[4].pass;
        let interval = point.these_problems.unwrap();
        let by = 1.2 * 2.0_f64.sqrt() * (interval.high - point.value.unwrap());
        point.value = point.value.map(|value| value - by);
        for interval in [&mut point.these_problems, &mut point.problems_like_these] {
            *interval = interval.map(|mut interval| {
                interval.low -= by;
                interval.high -= by;
                interval
            });
        }
    }
    right.responses[0].problems[0].tallies[1].right = 12;
    let found = diff(&left, &right, ("a", "b"));
    assert!(!found.same_results());
    let names: Vec<&str> = found
        .settings
        .iter()
        .map(|setting| setting.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "seed",
            "evaluation held_out: temperature",
            "data countdown_test: hash"
        ]
    );
    assert!(
        found
            .source
            .iter()
            .any(|line| line.side == Side::Left && line.text.contains("steps"))
    );
    assert_eq!(found.alone.len(), 1);
    let moved: Vec<_> = found.outputs[0]
        .numbers
        .iter()
        .filter(|number| !number.same())
        .collect();
    assert_eq!(moved.len(), 2);
    let beyond: Vec<_> = moved
        .iter()
        .filter(|number| number.beyond_noise() == Some(true))
        .collect();
    assert_eq!(beyond.len(), 1);
    let alone = moved.iter().find(|number| number.name == "k = 16").unwrap();
    assert!(alone.difference.these_problems.unwrap().high < 0.0, "{alone:?}");
    assert!(alone.p_holm.unwrap() > 0.5, "{alone:?}");
    assert_eq!(
        (beyond[0].row.as_str(), beyond[0].name.as_str()),
        ("base", "k = 256")
    );
    let pair = found.paired.iter().find(|pair| pair.model == "rl@80").unwrap();
    assert_eq!(pair.found.changed.len(), 1);
    assert!((pair.found.difference.value.unwrap() - (12.0 - 201.0) / 256.0).abs() < 1e-12);
}

#[test]
fn the_page_is_whole_and_escaped() {
    let left = common::study();
    let mut right = left.clone();
    right.seed += 1;
    right.claims[0].verdict = Verdict::Inconclusive;
    right.source.text.push_str("\n// </script><img src=x>");
    if let Results::PassAtK(results) = &mut right.outputs[0].results {
        results.curves[0].points[1].pass.value = Some(0.5);
    }
    let page = render_diff_html(&diff(&left, &right, ("<b>", "b&c")), &left);
    assert!(!page.contains("<img") && page.contains("b&amp;c against &lt;b&gt;"));
    assert_eq!(page.matches("</script>").count(), 1);
    for word in ["http://", "https://", "url(", "src="] {
        assert!(!page.replace("&lt;img src=x", "").contains(word), "{word}");
    }
    for tag in [
        "table", "tr", "td", "th", "section", "details", "pre", "del", "ins",
    ] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

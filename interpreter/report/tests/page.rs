//! The page is self-contained, escapes what others wrote, says verdicts in words, and has its landmarks.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod common;

use rlx_report::{ReportData, render_html, render_text};

fn empty() -> ReportData {
    let mut data = common::study();
    data.outputs.clear();
    data.claims.clear();
    data.models.clear();
    data.evaluations.clear();
    data.steps.clear();
    data.responses.clear();
    data.warnings.clear();
    data.seeds.clear();
    data.versions.clear();
    data.overrides.clear();
    data.profile = None;
    data.doc.clear();
    data.title.clear();
    data
}

/// Values of an attribute in all tags.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    html.split(&format!(" {name}=\""))
        .skip(1)
        .map(|part| part.split('"').next().unwrap())
        .collect()
}

#[test]
fn nothing_outside_is_asked_for() {
    let html = render_html(&common::study());
    for word in [
        "http://", "https://", "@import", "url(", "src=", "<link", "<iframe", "<img",
    ] {
        assert!(!html.contains(word), "{word}");
    }
    for link in attributes(&html, "href") {
        let known = link.starts_with('#') || link.starts_with("figures/") || link.starts_with("tables/");
        assert!(known, "{link}");
    }
}

#[test]
fn links_point_at_files_and_places_that_exist() {
    let data = common::study();
    let html = render_html(&data);
    let files: Vec<String> = rlx_report::render_files(&data)
        .into_iter()
        .map(|file| file.path)
        .collect();
    let ids = attributes(&html, "id");
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[..index].contains(id), "id {id} twice");
    }
    for link in attributes(&html, "href") {
        match link.strip_prefix('#') {
            Some(id) => assert!(ids.contains(&id), "no place {link}"),
            None => assert!(files.iter().any(|file| file == link), "no file {link}"),
        }
    }
    for reference in attributes(&html, "aria-labelledby")
        .into_iter()
        .chain(attributes(&html, "aria-describedby"))
    {
        assert!(ids.contains(&reference), "no element {reference}");
    }
}

#[test]
fn what_others_wrote_stays_text() {
    let mut data = common::study();
    let hostile = "</script></title></textarea><img src=x onerror=alert(1)>\"'&\u{0}\u{202e}";
    data.title = hostile.into();
    data.doc = hostile.into();
    data.name = hostile.into();
    data.source.text = format!("//! {hostile}\nparam x = \"{hostile}\"");
    data.source.file = hostile.into();
    data.claims[0].statement = hostile.into();
    data.claims[0].text = hostile.into();
    data.claims[0].reason = hostile.into();
    data.claims[0].name = hostile.into();
    data.outputs[0].title = Some(hostile.into());
    data.outputs[0].name = hostile.into();
    data.models[0].label = hostile.into();
    data.models[0].source = hostile.into();
    data.steps[0].name = hostile.into();
    data.machine.device = hostile.into();
    data.warnings.push(hostile.into());
    data.versions.push((hostile.into(), hostile.into()));
    data.seeds.push((hostile.into(), 1));
    data.overrides[0].path = hostile.into();
    data.evaluations[0].benchmark = hostile.into();
    let response = &mut data.responses[0].problems[0].responses[0];
    response.text = hostile.into();
    response.extracted = Some(hostile.into());
    response.verdict = hostile.into();
    data.responses[0].problems[0].prompt = hostile.into();
    data.responses[0].problems[0].gold = Some(hostile.into());
    let html = render_html(&data);
    assert_eq!(html.matches("</script>").count(), 1, "only the page's own");
    assert_eq!(
        html.matches("</title>").count(),
        render_html(&common::study()).matches("</title>").count()
    );
    assert!(!html.contains("<img") && !html.contains('\u{0}') && !html.contains('\u{202e}'));
    assert!(html.contains("&lt;/script&gt;&lt;/title&gt;"));
    let text = render_text(&data);
    assert!(
        !text
            .chars()
            .any(|character| character.is_control() && character != '\n'),
        "control characters on the terminal"
    );
}

#[test]
fn verdicts_are_said_in_words_and_come_before_the_results() {
    let data = common::study();
    let html = render_html(&data);
    for (class, word) in [
        ("holds", "Holds"),
        ("refuted", "Refuted"),
        ("open", "Inconclusive"),
        ("error", "Error"),
    ] {
        let card = html
            .split(&format!("<li class=\"claim {class}\""))
            .nth(1)
            .unwrap_or_else(|| panic!("no card {class}"));
        assert!(
            card.split("</li>")
                .next()
                .unwrap()
                .contains(&format!("<strong>{word}</strong>"))
        );
    }
    let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(place("id=\"claims\"") < place("id=\"results\""));
    assert!(
        place("id=\"out-coverage\"") < place("id=\"out-numbers\"")
            && place("id=\"out-numbers\"") < place("id=\"out-progress\"")
    );
    assert!(
        place("id=\"results\"") < place("id=\"study\"")
            && place("id=\"study\"") < place("id=\"run\"")
            && place("id=\"run\"") < place("id=\"responses\"")
    );
    assert!(html.contains("On these problems alone (sampling noise): <b>holds</b>"));
    assert!(html.contains("<b>+12.5</b> points"));
}

#[test]
fn landmarks_and_balanced_tags() {
    for data in [common::study(), empty()] {
        let html = render_html(&data);
        assert!(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
        for tag in ["header", "nav", "main", "footer", "title", "h1"] {
            assert!(html.contains(&format!("<{tag}")), "{tag}");
        }
        assert_eq!(html.matches("<h1").count(), 1);
        let page = html
            .split("<body>")
            .nth(1)
            .unwrap()
            .split("<script>")
            .next()
            .unwrap();
        for tag in [
            "div", "section", "figure", "table", "thead", "tbody", "tr", "th", "td", "p", "pre", "code",
            "span", "dl", "ul", "ol", "li", "details", "summary", "svg", "g", "article", "aside", "button",
        ] {
            let opened =
                page.matches(&format!("<{tag} ")).count() + page.matches(&format!("<{tag}>")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "<{tag}>");
        }
    }
}

#[test]
fn the_paragraph_at_the_top_tells_the_data() {
    let html = render_html(&common::study());
    for words in [
        "64 problems of countdown_test with 256 samples each (temperature 1.0, top-p 0.95)",
        "The best pass@1 is that of teacher, 26.2% [17.9, 34.1]; the best pass@256 that of teacher, 98.4%",
        "From k = 8 on base leads rl@20 and rl@80",
        "Of 4 claims, 1 holds, 1 is refuted, 1 is inconclusive and 1 could not be evaluated.",
    ] {
        assert!(html.contains(words), "{words}");
    }
    assert!(
        !html.contains("on rl@20 leads rl@80"),
        "crossings that the first curve has no part in are not sentences"
    );
    assert!(html.contains("<h1>Does reinforcement learning with verifiable rewards let a small model solve countdown puzzles that its base model cannot?</h1>"));
}

#[test]
fn the_terminal_gets_tables_and_ends_with_verdicts() {
    let text = render_text(&common::study());
    assert!(text.contains("10.8 [4.9, 16.5]"), "{text}");
    assert!(text.contains("  + holds        overtaken: the base model overtakes the RL model at large k\n"));
    assert!(text.contains("left - right = +12.5 points [+4.7, +20.6] at 95%"));
    assert!(text.find("Claims:").unwrap() > text.find("progress:").unwrap());
    let tables = text
        .lines()
        .filter(|line| line.contains('[') && line.starts_with("  ") && !line.contains("low, high"));
    assert!(
        tables.into_iter().all(|line| line.chars().count() <= 104),
        "a table is too wide"
    );
    assert!(!text.contains('\u{1b}'));
    // What tells rows apart stands in every block of a table that is wider than a terminal.
    let boxes = text.split("likelihood:").nth(1).unwrap();
    let heads: Vec<&str> = boxes
        .lines()
        .filter(|line| line.starts_with("  responses of"))
        .collect();
    assert!(heads.len() > 1, "{boxes}");
    assert!(
        heads
            .iter()
            .all(|head| head.starts_with("  responses of  under ")),
        "{heads:?}"
    );
}

#[test]
fn the_footer_says_what_the_page_was_made_from() {
    let html = render_html(&common::study());
    let footer = html.split("<footer>").nth(1).unwrap();
    assert!(
        footer.contains("Plan <code>0123456789abcdef</code> · rows <code>fedcba9876543210</code>"),
        "{footer}"
    );
    let html = render_html(&empty());
    assert!(!html.contains("Plan <code></code>"));
    let older = ReportData {
        identity: Default::default(),
        ..common::study()
    };
    assert!(!render_html(&older).contains("· rows <code>"));
}

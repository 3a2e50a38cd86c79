//! Every figure is well-formed XML, keeps its text inside, and survives odd data.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod common;

use rlx_analysis::{Curve, CurvePoint, Estimate, Interval, Panel, Results, Series};
use rlx_report::{OutputForm, ReportData, render_files, render_html, render_text};

fn svgs(data: &ReportData) -> Vec<(String, String)> {
    render_files(data)
        .into_iter()
        .filter(|file| file.path.ends_with(".svg"))
        .map(|file| (file.path, String::from_utf8(file.contents).unwrap()))
        .collect()
}

/// Parses, and checks numbers and the room that text takes.
fn check(name: &str, svg: &str) {
    let document = roxmltree::Document::parse(svg).unwrap_or_else(|error| panic!("{name}: {error}"));
    let root = document.root_element();
    let view: Vec<f64> = root
        .attribute("viewBox")
        .unwrap()
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    let (left, top, width, height) = (view[0], view[1], view[2], view[3]);
    assert!(width > 0.0 && height > 0.0 && height < 4000.0, "{name}: {view:?}");
    for node in document.descendants().filter(|node| node.is_element()) {
        for attribute in node.attributes() {
            assert!(
                !["NaN", "inf"].iter().any(|word| attribute.value() == *word),
                "{name}: {attribute:?}"
            );
            let numeric = [
                "x",
                "y",
                "x1",
                "x2",
                "y1",
                "y2",
                "cx",
                "cy",
                "r",
                "width",
                "height",
                "font-size",
                "stroke-width",
            ]
            .contains(&attribute.name());
            assert!(
                !numeric || attribute.value().parse::<f64>().is_ok_and(f64::is_finite),
                "{name}: {attribute:?}"
            );
        }
        if node.tag_name().name() == "text" {
            let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
            // 0.55 em a character is about what the common fonts take on average.
            let length = node.text().unwrap_or("").chars().count() as f64 * 0.55 * number("font-size");
            let (from, to) = match node.attribute("text-anchor") {
                Some("end") => (number("x") - length, number("x")),
                Some("middle") => (number("x") - length / 2.0, number("x") + length / 2.0),
                _ => (number("x"), number("x") + length),
            };
            assert!(
                from > left - 4.0 && to < left + width + 4.0,
                "{name}: {:?} from {from} to {to} of {width}",
                node.text()
            );
            assert!(
                number("y") > top + 8.0 && number("y") <= top + height,
                "{name}: {:?} at y {} of {height}",
                node.text(),
                number("y")
            );
        }
    }
    let title = document
        .descendants()
        .find(|node| node.tag_name().name() == "title")
        .and_then(|node| node.text());
    assert!(
        title.is_some_and(|title| !title.is_empty()),
        "{name} has no title"
    );
    let description = document
        .descendants()
        .find(|node| node.tag_name().name() == "desc")
        .and_then(|node| node.text());
    assert!(
        description.is_some_and(|text| text.len() > 20),
        "{name} has no text alternative"
    );
    let outside = svg.replacen("xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
    assert!(!outside.contains("http"), "{name} refers to something outside");
}

fn all_as_figures() -> ReportData {
    let mut data = common::study();
    for output in &mut data.outputs {
        output.kind = OutputForm::Figure;
    }
    data
}

#[test]
fn every_kind_of_result_is_a_figure() {
    let svgs = svgs(&all_as_figures());
    assert_eq!(svgs.len(), all_as_figures().outputs.len());
    for (name, svg) in &svgs {
        check(name, svg);
    }
}

#[test]
fn inline_figures_are_well_formed_too_and_come_in_two_sizes() {
    let html = render_html(&all_as_figures());
    let mut found = 0;
    for part in html.split("<svg class=\"fig ").skip(1) {
        let end = part.find("</svg>").unwrap();
        let svg = format!("<svg class=\"fig {}</svg>", &part[..end]);
        let document = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            document
                .root_element()
                .attribute("aria-label")
                .is_some_and(|label| !label.is_empty())
        );
        // What the page shows is what the standalone checks hold for.
        let standalone = svg
            .replacen("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 1)
            .replacen("<desc", "<title>t</title><desc", 1);
        check("inline", &standalone);
        found += 1;
    }
    assert_eq!(found, 2 * all_as_figures().outputs.len());
}

#[test]
fn points_lie_where_their_numbers_are() {
    let (_, svg) = svgs(&common::study())
        .into_iter()
        .find(|(name, _)| name.ends_with("coverage.svg"))
        .unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let line = document
        .descendants()
        .find(|node| node.attribute("class") == Some("v-line") && node.attribute("data-m") == Some("rl@80"))
        .unwrap();
    let path = line
        .descendants()
        .find(|node| node.attribute("fill") == Some("none"))
        .unwrap()
        .attribute("d")
        .unwrap();
    let points: Vec<(f64, f64)> = path
        .split(['M', 'L'])
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.split_once(' ')
                .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
                .unwrap()
        })
        .collect();
    assert_eq!(points.len(), 9);
    // k doubles: equal steps in x; y is linear in pass@k.
    let step = points[1].0 - points[0].0;
    assert!(
        points
            .windows(2)
            .all(|pair| (pair[1].0 - pair[0].0 - step).abs() < 0.02)
    );
    let values = [14.6, 23.8, 34.7, 45.5, 54.9, 62.8, 69.9, 75.1, 76.6];
    let slope = (points[8].1 - points[0].1) / (values[8] - values[0]);
    for ((_, y), value) in points.iter().zip(values) {
        assert!(
            (points[0].1 + slope * (value - values[0]) - y).abs() < 0.03,
            "{value} at {y}"
        );
    }
    assert!(slope < 0.0, "more is higher");
}

#[test]
fn the_same_model_has_the_same_colour_everywhere() {
    let data = all_as_figures();
    let mut fills: Vec<String> = Vec::new();
    for (_, svg) in svgs(&data) {
        let document = roxmltree::Document::parse(&svg).unwrap();
        let groups = document
            .descendants()
            .filter(|node| node.attribute("data-m") == Some("rl@80"));
        for shape in groups.flat_map(|node| node.descendants()) {
            let class = shape.attribute("class").unwrap_or("");
            if let Some(fill) = shape
                .attribute("fill")
                .filter(|fill| fill.starts_with('#') && class.split(' ').any(|class| class == "v-f3"))
            {
                fills.push(fill.to_owned());
            }
        }
    }
    assert!(fills.len() > 10, "{fills:?}");
    assert!(fills.iter().all(|fill| *fill == fills[0]), "{fills:?}");
}

#[test]
fn a_model_in_two_evaluations_has_one_colour_and_two_dashes() {
    let mut data = common::study();
    data.outputs.truncate(1);
    let (evaluations, model) = ([("held_out", "held_out"), ("hot[1.5]", "hot[1.5]")], "rl@80");
    if let Results::PassAtK(results) = &mut data.outputs[0].results {
        let template = results.curves[0].clone();
        results.crossings.clear();
        results.curves = evaluations
            .iter()
            .map(|(evaluation, name)| Curve {
                model: format!("{model} · {name}"),
                of: Some(rlx_analysis::CurveOf {
                    evaluation: (*evaluation).into(),
                    name: (*name).into(),
                    model: model.into(),
                    samples: 256,
                }),
                points: template.points.clone(),
            })
            .collect();
    }
    let files = render_files(&data);
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path.ends_with(path)).unwrap();
        String::from_utf8_lossy(&file.contents).into_owned()
    };
    let svg = text("coverage.svg");
    let lines: Vec<&str> = svg
        .split("<path")
        .filter_map(|path| path.split("/>").next())
        .filter(|path| path.contains("stroke-width=\"2\""))
        .collect();
    assert_eq!(lines.len(), 2, "{svg}");
    let (dashed, plain): (Vec<&str>, Vec<&str>) =
        lines.iter().partition(|line| line.contains("stroke-dasharray"));
    assert_eq!((dashed.len(), plain.len()), (1, 1), "{lines:?}");
    let colour = "#004f98";
    assert!(
        dashed[0].contains(colour) && plain[0].contains(colour),
        "{lines:?}"
    );
    assert!(svg.contains("rl@80 · hot[1.5]"));
    let csv = text("coverage.csv");
    assert!(
        csv.lines()
            .any(|line| line.starts_with("hot[1.5],") && line.contains(",rl@80,")),
        "{csv}"
    );
    assert!(text("coverage.tex").contains("evaluation"));
    let page = render_html(&data);
    assert!(
        page.contains("held_out: n = 256 samples each"),
        "the caption says how each was drawn"
    );
}

fn odd(value: Option<f64>, low: f64, high: f64) -> Estimate {
    let interval = Some(Interval { low, high });
    Estimate {
        value,
        these_problems: interval,
        problems_like_these: interval,
    }
}

#[test]
fn odd_data_is_drawn_without_breaking() {
    let mut data = all_as_figures();
    for output in &mut data.outputs {
        match &mut output.results {
            Results::PassAtK(results) => {
                results.curves[0].points[3].pass = Estimate {
                    value: None,
                    these_problems: None,
                    problems_like_these: None,
                };
                results.curves[1].points.clear();
                results.curves[2].points.truncate(1);
                results.curves[3].points[0].pass = odd(Some(f64::NAN), f64::NAN, f64::INFINITY);
                results.curves.push(Curve {
                    of: None,
                    model: "a_training_with_a_name_that_is_far_too_long_for_a_label@1000000".into(),
                    points: vec![CurvePoint {
                        k: 3,
                        pass: odd(Some(0.0), 0.0, 0.0),
                    }],
                });
            }
            Results::DeltaSe(results) => {
                results.rows[0].delta_se = odd(Some(-0.3), -0.5, 0.1);
                results.rows[1].delta_se = Estimate {
                    value: None,
                    these_problems: None,
                    problems_like_these: None,
                };
                results.rows[2].model =
                    "<&\"'> a name that is far too long for the column that it stands in".into();
            }
            Results::Subset(results) => {
                results.problems = 0;
                results.rows[0].both.clear();
                results.rows[0].contained = Estimate {
                    value: None,
                    these_problems: None,
                    problems_like_these: None,
                };
            }
            Results::Perplexity(results) => {
                let bare = |value: f64| Estimate {
                    value: Some(value),
                    these_problems: None,
                    problems_like_these: None,
                };
                results.groups[0].quantiles = [f64::NAN; 5].map(bare);
                results.groups[1].quantiles = [1.0; 5].map(bare);
                results.groups[2].quantiles = [0.0, 1.0, 10.0, 1e4, 1e9].map(bare);
            }
            Results::Summary(results) => results.rows.truncate(1),
            Results::Histogram(results) => {
                results.series[0].counts[0] = odd(Some(f64::NAN), f64::NAN, f64::INFINITY);
                results.series[1].counts.clear();
            }
            Results::Coverage(results) => {
                results.samples = 0;
                results.rows[0].right.clear();
            }
            Results::Listing(results) => {
                results.rows[0].truncate(1);
                results.bars.push(99);
            }
            Results::Training(results) => {
                results.panels[0].series[0].points.clear();
                results.panels[1].series[0].points = vec![(7, 0.5)];
                results.panels[2].series[0].points =
                    (0..20_000).map(|step| (step, 1e9 + step as f64)).collect();
                results.panels[3].series.push(Series {
                    training: "unheard_of".into(),
                    points: vec![(0, f64::NAN), (1, -3.0)],
                });
                results.panels.push(Panel {
                    metric: "empty".into(),
                    series: Vec::new(),
                });
            }
        }
    }
    for (name, svg) in svgs(&data) {
        check(&name, &svg);
        assert!(svg.len() < 200_000, "{name} has {} bytes", svg.len());
    }
    assert!(render_html(&data).contains("</html>"));
    assert!(!render_text(&data).contains("NaN"));
}

#[test]
fn empty_results_are_drawn_as_empty() {
    let mut data = all_as_figures();
    for output in &mut data.outputs {
        match &mut output.results {
            Results::PassAtK(results) => results.curves.clear(),
            Results::DeltaSe(results) => results.rows.clear(),
            Results::Subset(results) => results.rows.clear(),
            Results::Perplexity(results) => results.groups.clear(),
            Results::Summary(results) => results.rows.clear(),
            Results::Histogram(results) => results.series.clear(),
            Results::Coverage(results) => {
                results.problems.clear();
                results.rows.clear();
            }
            Results::Listing(results) => results.rows.clear(),
            Results::Training(results) => results.panels.clear(),
        }
    }
    for (name, svg) in svgs(&data) {
        roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{name}");
    }
    assert!(render_text(&data).contains("Claims"));
}

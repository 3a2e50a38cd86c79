//! The page in a real browser: what its script does, and how it looks. Skipped, visibly, where no Chromium is.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use resvg::tiny_skia::Pixmap;
use rlx_report::render_html;

/// A folder that goes away with it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = std::env::temp_dir().join(format!("rlx-report-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Place(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn browser() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| {
            let version = Command::new(name).arg("--version").output();
            version.is_ok_and(|out| out.status.success())
        });
    if found.is_none() {
        eprintln!("skipped: no Chromium here to draw the report");
    }
    found
}

fn chromium(browser: &str, place: &Place, arguments: &[String]) -> Vec<u8> {
    Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .arg(format!("--user-data-dir={}", place.0.join("profile").display()))
        .args(arguments)
        .output()
        .unwrap()
        .stdout
}

fn address(page: &Path, place: &str) -> String {
    format!("file://{}{place}", page.display())
}

/// The study's page with a script of the test behind its own; what that leaves in `data-found` of the body.
fn driven(browser: &str, name: &str, place: &str, script: &str) -> String {
    let folder = Place::new(name);
    let page = folder.0.join("report.html");
    let html = render_html(&common::study()).replace(
        "</body>",
        &format!("<script>document.body.dataset.found = (() => {{ {script} }})();</script></body>"),
    );
    std::fs::write(&page, html).unwrap();
    let arguments = [
        "--virtual-time-budget=3000".into(),
        "--dump-dom".into(),
        address(&page, place),
    ];
    let dom = String::from_utf8(chromium(browser, &folder, &arguments)).unwrap();
    let found = dom
        .split("data-found=\"")
        .nth(1)
        .unwrap_or_else(|| panic!("no answer: {dom}"));
    found.split('"').next().unwrap().to_owned()
}

#[test]
fn a_problem_is_a_page_of_its_own() {
    let Some(browser) = browser() else { return };
    let script = "
        const seen = (element) => element.checkVisibility();
        const state = () => [
            [...document.querySelectorAll('details.problem')].filter(seen).map((problem) => problem.id).join('+'),
            seen(document.querySelector('header')) ? 'whole' : 'one',
            [...document.querySelectorAll('.turn > *')].map((part) => part.textContent + (part.href ? '!' : '')).join(' '),
            document.title.split(' · ')[0],
        ].join(', ');
        const turn = (key) => window.dispatchEvent(new KeyboardEvent('keydown', { key }));
        const told = [state()];
        Object.defineProperty(KeyboardEvent.prototype, 'target', { get: () => document.body });
        for (const key of ['j', 'j', 'k']) {
            turn(key);
            window.dispatchEvent(new Event('hashchange'));
            told.push(state());
        }
        location.hash = 'responses';
        window.dispatchEvent(new Event('hashchange'));
        told.push(state().split(', ').slice(0, 3).join(', '));
        return told.join('; ');
    ";
    let found = driven(browser, "problem", "#problem-0-0", script);
    let first = "problem-0-0, one, All results! 1 of 2 ← before next →!, Problem countdown-003";
    let second = "problem-0-1, one, All results! 2 of 2 ← before! next →, Problem countdown-017";
    let whole = "problem-0-0+problem-0-1, whole, ";
    assert_eq!(found, [first, second, second, first, whole].join("; "));
}

#[test]
fn heads_sort_their_tables() {
    let Some(browser) = browser() else { return };
    let script = "
        const table = document.querySelector('#out-gap table');
        const names = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent.trim()).join(' ');
        const heads = table.querySelectorAll('thead button');
        const told = [names()];
        for (const head of [heads[3], heads[3], heads[4], heads[0]]) { head.click(); told.push(names()); }
        return told.join('; ');
    ";
    let found = driven(browser, "sort", "", script);
    assert_eq!(
        found,
        [
            "rl@20 rl@40 rl@80 student",
            "rl@80 student rl@40 rl@20",
            "rl@20 rl@40 student rl@80",
            // Equal numbers keep their order; what has no number comes last.
            "rl@20 rl@40 rl@80 student",
            "rl@20 rl@40 rl@80 student",
        ]
        .join("; ")
    );
}

/// Light and dark by the reader's setting: paper behind, ink before, and colours in the figures.
#[test]
fn it_is_drawn_in_light_and_dark() {
    let Some(browser) = browser() else { return };
    let folder = Place::new("look");
    let page = folder.0.join("report.html");
    std::fs::write(&page, render_html(&common::study())).unwrap();
    let mut before = Vec::new();
    for (scheme, dark) in [("light", false), ("dark", true)] {
        let picture = folder.0.join(format!("{scheme}.png"));
        chromium(
            browser,
            &folder,
            &[
                format!(
                    "--blink-settings=preferredColorScheme={}",
                    if dark { 0 } else { 1 }
                ),
                "--window-size=1000,2400".into(),
                format!("--screenshot={}", picture.display()),
                address(&page, ""),
            ],
        );
        let bytes = std::fs::read(&picture).unwrap();
        if bytes == before {
            eprintln!("skipped: this Chromium takes no preferred scheme from its command line");
            return;
        }
        let drawn = Pixmap::decode_png(&bytes).unwrap();
        before = bytes;
        let light = |pixel: &resvg::tiny_skia::PremultipliedColorU8| {
            (u32::from(pixel.red()) + u32::from(pixel.green()) + u32::from(pixel.blue())) / 3
        };
        let share = |keep: &dyn Fn(&resvg::tiny_skia::PremultipliedColorU8) -> bool| {
            drawn.pixels().iter().filter(|pixel| keep(pixel)).count() as f64 / drawn.pixels().len() as f64
        };
        let (paper, ink) = if dark {
            (
                share(&|pixel| light(pixel) < 60),
                share(&|pixel| light(pixel) > 170),
            )
        } else {
            (
                share(&|pixel| light(pixel) > 225),
                share(&|pixel| light(pixel) < 100),
            )
        };
        let coloured = share(&|pixel| {
            let parts = [pixel.red(), pixel.green(), pixel.blue()];
            parts.iter().max().unwrap() - parts.iter().min().unwrap() > 60
        });
        assert!(paper > 0.6, "{scheme}: {paper} of the page is paper");
        assert!((0.005..0.25).contains(&ink), "{scheme}: {ink} of the page is ink");
        assert!(
            (0.001..0.3).contains(&coloured),
            "{scheme}: {coloured} of the page has colour"
        );
    }
}

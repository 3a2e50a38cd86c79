//! The page in a real browser, driven with its keys. Skipped, visibly, where no Chromium is.
#![allow(clippy::unwrap_used)] // a test may panic

mod chromium;

use chromium::Chromium;
use rlx_data::Picture;
use rlx_inspect::{Chain, Reading, serve};
use rlx_store::{LabelRow, Labels};
use serde_json::json;
use std::{path::Path, thread};

/// A PNG of one pixel.
const PIXEL: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4, 0x89, 0x00,
    0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0x00, 0x05,
    0x00, 0x01, 0xff, 0x89, 0x99, 0x3d, 0x1d, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42,
    0x60, 0x82,
];

fn chain(key: &str, part: Option<&str>, sample: u64) -> Chain {
    Chain {
        key: key.into(),
        part: part.map(str::to_owned),
        sample,
        text: "So $$\\sum_n \\frac{1}{n}$$ and **hence** $\\boxed{\\frac{1}{2}}$ <b>raw</b>".into(),
        extracted: Some("\\frac{1}{2}".into()),
    }
}

fn reading(problem: &str, chains: Vec<Chain>) -> Reading {
    // As a problem that was read elsewhere: its hash is known, its bytes are not.
    let elsewhere = json!({ "name": "away.png", "hash": "00112233445566778899aabbccddeeff" });
    Reading {
        evaluation: "main".into(),
        model: "base".into(),
        problem: problem.into(),
        text: "Is $\\sqrt{x}$ <i>real</i>?".into(),
        gold: Some("\\frac{1}{2}".into()),
        pictures: vec![
            Picture::new("disc.png".into(), PIXEL.to_vec()),
            serde_json::from_value(elsewhere).unwrap(),
        ],
        correct: chains.len() as u64,
        samples: 64,
        chains,
    }
}

/// Two problems with three right responses, one of them of a joined evaluation.
fn readings() -> Vec<Reading> {
    vec![
        reading(
            "p1",
            vec![chain("own", None, 4), chain("joined", Some("second"), 4)],
        ),
        reading("p2", vec![chain("own", None, 9)]),
    ]
}

struct Session {
    url: String,
    thread: thread::JoinHandle<()>,
}

fn session(store: &Path, reader: &str) -> Session {
    let server = serve(readings(), Labels::at(store), "A study", reader, 0).unwrap();
    let url = server.url();
    let thread = thread::spawn(move || server.run(&mut |_| {}).unwrap());
    Session { url, thread }
}

impl Session {
    fn end(self, browser: &mut Chromium) {
        browser.value("document.getElementById('done').click()");
        browser.until("document.body.textContent.startsWith('The session has ended')");
        self.thread.join().unwrap();
    }
}

/// What is shown: the response, the marks of all responses, and what is pressed.
fn shown(browser: &mut Chromium) -> String {
    let told = browser.value(
        "sent.then(() => [document.querySelector('.chain h2').textContent.split(' · ').slice(1).join(', '),
            [...document.querySelectorAll('.dots')].map(dots => dots.textContent).join(' '),
            [...document.querySelectorAll('[aria-pressed=true]')].map(button => button.dataset.label).join('+')].join('; '))",
    );
    told.as_str().unwrap().to_owned()
}

fn row(store: &Path, key: &str, reader: &str, problem: &str, sample: u64) -> Option<LabelRow> {
    let said = Labels::at(store).of(key).unwrap();
    said.get(&(reader.to_owned(), problem.to_owned(), sample))
        .cloned()
}

#[test]
fn every_key_does_what_it_says_and_is_kept() {
    let Some(mut browser) = Chromium::open() else {
        return;
    };
    let store = tempfile::tempdir().unwrap();
    let anna = session(store.path(), "anna");
    browser.goto(&anna.url);
    let (one, two, three) = (
        "right response 1 of 2, sample 4",
        "right response 2 of 2, sample 4 of second",
        "right response 1 of 1, sample 9",
    );
    assert_eq!(shown(&mut browser), format!("{one}; ·· ·; "));
    // Faster than any disk: every word goes to the response that was shown when it was said.
    browser.press("v");
    browser.press("g");
    browser.press("a");
    assert_eq!(shown(&mut browser), format!("{three}; ✓✗ ?; ambiguous"));
    let label = |key, problem, sample| {
        row(store.path(), key, "anna", problem, sample)
            .unwrap()
            .label
            .unwrap()
    };
    assert_eq!(label("own", "p1", 4), "valid");
    assert_eq!(label("joined", "p1", 4), "guess");
    assert_eq!(label("own", "p2", 9), "ambiguous");
    browser.press("k");
    assert_eq!(shown(&mut browser), format!("{two}; ✓✗ ?; guess"));
    browser.press("ArrowLeft");
    assert_eq!(shown(&mut browser), format!("{one}; ✓✗ ?; valid"));
    browser.press("ArrowRight");
    browser.press("j");
    browser.press("j");
    assert_eq!(shown(&mut browser), format!("{three}; ✓✗ ?; ambiguous"));
    // Takes the label back, and lets a note stand alone; letters in a note are no keys.
    browser.press("u");
    browser.press("n");
    browser.write("vague, jumps");
    browser.press("Escape");
    assert_eq!(shown(&mut browser), format!("{three}; ✓✗ ·; "));
    let kept = row(store.path(), "own", "anna", "p2", 9).unwrap();
    assert_eq!((kept.label, kept.note.as_str()), (None, "vague, jumps"));
    browser.press("r");
    assert_eq!(
        browser.value("document.querySelector('.chain pre').textContent"),
        json!(readings()[1].chains[0].text)
    );
    browser.press("r");
    assert_eq!(browser.value("document.querySelector('.chain pre')"), json!(null));
    let counts = browser
        .value("[...document.querySelectorAll('#validity td')].map(cell => cell.textContent).join(' ')");
    assert_eq!(counts, json!("base 2 1 1 0 0"));

    // A reload goes on where the first label is missing, with the note.
    let address = anna.url.clone();
    browser.goto(&address);
    assert_eq!(shown(&mut browser), format!("{three}; ✓✗ ·; "));
    assert_eq!(
        browser.value("document.getElementById('note').value"),
        json!("vague, jumps")
    );
    anna.end(&mut browser);

    // A second reader sees nothing of the first, and their agreement counts.
    let ben = session(store.path(), "ben");
    browser.goto(&ben.url);
    assert_eq!(shown(&mut browser), format!("{one}; ·· ·; "));
    browser.press("v");
    browser.press("v");
    shown(&mut browser);
    let agreement = browser.value("document.getElementById('agreements').textContent");
    // One of two agrees, as chance would have it: (1/2 − 1/2) / (1 − 1/2).
    assert_eq!(agreement, json!("anna and ben: 1 of 2, Cohen’s κ 0.00"));
    ben.end(&mut browser);
}

#[test]
fn formulas_and_pictures_are_drawn_and_markup_is_not() {
    let Some(mut browser) = Chromium::open() else {
        return;
    };
    let store = tempfile::tempdir().unwrap();
    let anna = session(store.path(), "anna");
    browser.goto(&anna.url);
    let drawn = |browser: &mut Chromium, place: &str| {
        let found = browser.value(&format!(
            "(() => {{ const part = document.querySelector('{place}').getBoundingClientRect(); return part.width * part.height > 20; }})()"
        ));
        assert_eq!(found, json!(true), "{place}");
    };
    drawn(&mut browser, "main section:first-child msqrt");
    drawn(&mut browser, "main section:first-child .soft mfrac");
    drawn(
        &mut browser,
        ".chain math[display=block] munder, .chain math[display=block] msub",
    );
    drawn(&mut browser, ".chain span mfrac");
    drawn(&mut browser, ".chain .soft mfrac");
    assert_eq!(
        browser.value("document.querySelector('main i, .chain b')"),
        json!(null)
    );
    browser.until("document.querySelector('figure img').naturalWidth === 1");
    assert_eq!(
        browser
            .value("[...document.querySelectorAll('figcaption')].map(part => part.textContent).join('; ')"),
        json!(
            "picture 1: disc.png; picture 2: away.png: not on this machine (content 00112233445566778899aabbccddeeff)"
        )
    );
    // Paper behind and ink before, both ways, and the buttons stay in sight under a long response.
    for (scheme, dark) in [("light", false), ("dark", true)] {
        browser.scheme(scheme);
        let light = |browser: &mut Chromium, of: &str| {
            let found = browser.value(&format!(
                "getComputedStyle(document.body).{of}.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3"
            ));
            found.as_f64().unwrap()
        };
        let (paper, ink) = (
            light(&mut browser, "backgroundColor"),
            light(&mut browser, "color"),
        );
        assert!(
            if dark {
                paper < 60.0 && ink > 180.0
            } else {
                paper > 225.0 && ink < 80.0
            },
            "{paper} {ink}"
        );
    }
    browser.value("document.querySelector('.chain div').style.height = '400vh'");
    assert_eq!(
        browser.value("document.querySelector('.under').getBoundingClientRect().bottom <= innerHeight + 1"),
        json!(true)
    );
    anna.end(&mut browser);
}

#[test]
fn a_label_that_is_not_kept_is_not_shown() {
    let Some(mut browser) = Chromium::open() else {
        return;
    };
    let store = tempfile::tempdir().unwrap();
    let anna = session(store.path(), "anna");
    browser.goto(&anna.url);
    browser.press("v");
    assert!(shown(&mut browser).contains("; ✓· ·; "));
    // As the browser answers when the server's process is gone.
    browser.value(
        "window.there = window.fetch; window.fetch = () => Promise.reject(new TypeError('Failed to fetch'))",
    );
    browser.press("g");
    assert!(shown(&mut browser).contains("; ✓· ·; "));
    let said = browser.value("document.getElementById('said').textContent");
    assert!(
        said.as_str()
            .unwrap()
            .contains("was not kept: the server has ended"),
        "{said}"
    );
    // Another session goes on behind what was kept.
    browser.value("window.fetch = window.there; null");
    anna.end(&mut browser);
    let anna = session(store.path(), "anna");
    browser.goto(&anna.url);
    assert_eq!(
        shown(&mut browser),
        "right response 2 of 2, sample 4 of second; ✓· ·; "
    );
    anna.end(&mut browser);
}

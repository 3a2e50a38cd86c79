//! A headless Chromium that a test drives with real keys, by the DevTools protocol over two named pipes.

use serde_json::{Value, json};
use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};
use tempfile::TempDir;

/// Nothing that is tested takes a hundredth of it: a browser that hangs is ended.
const LONGEST: Duration = Duration::from_secs(600);

pub(crate) struct Chromium {
    child: Child,
    input: File,
    output: BufReader<File>,
    sent: u64,
    session: Option<String>,
    /// Dropped with it, which ends the watch.
    _watch: mpsc::Sender<()>,
    _folder: TempDir,
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Chromium {
    /// A browser with one empty page; None, and said, where there is none.
    pub(crate) fn open() -> Option<Chromium> {
        let found = ["chromium", "chromium-browser", "google-chrome"]
            .into_iter()
            .find(|name| {
                let version = Command::new(name).arg("--version").output();
                version.is_ok_and(|out| out.status.success())
            });
        let Some(browser) = found else {
            eprintln!("skipped: no Chromium here to draw the page of rlx inspect");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let [requests, answers, profile] =
            ["requests", "answers", "profile"].map(|name| folder.path().join(name));
        let made = Command::new("mkfifo").args([&requests, &answers]).status();
        assert!(made.unwrap().success());
        // The protocol's pipes are the descriptors 3 and 4.
        let child = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<\"$REQUESTS\" 4>\"$ANSWERS\"", "sh", browser])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .env("REQUESTS", &requests)
            .env("ANSWERS", &answers)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = File::options().write(true).open(&requests).unwrap();
        let output = BufReader::new(File::open(&answers).unwrap());
        let (watch, ended) = mpsc::channel::<()>();
        let process = child.id().to_string();
        thread::spawn(move || {
            if ended.recv_timeout(LONGEST) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = Command::new("kill").arg(process).status();
            }
        });
        let mut browser = Chromium {
            child,
            input,
            output,
            sent: 0,
            session: None,
            _watch: watch,
            _folder: folder,
        };
        let page = browser
            .ask("Target.createTarget", json!({ "url": "about:blank" }))
            .unwrap();
        let target = json!({ "targetId": page["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", target).unwrap();
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        Some(browser)
    }

    fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.sent += 1;
        let mut request = json!({ "id": self.sent, "method": method, "params": params });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        let mut line = serde_json::to_vec(&request).unwrap();
        line.push(0);
        self.input.write_all(&line).unwrap();
        loop {
            let mut answer = Vec::new();
            let read = self.output.read_until(0, &mut answer).unwrap();
            assert!(read > 0, "the browser ended at {method}");
            answer.pop();
            let mut answer: Value = serde_json::from_slice(&answer).unwrap();
            if answer["id"] == json!(self.sent) {
                return match answer.get("error") {
                    Some(error) => Err(error.to_string()),
                    None => Ok(answer["result"].take()),
                };
            }
        }
    }

    /// The value of an expression of the page, awaited.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let mut found = self.evaluate(expression).unwrap();
        assert!(found.get("exceptionDetails").is_none(), "{expression}: {found}");
        found["result"]["value"].take()
    }

    fn evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        self.ask("Runtime.evaluate", params)
    }

    /// Waits until a condition holds, through a page that is being loaded, too.
    pub(crate) fn until(&mut self, condition: &str) {
        let wait = format!(
            "new Promise(done => {{ const look = () => ({condition}) ? done(true) : setTimeout(look, 10); look(); }})"
        );
        // A page that goes away takes the question with it.
        while self.evaluate(&wait).is_err_or_threw() {}
    }

    pub(crate) fn goto(&mut self, url: &str) {
        self.value("window.left = true");
        self.ask("Page.navigate", json!({ "url": url })).unwrap();
        self.until("!window.left && document.querySelector('#list button')");
    }

    /// A key as a person presses it.
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Escape" => 27,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            letter => letter.to_ascii_uppercase().as_bytes()[0].into(),
        };
        let mut down = json!({ "type": "rawKeyDown", "key": key, "windowsVirtualKeyCode": code });
        if key.len() == 1 {
            down["type"] = json!("keyDown");
            down["text"] = json!(key);
        }
        self.ask("Input.dispatchKeyEvent", down).unwrap();
        let up = json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code });
        self.ask("Input.dispatchKeyEvent", up).unwrap();
    }

    pub(crate) fn write(&mut self, text: &str) {
        self.ask("Input.insertText", json!({ "text": text })).unwrap();
    }

    /// `light` or `dark`.
    pub(crate) fn scheme(&mut self, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", json!({ "features": features }))
            .unwrap();
    }
}

trait Gone {
    fn is_err_or_threw(&self) -> bool;
}

impl Gone for Result<Value, String> {
    fn is_err_or_threw(&self) -> bool {
        match self {
            Ok(found) => found.get("exceptionDetails").is_some(),
            Err(_) => true,
        }
    }
}

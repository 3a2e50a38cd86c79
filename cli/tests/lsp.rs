//! Speaks the Language Server Protocol to the binary, as an editor does.
#![allow(clippy::unwrap_used)] // a test may panic

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

const LAB: &str = include_str!("../../tests/language/lab.rlx");
const STUDY: &str = "//! A study: 𝄞.\n\nuse \"./lab.rlx\" as lab\nuse std.algorithms.grpo\n\nparam n = 8 samples\n\ntrain rl = lab.rl {\n    algorithm = grpo { kl = none }\n    seed      = 3\n}\n\nevaluate test = lab.eval {\n    models  = [lab.base, rl]\n    samples = n\n}\n";

struct Editor {
    server: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: i64,
    /// Notifications that came while something else was waited for.
    said: Vec<Value>,
    folder: tempfile::TempDir,
}

impl Editor {
    /// A server that nobody has greeted.
    fn start() -> Editor {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("lab.rlx"), LAB).unwrap();
        std::fs::write(folder.path().join("study.rlx"), STUDY).unwrap();
        let other = "use \"./lab.rlx\" as other\nevaluate again = other.eval { samples = 4 }\n";
        std::fs::write(folder.path().join("other.rlx"), other).unwrap();
        let mut server = Command::new(env!("CARGO_BIN_EXE_rlx"))
            .arg("lsp")
            .env("XDG_CACHE_HOME", folder.path().join("cache"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = server.stdin.take();
        let output = BufReader::new(server.stdout.take().unwrap());
        Editor {
            server,
            input,
            output,
            next: 0,
            said: Vec::new(),
            folder,
        }
    }

    /// A greeted server.
    fn open() -> Editor {
        let mut editor = Editor::start();
        let root = editor.uri("");
        let answer = editor.ask(
            "initialize",
            json!({ "processId": null, "rootUri": root, "capabilities": {} }),
        );
        assert_eq!(answer["result"]["capabilities"]["positionEncoding"], "utf-16");
        editor.tell("initialized", json!({}));
        editor
    }

    fn uri(&self, file: &str) -> String {
        let folder = self.folder.path().to_string_lossy().into_owned();
        format!("file://{folder}/{file}").trim_end_matches('/').to_owned()
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(
                self.output.read_line(&mut line).unwrap() > 0,
                "the server closed the line"
            );
            match line.trim_end() {
                "" => break,
                header => {
                    if let Some(value) = header.strip_prefix("Content-Length: ") {
                        length = value.parse().unwrap();
                    }
                }
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The answer to a request; notifications on the way are kept.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        self.answer(&json!(id))
    }

    fn answer(&mut self, id: &Value) -> Value {
        loop {
            let message = self.receive();
            if message.get("method").is_none() {
                assert_eq!(&message["id"], id, "{message}");
                return message;
            }
            self.said.push(message);
        }
    }

    /// The next diagnostics of a file.
    fn diagnostics(&mut self, file: &str) -> Vec<Value> {
        let uri = self.uri(file);
        loop {
            let message = match self.said.is_empty() {
                true => self.receive(),
                false => self.said.remove(0),
            };
            if message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == uri.as_str()
            {
                return message["params"]["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    fn did_open(&mut self, file: &str, text: &str) -> Vec<Value> {
        let uri = self.uri(file);
        self.tell(
            "textDocument/didOpen",
            json!({ "textDocument": { "uri": uri, "languageId": "rlx", "version": 1, "text": text } }),
        );
        self.diagnostics(file)
    }

    /// A request about the place of the middle of `part` in `text`.
    fn at(&mut self, file: &str, text: &str, part: &str, method: &str, more: Value) -> Value {
        let offset = text.find(part).unwrap_or_else(|| panic!("no {part}")) + part.len() / 2;
        let mut params =
            json!({ "textDocument": { "uri": self.uri(file) }, "position": position(text, offset) });
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        self.ask(method, params)
    }

    /// Says good-bye; the exit code.
    fn close(mut self) -> i32 {
        assert_eq!(self.ask("shutdown", Value::Null)["result"], Value::Null);
        self.tell("exit", Value::Null);
        self.wait()
    }

    fn wait(&mut self) -> i32 {
        for _ in 0..500 {
            if let Some(status) = self.server.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.server.kill().unwrap();
        panic!("the server did not end");
    }
}

/// Counted apart from the server's own way: by characters.
fn position(text: &str, offset: usize) -> Value {
    let before = &text[..offset];
    let line = before.split('\n').count() - 1;
    let character: usize = before
        .split('\n')
        .next_back()
        .unwrap()
        .chars()
        .map(char::len_utf16)
        .sum();
    json!({ "line": line, "character": character })
}

/// A text with the edits of an answer, from the last to the first.
fn edited(text: &str, edits: &Value) -> String {
    let offset = |place: &Value| {
        let line = place["line"].as_u64().unwrap() as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let mut units = place["character"].as_u64().unwrap() as usize;
        let mut at = start;
        for c in text[start..].chars() {
            if units == 0 {
                break;
            }
            units -= c.len_utf16();
            at += c.len_utf8();
        }
        at
    };
    let mut all: Vec<(usize, usize, &str)> = edits
        .as_array()
        .unwrap()
        .iter()
        .map(|edit| {
            (
                offset(&edit["range"]["start"]),
                offset(&edit["range"]["end"]),
                edit["newText"].as_str().unwrap(),
            )
        })
        .collect();
    all.sort_unstable();
    let mut out = text.to_owned();
    for (start, end, new) in all.into_iter().rev() {
        out.replace_range(start..end, new);
    }
    out
}

#[test]
fn diagnostics_follow_what_is_typed() {
    let mut editor = Editor::open();
    assert_eq!(editor.did_open("study.rlx", STUDY), Vec::<Value>::new());
    let uri = editor.uri("study.rlx");
    // `𝄞` on the line is two units of UTF-16: the comment is put at its end, then a field is misspelt.
    let change = |range: Value, text: &str| json!({ "range": range, "text": text });
    let after_clef = json!({ "line": 0, "character": 14 });
    let seed = position(STUDY, STUDY.find("seed").unwrap());
    let seed_end = position(STUDY, STUDY.find("seed").unwrap() + 4);
    editor.tell(
        "textDocument/didChange",
        json!({
            "textDocument": { "uri": uri, "version": 2 },
            "contentChanges": [
                change(json!({ "start": after_clef, "end": after_clef }), "♪"),
                change(json!({ "start": seed, "end": seed_end }), "sede"),
            ],
        }),
    );
    let found = editor.diagnostics("study.rlx");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["code"], &found[0]["severity"]),
        (&json!("rlx::field::unknown"), &json!(1))
    );
    assert_eq!(found[0]["range"], json!({ "start": seed, "end": seed_end }));
    assert!(
        found[0]["message"]
            .as_str()
            .unwrap()
            .contains("did you mean `seed`?")
    );
    let range = found[0]["range"].clone();
    let actions = editor.ask(
        "textDocument/codeAction",
        json!({ "textDocument": { "uri": uri }, "range": range, "context": { "diagnostics": [] } }),
    );
    let text = STUDY.replace("𝄞", "𝄞♪").replace("seed", "sede");
    let mended = edited(&text, &actions["result"][0]["edit"]["changes"][&uri]);
    assert_eq!(mended, STUDY.replace("𝄞", "𝄞♪"), "{actions}");
    // The whole text again, and an error in the file that it imports.
    let whole =
        json!({ "textDocument": { "uri": uri, "version": 3 }, "contentChanges": [{ "text": STUDY }] });
    editor.tell("textDocument/didChange", whole);
    assert_eq!(editor.diagnostics("study.rlx"), Vec::<Value>::new());
    let broken = LAB.replace("batch      = 4 prompts", "batch      = 4 steps");
    let found = editor.did_open("lab.rlx", &broken);
    assert_eq!(found.len(), 1, "the same error of two studies is one: {found:?}");
    let lab = editor.uri("lab.rlx");
    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": lab } }));
    assert_eq!(editor.diagnostics("lab.rlx"), Vec::<Value>::new());
    assert_eq!(editor.close(), 0);
}

#[test]
fn questions_are_answered() {
    let mut editor = Editor::open();
    editor.did_open("study.rlx", STUDY);
    let hover = editor.at("study.rlx", STUDY, "samples = n", "textDocument/hover", json!({}));
    let text = hover["result"]["contents"]["value"].as_str().unwrap_or_default();
    for part in [
        "a number of samples",
        "value: `8` samples",
        "study.rlx:15:15",
        "instead of what is written",
        "lab.rlx:46:17",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let hover = editor.at("study.rlx", STUDY, "models", "textDocument/hover", json!({}));
    assert!(
        hover["result"]["contents"]["value"]
            .as_str()
            .unwrap()
            .contains("models or checkpoints"),
        "{hover}"
    );
    // Into the library, through a file that can be opened and says what the library says.
    let found = editor.at("study.rlx", STUDY, "grpo {", "textDocument/definition", json!({}));
    let uri = found["result"]["uri"].as_str().unwrap().to_owned();
    let path = uri.strip_prefix("file://").unwrap();
    let library = std::fs::read_to_string(path).unwrap();
    assert!(Path::new(path).starts_with(editor.folder.path()) && library.contains("\nalgorithm grpo {"));
    assert!(std::fs::metadata(path).unwrap().permissions().readonly());
    let line = found["result"]["range"]["start"]["line"].as_u64().unwrap() as usize;
    assert_eq!(library.lines().nth(line), Some("algorithm grpo {"));
    editor.tell(
        "textDocument/didOpen",
        json!({ "textDocument": { "uri": uri, "languageId": "rlx", "version": 1, "text": library } }),
    );
    // Across an import.
    let found = editor.at(
        "study.rlx",
        STUDY,
        "lab.base,",
        "textDocument/definition",
        json!({}),
    );
    assert_eq!(found["result"]["uri"], editor.uri("lab.rlx").as_str(), "{found}");
    let found = editor.at(
        "study.rlx",
        STUDY,
        "rl = lab",
        "textDocument/references",
        json!({ "context": { "includeDeclaration": true } }),
    );
    assert_eq!(
        found["result"].as_array().map_or(0, Vec::len),
        0,
        "on the sign: {found}"
    );
    let text = STUDY.replace("seed      = 3", "opt");
    let uri = editor.uri("study.rlx");
    editor.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": [{ "text": text }] }),
    );
    let at = position(&text, text.find("opt\n").unwrap() + 3);
    let list = editor.ask(
        "textDocument/completion",
        json!({ "textDocument": { "uri": uri }, "position": at }),
    );
    let optimizer = list["result"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["label"] == "optimizer")
        .unwrap();
    assert_eq!(optimizer["textEdit"]["newText"], "optimizer = ");
    assert_eq!(optimizer["textEdit"]["range"]["end"], at);
    assert!(
        optimizer["documentation"]["value"]
            .as_str()
            .unwrap()
            .contains("AdamW")
    );
    let symbols = editor.ask(
        "textDocument/documentSymbol",
        json!({ "textDocument": { "uri": uri } }),
    );
    assert!(
        symbols["result"]
            .as_array()
            .unwrap()
            .iter()
            .any(|symbol| symbol["name"] == "test"),
        "{symbols}"
    );
    let refused = editor.ask(
        "textDocument/formatting",
        json!({ "textDocument": { "uri": uri }, "options": { "tabSize": 4, "insertSpaces": true } }),
    );
    assert_eq!(refused["error"]["code"], -32803, "{refused}");
    let untidy = STUDY.replace("samples = n", "samples=n");
    editor.tell(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri, "version": 3 }, "contentChanges": [{ "text": untidy }] }),
    );
    let edits = editor.ask(
        "textDocument/formatting",
        json!({ "textDocument": { "uri": uri }, "options": { "tabSize": 4, "insertSpaces": true } }),
    );
    assert_eq!(edited(&untidy, &edits["result"]), STUDY);
    assert_eq!(editor.close(), 0);
}

#[test]
fn a_rename_reaches_all_files_and_refuses_clashes() {
    let mut editor = Editor::open();
    editor.did_open("study.rlx", STUDY);
    let prepared = editor.at(
        "study.rlx",
        STUDY,
        "base",
        "textDocument/prepareRename",
        json!({}),
    );
    assert_eq!(prepared["result"]["placeholder"], "base");
    let answer = editor.at(
        "study.rlx",
        STUDY,
        "eval {",
        "textDocument/rename",
        json!({ "newName": "measured" }),
    );
    let changes = &answer["result"]["changes"];
    assert!(
        answer["error"].is_null() && changes.as_object().map_or(0, |all| all.len()) == 3,
        "{answer}"
    );
    assert!(edited(LAB, &changes[editor.uri("lab.rlx")]).contains("evaluate measured {"));
    assert!(edited(STUDY, &changes[editor.uri("study.rlx")]).contains("lab.measured {"));
    let other = std::fs::read_to_string(editor.folder.path().join("other.rlx")).unwrap();
    assert!(edited(&other, &changes[editor.uri("other.rlx")]).contains("other.measured {"));
    for (part, name, why) in [
        ("test", "rl", "already a name"),
        ("grpo {", "mine", "standard library"),
        ("seed", "grain", "no name"),
        ("test", "a b", "no name"),
    ] {
        let refused = editor.at(
            "study.rlx",
            STUDY,
            part,
            "textDocument/rename",
            json!({ "newName": name }),
        );
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(why), "{part} → {name}: {refused}");
    }
    assert_eq!(editor.close(), 0);
}

#[test]
fn hostile_messages_are_refused_and_the_session_goes_on() {
    let mut editor = Editor::start();
    let early = editor.ask("textDocument/hover", json!({}));
    assert_eq!(early["error"]["code"], -32002);
    let root = editor.uri("");
    editor.ask(
        "initialize",
        json!({ "processId": null, "rootUri": root, "capabilities": {} }),
    );
    assert_eq!(
        editor.ask("initialize", json!({ "capabilities": {} }))["error"]["code"],
        -32600
    );
    assert_eq!(editor.ask("rlx/nothing", json!({}))["error"]["code"], -32601);
    assert_eq!(
        editor.ask("textDocument/hover", json!({ "position": "here" }))["error"]["code"],
        -32602
    );
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, code) in [
        ("{", -32700),
        ("\u{0}\u{1}", -32700),
        ("[1, 2]", -32600),
        ("{}", -32600),
        (deep.as_str(), -32700),
    ] {
        editor.bytes(format!("content-length: {}\r\nX-Other: y\r\n\r\n{body}", body.len()).as_bytes());
        assert_eq!(editor.answer(&Value::Null)["error"]["code"], code);
    }
    let uri = editor.uri("study.rlx");
    for params in [
        json!(null),
        json!({}),
        json!({ "textDocument": { "uri": 3 } }),
        json!([1]),
    ] {
        editor.tell("textDocument/didOpen", params.clone());
        editor.tell("textDocument/didChange", params.clone());
        editor.tell("textDocument/didClose", params);
    }
    editor.did_open("study.rlx", "use \"./study.rlx\" as me\nparam \u{1F600} = [[[");
    let far = json!({ "line": 4_000_000_000_u32, "character": 4_000_000_000_u32 });
    editor.tell(
        "textDocument/didChange",
        json!({
            "textDocument": { "uri": uri, "version": 2 },
            "contentChanges": [
                { "range": { "start": far, "end": { "line": 0, "character": 0 } }, "text": "\r\n" },
                { "range": { "start": { "line": 1, "character": 7 }, "end": far }, "text": "x" },
            ],
        }),
    );
    for method in [
        "hover",
        "definition",
        "completion",
        "prepareRename",
        "documentSymbol",
    ] {
        let answer = editor.ask(
            &format!("textDocument/{method}"),
            json!({ "textDocument": { "uri": uri }, "position": far }),
        );
        assert!(
            answer.get("result").is_some() || answer["error"]["code"] == -32803,
            "{method}: {answer}"
        );
    }
    assert_eq!(editor.close(), 0);
    // A header without end, a length that is none: the line cannot be trusted any more.
    for bytes in [
        vec![b'x'; 10_000],
        b"Content-Length: many\r\n\r\n".to_vec(),
        b"\r\n\r\n".to_vec(),
    ] {
        let mut editor = Editor::open();
        let _ = editor.input.as_mut().unwrap().write_all(&bytes);
        assert_eq!(editor.wait(), 1);
    }
    // A length beyond all memory and then silence: nothing is set aside for it.
    let mut editor = Editor::open();
    editor.bytes(b"Content-Length: 9000000000000000000\r\n\r\nabc");
    drop(editor.input.take());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(editor.wait()));
    assert_eq!(receiver.recv_timeout(Duration::from_secs(10)), Ok(1));
}

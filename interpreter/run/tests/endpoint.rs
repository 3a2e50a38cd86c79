//! Against a small server on this machine that speaks OpenAI's interface, faults included.
#![allow(clippy::unwrap_used)] // a test may panic

mod common;

use common::{Place, Script, bytes};
use rlx_run::RunError;
use rlx_store::{Finish, Response, Store};
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    collections::{BTreeSet, VecDeque},
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    rc::Rc,
    sync::{Arc, Mutex},
};

const KEY: &str = "sk-do-not-tell";

/// What happens to the next question.
#[derive(Clone)]
enum Fault {
    /// The line is cut before a byte of the answer.
    Cut,
    /// It is cut within the answer.
    Half,
    /// A status with these headers; the body repeats the key.
    Status(u16, &'static str),
    /// A body that is no answer.
    Says(&'static str),
    None,
}

#[derive(Default)]
struct Fate {
    faults: VecDeque<Fault>,
    /// After `faults`.
    then: Option<Fault>,
    /// Path, key and body of each question.
    asked: Vec<(String, String, Value)>,
}

#[derive(Clone)]
struct Server {
    url: String,
    script: Arc<Mutex<Fate>>,
}

impl Server {
    fn start(faults: impl IntoIterator<Item = Fault>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            url: format!("http://{}/v1", listener.local_addr().unwrap()),
            script: Arc::default(),
        };
        server.script.lock().unwrap().faults = faults.into_iter().collect();
        let copy = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let server = copy.clone();
                std::thread::spawn(move || {
                    if let Ok(stream) = stream {
                        let _ = server.answer(stream);
                    }
                });
            }
        });
        server
    }

    fn asked(&self) -> Vec<(String, String, Value)> {
        self.script.lock().unwrap().asked.clone()
    }

    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut length, mut key) = (0, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 || line == "\r\n" {
                break;
            }
            let (name, value) = line.trim_end().split_once(": ").unwrap();
            match name.to_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "authorization" => key = value.to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body: Value = serde_json::from_slice(&body).unwrap();
        let fault = {
            let mut script = self.script.lock().unwrap();
            script.asked.push((path.clone(), key, body.clone()));
            let then = script.then.clone();
            script.faults.pop_front().or(then).unwrap_or(Fault::None)
        };
        let text = match path.as_str() {
            "/v1/completions" => completion(body["prompt"].as_str().unwrap()),
            "/v1/chat/completions" => {
                let messages = body["messages"].as_array().unwrap();
                chat(messages.last().unwrap()["content"].as_str().unwrap())
            }
            _ => panic!("{path}"),
        };
        let send = |stream: &mut TcpStream, status: u16, headers: &str, body: &str, length: usize| {
            write!(
                stream,
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
            )
        };
        match fault {
            Fault::None => send(&mut stream, 200, "", &text, text.len()),
            Fault::Cut => Ok(()),
            Fault::Half => send(&mut stream, 200, "", &text[..text.len() / 2], text.len()),
            Fault::Says(text) => send(&mut stream, 200, "", text, text.len()),
            Fault::Status(status, headers) => {
                let body =
                    json!({ "error": { "message": format!("no, not with {KEY}"), "type": "x" } }).to_string();
                send(&mut stream, status, headers, &body, body.len())
            }
        }
    }
}

fn sum(text: &str) -> u64 {
    text.split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse::<u64>().ok())
        .sum()
}

/// Right, but for the problem whose sum is 303.
fn completion(prompt: &str) -> String {
    let sum = sum(prompt);
    let said = if sum == 303 { 1 } else { sum };
    json!({
        "model": "teacher-1-0101", "system_fingerprint": "fp_7",
        "choices": [{ "index": 0, "text": format!("The answer is {said}."), "finish_reason": "stop", "logprobs": null }],
        "usage": { "prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15 },
    })
    .to_string()
}

/// With thoughts; cut for the problem whose sum is 303.
fn chat(prompt: &str) -> String {
    let sum = sum(prompt);
    let finish = if sum == 303 { "length" } else { "stop" };
    json!({
        "model": "teacher-1-0101",
        "choices": [{
            "message": { "role": "assistant", "content": format!("The answer is {sum}."), "reasoning_content": "I add.", "reasoning": "I add." },
            "finish_reason": finish,
        }],
        "usage": { "completion_tokens": 8 },
    })
    .to_string()
}

const STUDENT: &str = "
model r1 {
    source = endpoint { url = \"URL\", model = \"teacher-1\", key = \"TEACHER_KEY\", retries = 2, parallel = 3 }
}

distill student {
    start    = base
    teacher  = r1
    data     = pool
    samples  = 3
    filter   = FILTER
    sampling = { temperature = 0.6, top_p = 0.95, max_tokens = 40, stop = \"###\" }
}
";

fn place(server: &Server, filter: &str) -> Place {
    let mut place = Place::new();
    place.text += &STUDENT.replace("URL", &server.url).replace("FILTER", filter);
    place
}

fn with_key() -> rlx_data::World {
    let variables = [("TEACHER_KEY", KEY), ("HF_HUB_OFFLINE", "1")];
    rlx_data::World::new(
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())),
        false,
    )
}

fn run(place: &Place) -> Result<Vec<String>, RunError> {
    let script: Rc<RefCell<Script>> = Rc::default();
    place.run_in(with_key(), &[], &script)?;
    let taught = script.borrow().taught.clone();
    Ok(taught)
}

/// Rows of the step that asks the teacher.
fn rows(place: &Place) -> Vec<Response> {
    let (_, plan, _) = place.plan(&[]);
    let step = plan.step("sample student r1").unwrap();
    Store::read_only(&place.store())
        .samples(&step.key.folder())
        .read()
        .unwrap()
}

#[test]
fn a_server_teaches_whatever_happens_to_the_line() {
    let server = Server::start([
        Fault::None,
        Fault::Cut,
        Fault::Status(429, "Retry-After: 0\r\n"),
        Fault::Half,
        Fault::Status(503, ""),
    ]);
    let place = place(&server, "correct");
    let taught = run(&place).unwrap();
    // 5 problems, 3 samples; one problem is answered wrongly.
    assert_eq!(taught.len(), 12);
    assert!(taught.iter().all(|text| text.starts_with("The answer is 3")));
    let rows = rows(&place);
    assert_eq!(rows.len(), 15);
    for row in &rows {
        assert_eq!((row.length(), row.logprob, row.seed), (6, None, 0));
        assert_eq!(row.finish, Finish::Stop);
        let engine = format!(
            "endpoint {}, teacher-1 (teacher-1-0101, fp_7), not reproducible",
            server.url
        );
        assert_eq!(row.engine, engine);
        assert_eq!(row.prompt.len(), 16);
    }
    let asked = server.asked();
    assert_eq!(asked.len(), 15 + 4, "a question a row, and one more a fault");
    let body = json!({
        "model": "teacher-1", "prompt": "What is 100 + 200?", "temperature": 0.6, "top_p": 0.95, "max_tokens": 40, "n": 1,
        "stream": false, "stop": ["###"],
    });
    assert!(asked.iter().any(|(_, _, asked)| *asked == body), "{asked:?}");
    for (path, key, _) in &asked {
        assert_eq!(
            (path.as_str(), key.as_str()),
            ("/v1/completions", &*format!("Bearer {KEY}"))
        );
    }
    for (name, content) in bytes(place.folder.path()) {
        assert!(
            !String::from_utf8_lossy(&content).contains(KEY),
            "the key is in {name}"
        );
    }
    // What is there is not asked for again, and patience is no part of what is meant.
    let mut place = place;
    place.text = place
        .text
        .replace("retries = 2, parallel = 3", "timeout = 9, parallel = 1");
    run(&place).unwrap();
    assert_eq!(server.asked().len(), 19);
    // Only what is missing of more is.
    place.text = place.text.replace("samples  = 3", "samples  = 4");
    run(&place).unwrap();
    assert_eq!(server.asked().len(), 24);
}

#[test]
fn what_a_server_refuses_ends_the_run_and_what_came_is_kept() {
    let answers = |count: usize| std::iter::repeat_n(Fault::None, count);
    let server = Server::start(answers(7));
    let place = place(&server, "all");
    let fails = |then: Fault, code: &str| {
        server.script.lock().unwrap().then = Some(then);
        let error = run(&place).unwrap_err();
        let text = format!("{error}");
        assert_eq!(error.code(), code, "{text}");
        assert!(
            text.contains("sample student r1") && !text.contains(KEY),
            "{text}"
        );
        assert!(error.help().is_some_and(|help| !help.is_empty()), "{text}");
        text
    };
    let text = fails(Fault::Status(401, ""), "rlx::endpoint::key");
    assert!(
        text.contains("401") && text.contains("not with (the key)"),
        "{text}"
    );
    let text = fails(Fault::Status(404, ""), "rlx::endpoint::refused");
    assert!(text.contains("/v1/completions refuses (404)"), "{text}");
    // A redirect could carry the key anywhere.
    let text = fails(
        Fault::Status(307, "Location: http://127.0.0.1:9/v1\r\n"),
        "rlx::endpoint::refused",
    );
    assert!(text.contains("127.0.0.1:9"), "{text}");
    let text = fails(Fault::Says("<html>hello</html>"), "rlx::endpoint::answer");
    assert!(text.contains("hello"), "{text}");
    fails(Fault::Says("{\"choices\": []}"), "rlx::endpoint::answer");
    fails(
        Fault::Says("{\"choices\": [{\"text\": \"x\", \"finish_reason\": \"stop\"}]}"),
        "rlx::endpoint::answer",
    );
    fails(
        Fault::Says(
            "{\"choices\": [{\"text\": \"x\", \"finish_reason\": \"tool_calls\"}], \"usage\": {\"completion_tokens\": 1}}",
        ),
        "rlx::endpoint::answer",
    );
    let before = server.asked().len();
    let text = fails(Fault::Status(429, "Retry-After: 0\r\n"), "rlx::endpoint::silent");
    assert!(text.contains("3 times in vain: 429"), "{text}");
    // Not all three threads come to their last attempt before they are told to end.
    assert!((3..=9).contains(&(server.asked().len() - before)));
    // The seven rows are there, and the other eight are asked for.
    server.script.lock().unwrap().then = None;
    let before = server.asked().len();
    assert_eq!(run(&place).unwrap().len(), 15);
    assert_eq!(server.asked().len() - before, 8);
    assert_eq!(rows(&place).len(), 15);
}

#[test]
fn without_a_key_or_a_network_nothing_is_asked() {
    let server = Server::start([]);
    let place = place(&server, "all");
    for (world, code, part) in [
        (
            rlx_data::World::new([], false),
            "rlx::endpoint::key",
            "TEACHER_KEY",
        ),
        (rlx_data::World::new([], true), "rlx::data::offline", "offline"),
    ] {
        let error = place.run_in(world, &[], &Rc::default()).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(server.asked().is_empty());
}

#[test]
fn a_chat_is_asked_with_its_messages_and_thoughts_are_part_of_the_answer() {
    let server = Server::start([]);
    let mut place = place(&server, "all");
    place.text = place.text.replace("data     = pool", "data     = chats");
    place.text +=
        "data chats = pool { prompt = { template = \"{problem}\", chat = true, system = \"Add.\" } }\n";
    let taught = run(&place).unwrap();
    // What was cut teaches nothing.
    assert_eq!(taught.len(), 12);
    assert!(taught.contains(&"<think>\nI add.\n</think>\n\nThe answer is 300.".to_owned()));
    let asked = server.asked();
    let messages: BTreeSet<String> = asked
        .iter()
        .map(|(path, _, body)| format!("{path} {}", body["messages"]))
        .collect();
    let wanted = json!([
        { "role": "system", "content": "Add." }, { "role": "user", "content": "What is 100 + 200?" },
    ]);
    assert!(
        messages.contains(&format!("/v1/chat/completions {wanted}")),
        "{messages:?}"
    );
    assert_eq!(asked.len(), 15);
}

#[test]
fn a_server_is_measured_as_other_models_are() {
    let server = Server::start([]);
    let mut place = place(&server, "all");
    place.text = place
        .text
        .replace("models    = [base, rl@4]", "models    = [base, rl@4, r1]");
    place.text = place.text.replace(
        "figure progress",
        "figure long = lengths(test)\nfigure heard = perplexity(test, of = r1, under = base)\nfigure progress",
    );
    run(&place).unwrap();
    let read = |name: &str| {
        let files = bytes(&place.results());
        let (_, content) = files.iter().find(|(path, _)| path.ends_with(name)).unwrap();
        String::from_utf8(content.clone()).unwrap()
    };
    // 5 problems, 6 samples, each right and 6 tokens long.
    assert!(
        read("coverage.csv").contains("r1,1,1"),
        "{}",
        read("coverage.csv")
    );
    let page = read("report.html");
    assert!(
        page.contains("(not reproducible)"),
        "the page hides what cannot be made again"
    );
}

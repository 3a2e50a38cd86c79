//! Against a small server on this machine that plays the hub, faults included.

use super::*;
use rlx_language::study::{Judge, Model, ModelSource, ProblemSet, ProblemSource, Prompt};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the server holds and how it misbehaves.
#[derive(Default)]
struct Script {
    files: BTreeMap<String, Vec<u8>>,
    /// Files served as large ones: by redirect, with SHA-256.
    large: Vec<String>,
    /// Sends only so many bytes of the next bodies.
    cuts: Vec<usize>,
    status: Option<u16>,
    /// Headers of refusals.
    refusal: &'static str,
    /// Answers only so many requests by `status`; all when `None`.
    refusals: Option<usize>,
    /// The host that large files are served from; this one when empty.
    cdn: String,
    /// Bytes sent beyond a body's end.
    surplus: usize,
    wrong_hash: bool,
    ignore_range: bool,
}

struct Server {
    endpoint: String,
    script: Arc<Mutex<Script>>,
    /// `GET /path [range] [token]`, in order.
    asked: Arc<Mutex<Vec<String>>>,
}

fn serve(script: Script) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = Server {
        endpoint,
        script: Arc::new(Mutex::new(script)),
        asked: Arc::new(Mutex::new(Vec::new())),
    };
    let (script, asked) = (server.script.clone(), server.asked.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            let headers: BTreeMap<String, String> = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .filter_map(|line| {
                    line.split_once(": ")
                        .map(|(k, v)| (k.to_lowercase(), v.to_owned()))
                })
                .collect();
            let (method, path) = first.rsplit_once(' ').unwrap().0.split_once(' ').unwrap();
            let mark = |name: &str| headers.get(name).map(|v| format!(" {v}")).unwrap_or_default();
            asked.lock().unwrap().push(format!(
                "{method} {path}{}{}",
                mark("range"),
                mark("authorization")
            ));
            let answer = answer(&mut script.lock().unwrap(), method, path, headers.get("range"));
            let _ = stream.write_all(&answer);
        }
    });
    server
}

fn answer(script: &mut Script, method: &str, path: &str, range: Option<&String>) -> Vec<u8> {
    let head = |status: &str, headers: &str| {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n").into_bytes()
    };
    if let Some(status) = script.status
        && script.refusals != Some(0)
    {
        script.refusals = script.refusals.map(|left| left - 1);
        return head(
            &format!("{status} No"),
            &format!("{}Content-Length: 0\r\n", script.refusal),
        );
    }
    if path.starts_with("/api/") {
        let names: Vec<_> = script
            .files
            .keys()
            .map(|name| serde_json::json!({"rfilename": name}))
            .collect();
        let body = serde_json::json!({"sha": COMMIT, "siblings": names}).to_string();
        return [
            head("200 OK", &format!("Content-Length: {}\r\n", body.len())),
            body.into_bytes(),
        ]
        .concat();
    }
    let name = path
        .split_once(&format!("/resolve/{COMMIT}/"))
        .map(|(_, name)| name.to_owned());
    let name = name
        .or_else(|| path.strip_prefix("/cdn/").map(str::to_owned))
        .unwrap_or_default();
    let Some(body) = script.files.get(&name).cloned() else {
        return head("404 Not Found", "Content-Length: 0\r\n");
    };
    if script.large.contains(&name) && !path.starts_with("/cdn/") {
        let mut hash: String = Sha256::digest(&body).iter().map(|b| format!("{b:02x}")).collect();
        if script.wrong_hash {
            hash = "0".repeat(64);
        }
        let headers = format!(
            "Location: {}/cdn/{name}\r\nX-Linked-Etag: \"{hash}\"\r\nX-Linked-Size: {}\r\nContent-Length: 0\r\n",
            script.cdn,
            body.len()
        );
        return head("302 Found", &headers);
    }
    let etag = {
        use sha1::Sha1;
        let digest = Sha1::new_with_prefix(format!("blob {}\0", body.len()))
            .chain_update(&body)
            .finalize();
        digest.iter().map(|b| format!("{b:02x}")).collect::<String>()
    };
    let from: usize = match range {
        Some(range) if !script.ignore_range => range
            .trim_start_matches("bytes=")
            .trim_end_matches('-')
            .parse()
            .unwrap(),
        _ => 0,
    };
    let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
    let mut answer = head(
        status,
        &format!(
            "ETag: \"{etag}\"\r\nContent-Length: {}\r\n",
            body.len() - from + script.surplus
        ),
    );
    if method == "GET" {
        let end = script
            .cuts
            .pop()
            .map_or(body.len(), |cut| from.saturating_add(cut).min(body.len()));
        answer.extend_from_slice(&body[from..end]);
        answer.resize(answer.len() + script.surplus, 0);
    }
    answer
}

fn model_files() -> BTreeMap<String, Vec<u8>> {
    let weights: Vec<u8> = (0..700_000u32).map(|i| (i * 31 % 251) as u8).collect();
    [
        ("config.json", b"{}".to_vec()),
        ("tokenizer.json", b"{\"a\": 1}".to_vec()),
        ("model.safetensors", weights),
        ("README.md", b"not wanted".to_vec()),
        ("../evil.json", b"x".to_vec()),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}

fn world(server: &Server, cache: &Path, more: &[(&str, &str)]) -> World {
    let mut variables = vec![
        ("HF_ENDPOINT".to_owned(), server.endpoint.clone()),
        ("HF_HOME".to_owned(), cache.display().to_string()),
    ];
    variables.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    World::new(variables, false)
}

fn model() -> Model {
    Model {
        name: "base".to_owned(),
        source: ModelSource::Hub {
            repo: "org/tiny".to_owned(),
            revision: "main".to_owned(),
        },
        adapter: None,
        context: None,
        parameters: None,
        vocabulary: None,
        licence: None,
        vision: false,
    }
}

fn problems(config: Option<&str>, split: &str) -> ProblemSet {
    ProblemSet {
        name: "bench".to_owned(),
        source: ProblemSource::Hub {
            repo: "org/set".to_owned(),
            revision: "main".to_owned(),
            config: config.map(str::to_owned),
            split: split.to_owned(),
        },
        problem: "q".to_owned(),
        answer: None,
        response: None,
        id: None,
        prompt: Prompt {
            template: "{problem}".to_owned(),
            chat: false,
            system: None,
            examples: Vec::new(),
            prefill: None,
        },
        judge: Judge::Number,
        limit: None,
        skip: 0,
        size: None,
        exclude: Vec::new(),
        licence: None,
        filter: None,
        shuffle: None,
        among: None,
        image: Vec::new(),
        precision: None,
        code: None,
        command: None,
    }
}

fn fetch(server: &Server, cache: &Path) -> Result<PathBuf, DataError> {
    fetch_model(&model(), &world(server, cache, &[]), &mut |_| true)
}

fn script() -> Script {
    Script {
        files: model_files(),
        large: vec!["model.safetensors".to_owned()],
        ..Script::default()
    }
}

#[test]
fn fetches_a_model_into_the_python_libraries_layout() {
    let (server, cache) = (serve(script()), tempfile::tempdir().unwrap());
    let world = world(&server, cache.path(), &[("HF_TOKEN", "secret")]);
    let mut seen = Vec::new();
    let folder = fetch_model(&model(), &world, &mut |progress| {
        seen.push((progress.file.clone(), progress.bytes, progress.size));
        true
    })
    .unwrap();
    let root = cache.path().join("hub/models--org--tiny");
    assert_eq!(folder, root.join("snapshots").join(COMMIT));
    assert_eq!(fs::read_to_string(root.join("refs/main")).unwrap(), COMMIT);
    assert_eq!(
        fs::read(folder.join("model.safetensors")).unwrap(),
        model_files()["model.safetensors"]
    );
    assert!(
        fs::read_link(folder.join("config.json"))
            .unwrap()
            .starts_with("../../blobs")
    );
    assert!(!folder.join("README.md").exists() && !cache.path().join("hub/evil.json").exists());
    assert!(seen.contains(&("model.safetensors".to_owned(), 700_000, Some(700_000))));
    assert!(
        server
            .asked
            .lock()
            .unwrap()
            .iter()
            .all(|line| line.ends_with("Bearer secret"))
    );
    // What is here is not asked for again, and offline finds it.
    let before = server.asked.lock().unwrap().len();
    fetch_model(&model(), &world, &mut |_| true).unwrap();
    assert_eq!(server.asked.lock().unwrap().len(), before);
    assert_eq!(
        locate_model(
            &model(),
            &World::new(
                [(
                    "HF_HUB_CACHE".into(),
                    format!("{}", cache.path().join("hub").display())
                )],
                true
            )
        )
        .unwrap(),
        folder
    );
}

#[test]
fn a_cut_line_is_taken_up_where_it_broke() {
    let mut script = script();
    script.large.clear();
    script.cuts = vec![usize::MAX, 1_000, 300_000, usize::MAX];
    let (server, cache) = (serve(script), tempfile::tempdir().unwrap());
    let folder = fetch(&server, cache.path()).unwrap();
    assert_eq!(
        fs::read(folder.join("model.safetensors")).unwrap(),
        model_files()["model.safetensors"]
    );
    let asked = server.asked.lock().unwrap();
    assert!(
        asked.iter().any(|line| line.ends_with("bytes=300000-")),
        "{asked:?}"
    );
    assert!(
        asked.iter().any(|line| line.ends_with("bytes=301000-")),
        "{asked:?}"
    );
}

#[test]
fn a_cancelled_download_goes_on_in_the_next_and_a_server_without_ranges_starts_over() {
    for ignore_range in [false, true] {
        let (server, cache) = (
            serve(Script {
                ignore_range,
                ..script()
            }),
            tempfile::tempdir().unwrap(),
        );
        let world = world(&server, cache.path(), &[]);
        let stopped = fetch_model(&model(), &world, &mut |progress| progress.bytes < 200_000);
        assert!(matches!(stopped, Err(DataError::Cancelled)), "{stopped:?}");
        let missing = locate_model(&model(), &world).unwrap_err().to_string();
        assert!(missing.contains("model.safetensors"), "{missing}");
        let folder = fetch(&server, cache.path()).unwrap();
        assert_eq!(
            fs::read(folder.join("model.safetensors")).unwrap(),
            model_files()["model.safetensors"]
        );
        let asked = server.asked.lock().unwrap();
        assert!(asked.iter().any(|line| line.contains("bytes=")), "{asked:?}");
        assert_eq!(
            asked.iter().filter(|line| line.contains("config.json")).count(),
            2,
            "fetched once: HEAD and GET"
        );
    }
}

#[test]
fn refusals_say_what_to_do() {
    for (status, part) in [
        (401, "HF_TOKEN"),
        (404, "no such repository"),
        (429, "too many"),
        (503, "later"),
    ] {
        let server = serve(Script {
            status: Some(status),
            // Longer than anybody waits.
            refusal: "Retry-After: 3600\r\n",
            ..script()
        });
        let error = fetch(&server, tempfile::tempdir().unwrap().path())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(&status.to_string()) && error.contains(part),
            "{error}"
        );
    }
    let gone = Server {
        endpoint: "http://127.0.0.1:9".to_owned(),
        ..serve(script())
    };
    let error = fetch(&gone, tempfile::tempdir().unwrap().path()).unwrap_err();
    assert!(matches!(error, DataError::Transfer { .. }), "{error}");
}

#[test]
fn what_a_refusal_means_is_read_from_its_code() {
    for (status, refusal, part) in [
        (401, "X-Error-Code: GatedRepo\r\n", "is gated"),
        (403, "X-Error-Code: GatedRepo\r\n", "is gated"),
        (401, "X-Error-Code: RepoNotFound\r\n", "private one"),
        (404, "X-Error-Code: RevisionNotFound\r\n", "after the @"),
        (429, "Retry-After: 3600\r\n", "wait some minutes"),
        (
            429,
            "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n",
            "wait some minutes",
        ),
    ] {
        let server = serve(Script {
            status: Some(status),
            refusal,
            ..script()
        });
        let error = fetch(&server, tempfile::tempdir().unwrap().path())
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{status} {refusal}: {error}");
        assert_eq!(server.asked.lock().unwrap().len(), 1, "{status} {refusal}");
    }
}

#[test]
fn a_busy_hub_is_asked_again_after_the_time_it_names() {
    for (status, refusal) in [(429, "Retry-After: 0\r\n"), (503, "Retry-After: 0\r\n")] {
        let server = serve(Script {
            status: Some(status),
            refusal,
            refusals: Some(3),
            ..script()
        });
        let cache = tempfile::tempdir().unwrap();
        let folder = fetch(&server, cache.path()).unwrap();
        assert!(folder.join("model.safetensors").is_file());
    }
}

#[test]
fn the_token_goes_to_no_other_host() {
    let other = serve(script());
    let server = serve(Script {
        cdn: other.endpoint.clone(),
        ..script()
    });
    let cache = tempfile::tempdir().unwrap();
    let world = world(&server, cache.path(), &[("HF_TOKEN", "secret")]);
    fetch_model(&model(), &world, &mut |_| true).unwrap();
    let asked = other.asked.lock().unwrap();
    assert!(
        asked
            .iter()
            .any(|line| line.starts_with("GET /cdn/model.safetensors")),
        "{asked:?}"
    );
    assert!(asked.iter().all(|line| !line.contains("secret")), "{asked:?}");
    let own = server.asked.lock().unwrap();
    assert!(own.iter().all(|line| line.ends_with("Bearer secret")), "{own:?}");
}

#[test]
fn more_bytes_than_were_stated_are_refused() {
    let server = serve(Script {
        surplus: 100_000,
        ..script()
    });
    let cache = tempfile::tempdir().unwrap();
    let error = fetch(&server, cache.path()).unwrap_err();
    assert!(matches!(error, DataError::Checksum { .. }), "{error}");
}

#[test]
fn a_wrong_checksum_is_refused_and_nothing_stays() {
    let (server, cache) = (
        serve(Script {
            wrong_hash: true,
            ..script()
        }),
        tempfile::tempdir().unwrap(),
    );
    let error = fetch(&server, cache.path()).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::Checksum {
                algorithm: "SHA-256",
                ..
            }
        ),
        "{error}"
    );
    let blobs = cache.path().join("hub/models--org--tiny/blobs");
    assert!(
        !fs::read_dir(blobs).unwrap().any(|e| e
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("incomplete"))
    );
    server.script.lock().unwrap().wrong_hash = false;
    fetch(&server, cache.path()).unwrap();
}

#[test]
fn what_is_missing_is_named_with_the_way_to_get_it() {
    let cache = tempfile::tempdir().unwrap();
    let world = World::new([("HF_HOME".into(), cache.path().display().to_string())], true);
    let message = locate_model(&model(), &world).unwrap_err().to_string();
    for part in [
        "hf:org/tiny@main",
        "rlx fetch",
        "--set base.source",
        "models--org--tiny",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let error = fetch_model(&model(), &world, &mut |_| true).unwrap_err();
    assert!(matches!(error, DataError::Offline { .. }), "{error}");
    let root = cache.path().join("hub/models--org--tiny");
    let snapshot = root.join("snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(root.join("refs")).unwrap();
    fs::write(root.join("refs/main"), COMMIT).unwrap();
    fs::write(snapshot.join("config.json"), "{}").unwrap();
    let index = r#"{"weight_map": {"a": "model-2.safetensors", "b": "model-1.safetensors", "c": "model-1.safetensors"}}"#;
    fs::write(snapshot.join("model.safetensors.index.json"), index).unwrap();
    fs::write(snapshot.join("model-1.safetensors"), "x").unwrap();
    let message = locate_model(&model(), &world).unwrap_err().to_string();
    assert!(
        message.contains("tokenizer.json, model-2.safetensors are missing"),
        "{message}"
    );
    let path = Model {
        source: ModelSource::Path {
            path: "/nowhere/m.gguf".to_owned(),
        },
        ..model()
    };
    let message = locate_model(&path, &world).unwrap_err().to_string();
    assert!(
        message.contains("/nowhere/m.gguf") && message.contains("--set base.source"),
        "{message}"
    );
    let named = |repo: &str| ModelSource::Hub {
        repo: repo.to_owned(),
        revision: "main".to_owned(),
    };
    for repo in ["../up", "a/b/c", "", "a b", ".hidden/x"] {
        let error = locate_model(
            &Model {
                source: named(repo),
                ..model()
            },
            &world,
        )
        .unwrap_err();
        assert!(matches!(error, DataError::RepoName { .. }), "{repo}: {error}");
    }
}

#[test]
fn data_sets_are_fetched_by_configuration_and_split() {
    let files = [
        "main/train-00000-of-00002.jsonl",
        "main/train-00001-of-00002.jsonl",
        "main/test.jsonl",
        "extra/test.parquet",
        "README.md",
    ];
    let files = files
        .map(|name| (name.to_owned(), format!("{{\"q\": \"{name}\"}}\n").into_bytes()))
        .into();
    let (server, cache) = (
        serve(Script {
            files,
            ..Script::default()
        }),
        tempfile::tempdir().unwrap(),
    );
    let world = world(&server, cache.path(), &[]);
    let set = problems(Some("main"), "train");
    assert!(matches!(
        problem_files(&set, &world),
        Err(DataError::NotHere { .. })
    ));
    assert_eq!(fetch_problems(&set, &world, &mut |_| true).unwrap().len(), 2);
    let sets = [("bench".to_owned(), set.clone())].into_iter().collect();
    assert_eq!(crate::load("bench", &sets, None, &world).unwrap().len(), 2);
    let before = server.asked.lock().unwrap().len();
    fetch_problems(&set, &world, &mut |_| true).unwrap();
    assert_eq!(
        server.asked.lock().unwrap().len(),
        before,
        "a second fetch asks for nothing"
    );
    // Another split of the same snapshot is fetched when asked for.
    assert_eq!(
        fetch_problems(&problems(Some("main"), "test"), &world, &mut |_| true)
            .unwrap()
            .len(),
        1
    );
    let parquet = fetch_problems(&problems(Some("extra"), "test"), &world, &mut |_| true).unwrap();
    assert!(parquet[0].ends_with("extra/test.parquet"), "{parquet:?}");
    let none = fetch_problems(&problems(Some("main"), "dev"), &world, &mut |_| true)
        .unwrap_err()
        .to_string();
    assert!(
        none.contains("`dev`") && none.contains("main/test.jsonl"),
        "{none}"
    );
}

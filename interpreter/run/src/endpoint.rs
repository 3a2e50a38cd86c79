//! A model behind a server that speaks OpenAI's interface (`/v1/chat/completions`, `/v1/completions`).
//!
//! Every row is asked for by itself, so each is safe as soon as it is there, and a run that ends goes on with those that
//! lack. A server that is busy, silent or cut off is asked again; what it refuses ends the run, after the answers that are
//! on their way have come: they are paid for.

use crate::{
    RunError,
    event::Listener,
    sample::{Given, Hear, Wanted, collect},
    state::sampled_problems,
    world::World,
};
use rlx_data::RenderedPrompt;
use rlx_language::{Endpoint, Sampling};
use rlx_plan::{SampleStep, Step};
use rlx_store::{Finish, Store};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};
use ureq::{Agent, Body, http::Response};

/// Before a question is asked again; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// A server that asks for more patience than this is told of instead.
const PATIENCE: Duration = Duration::from_secs(600);
/// Bytes of an answer at most: a million tokens are less.
const LARGEST_ANSWER: u64 = 64 << 20;
/// Characters of a server's own words in a message.
const QUOTED: usize = 300;

/// What a server does not give.
#[derive(Debug, thiserror::Error)]
enum EndpointError {
    #[error("offline: {url} was not asked")]
    Offline { url: String },
    #[error("the environment variable `{variable}`, which the study names as the key of {url}, is not set")]
    NoKey { url: String, variable: String },
    #[error("{url} does not accept the key ({status}): {said}")]
    Key { url: String, status: u16, said: String },
    #[error("{url} refuses ({status}): {said}")]
    Refused { url: String, status: u16, said: String },
    #[error("{url} answers something else than OpenAI's interface does: {what}")]
    Answer { url: String, what: String },
    #[error("{url} was asked {times} times in vain: {last}")]
    Silent { url: String, times: u64, last: String },
}

impl EndpointError {
    fn code(&self) -> &'static str {
        match self {
            EndpointError::Offline { .. } => "rlx::data::offline",
            EndpointError::NoKey { .. } | EndpointError::Key { .. } => "rlx::endpoint::key",
            EndpointError::Refused { .. } => "rlx::endpoint::refused",
            EndpointError::Answer { .. } => "rlx::endpoint::answer",
            EndpointError::Silent { .. } => "rlx::endpoint::silent",
        }
    }

    fn help(&self) -> String {
        match self {
            EndpointError::Offline { .. } => {
                "run without `--offline`; responses that are there already are not asked for again".into()
            }
            EndpointError::NoKey { variable, .. } => format!("`export {variable}=…`, and run again"),
            EndpointError::Key { .. } => {
                "look whether the variable that `key` names holds a key of this server that may use this model".into()
            }
            EndpointError::Refused { status: 404, .. } => {
                "look at `url` (up to `/v1`) and `model`; prompts with `chat = true` go to `/chat/completions`, others to \
                 `/completions`, which not every server has"
                    .into()
            }
            EndpointError::Refused { .. } => {
                "the server says what it does not take: mend `model`, `sampling` or the prompt, and run again".into()
            }
            EndpointError::Answer { .. } => {
                "look whether `url` is that of OpenAI's interface, up to `/v1`".into()
            }
            EndpointError::Silent { .. } => {
                "what came is kept, and the same command goes on there; raise `timeout` or `retries`, or lower `parallel`"
                    .into()
            }
        }
    }

    fn of_step(self, step: &Step) -> RunError {
        RunError::Step {
            step: step.name.clone(),
            code: self.code(),
            message: self.to_string(),
            help: self.help(),
        }
    }
}

/// A server, and at which temperature it is asked.
pub(crate) struct Asked<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) temperature: f64,
}

/// Draws what is missing of a step from a server; returns the number of tokens that it counted.
pub(crate) fn run(
    step: &Step,
    draw: &SampleStep,
    asked: &Asked<'_>,
    store: &Store,
    world: &World,
    listener: &mut dyn Listener,
) -> Result<u64, RunError> {
    let endpoint = asked.endpoint;
    let set = world.set(&draw.set)?;
    let mut bodies = Vec::new();
    for problem in sampled_problems(world, draw)? {
        let prompt = rlx_data::render(&set.prompt, problem)?;
        bodies.push(question(asked, &prompt, &draw.sampling));
    }
    let hashes: Vec<String> = bodies.iter().map(prompt_hash).collect();
    let mut ask = |wanted: &[Wanted], hear: &mut Hear<'_>| {
        let server =
            Server::new(endpoint, set.prompt.chat, world.place()).map_err(|error| error.of_step(step))?;
        let mut questions = Vec::new();
        for (request, wanted) in wanted.iter().enumerate() {
            let body = bodies.get(wanted.problem);
            questions.extend((0..wanted.streams.len()).filter_map(|at| Some((request, at, body?))));
        }
        server
            .ask_all(&questions, draw.sampling.stop.as_deref(), hear)
            .map_err(|error| error.of_step(step))
    };
    collect(step, draw, store, world, &hashes, &mut ask, listener)
}

/// The body of a question.
fn question(asked: &Asked<'_>, prompt: &RenderedPrompt, sampling: &Sampling) -> Value {
    let mut body = json!({
        "model": asked.endpoint.model, "temperature": asked.temperature, "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens, "n": 1, "stream": false,
    });
    if let Some(stop) = &sampling.stop {
        body["stop"] = json!([stop]);
    }
    match prompt {
        RenderedPrompt::Text(text) => body["prompt"] = json!(text),
        // The language has refused a `prefill`, and pictures.
        RenderedPrompt::Chat { system, examples, .. } | RenderedPrompt::Shown { system, examples, .. } => {
            let user = prompt.said();
            let system = system
                .iter()
                .map(|text| json!({ "role": "system", "content": text }));
            let user = json!({ "role": "user", "content": user });
            let before = examples.iter().flat_map(|(asked, answered)| {
                [
                    json!({ "role": "user", "content": asked }),
                    json!({ "role": "assistant", "content": answered }),
                ]
            });
            body["messages"] = Value::Array(system.chain(before).chain([user]).collect());
        }
    }
    body
}

/// Of the prompt alone.
fn prompt_hash(body: &Value) -> String {
    let prompt = body.get("prompt").or_else(|| body.get("messages"));
    let text = prompt.map(Value::to_string).unwrap_or_default();
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}

/// What of an answer is read; the rest is the server's own business.
#[derive(Deserialize)]
struct Answer {
    choices: Vec<Choice>,
    usage: Option<Usage>,
    model: Option<String>,
    system_fingerprint: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    /// Of `/completions`.
    text: Option<String>,
    /// Of `/chat/completions`.
    message: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    /// What a reasoning model thought, as DeepSeek names it, and as vLLM and others do; some send both.
    reasoning_content: Option<String>,
    reasoning: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    completion_tokens: u64,
}

/// Why there is no row.
enum Failed {
    /// It may go better the next time, perhaps after this long.
    Again(String, Option<Duration>),
    For(EndpointError),
}

struct Server<'e> {
    agent: Agent,
    url: String,
    key: Option<String>,
    endpoint: &'e Endpoint,
}

impl<'e> Server<'e> {
    fn new(endpoint: &'e Endpoint, chat: bool, place: &rlx_data::World) -> Result<Self, EndpointError> {
        let path = if chat { "chat/completions" } else { "completions" };
        let url = format!("{}/{path}", endpoint.url);
        if place.alone() {
            return Err(EndpointError::Offline { url });
        }
        let key = match &endpoint.key {
            None => None,
            Some(variable) => match place.variable(variable) {
                Some(key) => Some(key.trim().to_owned()),
                None => {
                    return Err(EndpointError::NoKey {
                        url,
                        variable: variable.clone(),
                    });
                }
            },
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A key goes where the study says, and nowhere else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_global(Some(Duration::from_secs(endpoint.timeout)))
            .user_agent(concat!("rlx/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Server {
            agent: config.into(),
            url,
            key,
            endpoint,
        })
    }

    /// Asks all questions, some at a time; each is the number of a request, the place of a stream there, and the body.
    /// After a failure no further question is asked; what is on its way is waited for and heard.
    fn ask_all(
        &self,
        questions: &[(usize, usize, &Value)],
        stop: Option<&str>,
        hear: &mut Hear<'_>,
    ) -> Result<(), EndpointError> {
        let (next, ended) = (&AtomicUsize::new(0), &AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel();
        let threads = usize::try_from(self.endpoint.parallel)
            .unwrap_or(1)
            .min(questions.len());
        let mut failure = None;
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let sender = sender.clone();
                scope.spawn(move || {
                    while !ended.load(Ordering::Relaxed) {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some((_, _, body)) = questions.get(at) else {
                            return;
                        };
                        let answer = self.ask(body, stop, ended);
                        if answer.is_err() {
                            ended.store(true, Ordering::Relaxed);
                        }
                        if sender.send((at, answer)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for (at, answer) in receiver {
                match (answer, questions.get(at)) {
                    (Ok(given), Some((request, stream, _))) => {
                        let length = given.length.unwrap_or(0);
                        if !(hear.row)(*request, *stream, given) {
                            ended.store(true, Ordering::Relaxed);
                        }
                        (hear.tokens)(length);
                    }
                    (Ok(_), None) => {}
                    // The others that fail now do so for the same reason, or because this one did.
                    (Err(error), _) => {
                        failure.get_or_insert(error);
                    }
                }
            }
        });
        failure.map_or(Ok(()), Err)
    }

    /// Asks until there is an answer, or no hope of one.
    fn ask(&self, body: &Value, stop: Option<&str>, ended: &AtomicBool) -> Result<Given, EndpointError> {
        let mut wait = FIRST_WAIT;
        let mut times = 0;
        loop {
            times += 1;
            let (last, asked) = match self.once(body, stop) {
                Ok(given) => return Ok(given),
                Err(Failed::For(error)) => return Err(error),
                Err(Failed::Again(last, asked)) => (last, asked),
            };
            let asked = asked.unwrap_or(wait).max(Duration::from_millis(100));
            if times > self.endpoint.retries || asked > PATIENCE || ended.load(Ordering::Relaxed) {
                return Err(EndpointError::Silent {
                    url: self.url.clone(),
                    times,
                    last,
                });
            }
            // In small parts, so that a run that ends for another reason is not held up.
            let mut left = asked;
            while !left.is_zero() && !ended.load(Ordering::Relaxed) {
                let part = left.min(Duration::from_millis(100));
                std::thread::sleep(part);
                left -= part;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn once(&self, body: &Value, stop: Option<&str>) -> Result<Given, Failed> {
        let again = |last: String| Failed::Again(last, None);
        let mut request = self.agent.post(&self.url);
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let mut response = request
            .send_json(body)
            .map_err(|error| again(error.to_string()))?;
        let status = response.status().as_u16();
        let wait = header(&response, "retry-after").and_then(|text| text.trim().parse().ok());
        let text = response
            .body_mut()
            .with_config()
            .limit(LARGEST_ANSWER)
            .read_to_string()
            .map_err(|error| again(error.to_string()))?;
        let url = self.url.clone();
        match status {
            200 => self.read(&text, stop),
            401 | 403 => Err(Failed::For(EndpointError::Key {
                url,
                status,
                said: self.quoted(&text),
            })),
            408 | 409 | 425 | 429 | 500..=599 => Err(Failed::Again(
                format!("{status}: {}", self.quoted(&text)),
                wait.map(Duration::from_secs),
            )),
            _ => Err(Failed::For(EndpointError::Refused {
                url,
                status,
                said: match header(&response, "location") {
                    Some(place) if (300..400).contains(&status) => {
                        format!("it points to {place}, and is not followed there")
                    }
                    _ => self.quoted(&text),
                },
            })),
        }
    }

    fn read(&self, text: &str, stop: Option<&str>) -> Result<Given, Failed> {
        let bad = |what: String| {
            Failed::For(EndpointError::Answer {
                url: self.url.clone(),
                what,
            })
        };
        let answer: Answer = match serde_json::from_str(text) {
            Ok(answer) => answer,
            // A line that is cut behind its header looks like this.
            Err(error) if error.is_eof() => {
                return Err(Failed::Again("the answer ends in its middle".into(), None));
            }
            Err(error) => return Err(bad(format!("{error}, in {}", self.quoted(text)))),
        };
        let Some(choice) = answer.choices.into_iter().next() else {
            return Err(bad("no `choices`".into()));
        };
        let mut said = match (choice.message, choice.text) {
            (Some(message), _) => {
                let content = message.content.unwrap_or_default();
                match message
                    .reasoning_content
                    .or(message.reasoning)
                    .filter(|thought| !thought.trim().is_empty())
                {
                    // As the model wrote it, before the server took it apart.
                    Some(thought) => format!("<think>\n{}\n</think>\n\n{content}", thought.trim()),
                    None => content,
                }
            }
            (None, Some(text)) => text,
            (None, None) => return Err(bad("neither a `message` nor a `text`".into())),
        };
        if let Some(end) = stop.and_then(|stop| said.find(stop)) {
            said.truncate(end);
        }
        let finish = match choice.finish_reason.as_deref() {
            Some("stop" | "eos" | "eos_token" | "stop_sequence") => Finish::Stop,
            // What a filter has cut is no more whole than what the limit has.
            Some("length" | "max_tokens" | "content_filter") => Finish::Length,
            other => {
                let other = other.map_or("none".into(), |word| format!("`{}`", self.quoted(word)));
                return Err(bad(format!("`finish_reason` is {other}")));
            }
        };
        let Some(usage) = answer.usage else {
            return Err(bad("no `usage`: how long a response is would not be known".into()));
        };
        let named = answer.model.unwrap_or_default();
        let version = answer.system_fingerprint.unwrap_or_default();
        let parts = [named, version].map(|part| part.chars().take(80).collect::<String>());
        let says: Vec<&str> = parts
            .iter()
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        Ok(Given {
            tokens: Vec::new(),
            text: said,
            finish,
            length: Some(usage.completion_tokens),
            logprob: None,
            engine: format!(
                "endpoint {}, {} ({}), not reproducible",
                self.endpoint.url,
                self.endpoint.model,
                says.join(", ")
            ),
        })
    }

    /// A server's own words, cut and on one line; some repeat the key.
    fn quoted(&self, text: &str) -> String {
        let message = serde_json::from_str::<Value>(text).ok().and_then(|value| {
            let error = value.get("error").unwrap_or(&value);
            let told = error
                .get("message")
                .or_else(|| error.get("detail"))
                .unwrap_or(error);
            Some(told.as_str()?.to_owned())
        });
        let words = message.as_deref().unwrap_or(text);
        let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = match self.key.as_deref().filter(|key| !key.is_empty()) {
            Some(key) => line.replace(key, "(the key)"),
            None => line,
        };
        match line.char_indices().nth(QUOTED) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None if line.is_empty() => "(no words)".to_owned(),
            None => line,
        }
    }
}

fn header(response: &Response<Body>, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

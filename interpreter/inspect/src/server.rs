//! The page's server: this machine only, one random token, nothing cached.

use crate::{InspectError, Reading, Validity, agreements, validity};
use rlx_analysis::{Agreement, Label};
use rlx_report::mathml::{render, render_answer};
use rlx_store::{LabelRow, Labels, StoreError, plain_reader};
use serde::Deserialize;
use serde_json::json;
use std::{fmt::Write, io::Read, net::SocketAddr};
use tiny_http::{Header, Method, Request, Response, StatusCode};

const PAGE: &str = include_str!("page.html");
/// No label is longer.
const LONGEST_BODY: u64 = 64 << 10;

/// A server that is ready to answer.
pub struct Server {
    inner: tiny_http::Server,
    token: String,
    address: SocketAddr,
    readings: Vec<Reading>,
    labels: Labels,
    title: String,
    reader: String,
}

/// What the page sends for a label.
#[derive(Debug, Deserialize)]
struct Word {
    key: String,
    #[serde(flatten)]
    row: LabelRow,
}

/// Opens a server on the loopback address; `port` 0 takes any that is free.
///
/// # Errors
/// The port is taken.
pub fn serve(
    readings: Vec<Reading>,
    labels: Labels,
    title: &str,
    reader: &str,
    port: u16,
) -> Result<Server, InspectError> {
    // Said before anybody reads for an hour.
    plain_reader(reader)?;
    let failed = |error: &dyn std::fmt::Display| InspectError::Server(error.to_string());
    let inner = tiny_http::Server::http(("127.0.0.1", port)).map_err(|error| failed(&error))?;
    let address = inner
        .server_addr()
        .to_ip()
        .ok_or_else(|| failed(&"it has no address"))?;
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(|error| failed(&error))?;
    let token = secret.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok(Server {
        inner,
        token,
        address,
        readings,
        labels,
        title: title.to_owned(),
        reader: reader.to_owned(),
    })
}

impl Server {
    /// What to open in a browser. Whoever has it may label.
    pub fn url(&self) -> String {
        format!("http://{}/?token={}", self.address, self.token)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until the page says that the reader is done; `heard` is told of every label.
    ///
    /// # Errors
    /// A label that cannot be written ends it: a reader must not work on in vain.
    pub fn run(&self, heard: &mut dyn FnMut(&LabelRow)) -> Result<(), InspectError> {
        for mut request in self.inner.incoming_requests() {
            let (answer, end) = match self.answer(&mut request, heard) {
                Ok(answer) => answer,
                Err(error) => {
                    let _ = request.respond(problem(500, &error.to_string()));
                    return Err(error);
                }
            };
            // A browser that went away is no error.
            let _ = request.respond(answer);
            if end {
                break;
            }
        }
        Ok(())
    }

    fn answer(
        &self,
        request: &mut Request,
        heard: &mut dyn FnMut(&LabelRow),
    ) -> Result<(Answer, bool), InspectError> {
        let refuse = |code: u16, why: &str| Ok((problem(code, why), false));
        // A page elsewhere that points its own name at this address is not let in.
        let host = header(request, "Host").unwrap_or_default();
        let own = [
            self.address.to_string(),
            format!("localhost:{}", self.address.port()),
        ];
        if !own.contains(&host) {
            return refuse(403, "this server answers under its own address only");
        }
        let url = request.url().to_owned();
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        if path == "/favicon.ico" {
            // Browsers ask for one unbidden, and without the token.
            return Ok((page("", "image/x-icon"), false));
        }
        let given = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("token="))
            .unwrap_or_default();
        if !same(given, &self.token) {
            return refuse(
                403,
                "the address has no valid token: open the one that `rlx inspect` printed",
            );
        }
        match (request.method(), path) {
            (Method::Get, "/") => Ok((page(PAGE, "text/html; charset=utf-8"), false)),
            (Method::Get, "/state") => Ok((self.state()?, false)),
            (Method::Get, "/picture") => {
                let hash = query.split('&').find_map(|pair| pair.strip_prefix("hash="));
                let pictures = self.readings.iter().flat_map(|reading| &reading.pictures);
                let found = pictures
                    .into_iter()
                    .find(|picture| Some(picture.hash.as_str()) == hash);
                match found.and_then(|picture| picture.bytes().ok()) {
                    Some(bytes) => Ok((content(&bytes, kind_of(&bytes)), false)),
                    None => refuse(404, "there is no such picture here"),
                }
            }
            (Method::Post, "/label") => {
                let mut body = String::new();
                let read = request.as_reader().take(LONGEST_BODY).read_to_string(&mut body);
                let word: Word = match read
                    .map_err(|error| error.to_string())
                    .and_then(|_| serde_json::from_str(&body).map_err(|error| error.to_string()))
                {
                    Ok(word) => word,
                    Err(why) => return refuse(400, &why),
                };
                let known = self.readings.iter().any(|reading| {
                    reading.problem == word.row.problem
                        && reading
                            .chains
                            .iter()
                            .any(|chain| chain.key == word.key && chain.sample == word.row.sample)
                });
                let label = word.row.label.as_deref();
                if let Some(label) = label.filter(|label| Label::by_name(label).is_none()) {
                    return refuse(
                        400,
                        &format!("`{label}` is no label: `valid`, `guess` or `ambiguous`"),
                    );
                }
                if !known {
                    return refuse(400, "there is no such response on this page");
                }
                match self.labels.say(&word.key, &word.row) {
                    Ok(()) => {}
                    Err(error @ StoreError::Reader(_)) => return refuse(400, &error.to_string()),
                    Err(error) => return Err(error.into()),
                }
                heard(&word.row);
                Ok((self.counts()?, false))
            }
            (Method::Post, "/done") => Ok((page("{}", "application/json"), true)),
            _ => refuse(404, "there is no such page"),
        }
    }

    fn state(&self) -> Result<Answer, InspectError> {
        let mut said = Vec::new();
        let chains = self.readings.iter().flat_map(|reading| &reading.chains);
        let mut keys: Vec<&str> = chains.map(|chain| chain.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            for row in self.labels.of(key)?.into_values() {
                said.push(json!({ "key": key, "row": row }));
            }
        }
        let readings: Vec<_> = self
            .readings
            .iter()
            .map(|reading| {
                let chains: Vec<_> = reading
                    .chains
                    .iter()
                    .map(|chain| {
                        json!({
                            "key": chain.key, "part": chain.part, "sample": chain.sample, "raw": chain.text, "html": render(&chain.text),
                            "extracted": chain.extracted.as_deref().map(render_answer),
                        })
                    })
                    .collect();
                let pictures: Vec<_> = (1..)
                    .zip(&reading.pictures)
                    .map(|(number, picture)| {
                        json!({
                            "hash": picture.hash, "here": picture.is_here(),
                            "caption": format!("picture {number}: {}", picture.name),
                        })
                    })
                    .collect();
                json!({
                    "evaluation": reading.evaluation, "model": reading.model,
                    "problem": reading.problem, "html": render(&reading.text),
                    "gold": reading.gold.as_deref().map(render_answer), "pictures": pictures, "correct": reading.correct,
                    "samples": reading.samples, "chains": chains,
                })
            })
            .collect();
        let (validity, agreements) = self.tables()?;
        let value = json!({
            "title": self.title, "reader": self.reader, "readings": readings, "said": said,
            "validity": validity, "agreements": agreements,
        });
        Ok(page(&value.to_string(), "application/json"))
    }

    fn counts(&self) -> Result<Answer, InspectError> {
        let (validity, agreements) = self.tables()?;
        let value = json!({ "validity": validity, "agreements": agreements });
        Ok(page(&value.to_string(), "application/json"))
    }

    fn tables(&self) -> Result<(Vec<Validity>, Vec<Agreement>), InspectError> {
        Ok((
            validity(&self.readings, &self.labels)?,
            agreements(&self.readings, &self.labels)?,
        ))
    }
}

type Answer = Response<std::io::Cursor<Vec<u8>>>;

fn header(request: &Request, name: &'static str) -> Option<String> {
    let found = request.headers().iter().find(|header| header.field.equiv(name))?;
    Some(found.value.as_str().to_owned())
}

fn page(text: &str, kind: &str) -> Answer {
    content(text.as_bytes(), kind)
}

/// What a picture's first bytes say that it is.
fn kind_of(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, ..] => "image/jpeg",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        _ => "application/octet-stream",
    }
}

fn content(content: &[u8], kind: &str) -> Answer {
    let headers = [
        ("Content-Type", kind),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        (
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src 'self'",
        ),
    ];
    let mut response = Response::from_data(content.to_vec());
    for (name, value) in headers {
        if let Ok(header) = Header::from_bytes(name, value) {
            response = response.with_header(header);
        }
    }
    response
}

fn problem(code: u16, why: &str) -> Answer {
    page(why, "text/plain; charset=utf-8").with_status_code(StatusCode(code))
}

/// Equal, in a time that tells nothing of where two texts differ.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one
            .bytes()
            .zip(other.bytes())
            .fold(0, |all, (a, b)| all | (a ^ b))
            == 0
}

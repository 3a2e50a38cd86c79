//! Messages as the protocol frames them: headers, an empty line, JSON of the announced length.

use std::io::{self, BufRead, Read, Write};

use serde_json::{Value, json};

/// The longest header line, and the most of them.
const HEADER: u64 = 4096;
const HEADERS: usize = 32;
/// The longest body that is read; the largest study is far below.
const BODY: u64 = 64 << 20;

pub(crate) const PARSE: i64 = -32700;
pub(crate) const INVALID_REQUEST: i64 = -32600;
pub(crate) const NO_METHOD: i64 = -32601;
pub(crate) const INVALID_PARAMS: i64 = -32602;
pub(crate) const NOT_INITIALIZED: i64 = -32002;
pub(crate) const FAILED: i64 = -32803;

/// What came in.
#[derive(Debug)]
pub(crate) enum Incoming {
    Request {
        id: Value,
        method: String,
        params: Value,
    },
    Notification {
        method: String,
        params: Value,
    },
    /// An answer to something that the server asked.
    Answer,
    /// Not a message; the line is still in step.
    Broken {
        code: i64,
        why: String,
    },
    /// The line is closed, or out of step.
    End,
}

/// Reads the next message. Of a body that is too long nothing is kept.
pub(crate) fn read(input: &mut dyn BufRead) -> io::Result<Incoming> {
    let mut length: Option<u64> = None;
    for _ in 0..HEADERS {
        let mut line = Vec::new();
        let read = (&mut *input).take(HEADER).read_until(b'\n', &mut line)?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok(Incoming::End);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            return match length {
                Some(length) => body(input, length),
                None => Ok(Incoming::End),
            };
        }
        if let Some((name, value)) = line.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            match value.trim().parse() {
                Ok(value) => length = Some(value),
                Err(_) => return Ok(Incoming::End),
            }
        }
    }
    Ok(Incoming::End)
}

fn body(input: &mut dyn BufRead, length: u64) -> io::Result<Incoming> {
    let mut body = input.take(length);
    if length > BODY {
        io::copy(&mut body, &mut io::sink())?;
        let why = format!("a message of {length} bytes is longer than the {BODY} that are read");
        return Ok(Incoming::Broken {
            code: INVALID_REQUEST,
            why,
        });
    }
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Ok(Incoming::End);
    }
    Ok(match serde_json::from_slice::<Value>(&bytes) {
        Ok(value) => message(value),
        Err(error) => Incoming::Broken {
            code: PARSE,
            why: error.to_string(),
        },
    })
}

fn message(mut value: Value) -> Incoming {
    let params = value.get_mut("params").map(Value::take).unwrap_or_default();
    let id = value.get("id").cloned();
    match (value.get("method").and_then(Value::as_str), id) {
        (Some(method), None) => Incoming::Notification {
            method: method.to_owned(),
            params,
        },
        (Some(method), Some(id)) if id.is_string() || id.is_number() => Incoming::Request {
            method: method.to_owned(),
            id,
            params,
        },
        (None, Some(_)) if value.get("result").is_some() || value.get("error").is_some() => Incoming::Answer,
        _ => Incoming::Broken {
            code: INVALID_REQUEST,
            why: "a message is an object with `method`, and `id` where it wants an answer".into(),
        },
    }
}

pub(crate) fn write(output: &mut dyn Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    output.flush()
}

pub(crate) fn answer(id: &Value, result: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

pub(crate) fn refusal(id: &Value, code: i64, why: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": why } })
}

pub(crate) fn notification(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

//! One file from the hub: asked for its etag, resumed where it was cut, checked, and put in place whole.

use super::World;
use crate::error::DataError;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;

/// A cut line is taken up again this often without a new byte before the error is told.
const RETRIES: u32 = 3;
/// A body that takes longer is cut and taken up again: a line that has gone silent would be waited on for ever.
const SILENCE: Duration = Duration::from_secs(300);
/// The hub is given this long when it asks for patience; who asks for more is told so.
const PATIENCE: Duration = Duration::from_secs(60);
const REDIRECTS: usize = 6;
const BLOCK: usize = 1 << 18;

pub(super) struct Client {
    agent: Agent,
    token: Option<String>,
    endpoint: String,
}

/// What the hub states of a file before it is fetched.
struct Stated {
    etag: String,
    size: Option<u64>,
}

impl Client {
    pub(super) fn new(world: &World) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Redirects are followed by hand: the first answer states the checksum, and the token stays with the hub.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(30)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .timeout_recv_body(Some(SILENCE))
            .user_agent(concat!("rlx/", env!("CARGO_PKG_VERSION")))
            .build();
        Client {
            agent: config.into(),
            token: world.token(),
            endpoint: world.endpoint().to_owned(),
        }
    }

    fn send(&self, url: &str, head: bool, from: u64) -> Result<Response<ureq::Body>, DataError> {
        let mut request = if head {
            self.agent.head(url)
        } else {
            self.agent.get(url)
        };
        // The answer must be the file's own bytes: the checksum and the range are of these.
        request = request.header("accept-encoding", "identity");
        if from > 0 {
            request = request.header("range", format!("bytes={from}-"));
        }
        if let Some(token) = &self.token
            && origin(url) == origin(&self.endpoint)
        {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.call().map_err(|e| DataError::Transfer {
            url: url.to_owned(),
            message: e.to_string(),
        })
    }

    /// Follows redirects; `stay` follows those within the same host only (a renamed repository).
    fn follow(
        &self,
        url: &str,
        head: bool,
        from: u64,
        stay: bool,
    ) -> Result<Response<ureq::Body>, DataError> {
        let mut at = url.to_owned();
        let mut waited = Duration::ZERO;
        let mut redirects = 0;
        while redirects < REDIRECTS {
            let response = self.send(&at, head, from)?;
            let status = response.status().as_u16();
            if !(300..400).contains(&status) {
                if status < 400 || status == 416 {
                    return Ok(response);
                }
                match patience(&response, waited) {
                    Some(wait) => {
                        waited += wait;
                        std::thread::sleep(wait);
                        continue;
                    }
                    None => return Err(refused(&at, &response)),
                }
            }
            redirects += 1;
            let Some(place) = header(&response, "location") else {
                return Err(DataError::Protocol {
                    url: at,
                    what: "a redirect without a place".to_owned(),
                });
            };
            let next = absolute(&at, &place);
            if stay && (origin(&next) != origin(&at) || header(&response, "x-linked-etag").is_some()) {
                return Ok(response);
            }
            at = next;
        }
        Err(DataError::Protocol {
            url: url.to_owned(),
            what: format!("more than {REDIRECTS} redirects"),
        })
    }

    /// The commit that a revision names, and the repository's files.
    pub(super) fn listing(&self, url: &str) -> Result<(String, Vec<String>), DataError> {
        let mut response = self.follow(url, false, 0, false)?;
        let bad = |what: &str| DataError::Protocol {
            url: url.to_owned(),
            what: what.to_owned(),
        };
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string();
        let text = text.map_err(|e| DataError::Transfer {
            url: url.to_owned(),
            message: e.to_string(),
        })?;
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|_| bad("not JSON"))?;
        let commit = value
            .get("sha")
            .and_then(|sha| sha.as_str())
            .ok_or_else(|| bad("no `sha`"))?;
        let siblings = value
            .get("siblings")
            .and_then(|list| list.as_array())
            .ok_or_else(|| bad("no `siblings`"))?;
        if commit.is_empty() || !commit.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(bad("`sha` is not a commit"));
        }
        let names = siblings
            .iter()
            .filter_map(|entry| entry.get("rfilename")?.as_str().map(str::to_owned));
        // A name must not lead out of the snapshot.
        let safe = |name: &String| {
            !name.contains('\\')
                && name
                    .split('/')
                    .all(|part| !part.is_empty() && part != ".." && part != ".")
        };
        let mut names: Vec<String> = names.filter(safe).collect();
        names.sort();
        Ok((commit.to_owned(), names))
    }

    fn stated(&self, url: &str) -> Result<Stated, DataError> {
        let response = self.follow(url, true, 0, true)?;
        let etag = header(&response, "x-linked-etag").or_else(|| header(&response, "etag"));
        let etag = etag.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned());
        let plain =
            |etag: &String| !etag.is_empty() && etag.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let etag = etag.filter(plain).ok_or_else(|| DataError::Protocol {
            url: url.to_owned(),
            what: "no etag".to_owned(),
        })?;
        let size = match header(&response, "x-linked-size") {
            Some(size) => size.parse().ok(),
            None if response.status().is_success() => {
                header(&response, "content-length").and_then(|size| size.parse().ok())
            }
            None => None,
        };
        Ok(Stated { etag, size })
    }

    /// Fetches a file into `blobs/<etag>` by way of `<etag>.incomplete`, and returns the blob.
    pub(super) fn blob(
        &self,
        url: &str,
        blobs: &Path,
        progress: &mut dyn FnMut(u64, Option<u64>) -> bool,
    ) -> Result<PathBuf, DataError> {
        let stated = self.stated(url)?;
        let blob = blobs.join(&stated.etag);
        if blob.is_file() {
            return Ok(blob);
        }
        fs::create_dir_all(blobs).map_err(|e| DataError::io(blobs, e))?;
        let incomplete = blobs.join(format!("{}.incomplete", stated.etag));
        let mut attempt = 0;
        let length = || fs::metadata(&incomplete).map_or(0, |metadata| metadata.len());
        loop {
            let before = length();
            match self.body(url, &incomplete, &stated, progress) {
                Ok(()) => break,
                Err(DataError::Transfer { .. }) if attempt < RETRIES => {
                    attempt = if length() > before { 1 } else { attempt + 1 };
                    std::thread::sleep(Duration::from_millis(100 << attempt));
                }
                Err(error) => return Err(error),
            }
        }
        if let Err(error) = check(url, &incomplete, &stated) {
            fs::remove_file(&incomplete).map_err(|e| DataError::io(&incomplete, e))?;
            return Err(error);
        }
        fs::rename(&incomplete, &blob).map_err(|e| DataError::io(&blob, e))?;
        Ok(blob)
    }

    fn body(
        &self,
        url: &str,
        incomplete: &Path,
        stated: &Stated,
        progress: &mut dyn FnMut(u64, Option<u64>) -> bool,
    ) -> Result<(), DataError> {
        let here = fs::metadata(incomplete).map_or(0, |metadata| metadata.len());
        if stated.size.is_some_and(|size| here == size && size > 0) {
            return Ok(());
        }
        // More than the whole is not a beginning of it.
        let here = if stated.size.is_some_and(|size| here > size) {
            0
        } else {
            here
        };
        let mut response = self.follow(url, false, here, false)?;
        let status = response.status().as_u16();
        let (mut out, mut bytes) = if status == 206 {
            (OpenOptions::new().append(true).open(incomplete), here)
        } else {
            // The server sends the whole; a range that it cannot serve (416) leaves nothing to keep.
            (File::create(incomplete), 0)
        };
        let out = out
            .as_mut()
            .map_err(|e| DataError::io(incomplete, std::io::Error::new(e.kind(), e.to_string())))?;
        let cut = |message: String| DataError::Transfer {
            url: url.to_owned(),
            message,
        };
        if status == 416 {
            return Err(cut("the server refused the range".to_owned()));
        }
        let mut reader = response.body_mut().as_reader();
        let mut block = vec![0u8; BLOCK];
        loop {
            if !progress(bytes, stated.size) {
                return Err(DataError::Cancelled);
            }
            let read = reader.read(&mut block).map_err(|e| cut(e.to_string()))?;
            let Some(part) = block.get(..read).filter(|part| !part.is_empty()) else {
                break;
            };
            out.write_all(part).map_err(|e| DataError::io(incomplete, e))?;
            bytes += read as u64;
            // Who sends more than was stated may never end; the check of the size refuses the file.
            if stated.size.is_some_and(|size| bytes > size) {
                break;
            }
        }
        out.sync_all().map_err(|e| DataError::io(incomplete, e))?;
        match stated.size {
            Some(size) if bytes < size => Err(cut(format!("the line was cut after {bytes} of {size} bytes"))),
            _ => Ok(()),
        }
    }
}

/// An etag of 64 hexadecimal digits is the SHA-256 of a large file, one of 40 the git blob id; others are not checked.
fn check(url: &str, path: &Path, stated: &Stated) -> Result<(), DataError> {
    let hexadecimal = stated.etag.bytes().all(|b| b.is_ascii_hexdigit());
    let size = fs::metadata(path).map_err(|e| DataError::io(path, e))?.len();
    if let Some(expected) = stated.size.filter(|&expected| expected != size) {
        return Err(DataError::Checksum {
            url: url.to_owned(),
            algorithm: "size",
            expected: expected.to_string(),
            got: size.to_string(),
        });
    }
    let (algorithm, got) = match stated.etag.len() {
        64 if hexadecimal => ("SHA-256", digest(Sha256::new(), path)?),
        40 if hexadecimal => (
            "git blob id",
            digest(Sha1::new_with_prefix(format!("blob {size}\0")), path)?,
        ),
        _ => return Ok(()),
    };
    if got.eq_ignore_ascii_case(&stated.etag) {
        return Ok(());
    }
    Err(DataError::Checksum {
        url: url.to_owned(),
        algorithm,
        expected: stated.etag.clone(),
        got,
    })
}

fn digest<D: Digest>(mut hasher: D, path: &Path) -> Result<String, DataError> {
    let mut file = File::open(path).map_err(|e| DataError::io(path, e))?;
    let mut block = vec![0u8; BLOCK];
    loop {
        let read = file.read(&mut block).map_err(|e| DataError::io(path, e))?;
        let Some(part) = block.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        hasher.update(part);
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// How long to wait before asking again: what a server that is busy (429, 503) asks for, within the patience that is
/// left; two seconds, doubled each time, where it names no time.
fn patience(response: &Response<ureq::Body>, waited: Duration) -> Option<Duration> {
    if ![429, 503].contains(&response.status().as_u16()) {
        return None;
    }
    let wait = match header(response, "retry-after") {
        // A date instead of seconds is longer than a short patience, mostly.
        Some(text) => Duration::from_secs(text.trim().parse().ok()?),
        None => (waited * 2).max(Duration::from_secs(2)),
    };
    (waited + wait <= PATIENCE).then_some(wait.max(Duration::from_millis(100)))
}

fn refused(url: &str, response: &Response<ureq::Body>) -> DataError {
    let status = response.status().as_u16();
    let code = header(response, "x-error-code").unwrap_or_default();
    let mend = match (status, code.as_str()) {
        (401 | 403, "GatedRepo") => {
            "the repository is gated: accept its terms on its page with your account, and set HF_TOKEN to a token of \
             that account"
        }
        (_, "RevisionNotFound") => "the repository has no such revision: check what stands after the @",
        (_, "EntryNotFound") => "the repository has no such file at this revision",
        (401, "RepoNotFound") => {
            "no such repository, or a private one: check its name, or set HF_TOKEN to a token that may read it"
        }
        (401 | 403, _) => {
            "this needs access: accept the terms on the repository's page and set HF_TOKEN to a token that may \
                      read it"
        }
        (404, _) => "no such repository, revision or file; private ones answer so without a token (HF_TOKEN)",
        (429, _) => "too many requests: wait some minutes, or set HF_TOKEN",
        (500..=599, _) => "the hub has a fault: try again later",
        _ => "check HF_ENDPOINT and the name of the repository",
    };
    DataError::Http {
        url: url.to_owned(),
        status,
        mend: mend.to_owned(),
    }
}

fn header(response: &Response<ureq::Body>, name: &str) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

/// Scheme and host with port.
fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url
        .get(start..)
        .and_then(|rest| rest.find('/'))
        .map_or(url.len(), |at| start + at);
    url.get(..end).unwrap_or(url)
}

fn absolute(base: &str, place: &str) -> String {
    if place.contains("://") {
        place.to_owned()
    } else if place.starts_with('/') {
        format!("{}{place}", origin(base))
    } else {
        let folder = base.rfind('/').map_or(base.len(), |at| at + 1);
        format!("{}{place}", base.get(..folder).unwrap_or(base))
    }
}

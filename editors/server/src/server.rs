//! A session: from `initialize` to `exit`.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, InitializeParams,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::answers;
use crate::documents::{self, Documents};
use crate::message::{self, FAILED, INVALID_PARAMS, INVALID_REQUEST, Incoming, NO_METHOD, NOT_INITIALIZED};

/// Files of the workspace that are looked through for uses of a name.
const MOST_FILES: usize = 2000;
const DEEPEST: usize = 8;

pub(crate) struct Server<'w> {
    output: &'w mut dyn Write,
    pub(crate) cache: PathBuf,
    pub(crate) documents: Documents,
    /// Folders that the editor has open.
    roots: Vec<PathBuf>,
    /// What was last said of each text.
    said: BTreeMap<String, Value>,
    initialized: bool,
    ended: bool,
}

/// Why a request has no result.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: i64,
    pub(crate) why: String,
}

impl Refused {
    pub(crate) fn failed(why: impl ToString) -> Refused {
        Refused {
            code: FAILED,
            why: why.to_string(),
        }
    }
}

pub(crate) fn parameters<T: DeserializeOwned>(params: Value) -> Result<T, Refused> {
    serde_json::from_value(params).map_err(|error| Refused {
        code: INVALID_PARAMS,
        why: error.to_string(),
    })
}

impl<'w> Server<'w> {
    pub(crate) fn new(output: &'w mut dyn Write, cache: PathBuf) -> Self {
        Server {
            output,
            cache,
            documents: Documents::default(),
            roots: Vec::new(),
            said: BTreeMap::new(),
            initialized: false,
            ended: false,
        }
    }

    pub(crate) fn run(&mut self, input: &mut dyn BufRead) -> io::Result<u8> {
        loop {
            match message::read(input)? {
                Incoming::Request { id, method, params } => {
                    let reply = match self.request(&method, params) {
                        Ok(result) => message::answer(&id, &result),
                        Err(refused) => message::refusal(&id, refused.code, &refused.why),
                    };
                    message::write(self.output, &reply)?;
                }
                Incoming::Notification { method, .. } if method == "exit" => break,
                // A notification cannot be refused: what is no such thing is left.
                Incoming::Notification { method, params } => self.notification(&method, params)?,
                Incoming::Answer => {}
                Incoming::Broken { code, why } => {
                    message::write(self.output, &message::refusal(&Value::Null, code, &why))?;
                }
                Incoming::End => break,
            }
        }
        Ok(u8::from(!self.ended))
    }

    fn request(&mut self, method: &str, params: Value) -> Result<Value, Refused> {
        if method == "initialize" {
            if self.initialized {
                return Err(Refused {
                    code: INVALID_REQUEST,
                    why: "the session is initialized already".into(),
                });
            }
            return self.initialize(params);
        }
        if !self.initialized {
            return Err(Refused {
                code: NOT_INITIALIZED,
                why: "a session begins with `initialize`".into(),
            });
        }
        if self.ended {
            return Err(Refused {
                code: INVALID_REQUEST,
                why: "the session was shut down".into(),
            });
        }
        match method {
            "shutdown" => {
                self.ended = true;
                Ok(Value::Null)
            }
            "textDocument/hover" => answers::hover(self, parameters(params)?),
            "textDocument/definition" => answers::definition(self, parameters(params)?),
            "textDocument/references" => answers::references(self, parameters(params)?),
            "textDocument/completion" => answers::completion(self, parameters(params)?),
            "textDocument/prepareRename" => answers::prepare_rename(self, parameters(params)?),
            "textDocument/rename" => answers::rename(self, parameters(params)?),
            "textDocument/formatting" => answers::formatting(self, parameters(params)?),
            "textDocument/documentSymbol" => answers::symbols(self, parameters(params)?),
            "textDocument/codeAction" => answers::actions(self, parameters(params)?),
            _ => Err(Refused {
                code: NO_METHOD,
                why: format!("this server has no `{method}`"),
            }),
        }
    }

    fn initialize(&mut self, params: Value) -> Result<Value, Refused> {
        let params: InitializeParams = parameters(params)?;
        let folders = params.workspace_folders.unwrap_or_default();
        self.roots = folders
            .iter()
            .filter_map(|folder| documents::path(&folder.uri))
            .collect();
        #[allow(deprecated)] // what clients without workspace folders send
        if let (true, Some(root)) = (self.roots.is_empty(), &params.root_uri) {
            self.roots.extend(documents::path(root));
        }
        self.initialized = true;
        Ok(json!({
            "serverInfo": { "name": "rlx", "version": env!("CARGO_PKG_VERSION") },
            "capabilities": {
                "positionEncoding": "utf-16",
                "textDocumentSync": { "openClose": true, "change": 2, "save": true },
                "hoverProvider": true,
                "definitionProvider": true,
                "referencesProvider": true,
                "documentSymbolProvider": true,
                "documentFormattingProvider": true,
                "renameProvider": { "prepareProvider": true },
                "completionProvider": { "triggerCharacters": [".", "@"] },
                "codeActionProvider": { "codeActionKinds": ["quickfix"] },
            },
        }))
    }

    fn notification(&mut self, method: &str, params: Value) -> io::Result<()> {
        if !self.initialized || self.ended {
            return Ok(());
        }
        match method {
            "textDocument/didOpen" => {
                let Ok(params) = parameters::<DidOpenTextDocumentParams>(params) else {
                    return Ok(());
                };
                let document = params.text_document;
                self.documents.open(document.uri, document.version, document.text);
            }
            "textDocument/didChange" => {
                let Ok(params) = parameters::<DidChangeTextDocumentParams>(params) else {
                    return Ok(());
                };
                let name = documents::name(&params.text_document.uri);
                let version = params.text_document.version;
                self.documents.change(&name, version, params.content_changes);
            }
            "textDocument/didClose" => {
                let Ok(params) = parameters::<DidCloseTextDocumentParams>(params) else {
                    return Ok(());
                };
                self.documents.close(&documents::name(&params.text_document.uri));
            }
            // A file on disk may have changed: what imports it is read again.
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => {
                let names: Vec<String> = self.documents.0.keys().cloned().collect();
                for name in names {
                    self.documents.renew(&name);
                }
            }
            _ => return Ok(()),
        }
        self.publish()
    }

    /// Says what is wrong with each text, where that has changed.
    fn publish(&mut self) -> io::Result<()> {
        let now = answers::diagnostics(self);
        let gone: Vec<String> = self
            .said
            .keys()
            .filter(|name| !now.contains_key(*name))
            .cloned()
            .collect();
        for name in gone {
            self.said.remove(&name);
            if let Some(uri) = documents::uri(&name) {
                self.notify(
                    "textDocument/publishDiagnostics",
                    &json!({ "uri": uri, "diagnostics": [] }),
                )?;
            }
        }
        for (name, params) in now {
            if self.said.get(&name) != Some(&params) {
                self.notify("textDocument/publishDiagnostics", &params)?;
                self.said.insert(name, params);
            }
        }
        Ok(())
    }

    fn notify(&mut self, method: &str, params: &Value) -> io::Result<()> {
        message::write(self.output, &message::notification(method, params))
    }

    /// The `.rlx` files of the open folders, in the order of their names.
    pub(crate) fn workspace(&self) -> Vec<String> {
        let mut found = Vec::new();
        for root in &self.roots {
            walk(root, 0, &mut found);
        }
        found
    }
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if found.len() >= MOST_FILES || name.starts_with('.') || name == "target" || name == "node_modules" {
            continue;
        }
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            if depth < DEEPEST {
                walk(&path, depth + 1, found);
            }
        } else if name.ends_with(".rlx") {
            found.push(path.to_string_lossy().into_owned());
        }
    }
}

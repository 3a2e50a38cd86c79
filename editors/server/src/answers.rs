//! What the index knows, in the protocol's words.

use std::collections::BTreeMap;

use lsp_types::{
    CodeActionParams, CompletionItemKind, CompletionParams, DocumentFormattingParams, DocumentSymbolParams,
    GotoDefinitionParams, HoverParams, ReferenceParams, RenameParams, SymbolKind, TextDocumentPositionParams,
    Uri,
};
use rlx_grammar::ast::Span;
use rlx_language::index::{CompletionKind, Edit, Index, Outline};
use rlx_language::{Diagnostic, Source};
use serde_json::{Value, json};

use crate::documents::{self, Document, range};
use crate::library;
use crate::server::{Refused, Server};

type Answer = Result<Value, Refused>;

/// The open text that a request is about, its index and the offset.
fn place<'s>(
    server: &'s Server<'_>,
    at: &TextDocumentPositionParams,
) -> Option<(&'s Document, &'s Index, usize)> {
    let document = server.documents.0.get(&documents::name(&at.text_document.uri))?;
    let offset = documents::offset(&document.source, at.position);
    Some((document, document.index.as_ref()?, offset))
}

/// The URI of a text; parts of the library are written out for it.
fn uri_of(server: &Server<'_>, file: &Source) -> Option<Uri> {
    if let Some(document) = server.documents.0.get(&file.name) {
        return Some(document.uri.clone());
    }
    match library::file(&server.cache, &file.name) {
        Some(path) => documents::uri(&path.to_string_lossy()),
        None => documents::uri(&file.name),
    }
}

fn location(server: &Server<'_>, file: &Source, span: Span) -> Option<Value> {
    let uri = uri_of(server, file)?;
    Some(json!({ "uri": uri, "range": range(file, span) }))
}

pub(crate) fn hover(server: &Server<'_>, params: HoverParams) -> Answer {
    let found = place(server, &params.text_document_position_params).and_then(|(document, index, at)| {
        let hover = index.hover(&document.source.name, at)?;
        Some(json!({
            "contents": { "kind": "markdown", "value": hover.text },
            "range": range(&document.source, hover.span),
        }))
    });
    Ok(found.unwrap_or_default())
}

pub(crate) fn definition(server: &Server<'_>, params: GotoDefinitionParams) -> Answer {
    let found = place(server, &params.text_document_position_params).and_then(|(document, index, at)| {
        let found = index.definition(&document.source.name, at)?;
        location(server, &found.file, found.span)
    });
    Ok(found.unwrap_or_default())
}

pub(crate) fn references(server: &Server<'_>, params: ReferenceParams) -> Answer {
    let Some((document, index, at)) = place(server, &params.text_document_position) else {
        return Ok(json!([]));
    };
    let own = index.references(&document.source.name, at);
    let mut found: Vec<Value> = own
        .iter()
        .filter_map(|place| location(server, &place.file, place.span))
        .collect();
    if let Some(declared) = index.definition(&document.source.name, at) {
        for other in others(server, &document.source.name, &declared.file.name) {
            for place in other.references(&declared.file.name, declared.span.start) {
                let place = location(server, &place.file, place.span);
                found.extend(place.filter(|place| !found.contains(place)));
            }
        }
        if !params.context.include_declaration {
            let declaration = location(server, &declared.file, declared.span);
            found.retain(|place| Some(place) != declaration.as_ref());
        }
    }
    Ok(Value::Array(found))
}

/// Indexes of the other files of the workspace that read `file`.
fn others(server: &Server<'_>, but: &str, file: &str) -> Vec<Index> {
    let mut found = Vec::new();
    for name in server.workspace() {
        if name == but {
            continue;
        }
        if let Some(index) = Index::new(&server.documents, &name)
            && index.files().any(|known| known.name == file)
        {
            found.push(index);
        }
    }
    found
}

pub(crate) fn completion(server: &Server<'_>, params: CompletionParams) -> Answer {
    let Some((document, index, at)) = place(server, &params.text_document_position) else {
        return Ok(json!([]));
    };
    let items: Vec<Value> = index
        .complete(&document.source.name, at)
        .into_iter()
        .enumerate()
        .map(|(order, item)| {
            let kind = match item.kind {
                CompletionKind::Keyword => CompletionItemKind::KEYWORD,
                CompletionKind::Field => CompletionItemKind::FIELD,
                CompletionKind::Name => CompletionItemKind::VARIABLE,
                CompletionKind::Module => CompletionItemKind::MODULE,
                CompletionKind::Function => CompletionItemKind::FUNCTION,
                CompletionKind::Word => CompletionItemKind::ENUM_MEMBER,
            };
            json!({
                "label": item.label, "kind": kind, "detail": item.detail,
                "documentation": { "kind": "markdown", "value": item.doc },
                "sortText": format!("{order:04}"), "filterText": item.label,
                "textEdit": { "range": range(&document.source, item.replaces), "newText": item.insert },
            })
        })
        .collect();
    Ok(Value::Array(items))
}

pub(crate) fn prepare_rename(server: &Server<'_>, params: TextDocumentPositionParams) -> Answer {
    let Some((document, index, at)) = place(server, &params) else {
        return Ok(Value::Null);
    };
    let found = index
        .renamed(&document.source.name, at)
        .map_err(Refused::failed)?;
    let text = document.source.text.get(found.span.start..found.span.end);
    Ok(json!({ "range": range(&document.source, found.span), "placeholder": text }))
}

pub(crate) fn rename(server: &Server<'_>, params: RenameParams) -> Answer {
    let Some((document, index, at)) = place(server, &params.text_document_position) else {
        return Err(Refused::failed("this text is not open"));
    };
    let own = &document.source.name;
    let mut edits = index.rename(own, at, &params.new_name).map_err(Refused::failed)?;
    // Another name given by `as` is that of this file; a declaration's own name is read by others, too.
    let declared = index.definition(own, at);
    let everywhere = declared.filter(|declared| {
        edits
            .iter()
            .any(|edit| edit.span == declared.span && edit.file.name == declared.file.name)
    });
    if let Some(declared) = everywhere {
        for other in others(server, own, &declared.file.name) {
            let more = other
                .rename(&declared.file.name, declared.span.start, &params.new_name)
                .map_err(Refused::failed)?;
            for edit in more {
                if !edits.contains(&edit) {
                    edits.push(edit);
                }
            }
        }
    }
    Ok(json!({ "changes": changes(server, &edits) }))
}

fn changes(server: &Server<'_>, edits: &[Edit]) -> serde_json::Map<String, Value> {
    let mut by_file: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for edit in edits {
        if let Some(uri) = uri_of(server, &edit.file) {
            let edit = json!({ "range": range(&edit.file, edit.span), "newText": edit.text });
            by_file.entry(uri.as_str().to_owned()).or_default().push(edit);
        }
    }
    by_file
        .into_iter()
        .map(|(uri, edits)| (uri, Value::Array(edits)))
        .collect()
}

pub(crate) fn formatting(server: &Server<'_>, params: DocumentFormattingParams) -> Answer {
    let Some(document) = server
        .documents
        .0
        .get(&documents::name(&params.text_document.uri))
    else {
        return Ok(Value::Null);
    };
    let source = &document.source;
    match rlx_grammar::format(&source.text) {
        Ok(text) if text == source.text => Ok(json!([])),
        Ok(text) => {
            let whole = Span {
                start: 0,
                end: source.text.len(),
            };
            Ok(json!([{ "range": range(source, whole), "newText": text }]))
        }
        Err(_) => Err(Refused::failed("a text with errors of syntax has no layout")),
    }
}

pub(crate) fn symbols(server: &Server<'_>, params: DocumentSymbolParams) -> Answer {
    let document = server
        .documents
        .0
        .get(&documents::name(&params.text_document.uri));
    let Some((document, index)) = document.and_then(|document| Some((document, document.index.as_ref()?)))
    else {
        return Ok(json!([]));
    };
    let outline = index.outline(&document.source.name);
    Ok(outline
        .iter()
        .map(|item| symbol(&document.source, item))
        .collect())
}

fn symbol(source: &Source, item: &Outline) -> Value {
    let kind = match item.kind {
        "param" => SymbolKind::CONSTANT,
        "let" => SymbolKind::VARIABLE,
        "model" => SymbolKind::CLASS,
        "data" | "benchmark" => SymbolKind::ARRAY,
        "algorithm" => SymbolKind::METHOD,
        "train" | "distill" | "evaluate" => SymbolKind::FUNCTION,
        "figure" | "table" => SymbolKind::OBJECT,
        "claim" => SymbolKind::BOOLEAN,
        "profile" => SymbolKind::NAMESPACE,
        _ => SymbolKind::FIELD,
    };
    let children: Vec<Value> = item.children.iter().map(|child| symbol(source, child)).collect();
    json!({
        "name": item.name, "detail": item.kind, "kind": kind, "range": range(source, item.span),
        "selectionRange": range(source, item.name_span), "children": children,
    })
}

pub(crate) fn actions(server: &Server<'_>, params: CodeActionParams) -> Answer {
    let name = documents::name(&params.text_document.uri);
    let document = server.documents.0.get(&name);
    let Some((document, index)) = document.and_then(|document| Some((document, document.index.as_ref()?)))
    else {
        return Ok(json!([]));
    };
    let from = documents::offset(&document.source, params.range.start);
    let to = documents::offset(&document.source, params.range.end);
    let mut found = Vec::new();
    for diagnostic in index.diagnostics() {
        let Some(label) = diagnostic.labels.first().filter(|label| label.file.name == name) else {
            continue;
        };
        if label.span.end < from || label.span.start > to {
            continue;
        }
        if let Some(mend) = diagnostic.mend() {
            let edit = Edit {
                file: mend.file,
                span: mend.span,
                text: mend.text,
            };
            found.push(json!({
                "title": mend.title, "kind": "quickfix", "isPreferred": true,
                "diagnostics": [shown(server, diagnostic)],
                "edit": { "changes": changes(server, &[edit]) },
            }));
        }
    }
    Ok(Value::Array(found))
}

/// What is wrong with each text that is open or read by one that is, as it is published, by name.
pub(crate) fn diagnostics(server: &Server<'_>) -> BTreeMap<String, Value> {
    let mut by_file: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (name, document) in &server.documents.0 {
        by_file.entry(name.clone()).or_default();
        let Some(index) = &document.index else { continue };
        if document.source.name.starts_with(&*server.cache.to_string_lossy()) {
            continue;
        }
        for diagnostic in index.diagnostics() {
            let label = diagnostic.labels.first();
            let file = label.map_or(name, |label| &label.file.name);
            let shown = shown(server, diagnostic);
            let all = by_file.entry(file.clone()).or_default();
            if !all.contains(&shown) {
                all.push(shown);
            }
        }
    }
    let published = by_file.into_iter().filter_map(|(name, all)| {
        let uri = documents::uri(&name)?;
        let document = server.documents.0.get(&name);
        let uri = document.map_or(uri, |document| document.uri.clone());
        let version = document.map(|document| document.version);
        Some((
            name,
            json!({ "uri": uri, "version": version, "diagnostics": all }),
        ))
    });
    published.collect()
}

fn shown(server: &Server<'_>, diagnostic: &Diagnostic) -> Value {
    let mut message = diagnostic.message.clone();
    let first = diagnostic.labels.first();
    if let Some(text) = first.map(|label| &label.text).filter(|text| !text.is_empty()) {
        message.push_str(": ");
        message.push_str(text);
    }
    if let Some(help) = &diagnostic.help {
        message.push('\n');
        message.push_str(help);
    }
    let related: Vec<Value> = diagnostic
        .labels
        .iter()
        .skip(1)
        .filter_map(|label| {
            let location = location(server, &label.file, label.span)?;
            Some(json!({ "location": location, "message": label.text }))
        })
        .collect();
    let place = first
        .map(|label| range(&label.file, label.span))
        .unwrap_or_default();
    json!({
        "range": place, "severity": if diagnostic.is_error() { 1 } else { 2 }, "code": diagnostic.code,
        "source": "rlx", "message": message, "relatedInformation": related,
    })
}

//! docs/language.md says what the language does: its examples elaborate (in the one layout), and its tables are those of the schema.

use std::collections::{BTreeMap, BTreeSet};

use rlx_grammar::ast::ItemKind;
use rlx_language::schema::{self, Default as Unwritten, Schema, Type};
use rlx_language::{Memory, Options, Severity, elaborate, standard_library};

fn page() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/language.md");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text between each heading and the next one, by heading.
fn sections(page: &str) -> BTreeMap<&str, String> {
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    let (mut heading, mut fenced) = ("", false);
    for line in page.lines() {
        fenced ^= line.starts_with("```");
        match line.strip_prefix('#').filter(|_| !fenced) {
            Some(rest) => heading = rest.trim_start_matches('#').trim(),
            None => {
                let text = sections.entry(heading).or_default();
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    sections
}

fn section<'s>(sections: &'s BTreeMap<&str, String>, heading: &str) -> &'s str {
    match sections.get(heading) {
        Some(text) => text,
        None => panic!("the page has no section `{heading}`"),
    }
}

/// The cells of the row of a table that begins with this name in backticks.
fn row<'t>(text: &'t str, name: &str) -> Option<Vec<&'t str>> {
    let start = format!("| `{name}` |");
    let line = text.lines().find(|line| line.starts_with(&start))?;
    Some(line.trim_matches('|').split(" | ").map(str::trim).collect())
}

/// The names in the first column of the section's tables of fields.
fn rows(text: &str) -> BTreeSet<&str> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in text.lines() {
        inside = line.starts_with("| field |") || (inside && line.starts_with('|'));
        let name = line.strip_prefix("| `").and_then(|rest| rest.split_once('`'));
        names.extend(name.filter(|_| inside).map(|(name, _)| name));
    }
    names
}

const TABLES: [(&str, &Schema); 28] = [
    ("model", &schema::MODEL),
    ("responses", &schema::RESPONSES),
    ("endpoint", &schema::ENDPOINT),
    ("init", &schema::INIT),
    ("data, benchmark", &schema::DATA),
    ("data, benchmark", &schema::BENCHMARK),
    ("prompt", &schema::PROMPT),
    ("example", &schema::EXAMPLE),
    ("countdown", &schema::COUNTDOWN),
    ("arithmetic", &schema::ARITHMETIC),
    ("equation, modular, numeral", &schema::EQUATION),
    ("equation, modular, numeral", &schema::MODULAR),
    ("equation, modular, numeral", &schema::NUMERAL),
    ("algorithm", &schema::ALGORITHM),
    ("kl", &schema::KL),
    ("critic", &schema::CRITIC),
    ("dynamic_sampling", &schema::DYNAMIC_SAMPLING),
    ("overlong", &schema::OVERLONG),
    ("format", &schema::FORMAT),
    ("correction", &schema::CORRECTION),
    ("optimizer", &schema::OPTIMIZER),
    ("lora", &schema::LORA),
    ("train", &schema::TRAIN),
    ("distill", &schema::DISTILL),
    ("evaluate", &schema::EVALUATE),
    ("sampling", &schema::SAMPLING),
    ("search", &schema::SEARCH),
    ("look", &schema::LOOK),
];

#[test]
fn its_examples_elaborate() {
    let page = page();
    let blocks: Vec<&str> = page
        .split("```rlx\n")
        .skip(1)
        .map(|rest| rest.split_once("```").expect("the end of a block").0)
        .collect();
    assert!(blocks.len() >= 2, "the page lost its examples");
    for block in blocks {
        assert_eq!(
            rlx_grammar::format(block).as_deref(),
            Ok(block),
            "not in the layout"
        );
        let profiles = rlx_grammar::parse(block)
            .file
            .items
            .into_iter()
            .filter_map(|item| match item.kind {
                ItemKind::Profile(profile) => Some(Some(profile.name.node)),
                _ => None,
            });
        for profile in std::iter::once(None).chain(profiles) {
            let sources = Memory([("study.rlx".to_owned(), block.to_owned())].into());
            let options = Options {
                profile: profile.clone(),
                ..Options::default()
            };
            if let Err(all) = elaborate(&sources, "study.rlx", &options) {
                let errors: Vec<String> = all
                    .iter()
                    .filter(|diagnostic| diagnostic.severity == Severity::Error)
                    .map(ToString::to_string)
                    .collect();
                panic!("profile {profile:?}:\n{}\n{block}", errors.join("\n"));
            }
        }
    }
}

#[test]
fn every_record_has_its_table() {
    let covered: BTreeSet<&str> = TABLES.iter().map(|(_, schema)| schema.name).collect();
    for schema in schema::DECLARATIONS.into_iter().chain(schema::RECORDS) {
        assert!(covered.contains(schema.name), "no table of `{}`", schema.name);
    }
}

#[test]
fn its_tables_are_those_of_the_schema() {
    let page = page();
    let sections = sections(&page);
    let mut wrong = Vec::new();
    for (heading, schema) in TABLES {
        let text = section(&sections, heading);
        let known: BTreeSet<&str> = schema.fields.iter().map(|field| field.name).collect();
        for name in rows(text).difference(&known) {
            wrong.push(format!("{heading}: `{name}` is no field of `{}`", schema.name));
        }
        for field in schema.fields {
            let name = field.name;
            let Some(cells) = row(text, name) else {
                wrong.push(format!("{heading}: no row of `{name}`"));
                continue;
            };
            let [_, ty, default, meaning] = cells.as_slice() else {
                wrong.push(format!("{heading}: the row of `{name}` has not four cells"));
                continue;
            };
            let stated = match field.default {
                Unwritten::Required => default.contains("required"),
                Unwritten::None => default.contains("`none`"),
                Unwritten::Value(value) => default.contains(&format!("`{value}`")),
                Unwritten::OrNone(value) => default.contains(&format!("`{value}`")) && ty.contains("`none`"),
                Unwritten::Computed(_) => !default.is_empty(),
            };
            if !stated {
                wrong.push(format!(
                    "{heading}: `{name}` has the default {:?}, not {default}",
                    field.default
                ));
            }
            if let Some(source) = schema.source(name).filter(|source| !default.contains(source)) {
                wrong.push(format!(
                    "{heading}: the default of `{name}` is from {source}, not {default}"
                ));
            }
            if let Type::Word(words) = field.ty {
                let missing = words.iter().filter(|word| !ty.contains(&format!("`{word}`")));
                wrong.extend(missing.map(|word| format!("{heading}: `{name}` lacks the word `{word}`")));
            }
            if let Some(unit) = field.ty.unit().filter(|unit| !ty.contains(unit.name())) {
                wrong.push(format!("{heading}: `{name}` counts {unit}, not {ty}"));
            }
            if meaning.is_empty() {
                wrong.push(format!("{heading}: `{name}` has no meaning"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn its_calls_are_those_of_the_schema() {
    let page = page();
    let sections = sections(&page);
    let call = |schema: &Schema| {
        let names: Vec<&str> = schema.fields.iter().map(|field| field.name).collect();
        format!("`{}({})`", schema.name, names.join(", "))
    };
    let outputs = section(&sections, "figure, table");
    for function in schema::FUNCTIONS {
        assert!(outputs.contains(&call(function)), "no {}", call(function));
        for field in function.fields {
            assert!(row(outputs, field.name).is_some(), "no argument `{}`", field.name);
        }
    }
    let claims = section(&sections, "claim");
    for function in [
        &schema::PASS,
        &schema::DELTA_SE_OF,
        &schema::PERPLEXITY_OF,
        &schema::SOLVED,
    ] {
        assert!(claims.contains(&call(function)), "no {}", call(function));
    }
}

#[test]
fn it_lists_the_standard_library() {
    let page = page();
    let sections = sections(&page);
    let text = section(&sections, "Standard library");
    for (file, source) in standard_library() {
        let part = file.trim_start_matches("std/").trim_end_matches(".rlx");
        let cells = row(text, &format!("std.{part}")).unwrap_or_else(|| panic!("no row of std.{part}"));
        if part == "limit_of_rlvr" {
            // Hundreds of published numbers: the page says where they stand, and the file is the list.
            assert!(cells[1].contains("stdlib/limit_of_rlvr.rlx"));
            continue;
        }
        let listed: BTreeSet<&str> = cells[1].split(", ").map(|name| name.trim_matches('`')).collect();
        let items = rlx_grammar::parse(source).file.items;
        let declared: BTreeSet<&str> = items
            .iter()
            .filter_map(|item| match &item.kind {
                ItemKind::Declaration(declaration) => Some(declaration.name.node.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(listed, declared, "std.{part}");
    }
}

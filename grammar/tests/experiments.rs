//! Every study in experiments/ parses as it is.

use rlx_grammar::parse;

fn folder(name: &str) -> Vec<(String, String)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut files: Vec<_> = std::fs::read_dir(format!("{root}/{name}"))
        .expect("the folder is part of the repository")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rlx"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            (path.display().to_string(), text)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn experiments_parse_without_errors() {
    let files = folder("experiments");
    assert!(files.len() >= 4);
    for (name, text) in files {
        let parsed = parse(&text);
        assert!(parsed.errors.is_empty(), "{name}: {:#?}", parsed.errors);
        assert!(parsed.file.doc.is_some(), "{name}: no file doc");
        let declarations = text
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()) && !line.starts_with("//"));
        assert_eq!(parsed.file.items.len(), declarations.count(), "{name}");
    }
}

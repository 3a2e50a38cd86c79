//! `rlx doc`: the reference of the standard library or of a package, from doc comments.

use crate::{args::DocArgs, failure::Failure, project};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// The most files of one folder.
const MOST: usize = 1000;

struct Page {
    /// The heading, and the name of its file without the ending.
    name: String,
    text: String,
}

pub(crate) fn run(args: &DocArgs) -> Result<ExitCode, Failure> {
    let pages = if args.files.is_empty() {
        library()
    } else {
        package(&args.files)?
    };
    let Some(folder) = &args.out else {
        let all: Vec<&str> = pages.iter().map(|page| page.text.as_str()).collect();
        print!("{}", all.join("\n"));
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, "make the folder", &error))?;
    let mut index = String::from("# Reference\n\n");
    for page in &pages {
        let file = format!("{}.md", page.name.replace(['/', '\\'], "."));
        rlx_store::file::write(&folder.join(&file), page.text.as_bytes())?;
        index.push_str(&format!("- [{}]({file})\n", page.name));
    }
    rlx_store::file::write(&folder.join("index.md"), index.as_bytes())?;
    println!("{} pages were written to {}", pages.len() + 1, folder.display());
    Ok(ExitCode::SUCCESS)
}

/// The standard library, a page a part.
fn library() -> Vec<Page> {
    rlx_language::standard_library()
        .map(|(file, text)| {
            let name = file.trim_end_matches(".rlx").replace('/', ".");
            let text = rlx_language::reference::page(&name, text);
            Page { name, text }
        })
        .collect()
}

fn package(paths: &[PathBuf]) -> Result<Vec<Page>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            walk(path, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    let mut pages = Vec::new();
    for path in files {
        let text = project::read_text(&path)?;
        let errors = rlx_grammar::parse(&text).errors;
        if !errors.is_empty() {
            project::show_syntax(&path, &text, &errors);
            return Err(Failure::Shown);
        }
        let name = path
            .to_string_lossy()
            .trim_start_matches("./")
            .trim_start_matches('/')
            .to_owned();
        let text = rlx_language::reference::page(&name, &text);
        pages.push(Page { name, text });
    }
    Ok(pages)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error| Failure::file(folder, "read the folder", &error);
    let mut inside = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        inside.push(entry.map_err(failed)?.path());
    }
    inside.sort();
    for path in inside {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || path.is_symlink() || files.len() >= MOST {
            continue;
        }
        if path.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rlx") {
            files.push(path);
        }
    }
    Ok(())
}

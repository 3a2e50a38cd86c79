//! Any study, with any setting, gets a meaning or errors with places; what is sound stays so in the one layout.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rlx_language::{Diagnostic, Memory, Options, elaborate};

fn check(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        assert!(rlx_language::codes::story(diagnostic.code).is_some(), "{}", diagnostic.code);
        for label in &diagnostic.labels {
            assert!(label.file.text.get(label.span.start..label.span.end).is_some());
        }
        let _ = diagnostic.to_string();
    }
}

fuzz_target!(|input: &str| {
    let (text, set) = input.split_once("\n//--set ").unwrap_or((input, ""));
    let options = Options {
        set: if set.is_empty() { Vec::new() } else { vec![set.to_owned()] },
        ..Options::default()
    };
    let sources = |text: &str| Memory([("study.rlx".to_owned(), text.to_owned())].into());
    match elaborate(&sources(text), "study.rlx", &options) {
        Ok((_, warnings)) => {
            check(&warnings);
            if let Ok(laid_out) = rlx_grammar::format(text) {
                assert!(elaborate(&sources(&laid_out), "study.rlx", &options).is_ok());
            }
        }
        Err(errors) => {
            assert!(errors.iter().any(Diagnostic::is_error));
            check(&errors);
        }
    }
});

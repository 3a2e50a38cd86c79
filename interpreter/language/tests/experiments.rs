//! The experiments of the repository elaborate, and mean the same however they are laid out.

use rlx_language::{Options, Study, elaborate};

fn read(name: &str) -> Option<String> {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)).ok()
}

struct Repository;

impl rlx_language::Sources for Repository {
    fn read(&self, name: &str) -> Option<String> {
        read(name)
    }
}

fn study(name: &str, options: &Options) -> Study {
    match elaborate(&Repository, name, options) {
        Ok((study, _)) => study,
        Err(errors) => {
            let text: Vec<String> = errors.iter().map(ToString::to_string).collect();
            panic!("{name}:\n{}", text.join("\n"));
        }
    }
}

#[test]
fn all_experiments_elaborate() {
    for name in ["aime", "quickstart", "pretrain", "smollm2_gsm8k"] {
        let study = study(&format!("experiments/{name}.rlx"), &Options::default());
        println!("{}", serde_json::to_string_pretty(&study).unwrap());
    }
    study("experiments/aime.rlx", &Options { profile: Some("laptop".into()), ..Options::default() });
}

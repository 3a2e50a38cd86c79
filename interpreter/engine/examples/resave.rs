//! `resave MODEL TO [ADAPTER]`: opens a model, merges a LoRA adapter where one is given, and writes it in fp32.
//! tests/transformers holds what it writes against transformers and PEFT.

use std::path::PathBuf;
use std::process::ExitCode;

use rlx_engine::{DeviceChoice, EngineError, LanguageModel, Precision, Runtime, Tokenizer};

fn run(paths: &[PathBuf]) -> Result<(), EngineError> {
    let [from, to, rest @ ..] = paths else {
        return Err(EngineError::InvalidRequest {
            what: "too few arguments".to_owned(),
            mend: "give MODEL TO [ADAPTER]".to_owned(),
        });
    };
    let runtime = Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32))?;
    let model = LanguageModel::open_with_adapter(from, rest.first().map(PathBuf::as_path), &runtime)?;
    model.save(to, Some(&Tokenizer::open(from)?))
}

fn main() -> ExitCode {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    match run(&paths) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("resave: {error}");
            ExitCode::FAILURE
        }
    }
}

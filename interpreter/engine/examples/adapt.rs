//! `adapt MODEL TO ID,ID,…`: puts low-rank changes with random factors on a model, writes it (merged, with the adapter
//! beside) to TO, and prints the logits of the last of the given tokens as they come while the changes are trained.
//! tests/transformers holds the adapter against PEFT.

use std::path::Path;
use std::process::ExitCode;

use rlx_engine::{
    DeviceChoice, EngineError, LanguageModel, Lora, LoraTargets, Precision, Runtime, Tokenizer,
};
use tch::{Kind, Tensor};

fn wrong(what: &str) -> EngineError {
    EngineError::InvalidRequest {
        what: what.to_owned(),
        mend: "give MODEL TO ID,ID,…".to_owned(),
    }
}

fn run(arguments: &[String]) -> Result<Vec<f32>, EngineError> {
    let [from, to, ids] = arguments else {
        return Err(wrong("not three arguments"));
    };
    let ids: Vec<i64> = ids
        .split(',')
        .map(|id| id.parse().map_err(|_| wrong("a token that is no number")))
        .collect::<Result<_, _>>()?;
    let runtime = Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32))?;
    let model = LanguageModel::open(Path::new(from), &runtime)?;
    let lora = Lora {
        rank: 3,
        alpha: 7.0,
        targets: LoraTargets::All,
    };
    let model = model.to_trainable_lora(Precision::Fp32, &lora, 5)?;
    let _no_grad = tch::no_grad_guard();
    tch::manual_seed(3);
    for (_, mut factor) in model.trained_parameters() {
        let random = factor.f_randn_like()?.f_mul_scalar(0.1)?;
        factor.f_copy_(&random)?;
    }
    model.save(Path::new(to), Some(&Tokenizer::open(Path::new(from))?))?;
    let count = ids.len() as i64;
    let hidden = model.hidden_packed(&Tensor::f_from_slice(&ids)?, &[count])?;
    let logits = model
        .logits(&hidden.f_narrow(0, count - 1, 1)?)?
        .f_to_kind(Kind::Float)?
        .f_view([-1])?;
    Ok(Vec::<f32>::try_from(&logits)?)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(logits) => {
            let words: Vec<String> = logits.iter().map(f32::to_string).collect();
            println!("[{}]", words.join(","));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("adapt: {error}");
            ExitCode::FAILURE
        }
    }
}

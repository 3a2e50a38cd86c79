//! The decoder for accelerators against the engine's own pass and against the reference.

use std::path::{Path, PathBuf};

use super::*;
use crate::sampling::Draw;
use crate::{DeviceChoice, Init, LanguageModel, Precision, Runtime, SampleRequest, SamplingParams, sample};

fn runtime(precision: Precision) -> Runtime {
    Runtime::detect(DeviceChoice::Cpu, Some(precision)).unwrap()
}

/// One tiny model a family, with everything that families differ in.
fn models() -> Vec<LanguageModel> {
    let shape = r#""vocab_size": 37, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 6,
        "num_key_value_heads": 2, "intermediate_size": 40, "rope_theta": 10000, "max_position_embeddings": 64"#;
    ["Llama", "Qwen2", "Qwen3"]
        .map(|family| {
            let options = match family {
                "Llama" => r#", "head_dim": 10, "attention_bias": true, "mlp_bias": true"#,
                "Qwen3" => r#", "head_dim": 8, "tie_word_embeddings": true"#,
                _ => "",
            };
            let text = format!(r#"{{"architectures": ["{family}ForCausalLM"], {shape}{options}}}"#);
            let config = crate::Config::from_json(&text).unwrap();
            // Wide enough a spread that distributions are far from flat.
            let init = Init {
                std: 0.3,
                embedding_std: 1.0,
                scale_residual: false,
            };
            let model = LanguageModel::init(config, &init, 3, &runtime(Precision::Fp32)).unwrap();
            // Biases and norms start at 0 and 1, where leaving one out would not show.
            let _guard = tch::no_grad_guard();
            for (seed, (name, mut tensor)) in model.parameters().into_iter().enumerate() {
                if name.ends_with("bias") || name.contains("norm") {
                    let wave =
                        tch::Tensor::arange(tensor.numel() as i64, (tch::Kind::Float, tch::Device::Cpu));
                    tensor += (wave * 0.7 + seed as f64).sin() * 0.3;
                }
            }
            model
        })
        .into()
}

fn params(temperature: f64, top_p: f64, top_k: Option<u64>) -> SamplingParams {
    SamplingParams {
        temperature,
        top_p,
        top_k,
        max_tokens: 24,
        ..SamplingParams::default()
    }
}

/// Tokens and log-probs of every row; row r ends after `lengths[r]` tokens.
fn drawn(
    decoder: &mut DeviceDecoder,
    prompts: &[&[u32]],
    rows: &[Sequence],
    lengths: &[usize],
) -> Vec<Vec<Draw>> {
    let _guard = tch::no_grad_guard();
    let mut out: Vec<Vec<Draw>> = rows.iter().map(|_| Vec::new()).collect();
    let mut active: Vec<usize> = (0..rows.len()).collect();
    let mut draws = decoder.start(prompts, rows, 24).unwrap();
    loop {
        let (mut keep, mut last, mut next) = (Vec::new(), Vec::new(), Vec::new());
        for (slot, (&row, draw)) in active.iter().zip(&draws).enumerate() {
            out[row].push(draw.unwrap());
            if out[row].len() < lengths[row] {
                keep.push(slot);
                last.push(draw.unwrap().token);
                next.push(row);
            }
        }
        if keep.is_empty() {
            return out;
        }
        active = next;
        draws = decoder.step(&keep, &last).unwrap();
    }
}

fn batch() -> ([&'static [u32]; 3], Vec<Sequence>, Vec<usize>) {
    let prompts: [&[u32]; 3] = [
        &[1, 2, 3],
        &[4],
        &[
            9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
        ],
    ];
    let rows = (0..10)
        .map(|i| Sequence {
            prompt: i % 3,
            stream: 100 + i as u64,
        })
        .collect();
    // Ends at many different steps, so that both ways of leaving the batch are taken.
    let lengths = (0..10).map(|i| 1 + (i * 7) % 24).collect();
    (prompts, rows, lengths)
}

fn agree(a: &[Vec<Draw>], b: &[Vec<Draw>], allow: f32) {
    for (a, b) in a.iter().zip(b) {
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            assert_eq!(a.token, b.token);
            assert!(
                (a.logprob - b.logprob).abs() < allow,
                "{} and {}",
                a.logprob,
                b.logprob
            );
        }
    }
}

/// The engine's own pass over the same rows.
fn own(
    model: &LanguageModel,
    prompts: &[&[u32]],
    rows: &[Sequence],
    params: &SamplingParams,
) -> Vec<Vec<Draw>> {
    let requests: Vec<SampleRequest> = rows
        .iter()
        .map(|row| SampleRequest {
            prompt: prompts[row.prompt].to_vec(),
            streams: vec![row.stream],
        })
        .collect();
    let all = sample(model, &requests, params, &mut |_| true).unwrap();
    all.into_iter()
        .map(|mut one| {
            let row = one.remove(0);
            let both = row.tokens.into_iter().zip(row.logprobs);
            both.map(|(token, logprob)| Draw { token, logprob }).collect()
        })
        .collect()
}

#[test]
fn both_decoders_draw_the_same_rows() {
    let (prompts, rows, lengths) = batch();
    let special = SamplingParams {
        repetition_penalty: 1.3,
        logit_bias: vec![(3, -2.0)],
        min_p: 0.02,
        ..params(0.9, 1.0, None)
    };
    for model in models() {
        for params in [params(0.0, 1.0, None), params(1.0, 1.0, None), special.clone()] {
            let mut device = DeviceDecoder::new(model.shallow(), params.clone());
            let b = drawn(&mut device, &prompts, &rows, &lengths);
            let mut a = own(&model, &prompts, &rows, &params);
            for (row, &length) in a.iter_mut().zip(&lengths) {
                row.truncate(length);
            }
            agree(&a, &b, 2e-4);
        }
    }
}

/// In bf16 the first token's log-prob stays within bf16's rounding of fp32's.
#[test]
fn bf16_is_near_fp32() {
    let (prompts, rows, _) = batch();
    for model in models() {
        let low = model.to_inference(Precision::Bf16).unwrap();
        let greedy = params(0.0, 1.0, None);
        let low_draws = own(&low, &prompts, &rows, &greedy);
        let draws = own(&model, &prompts, &rows, &greedy);
        for (low, full) in low_draws.iter().zip(&draws) {
            // Logits reach about 10, where bf16 has steps of 1/16; a few such roundings add up.
            assert!(
                (low[0].logprob - full[0].logprob).abs() < 0.25,
                "{low:?} and {full:?}"
            );
        }
    }
}

/// Draws of the accelerator's filter follow the distribution that the CPU's filter defines.
#[test]
fn device_draws_follow_the_filtered_distribution() {
    let _guard = tch::no_grad_guard();
    let logits: Vec<f32> = (0..12).map(|i| (i as f32 * 1.7).sin() * 2.0).collect();
    let n = 50_000;
    let rows = tch::Tensor::from_slice(&logits)
        .unsqueeze(0)
        .expand([n, 12], false);
    let uniforms: Vec<f64> = (0..n as u64).map(|i| crate::uniform(5, i)).collect();
    for params in [
        params(1.0, 1.0, None),
        params(0.7, 0.9, None),
        params(1.3, 0.8, Some(5)),
        params(0.0, 0.9, None),
    ] {
        let want = crate::filtered_distribution(&logits, &params).unwrap();
        let (tokens, logprobs) = device::draw_rows(&rows, &params, &uniforms).unwrap();
        let tokens: Vec<i64> = Vec::try_from(&tokens).unwrap();
        let mut counts = [0u32; 12];
        for &t in &tokens {
            counts[t as usize] += 1;
        }
        for (count, p) in counts.iter().zip(&want) {
            let (n, p) = (n as f64, f64::from(*p));
            // Five standard deviations of the binomial count.
            let slack = 5.0 * (n * p * (1.0 - p)).sqrt() + 1e-9;
            assert!(
                (f64::from(*count) - n * p).abs() <= slack,
                "{count} draws at p {p}, {params:?}"
            );
        }
        let t = if params.temperature == 0.0 {
            1.0
        } else {
            params.temperature
        };
        let z: f64 = logits.iter().map(|&l| (f64::from(l) / t).exp()).sum();
        let first = f64::from(logits[tokens[0] as usize]) / t - z.ln();
        assert!((logprobs.double_value(&[0]) - first).abs() < 1e-5);
    }
}

/// Greedy decoding on the accelerator's path, against transformers.
#[test]
fn reference_greedy_on_the_device_path() {
    let root = match std::env::var_os("RLX_REFERENCE") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference"),
    };
    let mut seen = 0;
    for entry in std::fs::read_dir(root.join("models")).unwrap() {
        let dir = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(dir.join("expected.json")) else {
            continue;
        };
        let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
        let architecture = expected["architecture"].as_str().unwrap_or_default();
        // Prompts with pictures take another way (src/plain.rs).
        if crate::Family::of_architecture(architecture).is_none_or(|f| f.traits().vision) {
            eprintln!("skipped: {}", dir.display());
            continue;
        }
        seen += 1;
        let model = LanguageModel::open(&dir, &runtime(Precision::Fp32)).unwrap();
        let ids = |v: &serde_json::Value| -> Vec<u32> {
            v.as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_u64().unwrap() as u32)
                .collect()
        };
        let cases = expected["prompts"].as_array().unwrap();
        let prompts: Vec<Vec<u32>> = cases.iter().map(|c| ids(&c["ids"])).collect();
        let prompts: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
        let rows: Vec<Sequence> = (0..prompts.len())
            .map(|prompt| Sequence { prompt, stream: 0 })
            .collect();
        let mut decoder = DeviceDecoder::new(model, params(0.0, 1.0, None));
        let ours = drawn(&mut decoder, &prompts, &rows, &vec![24; rows.len()]);
        for (ours, case) in ours.iter().zip(cases) {
            let tokens: Vec<u32> = ours.iter().map(|d| d.token).collect();
            assert_eq!(tokens, ids(&case["greedy_ids"])[..24], "{}", dir.display());
        }
    }
    assert!(seen > 0);
}

//! What bad input gets: typed errors that name the place, never a panic.
#![allow(clippy::unwrap_used)] // in helpers of tests, as in tests

use std::path::Path;

use rlx_engine::{
    Completion, Config, DeviceChoice, EngineError, Init, LanguageModel, Precision, Runtime, SampleRequest,
    SamplingParams, ScoreRequest, Tokenizer, sample, score,
};
use tch::Tensor;

const CONFIG: &str = r#"{
    "architectures": ["Qwen2ForCausalLM"], "vocab_size": 11, "hidden_size": 16, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 24, "rms_norm_eps": 1e-6,
    "rope_theta": 10000, "tie_word_embeddings": true, "max_position_embeddings": 32, "eos_token_id": 1
}"#;

fn cpu() -> Runtime {
    Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32)).unwrap()
}

fn model() -> LanguageModel {
    LanguageModel::init(Config::from_json(CONFIG).unwrap(), &Init::default(), 5, &cpu()).unwrap()
}

fn saved() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    model().save(&dir.path().join("m"), None).unwrap();
    dir
}

fn failure(dir: &Path) -> EngineError {
    match LanguageModel::open(dir, &cpu()) {
        Err(error) => error,
        Ok(_) => panic!("{} opened", dir.display()),
    }
}

fn params(max_tokens: usize) -> SamplingParams {
    SamplingParams {
        temperature: 1.0,
        top_p: 0.9,
        top_k: None,
        max_tokens,
        stop_ids: vec![1],
        ..SamplingParams::default()
    }
}

fn requests(rows: u64) -> Vec<SampleRequest> {
    vec![
        SampleRequest {
            prompt: vec![2, 3, 4],
            streams: (0..rows).collect(),
        },
        SampleRequest {
            prompt: vec![5],
            streams: (rows..2 * rows).collect(),
        },
    ]
}

#[test]
fn a_missing_folder_is_an_io_error_with_its_path() {
    let error = failure(Path::new("/no/such/model"));
    assert!(matches!(&error, EngineError::Io { .. }), "{error}");
    assert!(error.to_string().contains("/no/such/model"));
}

#[test]
fn a_folder_without_weights_says_so() {
    let dir = saved();
    std::fs::remove_file(dir.path().join("m/model.safetensors")).unwrap();
    let error = failure(&dir.path().join("m"));
    assert!(
        matches!(&error, EngineError::Corrupt { what, .. } if what.contains("safetensors")),
        "{error}"
    );
}

#[test]
fn truncated_weights_name_file_and_tensor() {
    let dir = saved();
    let path = dir.path().join("m/model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 64]).unwrap();
    let error = failure(&dir.path().join("m"));
    assert!(
        matches!(&error, EngineError::Corrupt { what, .. } if what.contains("tensor `")),
        "{error}"
    );
    assert!(error.to_string().contains("model.safetensors"), "{error}");
    for length in [0, 4, 8, 100] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let error = failure(&dir.path().join("m"));
        assert!(matches!(&error, EngineError::Corrupt { .. }), "{length}: {error}");
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let dir = saved();
    let path = dir.path().join("m/model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let size = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let header = String::from_utf8(bytes[8..8 + size].to_vec()).unwrap();
    let write = |header: &str| {
        let mut all = (header.len() as u64).to_le_bytes().to_vec();
        all.extend(header.as_bytes());
        all.extend(&bytes[8 + size..]);
        std::fs::write(&path, all).unwrap();
        let error = failure(&dir.path().join("m"));
        assert!(matches!(&error, EngineError::Corrupt { .. }), "{error}");
        error.to_string()
    };
    assert!(write(&header.replace("[11,16]", "[11,17]")).contains("embed_tokens"));
    assert!(write(&header.replace("[11,16]", "[18446744073709551615,16]")).contains("embed_tokens"));
    assert!(write(&header.replace("[11,16]", "[16,11]")).contains("[11, 16]"));
    assert!(write(&header.replacen("F32", "Q9", 1)).contains("Q9"));
    assert!(write(&header.replace("model.norm.weight", "model.morn.weight")).contains("model.morn.weight"));
    write("{}");
    write("[1]");
    write("{\"model.norm.weight\": 3}");
    let mut huge = bytes.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    std::fs::write(&path, huge).unwrap();
    assert!(matches!(
        failure(&dir.path().join("m")),
        EngineError::Corrupt { .. }
    ));
}

#[test]
fn a_missing_tensor_is_named() {
    let dir = saved();
    let path = dir.path().join("m/config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
    )
    .unwrap();
    let error = failure(&dir.path().join("m"));
    assert!(error.to_string().contains("model.layers.2."), "{error}");
    std::fs::write(
        &path,
        text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"),
    )
    .unwrap();
    let error = failure(&dir.path().join("m"));
    assert!(error.to_string().contains("model.layers.1."), "{error}");
}

#[test]
fn unknown_architectures_and_options_are_named() {
    let change = |from: &str, to: &str| Config::from_json(&CONFIG.replace(from, to)).unwrap_err();
    let error = change("Qwen2ForCausalLM", "MambaForCausalLM");
    assert!(matches!(&error, EngineError::UnknownArchitecture { found, .. } if found == "MambaForCausalLM"));
    assert!(error.to_string().contains("LlamaForCausalLM"));
    let rope = |block: &str| format!("\"rope_theta\": 1e4, \"rope_scaling\": {block}");
    for (block, named) in [
        ("{\"type\": \"longrope\", \"factor\": 4}", "longrope"),
        ("{\"full_attention\": {\"rope_theta\": 1e4}}", "layer to layer"),
        (
            "{\"rope_type\": \"default\", \"partial_rotary_factor\": 0.5}",
            "0.5 of each head",
        ),
    ] {
        let error = change("\"rope_theta\": 10000", &rope(block));
        assert!(
            matches!(&error, EngineError::Unsupported { what, .. } if what.contains(named)),
            "{error}"
        );
    }
    let error = change(
        "\"rope_theta\": 10000",
        "\"layer_types\": [\"full_attention\", \"linear_attention\"]",
    );
    assert!(
        matches!(&error, EngineError::Unsupported { what, .. } if what.contains("linear_attention")),
        "{error}"
    );
    for (from, to) in [
        ("\"hidden_size\": 16,", ""),
        ("\"hidden_size\": 16", "\"hidden_size\": -16"),
        ("\"hidden_size\": 16", "\"hidden_size\": 9223372036854775807"),
        ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 200000000"),
        ("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3"),
        ("\"vocab_size\": 11", "\"vocab_size\": \"many\""),
        ("\"num_attention_heads\": 4", "\"num_attention_heads\": 0"),
        ("\"num_attention_heads\": 4", "\"num_attention_heads\": 64"),
        (
            "\"vocab_size\": 11",
            "\"layer_types\": [\"full_attention\"], \"vocab_size\": 11",
        ),
        (
            "\"vocab_size\": 11",
            "\"layer_types\": [\"sliding_attention\", \"full_attention\"], \"vocab_size\": 11",
        ),
        (
            "\"rope_theta\": 10000",
            "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 0.5}",
        ),
        ("Qwen2ForCausalLM", "Qwen2_5_VLForConditionalGeneration"),
        ("{", "["),
    ] {
        assert!(matches!(change(from, to), EngineError::Corrupt { .. }), "{to}");
    }
}

#[test]
fn a_window_wider_than_the_text_changes_nothing_and_a_narrow_one_does() {
    let text = |width: i64| {
        CONFIG.replace(
            "\"rope_theta\"",
            &format!("\"use_sliding_window\": true, \"max_window_layers\": 0, \"sliding_window\": {width}, \"rope_theta\""),
        )
    };
    let open = |text: &str| {
        LanguageModel::init(Config::from_json(text).unwrap(), &Init::default(), 5, &cpu()).unwrap()
    };
    let (full, wide, narrow) = (model(), open(&text(30)), open(&text(2)));
    assert_eq!(
        Config::from_json(&narrow.config.to_json()).unwrap(),
        narrow.config
    );
    let ids = Tensor::from_slice(&[2i64, 3, 4, 5, 6, 7]).unsqueeze(0);
    let _guard = tch::no_grad_guard();
    let hidden = |m: &LanguageModel| {
        Vec::<f32>::try_from(&m.hidden(&ids, None).unwrap().select(1, -1).view([-1])).unwrap()
    };
    assert_eq!(hidden(&full), hidden(&wide));
    assert_ne!(hidden(&full), hidden(&narrow));
    // Two layers of windows of two see three tokens: what was before does not count.
    let other = Tensor::from_slice(&[9i64, 9, 9, 5, 6, 7]).unsqueeze(0);
    let far = Vec::<f32>::try_from(&narrow.hidden(&other, None).unwrap().select(1, -1).view([-1])).unwrap();
    for (a, b) in hidden(&narrow).iter().zip(far) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    // Decoding step by step sees what teacher forcing sees.
    let drawn = sample(&narrow, &requests(3), &params(12), &mut |_| true).unwrap();
    for (request, rows) in requests(3).iter().zip(drawn) {
        for row in rows {
            let pair = ScoreRequest {
                prompt: request.prompt.clone(),
                response: row.tokens.clone(),
            };
            for (a, b) in score(&narrow, &[pair], 1.0).unwrap()[0].iter().zip(&row.logprobs) {
                assert!((a - b).abs() < 1e-4, "{a} {b}");
            }
        }
    }
}

#[test]
fn a_tokenizer_beyond_the_embedding_is_refused() {
    let dir = saved();
    let vocab: Vec<String> = (0..12).map(|i| format!("\"t{i}\": {i}")).collect();
    let tokenizer = format!(
        r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "model": {{"type": "WordLevel", "vocab": {{{}}}, "unk_token": "t0"}}}}"#,
        vocab.join(", ")
    );
    std::fs::write(dir.path().join("m/tokenizer.json"), tokenizer).unwrap();
    let error = failure(&dir.path().join("m"));
    assert!(
        matches!(
            &error,
            EngineError::TokenizerMismatch {
                tokenizer: 12,
                embedding: 11,
                ..
            }
        ),
        "{error}"
    );
    std::fs::write(dir.path().join("m/tokenizer.json"), "{\"model\": 1}").unwrap();
    assert!(matches!(
        Tokenizer::open(&dir.path().join("m")),
        Err(EngineError::Corrupt { .. })
    ));
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let model = model();
    let draw = |requests: &[SampleRequest], params: &SamplingParams| {
        sample(&model, requests, params, &mut |_| true).unwrap_err()
    };
    let long = [SampleRequest {
        prompt: vec![2; 30],
        streams: vec![0],
    }];
    assert!(matches!(
        draw(&long, &params(8)),
        EngineError::PromptTooLong {
            context: 32,
            tokens: 30,
            ..
        }
    ));
    let empty = [SampleRequest {
        prompt: vec![],
        streams: vec![0],
    }];
    assert!(matches!(
        draw(&empty, &params(8)),
        EngineError::InvalidRequest { .. }
    ));
    let beyond = [SampleRequest {
        prompt: vec![11],
        streams: vec![0],
    }];
    assert!(draw(&beyond, &params(8)).to_string().contains("11"));
    for bad in [
        SamplingParams {
            temperature: -1.0,
            ..params(8)
        },
        SamplingParams {
            temperature: f64::NAN,
            ..params(8)
        },
        SamplingParams {
            top_p: 0.0,
            ..params(8)
        },
        SamplingParams {
            top_p: 1.5,
            ..params(8)
        },
        params(0),
    ] {
        assert!(matches!(
            draw(&requests(1), &bad),
            EngineError::InvalidRequest { .. }
        ));
    }
    let pair = ScoreRequest {
        prompt: vec![],
        response: vec![1],
    };
    assert!(matches!(
        score(&model, &[pair], 1.0),
        Err(EngineError::InvalidRequest { .. })
    ));
    assert_eq!(
        sample(&model, &[], &params(8), &mut |_| true).unwrap(),
        Vec::<Vec<Completion>>::new()
    );
}

#[test]
fn a_weight_that_is_no_number_names_the_row() {
    let model = model();
    for (name, tensor) in model.parameters() {
        if name == "model.norm.weight" {
            let _guard = tch::no_grad_guard();
            let mut tensor: Tensor = tensor;
            let _ = tensor.fill_(f64::NAN);
        }
    }
    let error = sample(&model, &requests(2), &params(4), &mut |_| true).unwrap_err();
    assert!(
        matches!(&error, EngineError::NotFinite { what } if what.contains("request 0, row 0, token 0")),
        "{error}"
    );
    let pair = ScoreRequest {
        prompt: vec![2],
        response: vec![3, 4],
    };
    assert!(matches!(
        score(&model, &[pair], 1.0),
        Err(EngineError::NotFinite { .. })
    ));
}

#[test]
fn the_caller_can_cancel() {
    let model = model();
    let free = SamplingParams {
        stop_ids: vec![],
        ..params(28)
    };
    let mut calls = 0;
    let result = sample(&model, &requests(40), &free, &mut |_| {
        calls += 1;
        false
    });
    assert!(matches!(result, Err(EngineError::Cancelled)));
    assert!(calls >= 1);
}

#[test]
fn the_last_progress_counts_everything() {
    let model = model();
    let mut last = None;
    let rows = sample(&model, &requests(40), &params(28), &mut |p| {
        last = Some(p);
        true
    })
    .unwrap();
    let last = last.unwrap();
    let tokens: usize = rows.iter().flatten().map(|c| c.tokens.len()).sum();
    assert_eq!((last.rows, last.finished, last.tokens), (80, 80, tokens as u64));
}

#[test]
fn the_same_call_gives_the_same_bits_and_rows_depend_on_their_stream() {
    let model = model();
    let draw = |requests: &[SampleRequest]| sample(&model, requests, &params(20), &mut |_| true).unwrap();
    let all = requests(64);
    let first = draw(&all);
    assert_eq!(first, draw(&all));
    // The same streams asked for alone, and in another order.
    let turned = vec![
        SampleRequest {
            prompt: vec![5],
            streams: vec![70],
        },
        SampleRequest {
            prompt: vec![2, 3, 4],
            streams: vec![9, 3],
        },
    ];
    let few = draw(&turned);
    assert_eq!(few[0][0].tokens, first[1][6].tokens);
    assert_eq!(few[1][0].tokens, first[0][9].tokens);
    assert_eq!(few[1][1].tokens, first[0][3].tokens);
    assert_ne!(first[0][0].tokens, first[0][1].tokens);
}

#[test]
fn sampled_logprobs_are_those_of_scoring() {
    let model = model();
    let free = SamplingParams {
        temperature: 0.7,
        ..params(20)
    };
    let requests = requests(8);
    let rows = sample(&model, &requests, &free, &mut |_| true).unwrap();
    for (request, rows) in requests.iter().zip(&rows) {
        let pairs: Vec<_> = rows
            .iter()
            .map(|c| ScoreRequest {
                prompt: request.prompt.clone(),
                response: c.tokens.clone(),
            })
            .collect();
        for (scores, row) in score(&model, &pairs, 0.7).unwrap().iter().zip(rows) {
            for (a, b) in scores.iter().zip(&row.logprobs) {
                // fp32 rounding through two layers, far below any use of a log-prob.
                assert!((a - b).abs() < 1e-4, "{a} and {b}");
            }
        }
    }
}

#[test]
fn a_saved_model_is_the_same_one() {
    let _guard = tch::no_grad_guard();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model");
    let (first, other) = (
        model(),
        LanguageModel::init(model().config, &Init::default(), 6, &cpu()).unwrap(),
    );
    other.save(&path, None).unwrap();
    first.save(&path, None).unwrap();
    let again = LanguageModel::open(&path, &cpu()).unwrap();
    assert_eq!(again.config, first.config);
    for ((name, a), (_, b)) in first.parameters().iter().zip(again.parameters()) {
        assert!(a.equal(&b), "{name}");
    }
    // Nothing is left beside it.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn parameters_are_refreshed_in_place() {
    let (mut rollout, other) = (
        model(),
        LanguageModel::init(model().config, &Init::default(), 6, &cpu()).unwrap(),
    );
    let before = sample(&rollout, &requests(8), &params(20), &mut |_| true).unwrap();
    let trainable = other.to_trainable().unwrap();
    assert!(
        trainable
            .parameters()
            .iter()
            .all(|(_, t)| t.requires_grad() && t.is_leaf())
    );
    rollout.load_parameters(&trainable.parameters()).unwrap();
    let after = sample(&rollout, &requests(8), &params(20), &mut |_| true).unwrap();
    assert_ne!(before, after);
    assert_eq!(
        after,
        sample(&other, &requests(8), &params(20), &mut |_| true).unwrap()
    );
    assert_eq!(
        after,
        sample(&trainable, &requests(8), &params(20), &mut |_| true).unwrap()
    );
    let mut fewer = trainable.parameters();
    fewer.pop();
    assert!(matches!(
        rollout.load_parameters(&fewer),
        Err(EngineError::InvalidRequest { .. })
    ));
}

#[test]
fn initial_weights_are_reproducible_and_have_their_spread() {
    let (a, b) = (model(), model());
    for ((name, a), (_, b)) in a.parameters().iter().zip(b.parameters()) {
        assert!(a.equal(&b), "{name}");
    }
    let config = Config::from_json(&CONFIG.replace("\"hidden_size\": 16", "\"hidden_size\": 128")).unwrap();
    let model = LanguageModel::init(config, &Init::default(), 1, &cpu()).unwrap();
    for (name, tensor) in model.parameters() {
        let std = tensor.std(false).double_value(&[]);
        let want = match name.as_str() {
            n if n.ends_with("norm.weight") || n.ends_with("bias") => 0.0,
            n if n.contains("embed") => 0.02,
            n if n.contains("o_proj") || n.contains("down_proj") => 0.04 / 2.0,
            _ => 0.04,
        };
        // Five standard errors of a standard deviation of n numbers.
        assert!(
            (std - want).abs() <= 5.0 * want / (2.0 * tensor.numel() as f64).sqrt(),
            "{name}: {std}"
        );
    }
}

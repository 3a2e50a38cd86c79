//! LoRA adapters: merged as PEFT defines them, refused where they hold more.
#![allow(clippy::unwrap_used)] // in helpers of tests, as in tests

use std::path::{Path, PathBuf};

use rlx_engine::{Config, DeviceChoice, EngineError, Init, LanguageModel, Precision, Runtime};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tch::Tensor;

const CONFIG: &str = r#"{
    "architectures": ["Qwen2ForCausalLM"], "vocab_size": 11, "hidden_size": 16, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 24, "rms_norm_eps": 1e-6,
    "rope_theta": 10000, "tie_word_embeddings": true, "max_position_embeddings": 32, "eos_token_id": 1
}"#;

fn cpu() -> Runtime {
    Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32)).unwrap()
}

/// A folder with a model `m` and an adapter `a` of these settings and factors (name, shape).
fn folder(settings: &Value, factors: &[(&str, [usize; 2])]) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (base, adapter) = (dir.path().join("m"), dir.path().join("a"));
    let config = Config::from_json(CONFIG).unwrap();
    let model = LanguageModel::init(config, &Init::default(), 5, &cpu()).unwrap();
    model.save(&base, None).unwrap();
    std::fs::create_dir(&adapter).unwrap();
    std::fs::write(adapter.join("adapter_config.json"), settings.to_string()).unwrap();
    let data: Vec<Vec<u8>> = factors
        .iter()
        .enumerate()
        .map(|(n, (_, [a, b]))| values(n, a * b).iter().flat_map(|x| x.to_le_bytes()).collect())
        .collect();
    let views = factors
        .iter()
        .zip(&data)
        .map(|((name, shape), bytes)| (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap()));
    let path = adapter.join("adapter_model.safetensors");
    safetensors::serialize_to_file(views, None, &path).unwrap();
    (dir, base, adapter)
}

/// The numbers of factor `n`.
fn values(n: usize, count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7 + n * 13) as f32).sin()).collect()
}

fn weight(model: &LanguageModel, name: &str) -> Tensor {
    let found = model.parameters().into_iter().find(|(n, _)| n == name);
    found.unwrap().1
}

fn merged(base: &Path, adapter: &Path) -> Result<LanguageModel, EngineError> {
    LanguageModel::open_with_adapter(base, Some(adapter), &cpu())
}

const Q: &str = "base_model.model.model.layers.1.self_attn.q_proj";
const DOWN: &str = "base_model.model.model.layers.0.mlp.down_proj";
const EMBED: &str = "base_model.model.model.embed_tokens";

#[test]
fn factors_are_added_with_their_own_scales() {
    let names = [
        format!("{Q}.lora_A.weight"),
        format!("{Q}.lora_B.weight"),
        format!("{DOWN}.lora_A.weight"),
        format!("{DOWN}.lora_B.weight"),
        format!("{EMBED}.lora_embedding_A"),
        format!("{EMBED}.lora_embedding_B"),
    ];
    let shapes = [[4, 16], [16, 4], [2, 24], [16, 2], [4, 11], [16, 4]];
    let factors: Vec<(&str, [usize; 2])> = names.iter().map(String::as_str).zip(shapes).collect();
    for (root, over) in [(false, [4.0, 2.0]), (true, [2.0, 2f64.sqrt()])] {
        let settings = json!({
            "peft_type": "LORA", "r": 4, "lora_alpha": 6, "use_rslora": root, "modules_to_save": null, "bias": "none",
            "rank_pattern": {"down_proj": 2}, "alpha_pattern": {r"layers\.0\..*": 10}, "target_modules": ["q_proj"],
        });
        let (_dir, base, adapter) = folder(&settings, &factors);
        let plain = LanguageModel::open(&base, &cpu()).unwrap();
        let model = merged(&base, &adapter).unwrap();
        let factor = |n: usize| {
            let [a, b] = shapes[n];
            Tensor::from_slice(&values(n, a * b)).reshape([a as i64, b as i64])
        };
        let wanted = [
            (
                "model.layers.1.self_attn.q_proj.weight",
                factor(1).matmul(&factor(0)),
                6.0 / over[0],
            ),
            (
                "model.layers.0.mlp.down_proj.weight",
                factor(3).matmul(&factor(2)),
                10.0 / over[1],
            ),
            (
                "model.embed_tokens.weight",
                factor(5).matmul(&factor(4)).tr(),
                6.0 / over[0],
            ),
        ];
        for (name, product, scale) in wanted {
            let off = (weight(&plain, name) + product * scale - weight(&model, name))
                .abs()
                .max();
            assert!(off.double_value(&[]) < 1e-5, "{name}: {off:?}");
        }
        let rest = "model.layers.0.self_attn.q_proj.weight";
        assert_eq!(weight(&plain, rest), weight(&model, rest));
    }
}

#[test]
fn what_is_more_than_matrices_is_refused_by_name() {
    let names = [format!("{Q}.lora_A.weight"), format!("{Q}.lora_B.weight")];
    let good = [(names[0].as_str(), [4, 16]), (names[1].as_str(), [16, 4])];
    let settings = |key: &str, value: Value| {
        let mut settings = json!({"peft_type": "LORA", "r": 4, "lora_alpha": 8});
        settings[key] = value;
        settings
    };
    for (key, value) in [
        ("modules_to_save", json!(["lm_head"])),
        ("use_dora", json!(true)),
        ("bias", json!("all")),
        ("peft_type", json!("IA3")),
        ("init_lora_weights", json!("pissa_niter_4")),
    ] {
        let (_dir, base, adapter) = folder(&settings(key, value), &good);
        let Err(error) = merged(&base, &adapter) else {
            panic!("{key} was read")
        };
        assert!(matches!(error, EngineError::Unsupported { .. }), "{error}");
        let named = if key == "peft_type" { "IA3" } else { key };
        assert!(error.to_string().contains(named), "{error}");
    }
    let plain = settings("r", json!(4));
    let odd = "base_model.model.lm_head.lora_A.weight".to_owned();
    let far = names.each_ref().map(|name| name.replace("layers.1", "layers.7"));
    for (settings, factors) in [
        (&settings("r", json!(8)), vec![good[0], good[1]]),
        (&plain, vec![good[0]]),
        (&plain, vec![good[1]]),
        (&plain, vec![(names[0].as_str(), [4, 15]), good[1]]),
        (&plain, vec![(names[0].as_str(), [3, 16]), good[1]]),
        (
            &plain,
            vec![(far[0].as_str(), [4, 16]), (far[1].as_str(), [16, 4])],
        ),
        (&plain, vec![good[0], good[1], (odd.as_str(), [4, 16])]),
        (&settings("rank_pattern", json!({"(": 4})), vec![good[0], good[1]]),
        (&plain, vec![]),
    ] {
        let (_dir, base, adapter) = folder(settings, &factors);
        let error = merged(&base, &adapter).err();
        let refused = matches!(
            error,
            Some(EngineError::Corrupt { .. } | EngineError::Unsupported { .. })
        );
        assert!(refused, "{factors:?}: {error:?}");
    }
}

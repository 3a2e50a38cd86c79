//! What the trainer builds on: sequences end to end, the way back without kept activations, low-rank changes.
#![allow(clippy::unwrap_used)] // a failure of a test is a panic

use rlx_engine::{Config, DeviceChoice, Init, LanguageModel, Lora, LoraTargets, Precision, Runtime};
use tch::{Kind, Tensor};

fn runtime() -> Runtime {
    Runtime::detect(DeviceChoice::Cpu, Some(Precision::Fp32)).unwrap()
}

/// Two layers of Qwen2, the second with a window of three tokens where asked.
fn model(windows: bool) -> LanguageModel {
    let config = serde_json::json!({
        "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 48, "vocab_size": 20,
        "rms_norm_eps": 1e-6, "rope_theta": 1e4, "tie_word_embeddings": true, "max_position_embeddings": 64,
        "use_sliding_window": windows, "sliding_window": 3, "max_window_layers": 1, "eos_token_id": 1
    });
    let init = Init {
        std: 0.3,
        ..Init::default()
    };
    LanguageModel::init(
        Config::from_json(&config.to_string()).unwrap(),
        &init,
        5,
        &runtime(),
    )
    .unwrap()
}

/// Sequences of lengths 6, 6, 4, 1 and 7, end to end.
fn sequences() -> (Tensor, Vec<i64>) {
    let lengths = vec![6_i64, 6, 4, 1, 7];
    let ids: Vec<i64> = (0..lengths.iter().sum::<i64>())
        .map(|place| place * 7 % 19)
        .collect();
    (Tensor::from_slice(&ids), lengths)
}

fn largest(difference: &Tensor) -> f64 {
    difference.abs().max().double_value(&[])
}

#[test]
fn sequences_end_to_end_do_not_see_each_other() {
    for windows in [false, true] {
        let model = model(windows);
        let (ids, lengths) = sequences();
        let _no_grad = tch::no_grad_guard();
        let packed = model.hidden_packed(&ids, &lengths).unwrap();
        let mut start = 0;
        for length in lengths {
            let alone = model
                .hidden(&ids.narrow(0, start, length).unsqueeze(0), None)
                .unwrap();
            let difference = packed.narrow(0, start, length) - alone.squeeze_dim(0);
            // fp32 sums of 48 terms of size 1 in another order, through two layers.
            assert!(
                largest(&difference) < 2e-5,
                "windows {windows}: {}",
                largest(&difference)
            );
            start += length;
        }
    }
    let model = model(false);
    let (ids, _) = sequences();
    assert!(model.hidden_packed(&ids, &[6, 6]).is_err());
    assert!(model.hidden_packed(&ids, &[24, 0]).is_err());
}

#[test]
fn replayed_gradients_are_those_of_kept_activations() {
    let (ids, lengths) = sequences();
    let lora = Lora {
        rank: 2,
        alpha: 4.0,
        targets: LoraTargets::Attention,
    };
    for low_rank in [false, true] {
        let make = || match low_rank {
            false => model(true).to_trainable().unwrap(),
            true => model(true).to_trainable_lora(Precision::Fp32, &lora, 3).unwrap(),
        };
        let (kept, replayed) = (make(), make());
        let loss = |hidden: &Tensor| hidden.square().sum(Kind::Float);
        loss(&kept.hidden_packed(&ids, &lengths).unwrap()).backward();
        let (hidden, replay) = replayed.hidden_replayed(&ids, &lengths).unwrap();
        loss(&hidden).backward();
        replay.backward(&replayed).unwrap();
        let pairs = kept
            .trained_parameters()
            .into_iter()
            .zip(replayed.trained_parameters());
        for ((name, kept), (_, replayed)) in pairs {
            let scale = largest(&kept.grad()).max(1.0);
            let difference = largest(&(kept.grad() - replayed.grad())) / scale;
            assert!(difference < 1e-6, "{name}: {difference}");
        }
    }
    let (_, replay) = model(false)
        .to_trainable()
        .unwrap()
        .hidden_replayed(&ids, &lengths)
        .unwrap();
    assert!(
        replay.backward(&model(false)).is_err(),
        "there is no gradient yet"
    );
}

#[test]
fn low_rank_changes_begin_at_nothing_and_are_saved_as_peft_does() {
    let folder = tempfile::tempdir().unwrap();
    let base = model(false);
    base.save(&folder.path().join("base"), None).unwrap();
    let lora = Lora {
        rank: 3,
        alpha: 6.0,
        targets: LoraTargets::All,
    };
    let trained = base.to_trainable_lora(Precision::Fp32, &lora, 3).unwrap();
    let (ids, lengths) = sequences();
    let _no_grad = tch::no_grad_guard();
    let hidden = |m: &LanguageModel| m.hidden_packed(&ids, &lengths).unwrap();
    assert!(largest(&(hidden(&base) - hidden(&trained))) < 1e-5);
    let factors = trained.trained_parameters();
    assert_eq!(factors.len(), 2 * 7 * 2);
    assert!(factors.iter().all(|(_, factor)| factor.requires_grad()));
    assert!(
        trained
            .parameters()
            .iter()
            .all(|(_, weight)| !weight.requires_grad())
    );
    for (number, (_, factor)) in factors.iter().enumerate() {
        let values: Vec<f32> = (0..factor.numel())
            .map(|place| ((place * 37 + number * 11) % 17) as f32 / 17.0 - 0.5)
            .collect();
        factor
            .shallow_clone()
            .copy_(&Tensor::from_slice(&values).view(factor.size().as_slice()));
    }
    let dir = folder.path().join("tuned");
    trained.save(&dir, None).unwrap();
    let merged = LanguageModel::open(&dir, &runtime()).unwrap();
    let adapted = LanguageModel::open_with_adapter(
        &folder.path().join("base"),
        Some(&dir.join("adapter")),
        &runtime(),
    )
    .unwrap();
    assert!(
        largest(&(hidden(&base) - hidden(&merged))) > 0.1,
        "the changes do nothing"
    );
    // Merged or applied beside the matrix: another order of sums.
    assert!(largest(&(hidden(&trained) - hidden(&merged))) < 1e-4);
    for ((name, left), (_, right)) in merged.parameters().iter().zip(adapted.parameters()) {
        assert_eq!(left, &right, "{name}");
    }
    let settings = std::fs::read_to_string(dir.join("adapter/adapter_config.json")).unwrap();
    let settings: serde_json::Value = serde_json::from_str(&settings).unwrap();
    assert_eq!(
        (&settings["r"], &settings["lora_alpha"]),
        (&3.into(), &6.0.into())
    );
    assert!(
        base.to_trainable_lora(Precision::Fp32, &Lora { rank: 0, ..lora }, 3)
            .is_err()
    );
}

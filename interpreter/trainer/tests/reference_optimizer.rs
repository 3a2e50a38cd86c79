//! Loss, clipping and AdamW against three steps of PyTorch on the model fixtures (`train` block of each `expected.json`).
//! Tolerances are those of the fixtures' README.
#![allow(clippy::unwrap_used)] // helpers of tests, whose failure is a panic

mod support;

use std::path::{Path, PathBuf};

use rlx_engine::{LanguageModel, Pixels};
use rlx_trainer::algorithms::aggregation::Normalisers;
use rlx_trainer::algorithms::sft;
use rlx_trainer::{Optimizer, OptimizerSpec, Schedule};
use safetensors::SafeTensors;
use serde_json::Value;
use tch::{Kind, Tensor};

/// Tolerances of one set of optimizer settings: tensor norm and change (relative), probe (absolute).
const SETS: [(&str, f64, f64, f64); 2] = [("adamw", 1e-4, 3e-3, 2e-3), ("adamw_b", 5e-6, 5e-4, 5e-5)];

fn fixtures() -> Vec<PathBuf> {
    let folder = support::reference("models");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("expected.json").is_file())
        .collect();
    found.sort();
    found
}

fn stored(file: &SafeTensors<'_>, name: &str) -> Tensor {
    let view = file.tensor(name).unwrap();
    let shape: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
    Tensor::from_data_size(view.data(), &shape, Kind::Int64)
}

/// The training batch's pictures, in their order; none for a text model.
fn pictures(file: &SafeTensors<'_>, expected: &Value) -> Vec<Pixels> {
    let images = expected["images"].as_array().into_iter().flatten();
    let all: Vec<(String, [i64; 3])> = images
        .map(|image| {
            let path = PathBuf::from(image["file"].as_str().unwrap());
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (
                name,
                [0, 1, 2].map(|axis| image["grid_thw"][axis].as_i64().unwrap()),
            )
        })
        .collect();
    let wanted = expected["train"]["images"].as_array().into_iter().flatten();
    wanted
        .map(|name| {
            let (name, grid) = all.iter().find(|(n, _)| n == name.as_str().unwrap()).unwrap();
            let view = file.tensor(&format!("image.{name}.pixel_values")).unwrap();
            let values = view.data().as_chunks::<4>().0.iter();
            Pixels::new(values.map(|b| f32::from_le_bytes(*b)).collect(), *grid)
        })
        .collect()
}

fn loss(model: &LanguageModel, ids: &Tensor, mask: &Tensor, pictures: &[&Pixels], labels: &Tensor) -> Tensor {
    let hidden = model.hidden_with(ids, Some(mask), pictures).unwrap();
    sft::from_logits(&model.logits(&hidden).unwrap(), labels, &Normalisers::LOCAL).unwrap()
}

/// Norm and probe of a tensor, as the README defines them.
fn checksum(tensor: &Tensor) -> (f64, f64) {
    let flat = tensor.detach().to_kind(Kind::Double).contiguous().view([-1]);
    let values = Vec::<f64>::try_from(&flat).unwrap();
    let norm = values.iter().map(|x| x * x).sum::<f64>().sqrt();
    let weight = |index: usize| {
        let hashed = (2_654_435_761_u64 * index as u64 + 12345) % (1 << 32);
        hashed as f64 / (1_u64 << 32) as f64 - 0.5
    };
    let probe = values
        .iter()
        .enumerate()
        .map(|(index, x)| x * weight(index))
        .sum();
    (norm, probe)
}

fn hold(fixture: &Path, set: &(&str, f64, f64, f64), whole: &Value, bad: &mut Vec<String>) {
    let (name, norm_tolerance, change_tolerance, probe_tolerance) = *set;
    let expected = &whole["train"][name];
    let start = LanguageModel::open(fixture, &support::runtime()).unwrap();
    let model = start.to_trainable().unwrap();
    let bytes = std::fs::read(fixture.join("expected.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (ids, mask, labels) = (
        stored(&file, "train.input_ids"),
        stored(&file, "train.attention_mask"),
        stored(&file, "train.labels"),
    );
    let pictures = pictures(&file, whole);
    let pictures: Vec<&Pixels> = pictures.iter().collect();
    let number = |key: &str| expected[key].as_f64().unwrap();
    let spec = OptimizerSpec {
        learning_rate: number("lr"),
        betas: [0, 1].map(|place| expected["betas"][place].as_f64().unwrap()),
        epsilon: number("eps"),
        weight_decay: number("weight_decay"),
        clip_norm: expected["clip"].as_f64(),
        warmup: 0,
        schedule: Schedule::Constant,
        ..OptimizerSpec::default()
    };
    let steps = expected["steps"].as_u64().unwrap();
    let mut optimizer = Optimizer::new(model.parameters(), spec.rule).unwrap();
    let mut check = |what: String, found: f64, expected: f64, scale: f64, tolerance: f64| {
        if (found - expected).abs() > tolerance * scale {
            bad.push(format!(
                "{} {name}: {what} is {found}, expected {expected} within {tolerance:e}",
                fixture.display()
            ));
        }
    };
    let losses = &expected["losses_before_each_step_and_after_last"];
    for step in 0..=steps {
        let value = loss(&model, &ids, &mask, &pictures, &labels);
        let reference = losses[step as usize].as_f64().unwrap();
        // The first loss is the forward pass alone; later ones carry the optimizer's rounding, which Adam with
        // a small epsilon makes as large as a step in single elements (README), in proportion to the loss.
        let (scale, tolerance) = if step == 0 {
            (1.0, 2e-5)
        } else {
            (reference.max(1.0), 2e-4)
        };
        check(
            format!("loss after {step} steps"),
            value.double_value(&[]),
            reference,
            scale,
            tolerance,
        );
        if step == steps {
            break;
        }
        optimizer.zero_grad().unwrap();
        value.backward();
        let norm = optimizer.grad_norm().unwrap();
        let reference = expected["grad_norms_before_clip"][step as usize]
            .as_f64()
            .unwrap();
        check(
            format!("gradient norm of step {}", step + 1),
            norm,
            reference,
            reference,
            1e-3,
        );
        optimizer
            .step(&spec, spec.rate_at(step + 1, steps), norm)
            .unwrap();
    }
    let before = start.parameters();
    for ((tensor_name, after), (_, before)) in model.parameters().iter().zip(&before) {
        let reference = &expected["params_after3"][tensor_name];
        let value = |key: &str| {
            reference[key]
                .as_f64()
                .unwrap_or_else(|| panic!("{tensor_name}.{key}"))
        };
        let (norm, probe) = checksum(after);
        let (change, _) = checksum(&(after.detach() - before));
        check(
            format!("norm of {tensor_name}"),
            norm,
            value("l2"),
            value("l2"),
            norm_tolerance,
        );
        check(
            format!("probe of {tensor_name}"),
            probe,
            value("probe"),
            1.0,
            probe_tolerance,
        );
        let scale = value("delta_l2");
        check(
            format!("change of {tensor_name}"),
            change,
            scale,
            scale,
            change_tolerance,
        );
    }
}

#[test]
fn reference_adamw_steps_hold() {
    let mut held = 0;
    let mut bad = Vec::new();
    for fixture in fixtures() {
        let text = std::fs::read_to_string(fixture.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_str(&text).unwrap();
        if expected["train"].is_null() {
            eprintln!("skipped: {} has nothing to train", fixture.display());
            continue;
        }
        for set in &SETS {
            hold(&fixture, set, &expected, &mut bad);
        }
        held += 1;
    }
    assert!(bad.is_empty(), "{} differences:\n{}", bad.len(), bad.join("\n"));
    if held == 0 {
        eprintln!(
            "skipped: no model fixtures in {}",
            support::reference("models").display()
        );
    }
}

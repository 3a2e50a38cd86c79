//! The forward pass, decoding and gradients against transformers' numbers.
#![allow(clippy::unwrap_used)] // in helpers of tests, as in tests

mod common;

use common::{Fixture, floats, l2, probe, row, text_models, u32s};
use rlx_engine::{
    Completion, Finish, SampleRequest, SamplingParams, ScoreRequest, filtered_distribution, sample, score,
};
use tch::{Kind, Tensor};

// Tolerances of the fixtures' README: ten or more times what the reference differs from itself.
const LOGITS: f32 = 5e-4;
const HIDDEN: f32 = 3e-4;
const LOGPROBS: f32 = 2e-4;
const PROBS: f32 = 1e-4;
const LOSS: f64 = 2e-5;
const GRADIENT_NORM: f64 = 1e-4;
const GRADIENT_PROBE: f64 = 3e-4;

fn greedy(max_tokens: usize, stop_ids: Vec<u32>) -> SamplingParams {
    SamplingParams {
        temperature: 0.0,
        top_p: 1.0,
        top_k: None,
        max_tokens,
        stop_ids,
        ..SamplingParams::default()
    }
}

fn draw(fixture: &Fixture, prompts: &[Vec<u32>], params: &SamplingParams) -> Vec<Completion> {
    let requests: Vec<_> = prompts
        .iter()
        .map(|p| SampleRequest {
            prompt: p.clone(),
            streams: vec![0],
        })
        .collect();
    let rows = sample(&fixture.model(), &requests, params, &mut |_| true)
        .unwrap_or_else(|e| panic!("{}: {e}", fixture.name));
    rows.into_iter().map(|mut r| r.remove(0)).collect()
}

#[test]
fn reference_logits_and_hidden_states() {
    for fixture in text_models() {
        let _guard = tch::no_grad_guard();
        let model = fixture.model();
        for prompt in fixture.prompts() {
            let key = prompt["key"].as_str().unwrap();
            let ids = row(&u32s(&prompt["ids"]));
            let states = model.hidden_states(&ids, None, &[]).unwrap();
            let last: Vec<f32> = states.iter().flat_map(|s| floats(&s.select(1, -1))).collect();
            fixture.close(
                &format!("{key} hidden"),
                &last,
                fixture.values(&format!("{key}.hidden_last")),
                HIDDEN,
            );
            let logits = model.logits(states.last().unwrap()).unwrap();
            let ours = floats(&logits.select(1, -1));
            fixture.close(
                &format!("{key} logits"),
                &ours,
                fixture.values(&format!("{key}.last_logits")),
                LOGITS,
            );
            let whole = format!("{key}.logits");
            if fixture.has(&whole) {
                fixture.close(&whole, &floats(&logits), fixture.values(&whole), LOGITS);
            }
            for (layer, (state, want)) in states
                .iter()
                .zip(prompt["hidden"].as_array().unwrap())
                .enumerate()
            {
                let values = floats(state);
                // A checksum of n numbers, each off by at most HIDDEN.
                let allow = f64::from(HIDDEN) * (values.len() as f64).sqrt();
                let (ours, want) = (probe(&values), want["probe"].as_f64().unwrap());
                assert!(
                    (ours - want).abs() < allow,
                    "{} {key} layer {layer}: {ours}, not {want}",
                    fixture.name
                );
            }
        }
    }
}

#[test]
fn reference_logprobs() {
    for fixture in text_models() {
        let _guard = tch::no_grad_guard();
        let model = fixture.model();
        for prompt in fixture.prompts() {
            let key = prompt["key"].as_str().unwrap();
            let ids = row(&u32s(&prompt["ids"]));
            let (ours, _) = model.token_logprobs(&ids, None, 1.0, false).unwrap();
            fixture.close(
                key,
                &floats(&ours),
                fixture.values(&format!("{key}.logprobs")),
                LOGPROBS,
            );
        }
    }
}

#[test]
fn reference_continuations_are_scored() {
    for fixture in text_models() {
        let model = fixture.model();
        let pairs: Vec<ScoreRequest> = fixture
            .prompts()
            .iter()
            .filter(|p| p["continuation"].is_object())
            .map(|p| ScoreRequest {
                prompt: u32s(&p["ids"]),
                response: u32s(&p["continuation"]["ids"]),
            })
            .collect();
        let scores = score(&model, &pairs, 1.0).unwrap();
        let prompts = fixture.prompts();
        let wanted = prompts
            .iter()
            .map(|p| &p["continuation"])
            .filter(|c| c.is_object());
        for ((scores, pair), want) in scores.iter().zip(&pairs).zip(wanted) {
            assert_eq!(scores.len(), pair.response.len());
            let nll = -scores.iter().map(|&x| f64::from(x)).sum::<f64>();
            let want = want["nll_sum"].as_f64().unwrap();
            let allow = f64::from(LOGPROBS) * scores.len() as f64;
            assert!(
                (nll - want).abs() <= allow,
                "{}: nll {nll}, not {want}",
                fixture.name
            );
        }
    }
}

#[test]
fn reference_entropy_is_that_of_the_logits() {
    for fixture in text_models() {
        let _guard = tch::no_grad_guard();
        let model = fixture.model();
        let prompt = fixture.prompts()[0];
        let key = prompt["key"].as_str().unwrap();
        let mut ids = u32s(&prompt["ids"]);
        ids.push(0);
        let (_, entropy) = model.token_logprobs(&row(&ids), None, 0.8, true).unwrap();
        let logits: Vec<f64> = fixture
            .values(&format!("{key}.last_logits"))
            .iter()
            .map(|&x| f64::from(x) / 0.8)
            .collect();
        let max = logits.iter().copied().fold(f64::MIN, f64::max);
        let z: f64 = logits.iter().map(|l| (l - max).exp()).sum();
        let want: f64 = logits
            .iter()
            .map(|l| (l - max).exp() / z)
            .map(|p| if p > 0.0 { -p * p.ln() } else { 0.0 })
            .sum();
        let ours = f64::from(*floats(&entropy.unwrap()).last().unwrap());
        assert!(
            (ours - want).abs() < 1e-3,
            "{}: entropy {ours}, not {want}",
            fixture.name
        );
    }
}

#[test]
fn reference_greedy_decoding() {
    for fixture in text_models() {
        let prompts: Vec<Vec<u32>> = fixture.prompts().iter().map(|p| u32s(&p["ids"])).collect();
        // Alone, and all in one batch of unequal lengths.
        let together = draw(&fixture, &prompts, &greedy(32, Vec::new()));
        for ((prompt, ids), batched) in fixture.prompts().iter().zip(&prompts).zip(&together) {
            let want = u32s(&prompt["greedy_ids"]);
            assert_eq!(batched.tokens, want, "{} {} batched", fixture.name, prompt["key"]);
            assert_eq!(batched.finish, Finish::Length);
            let alone = draw(
                &fixture,
                std::slice::from_ref(ids),
                &greedy(want.len(), Vec::new()),
            );
            assert_eq!(alone[0].tokens, want, "{} {} alone", fixture.name, prompt["key"]);
            let text = fixture.tokenizer().decode(&want, false).unwrap();
            assert_eq!(text, prompt["greedy_text"].as_str().unwrap(), "{}", fixture.name);
        }
    }
}

#[test]
fn reference_stop_tokens_end_a_row() {
    for fixture in text_models() {
        for prompt in fixture.prompts() {
            let Some(stop) = prompt["stop_test"]["stop_id"].as_u64() else {
                continue;
            };
            let want = u32s(&prompt["stop_test"]["ids"]);
            let ours = draw(&fixture, &[u32s(&prompt["ids"])], &greedy(32, vec![stop as u32]));
            assert_eq!(ours[0].tokens, want, "{} {}", fixture.name, prompt["key"]);
            assert_eq!(ours[0].finish, Finish::Stop);
        }
    }
}

/// Rows that end early must leave the others as they are.
#[test]
fn reference_rows_end_at_different_steps() {
    for fixture in text_models() {
        let all = fixture.prompts();
        let prompts: Vec<Vec<u32>> = all.iter().map(|p| u32s(&p["ids"])).collect();
        let stops: Vec<u32> = all
            .iter()
            .filter_map(|p| p["stop_test"]["stop_id"].as_u64())
            .map(|s| s as u32)
            .collect();
        let ours = draw(&fixture, &prompts, &greedy(32, stops.clone()));
        for (prompt, row) in all.iter().zip(ours) {
            let greedy = u32s(&prompt["greedy_ids"]);
            let end = greedy
                .iter()
                .position(|t| stops.contains(t))
                .map_or(greedy.len(), |i| i + 1);
            assert_eq!(row.tokens, greedy[..end], "{} {}", fixture.name, prompt["key"]);
        }
    }
}

#[test]
fn reference_filtered_distributions() {
    for fixture in text_models() {
        for prompt in fixture.prompts() {
            let key = prompt["key"].as_str().unwrap();
            let logits = fixture.values(&format!("{key}.last_logits"));
            for (name, setting) in prompt["sampling"].as_object().unwrap() {
                let params = SamplingParams {
                    temperature: setting["temperature"].as_f64().unwrap(),
                    top_p: setting["top_p"].as_f64().unwrap(),
                    top_k: setting["top_k"].as_u64(),
                    max_tokens: 1,
                    stop_ids: Vec::new(),
                    ..SamplingParams::default()
                };
                let ours = filtered_distribution(logits, &params).unwrap();
                fixture.close(name, &ours, fixture.values(&format!("{key}.probs.{name}")), PROBS);
                let kept = ours.iter().filter(|&&p| p > 0.0).count() as u64;
                assert_eq!(
                    kept,
                    setting["kept"].as_u64().unwrap(),
                    "{} {key} {name}",
                    fixture.name
                );
            }
        }
    }
}

/// Frequencies of drawn first tokens follow the stored distribution.
#[test]
fn reference_samples_follow_the_distribution() {
    for fixture in text_models() {
        let model = fixture.model();
        let prompt = fixture.prompts()[0];
        let key = prompt["key"].as_str().unwrap();
        for (name, setting) in prompt["sampling"].as_object().unwrap() {
            let params = SamplingParams {
                temperature: setting["temperature"].as_f64().unwrap(),
                top_p: setting["top_p"].as_f64().unwrap(),
                top_k: setting["top_k"].as_u64(),
                max_tokens: 1,
                stop_ids: Vec::new(),
                ..SamplingParams::default()
            };
            let n = 4000u64;
            let request = SampleRequest {
                prompt: u32s(&prompt["ids"]),
                streams: (0..n).collect(),
            };
            let rows = sample(&model, &[request], &params, &mut |_| true).unwrap();
            let want = fixture.values(&format!("{key}.probs.{name}"));
            let mut counts = vec![0u64; want.len()];
            for row in &rows[0] {
                counts[row.tokens[0] as usize] += 1;
            }
            for (token, (&count, &p)) in counts.iter().zip(want).enumerate() {
                let (mean, p) = (n as f64 * f64::from(p), f64::from(p));
                // Six standard deviations: some thousand tokens are compared.
                let slack = 6.0 * (mean * (1.0 - p)).sqrt() + if p > 0.0 { 2.0 } else { 0.0 };
                let off = (count as f64 - mean).abs();
                assert!(
                    off <= slack,
                    "{} {name} token {token}: {count} draws, mean {mean}",
                    fixture.name
                );
            }
        }
    }
}

#[test]
fn reference_left_padded_batch() {
    for fixture in text_models() {
        let _guard = tch::no_grad_guard();
        let model = fixture.model();
        let (ids, mask) = (
            fixture.ids("batch.input_ids"),
            fixture.ids("batch.attention_mask"),
        );
        let hidden = model.hidden(&ids, Some(&mask)).unwrap();
        let logits = model.logits(&hidden.select(1, -1)).unwrap();
        fixture.close(
            "batch logits",
            &floats(&logits),
            fixture.values("batch.last_logits"),
            LOGITS,
        );
        let (logprobs, _) = model.token_logprobs(&ids, Some(&mask), 1.0, false).unwrap();
        fixture.close(
            "batch logprobs",
            &floats(&logprobs),
            fixture.values("batch.logprobs"),
            LOGPROBS,
        );
        let greedy_ids = fixture.expected["batch"]["greedy_ids"].as_array().unwrap();
        let keys = fixture.expected["batch"]["prompts"].as_array().unwrap();
        let all = fixture.prompts();
        let prompts: Vec<Vec<u32>> = keys
            .iter()
            .map(|key| u32s(&all.iter().find(|p| p["key"] == *key).unwrap()["ids"]))
            .collect();
        let ours = draw(
            &fixture,
            &prompts,
            &greedy(u32s(&greedy_ids[0]).len(), Vec::new()),
        );
        for (row, want) in ours.iter().zip(greedy_ids) {
            assert_eq!(row.tokens, u32s(want), "{}", fixture.name);
        }
    }
}

#[test]
fn reference_training_loss_and_gradients() {
    for fixture in text_models() {
        let model = fixture.model().to_trainable().unwrap();
        let (ids, mask) = (
            fixture.ids("train.input_ids"),
            fixture.ids("train.attention_mask"),
        );
        let labels = fixture.ids("train.labels");
        let (logprobs, _) = model.token_logprobs(&ids, Some(&mask), 1.0, false).unwrap();
        let width = labels.size()[1] - 1;
        let kept = labels.narrow(1, 1, width).ne(-100).to_kind(Kind::Float);
        let loss: Tensor = -(logprobs * &kept).sum(Kind::Float) / kept.sum(Kind::Float);
        let train = &fixture.expected["train"];
        let want = train["loss"].as_f64().unwrap();
        assert!(
            (loss.double_value(&[]) - want).abs() <= LOSS,
            "{}: loss {loss:?}, not {want}",
            fixture.name
        );
        loss.backward();
        let grads = train["grads"].as_object().unwrap();
        let parameters = model.parameters();
        assert_eq!(parameters.len(), grads.len(), "{}", fixture.name);
        for (name, parameter) in parameters {
            let want = &grads[&name];
            let gradient = floats(&parameter.grad());
            let (norm, norm_want) = (l2(&gradient), want["l2"].as_f64().unwrap());
            assert!(
                (norm - norm_want).abs() <= GRADIENT_NORM * norm_want,
                "{} {name}: gradient norm {norm}, not {norm_want}",
                fixture.name
            );
            let (ours, want) = (probe(&gradient), want["probe"].as_f64().unwrap());
            assert!(
                (ours - want).abs() <= GRADIENT_PROBE,
                "{} {name}: probe {ours}, not {want}",
                fixture.name
            );
        }
    }
}

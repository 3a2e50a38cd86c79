//! Pictures: preprocessing, the vision tower, positions and everything after them, against transformers.
#![allow(clippy::unwrap_used)] // in helpers of tests, as in tests

mod common;

use common::{Fixture, floats, i64s, l2, probe, row, u32s, vision_models};
use rlx_engine::{
    Album, Completion, ImageProcessor, PictureRequest, Pixels, Positions, SampleOptions, SampleRequest,
    SamplingParams, ScoreRequest, filtered_distribution, sample_with_pictures,
};
use serde_json::{Value, json};
use std::path::Path;
use tch::{Kind, Tensor};

// Tolerances of the fixtures' README.
const LOGITS: f32 = 5e-4;
const HIDDEN: f32 = 3e-4;
const LOGPROBS: f32 = 2e-4;
const PROBS: f32 = 1e-4;
const TOWER: f32 = 2e-5;
const ONE_LEVEL: f32 = 0.0151;
const LOSS: f64 = 2e-5;
const GRADIENT_NORM: f64 = 1e-4;
const GRADIENT_PROBE: f64 = 3e-4;

fn files(fixture: &Fixture) -> Vec<&Value> {
    fixture.expected["images"].as_array().unwrap().iter().collect()
}

fn name(image: &Value) -> String {
    let file = Path::new(image["file"].as_str().unwrap());
    file.file_name().unwrap().to_string_lossy().into_owned()
}

fn refs(pictures: &[Pixels]) -> Vec<&Pixels> {
    pictures.iter().collect()
}

fn greedy(fixture: &Fixture, prompt: Vec<u32>, pictures: &[Pixels], max_tokens: usize) -> Completion {
    let params = SamplingParams {
        temperature: 0.0,
        top_p: 1.0,
        top_k: None,
        max_tokens,
        stop_ids: Vec::new(),
        ..SamplingParams::default()
    };
    let request = PictureRequest {
        prompt,
        pictures: refs(pictures),
        streams: vec![0],
    };
    let mut rows = sample_with_pictures(&fixture.model(), &[request], &params, &mut |_| true)
        .unwrap_or_else(|e| panic!("{}: {e}", fixture.name));
    rows.remove(0).remove(0)
}

#[test]
fn reference_pictures_become_pixels() {
    for fixture in vision_models() {
        let processor = ImageProcessor::open(&fixture.dir).unwrap();
        for image in files(&fixture) {
            let ours = processor
                .read(&fixture.dir.join(image["file"].as_str().unwrap()))
                .unwrap();
            assert_eq!(ours.grid().to_vec(), i64s(&image["grid_thw"]), "{}", fixture.name);
            let name = name(image);
            let want = fixture.values(&format!("image.{name}.pixel_values"));
            fixture.close(&name, ours.values(), want, ONE_LEVEL);
            // The resized bytes are Pillow's own; only what decoders of lossy formats do may differ.
            let rgb = fixture.bytes(&format!("image.{name}.rgb"));
            let (w, h) = (
                image["size_wh"][0].as_u64().unwrap() as usize,
                image["size_wh"][1].as_u64().unwrap() as usize,
            );
            let from_rgb = processor.process(rgb, w, h).unwrap();
            fixture.close(&name, from_rgb.values(), want, 1e-6);
        }
    }
}

#[test]
fn reference_sizes() {
    for fixture in vision_models() {
        for case in fixture.expected["smart_resize"].as_array().unwrap() {
            let settings = json!({
                "min_pixels": case["min_pixels"], "max_pixels": case["max_pixels"],
                "patch_size": fixture.expected["preprocessing"]["patch_size"],
                "merge_size": fixture.expected["preprocessing"]["merge_size"],
            });
            let processor = ImageProcessor::from_json(&settings.to_string(), Path::new("test")).unwrap();
            let side = |key: &str| case[key].as_u64().unwrap() as usize;
            assert_eq!(
                processor.smart_resize(side("height"), side("width")).unwrap(),
                (side("resized_height"), side("resized_width")),
                "{}: {case}",
                fixture.name
            );
        }
    }
}

#[test]
fn reference_vision_tower() {
    for fixture in vision_models() {
        let _guard = tch::no_grad_guard();
        let model = fixture.model();
        for image in files(&fixture) {
            let name = name(image);
            let pixels = &fixture.pictures(&json!([name]))[0];
            let ours = floats(&model.picture_vectors(pixels).unwrap());
            fixture.close(
                &name,
                &ours,
                fixture.values(&format!("image.{name}.merged")),
                TOWER,
            );
            let states = model.picture_states(pixels).unwrap();
            let wanted = fixture.expected["vision"][&name]["block_outputs_in_window_order"]
                .as_array()
                .unwrap();
            assert_eq!(states.len(), wanted.len(), "{}", fixture.name);
            for (block, (state, want)) in states.iter().zip(wanted).enumerate() {
                let values = floats(state);
                // A checksum of n numbers, each off by at most HIDDEN.
                let allow = f64::from(HIDDEN) * (values.len() as f64).sqrt();
                let (ours, want) = (probe(&values), want["probe"].as_f64().unwrap());
                assert!(
                    (ours - want).abs() < allow,
                    "{} {name} block {block}: {ours}, not {want}",
                    fixture.name
                );
            }
        }
    }
}

#[test]
fn reference_prompts_with_pictures_are_encoded() {
    for fixture in vision_models() {
        let (tokenizer, model) = (fixture.tokenizer(), fixture.model());
        let vision = model.config.vision.as_ref().unwrap();
        for prompt in fixture.prompts() {
            let pictures = fixture.pictures(&prompt["images"]);
            let text = prompt["chat_text_before_expansion"].as_str().unwrap();
            let rendered = tokenizer
                .render_messages(&prompt["messages"], true, &serde_json::Map::new())
                .unwrap();
            assert_eq!(rendered, text, "{}", fixture.name);
            let ids = tokenizer.encode(text, false).unwrap();
            let ids = ImageProcessor::expand(&ids, &refs(&pictures), vision).unwrap();
            assert_eq!(ids, u32s(&prompt["ids"]), "{}", fixture.name);
        }
    }
}

#[test]
fn reference_positions() {
    for fixture in vision_models() {
        let config = fixture.model().config;
        let vision = config.vision.as_ref().unwrap();
        for prompt in fixture.prompts() {
            let pictures = fixture.pictures(&prompt["images"]);
            let key = prompt["key"].as_str().unwrap();
            let ours = Positions::of(&i64s(&prompt["ids"]), &refs(&pictures), vision).unwrap();
            let want = Vec::<i64>::try_from(&fixture.ids(&format!("{key}.position_ids")).view([-1])).unwrap();
            assert_eq!(ours.axes.concat(), want, "{} {key}", fixture.name);
            assert_eq!(
                ours.delta,
                prompt["rope_delta"].as_i64().unwrap(),
                "{} {key}",
                fixture.name
            );
        }
    }
}

#[test]
fn reference_vision_logits_and_hidden_states() {
    for fixture in vision_models() {
        let _guard = tch::no_grad_guard();
        let model = fixture.model();
        for prompt in fixture.prompts() {
            let key = prompt["key"].as_str().unwrap();
            let ids = row(&u32s(&prompt["ids"]));
            let pictures = fixture.pictures(&prompt["images"]);
            let states = model.hidden_states(&ids, None, &refs(&pictures)).unwrap();
            let embeds = format!("{key}.inputs_embeds");
            if fixture.has(&embeds) {
                fixture.close(&embeds, &floats(&states[0]), fixture.values(&embeds), HIDDEN);
            }
            let last: Vec<f32> = states.iter().flat_map(|s| floats(&s.select(1, -1))).collect();
            let want = fixture.values(&format!("{key}.hidden_last"));
            fixture.close(&format!("{key} hidden"), &last, want, HIDDEN);
            let logits = model.logits(states.last().unwrap()).unwrap();
            let want = fixture.values(&format!("{key}.last_logits"));
            fixture.close(key, &floats(&logits.select(1, -1)), want, LOGITS);
            let whole = format!("{key}.logits");
            if fixture.has(&whole) {
                fixture.close(&whole, &floats(&logits), fixture.values(&whole), LOGITS);
            }
            let (ours, _) = model
                .token_logprobs_with(&ids, None, &refs(&pictures), 1.0, false)
                .unwrap();
            let want = fixture.values(&format!("{key}.logprobs"));
            fixture.close(key, &floats(&ours), want, LOGPROBS);
        }
    }
}

#[test]
fn reference_vision_continuations_are_scored() {
    for fixture in vision_models() {
        let _guard = tch::no_grad_guard();
        let model = fixture.model();
        for prompt in fixture.prompts().iter().filter(|p| p["continuation"].is_object()) {
            let (mut ids, response) = (u32s(&prompt["ids"]), u32s(&prompt["continuation"]["ids"]));
            let start = ids.len() - 1;
            ids.extend(&response);
            let pictures = fixture.pictures(&prompt["images"]);
            let (ours, _) = model
                .token_logprobs_with(&row(&ids), None, &refs(&pictures), 1.0, false)
                .unwrap();
            let nll = -floats(&ours)[start..].iter().map(|&x| f64::from(x)).sum::<f64>();
            let want = prompt["continuation"]["nll_sum"].as_f64().unwrap();
            let allow = f64::from(LOGPROBS) * response.len() as f64;
            assert!(
                (nll - want).abs() <= allow,
                "{}: nll {nll}, not {want}",
                fixture.name
            );
        }
    }
}

#[test]
fn reference_vision_greedy_decoding() {
    for fixture in vision_models() {
        for prompt in fixture.prompts() {
            let pictures = fixture.pictures(&prompt["images"]);
            let want = u32s(&prompt["greedy_ids"]);
            let ours = greedy(&fixture, u32s(&prompt["ids"]), &pictures, want.len());
            assert_eq!(ours.tokens, want, "{} {}", fixture.name, prompt["key"]);
            let text = fixture.tokenizer().decode(&want, false).unwrap();
            assert_eq!(text, prompt["greedy_text"].as_str().unwrap(), "{}", fixture.name);
        }
    }
}

#[test]
fn reference_vision_filtered_distributions() {
    for fixture in vision_models() {
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
            }
        }
    }
}

/// Rows drawn together and alone take the same tokens from the same streams.
#[test]
fn reference_vision_rows_share_their_prompt() {
    for fixture in vision_models() {
        let model = fixture.model();
        let prompts = fixture.prompts();
        let pictures: Vec<Vec<Pixels>> = prompts.iter().map(|p| fixture.pictures(&p["images"])).collect();
        let params = SamplingParams {
            temperature: 0.8,
            top_p: 0.95,
            top_k: None,
            max_tokens: 12,
            stop_ids: u32s(&fixture.expected["eos"]),
            ..SamplingParams::default()
        };
        let requests: Vec<PictureRequest<'_>> = prompts
            .iter()
            .zip(&pictures)
            .map(|(prompt, pictures)| PictureRequest {
                prompt: u32s(&prompt["ids"]),
                pictures: refs(pictures),
                streams: (0..5).collect(),
            })
            .collect();
        let together = sample_with_pictures(&model, &requests, &params, &mut |_| true).unwrap();
        for (request, rows) in requests.iter().zip(&together) {
            for (stream, row) in rows.iter().enumerate() {
                let one = PictureRequest {
                    streams: vec![stream as u64],
                    ..request.clone()
                };
                let alone = sample_with_pictures(&model, &[one], &params, &mut |_| true).unwrap();
                assert_eq!(alone[0][0].tokens, row.tokens, "{}", fixture.name);
            }
        }
    }
}

#[test]
fn reference_vision_left_padded_batch() {
    for fixture in vision_models() {
        let _guard = tch::no_grad_guard();
        let model = fixture.model();
        let (ids, mask) = (
            fixture.ids("batch.input_ids"),
            fixture.ids("batch.attention_mask"),
        );
        let pictures = fixture.pictures(&fixture.expected["batch"]["images"]);
        let hidden = model.hidden_with(&ids, Some(&mask), &refs(&pictures)).unwrap();
        let logits = model.logits(&hidden.select(1, -1)).unwrap();
        fixture.close(
            "batch",
            &floats(&logits),
            fixture.values("batch.last_logits"),
            LOGITS,
        );
        let (logprobs, _) = model
            .token_logprobs_with(&ids, Some(&mask), &refs(&pictures), 1.0, false)
            .unwrap();
        fixture.close(
            "batch",
            &floats(&logprobs),
            fixture.values("batch.logprobs"),
            LOGPROBS,
        );
        let greedy_ids = fixture.expected["batch"]["greedy_ids"].as_array().unwrap();
        let keys = fixture.expected["batch"]["prompts"].as_array().unwrap();
        for (key, want) in keys.iter().zip(greedy_ids) {
            let all = fixture.prompts();
            let prompt = all.iter().find(|p| p["key"] == *key).unwrap();
            let want = u32s(want);
            let pictures = fixture.pictures(&prompt["images"]);
            let ours = greedy(&fixture, u32s(&prompt["ids"]), &pictures, want.len());
            assert_eq!(ours.tokens, want, "{} {key}", fixture.name);
        }
    }
}

#[test]
fn reference_vision_training_loss_and_gradients() {
    for fixture in vision_models() {
        let model = fixture.model().to_trainable().unwrap();
        let (ids, mask) = (
            fixture.ids("train.input_ids"),
            fixture.ids("train.attention_mask"),
        );
        let labels = fixture.ids("train.labels");
        let train = &fixture.expected["train"];
        let images = match train["images"].is_array() {
            true => &train["images"],
            false => &fixture.expected["batch"]["images"],
        };
        let pictures = fixture.pictures(images);
        let (logprobs, _) = model
            .token_logprobs_with(&ids, Some(&mask), &refs(&pictures), 1.0, false)
            .unwrap();
        let width = labels.size()[1] - 1;
        let kept = labels.narrow(1, 1, width).ne(-100).to_kind(Kind::Float);
        let loss: Tensor = -(logprobs * &kept).sum(Kind::Float) / kept.sum(Kind::Float);
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
            let gradient = floats(&parameter.grad());
            let (norm, want) = (l2(&gradient), grads[&name]["l2"].as_f64().unwrap());
            assert!(
                (norm - want).abs() <= GRADIENT_NORM * want,
                "{} {name}: gradient norm {norm}, not {want}",
                fixture.name
            );
            let (ours, want) = (probe(&gradient), grads[&name]["probe"].as_f64().unwrap());
            assert!(
                (ours - want).abs() <= GRADIENT_PROBE,
                "{} {name}: probe {ours}, not {want}",
                fixture.name
            );
        }
    }
}

/// What is written opens again with the same numbers.
#[test]
fn reference_vision_models_are_saved_whole() {
    for fixture in vision_models() {
        let _guard = tch::no_grad_guard();
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("saved");
        let model = fixture.model();
        model.save(&place, Some(&fixture.tokenizer())).unwrap();
        let again = rlx_engine::LanguageModel::open(&place, &common::cpu()).unwrap();
        assert_eq!(again.config, model.config, "{}", fixture.name);
        assert_eq!(
            ImageProcessor::open(&place).unwrap(),
            ImageProcessor::open(&fixture.dir).unwrap()
        );
        let prompt = fixture.prompts()[0];
        let pictures = fixture.pictures(&prompt["images"]);
        let ids = row(&u32s(&prompt["ids"]));
        let hidden =
            |m: &rlx_engine::LanguageModel| floats(&m.hidden_with(&ids, None, &refs(&pictures)).unwrap());
        assert_eq!(hidden(&again), hidden(&model), "{}", fixture.name);
    }
}

/// The packed network draws what tensor operations draw, whatever stands beside a row; and scores it to the same bits.
#[test]
fn reference_vision_rows_are_drawn_and_scored_by_the_packed_network() {
    for fixture in vision_models() {
        let prompts = fixture.prompts();
        let files: Vec<String> = files(&fixture).iter().map(|image| name(image)).collect();
        let of: Vec<Vec<usize>> = prompts
            .iter()
            .map(|prompt| {
                let names = prompt["images"].as_array().unwrap();
                let number = |name: &Value| files.iter().position(|file| name == file.as_str()).unwrap();
                names.iter().map(number).collect()
            })
            .collect();
        let mut read = |number: usize| Ok(fixture.pictures(&json!([files[number]])).remove(0));
        let stop_ids = u32s(&fixture.expected["eos"]);
        // Greedy, against the reference.
        let longest = prompts
            .iter()
            .map(|p| p["greedy_ids"].as_array().unwrap().len())
            .max()
            .unwrap();
        let greedy = SamplingParams {
            temperature: 0.0,
            max_tokens: longest,
            ..SamplingParams::default()
        };
        let requests = |streams: usize| -> Vec<SampleRequest> {
            let request = |prompt: &&Value| SampleRequest {
                prompt: u32s(&prompt["ids"]),
                streams: (0..streams as u64).collect(),
            };
            prompts.iter().map(request).collect()
        };
        let mut sampler = fixture.model().into_sampler().unwrap();
        let mut draw = |requests: &[SampleRequest], of: &[Vec<usize>], params: &SamplingParams| {
            let mut rows = vec![Vec::new(); requests.len()];
            let mut album = Album { of, read: &mut read };
            let mut take = |request: usize, sample: usize, row: Completion| rows[request].push((sample, row));
            let options = SampleOptions::default();
            sampler
                .sample_with_pictures_each(requests, &mut album, params, &options, &mut take, &mut |_| true)
                .unwrap_or_else(|e| panic!("{}: {e}", fixture.name));
            rows.iter_mut()
                .for_each(|rows| rows.sort_by_key(|(sample, _)| *sample));
            rows.into_iter()
                .map(|rows| rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        for (rows, prompt) in draw(&requests(1), &of, &greedy).iter().zip(&prompts) {
            let want = u32s(&prompt["greedy_ids"]);
            assert_eq!(
                rows[0].tokens[..want.len()],
                want,
                "{} {}",
                fixture.name,
                prompt["key"]
            );
        }
        // Drawn, against tensor operations, and alone against in company.
        let params = SamplingParams {
            temperature: 0.8,
            top_p: 0.95,
            repetition_penalty: 1.1,
            max_tokens: 12,
            stop_ids,
            ..SamplingParams::default()
        };
        let together = draw(&requests(5), &of, &params);
        let pictures: Vec<Vec<Pixels>> = prompts.iter().map(|p| fixture.pictures(&p["images"])).collect();
        let plain: Vec<PictureRequest<'_>> = requests(5)
            .into_iter()
            .zip(&pictures)
            .map(|(r, pictures)| PictureRequest {
                prompt: r.prompt,
                pictures: refs(pictures),
                streams: r.streams,
            })
            .collect();
        let plain = sample_with_pictures(&fixture.model(), &plain, &params, &mut |_| true).unwrap();
        for (number, (rows, plain)) in together.iter().zip(&plain).enumerate() {
            for (row, plain) in rows.iter().zip(plain) {
                assert_eq!(row.tokens, plain.tokens, "{}", fixture.name);
                fixture.close("drawn", &row.logprobs, &plain.logprobs, LOGPROBS);
            }
            let alone = draw(&requests(5)[number..=number], &of[number..=number], &params);
            assert_eq!(&alone[0], rows, "{}: a row knows no company", fixture.name);
        }
        // Scored, at the temperature of the reference's continuations.
        let pairs: Vec<ScoreRequest> = prompts
            .iter()
            .map(|prompt| ScoreRequest {
                prompt: u32s(&prompt["ids"]),
                response: u32s(&prompt["greedy_ids"]),
            })
            .collect();
        let mut album = Album {
            of: &of,
            read: &mut read,
        };
        let scores = sampler
            .score_with_pictures_each(&pairs, &mut album, 1.0, true, None)
            .unwrap();
        let model = fixture.model();
        for ((pair, score), pictures) in pairs.iter().zip(&scores).zip(&pictures) {
            let all: Vec<u32> = pair.prompt.iter().chain(&pair.response).copied().collect();
            let _guard = tch::no_grad_guard();
            let (logprobs, entropies) = model
                .token_logprobs_with(&row(&all), None, &refs(pictures), 1.0, true)
                .unwrap();
            let from = pair.prompt.len() - 1;
            fixture.close("scored", &score.logprobs, &floats(&logprobs)[from..], LOGPROBS);
            fixture.close(
                "entropy",
                &score.entropies,
                &floats(&entropies.unwrap())[from..],
                LOGPROBS,
            );
        }
        // Text alone goes on as before, and a model that was shown pictures forgets them.
        let text = SampleRequest {
            prompt: vec![1, 2, 3],
            streams: vec![7],
        };
        let mut rows = Vec::new();
        sampler
            .sample_each(
                std::slice::from_ref(&text),
                &params,
                &SampleOptions::default(),
                &mut |_, _, row| rows.push(row),
                &mut |_| true,
            )
            .unwrap();
        assert_eq!(
            rows,
            rlx_engine::sample(&model, &[text], &params, &mut |_| true).unwrap()[0]
        );
    }
}

/// The head of a picture's file says how many tokens it takes.
#[test]
fn reference_vision_tokens_are_counted_without_reading_the_picture() {
    for fixture in vision_models() {
        let processor = ImageProcessor::open(&fixture.dir).unwrap();
        let model = fixture.model();
        let vision = model.config.vision.as_ref().unwrap();
        for image in files(&fixture) {
            let path = fixture.dir.join(image["file"].as_str().unwrap());
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(
                processor.count(&bytes, &path, vision).unwrap(),
                processor.read(&path).unwrap().tokens(vision).unwrap()
            );
            let error = processor
                .count(&bytes[..20], &path, vision)
                .unwrap_err()
                .to_string();
            assert!(error.contains("picture"), "{error}");
        }
    }
}

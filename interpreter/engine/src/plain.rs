//! Decoding by whole-tensor operations, one request at a time: on accelerators for prompts with pictures and for models
//! with sliding windows, which the fast decoders there do not know; anywhere to compare with. All rows of a request share their prompt, so nothing
//! is padded.

use tch::{Device, Kind, Tensor};

use crate::forward::{Keep, KeysValues, Mask, Pass};
use crate::layers::rms_norm;
use crate::sample::{Order, check_prompt};
use crate::sampling::{Draw, Past, Scratch, draw};
use crate::stop::StopStrings;
use crate::vision::{Album, Pixels, Positions};
use crate::{Completion, EngineError, Finish, LanguageModel, Progress, SamplingParams, uniform};

/// Steps between two calls of `progress`.
const STEPS_PER_REPORT: usize = 20;

/// A prompt with pictures, and the random streams of the rows to be drawn for it.
#[derive(Debug, Clone)]
pub struct PictureRequest<'a> {
    /// Token ids with every picture's tokens written out ([`crate::ImageProcessor::expand`]).
    pub prompt: Vec<u32>,
    /// The pictures in their order.
    pub pictures: Vec<&'a Pixels>,
    /// One row is drawn for each; token t of a row takes number t of its stream and no other.
    pub streams: Vec<u64>,
}

/// Draws responses to prompts with pictures; otherwise as [`crate::sample`].
pub fn sample_with_pictures(
    model: &LanguageModel,
    requests: &[PictureRequest<'_>],
    params: &SamplingParams,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<Vec<Vec<Completion>>, EngineError> {
    params.check()?;
    for (request, r) in requests.iter().enumerate() {
        check_prompt(&model.config, request, &r.prompt, params)?;
    }
    let mut run = Run::new(
        model,
        params,
        requests.iter().map(|r| r.streams.len()).sum(),
        progress,
    );
    let drawn = requests
        .iter()
        .enumerate()
        .map(|(number, r)| run.request(number, &r.prompt, &r.pictures, &r.streams))
        .collect();
    run.end(drawn)
}

/// [`crate::sample_each`] for what the fast decoders of accelerators do not know: pictures and sliding windows. A prompt's
/// rows are drawn in batches that the budget for keys and values holds. Requests are checked already.
pub(crate) fn sample_album(
    model: &LanguageModel,
    order: &Order<'_>,
    album: &mut Album<'_>,
    row: &mut dyn FnMut(usize, usize, Completion),
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Result<(), EngineError> {
    let Order {
        requests,
        params,
        options,
    } = *order;
    let rows = requests.iter().map(|r| r.streams.len()).sum();
    let mut run = Run::new(model, params, rows, progress);
    run.stop = options.stop;
    for (number, request) in requests.iter().enumerate() {
        let pixels = album.pixels(number)?;
        let pictures: Vec<&Pixels> = pixels.iter().collect();
        let most = options.rows.unwrap_or_else(|| {
            let longest = request.prompt.len() + params.max_tokens;
            crate::decode::fitting(model, longest, options.cache_bytes)
        });
        for (part, streams) in request.streams.chunks(most.max(1)).enumerate() {
            let drawn = run.request(number, &request.prompt, &pictures, streams)?;
            for (place, completion) in drawn.into_iter().enumerate() {
                row(number, part * most.max(1) + place, completion);
            }
            run.report()?;
        }
    }
    Ok(())
}

/// One call's state.
struct Run<'a> {
    model: &'a LanguageModel,
    params: &'a SamplingParams,
    progress: &'a mut dyn FnMut(Progress) -> bool,
    stop: Option<&'a StopStrings<'a>>,
    seen: Progress,
    scratch: Scratch,
}

impl<'a> Run<'a> {
    fn new(
        model: &'a LanguageModel,
        params: &'a SamplingParams,
        rows: usize,
        progress: &'a mut dyn FnMut(Progress) -> bool,
    ) -> Self {
        let seen = Progress {
            tokens: 0,
            finished: 0,
            rows,
        };
        Self {
            model,
            params,
            progress,
            stop: None,
            seen,
            scratch: Scratch::default(),
        }
    }

    fn report(&mut self) -> Result<(), EngineError> {
        if (self.progress)(self.seen) {
            Ok(())
        } else {
            Err(EngineError::Cancelled)
        }
    }

    fn end<T>(mut self, drawn: Result<T, EngineError>) -> Result<T, EngineError> {
        let drawn = drawn?;
        self.report()?;
        Ok(drawn)
    }

    fn request(
        &mut self,
        number: usize,
        prompt: &[u32],
        pictures: &[&Pixels],
        streams: &[u64],
    ) -> Result<Vec<Completion>, EngineError> {
        let _no_grad = tch::no_grad_guard();
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let (device, kind) = (self.model.device(), self.model.kind());
        let config = &self.model.config;
        let ids: Vec<i64> = prompt.iter().map(|&id| i64::from(id)).collect();
        let delta = match (&config.vision, pictures) {
            (Some(vision), [_, ..]) => Positions::of(&ids, pictures, vision)?.delta,
            _ => 0,
        };
        let length = ids.len() as i64;
        let capacity = length + self.params.max_tokens as i64;
        let ids = Tensor::f_from_slice(&ids)?.f_unsqueeze(0)?;
        let mut read = Vec::new();
        let hidden = self.model.run(&ids, None, pictures, None, Some(&mut read))?;
        let rows = streams.len() as i64;
        let mut cache = Vec::with_capacity(read.len());
        for layer in read {
            let grown = |t: &Tensor| -> Result<Tensor, EngineError> {
                let all =
                    Tensor::f_zeros([rows, config.kv_heads, capacity, config.head_dim], (kind, device))?;
                all.f_narrow(2, 0, length)?.f_copy_(t)?;
                Ok(all)
            };
            cache.push(KeysValues {
                k: grown(&layer.k)?,
                v: grown(&layer.v)?,
            });
        }
        let (cos, sin) = config.rope.tables(capacity, config.head_dim, device)?;
        let tables = (cos.f_to_kind(kind)?, sin.f_to_kind(kind)?);
        let last = self.model.logits(&hidden.f_select(1, length - 1)?)?;
        let mut logits = last.f_expand([rows, config.vocab], false)?;
        let mut out: Vec<Completion> = streams
            .iter()
            .map(|_| Completion {
                tokens: Vec::new(),
                logprobs: Vec::new(),
                finish: Finish::Length,
            })
            .collect();
        let mut active: Vec<usize> = (0..streams.len()).collect();
        for step in 0..self.params.max_tokens {
            let (mut kept, mut tokens) = (Vec::new(), Vec::new());
            let draws = self.draw(&logits, &active, streams, (prompt, &out), step)?;
            for (slot, (&row, draw)) in active.iter().zip(draws).enumerate() {
                let (Some(draw), Some(completion)) = (draw, out.get_mut(row)) else {
                    return Err(EngineError::NotFinite {
                        what: format!("the logits of request {number}, row {row}, token {step}"),
                    });
                };
                completion.tokens.push(draw.token);
                completion.logprobs.push(draw.logprob);
                let stopped = match self.stop {
                    Some(stop) if completion.tokens.len() >= self.params.min_tokens => {
                        stop.found(&completion.tokens)?
                    }
                    _ => false,
                };
                if stopped || self.params.stop_ids.contains(&draw.token) {
                    completion.finish = Finish::Stop;
                } else {
                    kept.push(slot as i64);
                    tokens.push(i64::from(draw.token));
                }
            }
            let ends = step + 1 == self.params.max_tokens;
            self.seen.tokens += active.len() as u64;
            self.seen.finished += if ends {
                active.len()
            } else {
                active.len() - kept.len()
            };
            if ends || kept.is_empty() {
                break;
            }
            if (step + 1) % STEPS_PER_REPORT == 0 {
                self.report()?;
            }
            if kept.len() < active.len() {
                let index = Tensor::f_from_slice(&kept)?.f_to_device(device)?;
                for layer in &mut cache {
                    layer.k = layer.k.f_index_select(0, &index)?;
                    layer.v = layer.v.f_index_select(0, &index)?;
                }
                active = kept
                    .iter()
                    .filter_map(|&slot| active.get(usize::try_from(slot).ok()?).copied())
                    .collect();
            }
            let column = length + step as i64;
            logits = self.step(&tokens, column, delta, &cache, &tables)?;
        }
        Ok(out)
    }

    /// Logits [rows, V] after one more token of every row, which stands in `column`.
    fn step(
        &self,
        tokens: &[i64],
        column: i64,
        delta: i64,
        cache: &[KeysValues],
        tables: &(Tensor, Tensor),
    ) -> Result<Tensor, EngineError> {
        let model = self.model;
        let device = model.device();
        let batch = tokens.len() as i64;
        // After pictures positions are behind the columns by `-delta`, the same along every axis.
        let at = |table: &Tensor| table.f_narrow(0, column + delta, 1);
        let keys = Tensor::f_arange(column + 1, (Kind::Int64, device))?;
        let since = |width: i64| -> Result<Mask, EngineError> {
            Ok(Mask::Allowed(
                keys.f_gt(column - width)?.f_reshape([1, 1, 1, -1])?,
            ))
        };
        let width = model.config.sliding.as_ref().map_or(column + 1, |s| s.width);
        let pass = Pass {
            batch,
            length: 1,
            cos: at(&tables.0)?,
            sin: at(&tables.1)?,
            full: since(column + 1)?,
            windowed: since(width)?,
            packed: Vec::new(),
        };
        let ids = Tensor::f_from_slice(tokens)?
            .f_unsqueeze(1)?
            .f_to_device(device)?;
        let mut x = Tensor::f_embedding(&model.weights.embedding, &ids, -1, false, false)?;
        for (layer, kv) in model.weights.layers.iter().zip(cache) {
            x = model.block(layer, &x, &pass, Keep::Write(kv, column))?;
        }
        let x = rms_norm(&x.f_select(1, 0)?, &model.weights.norm, model.config.eps)?;
        model.logits(&x)
    }

    fn draw(
        &mut self,
        logits: &Tensor,
        active: &[usize],
        streams: &[u64],
        (prompt, out): (&[u32], &[Completion]),
        step: usize,
    ) -> Result<Vec<Option<Draw>>, EngineError> {
        let logits = logits
            .f_to_kind(Kind::Float)?
            .f_to_device(Device::Cpu)?
            .f_contiguous()?;
        let mut values = vec![0f32; logits.numel()];
        let count = values.len();
        logits.f_copy_data(&mut values, count)?;
        let vocab = count / active.len().max(1);
        Ok(active
            .iter()
            .zip(values.chunks(vocab.max(1)))
            .map(|(&row, logits)| {
                let u = uniform(streams.get(row).copied().unwrap_or(0), step as u64);
                let past = Past {
                    prompt,
                    drawn: out.get(row).map(|c| c.tokens.as_slice()).unwrap_or_default(),
                };
                draw(logits, self.params, past, u, &mut self.scratch)
            })
            .collect())
    }
}

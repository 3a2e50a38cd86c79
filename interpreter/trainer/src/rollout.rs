//! The sampling half of a step: prompts, responses, rewards.

use rlx_engine::{Completion, Finish, LanguageModel, SampleRequest, SamplingParams, sample};

use crate::algorithms::dynamic_sampling::{Refill, Standing, varies};
use crate::algorithms::overlong::soft_overlong;
use crate::random::stream;
use crate::{Baseline, Observer, RewardSource, RlPrompt, RlSpec, StepMetrics, TrainError};

/// Memory that the key-value cache of one sampling batch may take.
const CACHE_BYTES: usize = 2 << 30;

/// A prompt with its responses and their rewards.
pub(crate) struct Group {
    pub(crate) prompt: RlPrompt,
    pub(crate) completions: Vec<Completion>,
    /// As judged.
    pub(crate) rewards: Vec<f64>,
    /// Shaped reward of the greedy response, where that is the baseline.
    pub(crate) greedy: f64,
}

/// What a step drew.
pub(crate) struct Drawn {
    /// The groups to train on.
    pub(crate) groups: Vec<Group>,
    /// Groups that were left out because their rewards are all equal.
    pub(crate) left_out: Vec<Group>,
    /// Batches of prompts.
    pub(crate) draws: u64,
}

/// Who gives prompts and rewards and who watches, for one step.
pub(crate) struct Around<'a> {
    pub(crate) source: &'a mut dyn RewardSource,
    pub(crate) observer: &'a mut dyn Observer,
    pub(crate) step: u64,
}

/// Samples and judges the responses of a step; `done` batches of prompts were drawn before it.
pub(crate) fn sample_step(
    model: &LanguageModel,
    spec: &RlSpec,
    done: u64,
    around: &mut Around<'_>,
) -> Result<Drawn, TrainError> {
    let Some(dynamic) = spec.dynamic_sampling else {
        return Ok(Drawn {
            groups: draw(model, spec, done + 1, around)?,
            left_out: Vec::new(),
            draws: 1,
        });
    };
    let mut refill = Refill::new(spec.prompts, dynamic.batches as usize);
    let (mut groups, mut left_out) = (Vec::new(), Vec::new());
    loop {
        let number = done + refill.batches() as u64 + 1;
        let (kept, equal): (Vec<Group>, Vec<Group>) = draw(model, spec, number, around)?
            .into_iter()
            .partition(|group| varies(&group.rewards));
        let standing = refill.drawn(kept.len());
        groups.extend(kept);
        left_out.extend(equal);
        if standing != Standing::NeedsMore {
            left_out.extend(groups.drain(spec.prompts.min(groups.len())..));
            return Ok(Drawn {
                groups,
                left_out,
                draws: refill.batches() as u64,
            });
        }
    }
}

/// One batch of prompts with their responses. `number` says which, from 1, and is what all randomness hangs on.
fn draw(
    model: &LanguageModel,
    spec: &RlSpec,
    number: u64,
    around: &mut Around<'_>,
) -> Result<Vec<Group>, TrainError> {
    let step = around.step;
    let data = |source| TrainError::Data { step, source };
    let prompts = around.source.prompts(number, spec.prompts).map_err(data)?;
    if prompts.len() != spec.prompts {
        let what = format!(
            "the source gave {} prompts, asked were {}",
            prompts.len(),
            spec.prompts
        );
        return Err(TrainError::Batch { step, what });
    }
    let params = SamplingParams {
        temperature: spec.temperature,
        top_p: spec.top_p,
        top_k: None,
        max_tokens: spec.max_tokens,
        stop_ids: spec.stop_ids.clone(),
        ..SamplingParams::default()
    };
    let greedy = SamplingParams {
        temperature: 0.0,
        top_p: 1.0,
        ..params.clone()
    };
    let wants_greedy = spec.advantage.baseline == Baseline::Greedy;
    let request = |index: usize, prompt: &RlPrompt, rollouts: usize| SampleRequest {
        prompt: prompt.ids.clone(),
        streams: (0..rollouts)
            .map(|rollout| stream(spec.seed, &[number, index as u64, rollout as u64]))
            .collect(),
    };
    let requests: Vec<(usize, &RlPrompt)> = prompts.iter().enumerate().collect();
    let (mut completions, mut greedies) = (Vec::with_capacity(requests.len()), Vec::new());
    for batch in requests.chunks(prompts_at_once(model, spec, &prompts)) {
        let mut progress = |progress| around.observer.sampling(step, progress);
        let of = |rollouts: usize| -> Vec<SampleRequest> {
            batch
                .iter()
                .map(|(index, prompt)| request(*index, prompt, rollouts))
                .collect()
        };
        completions.extend(sample(model, &of(spec.rollouts), &params, &mut progress)?);
        if wants_greedy {
            greedies.extend(
                sample(model, &of(1), &greedy, &mut progress)?
                    .into_iter()
                    .flatten(),
            );
        }
    }
    let mut greedies = greedies.into_iter();
    let mut groups = Vec::with_capacity(prompts.len());
    for (prompt, completions) in prompts.into_iter().zip(completions) {
        let mut rewards = Vec::with_capacity(completions.len());
        for completion in &completions {
            rewards.push(judged(&prompt, completion, around)?);
        }
        let greedy = match greedies.next() {
            None => f64::NAN,
            Some(completion) => shaped(
                spec,
                judged(&prompt, &completion, around)?,
                completion.tokens.len(),
            ),
        };
        groups.push(Group {
            prompt,
            completions,
            rewards,
            greedy,
        });
    }
    Ok(groups)
}

/// The reward of a response.
fn judged(prompt: &RlPrompt, completion: &Completion, around: &mut Around<'_>) -> Result<f64, TrainError> {
    let step = around.step;
    let reward = around
        .source
        .reward(prompt, &completion.tokens, completion.finish)
        .map_err(|source| TrainError::Reward {
            step,
            prompt: prompt.id.clone(),
            source,
        })?;
    if reward.is_infinite() {
        let what = format!("a response to prompt {} has an infinite reward", prompt.id);
        return Err(TrainError::Batch { step, what });
    }
    Ok(reward)
}

/// The reward that advantages are made of.
pub(crate) fn shaped(spec: &RlSpec, reward: f64, length: usize) -> f64 {
    match spec.overlong {
        None => reward,
        Some(overlong) => soft_overlong(
            reward,
            length as f64,
            spec.max_tokens as f64,
            overlong.buffer,
            overlong.factor,
        ),
    }
}

/// Prompts whose responses are drawn together: what fits into the cache memory.
fn prompts_at_once(model: &LanguageModel, spec: &RlSpec, prompts: &[RlPrompt]) -> usize {
    let config = &model.config;
    let token = 2 * 4 * config.layers * config.kv_heads * config.head_dim;
    let longest = prompts.iter().map(|prompt| prompt.ids.len()).max().unwrap_or(0);
    let row = usize::try_from(token).unwrap_or(1) * (longest + spec.max_tokens);
    (CACHE_BYTES / (row * spec.rollouts).max(1)).max(1)
}

/// What can be measured of the responses themselves: of all that were drawn, also those that are not trained on.
pub(crate) fn measure(drawn: &Drawn) -> StepMetrics {
    let groups = || drawn.groups.iter().chain(&drawn.left_out);
    let rewards: Vec<f64> = groups()
        .flat_map(|group| &group.rewards)
        .copied()
        .filter(|reward| !reward.is_nan())
        .collect();
    let completions = || groups().flat_map(|group| &group.completions);
    let total = completions().count();
    let tokens: usize = completions().map(|completion| completion.tokens.len()).sum();
    let truncated = completions()
        .filter(|completion| completion.finish == Finish::Length)
        .count();
    let solved = groups()
        .filter(|group| group.rewards.iter().any(|&reward| reward > 0.0))
        .count();
    let idle = groups().filter(|group| group.rewards.len() > 1 && !varies(&group.rewards));
    let judged = rewards.len() as f64;
    let mean = (!rewards.is_empty()).then(|| rewards.iter().sum::<f64>() / judged);
    let variance =
        mean.map(|mean| rewards.iter().map(|reward| (reward - mean).powi(2)).sum::<f64>() / judged);
    StepMetrics {
        tokens: tokens as u64,
        reward_mean: mean,
        reward_std: variance.map(f64::sqrt),
        idle_group_share: Some(idle.count() as f64 / groups().count() as f64),
        solved_share: Some(solved as f64 / groups().count() as f64),
        length_mean: Some(tokens as f64 / total as f64),
        truncated_share: Some(truncated as f64 / total as f64),
        unjudged: Some((total - rewards.len()) as u64),
        ..StepMetrics::default()
    }
}

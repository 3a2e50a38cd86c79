//! The sampling half of a GRPO step: prompts, responses, rewards.

use rlx_engine::{Completion, Finish, LanguageModel, SampleRequest, SamplingParams, sample};

use crate::random::stream;
use crate::{GrpoPrompt, GrpoSpec, Observer, RewardSource, StepMetrics, TrainError};

/// Memory that the key-value cache of one sampling batch may take.
const CACHE_BYTES: usize = 2 << 30;

/// A prompt with its responses and their rewards.
pub(crate) struct Group {
    pub(crate) prompt: GrpoPrompt,
    pub(crate) completions: Vec<Completion>,
    pub(crate) rewards: Vec<f64>,
}

/// Samples and judges the responses of a step.
pub(crate) fn sample_step(
    model: &LanguageModel,
    spec: &GrpoSpec,
    step: u64,
    source: &mut dyn RewardSource,
    observer: &mut dyn Observer,
) -> Result<Vec<Group>, TrainError> {
    let data = |source| TrainError::Data { step, source };
    let prompts = source.prompts(step, spec.prompts).map_err(data)?;
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
    };
    let requests: Vec<SampleRequest> = prompts
        .iter()
        .enumerate()
        .map(|(index, prompt)| SampleRequest {
            prompt: prompt.ids.clone(),
            streams: (0..spec.rollouts)
                .map(|number| stream(spec.seed, &[step, index as u64, number as u64]))
                .collect(),
        })
        .collect();
    let mut completions = Vec::with_capacity(requests.len());
    for batch in requests.chunks(prompts_at_once(model, spec, &prompts)) {
        let mut progress = |progress| observer.sampling(step, progress);
        completions.extend(sample(model, batch, &params, &mut progress)?);
    }
    let mut groups = Vec::with_capacity(prompts.len());
    for (prompt, completions) in prompts.into_iter().zip(completions) {
        let mut rewards = Vec::with_capacity(completions.len());
        for completion in &completions {
            let reward = source
                .reward(&prompt, &completion.tokens, completion.finish)
                .map_err(|source| TrainError::Reward {
                    step,
                    prompt: prompt.id.clone(),
                    source,
                })?;
            if reward.is_infinite() {
                let what = format!("a response to prompt {} has an infinite reward", prompt.id);
                return Err(TrainError::Batch { step, what });
            }
            rewards.push(reward);
        }
        groups.push(Group {
            prompt,
            completions,
            rewards,
        });
    }
    Ok(groups)
}

/// Prompts whose responses are drawn together: what fits into the cache memory.
fn prompts_at_once(model: &LanguageModel, spec: &GrpoSpec, prompts: &[GrpoPrompt]) -> usize {
    let config = &model.config;
    let token = 2 * 4 * config.layers * config.kv_heads * config.head_dim;
    let longest = prompts.iter().map(|prompt| prompt.ids.len()).max().unwrap_or(0);
    let row = usize::try_from(token).unwrap_or(1) * (longest + spec.max_tokens);
    (CACHE_BYTES / (row * spec.rollouts).max(1)).max(1)
}

/// What can be measured of the responses themselves.
pub(crate) fn measure(groups: &[Group], spec: &GrpoSpec) -> StepMetrics {
    let rewards: Vec<f64> = groups
        .iter()
        .flat_map(|group| &group.rewards)
        .copied()
        .filter(|reward| !reward.is_nan())
        .collect();
    let total = (spec.prompts * spec.rollouts) as f64;
    let completions = || groups.iter().flat_map(|group| &group.completions);
    let tokens: usize = completions().map(|completion| completion.tokens.len()).sum();
    let truncated = completions()
        .filter(|completion| completion.finish == Finish::Length)
        .count();
    let solved = groups
        .iter()
        .filter(|group| group.rewards.iter().any(|&reward| reward > 0.0))
        .count();
    let judged = rewards.len() as f64;
    let mean = (!rewards.is_empty()).then(|| rewards.iter().sum::<f64>() / judged);
    let variance =
        mean.map(|mean| rewards.iter().map(|reward| (reward - mean).powi(2)).sum::<f64>() / judged);
    StepMetrics {
        tokens: tokens as u64,
        reward_mean: mean,
        reward_std: variance.map(f64::sqrt),
        solved_share: Some(solved as f64 / groups.len() as f64),
        length_mean: Some(tokens as f64 / total),
        truncated_share: Some(truncated as f64 / total),
        unjudged: Some((spec.prompts * spec.rollouts - rewards.len()) as u64),
        ..StepMetrics::default()
    }
}

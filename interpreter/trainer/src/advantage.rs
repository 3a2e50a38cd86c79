//! From the rewards of a step's responses to the advantages of their tokens.

use tch::{Kind, TchError, Tensor};

use crate::TrainError;
use crate::algorithms::group::{self, Lone, Scale};
use crate::algorithms::{gae, reinforce, whiten};
use crate::policy::Row;
use crate::rl_spec::{AdvantageSpec, Baseline, KlPlace, KlSpec};

/// The rows as matrices `[B, T]` in f64, padded on the right.
struct Matrix {
    width: usize,
    mask: Tensor,
}

impl Matrix {
    fn new(rows: &[Row<'_>]) -> Result<Self, TchError> {
        let width = rows.iter().map(|row| row.length()).max().unwrap_or(0);
        let mut cells = vec![0.0; rows.len() * width];
        for (row, cells) in rows.iter().zip(cells.chunks_mut(width.max(1))) {
            cells.iter_mut().take(row.length()).for_each(|cell| *cell = 1.0);
        }
        let mask = Tensor::f_from_slice(&cells)?.f_view([rows.len() as i64, width as i64])?;
        Ok(Self { width, mask })
    }

    /// Values of the rows' tokens; 0 elsewhere.
    fn fill(&self, rows: impl Iterator<Item = Vec<f64>>) -> Result<Tensor, TchError> {
        let mut cells = vec![0.0; self.mask.numel()];
        for (values, cells) in rows.zip(cells.chunks_mut(self.width.max(1))) {
            cells
                .iter_mut()
                .zip(values)
                .for_each(|(cell, value)| *cell = value);
        }
        Tensor::f_from_slice(&cells)?.f_view(self.mask.size().as_slice())
    }
}

/// The rows of a matrix, cut to the rows' lengths.
fn rows_of(matrix: &Tensor, rows: &[Row<'_>]) -> Result<Vec<Vec<f64>>, TchError> {
    let width = *matrix.size().last().unwrap_or(&0) as usize;
    let mut cells = vec![0.0; matrix.numel()];
    let count = cells.len();
    matrix
        .f_to_kind(Kind::Double)?
        .f_contiguous()?
        .f_copy_data(&mut cells, count)?;
    let mut cells = cells.chunks(width.max(1));
    Ok(rows
        .iter()
        .map(|row| {
            let values = cells.next().unwrap_or_default();
            values.iter().copied().take(row.length()).collect()
        })
        .collect())
}

/// What a critic learns and the baselines that are known beside the rows.
pub(crate) struct Beside<'a> {
    /// Reward of the greedy response of each group.
    pub(crate) greedy: &'a [f64],
    /// Responses a group.
    pub(crate) rollouts: usize,
    /// The KL coefficient now, where the KL is in the reward.
    pub(crate) kl_coefficient: f64,
}

/// Estimates of the KL to the reference per token, of each row; empty where no KL is in the reward.
pub(crate) fn reward_kl(rows: &[Row<'_>], kl: Option<KlSpec>) -> Result<Vec<Vec<f64>>, TrainError> {
    let Some(kl) = kl.filter(|kl| kl.place == KlPlace::Reward) else {
        return Ok(Vec::new());
    };
    let wide = |values: &[f32]| -> Vec<f64> { values.iter().copied().map(f64::from).collect() };
    rows.iter()
        .map(|row| {
            let old = Tensor::f_from_slice(&wide(row.old()))?;
            let reference = Tensor::f_from_slice(&wide(row.reference()))?;
            let estimate = kl.estimate.penalty(&old, &reference)?;
            let mut values = vec![0.0; row.length()];
            let count = values.len();
            estimate.f_copy_data(&mut values, count)?;
            Ok(values)
        })
        .collect()
}

/// Sets the advantages of all rows (and the returns, with a critic). A group of equal rewards has advantages of exactly 0
/// unless the batch is whitened.
pub(crate) fn assign(
    rows: &mut [Row<'_>],
    spec: &AdvantageSpec,
    kl: &[Vec<f64>],
    beside: &Beside<'_>,
) -> Result<(), TrainError> {
    if rows.is_empty() {
        return Ok(());
    }
    let matrix = Matrix::new(rows)?;
    let token_rewards: Vec<Vec<f64>> = rows
        .iter()
        .enumerate()
        .map(|(number, row)| {
            let mut rewards: Vec<f64> = match kl.get(number) {
                None => vec![0.0; row.length()],
                Some(kl) => kl.iter().map(|value| -beside.kl_coefficient * value).collect(),
            };
            if let Some(last) = rewards.last_mut() {
                *last += row.score;
            }
            rewards
        })
        .collect();
    let advantages = match spec.baseline {
        Baseline::GroupMean | Baseline::LeaveOneOut => {
            let values = compared(rows, spec, &token_rewards, beside.rollouts);
            matrix.fill(
                rows.iter()
                    .zip(values)
                    .map(|(row, value)| vec![value; row.length()]),
            )?
        }
        Baseline::None => {
            let rewards = matrix.fill(token_rewards.into_iter())?;
            reinforce::return_to_go(&rewards, &matrix.mask, spec.gamma)?
        }
        Baseline::Greedy => {
            let rewards = matrix.fill(token_rewards.into_iter())?;
            let baselines: Vec<f64> = rows
                .iter()
                .map(|row| {
                    let reward = beside.greedy.get(row.place / beside.rollouts.max(1)).copied();
                    // A greedy response that could not be judged has no reward to compare with.
                    reward.filter(|reward| !reward.is_nan()).unwrap_or(0.0)
                })
                .collect();
            reinforce::remax(&rewards, &matrix.mask, &Tensor::f_from_slice(&baselines)?)?.0
        }
        Baseline::Critic => {
            let rewards = matrix.fill(token_rewards.into_iter())?;
            let values = rows
                .iter()
                .map(|row| row.values.iter().map(|&value| f64::from(value)).collect());
            let values = matrix.fill(values)?;
            let (advantages, returns) =
                gae::estimate(&rewards, &values, &matrix.mask, spec.gamma, spec.lambda)?;
            for (row, returns) in rows_of(&returns, rows)?.into_iter().enumerate() {
                rows[row].returns = returns.into_iter().map(|value| value as f32).collect();
            }
            advantages
        }
    };
    let tokens = matrix.mask.f_sum(Kind::Double)?.f_double_value(&[])?;
    let advantages = if spec.whiten && tokens >= 2.0 {
        whiten::whiten(&advantages, &matrix.mask)?
    } else {
        advantages
    };
    for (row, advantages) in rows_of(&advantages, rows)?.into_iter().enumerate() {
        rows[row].advantages = advantages.into_iter().map(|value| value as f32).collect();
    }
    Ok(())
}

/// Advantages of whole responses relative to their groups.
fn compared(rows: &[Row<'_>], spec: &AdvantageSpec, token_rewards: &[Vec<f64>], rollouts: usize) -> Vec<f64> {
    let places = rows.iter().map(|row| row.place).max().map_or(0, |last| last + 1);
    // Responses that could not be judged have their place, so that a group knows its size.
    let places = places.next_multiple_of(rollouts.max(1));
    let mut scores = vec![f64::NAN; places];
    for (row, rewards) in rows.iter().zip(token_rewards) {
        scores[row.place] = rewards.iter().sum();
    }
    let members: Vec<usize> = (0..places).map(|place| place / rollouts.max(1)).collect();
    let advantages = match spec.baseline {
        Baseline::LeaveOneOut => group::rloo(&scores, &members, Lone::Raw),
        _ => group::centred(&scores, &members, spec.scale, spec.epsilon, Lone::Raw),
    };
    let advantages = match (spec.baseline, spec.scale) {
        (Baseline::LeaveOneOut, Scale::Batch) => group::standardised(&advantages, spec.epsilon),
        _ => advantages,
    };
    rows.iter().map(|row| advantages[row.place]).collect()
}

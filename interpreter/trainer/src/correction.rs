//! The rollout correction of a step: weights and masks for its rows.

use rlx_engine::Finish;
use tch::Tensor;

use crate::algorithms::rollout_correction::{reject, weights};
use crate::policy::Row;
use crate::{CorrectionSpec, StepMetrics, TrainError};

/// Whether old log-probs are needed for it.
pub(crate) fn is_on(spec: &CorrectionSpec) -> bool {
    spec.weights.is_some() || !spec.reject.is_empty()
}

/// Sets weights and masks of all rows. They are made of the whole batch, so that they do not depend on its split.
pub(crate) fn apply(
    rows: &mut [Row<'_>],
    spec: &CorrectionSpec,
    mask_truncated: bool,
    metrics: &mut StepMetrics,
) -> Result<(), TrainError> {
    if is_on(spec) && !rows.is_empty() {
        let width = rows.iter().map(Row::length).max().unwrap_or(0);
        let matrix = |values: &dyn Fn(&Row<'_>) -> Vec<f64>| -> Result<Tensor, TrainError> {
            let mut cells = vec![0.0; rows.len() * width];
            for (row, cells) in rows.iter().zip(cells.chunks_mut(width.max(1))) {
                cells
                    .iter_mut()
                    .zip(values(row))
                    .for_each(|(cell, value)| *cell = value);
            }
            Ok(Tensor::f_from_slice(&cells)?.f_view([rows.len() as i64, width as i64])?)
        };
        let wide = |values: &[f32]| -> Vec<f64> { values.iter().copied().map(f64::from).collect() };
        let old = matrix(&|row| wide(row.old()))?;
        let rollout = matrix(&|row| wide(&row.completion.logprobs))?;
        let mask = matrix(&|row| vec![1.0; row.length()])?;
        if let Some(how) = &spec.weights {
            let (found, measures) = weights(&old, &rollout, &mask, how)?;
            metrics.weight_mean = measures.get("rollout_is_mean").copied();
            metrics.weight_effective = measures.get("rollout_is_eff_sample_size").copied();
            for (row, values) in rows.iter_mut().zip(cells(&found)?.chunks(width.max(1))) {
                row.weights = Some(values.iter().copied().take(row.length()).collect());
            }
        }
        if !spec.reject.is_empty() {
            let kept = reject(&old, &rollout, &mask, &spec.reject)?;
            for (row, values) in rows.iter_mut().zip(cells(&kept)?.chunks(width.max(1))) {
                row.kept = Some(values.iter().copied().take(row.length()).collect());
            }
        }
    }
    if mask_truncated {
        for row in rows
            .iter_mut()
            .filter(|row| row.completion.finish == Finish::Length)
        {
            row.kept = Some(vec![0.0; row.length()]);
        }
    }
    if mask_truncated || !spec.reject.is_empty() {
        let all: usize = rows.iter().map(Row::length).sum();
        let kept: usize = rows.iter().map(Row::kept_tokens).sum();
        metrics.masked_share = Some(1.0 - kept as f64 / all as f64).filter(|share| share.is_finite());
    }
    Ok(())
}

fn cells(matrix: &Tensor) -> Result<Vec<f32>, TrainError> {
    Ok(crate::batch::numbers(&matrix.f_reshape([-1])?)?)
}

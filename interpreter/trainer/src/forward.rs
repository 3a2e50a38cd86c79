//! Log-probs and entropies of response tokens under a model.

use rlx_engine::LanguageModel;
use tch::{Kind, Tensor};

use crate::TrainError;
use crate::batch::MicroBatch;

/// Numbers that one chunk of log-probs over the vocabulary may hold (64 MB in fp32).
const CHUNK: i64 = 1 << 24;

/// What to do about entropies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entropies {
    No,
    /// For a metric: no gradient.
    Measured,
    /// For a bonus in the loss.
    Differentiable,
}

/// Log-probs `[N]` of the batch's response tokens at `temperature`, and entropies `[N]` of the distributions they were
/// drawn from, in fp32. The head runs on response positions only, in chunks of rows.
pub(crate) fn response_log_probs(
    model: &LanguageModel,
    batch: &MicroBatch,
    temperature: f64,
    entropies: Entropies,
) -> Result<(Tensor, Option<Tensor>), TrainError> {
    let hidden = model.hidden(&batch.ids, None)?;
    let width = *hidden.size().last().unwrap_or(&1);
    let hidden = hidden
        .f_reshape([-1, width])?
        .f_index_select(0, &batch.positions)?;
    let rows = (CHUNK / model.config.vocab.max(1)).max(1);
    let (mut chosen, mut spread) = (Vec::new(), Vec::new());
    let targets = batch.targets.f_split(rows, 0)?;
    for (hidden, targets) in hidden.f_split(rows, 0)?.iter().zip(targets) {
        let mut logits = model.logits(hidden)?.f_to_kind(Kind::Float)?;
        if temperature != 1.0 {
            logits = logits.f_div_scalar(temperature)?;
        }
        let log_probs = logits.f_log_softmax(-1, Kind::Float)?;
        chosen.push(
            log_probs
                .f_gather(-1, &targets.f_unsqueeze(-1)?, false)?
                .f_squeeze_dim(-1)?,
        );
        let source = match entropies {
            Entropies::No => continue,
            Entropies::Measured => log_probs.f_detach()?,
            Entropies::Differentiable => log_probs,
        };
        let products = source.f_exp()?.f_mul(&source)?;
        spread.push(products.f_sum_dim_intlist(-1, false, Kind::Float)?.f_neg()?);
    }
    let spread = match entropies {
        Entropies::No => None,
        _ => Some(Tensor::f_cat(&spread, 0)?),
    };
    Ok((Tensor::f_cat(&chosen, 0)?, spread))
}

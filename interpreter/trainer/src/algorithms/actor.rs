//! The whole loss of the policy: policy loss, entropy bonus and KL penalty, aggregated alike.

use tch::Tensor;

use super::TensorResult;
use super::aggregation::{Aggregation, Normalisers, aggregate};

/// Token terms `[B, T]` of the actor's loss with their coefficients.
pub struct ActorTerms<'a> {
    pub policy: &'a Tensor,
    /// Entropies and the bonus coefficient.
    pub entropy: Option<(&'a Tensor, f64)>,
    /// KL estimates and the penalty coefficient.
    pub kl: Option<(&'a Tensor, f64)>,
}

/// `policy - entropy_bonus * entropy + kl_coefficient * KL`, each with the same aggregation and denominators.
pub fn actor_loss(
    terms: &ActorTerms<'_>,
    mask: &Tensor,
    aggregation: Aggregation,
    normalisers: &Normalisers,
) -> TensorResult {
    let mut loss = aggregate(terms.policy, mask, aggregation, normalisers)?;
    for (term, factor) in [terms.entropy.map(|(tensor, bonus)| (tensor, -bonus)), terms.kl]
        .into_iter()
        .flatten()
    {
        let value = aggregate(term, mask, aggregation, normalisers)?;
        loss = loss.f_add(&value.f_mul_scalar(factor)?)?;
    }
    Ok(loss)
}

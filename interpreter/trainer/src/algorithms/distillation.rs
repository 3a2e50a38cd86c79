//! Divergences between a teacher's and a student's next-token distributions.

use tch::{TchError, Tensor};

use super::TensorResult;
use super::kl::KlEstimate;
use super::ppo::{Clip, PolicyTerms, ppo};

/// The generalised Jensen-Shannon divergence of GKD (Agarwal et al. 2024) per position, `[..]` from logits `[.., V]`.
///
/// With `M = beta T + (1 - beta) S`: `beta KL(T || M) + (1 - beta) KL(S || M)`. `beta` 0 is the forward `KL(T || S)`, 1 the
/// reverse `KL(S || T)`. Logits are divided by `temperature` first; there is no factor of its square.
pub fn generalized_jsd(student: &Tensor, teacher: &Tensor, beta: f64, temperature: f64) -> TensorResult {
    let kind = student.kind();
    let log_probs = |logits: &Tensor| -> TensorResult {
        if temperature == 1.0 {
            return logits.f_log_softmax(-1, kind);
        }
        logits.f_div_scalar(temperature)?.f_log_softmax(-1, kind)
    };
    divergence(&log_probs(student)?, &log_probs(teacher)?, beta)
}

/// The same from log-probs.
pub fn divergence(student: &Tensor, teacher: &Tensor, beta: f64) -> TensorResult {
    if beta <= 0.0 {
        return kl(teacher, student);
    }
    if beta >= 1.0 {
        return kl(student, teacher);
    }
    let mixture = teacher
        .f_add_scalar(beta.ln())?
        .f_logaddexp(&student.f_add_scalar((1.0 - beta).ln())?)?;
    let forward = kl(teacher, &mixture)?.f_mul_scalar(beta)?;
    forward.f_add(&kl(student, &mixture)?.f_mul_scalar(1.0 - beta)?)
}

/// `KL(p || q)` over the last dimension, from log-probs. A token of probability 0 under `p` adds nothing.
fn kl(p: &Tensor, q: &Tensor) -> TensorResult {
    let probability = p.f_exp()?;
    let terms = probability.f_mul(&p.f_sub(q)?)?;
    let terms = terms.f_where_self(&probability.f_gt(0)?, &terms.f_zeros_like()?)?;
    terms.f_sum_dim_intlist(-1, false, p.kind())
}

/// What [`forward_kl_topk`] gives, all `[..]`.
#[derive(Debug)]
pub struct TopK {
    /// The divergence per position, floored at 0.
    pub loss: Tensor,
    /// Probability of the teacher's top tokens under the student, and under the teacher.
    pub student_mass: Tensor,
    pub teacher_mass: Tensor,
}

/// Forward KL over the teacher's most likely tokens: `sum p_t (log p_t - log p_s)`, neither side renormalised; at least 0.
///
/// `student` are logits `[.., V]`, `ids` (i64) and `teacher` (log-probs) `[.., k]`. Log-probs of both sides are at least
/// `least` where that is given.
pub fn forward_kl_topk(
    student: &Tensor,
    ids: &Tensor,
    teacher: &Tensor,
    least: Option<f64>,
) -> Result<TopK, TchError> {
    let kind = student.kind();
    let own = student.f_log_softmax(-1, kind)?.f_gather(-1, ids, false)?;
    let mass = |log_probs: &Tensor| log_probs.f_detach()?.f_exp()?.f_sum_dim_intlist(-1, false, kind);
    let (student_mass, teacher_mass) = (mass(&own)?, mass(teacher)?);
    let (own, teacher) = match least {
        None => (own, teacher.shallow_clone()),
        Some(least) => (own.f_clamp_min(least)?, teacher.f_clamp_min(least)?),
    };
    let loss = teacher
        .f_exp()?
        .f_mul(&teacher.f_sub(&own)?)?
        .f_sum_dim_intlist(-1, false, kind)?
        .f_clamp_min(0.0)?;
    Ok(TopK {
        loss,
        student_mass,
        teacher_mass,
    })
}

/// Clamps a divergence per token to `+- most`, where that is given.
pub fn clamped(loss: Tensor, most: Option<f64>) -> TensorResult {
    match most {
        None => Ok(loss),
        Some(most) => loss.f_clamp(-most, most),
    }
}

/// On-policy distillation on sampled tokens: the estimate of `KL(student || teacher)` per token `[B, T]`, as a loss.
pub fn sampled_kl(
    student: &Tensor,
    teacher: &Tensor,
    estimate: KlEstimate,
    most: Option<f64>,
) -> TensorResult {
    clamped(estimate.penalty(student, teacher)?, most)
}

/// On-policy distillation as a policy gradient: the negative estimate, without gradient, is the advantage of the clipped
/// policy loss.
pub fn policy_gradient(
    old: &Tensor,
    student: &Tensor,
    teacher: &Tensor,
    estimate: KlEstimate,
    most: Option<f64>,
    clip: &Clip,
) -> Result<PolicyTerms, TchError> {
    let advantages = sampled_kl(student, teacher, estimate, most)?
        .f_detach()?
        .f_neg()?;
    ppo(old, student, &advantages, clip)
}

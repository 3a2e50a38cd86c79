//! Updates of the parameters of a model: AdamW and Adafactor.

use rlx_engine::LanguageModel;
use tch::{Kind, TchError, Tensor};

use crate::spec::{OptimizerSpec, Rule};

/// A parameter with its moments.
pub(crate) struct Slot {
    pub(crate) name: String,
    /// What is updated, in fp32: the parameter itself, or the master of one in another precision.
    pub(crate) weight: Tensor,
    moments: Moments,
    /// The model's parameter, where `weight` is its master.
    computed: Option<Computed>,
}

/// Running means over the gradients so far.
enum Moments {
    /// Of the gradient and of its square.
    Adam { first: Tensor, second: Tensor },
    /// Of the square, over the columns of each row `[.., rows, 1]` and over the rows of each column `[.., 1, columns]`.
    Factored { rows: Tensor, columns: Tensor },
    /// Of the square, of a vector.
    Plain { second: Tensor },
}

impl Moments {
    fn new(rule: Rule, weight: &Tensor) -> Result<Self, TchError> {
        let zeros = || weight.f_detach()?.f_zeros_like();
        let options = (Kind::Float, weight.device());
        Ok(match (rule, weight.size().as_slice()) {
            (Rule::AdamW, _) => Self::Adam {
                first: zeros()?,
                second: zeros()?,
            },
            (Rule::Adafactor, [before @ .., rows, columns]) => Self::Factored {
                rows: Tensor::f_zeros([before, &[*rows, 1]].concat(), options)?,
                columns: Tensor::f_zeros([before, &[1, *columns]].concat(), options)?,
            },
            (Rule::Adafactor, _) => Self::Plain { second: zeros()? },
        })
    }
}

struct Computed {
    parameter: Tensor,
    /// Sum over micro-batches of the parameter's gradients, in fp32.
    gradient: Tensor,
}

impl Slot {
    fn gradient(&self) -> Result<Tensor, TchError> {
        match &self.computed {
            None => self.weight.f_grad(),
            Some(computed) => Ok(computed.gradient.shallow_clone()),
        }
    }

    /// All that an interrupted run needs, by name; the tensors share their storage with the slot's.
    pub(crate) fn tensors(&self) -> Vec<(&'static str, Tensor)> {
        let mut all = vec![("weight", &self.weight)];
        match &self.moments {
            Moments::Adam { first, second } => all.extend([("first", first), ("second", second)]),
            Moments::Factored { rows, columns } => all.extend([("rows", rows), ("columns", columns)]),
            Moments::Plain { second } => all.push(("second", second)),
        }
        let shared = |(part, tensor): (&'static str, &Tensor)| (part, tensor.shallow_clone());
        all.into_iter().map(shared).collect()
    }
}

/// A model whose gradients are being made.
pub(crate) struct Learning<'a> {
    pub(crate) model: &'a LanguageModel,
    /// Parameters in another precision than fp32, with the sums of their gradients.
    sums: Vec<(Tensor, Tensor)>,
}

impl<'a> Learning<'a> {
    /// A model in fp32, whose gradients add up in its parameters.
    #[cfg(test)]
    pub(crate) fn plain(model: &'a LanguageModel) -> Self {
        Self {
            model,
            sums: Vec::new(),
        }
    }

    /// Ends a micro-batch: its gradients go to the sums, so that they are not rounded again with each micro-batch.
    pub(crate) fn collect(&self) -> Result<(), TchError> {
        let _no_grad = tch::no_grad_guard();
        for (parameter, sum) in &self.sums {
            let mut gradient = parameter.f_grad()?;
            if gradient.defined() {
                let _ = sum.shallow_clone().f_add_(&gradient)?;
                let _ = gradient.f_zero_()?;
            }
        }
        Ok(())
    }
}

/// AdamW (Loshchilov & Hutter 2019) as in PyTorch: bias-corrected moments, epsilon outside the root, decay decoupled and
/// on all tensors. Or Adafactor (Shazeer & Stern 2018, arXiv:1804.04235) as in PyTorch: the rate, at most 1 / sqrt(step), is
/// relative to the size of a parameter; updates are clipped at a root mean square of 1. Weights are changed in place, so
/// every shallow clone of a parameter sees them.
pub struct Optimizer {
    pub(crate) slots: Vec<Slot>,
    /// Updates made.
    pub(crate) updates: u64,
}

impl Optimizer {
    /// Moments of 0 for named parameters, which must require grad. Parameters that are not fp32 get a master that is.
    ///
    /// # Errors
    /// Of libtorch, when there is no memory for the moments.
    pub fn new(parameters: Vec<(String, Tensor)>, rule: Rule) -> Result<Self, TchError> {
        let slots = parameters
            .into_iter()
            .map(|(name, parameter)| {
                let plain = parameter.kind() == Kind::Float;
                let weight = if plain {
                    parameter.shallow_clone()
                } else {
                    parameter.f_detach()?.f_to_kind(Kind::Float)?
                };
                Ok(Slot {
                    moments: Moments::new(rule, &weight)?,
                    computed: if plain {
                        None
                    } else {
                        Some(Computed {
                            gradient: weight.f_detach()?.f_zeros_like()?,
                            parameter,
                        })
                    },
                    name,
                    weight,
                })
            })
            .collect::<Result<_, TchError>>()?;
        Ok(Self { slots, updates: 0 })
    }

    /// A model whose parameters these are, for a backward pass.
    pub(crate) fn learning<'a>(&self, model: &'a LanguageModel) -> Learning<'a> {
        let computed = self.slots.iter().filter_map(|slot| slot.computed.as_ref());
        Learning {
            model,
            sums: computed
                .map(|computed| {
                    (
                        computed.parameter.shallow_clone(),
                        computed.gradient.shallow_clone(),
                    )
                })
                .collect(),
        }
    }

    /// Copies the masters to the model's parameters.
    pub(crate) fn publish(&self) -> Result<(), TchError> {
        let _no_grad = tch::no_grad_guard();
        for slot in &self.slots {
            if let Some(computed) = &slot.computed {
                computed.parameter.shallow_clone().f_copy_(&slot.weight)?;
            }
        }
        Ok(())
    }

    /// Sets all gradients to 0.
    pub fn zero_grad(&mut self) -> Result<(), TchError> {
        for slot in &mut self.slots {
            let parameter = slot
                .computed
                .as_ref()
                .map_or(&slot.weight, |computed| &computed.parameter);
            let mut grad = parameter.f_grad()?;
            if grad.defined() {
                let _ = grad.f_detach_()?.f_zero_()?;
            }
            if let Some(computed) = &mut slot.computed {
                let _ = computed.gradient.f_zero_()?;
            }
        }
        Ok(())
    }

    /// L2 norm over all gradients together.
    pub fn grad_norm(&self) -> Result<f64, TchError> {
        let mut norms = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let grad = slot.gradient()?;
            if grad.defined() {
                norms.push(grad.f_norm()?);
            }
        }
        if norms.is_empty() {
            return Ok(0.0);
        }
        Tensor::f_stack(&norms, 0)?.f_norm()?.f_double_value(&[])
    }

    /// One update with the gradients at hand, whose norm is `norm`. A parameter that got no gradient counts as gradient 0.
    pub fn step(&mut self, spec: &OptimizerSpec, rate: f64, norm: f64) -> Result<(), TchError> {
        let _no_grad = tch::no_grad_guard();
        self.updates += 1;
        let time = self.updates as f64;
        let clip = spec
            .clip_norm
            .map_or(1.0, |limit| (limit / (norm + 1e-6)).min(1.0));
        for slot in &mut self.slots {
            let mut grad = slot.gradient()?;
            if grad.defined() && clip < 1.0 {
                let _ = grad.f_mul_scalar_(clip)?;
            }
            let grad = grad.defined().then_some(&grad);
            match &mut slot.moments {
                Moments::Adam { first, second } => {
                    adam(&mut slot.weight, [first, second], grad, spec, rate, time)?;
                }
                moments => adafactor(&mut slot.weight, moments, grad, spec, rate, time)?,
            }
        }
        self.publish()
    }
}

fn adam(
    weight: &mut Tensor,
    [first, second]: [&mut Tensor; 2],
    grad: Option<&Tensor>,
    spec: &OptimizerSpec,
    rate: f64,
    time: f64,
) -> Result<(), TchError> {
    let [beta1, beta2] = spec.betas;
    let correction1 = 1.0 - beta1.powf(time);
    let correction2 = 1.0 - beta2.powf(time);
    if let Some(grad) = grad {
        let _ = first.f_lerp_(grad, 1.0 - beta1)?;
        let square = grad.f_square()?.f_mul_scalar_(1.0 - beta2)?;
        let _ = second.f_mul_scalar_(beta2)?.f_add_(&square)?;
    } else {
        let _ = first.f_mul_scalar_(beta1)?;
        let _ = second.f_mul_scalar_(beta2)?;
    }
    if spec.weight_decay > 0.0 {
        let _ = weight.f_mul_scalar_(1.0 - rate * spec.weight_decay)?;
    }
    let mut change = second
        .f_sqrt()?
        .f_div_scalar_(correction2.sqrt())?
        .f_add_scalar_(spec.epsilon)?
        .f_reciprocal_()?
        .f_mul_(first)?;
    let change = change.f_mul_scalar_(rate / correction1)?;
    let _ = weight.f_sub_(&change)?;
    Ok(())
}

/// PyTorch's constants of Adafactor: the decay's exponent, the least variance, the least size of a parameter.
const DECAY: f64 = -0.8;
const LEAST_VARIANCE: f64 = f32::EPSILON as f64;
const LEAST_SIZE: f64 = 1e-3;

fn adafactor(
    weight: &mut Tensor,
    moments: &mut Moments,
    grad: Option<&Tensor>,
    spec: &OptimizerSpec,
    rate: f64,
    time: f64,
) -> Result<(), TchError> {
    let root_mean_square = |tensor: &Tensor| -> Result<f64, TchError> {
        Ok(tensor.f_norm()?.f_double_value(&[])? / (tensor.numel().max(1) as f64).sqrt())
    };
    let size = root_mean_square(weight)?.max(LEAST_SIZE) * rate.min(1.0 / time.sqrt());
    if spec.weight_decay > 0.0 {
        let _ = weight.f_mul_scalar_(1.0 - rate * spec.weight_decay)?;
    }
    let Some(grad) = grad else {
        return Ok(());
    };
    let fresh = time.powf(DECAY);
    let square = grad.f_square()?;
    let variance = match moments {
        Moments::Factored { rows, columns } => {
            let _ = rows.f_lerp_(&square.f_mean_dim(-1, true, Kind::Float)?, fresh)?;
            let _ = columns.f_lerp_(&square.f_mean_dim(-2, true, Kind::Float)?, fresh)?;
            let mean = rows
                .f_mean_dim(-2, true, Kind::Float)?
                .f_clamp_min(LEAST_VARIANCE)?;
            rows.f_matmul(columns)?.f_div_(&mean)?
        }
        Moments::Plain { second } | Moments::Adam { second, .. } => {
            let _ = second.f_lerp_(&square, fresh)?;
            second.shallow_clone()
        }
    };
    let update = variance
        .f_clamp_min(LEAST_VARIANCE * LEAST_VARIANCE)?
        .f_rsqrt_()?
        .f_mul_(grad)?;
    let size = size / root_mean_square(&update)?.max(1.0);
    let _ = weight.f_sub_(&update.f_mul_scalar(size)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in [-0.5, 0.5) that differ by `k`.
    fn numbers(shape: &[i64], k: i64) -> Tensor {
        let count: i64 = shape.iter().product();
        let values: Vec<f32> = (0..count)
            .map(|place| ((place * 37 + k * 11) % 17) as f32 / 17.0 - 0.5)
            .collect();
        Tensor::from_slice(&values).view(shape)
    }

    /// Expected numbers: `torch/optim/_adafactor.py` of PyTorch 2.13, worked out in f64 with NumPy.
    #[test]
    fn three_steps_of_adafactor_are_pytorchs() {
        let matrix = [
            0.130408576,
            0.327091158,
            -0.513543206,
            -0.323363382,
            -0.121672371,
            0.030991434,
            0.222629134,
            0.373098414,
            -0.41146281,
            -0.260747233,
            -0.071058915,
            0.077300883,
        ];
        let vector = [0.135620932, 0.340716458, -0.512183404, -0.311432051, -0.124964459];
        let spec = OptimizerSpec {
            rule: Rule::Adafactor,
            learning_rate: 0.05,
            weight_decay: 0.1,
            clip_norm: None,
            ..OptimizerSpec::default()
        };
        for (shape, expected) in [(vec![3, 4], matrix.as_slice()), (vec![5], vector.as_slice())] {
            let weight = numbers(&shape, 1).set_requires_grad(true);
            let named = vec![("w".to_owned(), weight.shallow_clone())];
            let mut optimizer = Optimizer::new(named, spec.rule).unwrap();
            for step in 1..=3 {
                optimizer.zero_grad().unwrap();
                // The gradient of this sum is the other factor.
                (&weight * numbers(&shape, step + 1)).sum(Kind::Float).backward();
                let norm = optimizer.grad_norm().unwrap();
                optimizer.step(&spec, spec.learning_rate, norm).unwrap();
            }
            let found = Vec::<f32>::try_from(&weight.detach().view([-1])).unwrap();
            for (found, expected) in found.iter().zip(expected) {
                // fp32 rounding of three updates of numbers below 1.
                assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} {expected}");
            }
        }
    }

    #[test]
    fn factored_moments_take_next_to_no_memory() {
        let weight = numbers(&[64, 32], 1).set_requires_grad(true);
        let optimizer = Optimizer::new(vec![("w".to_owned(), weight)], Rule::Adafactor).unwrap();
        let moments: usize = optimizer.slots[0]
            .tensors()
            .iter()
            .filter(|(part, _)| *part != "weight")
            .map(|(_, tensor)| tensor.numel())
            .sum();
        assert_eq!(moments, 64 + 32);
    }
}

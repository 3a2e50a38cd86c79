//! AdamW over the parameters of a model.

use rlx_engine::LanguageModel;
use tch::{Kind, TchError, Tensor};

use crate::spec::OptimizerSpec;

/// A parameter with its Adam moments.
pub(crate) struct Slot {
    pub(crate) name: String,
    /// What is updated, in fp32: the parameter itself, or the master of one in another precision.
    pub(crate) weight: Tensor,
    /// Running mean of the gradient.
    pub(crate) first: Tensor,
    /// Running mean of its square.
    pub(crate) second: Tensor,
    /// The model's parameter, where `weight` is its master.
    computed: Option<Computed>,
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
/// on all tensors. Weights are changed in place, so every shallow clone of a parameter sees them.
pub struct AdamW {
    pub(crate) slots: Vec<Slot>,
    /// Updates made.
    pub(crate) updates: u64,
}

impl AdamW {
    /// Moments of 0 for named parameters, which must require grad. Parameters that are not fp32 get a master that is.
    ///
    /// # Errors
    /// Of libtorch, when there is no memory for the moments.
    pub fn new(parameters: Vec<(String, Tensor)>) -> Result<Self, TchError> {
        let slots = parameters
            .into_iter()
            .map(|(name, parameter)| {
                let plain = parameter.kind() == Kind::Float;
                let weight = if plain {
                    parameter.shallow_clone()
                } else {
                    parameter.f_detach()?.f_to_kind(Kind::Float)?
                };
                let zeros = || weight.f_detach()?.f_zeros_like();
                Ok(Slot {
                    first: zeros()?,
                    second: zeros()?,
                    computed: if plain {
                        None
                    } else {
                        Some(Computed {
                            gradient: zeros()?,
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
        let [beta1, beta2] = spec.betas;
        let time = self.updates as f64;
        let correction1 = 1.0 - beta1.powf(time);
        let correction2 = 1.0 - beta2.powf(time);
        let clip = spec
            .clip_norm
            .map_or(1.0, |limit| (limit / (norm + 1e-6)).min(1.0));
        for slot in &mut self.slots {
            let mut grad = slot.gradient()?;
            if grad.defined() {
                if clip < 1.0 {
                    let _ = grad.f_mul_scalar_(clip)?;
                }
                let _ = slot.first.f_lerp_(&grad, 1.0 - beta1)?;
                let square = grad.f_square()?.f_mul_scalar_(1.0 - beta2)?;
                let _ = slot.second.f_mul_scalar_(beta2)?.f_add_(&square)?;
            } else {
                let _ = slot.first.f_mul_scalar_(beta1)?;
                let _ = slot.second.f_mul_scalar_(beta2)?;
            }
            if spec.weight_decay > 0.0 {
                let _ = slot.weight.f_mul_scalar_(1.0 - rate * spec.weight_decay)?;
            }
            let mut change = slot
                .second
                .f_sqrt()?
                .f_div_scalar_(correction2.sqrt())?
                .f_add_scalar_(spec.epsilon)?
                .f_reciprocal_()?
                .f_mul_(&slot.first)?;
            let change = change.f_mul_scalar_(rate / correction1)?;
            let _ = slot.weight.f_sub_(&change)?;
        }
        self.publish()
    }
}

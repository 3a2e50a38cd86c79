//! Decoding with a KV cache: one token a row and step.

mod buffer;
mod cache;
mod cpu;
mod device;
mod matrices;
#[cfg(test)]
mod tests;

pub(crate) use cpu::CpuDecoder;
pub(crate) use device::DeviceDecoder;
pub(crate) use matrices::Matrices;

use crate::EngineError;
use crate::sampling::Draw;

/// A row that begins: which prompt it continues, and its random stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence {
    pub(crate) prompt: usize,
    pub(crate) stream: u64,
}

/// Something that draws the rows of a batch token by token.
pub(crate) trait Decoder {
    /// Reads the prompts, each once, and draws the first token of every sequence. `None` where a row's
    /// logits are not finite.
    fn start(
        &mut self,
        prompts: &[&[u32]],
        sequences: &[Sequence],
        max_tokens: usize,
    ) -> Result<Vec<Option<Draw>>, EngineError>;

    /// Continues the rows `keep` (slots of the previous call's result, rising) with their `last` tokens and
    /// draws the next of each; the others have ended.
    fn step(&mut self, keep: &[usize], last: &[u32]) -> Result<Vec<Option<Draw>>, EngineError>;
}

/// Tokens of one padded prefill batch: bounds its memory.
const PREFILL_TOKENS: usize = 4096;

/// Prompts of similar length in groups whose padded size is bounded; indices into `prompts`.
pub(crate) fn prefill_groups(prompts: &[&[u32]]) -> Vec<Vec<usize>> {
    let length = |i: usize| prompts.get(i).map_or(0, |p| p.len());
    let mut order: Vec<usize> = (0..prompts.len()).collect();
    order.sort_by_key(|&i| length(i));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for i in order {
        match groups.last_mut() {
            Some(group) if (group.len() + 1) * length(i) <= PREFILL_TOKENS => group.push(i),
            _ => groups.push(vec![i]),
        }
    }
    groups
}

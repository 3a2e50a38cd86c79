//! Decoding on accelerators with a KV cache: one token a row and step.

mod device;
mod run;
#[cfg(test)]
mod tests;

pub(crate) use device::DeviceDecoder;
pub(crate) use run::{fitting, on_device};

/// A row that begins: which prompt it continues, and its random stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sequence {
    pub(crate) prompt: usize,
    pub(crate) stream: u64,
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

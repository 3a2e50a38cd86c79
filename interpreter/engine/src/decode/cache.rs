//! The CPU decoder's KV cache: a segment for each prompt, shared by its rows, and one for each row.

use crate::kernels::{Element, TILE};

/// Keys and values of one run of positions in one layer: a prompt's, shared by its rows, or a row's own.
/// Keys [kv heads][tiles][D][TILE], values [kv heads][positions][D].
pub(super) struct Segment<E> {
    keys: Vec<E>,
    values: Vec<E>,
    capacity: usize,
}

impl<E: Element> Segment<E> {
    pub(super) fn new(kv_heads: usize, dim: usize, positions: usize) -> Self {
        let capacity = positions.next_multiple_of(TILE);
        // Zeroed memory is given by the system page by page when it is first written.
        let size = kv_heads * capacity * dim;
        Self {
            keys: vec![E::default(); size],
            values: vec![E::default(); size],
            capacity,
        }
    }

    /// Stores one position of one head.
    pub(super) fn put(&mut self, head: usize, dim: usize, position: usize, key: &[f32], value: &[E]) {
        let base = head * self.capacity * dim;
        let tile = base + position / TILE * TILE * dim + position % TILE;
        for (d, k) in key.iter().enumerate() {
            if let Some(place) = self.keys.get_mut(tile + d * TILE) {
                *place = E::narrow(*k);
            }
        }
        let start = base + position * dim;
        if let Some(place) = self.values.get_mut(start..start + dim) {
            place.copy_from_slice(value);
        }
    }

    pub(super) fn keys(&self, head: usize, dim: usize, positions: usize) -> &[E] {
        let base = head * self.capacity * dim;
        self.keys
            .get(base..base + positions.next_multiple_of(TILE) * dim)
            .unwrap_or_default()
    }

    pub(super) fn values(&self, head: usize, dim: usize, positions: usize) -> &[E] {
        let base = head * self.capacity * dim;
        self.values.get(base..base + positions * dim).unwrap_or_default()
    }
}

/// A prompt that has been read: one segment a layer.
pub(super) struct Prompt<E> {
    pub(super) length: usize,
    pub(super) layers: Vec<Segment<E>>,
}

/// A row in work.
pub(super) struct Row<E> {
    pub(super) prompt: usize,
    pub(super) stream: u64,
    /// Tokens drawn so far.
    pub(super) drawn: usize,
    pub(super) layers: Vec<Segment<E>>,
}

//! The KV cache: pages of 16 positions, which the rows of a prompt share.

use std::sync::Arc;

use super::isa::BLOCK;
use crate::EngineError;
use crate::kernels::Element;

/// Sizes of one page, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) layers: usize,
    pub(crate) kv_heads: usize,
    /// Width of a head.
    pub(crate) dim: usize,
    /// Width of a head's values, padded to whole vectors.
    pub(crate) width: usize,
}

impl Shape {
    fn head(&self) -> usize {
        (self.dim + self.width) * BLOCK
    }

    fn page(&self) -> usize {
        self.layers * self.kv_heads * self.head()
    }

    /// Bytes of one page.
    pub(crate) fn bytes<E>(&self) -> usize {
        self.page() * size_of::<E>()
    }
}

/// Keys and values of 16 positions in all layers: of each layer and head, keys [D / G][16][G], then values
/// [16 / G][width][G], as [`super::isa::Isa`] reads them.
pub(crate) struct Page<E> {
    numbers: Vec<E>,
}

impl<E: Element> Page<E> {
    /// Keys and values of one head.
    pub(crate) fn head(&self, shape: &Shape, layer: usize, head: usize) -> (&[E], &[E]) {
        let start = (layer * shape.kv_heads + head) * shape.head();
        self.numbers
            .get(start..start + shape.head())
            .unwrap_or_default()
            .split_at_checked(shape.dim * BLOCK)
            .unwrap_or_default()
    }

    /// Stores one position of one head.
    pub(crate) fn put(
        &mut self,
        shape: &Shape,
        layer: usize,
        head: usize,
        place: usize,
        key: &[f32],
        value: &[f32],
    ) {
        let start = (layer * shape.kv_heads + head) * shape.head();
        let Some((keys, values)) = self
            .numbers
            .get_mut(start..start + shape.head())
            .and_then(|n| n.split_at_mut_checked(shape.dim * BLOCK))
        else {
            return;
        };
        for (group, key) in keys
            .chunks_exact_mut(BLOCK * E::GROUP)
            .zip(key.chunks_exact(E::GROUP))
        {
            for (to, from) in group.iter_mut().skip(place * E::GROUP).zip(key) {
                *to = E::narrow(*from);
            }
        }
        let group = values
            .chunks_exact_mut(shape.width * E::GROUP)
            .nth(place / E::GROUP)
            .unwrap_or_default();
        for (to, from) in group
            .iter_mut()
            .skip(place % E::GROUP)
            .step_by(E::GROUP)
            .zip(value)
        {
            *to = E::narrow(*from);
        }
    }
}

/// The pages of one sequence, in order of their positions.
pub(crate) type Table<E> = Vec<Arc<Page<E>>>;

/// Gives pages out and takes them back, within a budget.
pub(crate) struct Pool<E> {
    shape: Shape,
    free: Vec<Arc<Page<E>>>,
    made: usize,
    most: usize,
}

impl<E: Element> Pool<E> {
    /// A pool of as many pages as fit into `bytes`, at least one.
    pub(crate) fn new(shape: Shape, bytes: usize) -> Self {
        Self {
            shape,
            free: Vec::new(),
            made: 0,
            most: (bytes / shape.bytes::<E>().max(1)).max(1),
        }
    }

    /// Pages that can still be had.
    pub(crate) fn left(&self) -> usize {
        self.most - self.made + self.free.len()
    }

    /// A page whose numbers are finite and mean nothing; `None` where the budget or the memory is used up.
    pub(crate) fn take(&mut self) -> Option<Arc<Page<E>>> {
        if let Some(page) = self.free.pop() {
            return Some(page);
        }
        if self.made >= self.most {
            return None;
        }
        let size = self.shape.page();
        let mut numbers = Vec::new();
        if numbers.try_reserve_exact(size).is_err() {
            // The system has less than was hoped for: the budget is what was got.
            self.most = self.made;
            return None;
        }
        numbers.resize(size, E::default());
        self.made += 1;
        Some(Arc::new(Page { numbers }))
    }

    /// Takes pages back. Those that others still use come back with their last user.
    pub(crate) fn give(&mut self, table: &mut Table<E>) {
        for page in table.drain(..) {
            self.give_page(page);
        }
    }

    fn give_page(&mut self, mut page: Arc<Page<E>>) {
        if Arc::get_mut(&mut page).is_some() {
            self.free.push(page);
        }
    }

    /// Makes `table` ready for positions `from..to`: pages are there, and those that are written belong to this
    /// table alone (a page that is shared is copied). Returns false, with the table still valid for what was
    /// there, where no page is left.
    pub(crate) fn extend(&mut self, table: &mut Table<E>, from: usize, to: usize) -> bool {
        if let Some(place) = table.get_mut(from / BLOCK)
            && Arc::get_mut(place).is_none()
        {
            let Some(mut own) = self.take() else { return false };
            if let Some(page) = Arc::get_mut(&mut own) {
                page.numbers.copy_from_slice(&place.numbers);
            }
            let old = std::mem::replace(place, own);
            self.give_page(old);
        }
        while table.len() * BLOCK < to {
            match self.take() {
                Some(page) => table.push(page),
                None => return false,
            }
        }
        true
    }
}

/// The error of a row that does not fit into the cache even when it is alone.
pub(crate) fn too_small<E: Element>(pool: &Pool<E>, tokens: usize) -> EngineError {
    EngineError::OutOfMemory {
        what: format!(
            "a row of {tokens} tokens needs more than the {} tokens of KV cache that its budget of {} MiB holds",
            pool.most * BLOCK,
            (pool.most * pool.shape.bytes::<E>()) >> 20,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_pages_are_copied_when_written_and_come_back() {
        let shape = Shape {
            layers: 2,
            kv_heads: 1,
            dim: 4,
            width: 16,
        };
        let mut pool = Pool::<f32>::new(shape, 4 * shape.bytes::<f32>());
        let mut first = Table::new();
        assert!(pool.extend(&mut first, 0, 20));
        let values = [5f32; 16];
        Arc::get_mut(&mut first[1])
            .unwrap()
            .put(&shape, 1, 0, 3, &[1.0, 2.0, 3.0, 4.0], &values);
        let mut second = first.clone();
        assert!(pool.extend(&mut second, 20, 21));
        assert!(Arc::ptr_eq(&first[0], &second[0]));
        assert!(!Arc::ptr_eq(&first[1], &second[1]));
        let (keys, copied) = second[1].head(&shape, 1, 0);
        assert_eq!((keys[3], keys[BLOCK + 3]), (1.0, 2.0));
        assert_eq!(copied[3 * 16], 5.0);
        assert_eq!(pool.left(), 1);
        assert!(!pool.extend(&mut second, 32, 80));
        pool.give(&mut second);
        assert_eq!(pool.left(), 2);
        pool.give(&mut first);
        assert_eq!(pool.left(), 4);
    }
}

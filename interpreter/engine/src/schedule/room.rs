//! Who has a place in the batch and pages in the cache.

use std::collections::VecDeque;

use super::{Batch, READ_AHEAD, REMEMBERED, Reading, Sequence};
use crate::EngineError;
use crate::cpu::{BLOCK, Table, too_small};
use crate::kernels::Element;

impl<E: Element> Batch<'_, E> {
    /// Gives free places to rows that wait for one, and begins prompts so that rows will be there.
    pub(super) fn admit(&mut self) {
        let decoding = self.active.iter().filter(|s| s.row.is_some()).count();
        let mut places = self.limits.rows.saturating_sub(decoding);
        while places > 0
            && let Some(row) = self.ready.front()
        {
            let Some(prompt) = self.prompts.get(row.prompt) else {
                break;
            };
            let cached = prompt.cached.min(prompt.tokens.len());
            let total = prompt.tokens.len() + row.tokens.len();
            // Room for this row, and for the others to grow before it would have to leave again.
            let needs = total.div_ceil(BLOCK) - cached / BLOCK + self.active.len() / 4 + 1;
            if self.pool.left() < needs && !self.active.is_empty() {
                break;
            }
            let table = prompt.table.clone();
            let prompt = row.prompt;
            let row = self.ready.pop_front();
            self.active.push(Sequence {
                prompt,
                row,
                table,
                cached,
            });
            places -= 1;
        }
        // Rows of prompts that are being read will want places too; some more wait, for places that become free.
        let coming: usize = self
            .active
            .iter()
            .filter(|s| s.row.is_none())
            .filter_map(|s| self.prompts.get(s.prompt))
            .map(|p| p.rows.len())
            .sum();
        let mut there = self.ready.len() + coming;
        let enough = places + self.limits.rows / 8;
        let mut later = VecDeque::new();
        while there < enough.max(1)
            && let Some(number) = self.waiting.pop_front()
        {
            let Some(tokens) = self.prompts.get(number).map(|p| p.tokens) else {
                continue;
            };
            let (donor, shared) = self.beginning(tokens);
            // A prompt that is being read now and shares more: its pages will be there soon.
            let soon = self.active.iter().filter(|s| s.row.is_none()).any(|s| {
                let other = self.prompts.get(s.prompt).map(|p| p.tokens).unwrap_or_default();
                common(other, tokens) > shared
            });
            let needs = tokens.len().div_ceil(BLOCK) - shared + self.active.len() / 4 + 1;
            if soon || (self.pool.left() < needs && !self.active.is_empty()) {
                later.push_back(number);
                if soon && later.len() < 64 {
                    continue;
                }
                break;
            }
            let table: Table<E> = donor
                .and_then(|d| self.prompts.get(d))
                .map(|p| p.table.iter().take(shared).cloned().collect())
                .unwrap_or_default();
            if let Some(prompt) = self.prompts.get_mut(number) {
                prompt.state = Reading::Begun;
                there += prompt.rows.len();
            }
            self.active.push(Sequence {
                prompt: number,
                row: None,
                cached: table.len() * BLOCK,
                table,
            });
        }
        while let Some(number) = later.pop_back() {
            self.waiting.push_front(number);
        }
    }

    /// The prompt with the longest common beginning whose pages are there, and how many whole blocks it is.
    fn beginning(&self, tokens: &[u32]) -> (Option<usize>, usize) {
        let (mut best, mut most) = (None, 0);
        for (number, prompt) in self.prompts.iter().enumerate() {
            let there = prompt.cached / BLOCK;
            if there > most {
                let shared = common(prompt.tokens, tokens).min(there);
                if shared > most {
                    (best, most) = (Some(number), shared);
                }
            }
        }
        (best, most)
    }

    /// Which sequences take part in the next pass and with how many tokens; their pages are there.
    pub(super) fn provide(&mut self) -> Result<Vec<(usize, usize)>, EngineError> {
        'again: loop {
            let mut ahead = READ_AHEAD;
            let mut wants = Vec::with_capacity(self.active.len());
            for number in 0..self.active.len() {
                let Some(sequence) = self.active.get_mut(number) else {
                    break;
                };
                let drawn = sequence.row.as_ref().map_or(0, |r| r.tokens.len());
                let length = self.prompts.get(sequence.prompt).map_or(0, |p| p.tokens.len());
                let total = length + drawn;
                let want = total.saturating_sub(sequence.cached);
                let take = if want <= 1 { want } else { want.min(ahead) };
                if want > 1 {
                    ahead -= take;
                }
                if take == 0 {
                    continue;
                }
                let (from, to) = (sequence.cached, sequence.cached + take);
                if !self.pool.extend(&mut sequence.table, from, to) {
                    self.relieve(total)?;
                    // Places in `active` may have moved.
                    continue 'again;
                }
                wants.push((number, take));
            }
            return Ok(wants);
        }
    }

    /// Makes room in the cache by giving up what is needed least.
    fn relieve(&mut self, total: usize) -> Result<(), EngineError> {
        // Pages kept for prompts that may come.
        if let Some(number) = self.remembered.pop_front() {
            self.forget(number);
            return Ok(());
        }
        // The row that has drawn least, if it is not the only sequence: it is the cheapest to read again.
        let cheapest = self
            .active
            .iter()
            .enumerate()
            .filter_map(|(i, s)| s.row.as_ref().map(|r| (r.tokens.len(), i)))
            .min_by_key(|&(drawn, i)| (drawn, std::cmp::Reverse(i)));
        if self.active.len() > 1
            && let Some((_, place)) = cheapest
        {
            let mut sequence = self.active.remove(place);
            self.pool.give(&mut sequence.table);
            self.ready.extend(sequence.row);
            // A row that left goes on before those that have not begun.
            self.ready.rotate_right(1);
            return Ok(());
        }
        // Several prompts that are being read at one time: the last one waits.
        if self.active.len() > 1
            && let Some(mut sequence) = self.active.pop()
        {
            self.pool.give(&mut sequence.table);
            if let Some(prompt) = self.prompts.get_mut(sequence.prompt) {
                prompt.state = Reading::Waiting;
            }
            self.waiting.push_front(sequence.prompt);
            return Ok(());
        }
        // Prompts whose rows wait can be read again with them.
        let alone = self.active.first().map(|s| s.prompt);
        let other = (0..self.prompts.len())
            .find(|&n| Some(n) != alone && self.prompts.get(n).is_some_and(|p| !p.table.is_empty()));
        let own = alone.filter(|&n| self.prompts.get(n).is_some_and(|p| !p.table.is_empty()));
        match other.or(own) {
            Some(number) => {
                self.forget(number);
                Ok(())
            }
            None => Err(too_small(&self.pool, total)),
        }
    }

    /// Gives up the pages of a prompt.
    pub(super) fn forget(&mut self, number: usize) {
        if let Some(prompt) = self.prompts.get_mut(number) {
            self.pool.give(&mut prompt.table);
            prompt.cached = 0;
        }
    }

    /// Counts a row of a prompt as ended; after the last one the prompt's pages are kept for a while only.
    pub(super) fn ended(&mut self, number: usize) {
        let Some(prompt) = self.prompts.get_mut(number) else {
            return;
        };
        prompt.left -= 1;
        if prompt.left == 0 && !prompt.table.is_empty() {
            self.remembered.push_back(number);
            if self.remembered.len() > REMEMBERED
                && let Some(oldest) = self.remembered.pop_front()
            {
                self.forget(oldest);
            }
        }
    }
}

/// Whole blocks that two prompts begin with alike. The last token of a prompt is always read: its logits are wanted.
fn common(a: &[u32], b: &[u32]) -> usize {
    let alike = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    alike.min(b.len().saturating_sub(1)) / BLOCK
}

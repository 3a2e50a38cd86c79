//! Continuous batching: rows enter the batch when there is a place and leave it when they end.
//!
//! Prompts are read in the same passes in which other rows decode, each once; its rows share its pages, and a prompt
//! that begins like another one shares that beginning. When the cache is full, the row that entered last gives its
//! pages up and is read again later: as every token's numbers depend on its own sequence alone, it goes on with the
//! same bits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::cpu::{BLOCK, Network, Places, Pool, Table, Token, too_small};
use crate::kernels::Element;
use crate::sample::{Completion, Finish, Progress, SampleRequest, SamplingParams};
use crate::sampling::{Draw, Past, Scratch, draw};
use crate::stop::StopStrings;
use crate::vision::Seen;
use crate::{EngineError, uniform};

/// Prompt tokens that a pass takes beside the rows that decode.
const READ_AHEAD: usize = 128;

/// Passes between two calls of `progress`.
const PASSES_PER_REPORT: u64 = 16;

/// Prompts whose pages stay for those that begin alike when all their rows have ended.
const REMEMBERED: usize = 4;

/// What the batch may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Rows that decode at one time.
    pub(crate) rows: usize,
    /// Bytes of KV cache.
    pub(crate) cache_bytes: usize,
}

/// Where what is drawn goes.
pub(crate) struct Listener<'a> {
    /// A row that has ended: its request, its place there, what was drawn.
    pub(crate) row: &'a mut dyn FnMut(usize, usize, Completion),
    /// False ends the call.
    pub(crate) progress: &'a mut dyn FnMut(Progress) -> bool,
}

/// A distinct prompt.
struct Prompt<'a, E> {
    tokens: &'a [u32],
    /// What its pictures make of it.
    seen: Option<&'a Seen>,
    /// Requests and places of its rows.
    rows: Vec<(usize, usize)>,
    /// Rows that have not ended.
    left: usize,
    state: Reading,
    /// Its pages, while they are kept.
    table: Table<E>,
    /// Positions of those pages that are filled.
    cached: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Waiting,
    Begun,
    Done,
}

impl<'a, E> Prompt<'a, E> {
    /// The tokens as they were given.
    fn said(&self) -> &'a [u32] {
        self.seen.map_or(self.tokens, |seen| seen.said.as_slice())
    }

    /// The row of the rotation's tables for a position in a sequence that begins with the prompt.
    fn turn(&self, position: usize) -> usize {
        self.seen.map_or(position, |seen| seen.turn(position))
    }
}

/// A row that has begun.
struct Row {
    prompt: usize,
    request: usize,
    sample: usize,
    stream: u64,
    tokens: Vec<u32>,
    logprobs: Vec<f32>,
}

/// Something whose tokens are computed: a prompt (no row) or a row.
struct Sequence<E> {
    prompt: usize,
    row: Option<Row>,
    table: Table<E>,
    /// Positions whose keys and values are there.
    cached: usize,
}

/// See the module.
pub(crate) struct Batch<'a, E> {
    network: &'a mut Network<E>,
    limits: Limits,
    params: &'a SamplingParams,
    stop: Option<&'a StopStrings<'a>>,
    requests: &'a [SampleRequest],
    prompts: Vec<Prompt<'a, E>>,
    /// Prompts that wait, in order.
    waiting: VecDeque<usize>,
    ready: VecDeque<Row>,
    active: Vec<Sequence<E>>,
    /// Prompts all of whose rows have ended and whose pages are still there.
    remembered: VecDeque<usize>,
    pool: Pool<E>,
    scratch: Vec<Mutex<Scratch>>,
    tokens: u64,
    finished: usize,
    rows: usize,
}

/// A row of logits and what is drawn from it.
struct Item {
    /// Place in the block of logits.
    place: usize,
    sequence: usize,
    /// For a prompt: which of its rows.
    sample: usize,
}

impl<'a, E: Element> Batch<'a, E> {
    /// A batch of all rows of `requests`; `seen` has what pictures make of each prompt, or nothing where there are none.
    pub(crate) fn new(
        network: &'a mut Network<E>,
        limits: Limits,
        params: &'a SamplingParams,
        stop: Option<&'a StopStrings<'a>>,
        requests: &'a [SampleRequest],
        seen: &'a [Seen],
    ) -> Self {
        let mut prompts: Vec<Prompt<'a, E>> = Vec::new();
        let mut known: BTreeMap<&[u32], usize> = BTreeMap::new();
        for (request, r) in requests.iter().enumerate() {
            if r.streams.is_empty() {
                continue;
            }
            let place = *known.entry(r.prompt.as_slice()).or_insert_with(|| {
                prompts.push(Prompt {
                    tokens: &r.prompt,
                    seen: seen.get(request),
                    rows: Vec::new(),
                    left: 0,
                    state: Reading::Waiting,
                    table: Table::new(),
                    cached: 0,
                });
                prompts.len() - 1
            });
            if let Some(prompt) = prompts.get_mut(place) {
                prompt
                    .rows
                    .extend((0..r.streams.len()).map(|sample| (request, sample)));
                prompt.left = prompt.rows.len();
            }
        }
        let pool = Pool::new(network.shape, limits.cache_bytes);
        Self {
            scratch: (0..network.team().size()).map(|_| Mutex::default()).collect(),
            network,
            limits,
            params,
            stop,
            requests,
            waiting: (0..prompts.len()).collect(),
            prompts,
            ready: VecDeque::new(),
            active: Vec::new(),
            remembered: VecDeque::new(),
            pool,
            tokens: 0,
            finished: 0,
            rows: requests.iter().map(|r| r.streams.len()).sum(),
        }
    }

    /// Draws everything.
    pub(crate) fn run(&mut self, listener: &mut Listener<'_>) -> Result<(), EngineError> {
        let longest = self.prompts.iter().map(|p| p.tokens.len()).max().unwrap_or(0);
        self.network.reach(longest + self.params.max_tokens)?;
        let mut pass = 0u64;
        loop {
            self.admit();
            if self.active.is_empty() {
                return Ok(());
            }
            self.pass(listener)?;
            pass += 1;
            if pass.is_multiple_of(PASSES_PER_REPORT) && !(listener.progress)(self.progress()) {
                return Err(EngineError::Cancelled);
            }
        }
    }

    /// How far it has come.
    pub(crate) fn progress(&self) -> Progress {
        Progress {
            tokens: self.tokens,
            finished: self.finished,
            rows: self.rows,
        }
    }

    /// Gives free places to rows that wait for one, and begins prompts so that rows will be there.
    fn admit(&mut self) {
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

    /// One pass: what each active sequence wants, as far as it fits; then what follows from it.
    fn pass(&mut self, listener: &mut Listener<'_>) -> Result<(), EngineError> {
        // Rows of a prompt side by side: they read the same pages.
        self.active.sort_by_key(|s| s.prompt);
        let wants = self.provide()?;
        let mut tokens = Vec::new();
        let mut tables = Vec::with_capacity(wants.len());
        let (mut last_rows, mut ends) = (Vec::new(), Vec::new());
        for &(number, take) in &wants {
            let Some(sequence) = self.active.get_mut(number) else {
                continue;
            };
            let Some(prompt) = self.prompts.get(sequence.prompt) else {
                continue;
            };
            let drawn = sequence
                .row
                .as_ref()
                .map(|r| r.tokens.as_slice())
                .unwrap_or_default();
            for position in sequence.cached..sequence.cached + take {
                let id = match prompt.tokens.get(position) {
                    Some(id) => Some(id),
                    None => drawn.get(position - prompt.tokens.len()),
                };
                tokens.push(Token {
                    id: id.copied().unwrap_or(0),
                    position,
                    turn: prompt.turn(position),
                    table: tables.len(),
                });
            }
            tables.push(std::mem::take(&mut sequence.table));
            sequence.cached += take;
            if sequence.cached == prompt.tokens.len() + drawn.len() {
                last_rows.push(tokens.len() - 1);
                ends.push(number);
            }
        }
        self.network.forward(&tokens, &mut tables);
        for (&(number, _), table) in wants.iter().zip(tables) {
            if let Some(sequence) = self.active.get_mut(number) {
                sequence.table = table;
            }
        }
        let drawn = self.draw(&last_rows, &ends);
        self.apply(drawn, listener)
    }

    /// Which sequences take part in the next pass and with how many tokens; their pages are there.
    fn provide(&mut self) -> Result<Vec<(usize, usize)>, EngineError> {
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
    fn forget(&mut self, number: usize) {
        if let Some(prompt) = self.prompts.get_mut(number) {
            self.pool.give(&mut prompt.table);
            prompt.cached = 0;
        }
    }

    /// Draws from the logits of `rows`, the last ones of the sequences `ends`: for a prompt, the first token of each
    /// of its rows.
    fn draw(&mut self, rows: &[usize], ends: &[usize]) -> Vec<(Item, Option<Draw>)> {
        let mut all = Vec::new();
        let Self {
            network,
            active,
            prompts,
            requests,
            params,
            scratch,
            ..
        } = self;
        let vocab = network.vocab();
        network.logits(rows, &mut |team, first, logits| {
            let mut items = Vec::new();
            for (place, &sequence) in ends
                .iter()
                .skip(first)
                .take(logits.len() / vocab.max(1))
                .enumerate()
            {
                let samples = match active.get(sequence) {
                    Some(Sequence {
                        row: None, prompt, ..
                    }) => prompts.get(*prompt).map_or(0, |p| p.rows.len()),
                    _ => 1,
                };
                items.extend((0..samples).map(|sample| Item {
                    place,
                    sequence,
                    sample,
                }));
            }
            let mut draws: Vec<Option<Draw>> = items.iter().map(|_| None).collect();
            let places = Places::new(&mut draws);
            team.each(items.len(), |worker, piece| {
                let (Some(item), Some(scratch)) = (items.get(piece), scratch.get(worker)) else {
                    return;
                };
                let Some(sequence) = active.get(item.sequence) else {
                    return;
                };
                let Some(prompt) = prompts.get(sequence.prompt) else {
                    return;
                };
                let (stream, drawn) = match &sequence.row {
                    Some(row) => (row.stream, row.tokens.as_slice()),
                    None => (stream_of(requests, prompt.rows.get(item.sample)), [].as_slice()),
                };
                let past = Past {
                    prompt: prompt.said(),
                    drawn,
                };
                let logits = logits
                    .get(item.place * vocab..(item.place + 1) * vocab)
                    .unwrap_or_default();
                let u = uniform(stream, drawn.len() as u64);
                let mut scratch = scratch.lock().unwrap_or_else(PoisonError::into_inner);
                let draw = draw(logits, params, past, u, &mut scratch);
                // SAFETY: every item has an element of its own.
                #[allow(unsafe_code)]
                unsafe {
                    places.part(piece, 1).fill(draw);
                }
            });
            all.extend(items.into_iter().zip(draws));
        });
        all
    }

    /// Adds drawn tokens to their rows; ends those that are done.
    fn apply(
        &mut self,
        drawn: Vec<(Item, Option<Draw>)>,
        listener: &mut Listener<'_>,
    ) -> Result<(), EngineError> {
        let mut done = Vec::new();
        for (item, draw) in drawn {
            let Some(sequence) = self.active.get_mut(item.sequence) else {
                continue;
            };
            let number = sequence.prompt;
            let mut row = match sequence.row.take() {
                Some(row) => row,
                None => {
                    let Some(prompt) = self.prompts.get_mut(number) else {
                        continue;
                    };
                    if prompt.state != Reading::Done {
                        prompt.state = Reading::Done;
                        prompt.table = std::mem::take(&mut sequence.table);
                        prompt.cached = sequence.cached;
                        done.push(item.sequence);
                    }
                    let Some(&(request, sample)) = prompt.rows.get(item.sample) else {
                        continue;
                    };
                    Row {
                        prompt: number,
                        request,
                        sample,
                        stream: stream_of(self.requests, Some(&(request, sample))),
                        tokens: Vec::new(),
                        logprobs: Vec::new(),
                    }
                }
            };
            let Some(draw) = draw else {
                return Err(EngineError::NotFinite {
                    what: format!(
                        "the logits of request {}, row {}, token {}",
                        row.request,
                        row.sample,
                        row.tokens.len()
                    ),
                });
            };
            row.tokens.push(draw.token);
            row.logprobs.push(draw.logprob);
            self.tokens += 1;
            let finish = self.finish(&row)?;
            let is_new = row.tokens.len() == 1;
            match finish {
                Some(finish) => {
                    self.finished += 1;
                    if !is_new {
                        done.push(item.sequence);
                    }
                    let completion = Completion {
                        tokens: row.tokens,
                        logprobs: row.logprobs,
                        finish,
                    };
                    (listener.row)(row.request, row.sample, completion);
                    self.ended(number);
                }
                None if is_new => self.ready.push_back(row),
                None => {
                    if let Some(sequence) = self.active.get_mut(item.sequence) {
                        sequence.row = Some(row);
                    }
                }
            }
        }
        done.sort_unstable();
        for place in done.into_iter().rev() {
            let mut sequence = self.active.remove(place);
            self.pool.give(&mut sequence.table);
        }
        Ok(())
    }

    /// Counts a row of a prompt as ended; after the last one the prompt's pages are kept for a while only.
    fn ended(&mut self, number: usize) {
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

    /// Whether and why a row is complete.
    fn finish(&self, row: &Row) -> Result<Option<Finish>, EngineError> {
        let last = row.tokens.last().copied().unwrap_or(0);
        if self.params.stop_ids.contains(&last) {
            return Ok(Some(Finish::Stop));
        }
        if row.tokens.len() >= self.params.min_tokens
            && let Some(stop) = self.stop
            && stop.found(&row.tokens)?
        {
            return Ok(Some(Finish::Stop));
        }
        Ok((row.tokens.len() >= self.params.max_tokens).then_some(Finish::Length))
    }
}

/// Whole blocks that two prompts begin with alike. The last token of a prompt is always read: its logits are wanted.
fn common(a: &[u32], b: &[u32]) -> usize {
    let alike = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    alike.min(b.len().saturating_sub(1)) / BLOCK
}

fn stream_of(requests: &[SampleRequest], row: Option<&(usize, usize)>) -> u64 {
    row.and_then(|&(request, sample)| requests.get(request)?.streams.get(sample).copied())
        .unwrap_or(0)
}

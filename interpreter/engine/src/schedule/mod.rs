//! Continuous batching: rows enter the batch when there is a place and leave it when they end.
//!
//! Prompts are read in the same passes in which other rows decode, each once; its rows share its pages, and a prompt
//! that begins like another one shares that beginning. When the cache is full, the row that entered last gives its
//! pages up and is read again later: as every token's numbers depend on its own sequence alone, it goes on with the
//! same bits.

mod room;
mod rows;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use crate::EngineError;
use crate::cpu::{Network, Pool, Table, Token};
use crate::kernels::Element;
use crate::sample::{Completion, Progress, SampleRequest, SamplingParams};
use crate::sampling::Scratch;
use crate::stop::StopStrings;
use crate::vision::Seen;

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
}

//! `Plan`: the directed acyclic graph of steps that a study compiles to.

use crate::{cost::Cost, key::Key};
use rlx_language::{Judge, Model, ModelRef, Output, ProblemSet, Sampling, Search, Temperature, Training};
use serde::Serialize;

/// Position of a step in `Plan::steps`; inputs always come before the steps that read them.
pub type StepId = usize;

/// Everything that a study will do, in an order that respects the arrows.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    pub study: String,
    /// Version of the key encoding.
    pub encoding: &'static str,
    pub steps: Vec<Step>,
}

/// One piece of work with a key that says what it means.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Unique in the plan, stable under reformatting: `train rl`, `sample aime rl@150`.
    pub name: String,
    pub key: Key,
    /// What the key was made of: shown by `rlx why` and compared by `rlx plan`.
    pub meaning: serde_json::Value,
    pub inputs: Vec<StepId>,
    pub action: Action,
    pub cost: Cost,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// A hub model must lie in the cache.
    FetchModel { model: Model },
    /// A hub data set must lie in the cache.
    FetchProblems { set: Box<ProblemSet> },
    /// RL, supervised fine-tuning or distillation.
    Train(Box<TrainStep>),
    /// Draw responses.
    Sample(SampleStep),
    /// Find the temperature at which outputs have an entropy.
    Search(Box<SearchStep>),
    /// Verdicts on the responses of `samples`.
    Judge {
        samples: StepId,
        set: String,
        judge: Judge,
        /// The verdicts were given elsewhere and lie with the responses, in this column of the file.
        #[serde(skip_serializing_if = "Option::is_none")]
        given: Option<String>,
    },
    /// Log-probabilities of the responses of `samples` under another model.
    Score { samples: StepId, under: ModelUse },
    /// Numbers of a figure or a table.
    Analyse {
        output: Box<Output>,
        evaluation: Option<String>,
    },
    /// Figures, tables, claim verdicts and the page.
    Report,
}

/// A model with the key of its weights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelUse {
    pub reference: ModelRef,
    pub key: Key,
    /// The training step that makes it, where the study does.
    pub made_by: Option<StepId>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainStep {
    pub training: Training,
    pub start: ModelUse,
    /// For logit distillation.
    pub teacher: Option<ModelUse>,
    /// For a distillation: where the teacher's responses are drawn, and judged if only right ones are learnt.
    pub responses: Option<StepId>,
    pub verdicts: Option<StepId>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleStep {
    pub model: ModelUse,
    /// A key of `Study::problem_sets`.
    pub set: String,
    /// Only the first problems of the set (a distillation's `prompts`).
    pub limit: Option<u64>,
    pub sampling: Sampling,
    /// Samples a problem. Not part of the key: raising it draws what is missing.
    pub samples: u64,
    pub seed: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchStep {
    pub search: Search,
    /// What each look draws; its temperature is the one that is searched for.
    pub draw: SampleStep,
    /// What a look's samples mean, without their temperature.
    pub look: serde_json::Value,
    /// The sampling steps whose responses the target is measured on.
    pub target: Vec<StepId>,
}

impl SearchStep {
    /// The step that draws at one temperature. Its key is that of any sampling step that draws the same.
    pub fn at(&self, temperature: f64) -> Step {
        let mut meaning = self.look.clone();
        meaning["sampling"]["temperature"] = serde_json::json!(temperature);
        let mut draw = self.draw.clone();
        draw.sampling.temperature = Temperature::Fixed(temperature);
        Step {
            name: format!("search {} at {temperature}", self.search.name),
            key: Key::of("sample", &meaning),
            meaning,
            inputs: Vec::new(),
            action: Action::Sample(draw),
            cost: Cost::default(),
        }
    }
}

impl Plan {
    /// The step named `name`.
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// The plan as a Graphviz graph.
    pub fn to_dot(&self) -> String {
        let mut out = format!(
            "digraph \"{}\" {{\n  rankdir=LR;\n  node [shape=box];\n",
            self.study
        );
        for (id, step) in self.steps.iter().enumerate() {
            out.push_str(&format!(
                "  s{id} [label=\"{}\\n{}\"];\n",
                step.name,
                step.key.short()
            ));
            for input in &step.inputs {
                out.push_str(&format!("  s{input} -> s{id};\n"));
            }
        }
        out.push_str("}\n");
        out
    }
}

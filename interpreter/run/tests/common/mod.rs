//! A backend that computes nothing real, and a study for it.
#![allow(dead_code)] // each test file uses a part
#![allow(clippy::unwrap_used)] // a test may panic

use rlx_data::RenderedPrompt;
use rlx_language::{Memory, Options, Study, elaborate};
use rlx_plan::{Plan, build};
use rlx_run::{
    Backend, BackendError, DeviceReport, Drawn, Journal, ModelAt, OpenModel, Pair, Presented, Request, Rows,
    RunError, Settings, Silent, TrainJob, TrainStepSeen, TrainWork, TrainingEnd, World, execute, finish,
    present, survey,
};
use rlx_store::{Finish, Store};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

/// What the backend did, and when it is to fail.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// Calls of sample, score and train so far.
    pub(crate) calls: usize,
    /// Rows drawn so far.
    pub(crate) drawn: usize,
    /// The call that fails, from 1.
    pub(crate) fail_at: Option<usize>,
    /// Temperatures that were drawn at, one a call.
    pub(crate) temperatures: Vec<f64>,
    /// Rewards given, by problem.
    pub(crate) rewards: Vec<f64>,
    /// Responses that were learnt.
    pub(crate) taught: Vec<String>,
}

impl Script {
    fn call(&mut self) -> Result<(), BackendError> {
        self.calls += 1;
        match self.fail_at {
            Some(at) if self.calls == at => Err(BackendError {
                code: "rlx::test".into(),
                message: "the script says fail".into(),
                help: None,
            }),
            _ => Ok(()),
        }
    }
}

/// Draws `The answer is N.` with the right N for every third stream.
pub(crate) struct Scripted(pub(crate) Rc<RefCell<Script>>);

struct Model {
    script: Rc<RefCell<Script>>,
    skill: u64,
}

impl Backend for Scripted {
    fn device(&self) -> DeviceReport {
        DeviceReport {
            device: "script".into(),
            precision: "exact".into(),
            why: vec!["It is a test.".into(), "Nothing is rounded.".into()],
            versions: vec![("script".into(), "1".into())],
            speed: (1.0, 1.0),
        }
    }

    fn open(&mut self, at: &ModelAt) -> Result<Box<dyn OpenModel>, BackendError> {
        let ModelAt::Path(path) = at else {
            panic!("the test starts from files")
        };
        let text = fs::read_to_string(path.join("weights")).unwrap_or_default();
        Ok(Box::new(Model {
            script: Rc::clone(&self.0),
            skill: text.trim().parse().unwrap_or(3),
        }))
    }

    fn tokenizer(&mut self, _: &ModelAt) -> Result<String, BackendError> {
        Ok("bytes".into())
    }

    fn train(
        &mut self,
        job: TrainJob<'_>,
        observer: &mut dyn FnMut(TrainStepSeen),
    ) -> Result<TrainingEnd, BackendError> {
        self.0.borrow_mut().call()?;
        let mut steps = 1;
        let mut lines = String::new();
        match job.work {
            TrainWork::Rl {
                steps: wanted,
                batch,
                problems,
                reward,
                ..
            } => {
                steps = wanted;
                for step in 1..=steps {
                    for problem in problems(step, batch as usize)? {
                        let RenderedPrompt::Text(text) = &problem.prompt else {
                            panic!("plain prompts")
                        };
                        let good = format!("The answer is {}.", sum(text));
                        self.0.borrow_mut().rewards.push(reward(&problem, &good, false));
                        self.0
                            .borrow_mut()
                            .rewards
                            .push(reward(&problem, "The answer is 999.", false));
                    }
                    lines.push_str(&format!("{{\"step\":{step},\"reward_mean\":0.5}}\n"));
                    observer(TrainStepSeen {
                        step,
                        steps,
                        tokens: step * 10,
                        shown: vec![("reward".into(), 0.5)],
                        warnings: Vec::new(),
                    });
                }
            }
            TrainWork::Demonstrations { .. } | TrainWork::Distributions { .. } => {}
            TrainWork::Responses { examples, .. } => {
                assert!(examples.iter().all(|example| !example.response.is_empty()));
                let learnt = examples.into_iter().map(|example| example.response);
                self.0.borrow_mut().taught.extend(learnt);
            }
        }
        fs::write(job.folder.join("metrics.jsonl"), lines).unwrap();
        for step in job.keep.iter().copied().chain([steps]) {
            let folder = job.folder.join("checkpoints").join(format!("step-{step:06}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("weights"), "2").unwrap();
        }
        Ok(TrainingEnd {
            steps,
            tokens: 10 * steps,
            engine: "script".into(),
        })
    }
}

/// The sum in `What is 2 + 3?`.
fn sum(text: &str) -> u64 {
    text.split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse::<u64>().ok())
        .sum()
}

fn text(ids: &[u32]) -> String {
    ids.iter()
        .filter_map(|id| char::from_u32(*id))
        .filter(|c| *c != '\0')
        .collect()
}

impl OpenModel for Model {
    fn fingerprint(&self) -> String {
        "script 1".into()
    }
    fn context(&self) -> u64 {
        128
    }
    fn tokenizer(&self) -> String {
        "bytes".into()
    }
    fn encode_prompt(&self, prompt: &RenderedPrompt) -> Result<Vec<u32>, BackendError> {
        let RenderedPrompt::Text(text) = prompt else {
            panic!("plain prompts")
        };
        Ok(text.chars().map(u32::from).collect())
    }
    fn encode_response(&self, text: &str, ended: bool) -> Result<Vec<u32>, BackendError> {
        Ok(text.chars().map(u32::from).chain(ended.then_some(0)).collect())
    }
    fn sample(
        &mut self,
        requests: &[Request],
        settings: &Settings,
        listener: &mut Rows<'_>,
    ) -> Result<(), BackendError> {
        self.script.borrow_mut().call()?;
        self.script.borrow_mut().temperatures.push(settings.temperature);
        // Uncertain as its temperature squared.
        let logprob = (-0.25 * settings.temperature * settings.temperature) as f32;
        // Rows end in no order that anybody should rely on.
        let mut all: Vec<(usize, usize, u64)> = Vec::new();
        for (number, request) in requests.iter().enumerate() {
            all.extend(
                request
                    .streams
                    .iter()
                    .enumerate()
                    .map(|(at, stream)| (number, at, *stream)),
            );
        }
        all.sort_by_key(|(_, _, stream)| stream.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        for (count, (number, at, stream)) in all.into_iter().enumerate() {
            if count % 7 == 6 {
                self.script.borrow_mut().call()?;
            }
            let right = sum(&text(&requests[number].prompt));
            let answer = if stream.is_multiple_of(self.skill) {
                right
            } else {
                right + 1 + stream % 7
            };
            let tokens: Vec<u32> = format!("The answer is {answer}.\0")
                .chars()
                .map(u32::from)
                .collect();
            let drawn = Drawn {
                logprobs: vec![logprob; tokens.len()],
                text: text(&tokens),
                tokens,
                finish: Finish::Stop,
            };
            self.script.borrow_mut().drawn += 1;
            (listener.tokens)(1);
            if !(listener.row)(number, at, drawn) {
                return Ok(());
            }
        }
        Ok(())
    }
    fn score(&mut self, pairs: &[Pair]) -> Result<Vec<Vec<f32>>, BackendError> {
        self.script.borrow_mut().call()?;
        Ok(pairs.iter().map(|pair| vec![-0.5; pair.response.len()]).collect())
    }
}

pub(crate) const STUDY: &str = r#"//! A study for tests.

use std.algorithms.grpo

param n = 6 samples

model base { source = "MODEL" }

data pool {
    source = "TRAIN"
    prompt = "{problem}"
    judge  = number
}

benchmark sums {
    source = "TEST"
    prompt = "{problem}"
    judge  = number
}



train rl {
    start     = base
    algorithm = grpo
    data      = pool
    batch     = 2 prompts
    rollouts  = 2 samples
    steps     = 4 steps
    keep      = [2, 4]
    max_tokens = 40
}

evaluate test {
    models    = [base, rl@4]
    benchmark = sums
    sampling  = { temperature = 1.0, top_p = 1.0, max_tokens = 40 }
    samples   = n
}

figure coverage = pass_at_k(test, k = 1..n)
table solved = subset(test, of = rl@4, within = base)
figure likelihood = perplexity(test, of = rl@4, under = base)
figure progress = training(rl)

claim better "RL is better at the first try" {
    pass(test, rl@4, k = 1) > pass(test, base, k = 1)
}
"#;

/// A folder with model, data and study.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) text: String,
}

impl Place {
    pub(crate) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("model")).unwrap();
        fs::write(path("model/config.json"), "{}").unwrap();
        fs::write(path("model/weights"), "3").unwrap();
        for (name, from) in [("train.jsonl", 100), ("test.jsonl", 1)] {
            let line = |a: u64| {
                format!(
                    "{{\"problem\": \"What is {a} + {}?\", \"answer\": \"{}\"}}\n",
                    2 * a,
                    3 * a
                )
            };
            fs::write(path(name), (from..from + 5).map(line).collect::<String>()).unwrap();
        }
        let text = STUDY
            .replace("MODEL", &path("model").display().to_string())
            .replace("TRAIN", &path("train.jsonl").display().to_string())
            .replace("TEST", &path("test.jsonl").display().to_string());
        Place { folder, text }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub(crate) fn results(&self) -> PathBuf {
        self.folder.path().join("results")
    }

    pub(crate) fn study(&self, set: &[&str]) -> Study {
        let sources = Memory(BTreeMap::from([("study.rlx".to_owned(), self.text.clone())]));
        let options = Options {
            set: set.iter().map(|set| (*set).to_owned()).collect(),
            ..Options::default()
        };
        match elaborate(&sources, "study.rlx", &options) {
            Ok((study, _)) => study,
            Err(errors) => panic!(
                "{}",
                errors
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n")
            ),
        }
    }

    pub(crate) fn plan(&self, set: &[&str]) -> (Study, Plan, World) {
        self.plan_in(rlx_data::World::new([], true), set)
    }

    pub(crate) fn plan_in(&self, place: rlx_data::World, set: &[&str]) -> (Study, Plan, World) {
        let study = self.study(set);
        let world = World::new(&study, place);
        let around = survey(&study, &world, &self.store()).unwrap();
        let plan = build(&study, &around).unwrap();
        (study, plan, world)
    }

    /// One run; the script says what the backend did.
    pub(crate) fn run(&self, set: &[&str], script: &Rc<RefCell<Script>>) -> Result<Journal, RunError> {
        self.run_in(rlx_data::World::new([], true), set, script)
    }

    /// One run with these environment variables.
    pub(crate) fn run_in(
        &self,
        place: rlx_data::World,
        set: &[&str],
        script: &Rc<RefCell<Script>>,
    ) -> Result<Journal, RunError> {
        let (study, plan, world) = self.plan_in(place, set);
        let store = Store::open(&self.store())?;
        let mut backend = Scripted(Rc::clone(script));
        let results = self.results();
        let journal = execute(&study, &plan, &store, &world, &results, &mut backend, &mut Silent)?;
        let presented = Presented {
            study: &study,
            plan: &plan,
            store: &store,
            world: &world,
            source: rlx_report::SpecSource {
                file: "study.rlx".into(),
                text: self.text.clone(),
            },
            journal: &journal,
            device: Some(backend.device()),
            version: "test",
        };
        present(&presented, &results)?;
        finish(&plan, &results, journal.wall, &mut Silent)?;
        Ok(journal)
    }
}

/// Every file below a folder with its bytes.
pub(crate) fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

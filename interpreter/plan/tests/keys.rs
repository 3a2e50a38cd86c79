//! Keys follow the meaning, not the text.
#![allow(clippy::unwrap_used)] // a test may panic

use rlx_language::{Memory, Options, elaborate};
use rlx_plan::{Change, Locked, Plan, Surroundings, build, diff};
use std::collections::BTreeMap;

const STUDY: &str = r#"use std.algorithms.grpo
param n = 8 samples
model base { source = "./base" }
data pool {
    source = countdown { seed = 3 }
    size   = 100 problems
    prompt = "{problem}"
    judge  = countdown
}
benchmark held {
    source = countdown { seed = 4 }
    size   = 10 problems
    prompt = "{problem}"
    judge  = countdown
}

train rl {
    start = base
    algorithm = grpo
    data = pool
    batch = 2 prompts
    rollouts = 2 samples
    steps = 4 steps
    keep = [2, 4]
}
evaluate test {
    models = [base, rl@4]
    benchmark = held
    sampling = { temperature = 0.6, top_p = 0.95, max_tokens = 48 }
    samples = n
}
figure coverage = pass_at_k(test, k = 1..n by *2)
figure likelihood = perplexity(test, of = [base, rl@4], under = base)
claim better "better" { pass(test, rl@4, k = 1) > pass(test, base, k = 1) }
"#;

fn plan_around(text: &str, set: &[&str], around: &Surroundings) -> Plan {
    let sources = Memory(BTreeMap::from([("study.rlx".to_owned(), text.to_owned())]));
    let options = Options {
        set: set.iter().map(|set| (*set).to_owned()).collect(),
        ..Options::default()
    };
    let (study, _) = elaborate(&sources, "study.rlx", &options).unwrap_or_else(|errors| {
        panic!(
            "{}",
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        )
    });
    build(&study, around).unwrap()
}

fn plan(text: &str, set: &[&str]) -> Plan {
    plan_around(text, set, &Surroundings::default())
}

fn keys(plan: &Plan) -> BTreeMap<String, String> {
    plan.steps
        .iter()
        .map(|step| (step.name.clone(), step.key.to_string()))
        .collect()
}

/// Names of the steps whose keys differ.
fn changed(a: &Plan, b: &Plan) -> Vec<String> {
    let b = keys(b);
    keys(a)
        .into_iter()
        .filter(|(name, key)| b.get(name) != Some(key))
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn inputs_come_first_and_names_are_unique() {
    let plan = plan(STUDY, &[]);
    for (id, step) in plan.steps.iter().enumerate() {
        assert!(step.inputs.iter().all(|input| *input < id), "{}", step.name);
    }
    assert_eq!(keys(&plan).len(), plan.steps.len());
    assert_eq!(plan.steps.last().unwrap().name, "report");
}

#[test]
fn layout_and_comments_change_no_key() {
    let other = STUDY
        .replace("\n    ", "\n\t ")
        .replace("param n = 8 samples", "// how many\nparam   n=8 samples // a few");
    assert_eq!(keys(&plan(STUDY, &[])), keys(&plan(&other, &[])));
    let laid_out = rlx_grammar::format(STUDY).unwrap();
    assert_eq!(keys(&plan(STUDY, &[])), keys(&plan(&laid_out, &[])));
}

#[test]
fn the_name_of_a_local_model_is_not_its_meaning() {
    let other = STUDY
        .replace("model base ", "model origin ")
        .replace("start = base", "start = origin")
        .replace("[base, rl@4]", "[origin, rl@4]")
        .replace("under = base", "under = origin")
        .replace("test, base", "test, origin");
    let (a, b) = (plan(STUDY, &[]), plan(&other, &[]));
    assert_eq!(a.step("train rl").unwrap().key, b.step("train rl").unwrap().key);
    assert_eq!(
        a.step("sample test base").unwrap().key,
        b.step("sample test origin").unwrap().key
    );
}

#[test]
fn more_samples_keep_the_keys_of_rows() {
    let changed = changed(&plan(STUDY, &[]), &plan(STUDY, &["n=16"]));
    assert_eq!(changed, ["figure coverage", "figure likelihood", "report"]);
}

#[test]
fn the_range_of_k_touches_one_figure_only() {
    let other = STUDY.replace("k = 1..n by *2", "k = 1..4");
    assert_eq!(
        changed(&plan(STUDY, &[]), &plan(&other, &[])),
        ["figure coverage", "report"]
    );
}

#[test]
fn a_sampling_temperature_leaves_the_training_alone() {
    let changed = changed(
        &plan(STUDY, &[]),
        &plan(STUDY, &["test.sampling.temperature=1.0"]),
    );
    assert!(changed.contains(&"sample test base".to_owned()));
    assert!(!changed.contains(&"train rl".to_owned()));
}

#[test]
fn the_content_of_a_local_model_is_what_counts() {
    let pinned = |path: &str, hash: &str| Surroundings {
        pins: BTreeMap::from([(path.to_owned(), hash.to_owned())]),
        ..Surroundings::default()
    };
    let path = match &plan(STUDY, &[]).step("sample test base").unwrap().action {
        rlx_plan::Action::Sample(_) => "base",
        other => panic!("{other:?}"),
    };
    let a = plan_around(STUDY, &[], &pinned(path, "aa"));
    let b = plan_around(STUDY, &[], &pinned(path, "bb"));
    assert_ne!(a.step("train rl").unwrap().key, b.step("train rl").unwrap().key);
    let moved = STUDY.replace("\"./base\"", "\"./elsewhere\"");
    let c = plan_around(&moved, &[], &pinned("elsewhere", "aa"));
    assert_eq!(keys(&a), keys(&c));
}

#[test]
fn labels_are_in_the_keys_of_what_is_made_of_them_and_of_nothing_else() {
    let text = format!(
        "{STUDY}\ntable read = read_by_hand(test, of = base)\nclaim valid \"valid\" {{ valid_chains(test, base) > 50% }}\n"
    );
    let bare = plan(&text, &[]);
    let folder = bare.step("sample test base").unwrap().key.folder();
    let labelled = |folder: &str, hash: &str| {
        let around = Surroundings {
            labels: BTreeMap::from([(folder.to_owned(), hash.to_owned())]),
            ..Surroundings::default()
        };
        plan_around(&text, &[], &around)
    };
    assert_eq!(changed(&bare, &labelled(&folder, "aa")), ["report", "table read"]);
    assert_eq!(
        changed(&labelled(&folder, "aa"), &labelled(&folder, "bb")),
        ["report", "table read"]
    );
    assert!(
        changed(&bare, &labelled("0123", "aa")).is_empty(),
        "of another study"
    );
}

#[test]
fn an_adapter_and_its_content_are_part_of_the_meaning() {
    let adapted = STUDY.replace("\"./base\" }", "\"./base\", adapter = \"./lora\" }");
    let pinned = |hash: &str| Surroundings {
        pins: BTreeMap::from([("lora".to_owned(), hash.to_owned())]),
        ..Surroundings::default()
    };
    let key = |text: &str, hash: &str| {
        let plan = plan_around(text, &[], &pinned(hash));
        plan.step("sample test base").unwrap().key
    };
    assert_ne!(key(STUDY, "aa"), key(&adapted, "aa"));
    assert_ne!(key(&adapted, "aa"), key(&adapted, "bb"));
    assert_eq!(key(STUDY, "aa"), key(STUDY, "bb"));
}

#[test]
fn what_changed_is_said_by_field() {
    let locked = Locked::of(&plan(STUDY, &[]));
    assert!(diff(&locked, &plan(STUDY, &[])).is_empty());
    let changes = diff(&locked, &plan(STUDY, &["rl.batch=4"]));
    let Some(Change::Changed { step, fields }) = changes.first() else {
        panic!("{changes:?}")
    };
    assert_eq!(step, "train rl");
    assert_eq!(fields.len(), 1);
    assert_eq!(fields[0].0, "recipe.batch");
    let without = STUDY.replace(
        "figure likelihood = perplexity(test, of = [base, rl@4], under = base)\n",
        "",
    );
    let changes = diff(&locked, &plan(&without, &[]));
    assert!(changes.contains(&Change::Removed {
        step: "figure likelihood".into()
    }));
}

#[test]
fn costs_are_counted_from_what_is_drawn() {
    let plan = plan(STUDY, &[]);
    assert_eq!(
        plan.step("sample test base").unwrap().cost.sampled_tokens,
        10 * 8 * 48
    );
    let half = plan.step("sample test base").unwrap().cost.remaining(0.5);
    assert_eq!(half.sampled_tokens, 10 * 4 * 48);
}

const SWEEP: &str = r#"use std.algorithms.{grpo, dr_grpo}
param n = 8 samples
let rate = 1e-4
model base { source = "./base" }
data pool {
    source = countdown { seed = 3 }
    size   = 100 problems
    prompt = "{problem}"
    judge  = countdown
}
benchmark held {
    source = countdown { seed = 4 }
    size   = 40 problems
    prompt = "{problem}"
    judge  = countdown
}

train rl for algo in [grpo, dr_grpo], steps in [4, 10] where algo == grpo or steps < 10 {
    start = base
    algorithm = algo { optimizer = { learning_rate = rate } }
    data = pool
    batch = 2 prompts
    rollouts = 2 samples
    steps = steps
    keep = [2]
}
evaluate test {
    models = [base, rl[*]@*]
    benchmark = held
    sampling = { temperature = 0.6, top_p = 0.95, max_tokens = 48 }
    samples = n
}
figure coverage for algo in [grpo, dr_grpo] = pass_at_k(test, of = [base, rl[algo]], k = 1..n by *2)
table gap = delta_se(test, of = rl[*]@*, against = base, k = 4)
figure curves = training(rl[*])
claim better for algo in [grpo, dr_grpo] "{algo} is better" {
    pass(test, rl[algo, 4]@2, k = 1) > pass(test, base, k = 1)
}
"#;

#[test]
fn members_are_steps_of_their_own() {
    let plan = plan(SWEEP, &[]);
    let trainings: Vec<&str> = plan
        .steps
        .iter()
        .filter(|step| step.name.starts_with("train"))
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(
        trainings,
        ["train rl[dr_grpo, 4]", "train rl[grpo, 4]", "train rl[grpo, 10]"]
    );
    assert!(plan.step("sample test rl[grpo, 10]@2").is_some());
    assert!(plan.step("figure coverage[dr_grpo]").is_some());
    let twin = SWEEP.replace("dr_grpo, 4", "grpo, 4").replace(
        "train rl for algo in [grpo, dr_grpo], steps in [4, 10] where algo == grpo or steps < 10 {",
        "train rl for algo in [grpo, dr_grpo], steps in [4, 10] where true {",
    );
    let other = self::plan(&twin, &[]);
    for name in trainings {
        assert_eq!(
            plan.step(name).unwrap().key,
            other.step(name).unwrap().key,
            "{name} depends on the other members"
        );
    }
}

#[test]
fn a_member_is_what_it_would_be_alone() {
    let alone = SWEEP
        .replace(
            "train rl for algo in [grpo, dr_grpo], steps in [4, 10] where algo == grpo or steps < 10 {",
            "train rl {",
        )
        .replace("= algo {", "= grpo {")
        .replace("steps = steps", "steps = 10")
        .replace("[grpo, dr_grpo]", "[grpo]")
        .replace("{grpo, dr_grpo}", "grpo")
        .replace("rl[*]", "rl")
        .replace("rl[algo, 4]", "rl")
        .replace(
            "figure coverage for algo in [grpo] = pass_at_k(test, of = [base, rl[algo]], k = 1..n by *2)",
            "figure coverage = pass_at_k(test, of = [base, rl], k = 1..n by *2)",
        )
        .replace("claim better for algo in [grpo] ", "claim better ");
    assert_eq!(
        plan(SWEEP, &[]).step("train rl[grpo, 10]").unwrap().key,
        plan(&alone, &[]).step("train rl").unwrap().key
    );
}

#[test]
fn the_order_of_an_axis_changes_no_key() {
    let other = SWEEP
        .replace("algo in [grpo, dr_grpo]", "algo in [dr_grpo, grpo]")
        .replace("steps in [4, 10]", "steps in [10, 4]");
    assert_ne!(other, SWEEP);
    assert_eq!(keys(&plan(SWEEP, &[])), keys(&plan(&other, &[])));
    let (a, b) = (plan(SWEEP, &[]), plan(&other, &[]));
    let names = |plan: &Plan| {
        plan.steps
            .iter()
            .map(|step| step.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&a), names(&b));
}

#[test]
fn the_order_of_declarations_changes_no_key() {
    for study in [STUDY, SWEEP] {
        let mut items: Vec<String> = Vec::new();
        for item in rlx_grammar::parse(study).file.items {
            items.push(study[item.span.start..item.span.end].to_owned());
        }
        let before = keys(&plan(study, &[]));
        items.reverse();
        for _ in 0..items.len() {
            items.rotate_left(1);
            assert_eq!(keys(&plan(&items.join("\n"), &[])), before);
        }
    }
}

#[test]
fn the_names_of_locals_change_no_key() {
    let other = SWEEP
        .replace("rate", "lr")
        .replace("learning_lr", "learning_rate")
        .replace("for algo", "for how")
        .replace("algo == ", "how == ")
        .replace("= algo {", "= how {")
        .replace("rl[algo", "rl[how")
        .replace("{algo}", "{how}")
        .replace("steps in", "length in")
        .replace("steps < 10", "length < 10")
        .replace("steps = steps", "steps = length")
        .replace("param n", "param many")
        .replace("samples = n", "samples = many")
        .replace("1..n", "1..many");
    assert_ne!(other, SWEEP);
    assert_eq!(keys(&plan(SWEEP, &[])), keys(&plan(&other, &[])));
}

#[test]
fn values_know_their_readers() {
    let sources = Memory(BTreeMap::from([("study.rlx".to_owned(), SWEEP.to_owned())]));
    let (study, _) = elaborate(&sources, "study.rlx", &Options::default()).unwrap();
    let plan = build(&study, &Surroundings::default()).unwrap();
    let read = |path: &str| rlx_plan::readers(&study, &plan, path);
    assert_eq!(read("rl[grpo, 10].batch"), ["train rl[grpo, 10]"]);
    assert_eq!(
        read("rate"),
        ["train rl[dr_grpo, 4]", "train rl[grpo, 4]", "train rl[grpo, 10]"]
    );
    assert!(read("n").contains(&"sample test base"));
    assert!(read("n").contains(&"figure coverage[grpo]"));
    assert_eq!(read("gap"), ["table gap"]);
    assert!(read("test.sampling.top_p").contains(&"sample test rl[grpo, 4]@2"));
    assert!(!read("test.sampling.top_p").contains(&"train rl[grpo, 4]"));
    assert!(read("held.judge").contains(&"judge test base"));
    assert!(read("base.source").contains(&"train rl[grpo, 4]"));
    let step = plan.step("train rl[grpo, 4]").unwrap();
    assert_eq!(
        rlx_plan::value_of(&study, &plan, step, "recipe.batch"),
        Some("rl[grpo, 4].batch")
    );
    assert_eq!(
        rlx_plan::value_of(&study, &plan, step, "optimizer.learning_rate"),
        Some("rl[grpo, 4].optimizer.learning_rate")
    );
}

#[test]
fn values_say_behind_which_names_they_stand() {
    let sources = Memory(BTreeMap::from([("study.rlx".to_owned(), SWEEP.to_owned())]));
    let options = Options {
        set: vec!["n=16".to_owned()],
        ..Options::default()
    };
    let (study, _) = elaborate(&sources, "study.rlx", &options).unwrap();
    let through = |path: &str| {
        let leaf = study.origins.get(path).unwrap_or_else(|| panic!("{path}"));
        leaf.through.clone()
    };
    let samples = through("test.samples");
    assert_eq!(samples[0].name, "n");
    assert!(matches!(&samples[0].origin, rlx_language::Origin::Set { .. }));
    assert!(matches!(
        samples[0].overrode.as_slice(),
        [rlx_language::Origin::Written { line: 2, .. }]
    ));
    assert_eq!(through("rl[grpo, 10].steps")[0].name, "steps");
    let names: Vec<&str> = rlx_language::explain(&study, "rl.steps")
        .iter()
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(
        names,
        ["rl[dr_grpo, 4].steps", "rl[grpo, 4].steps", "rl[grpo, 10].steps"]
    );
    assert_eq!(rlx_language::explain(&study, "rl[grpo].steps").len(), 2);
    assert_eq!(rlx_language::explain(&study, "rl[*, 10].steps").len(), 1);
    assert!(rlx_language::explain(&study, "rl[ppo].steps").is_empty());
}

#[test]
fn the_rows_of_a_hubs_set_are_part_of_the_meaning() {
    let text = STUDY.replace(
        "source = countdown { seed = 4 }\n    size   = 10 problems\n    prompt = \"{problem}\"\n    judge  = countdown",
        "source = \"hf:lab/held@main\"\n    config = \"en\"\n    prompt = \"{problem}\"\n    judge  = number",
    );
    assert_ne!(text, STUDY);
    let around = |hash: Option<&str>| Surroundings {
        pins: hash
            .map(|hash| {
                (
                    rlx_plan::hub_data("lab/held", "main", Some("en"), "test"),
                    hash.to_owned(),
                )
            })
            .into_iter()
            .collect(),
        ..Surroundings::default()
    };
    let first = plan_around(&text, &[], &around(Some("aa")));
    let second = plan_around(&text, &[], &around(Some("bb")));
    assert_eq!(keys(&first), keys(&plan_around(&text, &[], &around(Some("aa")))));
    // The rows do not change what is fetched, nor what is trained on other rows.
    let differ = changed(&first, &second);
    assert!(
        differ.contains(&"sample test base".to_owned()) && differ.contains(&"report".to_owned()),
        "{differ:?}"
    );
    assert!(
        !differ.contains(&"train rl".to_owned()) && !differ.contains(&"fetch data held".to_owned()),
        "{differ:?}"
    );
    // And the difference has a name.
    let changes = diff(&Locked::of(&first), &second);
    assert!(changes.iter().any(|change| matches!(
        change,
        Change::Changed { step, fields }
            if step == "sample test base" && fields.iter().any(|(field, ..)| field == "problems.source.content")
    )), "{changes:?}");
}

#[test]
fn choosing_other_rows_trains_anew_and_keeps_what_is_drawn() {
    let text = |pool: &str, held: &str| {
        STUDY
            .replace(
                "source = countdown { seed = 3 }\n    size   = 100 problems",
                &format!("source = \"./pool.jsonl\"\n{pool}"),
            )
            .replace(
                "source = countdown { seed = 4 }\n    size   = 10 problems",
                &format!("source = \"./held.jsonl\"\n{held}"),
            )
            .replace("judge  = countdown", "judge  = number")
    };
    let base = plan(&text("", ""), &[]);
    let filtered = changed(&base, &plan(&text("filter = level >= 3", ""), &[]));
    assert!(
        filtered.contains(&"train rl".to_owned()) && !filtered.contains(&"sample test base".to_owned()),
        "{filtered:?}"
    );
    let shuffled = changed(&base, &plan(&text("shuffle = 1", ""), &[]));
    assert!(shuffled.contains(&"train rl".to_owned()), "{shuffled:?}");
    // A row of a benchmark is the same row, whichever others are asked for.
    let held = changed(&base, &plan(&text("", "filter = level >= 3"), &[]));
    assert_eq!(held, ["report"]);
}

#[test]
fn a_figure_of_several_evaluations_rests_on_all_of_them() {
    let warm = "evaluate warm = test { sampling = { temperature = 1.2, max_tokens = 48 } }\n";
    let both = format!(
        "{}{warm}",
        STUDY.replace("pass_at_k(test,", "pass_at_k([test, warm], of = base,")
    );
    let a = plan(&both, &[]);
    let figure = a
        .steps
        .iter()
        .find(|step| step.name == "figure coverage")
        .unwrap();
    let inputs: Vec<&str> = figure
        .inputs
        .iter()
        .map(|id| a.steps[*id].name.as_str())
        .collect();
    assert_eq!(inputs, ["judge test base", "judge warm base"]);
    let more = plan(
        &both.replace("max_tokens = 48 } }", "max_tokens = 48 }, samples = 16 }"),
        &[],
    );
    assert!(changed(&a, &more).contains(&"figure coverage".to_owned()));
}

#[test]
fn a_search_is_keyed_by_what_it_looks_for_and_its_reader_by_the_search() {
    let text = format!(
        "{STUDY}search matched {{
    model = rl@4, benchmark = held, sampling = {{ max_tokens = 48 }}, samples = 2, target = entropy(test, base), between = 0.5..2
}}
evaluate raised = test {{ models = rl@4, sampling = {{ temperature = matched, max_tokens = 48 }} }}
"
    );
    let whole = plan(&text, &[]);
    let id = |plan: &Plan, name: &str| plan.steps.iter().position(|step| step.name == name).unwrap();
    let (search, raised) = (id(&whole, "search matched"), id(&whole, "sample raised rl@4"));
    let inputs: Vec<&str> = whole.steps[search]
        .inputs
        .iter()
        .map(|id| whole.steps[*id].name.as_str())
        .collect();
    assert_eq!(inputs, ["train rl", "sample test base"]);
    assert!(whole.steps[raised].inputs.contains(&search));
    assert_eq!(
        whole.steps[raised].meaning["sampling"]["temperature"]["search"],
        whole.steps[search].key.to_string()
    );
    // Upper bound: twelve looks of ten problems, two samples, 48 tokens.
    assert_eq!(whole.steps[search].cost.sampled_tokens, 12 * 10 * 2 * 48);
    let both = ["search matched", "sample raised rl@4"];
    for set in [
        "matched.within=0.1",
        "matched.samples=3",
        "matched.looks=4",
        "n=9",
        "test.seed=5",
    ] {
        let changed = changed(&whole, &plan(&text, &[set]));
        assert!(
            both.iter().all(|name| changed.contains(&(*name).to_owned())),
            "{set}: {changed:?}"
        );
    }
    let other = changed(&whole, &plan(&text, &["raised.sampling.top_p=0.9"]));
    assert!(
        !other.contains(&"search matched".to_owned()) && other.contains(&"sample raised rl@4".to_owned())
    );
    // A look is the step of an evaluation that draws the same.
    let rlx_plan::Action::Search(step) = &whole.steps[search].action else {
        panic!("no search")
    };
    let fixed = plan(&text, &["raised.sampling.temperature=1.25"]);
    assert_eq!(
        step.at(1.25).key,
        fixed.steps[id(&fixed, "sample raised rl@4")].key
    );
}

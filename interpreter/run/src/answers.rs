//! Whether the data are what the study says they are: as many as stated, with the answers that their judge compares with.

use crate::{RunError, world::World};
use rlx_data::Problem;
use rlx_language::{Judge, Origin, ProblemSet, ProblemSource, Recipe, Study};
use rlx_plan::{Action, Plan};

/// Looks at every set that verdicts will be given on, as far as it is on this machine.
///
/// # Errors
/// A problem without an answer where the judge compares with one.
pub(crate) fn check_all(study: &Study, plan: &Plan, world: &World, todo: &[usize]) -> Result<(), RunError> {
    for step in todo.iter().filter_map(|id| plan.steps.get(*id)) {
        let set = match &step.action {
            // Verdicts that were given elsewhere compare with nothing here.
            Action::Judge { given: Some(_), .. } => continue,
            Action::Judge { set, .. } => set,
            Action::Train(train) if matches!(train.training.recipe, Recipe::Rl { .. }) => {
                &train.training.data
            }
            _ => continue,
        };
        // What has to be fetched first is looked at when it is judged.
        if let (Some(set), Ok(problems)) = (study.problem_sets.get(set), world.problems(set)) {
            check(set, problems, &step.name)?;
        }
    }
    Ok(())
}

/// # Errors
/// A problem without an answer where the judge compares with one.
pub(crate) fn check(set: &ProblemSet, problems: &[Problem], step: &str) -> Result<(), RunError> {
    // What a program of the user's own compares with is its own business.
    if matches!(set.judge, Judge::Countdown | Judge::Code | Judge::Command) {
        return Ok(());
    }
    let blank = |problem: &&Problem| {
        problem
            .answer
            .as_deref()
            .is_none_or(|answer| answer.trim().is_empty())
    };
    let without = problems.iter().filter(blank).count();
    let Some(first) = problems.iter().find(blank) else {
        return Ok(());
    };
    Err(RunError::Step {
        step: step.to_owned(),
        code: "rlx::run::answer",
        message: format!(
            "{without} of {} problems of `{}` have no answer, the first is `{}`, and the judge `{}` compares with one: \
             no response could be right",
            problems.len(),
            set.name,
            first.id,
            set.judge.name()
        ),
        help: match &set.answer {
            Some(column) => {
                format!("answers are read from the column `{column}`; name another with `answer = \"…\"`")
            }
            None => "name the column of the answers with `answer = \"…\"`".into(),
        },
    })
}

/// Whether the size of a set was stated together with its source. One that a profile, `--set` or an update in another
/// file put a new source under says nothing about that source.
pub(crate) fn states_its_size(study: &Study, set: &str) -> bool {
    let written = |field: &str| {
        let leaf = study.origins.get(&format!("{set}.{field}"))?;
        match &leaf.origin {
            Origin::Written { file, .. } => Some(Some(file.as_str())),
            _ => Some(None),
        }
    };
    match (written("source"), written("size")) {
        (Some(source), Some(size)) => source.is_some() && source == size,
        // A set that is changed where it is used has its values under another name.
        _ => matches!(
            study.problem_sets.get(set).map(|set| &set.source),
            Some(ProblemSource::Hub { .. })
        ),
    }
}

/// A file or a split has as many rows as the study says it has.
///
/// # Errors
/// Another number.
pub(crate) fn check_size(set: &ProblemSet, problems: usize) -> Result<(), RunError> {
    let task = matches!(set.source, ProblemSource::Task { .. });
    // What is left out because another set has it cannot be counted beforehand.
    let Some(size) = set.size.filter(|_| !task && set.exclude.is_empty()) else {
        return Ok(());
    };
    let left = size.saturating_sub(set.skip);
    let expected = set.limit.map_or(left, |limit| limit.min(left));
    if problems as u64 == expected {
        return Ok(());
    }
    let limited = if set.skip > 0 || set.limit.is_some() {
        " after `skip` and `limit`"
    } else {
        ""
    };
    Err(RunError::Step {
        step: set.name.clone(),
        code: "rlx::run::size",
        message: format!(
            "the study says that `{}` has {size} problems, so {expected}{limited}, and {problems} were read",
            set.name
        ),
        help: "epochs, costs and intervals are reckoned with this number: mend `size`, or look whether split and \
               revision are the ones that are meant"
            .into(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;
    use rlx_language::{Memory, Options, elaborate};

    fn study(set: &str, options: &Options) -> Study {
        let text = format!(
            "model base {{ source = \"./base\" }}\nbenchmark held {{ prompt = \"{{problem}}\", judge = number, {set} }}\n\
             evaluate test {{ models = base, benchmark = held, samples = 1, sampling = {{ temperature = 1, max_tokens = 8 }} }}\n"
        );
        let sources = Memory([("study.rlx".to_owned(), text)].into());
        elaborate(&sources, "study.rlx", options).unwrap().0
    }

    fn problems(answers: &[Option<&str>]) -> Vec<Problem> {
        let row = |(at, answer): (usize, &Option<&str>)| {
            Problem::new(
                at.to_string(),
                format!("problem {at}"),
                answer.map(str::to_owned),
                None,
            )
        };
        answers.iter().enumerate().map(row).collect()
    }

    #[test]
    fn a_problem_without_an_answer_is_named() {
        let study = study("source = \"./held.jsonl\"", &Options::default());
        let set = &study.problem_sets["held"];
        assert!(check(set, &problems(&[Some("1"), Some("2")]), "judge").is_ok());
        let message = check(set, &problems(&[Some("1"), Some(" "), None]), "judge")
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("2 of 3 problems") && message.contains("`1`"),
            "{message}"
        );
    }

    #[test]
    fn the_stated_size_is_that_of_the_rows() {
        let study = study(
            "source = \"./held.jsonl\", size = 50 problems, skip = 10, limit = 40 problems",
            &Options {
                set: vec!["held.limit=30".into()],
                ..Options::default()
            },
        );
        assert!(states_its_size(&study, "held"));
        let set = &study.problem_sets["held"];
        assert!(check_size(set, 30).is_ok());
        assert!(
            check_size(set, 29)
                .unwrap_err()
                .to_string()
                .contains("50 problems")
        );
    }

    #[test]
    fn a_source_of_ones_own_has_no_stated_size() {
        let options = Options {
            set: vec!["held.source=\"./other.jsonl\"".into()],
            ..Options::default()
        };
        let study = study("source = \"./held.jsonl\", size = 50 problems", &options);
        assert!(!states_its_size(&study, "held"));
    }
}

//! Every code a diagnostic can carry, with the longer story that `rlx explain CODE` tells.

/// A code and its story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    pub code: &'static str,
    /// What it means and how to mend it, in a few sentences.
    pub story: &'static str,
}

/// The codes of this crate, sorted by name.
pub const CODES: &[Code] = &[
    Code {
        code: "rlx::checkpoint::after_end",
        story: "`keep` names a step that the training never reaches. `steps = 80` and `keep = [20, 100]` keep nothing at \
                100. Lower the step or raise `steps`; a profile that shortens a training has to shorten its `keep`, too.",
    },
    Code {
        code: "rlx::checkpoint::not_kept",
        story: "`rl@150` names the checkpoint after step 150, which must be in the training's `keep` (the last step always \
                is). `rl@last` is the last one whatever its number, `rl@*` all of them. A distillation keeps its end only: \
                write its name alone.",
    },
    Code {
        code: "rlx::claim::constant",
        story: "A comparison in a claim has to measure something on at least one side: `pass`, `delta_se`, `perplexity`, \
                `share` or `count`. A comparison of two written numbers is decided by the author, not by the study.",
    },
    Code {
        code: "rlx::claim::form",
        story: "A claim is a comparison (`<`, `<=`, `>`, `>=`) of measured quantities, or several joined by `and`, `or`, \
                `not`. Equality is not a claim: two measured numbers are never known to be equal, only to be near each \
                other. Sets of problems in one `share` or `count` have to come from one evaluation.",
    },
    Code {
        code: "rlx::claim::list",
        story: "A list stands where one thing is wanted, or lists of different lengths stand side by side. Inside of `all`, \
                `any`, `rising`, `falling`, `max` and `min` an expression is read once for each place of the lists in it, so \
                that all of them have to be of one length; what is no list is the same in each place.",
    },
    Code {
        code: "rlx::claim::published",
        story: "`published(NAME, k = 256)` reads a number that somebody published from a `let`: one number, or a record of \
                two lists, the first of places (`k`, `bin`, `step`) and the second of numbers. A place that is not listed \
                was not published, and nothing is interpolated.",
    },
    Code {
        code: "rlx::context::exceeded",
        story: "A response of `max_tokens` and its prompt do not fit into the model's context. Left to run, responses \
                would be cut early without a word, and numbers would come out too low. Lower `max_tokens`, or take a model \
                with a longer context. The check needs a stated `context` (or `init`).",
    },
    Code {
        code: "rlx::context::tight",
        story: "A warning: the model's context is stated, and what `max_tokens` leaves of it is less than the words of the \
                prompt take that stand around every problem (reckoned at four characters a token). The problems come on top. \
                A prompt that does not fit ends the run with `rlx::run::context`: lower `max_tokens`.",
    },
    Code {
        code: "rlx::data::among",
        story: "`among = accuracy(EVALUATION, MODEL, above = 0%, most = 5%)` keeps the problems that an evaluation of the study puts \
                into a set. Problems are told by their ids, so the evaluation has to be of a set with the same source, split and \
                `id`: the one that this set is an update of, or another update of it.",
    },
    Code {
        code: "rlx::data::contamination",
        story: "A training names a `benchmark` as its data. What is measured must not be trained on, so the language has \
                two kinds of problem sets. Declare training problems as `data`, and let `exclude = [BENCHMARK]` keep the \
                two apart.",
    },
    Code {
        code: "rlx::data::empty",
        story: "`skip` leaves out as many problems as there are, or more. Nothing would be left.",
    },
    Code {
        code: "rlx::data::endless",
        story: "A procedural task such as countdown makes problems for ever. Where all problems of a set are needed (an \
                evaluation, a distillation without `prompts`) the set has to say how many there are: `size = 64 problems`.",
    },
    Code {
        code: "rlx::data::filter",
        story: "`filter` keeps the rows of a source for which a condition holds: comparisons of a column with a text, a \
                number, `true`, `false`, `none` or a list of texts, joined by `and`, `or` and `not`. The column's name \
                stands to the left: `contest_date >= \"2024-08-01\" and options == []`. Texts are compared letter by letter, \
                which is right for dates that begin with the year. A dot leads into an object: `metadata.language`.",
    },
    Code {
        code: "rlx::data::judge",
        story: "A countdown puzzle is judged by checking each step of the response, not by comparing with a gold answer: \
                it has none. Write `judge = countdown`. The columns `setup`, `entry_point`, `starter_code` and `hidden` belong to \
                problems that ask for a program, and want `judge = code`.",
    },
    Code {
        code: "rlx::data::picture",
        story: "Problems with pictures (`image`) are shown to models in a chat, whose template has a place for them, so that \
                their prompt needs `chat = true`. They can be measured on and judged; trainings and distillations read text \
                only.",
    },
    Code {
        code: "rlx::data::response",
        story: "Supervised fine-tuning imitates responses. Data from a file or the hub names their column: \
                `response = \"solution\"`. Tasks write their own demonstrations.",
    },
    Code {
        code: "rlx::data::short",
        story: "More prompts or problems are asked for than there are, by the stated `size`, `skip` and `limit`.",
    },
    Code {
        code: "rlx::evaluate::join",
        story: "`join` puts the samples of evaluations together, so that pass@k is known for larger k and with narrower intervals. That \
                holds for samples of one kind: the same models, benchmark, prompt, judge and sampling. The seeds differ, since one \
                seed draws the same samples again, and none counts twice; for more samples from one seed raise `samples`.",
    },
    Code {
        code: "rlx::family::axis",
        story: "An axis of a family is a name for the value in which its members differ: `train rl for algo in [ppo, grpo] \
                { algorithm = algo … }`. When nothing in the declaration reads it, all members would be the same training.",
    },
    Code {
        code: "rlx::family::condition",
        story: "`where` says which combinations of a family there are, by the values of its axes: `where algo == grpo or \
                steps < 300`. Names are compared with `==` and `!=`, numbers also with `<`, `<=`, `>`, `>=`; `and`, `or`, \
                `not` join comparisons.",
    },
    Code {
        code: "rlx::family::duplicate",
        story: "Members are known by the labels of their values: the name that is written, or the number. Two values with \
                one label would be one member. Values with names of one's own are written as a record: \
                `for rate in { low = 1e-6, high = 1e-5 }`.",
    },
    Code {
        code: "rlx::family::empty",
        story: "A family without members declares nothing: an axis has no values, or `where` is true for no combination. \
                `where` says which members there are, not which are left out.",
    },
    Code {
        code: "rlx::family::form",
        story: "Brackets behind a name choose members of a family, which is declared with `for`: `train rl for algo in [ppo, \
                grpo] { … }` has the members `rl[ppo]` and `rl[grpo]`. In profiles and `--set` they stand behind the \
                family's name: `rl[grpo].steps = 20`; an axis has its values in the whole family: `rl.algo = [grpo]`.",
    },
    Code {
        code: "rlx::family::large",
        story: "A family has a member for each combination of its axes, and each is trained, measured or drawn. More than a \
                thousand in one family, or ten thousand in a study, is taken for a slip.",
    },
    Code {
        code: "rlx::family::member",
        story: "The brackets name a member that the family does not have: a label that is no value of its axis, or a \
                combination that `where` leaves out. Labels are the names and numbers as they are written behind `in`; \
                `rl[*]` names all members, `rl[*, 150]` those whose second axis is 150, `rl[steps = 150]` the same by name.",
    },
    Code {
        code: "rlx::family::one",
        story: "One model, training or evaluation is wanted, and a family or several of its members are named. Choose one: \
                `rl[grpo]`. Where several are read (a list of models, `training(…)`), `rl[*]` names all of them.",
    },
    Code {
        code: "rlx::field::duplicate",
        story: "The same field, argument or profile entry is written twice. Neither would win silently, so one has to go. \
                To change a field of something that exists, use an update: `grpo { kl = none }`.",
    },
    Code {
        code: "rlx::field::inapplicable",
        story: "The field is known, but because of another field's value nothing would read it: `rollouts` of supervised \
                fine-tuning, `loss_length` without the aggregation that divides by it, a column of a task. What is written \
                is read, or it is an error.",
    },
    Code {
        code: "rlx::field::missing",
        story: "A field without a default is not written. The help names it and what it takes.",
    },
    Code {
        code: "rlx::field::unknown",
        story: "The record or declaration has no field of this name. Misspelt fields that are silently accepted change \
                studies without anyone's knowing, so they are errors, with the nearest name as a suggestion.",
    },
    Code {
        code: "rlx::import::alias",
        story: "`use … as name` gives one thing another name. With several names in braces it is unclear which is meant.",
    },
    Code {
        code: "rlx::import::cycle",
        story: "A file imports itself, directly or by way of others. Move what both need into a third file.",
    },
    Code {
        code: "rlx::import::missing",
        story: "The file is not there, or cannot be read. Paths in `use` count from the folder of the file they stand in.",
    },
    Code {
        code: "rlx::import::unknown",
        story: "The imported name is not declared in that file, or that part of the standard library does not exist. Names \
                that a file has itself imported are not passed on.",
    },
    Code {
        code: "rlx::model::architecture",
        story: "The sizes of a freshly initialised model do not fit together: heads divide the width, key and value heads \
                divide the heads, and a head's width is even (rotary embedding).",
    },
    Code {
        code: "rlx::model::endpoint",
        story: "A model behind a server (`source = endpoint { … }`) is asked over OpenAI's interface: its address ends with \
                `/v1`, the key is named by the environment variable that holds it, and only what that interface has can be \
                asked for: `temperature`, `top_p`, `stop` and `max_tokens`.",
    },
    Code {
        code: "rlx::model::none",
        story: "A list that has to name something is empty.",
    },
    Code {
        code: "rlx::model::responses",
        story: "Responses in a file (`source = responses { … }`) are matched with a problem set by `id` or by `problem`, never by \
                both. They are measured as models are, judged here or with the verdicts of the column `verdict`, and they teach. \
                `rlx import` makes such a file of what other programs write.",
    },
    Code {
        code: "rlx::model::twice",
        story: "A warning: the list names the same model or checkpoint twice (perhaps `rl@*` and `rl@80`). It counts once.",
    },
    Code {
        code: "rlx::model::vision",
        story: "The benchmark shows pictures (`image`) and the model is not said to read them. What is known of a model \
                before it is here is what its declaration says: write `vision = true` for one such as Qwen2.5-VL. Checkpoints \
                read what the model reads that they were trained from; fresh weights (`init`) read text only.",
    },
    Code {
        code: "rlx::model::weights",
        story: "Trainings start from weights, and probabilities (`divergence`, `perplexity`, `best_of`, `entropy`) are asked \
                of weights. A model whose responses lie in a file or come from a server has none here: it can be the teacher \
                of a `distill` without a `divergence`, and one behind a server can be measured.",
    },
    Code {
        code: "rlx::name::cycle",
        story: "Declarations need each other in a circle, so none of them has a meaning: two `let`s, a model that is made \
                from itself, trainings that start from each other, problem sets that exclude each other.",
    },
    Code {
        code: "rlx::name::depth",
        story: "Names lead to names lead to names, further than anyone can follow: a chain of 500 values, of 64 \
                declarations made from one another, or values that double at each step. Every study ends; this one would \
                only do so after a very long time.",
    },
    Code {
        code: "rlx::name::duplicate",
        story: "In a file a name stands for one thing, imports included. Rename one, or import it `as` another name.",
    },
    Code {
        code: "rlx::name::field",
        story: "`rl.batch` names a field from outside, which only profiles and `--set` do. To use one value in two places, \
                declare it: `let batch = 32 prompts`.",
    },
    Code {
        code: "rlx::name::unknown",
        story: "The name is neither declared in this file nor imported. The help has the nearest name, or the `use` line \
                that is missing.",
    },
    Code {
        code: "rlx::name::unused",
        story: "Nothing reads this name. A value that was written and not used is the most common way for a study to differ \
                from its description, so it is an error. Trainings, evaluations, figures, tables and claims are results and \
                count as used; so does what a profile names.",
    },
    Code {
        code: "rlx::problems::few",
        story: "A warning: the benchmark has fewer than 30 problems. Intervals for problems like these resample problems; \
                with few of them they are wide, and claims stay inconclusive, however many samples are drawn.",
    },
    Code {
        code: "rlx::profile::idle",
        story: "The profile changes something that the study does not read, so the change would do nothing.",
    },
    Code {
        code: "rlx::profile::target",
        story: "A profile changes values of the study: a declared or imported name, or a field of one (`rl.batch`). It \
                cannot add names, and it cannot change a claim: what is claimed does not depend on the size of the run.",
    },
    Code {
        code: "rlx::profile::unknown",
        story: "`--profile NAME` names a profile that the file does not declare.",
    },
    Code {
        code: "rlx::prompt::placeholder",
        story: "A prompt has to hold `{problem}`, where the problem's text goes, and knows no other placeholder. `{}` and \
                `{1}` are plain text, so `\\boxed{}` needs no escape; `{{name}}` gives `{name}`.",
    },
    Code {
        code: "rlx::prompt::system",
        story: "A system message exists in a chat only: write `chat = true`, or put the text into the template.",
    },
    Code {
        code: "rlx::query::argument",
        story: "Only the first arguments of a function go without a name (the evaluation; in a claim also the model). The others are written `name = value`.",
    },
    Code {
        code: "rlx::query::judge",
        story: "`disagreements(EVALUATION, judge = JUDGE)` has a second judge look at the responses of an evaluation and shows where \
                it differs from the benchmark's own. Both have to compare answers with golds (`number`, `math`, `math_paper`, \
                `choice`, `exact`), and they have to be two.",
    },
    Code {
        code: "rlx::query::k",
        story: "pass@k is estimated without bias from n samples a problem only for k up to n. Draw more samples (those that \
                are there are kept), or ask for a smaller k.",
    },
    Code {
        code: "rlx::query::model",
        story: "A figure, table or claim asks for a model that its evaluation does not measure. Add it to the evaluation's \
                `models`, or ask for one of those.",
    },
    Code {
        code: "rlx::query::noisy",
        story: "A warning: k is above half of the samples. For k near n the estimate of pass@k rests on few samples a \
                problem: its standard deviation at k = n is several times the one at k = n/8. Draw at least 2 k samples for \
                narrow intervals.",
    },
    Code {
        code: "rlx::query::problems",
        story: "`pass_at_k([ONE, OTHER], …)` draws the curves of several evaluations into one figure. They are held against each \
                other, and the resampled problems are the same for all, so all have to measure the same list of problems: one \
                benchmark, or changes of it that leave its problems alone (another prompt, another judge). For other problems \
                declare a figure of their own.",
    },
    Code {
        code: "rlx::query::unknown",
        story: "Figures and tables know `pass_at_k`, `delta_se`, `subset`, `perplexity`, `summary`, `training`; claims know `pass`, `delta_se`, `perplexity`, `share`, `count`, and `solved` inside of the last two.",
    },
    Code {
        code: "rlx::range::empty",
        story: "Ranges go upwards and include both ends: `1..256 by *2` is 1, 2, 4, … 256, `0..100 by 10` is 0, 10, … 100.",
    },
    Code {
        code: "rlx::sampling::greedy",
        story: "A warning: at temperature 0 every sample of a problem is the same text, so more than one tells nothing new, and pass@k is pass@1.",
    },
    Code {
        code: "rlx::sampling::recorded",
        story: "A warning: a `distill` says how its teacher's responses are drawn, and they lie in a file (`source = responses \
                { … }`). They are taken as they are. Leave `sampling` out, unless another profile asks a model for them.",
    },
    Code {
        code: "rlx::search::target",
        story: "A `search` finds the temperature at which a model's outputs have an entropy. Its `target` is made of `entropy(EVALUATION, \
                MODEL)`, published numbers and plain numbers of nats a token, and lies above 0.",
    },
    Code {
        code: "rlx::set::idle",
        story: "`--set` changes something that the study does not read (perhaps it is read with another profile), so the change would do nothing.",
    },
    Code {
        code: "rlx::set::unknown",
        story: "`--set` changes values of the study: a declared or imported name, or a field of one: `--set n=64`, `--set rl.batch=\"4 prompts\"`. Claims cannot be changed.",
    },
    Code {
        code: "rlx::source::form",
        story: "A source is `hf:org/name` or `hf:org/name@revision`, or a path. A text such as `org/name` could be either: \
                write `hf:org/name` or `./org/name`. Paths count from the folder of the file that declares them.",
    },
    Code {
        code: "rlx::train::length",
        story: "A training is as long as `steps` says, or `epochs` over data whose size is known. With both, one would be \
                ignored; without a known size, an epoch has no length.",
    },
    Code {
        code: "rlx::train::mini_batch",
        story: "`mini_batch` says how many of a step's prompts an optimiser update takes, so it divides `batch`. With a batch of \
                128 prompts, 32 make four updates a pass; 48 would leave a smaller last update that weighs as much as the others.",
    },
    Code {
        code: "rlx::train::repeats",
        story: "A warning: `batch` is larger than the data, by its stated `size`, `skip` and `limit`. A step then sees some \
                problems twice, and an epoch is less than a step.",
    },
    Code {
        code: "rlx::train::vocabulary",
        story: "With a `divergence` the student learns the teacher's distribution over tokens, position by position. That needs \
                one vocabulary; those that the models state differ. Without `divergence` the student learns the teacher's \
                responses as text, which any two models can.",
    },
    Code {
        code: "rlx::train::warmup",
        story: "A warning: the warm-up is as long as the training or longer, so the learning rate never reaches its value.",
    },
    Code {
        code: "rlx::type::mismatch",
        story: "The value is of another kind than the field takes: a text for a number, a list for one model, a benchmark \
                for an algorithm. The message names both.",
    },
    Code {
        code: "rlx::unit::mismatch",
        story: "A number carries another unit than the field counts in (`batch = 8 samples` counts prompts), or numbers of \
                different units are added. A bare number is taken in the field's unit; a written unit is checked.",
    },
    Code {
        code: "rlx::unit::unknown",
        story: "The units are samples, prompts, steps, tokens, epochs, problems and %. The singular is understood, too.",
    },
    Code {
        code: "rlx::value::pattern",
        story: "The pattern of a format reward is no regular expression of the Rust crate `regex`, which has no look-arounds and no backreferences.",
    },
    Code {
        code: "rlx::value::range",
        story: "The number is outside of what the field allows: a temperature below 0, a `top_p` outside of 0 to 1, half a sample.",
    },
    Code {
        code: "rlx::value::twice",
        story: "A list that gives a number to each token (`logit_bias = [[\"yes\", 2], [198, -100]]`) names one of them \
                again, with the same text or the same id. The numbers are not added up; keep one.",
    },
    Code {
        code: "rlx::value::word",
        story: "The field takes one of a few words, written bare: `judge = number`, `schedule = cosine`.",
    },
];

/// The story of a code, of this crate or of the grammar.
pub fn story(code: &str) -> Option<&'static str> {
    let own = CODES
        .iter()
        .find(|known| known.code == code)
        .map(|known| known.story);
    own.or_else(|| {
        rlx_grammar::CODES
            .iter()
            .find(|(known, _)| *known == code)
            .map(|(_, story)| *story)
    })
}

/// Every code, of this crate and of the grammar.
pub fn all() -> impl Iterator<Item = &'static str> {
    CODES
        .iter()
        .map(|code| code.code)
        .chain(rlx_grammar::CODES.iter().map(|(code, _)| *code))
}

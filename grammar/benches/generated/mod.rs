//! A study as a generator would write it.

use std::fmt::Write;

/// Trainings, evaluations, outputs and claims in the proportions of a real study.
pub(crate) fn study(lines: usize) -> String {
    let mut text = String::from("//! A generated study.\n\nuse std.algorithms.grpo\n\n");
    for index in 0.. {
        if text.lines().count() >= lines {
            break;
        }
        let _ = write!(
            text,
            "/// Training {index}.\ntrain rl{index} {{\n    start     = base\n    algorithm = grpo {{ kl = none, \
             optimizer = {{ learning_rate = 1e-4, betas = [0.9, 0.95], warmup = 5 steps }} }}\n    data      = \
             puzzles\n    batch     = 32 prompts\n    rollouts  = 8 samples\n    steps     = 80 steps\n    keep      \
             = [20, 40, 80]                // rl@20, rl@40, rl@80\n}}\n\nevaluate e{index} {{\n    models    = [base, \
             rl{index}@20, rl{index}@*]\n    benchmark = held_out\n    sampling  = {{ temperature = 1.0, top_p = 0.95, \
             max_tokens = 48 }}\n    samples   = n\n}}\n\nfigure coverage{index} = pass_at_k(e{index}, k = 1..n by \
             *2)\ntable  gap{index}      = delta_se(e{index}, of = rl{index}@80, against = base, k = n)\n\nclaim \
             sharper{index} \"RL makes the first answer better\" {{\n    pass(e{index}, rl{index}@80, k = 1) > \
             1.05 * pass(e{index}, base, k = 1) and share(solved(e{index}, rl{index}@80) - solved(e{index}, base)) \
             < 5%\n}}\n\n",
        );
    }
    text
}

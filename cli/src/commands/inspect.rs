//! `rlx inspect`: reading by hand.

use crate::{
    args::{Format, InspectArgs},
    failure::Failure,
    project::Project,
};
use rlx_analysis::Agreement;
use rlx_inspect::{Validity, agreements, hardest, serve, validity};
use rlx_store::Store;
use std::process::ExitCode;

pub(crate) fn run(args: &InspectArgs) -> Result<ExitCode, Failure> {
    if let Some(below) = args.below.filter(|below| !(*below > 0.0 && *below <= 1.0)) {
        return Err(Failure::user(
            "rlx::usage",
            format!("`--below {below}` is no share above 0 and up to 1"),
            Some("the paper's rule is `--below 0.05`".into()),
        ));
    }
    let project = Project::open(&args.study, &args.place)?;
    let store = Store::read_only(&args.place.store);
    let labels = store.labels();
    let readings = hardest(&project.study, &project.plan, &store, &project.world, args.below)?;
    if !args.counts {
        let chains: usize = readings.iter().map(|reading| reading.chains.len()).sum();
        let server = serve(
            readings.clone(),
            labels.clone(),
            &project.study.title,
            &args.reader,
            args.port,
        )?;
        eprintln!(
            "{chains} right responses to {} hard problems: open\n\n  {}\n\n`v` valid, `g` lucky guess, `a` ambiguous, `n` note, `u` take back, `j` and `k` to move. Every label is kept at once;\n\
             end the session on the page, or with Ctrl-C.",
            readings.len(),
            server.url()
        );
        server.run(&mut |_| {})?;
    }
    let (counts, pairs) = (validity(&readings, &labels)?, agreements(&readings, &labels)?);
    let folder = &project.results;
    rlx_store::file::create_folder(folder)?;
    rlx_store::file::write(&folder.join("validity.csv"), csv(&counts).as_bytes())?;
    if args.format == Format::Json {
        println!(
            "{}",
            serde_json::json!({ "validity": counts, "agreements": pairs })
        );
    } else {
        print!("{}", text(&counts, &pairs));
        if !rlx_run::read_by_hand(&project.study).is_empty() {
            eprintln!(
                "`rlx run {}` makes the study's tables and claims of these labels",
                args.study.file.display()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn csv(counts: &[Validity]) -> String {
    let mut out = String::from("evaluation,model,hardest,read,valid,ambiguous,guessed\n");
    for row in counts {
        out.push_str(&format!(
            "{},{},{},{},{},{},{}\n",
            row.evaluation, row.model, row.hardest, row.read, row.valid, row.ambiguous, row.guessed
        ));
    }
    out
}

fn text(counts: &[Validity], pairs: &[Agreement]) -> String {
    let mut out = String::new();
    for row in counts {
        out.push_str(&format!(
            "{} {}: {} hardest solved problems, {} read: {} with a valid chain, {} ambiguous, {} guessed\n",
            row.evaluation, row.model, row.hardest, row.read, row.valid, row.ambiguous, row.guessed
        ));
    }
    for pair in pairs {
        let kappa = pair
            .kappa
            .map_or_else(|| "undefined".to_owned(), |kappa| format!("{kappa:.2}"));
        out.push_str(&format!(
            "{} and {}: {} of {} labels agree, Cohen's kappa {kappa}\n",
            pair.readers[0], pair.readers[1], pair.agree, pair.both
        ));
    }
    out
}

//! `rlx verify`: the checks of a pack, cheapest first; each says its cost before it begins.

use crate::{
    OpenBackend,
    args::{Format, VerifyArgs},
    backend,
    failure::Failure,
    progress::{self, duration},
    project::place,
};
use rlx_package::{
    Pack,
    verify::{self, Cost, Estimator, Findings, Local, Opened},
    verify_signature,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn run(args: &VerifyArgs, compute: Option<&OpenBackend>) -> Result<ExitCode, Failure> {
    let local = Local {
        models: pairs(&args.model, "--model")?,
        data: pairs(&args.data, "--data")?,
        store: args.store.clone(),
        place: place(args.offline),
    };
    if args.level >= 3 && compute.is_none() {
        // Levels 3 and 4 need tensors: the other binary does all of it.
        backend(compute, &args.device)?;
    }
    let mut pack = Pack::open(&args.pack)?;
    let mut found = Findings::default();
    let mut costs = Costs {
        text: args.format == Format::Text,
        all: Vec::new(),
        clock: Instant::now(),
    };

    if let Some(key) = &args.public_key {
        if verify_signature(&args.pack, key)? {
            found
                .passed
                .push(format!("the signature is that of {}", key.display()));
        } else {
            found.faults.push(rlx_package::Fault {
                file: args.pack.display().to_string(),
                what: format!(
                    "the signature beside it was not made with the secret half of {}",
                    key.display()
                ),
            });
        }
    }
    // What the manifest says is not yet known to be true; for an estimate it will do.
    let unfolded = pack.manifest().map_or(0, |manifest| {
        let sizes = manifest.files.iter().map(|file| file.bytes);
        sizes.fold(0, u64::saturating_add)
    });
    costs.say(Cost::of_hashes(pack.bytes.saturating_add(unfolded)));
    let faults = pack.faults()?;
    if faults.is_empty() {
        let files = pack.manifest()?.files.len();
        found
            .passed
            .push(format!("{files} files have the hashes they were packed with"));
    }
    found.faults.extend(faults);
    // What was changed on the way is not worth a computation.
    let mut reached = 0;
    if args.level > 0 && found.faults.is_empty() {
        let opened = Opened::new(&mut pack)?;
        reached = levels(args, compute, &local, &opened, &mut costs, &mut found)?;
    }
    costs.took();
    conclude(args, &pack, &found, reached, &costs.all)
}

/// What each level costs: said before it begins, and kept with what it took.
struct Costs {
    text: bool,
    all: Vec<Cost>,
    clock: Instant,
}

impl Costs {
    fn say(&mut self, cost: Cost) {
        self.took();
        if self.text {
            let about = match cost.seconds {
                None => "time not known".to_owned(),
                Some(seconds) if seconds < 1.0 => "under a second".to_owned(),
                Some(seconds) => format!("about {}", duration(seconds)),
            };
            eprintln!("level {}: {}; {about} ({})", cost.level, cost.work, cost.basis);
        }
        self.all.push(cost);
    }

    /// The level that was said last has ended.
    fn took(&mut self) {
        let seconds = self.clock.elapsed().as_secs_f64();
        if let Some(last) = self.all.last_mut().filter(|last| last.took.is_none()) {
            last.took = Some(seconds);
            if self.text && seconds >= 1.0 {
                eprintln!("level {} took {}", last.level, duration(seconds));
            }
        }
        self.clock = Instant::now();
    }
}

/// The levels above 0; returns the highest at which something was compared.
fn levels(
    args: &VerifyArgs,
    compute: Option<&OpenBackend>,
    local: &Local,
    opened: &Opened,
    costs: &mut Costs,
    found: &mut Findings,
) -> Result<u8, Failure> {
    let estimator = Estimator::new(opened);
    costs.say(estimator.recompute());
    found.extend(verify::recompute(opened, VERSION)?);
    if args.level >= 2 {
        costs.say(estimator.judge());
        found.extend(verify::judge(opened, local)?);
    }
    if args.level >= 3 {
        let mut backend = backend(compute, &args.device)?;
        costs.say(estimator.sample(local)?);
        let drawn = verify::sample(opened, local, backend.as_mut())?;
        // Where no model is at hand nothing was drawn, and nothing above level 2 was looked at.
        let compared = !drawn.passed.is_empty() || !drawn.faults.is_empty();
        found.extend(drawn);
        if !compared && args.level == 3 {
            return Ok(2);
        }
        if args.level >= 4 {
            costs.say(estimator.again());
            let mut listener = progress::listener(args.format == Format::Json);
            let work = args.work.join(pack_name(&args.pack));
            found.extend(verify::again(
                opened,
                local,
                &work,
                VERSION,
                backend.as_mut(),
                listener.as_mut(),
            )?);
        }
    }
    Ok(args.level)
}

fn pack_name(pack: &Path) -> String {
    pack.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn conclude(
    args: &VerifyArgs,
    pack: &Pack,
    found: &Findings,
    reached: u8,
    costs: &[Cost],
) -> Result<ExitCode, Failure> {
    let name = args
        .pack
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // What differs is said of the level that was asked for; what is sound, of the one that was reached.
    let reached = match found.faults.is_empty() {
        true => reached,
        false => args.level,
    };
    let statement = verify::attestation(&name, &pack.sha256, reached, VERSION, found, costs);
    let path = args.attestation.clone().unwrap_or_else(|| {
        let mut path = args.pack.clone().into_os_string();
        path.push(format!(".level{reached}.intoto.json"));
        PathBuf::from(path)
    });
    let written = serde_json::to_vec_pretty(&statement)
        .map_err(|error| Failure::user("rlx::file", error.to_string(), None))?;
    std::fs::write(&path, written).map_err(|error| Failure::file(&path, "write", &error))?;
    if args.format == Format::Json {
        println!("{statement}");
    } else {
        for passed in &found.passed {
            println!("ok       {passed}");
        }
        for note in &found.notes {
            println!("note     {note}");
        }
        for fault in &found.faults {
            println!("differs  {}: {}", fault.file, fault.what);
        }
        let verdict = match found.faults.len() {
            0 if reached < args.level => format!(
                "not checked: nothing of it could be compared, see the notes; sound at level {reached}"
            ),
            0 => "sound".to_owned(),
            1 => "1 fault".to_owned(),
            count => format!("{count} faults"),
        };
        println!(
            "{name} at level {}: {verdict}\nattestation: {}",
            args.level,
            path.display()
        );
    }
    let short = !found.faults.is_empty() || reached < args.level;
    Ok(ExitCode::from(u8::from(short)))
}

/// `NAME=PATH` options.
fn pairs(given: &[String], option: &str) -> Result<BTreeMap<String, PathBuf>, Failure> {
    given
        .iter()
        .map(|pair| match pair.split_once('=') {
            Some((name, path)) if !name.is_empty() && !path.is_empty() => {
                Ok((name.to_owned(), PathBuf::from(path)))
            }
            _ => Err(Failure::user(
                "rlx::usage",
                format!("`{option} {pair}` is not of the form NAME=PATH"),
                Some(format!("write `{option} base=/models/base`")),
            )),
        })
        .collect()
}

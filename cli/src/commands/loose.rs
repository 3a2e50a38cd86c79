//! Models and random streams outside a study.

use crate::{failure::Failure, project};
use rlx_language::{Model, ModelSource};
use rlx_plan::Key;
use rlx_run::ModelAt;

/// A folder, a `.gguf` file or `hf:org/name[@revision]`.
pub(crate) fn model(name: &str, offline: bool) -> Result<ModelAt, Failure> {
    let source = match name.strip_prefix("hf:") {
        Some(hub) => {
            let (repo, revision) = hub.split_once('@').unwrap_or((hub, "main"));
            ModelSource::Hub {
                repo: repo.to_owned(),
                revision: revision.to_owned(),
            }
        }
        None => ModelSource::Path {
            path: name.to_owned(),
        },
    };
    let model = Model {
        name: "model".to_owned(),
        source,
        adapter: None,
        context: None,
        parameters: None,
        vocabulary: None,
        licence: None,
        vision: false,
    };
    let place = project::place(offline);
    Ok(ModelAt::Path(rlx_data::fetch_model(&model, &place, &mut |_| {
        true
    })?))
}

/// The random stream of a sample: a function of seed, id and number.
pub(crate) fn stream(seed: u64, id: &serde_json::Value, sample: u64) -> u64 {
    Key::of("loose", &serde_json::json!({ "seed": seed, "id": id })).stream(&[&sample.to_le_bytes()])
}

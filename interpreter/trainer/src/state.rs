//! The state of a run on the disk: one safetensors file that appears whole or not at all.
//!
//! It holds the fp32 weights (`weight.NAME`) and the moments (`first.NAME`, `second.NAME` of Adam) of the policy and of a critic, and, as JSON in its
//! header, the counters. One file, because two cannot be replaced in one go.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, View, serialize_to_file};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, TchError, Tensor};

use crate::TrainError;
use crate::optimizer::Optimizer;

const HEADER: &str = "rlx";
const MEND: &str = "delete the run's directory and start the run again";

/// Everything of a run that is no tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// Fingerprint of settings and start weights.
    pub(crate) run: String,
    /// Steps done.
    pub(crate) step: u64,
    /// Optimizer updates made.
    pub(crate) updates: u64,
    /// Updates left out in a row, up to now.
    pub(crate) skipped_in_a_row: u32,
    /// Updates of the critic.
    #[serde(default)]
    pub(crate) critic_updates: u64,
    /// Batches of prompts drawn: the position in the data. More than steps where sampling is dynamic.
    #[serde(default)]
    pub(crate) draws: u64,
    /// Bits of the adaptive KL coefficient, where there is one (text would round it).
    #[serde(default)]
    pub(crate) kl_coefficient: Option<u64>,
}

fn folder(dir: &Path) -> PathBuf {
    dir.join("resume")
}

fn file(dir: &Path) -> PathBuf {
    folder(dir).join("state.safetensors")
}

/// A tensor as bytes, copied only while it is written.
struct Bytes<'a> {
    tensor: Tensor,
    shape: Vec<usize>,
    failure: &'a RefCell<Option<TchError>>,
}

impl View for Bytes<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = vec![0; self.data_len()];
        if let Err(error) = self.tensor.f_copy_data_u8(&mut bytes, self.tensor.numel()) {
            self.failure.replace(Some(error));
        }
        Cow::Owned(bytes)
    }
    fn data_len(&self) -> usize {
        self.tensor.numel() * size_of::<f32>()
    }
}

/// Writes the state: to a temporary file, to the disk, then renamed.
pub(crate) fn save(dir: &Path, counters: &Counters, optimizers: &[&Optimizer]) -> Result<(), TrainError> {
    let folder = folder(dir);
    std::fs::create_dir_all(&folder).map_err(TrainError::io(&folder))?;
    let failure = RefCell::new(None);
    let mut tensors = Vec::new();
    for slot in optimizers.iter().flat_map(|optimizer| &optimizer.slots) {
        for (part, tensor) in slot.tensors() {
            let tensor = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?;
            let shape = tensor.size().iter().map(|&size| size as usize).collect();
            let failure = &failure;
            tensors.push((
                format!("{part}.{}", slot.name),
                Bytes {
                    tensor,
                    shape,
                    failure,
                },
            ));
        }
    }
    let path = file(dir);
    let other =
        |error: &dyn std::fmt::Display| TrainError::io(&path)(std::io::Error::other(error.to_string()));
    let header = serde_json::to_string(counters).map_err(|error| other(&error))?;
    let header = HashMap::from([(HEADER.to_owned(), header)]);
    let fresh = folder.join("state.tmp");
    serialize_to_file(tensors, Some(header), &fresh).map_err(|error| other(&error))?;
    if let Some(error) = failure.take() {
        return Err(error.into());
    }
    let sync = |path: &Path| {
        File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(TrainError::io(path))
    };
    sync(&fresh)?;
    std::fs::rename(&fresh, &path).map_err(TrainError::io(&path))?;
    sync(&folder)
}

/// Reads the state into the optimizer (and so into the model, whose parameters it holds), if there is one.
///
/// # Errors
/// [`TrainError::OtherRun`] when it belongs to a run with another fingerprint, [`TrainError::Corrupt`] when it cannot be read.
pub(crate) fn load(
    dir: &Path,
    run: &str,
    optimizers: &mut [&mut Optimizer],
) -> Result<Option<Counters>, TrainError> {
    let path = file(dir);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(TrainError::io(&path)(error)),
    };
    let corrupt = |what: String| TrainError::Corrupt {
        path: path.clone(),
        what,
        mend: MEND,
    };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| corrupt(error.to_string()))?;
    let header = header.metadata().as_ref().and_then(|entries| entries.get(HEADER));
    let header = header.ok_or_else(|| corrupt("has no counters in its header".to_owned()))?;
    let counters: Counters = serde_json::from_str(header).map_err(|error| corrupt(error.to_string()))?;
    if counters.run != run {
        return Err(TrainError::OtherRun { path: dir.to_owned() });
    }
    let stored = SafeTensors::deserialize(&bytes).map_err(|error| corrupt(error.to_string()))?;
    let _no_grad = tch::no_grad_guard();
    let slots = optimizers.iter().flat_map(|optimizer| &optimizer.slots);
    for slot in slots {
        for (part, mut target) in slot.tensors() {
            let name = format!("{part}.{}", slot.name);
            let view = stored
                .tensor(&name)
                .map_err(|error| corrupt(format!("tensor {name}: {error}")))?;
            let shape: Vec<i64> = view.shape().iter().map(|&size| size as i64).collect();
            if shape != target.size() || view.dtype() != Dtype::F32 {
                return Err(corrupt(format!(
                    "tensor {name} is {:?} of shape {shape:?}",
                    view.dtype()
                )));
            }
            target.f_copy_(&Tensor::f_from_data_size(view.data(), &shape, Kind::Float)?)?;
        }
    }
    let updates = [counters.updates, counters.critic_updates];
    for (optimizer, updates) in optimizers.iter_mut().zip(updates) {
        optimizer.updates = updates;
        optimizer.publish()?;
    }
    Ok(Some(counters))
}

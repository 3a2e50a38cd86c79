//! Where a model runs and in which precision.

use std::fmt;
use std::str::FromStr;

use tch::{Cuda, Device, Kind};

use crate::EngineError;
use crate::cpu::Path;

/// Models above this many parameters run in bf16 on CPUs that multiply bf16 natively; smaller ones are
/// bound by call overhead, where bf16 gains nothing.
const BF16_FROM_PARAMETERS: u64 = 50_000_000;

/// The device a person asks for: `auto`, `cpu`, `cuda`, `cuda:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// CUDA where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A CUDA device, the first one when no number is given.
    Cuda(Option<usize>),
}

impl FromStr for DeviceChoice {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(None)),
            other => other
                .strip_prefix("cuda:")
                .and_then(|n| n.parse().ok())
                .map(|n| Self::Cuda(Some(n)))
                .ok_or_else(|| {
                    EngineError::invalid(
                        format!("unknown device `{other}`"),
                        "say auto, cpu, cuda or cuda:N",
                    )
                }),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(None) => f.write_str("cuda"),
            Self::Cuda(Some(n)) => write!(f, "cuda:{n}"),
        }
    }
}

/// The number format of weights and activations. Norms, softmax and log-probs are always computed in fp32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    Fp32,
    /// bfloat16.
    Bf16,
}

impl Precision {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Fp32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fp32 => "fp32",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        match text {
            "fp32" => Ok(Self::Fp32),
            "bf16" => Ok(Self::Bf16),
            other => Err(EngineError::invalid(
                format!("unknown precision `{other}`"),
                "say fp32 or bf16",
            )),
        }
    }
}

/// A device and a rule for the precision.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// Where tensors live.
    pub device: Device,
    /// The precision that was asked for; `None` lets [`Runtime::precision_for`] decide for each model.
    pub precision: Option<Precision>,
    /// Why device and precision are what they are, in sentences for `rlx doctor`.
    pub why: Vec<String>,
    native_bf16: bool,
}

impl Runtime {
    /// Looks at the machine. `DeviceChoice::Auto` takes CUDA where there is one, else the CPU. A missing
    /// CUDA device that was named is an error.
    pub fn detect(choice: DeviceChoice, precision: Option<Precision>) -> Result<Self, EngineError> {
        let count = usize::try_from(Cuda::device_count()).unwrap_or(0);
        let usable = count > 0 && Cuda::is_available();
        let mut why = Vec::new();
        let device = match choice {
            DeviceChoice::Cpu => {
                why.push("The device is the CPU, as asked.".to_owned());
                Device::Cpu
            }
            DeviceChoice::Auto if usable => {
                why.push(format!("The device is CUDA: libtorch sees {count} of them."));
                Device::Cuda(0)
            }
            DeviceChoice::Auto => {
                why.push("The device is the CPU: libtorch sees no CUDA device.".to_owned());
                Device::Cpu
            }
            DeviceChoice::Cuda(number) => {
                let number = number.unwrap_or(0);
                if !usable || number >= count {
                    let why = if usable {
                        format!("libtorch sees {count} CUDA devices, numbered from 0")
                    } else {
                        "libtorch sees no CUDA device (no driver, or the CPU build of libtorch)".to_owned()
                    };
                    return Err(EngineError::Device {
                        asked: choice.to_string(),
                        why,
                    });
                }
                why.push(format!("The device is CUDA {number}, as asked."));
                Device::Cuda(number)
            }
        };
        let native_bf16 = device.is_cuda() || cpu_multiplies_bf16();
        why.push(match (precision, device.is_cuda(), native_bf16) {
            (Some(p), _, _) => format!("The precision is {p}, as asked."),
            (None, true, _) => "The precision is bf16, CUDA's default.".to_owned(),
            (None, false, true) => {
                "The precision is bf16 for models above 50 million parameters, since this CPU multiplies bf16 natively, else fp32."
                    .to_owned()
            }
            (None, false, false) => "The precision is fp32: this CPU has no native bf16.".to_owned(),
        });
        Ok(Self {
            device,
            precision,
            why,
            native_bf16,
        })
    }

    /// The precision in which a model of `parameters` parameters runs here.
    pub fn precision_for(&self, parameters: u64) -> Precision {
        if let Some(precision) = self.precision {
            return precision;
        }
        if self.device.is_cuda() || (self.native_bf16 && parameters > BF16_FROM_PARAMETERS) {
            Precision::Bf16
        } else {
            Precision::Fp32
        }
    }

    /// `cpu`, `cuda:0`
    pub fn device_name(&self) -> String {
        match self.device {
            Device::Cuda(n) => format!("cuda:{n}"),
            _ => "cpu".to_owned(),
        }
    }

    /// What computed a row, in words: engine and libtorch version, device and its loops, precision, and whether a row
    /// can depend on the company it was drawn in. On CPUs it cannot: not on batch, order, threads or cache. Between
    /// kinds of loops (avx512, avx2, portable) and devices the last bits differ.
    pub fn fingerprint(&self, precision: Precision) -> String {
        let (device, promise) = match self.device {
            Device::Cpu => (
                format!("cpu {}", Path::detect().name()),
                "rows do not depend on their batch",
            ),
            _ => (self.device_name(), "last bits may depend on the batch"),
        };
        format!(
            "rlx-engine {}; libtorch {}; {device}; {precision}; {promise}",
            env!("CARGO_PKG_VERSION"),
            libtorch_version(),
        )
    }
}

/// The version this build is linked against, as its headers' folder states it.
fn libtorch_version() -> &'static str {
    option_env!("RLX_LIBTORCH_VERSION").unwrap_or("unknown")
}

#[cfg(target_arch = "x86_64")]
fn cpu_multiplies_bf16() -> bool {
    std::arch::is_x86_feature_detected!("avx512bf16")
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_multiplies_bf16() -> bool {
    false
}

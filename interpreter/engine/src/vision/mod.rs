//! Pictures: from a file to the vectors that stand in a prompt (Qwen2.5-VL, arXiv:2502.13923).
//!
//! [`ImageProcessor`] turns a picture into [`Pixels`] as transformers does; the tower turns these into one
//! vector for every square of `merge` × `merge` patches; the vectors take the places of the prompt's image
//! tokens, whose positions have a time, a row and a column.

mod forward;
mod picture;
mod positions;
mod processor;
mod resize;
mod seen;
mod tower;
mod windows;
mod work;

pub(crate) use forward::blind;
pub use positions::Positions;
pub use processor::{ImageProcessor, Pixels};
pub use seen::Album;
pub(crate) use seen::{Seen, Sight, VECTORS};
pub(crate) use tower::Tower;
pub(crate) use work::{sample_on_cpu, score_on_cpu};

//! rlx-package: a finished study in one file, and the checks of such a file.
//!
//! Beside the way text → Ast → Study → Plan → rows → tables, figures, verdicts: [`pack`] takes what every phase left
//! behind into one `.rlxpack`, and [`verify`] walks the way again from the packed text and rows and compares what comes out.
//!
//! A pack is a zip archive whose comment seals it with a hash of all bytes before; `manifest.json` lists every file with
//! size and SHA-256. It is an RO-Crate (Provenance Run Crate profile), with Croissant for its data sets and an in-toto
//! statement for its results, so that tools that know nothing of rlx can read it.

mod archive;
mod content;
mod croissant;
mod documents;
mod error;
mod gather;
mod manifest;
mod rocrate;
mod signature;
mod spec;
mod statement;
pub mod verify;

pub use archive::{Fault, Pack};
pub use error::PackError;
pub use gather::{Packed, Subject, pack};
pub use manifest::{Listed, Manifest};
pub use signature::{sign, verify_signature};

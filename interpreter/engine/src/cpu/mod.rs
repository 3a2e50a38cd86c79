//! The engine's own forward pass for CPUs. Nothing of it runs where the device is an accelerator.

mod attention;
mod gemm;
pub(crate) mod isa;
mod network;
mod pages;
mod team;
mod weights;

pub(crate) use attention::{Attention, GROUP_ROWS, Scratch as AttentionScratch, Token, attend};
pub(crate) use gemm::{Into, Packed};
pub(crate) use isa::{BLOCK, Path};
pub(crate) use network::Network;
pub(crate) use pages::{Pool, Shape, Table, too_small};
pub(crate) use team::{Places, Team};

//! Frames to gray8, gray8 to zstd, zstd to Zarr v3 shards, in files that a crash cannot spoil.
//!
//! [`writer::ChunkWriter`] takes messages: [`encode`] turns one into compressed frames ([`frame`], [`chooser`]) in
//! the compute pool, [`log::ChunkLog`] divides them over chunks ([`stamps`]), [`chunk::OpenChunk`] appends them to the
//! open chunk and its [`journal`] and seals it into a [`shard`] with a [`sidecar`]. [`recover`] does the rest after a
//! crash. Knows nothing of Node.

#[macro_use]
mod twice;

pub mod budget;
pub mod chooser;
pub mod chunk;
mod coder;
pub mod compress;
mod cpu_time;
mod crc;
pub mod effort;
pub mod encode;
pub mod error;
pub mod files;
pub mod frame;
pub mod journal;
pub mod loan;
pub mod lock;
pub mod log;
pub mod memory;
pub mod pool;
pub mod recover;
pub mod sealed;
pub mod shard;
pub mod sidecar;
pub mod stamps;
pub mod verify;
pub mod ways;
pub mod writer;

pub use crc32c::{crc32c, crc32c_append};

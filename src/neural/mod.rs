//! Features to Controls to sound frames: model files, read with distrust, run on the audio thread.
//!
//! Loading happens on a loader thread: `screen` refuses hostile files, tract reads what is left, `lower` turns
//! the graph into packed kernels, and the result is compared with tract before it may play. Stepping happens on
//! the audio thread and allocates nothing, locks nothing and does the same work every time.

pub mod contract;
pub mod error;
pub mod events;
pub mod gesture_model;
pub mod graph;
pub mod helper;
pub mod kernel;
pub mod lower;
pub mod model;
pub mod oracle;
pub mod plan;
pub mod report;
pub mod runner;
pub mod screen;
pub mod shipped;
pub mod slot;
pub mod sound_model;
pub mod voice;
pub mod zoo;

pub use contract::Contract;
pub use error::ModelError;
pub use model::Model;

//! Why a model file was refused: each variant names the cause and says what to do about it.

use thiserror::Error;

#[derive(Clone, Debug, PartialEq, Error)]
pub enum ModelError {
    #[error(
        "the file has {bytes} bytes; at most {limit} are read. Export fewer or smaller weights"
    )]
    TooLarge { bytes: usize, limit: usize },
    #[error("this is not an ONNX file ({cause}). Export with opset 17 and try again")]
    NotOnnx { cause: String },
    #[error("refused before any engine saw it: {cause}")]
    Unsafe { cause: String },
    #[error("the model's contract does not hold: {cause}")]
    Contract { cause: String },
    #[error("tract cannot read this graph: {cause}")]
    Engine { cause: String },
    #[error("no packed kernel for node '{node}': {cause}")]
    NotLowered { node: String, cause: String },
    #[error(
        "node '{node}' has no packed kernel ({cause}), so the model needs the helper thread: switch helper mode on, or export the graph without it"
    )]
    NeedsHelper { node: String, cause: String },
    #[error(
        "too slow for the helper thread on this machine: 1 step in 100 takes {p99_us:.0} µs or more, at most {limit_us:.0} µs is \
         half of what it has (median {median_us:.0} µs). Make the network smaller or its frame rate lower"
    )]
    TooSlow {
        median_us: f64,
        p99_us: f64,
        limit_us: f64,
    },
    #[error("the helper thread did not start: {cause}")]
    NoThread { cause: String },
    #[error(
        "the packed kernels differ from tract by {difference:.3e} in '{tensor}' at step {step} (at most {bound:.1e} is allowed): \
         please send this file to the authors"
    )]
    Mismatch {
        tensor: String,
        step: usize,
        difference: f32,
        bound: f32,
    },
}

impl ModelError {
    pub(crate) fn contract(cause: impl Into<String>) -> Self {
        ModelError::Contract {
            cause: cause.into(),
        }
    }

    pub(crate) fn unsafe_file(cause: impl Into<String>) -> Self {
        ModelError::Unsafe {
            cause: cause.into(),
        }
    }

    pub(crate) fn engine(cause: impl std::fmt::Display) -> Self {
        ModelError::Engine {
            cause: format!("{cause:#}"),
        }
    }

    pub(crate) fn not_lowered(node: impl Into<String>, cause: impl Into<String>) -> Self {
        ModelError::NotLowered {
            node: node.into(),
            cause: cause.into(),
        }
    }
}

//! Feature `train`: from recordings (or the virtual performer) to a model that plays. Runs in the `imu2music` command,
//! never in the plugin. The features are computed by the code that plays, the result is written as ONNX under the
//! contract and checked against the network that was trained.

pub mod gesture;
pub mod progress;

//! Datagram → [`SensorFrame`]. Runs on the network thread; only the ring's output end goes to the audio thread.

pub mod frame;
pub mod performer;
pub use frame::{DeviceId, SensorFrame};

//! Datagram → [`SensorFrame`]. Runs on the network thread; only the ring's output end goes to the audio thread.

pub mod announcement;
pub mod osc;
pub mod ximu3;

pub mod dialect;
pub mod document;
pub mod layout;
pub mod learn;
pub mod profile;

pub mod assembly;
pub mod frame;
pub mod performer;
pub use frame::{DeviceId, SensorFrame};

pub mod arrival;
pub mod clock;
pub mod device;
pub mod intake;
mod stream;

pub mod advice;
pub mod hub;
pub mod ring;
pub mod tap;

pub mod encode;
pub mod impair;
pub mod transmit;

pub mod take;

/// Ports that one instance can listen to, and whose readings can flow in at once.
pub const PORTS_MAX: usize = 4;

//! IMU2Music: wearable motion sensors play neural instruments inside the DAW.
//!
//! The modules stand in the order the data travels:
//!
//! ```text
//! UDP ─► hub ─► dialect ─► SensorFrame ─►ring─► playout ─► orientation ─► features
//!       (network thread, one per port)            (audio thread)               │
//! DAW ◄─ limiter ◄─ fade ◄─ synth ◄─ sound model ◄─ Controls ◄─ gesture model ◄┘
//!                     └─► telemetry ─► editor
//! ```
//!
//! Model time is frame time: each model steps once per control frame of its own
//! rate, whatever the host's block size or sample rate, so what was trained is
//! what plays, live and bounced.

pub mod controls;
pub mod sensor;
pub mod units;
// pub mod gesture;
pub mod neural;
pub mod sound;
// pub mod engine;
// pub mod telemetry;
// pub mod params;
// pub mod editor;
// pub mod plugin;
// #[cfg(feature = "train")]
// pub mod train;

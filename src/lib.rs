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

pub mod units;

// The vocabulary between the two models.
pub mod controls;

// The network thread: datagrams become readings.
pub mod sensor;

// How values cross to the audio thread, and whose time it is there.
pub mod handover;
pub mod host_clock;

// The audio thread, in the order of the path.
pub mod gesture;

pub mod neural;

pub mod sound;

pub mod engine;

pub mod telemetry;

// The host and the person.
pub mod params;

pub mod editor;

pub mod plugin;

// The learner, in a process of its own.
#[cfg(feature = "train")]
pub mod train;

use nice_plug::prelude::*;
use plugin::Imu2Music;

nice_export_clap!(Imu2Music);
nice_export_vst3!(Imu2Music);

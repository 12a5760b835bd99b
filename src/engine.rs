//! The instrument without one plugin type: sensor readings, keys and settings in, stereo sound out.
//!
//! Everything is allocated in [`Engine::new`]; [`Engine::render`] returns nothing and counts. Models
//! step on the control grid ([`ticks`]), so any partition of the same input into blocks gives the
//! same samples. Audio thread, but for `new`.

pub mod keys;
pub mod mix;
pub mod note_out;
pub mod ticks;

pub use mix::{Override, Source};

use crate::controls::{CONTROL_COUNT, Control, Controls, SILENCE_DB};
use crate::gesture::mapping::CompiledMap;
use crate::gesture::pipeline::MotionTick;
use crate::gesture::{ROLE_COUNT, TICK_RATE_HZ};
use crate::handover::{Shore, Ship, handover};
use crate::host_clock::HostClock;
use crate::neural::slot::{GestureLoader, GestureRack, SoundLoader, SoundRack};
use crate::sensor::ring::SensorOutput;
use crate::sound::fade::Fade;
use crate::sound::frame::SoundFrame;
use crate::sound::limiter::Limiter;
use crate::sound::synth::Synth;
use crate::telemetry::{AudioCounts, Snapshot, TelemetryInput, TelemetryOutput, telemetry};
use crate::units::{HostTime, db_to_gain};
use keys::Keys;
use note_out::{NoteChange, NoteOut};
use ticks::{CHUNK_SAMPLES, Chunk, Ticks};

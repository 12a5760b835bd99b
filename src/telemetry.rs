//! What the audio thread tells the rest of the plugin: one `Copy` snapshot a control tick, over a ring
//! whose constructor returns both ends. A full ring drops the newest snapshot; the sound never waits.

use crate::controls::Controls;
use crate::gesture::ROLE_COUNT;
use crate::gesture::features::FeatureBank;
use crate::gesture::mapping::Context;
use crate::sensor::DeviceId;
use ringbuf::traits::{Consumer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};

/// Snapshots in flight: over two seconds of ticks, so that a busy editor thread loses none.
const CAPACITY: usize = 512;
/// Feature banks in flight: over half a second of ticks, for what a performer is led through.
const BANKS: usize = 128;

/// The instrument at one control tick.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// Seconds of sound rendered since the engine was last reset.
    pub song_s: f64,
    /// Monotonic clock when this tick is heard.
    pub host_s: f64,
    /// Compressed motion energy per role, 0 to about 1.
    pub motion_energy: [f32; ROLE_COUNT],
    /// Per role, 1 while its sensor streams, fading to 0 after it stops.
    pub freshness: [f32; ROLE_COUNT],
    /// Who is worn in each role.
    pub worn: [Option<DeviceId>; ROLE_COUNT],
    /// What the sound model heard of the voice that leads.
    pub controls: Controls,
    /// What the gesture model could ask for beside the motion.
    pub context: Context,
    /// Voices that play.
    pub voices: u8,
    /// Onset probability and confidence of the gesture model, 0 to 1.
    pub onset: f32,
    pub confidence: f32,
    /// Age of the motion in this tick when it reaches the speaker, in ms: playout, grid and ramps included.
    pub motion_age_ms: f32,
    /// The playout delay in use.
    pub playout_ms: f32,
    /// The worst callback since the last snapshot, as a share of its block's duration.
    pub callback_load: f32,
    /// Peak of the output since the last snapshot, linear.
    pub peak: f32,
    /// The limiter's gain reduction in dB, 0 or below.
    pub limiter_db: f32,
    pub gesture_slot: u8,
    pub sound_slot: u8,
    /// Whether time is counted in samples: the host renders without regard to it.
    pub offline: bool,
    pub counts: AudioCounts,
}

/// Failures that the audio thread saw, since activation.
#[derive(Clone, Copy, Debug, Default)]
pub struct AudioCounts {
    /// Readings that came too late for their tick.
    pub late: u64,
    /// Gaps that were bridged, and gaps that were too long.
    pub bridged: u64,
    pub dropouts: u64,
    /// Readings, model outputs or samples that were not finite.
    pub not_finite: u64,
    /// Readings that found the ring full.
    pub overrun: u64,
    /// Callbacks that took longer than their block.
    pub overload: u64,
    /// Steps of the model that was heard whose helper thread had no answer in time.
    pub helper_late: u64,
}

/// The audio thread's end.
pub struct TelemetryInput {
    ring: HeapProd<Snapshot>,
    banks: HeapProd<FeatureBank>,
}

/// The other end, read by the plugin's steward.
pub struct TelemetryOutput {
    ring: HeapCons<Snapshot>,
    banks: HeapCons<FeatureBank>,
}

pub fn telemetry() -> (TelemetryInput, TelemetryOutput) {
    let (input, output) = HeapRb::new(CAPACITY).split();
    let (banks, banks_out) = HeapRb::new(BANKS).split();
    (
        TelemetryInput { ring: input, banks },
        TelemetryOutput {
            ring: output,
            banks: banks_out,
        },
    )
}

impl TelemetryInput {
    pub fn push(&mut self, snapshot: Snapshot) {
        let _ = self.ring.try_push(snapshot);
    }

    /// What the maps heard of the motion at this tick.
    pub fn push_bank(&mut self, bank: &FeatureBank) {
        let _ = self.banks.try_push(*bank);
    }
}

impl TelemetryOutput {
    pub fn pop(&mut self) -> Option<Snapshot> {
        self.ring.try_pop()
    }

    pub fn pop_bank(&mut self) -> Option<FeatureBank> {
        self.banks.try_pop()
    }
}

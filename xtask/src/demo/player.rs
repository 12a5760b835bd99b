//! The demo's audio thread: renders block after block against the wall clock, as a sound card would ask.

use crate::clap_host::Player;
use anyhow::Result;
use clack_host::events::io::EventBuffer;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub const SAMPLE_RATE_HZ: f64 = 48_000.0;
pub const BLOCK: usize = 64;
const BLOCK_S: f64 = BLOCK as f64 / SAMPLE_RATE_HZ;

/// What the audio thread shows while it runs.
pub struct Progress {
    rendered: AtomicU64,
    recent_peak: AtomicU32,
    running: AtomicBool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            rendered: AtomicU64::new(0),
            recent_peak: AtomicU32::new(0),
            running: AtomicBool::new(true),
        }
    }
}

impl Progress {
    pub fn seconds(&self) -> f64 {
        self.rendered.load(Ordering::Acquire) as f64 / SAMPLE_RATE_HZ
    }

    /// Peak since the last call.
    pub fn level_db(&self) -> f64 {
        decibel(f32::from_bits(self.recent_peak.swap(0, Ordering::AcqRel)))
    }

    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    pub fn stop(&self) {
        self.running.store(false, Ordering::Release);
    }
}

pub fn decibel(amplitude: f32) -> f64 {
    20.0 * f64::from(amplitude.max(1e-6)).log10()
}

/// Everything that was rendered, and what each callback took.
pub struct Recording {
    pub left: Vec<f32>,
    pub right: Vec<f32>,
    /// Share of its block that each callback took.
    pub callback_loads: Vec<f32>,
    /// Callbacks that ended after the block they render should have begun to sound.
    pub late_callbacks: usize,
    pub real_time_priority: bool,
    /// When the sender started.
    pub performance_s: f64,
    pub failure: Option<String>,
}

/// Starts rendering; the thread returns the plugin's audio end and the recording.
pub fn start(player: Player, progress: Arc<Progress>) -> JoinHandle<(Player, Recording)> {
    std::thread::spawn(move || run(player, &progress))
}

fn run(mut player: Player, progress: &Progress) -> (Player, Recording) {
    let room = (SAMPLE_RATE_HZ * 60.0) as usize;
    let mut recording = Recording {
        left: Vec::with_capacity(room),
        right: Vec::with_capacity(room),
        callback_loads: Vec::with_capacity(room / BLOCK),
        late_callbacks: 0,
        real_time_priority: take_real_time_priority(),
        performance_s: 0.0,
        failure: None,
    };
    let no_events = EventBuffer::new();
    let start = Instant::now();
    while progress.is_running() {
        let due = start + Duration::from_secs_f64(player.rendered() as f64 / SAMPLE_RATE_HZ);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let begun = Instant::now();
        if let Err(error) = player.render(BLOCK, &no_events) {
            recording.failure = Some(error.to_string());
            progress.stop();
        }
        recording.take(
            &player,
            begun.elapsed().as_secs_f64(),
            due.elapsed().as_secs_f64(),
        );
        progress
            .rendered
            .store(player.rendered(), Ordering::Release);
        let peak = peak_of(player.output(0)).max(peak_of(player.output(1)));
        progress
            .recent_peak
            .fetch_max(peak.to_bits(), Ordering::AcqRel);
    }
    player.rest();
    (player, recording)
}

/// As hosts do for their audio thread; not every user has the right.
fn take_real_time_priority() -> bool {
    use thread_priority::{ThreadPriority, set_current_thread_priority};
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{RealtimeThreadSchedulePolicy, ThreadSchedulePolicy};
        use thread_priority::{set_thread_priority_and_policy, thread_native_id};
        let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        let modest = 20u8.try_into().map(ThreadPriority::Crossplatform);
        if let Ok(priority) = modest {
            return set_thread_priority_and_policy(thread_native_id(), priority, policy).is_ok();
        }
    }
    set_current_thread_priority(ThreadPriority::Max).is_ok()
}

fn peak_of(samples: &[f32]) -> f32 {
    samples
        .iter()
        .fold(0.0, |peak: f32, sample| peak.max(sample.abs()))
}

impl Recording {
    #[cfg(test)]
    pub fn of(samples: Vec<f32>) -> Self {
        Self {
            left: samples.clone(),
            right: samples,
            callback_loads: vec![0.1; 100],
            late_callbacks: 0,
            real_time_priority: false,
            performance_s: 0.0,
            failure: None,
        }
    }

    fn take(&mut self, player: &Player, took_s: f64, after_due_s: f64) {
        self.left.extend_from_slice(player.output(0));
        self.right.extend_from_slice(player.output(1));
        self.callback_loads.push((took_s / BLOCK_S) as f32);
        self.late_callbacks += usize::from(after_due_s > BLOCK_S);
    }

    pub fn seconds(&self) -> f64 {
        self.left.len() as f64 / SAMPLE_RATE_HZ
    }

    pub fn peak(&self) -> f32 {
        peak_of(&self.left).max(peak_of(&self.right))
    }

    pub fn is_finite(&self) -> bool {
        self.left
            .iter()
            .chain(&self.right)
            .all(|sample| sample.is_finite())
    }

    /// Forgets what came before; the callbacks of that time stay counted.
    pub fn cut_before(&mut self, start_s: f64) {
        let samples = ((start_s * SAMPLE_RATE_HZ) as usize).min(self.left.len());
        self.left.drain(..samples);
        self.right.drain(..samples);
        self.performance_s -= start_s;
    }

    pub fn write_wav(&self, path: &Path) -> Result<()> {
        const FULL_SCALE: f32 = 8_388_607.0;
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: SAMPLE_RATE_HZ as u32,
            bits_per_sample: 24,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(path, spec)?;
        for sample in self
            .left
            .iter()
            .zip(&self.right)
            .flat_map(|(left, right)| [*left, *right])
        {
            file.write_sample((sample.clamp(-1.0, 1.0) * FULL_SCALE) as i32)?;
        }
        Ok(file.finalize()?)
    }
}

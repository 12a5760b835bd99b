//! The instrument's own figures: from a step in motion to half of the step in the sound, and the worst callback as a
//! share of its block, with one instance and with eight, and with chords. Measures; asserts no figure.

#[path = "../support/mod.rs"]
mod support;

use imu2music::controls::Chord;
use imu2music::engine::keys::HeldKey;
use imu2music::engine::{Engine, Mail, Settings};
use imu2music::gesture::mapping::Mapping;
use imu2music::neural::sound_model::SoundModel;
use imu2music::neural::{shipped, zoo};
use imu2music::sensor::frame::{DeviceId, SensorFrame};
use imu2music::sensor::performer::{Performer, Style};
use imu2music::sensor::ring::sensor_ring;
use imu2music::sensor::take::Take;
use imu2music::sound::chord_frame::ChordFrame;
use imu2music::units::HostTime;
use std::path::Path;
use std::time::Instant;
use support::Rig;

const SAMPLE_RATE_HZ: f64 = 48_000.0;
const BLOCK: usize = 64;
const STEP_AT_S: f64 = 3.0;
const END_S: f64 = 4.2;

fn main() {
    println!(
        "Sensor to sound: still until a step in motion; time to half of the step in the envelope (block {BLOCK} at 48 kHz)."
    );
    let performer_timing = |trial: usize| jittered(100.0, trial);
    delay("virtual performer's timing, 100 Hz", performer_timing, None);
    delay(
        "the same, playout fixed at 5 ms",
        performer_timing,
        Some(5.0),
    );
    match riot_arrivals() {
        Some(arrivals) => delay(
            "R-IoT capture's timing, 207 Hz",
            |trial| shifted(&arrivals, trial),
            None,
        ),
        None => println!("skipped: the R-IoT capture is not here"),
    }
    println!("\nWorst callback as a share of its block, shipped models 1 and 1, 10 s of bowing:");
    for block in [32, 64] {
        for instances in [1, 8] {
            callbacks(block, instances);
        }
    }
    println!(
        "\nThe same in blocks of 64 with keys held, and one step of the violin's model for all voices at once:"
    );
    let alone_us = [1, 4, 8].map(violins)[0];
    println!("  (voices that were stepped one by one would take 4 and 8 times {alone_us:.1} µs)");
    println!("\nThe same with a decoder of width 256 (random weights), a track a chord:");
    let decoder = SoundModel::load(&zoo::ddsp_decoder(256)).expect("the zoo loads");
    for (tracks, voices) in [(1, 1), (1, 8), (2, 8)] {
        let shares = chords(tracks, voices, Some(&decoder));
        let step_us = step_us(decoder.clone(), voices);
        println!(
            "  {tracks} track(s) of {voices} voice(s): {}; model {step_us:5.1} µs",
            spread(shares)
        );
    }
}

/// Arrival times in seconds at a rate with the exponential jitter of a stage's Wi-Fi.
fn jittered(rate_hz: f64, trial: usize) -> Vec<f64> {
    let mut state = trial as u64 + 1;
    let mut last = 0.0f64;
    let count = (END_S * rate_hz) as usize;
    let arrivals = (0..count).map(|n| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let uniform = ((state >> 33) as f64 + 1.0) / (1u64 << 31) as f64;
        last = last.max(n as f64 / rate_hz - 0.002 * uniform.min(1.0).ln());
        last
    });
    arrivals.collect()
}

fn riot_arrivals() -> Option<Vec<f64>> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/imu/riot_2sensor_osc_idle.csv");
    match Take::read(&path).ok()? {
        Take::Datagrams(plan) => Some(
            plan.iter()
                .filter(|d| d.source == 0)
                .map(|d| d.at_s)
                .collect(),
        ),
        Take::Readings(_) => None,
    }
}

/// A stretch of the capture that begins elsewhere in every trial.
fn shifted(arrivals: &[f64], trial: usize) -> Vec<f64> {
    let from = (trial * 97) % arrivals.len().saturating_sub(2_000).max(1);
    let start = arrivals.get(from).copied().unwrap_or(0.0);
    arrivals[from..]
        .iter()
        .map(|at| at - start)
        .take_while(|at| *at < END_S)
        .collect()
}

fn delay(name: &str, arrivals: impl Fn(usize) -> Vec<f64>, playout_ms: Option<f32>) {
    let trials = 60;
    let mut delays: Vec<f64> = (0..trials)
        .filter_map(|trial| {
            let step_s = STEP_AT_S + trial as f64 * 0.000_731;
            half_rise_ms(&envelope(&arrivals(trial), step_s, playout_ms), step_s)
        })
        .collect();
    delays.sort_by(f64::total_cmp);
    let at = |share: f64| {
        delays
            .get(((delays.len() as f64 - 1.0) * share).round() as usize)
            .copied()
    };
    match (at(0.5), at(0.99)) {
        (Some(median), Some(p99)) => {
            println!(
                "{name}: median {median:.1} ms, p99 {p99:.1} ms ({} trials)",
                delays.len()
            );
        }
        _ => println!("{name}: no sound rose"),
    }
}

/// Level of the output every millisecond (RMS over 4 ms), the engine called in real time's own order.
fn envelope(arrivals: &[f64], step_s: f64, playout_ms: Option<f32>) -> Vec<f64> {
    let (mut engine, mut shore) = Engine::new(SAMPLE_RATE_HZ as f32);
    shipped::fill(&mut shore.gestures, &mut shore.sounds).expect("the shipped models load");
    let (mut input, output) = sensor_ring(1 << 12);
    let (map, _) = Mapping::default().compile(&["right_forearm.energy"], &[]);
    let _ = shore.mail.send(Box::new(Mail::Feed {
        index: 0,
        readings: Some(output),
    }));
    let _ = shore.mail.send(Box::new(Mail::Seating(map.seating)));
    let settings = Settings {
        playout_ms,
        temperature: 0.0,
        ..Settings::default()
    };
    let (still, bow) = (
        Performer::new(Style::Still, 1),
        Performer::new(Style::Bow, 1),
    );
    let mut sent = 0;
    let mut sound = Vec::new();
    while (sound.len() as f64) < END_S * SAMPLE_RATE_HZ {
        let now_s = sound.len() as f64 / SAMPLE_RATE_HZ;
        while let Some(&at_s) = arrivals.get(sent).filter(|at| **at <= now_s) {
            let reading = if at_s < step_s {
                still.reading(0, at_s)
            } else {
                bow.reading(0, LOUD_STROKE_S + at_s - step_s)
            };
            input.push(SensorFrame {
                accel_m_per_s2: reading.accel_m_per_s2,
                rate_rad_per_s: reading.rate_rad_per_s,
                quaternion: reading.quaternion,
                ..SensorFrame::empty(DeviceId(0), HostTime(10.0 + at_s))
            });
            sent += 1;
        }
        let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
        engine.begin_block(HostTime(10.0 + now_s), BLOCK, &settings, None);
        engine.render(&mut left, &mut right);
        sound.extend_from_slice(&left);
    }
    let step = (SAMPLE_RATE_HZ * 1e-3) as usize;
    sound
        .windows(4 * step)
        .step_by(step)
        .map(|w| (w.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / w.len() as f64).sqrt())
        .collect()
}

/// Where in the demo piece a stroke is at full speed.
const LOUD_STROKE_S: f64 = 4.0;

fn half_rise_ms(envelope: &[f64], step_s: f64) -> Option<f64> {
    let step_ms = (step_s * 1e3) as usize;
    let mut after: Vec<f64> = envelope.get(step_ms + 150..step_ms + 400)?.to_vec();
    after.sort_by(f64::total_cmp);
    let half = 0.5 * after[after.len() / 2];
    let before = envelope
        .get(step_ms - 200..step_ms)?
        .iter()
        .copied()
        .fold(0.0, f64::max);
    if half <= 2.0 * before {
        return None;
    }
    // A window of 4 ms stands for its middle.
    let crossing = envelope[step_ms..]
        .iter()
        .position(|level| *level >= half)?;
    Some(step_ms as f64 + crossing as f64 + 2.0 - step_s * 1e3)
}

fn callbacks(block: usize, instances: usize) {
    let mut rigs: Vec<Rig> = (0..instances)
        .map(|n| Rig::new(48_000.0, Style::Bow, 1 + n as u64, 11.0).into_instance(n as u32))
        .collect();
    let (mut left, mut right) = (vec![0.0; block], vec![0.0; block]);
    let mut shares: Vec<f64> = Vec::new();
    let mut heard = false;
    for _ in 0..(10.0 * SAMPLE_RATE_HZ) as usize / block {
        let begun = Instant::now();
        for rig in &mut rigs {
            rig.block(&mut left, &mut right);
        }
        shares.push(begun.elapsed().as_secs_f64() * SAMPLE_RATE_HZ / block as f64);
        heard |= left.iter().any(|x| *x != 0.0);
    }
    assert!(heard, "nothing is played");
    println!(
        "  block {block:3}, {instances} instance(s): {}",
        spread(shares)
    );
}

/// Shares of a block as a line.
fn spread(mut shares: Vec<f64>) -> String {
    shares.sort_by(f64::total_cmp);
    let at = |share: f64| 100.0 * shares[((shares.len() - 1) as f64 * share) as usize];
    let (median, most, worst) = (at(0.5), at(0.999), at(1.0));
    format!("median {median:5.1} %, p99.9 {most:5.1} %, worst {worst:5.1} %")
}

/// So many keys of the violin under a bow; the model's step in microseconds.
fn violins(voices: u8) -> f64 {
    let shares = chords(1, voices, None);
    let violin = SoundModel::load(shipped::SOUNDS[0]).expect("the violin loads");
    let step_us = step_us(violin, voices);
    println!(
        "  {voices} voice(s): {}; model {step_us:5.1} µs",
        spread(shares)
    );
    step_us
}

/// Callbacks of tracks that play a chord each, with a sound model or the shipped violin, after a second in which it comes
/// in. The same blocks are rendered five times, and each counts with its best: what else runs on the machine disturbs one
/// time, the block's own work every time.
fn chords(tracks: u32, voices: u8, model: Option<&SoundModel>) -> Vec<f64> {
    let second = SAMPLE_RATE_HZ as usize / BLOCK;
    let mut best = vec![f64::MAX; 10 * second];
    for _ in 0..5 {
        let mut rigs: Vec<Rig> = (0..tracks)
            .map(|track| chord(track, voices, model))
            .collect();
        let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
        let mut heard = false;
        for _ in 0..second {
            for rig in &mut rigs {
                rig.block(&mut left, &mut right);
            }
        }
        for best in &mut best {
            let begun = Instant::now();
            for rig in &mut rigs {
                rig.block(&mut left, &mut right);
            }
            *best = best.min(begun.elapsed().as_secs_f64() * SAMPLE_RATE_HZ / BLOCK as f64);
            heard |= left.iter().any(|x| *x != 0.0);
        }
        assert!(heard, "the chord is silent");
    }
    best
}

fn chord(track: u32, voices: u8, model: Option<&SoundModel>) -> Rig {
    let mut rig = Rig::new(48_000.0, Style::Bow, 1, 12.0).into_instance(track);
    if let Some(model) = model {
        let placed = rig.shore.place_sound(0, model.clone());
        placed.expect("the decoder has its place");
    }
    rig.settings.voices = voices;
    for n in 0..voices {
        rig.engine.keys().press(HeldKey::new(0, 55 + 4 * n, 0.8));
    }
    rig
}

/// Median over 2000 steps.
fn step_us(mut model: SoundModel, voices: u8) -> f64 {
    let mut chord = Chord::SILENT;
    let mut frames = ChordFrame::SILENT;
    for voice in 0..usize::from(voices) {
        chord.live.insert(voice);
        chord.voices[voice].pitch_note = 55.0 + 4.0 * voice as f32;
        chord.voices[voice].loudness_db = -20.0;
    }
    let mut times: Vec<f64> = (0..2_000)
        .map(|_| {
            let begun = Instant::now();
            model.step_chord(&chord, &mut frames);
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

//! A rig that plays the engine without a host: the virtual performer's readings in, samples out.
#![allow(dead_code)]

use imu2music::controls::Controls;
use imu2music::engine::{Engine, EngineShore, Mail, Settings};
use imu2music::gesture::Role;
use imu2music::gesture::alignment::Alignment;
use imu2music::gesture::mapping::{
    Channels, InputSource, MACRO_COUNT, Mapping, ModelInput, RoleCalibration,
};
use imu2music::neural::shipped;
use imu2music::sensor::frame::{DeviceId, SensorFrame};
use imu2music::sensor::performer::{Performer, Style};
use imu2music::sensor::ring::{SensorInput, sensor_ring};
use imu2music::units::{HostTime, spread_out};

/// Where the rig's clock begins.
pub const START: HostTime = HostTime(100.0);
/// What the virtual sensors send.
pub const SENSOR_RATE_HZ: f64 = 100.0;

pub struct Rig {
    pub engine: Engine,
    pub shore: EngineShore,
    pub settings: Settings,
    sample_rate_hz: f32,
    input: SensorInput,
    readings: Vec<SensorFrame>,
    sent: usize,
    rendered: usize,
}

/// Stereo sound and the Controls at every block's end.
pub struct Rendered {
    pub left: Vec<f32>,
    pub right: Vec<f32>,
    pub controls: Vec<Controls>,
}

impl Rig {
    /// The shipped models in their slots, two forearms in their roles, `seconds` of motion ready to send.
    pub fn new(sample_rate_hz: f32, style: Style, seed: u64, seconds: f64) -> Rig {
        let (engine, mut shore) = Engine::new(sample_rate_hz);
        shipped::fill(&mut shore.gestures, &mut shore.sounds).expect("the shipped models load");
        let (input, output) = sensor_ring(1 << 14);
        let _ = shore.mail.send(Box::new(Mail::Feed {
            index: 0,
            readings: Some(output),
        }));
        let inputs = ["right_forearm.energy", "left_forearm.energy"];
        let (map, _) = Mapping::default().compile(&inputs, &[]);
        let _ = shore.mail.send(Box::new(Mail::Seating(map.seating)));
        let settings = Settings {
            offline: true,
            patient: true,
            playout_ms: Some(15.0),
            ..Settings::default()
        };
        let readings = readings(style, seed, seconds);
        let mut rig = Rig {
            engine,
            shore,
            settings,
            sample_rate_hz,
            input,
            readings,
            sent: 0,
            rendered: 0,
        };
        rig.anchor();
        rig
    }

    /// As the `n`th instance of a process: its ticks lie at another phase of the grid.
    pub fn into_instance(mut self, n: u32) -> Rig {
        self.engine.prepare(self.sample_rate_hz, spread_out(n));
        self.rendered = 0;
        self.anchor();
        self
    }

    /// The first block anchors the offline clock; from then on samples alone count.
    fn anchor(&mut self) {
        self.block(&mut [0.0], &mut [0.0]);
    }

    /// Plays through a map that uses all there is: smoothing, curves, inversion, a macro on every input, learned ranges
    /// and an aligned sensor.
    pub fn map_everything(&mut self) {
        let (gestures, _) = shipped::models().expect("the shipped models load");
        for (slot, model) in gestures.iter().enumerate() {
            let inputs = model.inputs();
            let (map, problems) = elaborate(&inputs).compile_for(&inputs, &[]);
            assert!(problems.is_empty(), "{problems:?}");
            let seating = map.seating;
            let _ = self.shore.mail.send(Box::new(Mail::Map { slot, map }));
            let _ = self.shore.mail.send(Box::new(Mail::Seating(seating)));
        }
        self.settings.macros = std::array::from_fn(|number| 0.1 * number as f32);
    }

    /// Sends every reading that was made before `until_s`.
    fn send(&mut self, until_s: f64) {
        while let Some(frame) = self.readings.get(self.sent) {
            if frame.time.seconds_since(START) > until_s {
                break;
            }
            self.input.push(*frame);
            self.sent += 1;
        }
    }

    /// One block of any length.
    pub fn block(&mut self, left: &mut [f32], right: &mut [f32]) {
        let end_s = (self.rendered + left.len()) as f64 / f64::from(self.sample_rate_hz);
        self.send(end_s + 0.05);
        // As far as the wall clock goes, every reading has happened.
        let now = if self.rendered == 0 {
            START
        } else {
            START + 1e6
        };
        self.engine
            .begin_block(now, left.len(), &self.settings, None);
        self.engine.render(left, right);
        self.engine.end_block(now, now, left.len());
        self.rendered += left.len();
    }

    /// Renders `seconds` in blocks of the lengths that `next_block` gives.
    pub fn render(&mut self, seconds: f64, mut next_block: impl FnMut() -> usize) -> Rendered {
        let total = (seconds * f64::from(self.sample_rate_hz)).round() as usize;
        let mut out = Rendered {
            left: vec![0.0; total],
            right: vec![0.0; total],
            controls: Vec::new(),
        };
        let mut done = 0;
        while done < total {
            let end = (done + next_block().max(1)).min(total);
            self.block(&mut out.left[done..end], &mut out.right[done..end]);
            out.controls.push(*self.engine.controls());
            done = end;
        }
        out
    }
}

fn elaborate(inputs: &[ModelInput]) -> Mapping {
    let mut mapping = Mapping::default();
    for (number, input) in inputs.iter().enumerate() {
        let own = InputSource {
            smoothing: 0.05 * (number % 6) as f32,
            curve: 0.1 * (number % 5) as f32 - 0.2,
            invert: number == 3,
            gain: 0.9,
            offset: 0.01,
            ..InputSource::default()
        };
        mapping.inputs.insert(input.name.clone(), own);
        let by_macro = InputSource {
            source: Channels::macro_name(number % MACRO_COUNT),
            gain: 0.05,
            ..InputSource::default()
        };
        mapping.added.insert(input.name.clone(), vec![by_macro]);
    }
    let role = Role::RightForearm;
    let learned = RoleCalibration {
        // As held in the two guided poses, by a sensor that sits a little askew.
        alignment: Alignment::from_poses(role, [[9.6, 1.0, 1.5], [1.4, 0.5, 9.7]]),
        ranges: [("energy".to_owned(), (0.0, 0.7))].into(),
    };
    assert!(learned.alignment.is_some());
    mapping.calibration.insert(role, learned);
    mapping
}

fn readings(style: Style, seed: u64, seconds: f64) -> Vec<SensorFrame> {
    let performer = Performer::new(style, seed);
    let mut frames = Vec::new();
    for n in 0..(seconds * SENSOR_RATE_HZ) as usize {
        let t_s = n as f64 / SENSOR_RATE_HZ;
        for (limb, reading) in performer.at(t_s).limbs.iter().enumerate() {
            frames.push(SensorFrame {
                accel_m_per_s2: reading.accel_m_per_s2,
                rate_rad_per_s: reading.rate_rad_per_s,
                ..SensorFrame::empty(DeviceId(limb as u16), START + t_s)
            });
        }
    }
    frames
}

/// Level over a window in dB relative to full scale.
pub fn level_db(samples: &[f32]) -> f32 {
    let power =
        samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / samples.len().max(1) as f64;
    10.0 * (power.max(1e-20)).log10() as f32
}

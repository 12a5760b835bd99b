//! A desk as it could be: what the editor's tests draw.

use crate::controls::Controls;
use crate::gesture::mapping::Context;
use crate::params::{InstrumentParams, SlotNames};
use crate::plugin::desk::{Notice, PortView, Sharing, SlotView, View};
use crate::sensor::announcement::Announced;
use crate::sensor::clock::ClockSource;
use crate::sensor::device::DeviceStatus;
use crate::sensor::frame::{DeviceId, SensorFrame};
use crate::telemetry::{AudioCounts, Snapshot};
use crate::units::HostTime;

pub fn params() -> InstrumentParams {
    InstrumentParams::new(SlotNames::default(), SlotNames::default())
}

/// Two seconds of a moving arm repeat for ever.
pub fn tick(host_s: f64) -> Snapshot {
    let phase = (host_s * std::f64::consts::PI).sin() as f32;
    let mut motion_energy = [0.0; crate::gesture::ROLE_COUNT];
    motion_energy[0] = 0.5 + 0.4 * phase;
    let mut freshness = [0.0; crate::gesture::ROLE_COUNT];
    freshness[0] = 1.0;
    let mut worn = [None; crate::gesture::ROLE_COUNT];
    worn[0] = Some(DeviceId(1));
    Snapshot {
        context: Context::NEUTRAL,
        worn,
        song_s: host_s,
        host_s,
        motion_energy,
        freshness,
        controls: Controls {
            pitch_note: 64.0 + 5.0 * phase,
            loudness_db: -24.0 + 10.0 * phase,
            ..Controls::SILENT
        },
        onset: 0.0,
        confidence: 0.8,
        motion_age_ms: 24.0,
        playout_ms: 9.5,
        voices: 3,
        callback_load: 0.12,
        peak: 0.2,
        limiter_db: 0.0,
        gesture_slot: 0,
        sound_slot: 0,
        offline: false,
        counts: AudioCounts::default(),
    }
}

pub fn device(id: u16) -> DeviceStatus {
    let id_of = DeviceId(id);
    DeviceStatus {
        id: id_of,
        name: format!("R-IoT {id}"),
        profile: "R-IoT".into(),
        sender: ([192, 168, 1, id as u8], 9000).into(),
        rate_hz: 100.0,
        frames: 1000,
        lost: 3,
        reordered: 0,
        jitter_ms: 1.2,
        delay_ms: 2.1,
        clock: ClockSource::Arrival,
        drift_ppm: 0.0,
        last_seen: HostTime(0.0),
        latest: SensorFrame::empty(id_of, HostTime(0.0)),
    }
}

/// Everything at once: ports that are open and taken, devices here and gone, models, a failure.
pub fn full(now_s: f64) -> View {
    let mut view = View {
        ports: vec![
            PortView {
                port: 8888,
                state: Ok("192.168.1.20:8888".into()),
                free: None,
                buffer_bytes: 1 << 20,
                sharing: Sharing::Host(1),
                barred: vec![[192, 168, 1, 77].into()],
            },
            PortView {
                port: 9000,
                state: Err("port 9000 is taken by another program".into()),
                free: Some(9001),
                buffer_bytes: 0,
                sharing: Sharing::Alone,
                barred: Vec::new(),
            },
        ],
        announced: vec![Announced {
            address: [192, 168, 1, 9].into(),
            name: "Left hand".into(),
            serial: "0123".into(),
            sends_to: Some(8001),
        }],
        devices: vec![device(1), device(2)],
        history: (0..2000)
            .map(|i| tick(now_s - 10.0 + f64::from(i) / 200.0))
            .collect(),
        notice: Some(Notice::Trouble("the model file could not be read".into())),
        ..View::default()
    };
    view.devices[0].last_seen = HostTime(now_s);
    view.gestures[0] = SlotView {
        name: "Bowing arm".into(),
        inputs: vec!["right_forearm.rate_x".into(), "left_forearm.energy".into()],
        frame_rate_hz: 100,
        notes: vec!["Resampling delays it by 1.5 ms.".into()],
        ..SlotView::default()
    };
    view.sounds[0] = SlotView {
        name: "Violin".into(),
        inputs: vec!["pitch".into(), "loudness".into()],
        frame_rate_hz: 100,
        notes: vec!["Resampling delays it by 1.5 ms.".into()],
        ..SlotView::default()
    };
    view.sounds[4].error = Some("the file is gone".into());
    view
}

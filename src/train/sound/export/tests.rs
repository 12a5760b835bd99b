use super::*;
use crate::controls::Controls;
use crate::neural::sound_model::SoundModel;
use crate::sound::frame::MAX_PARTIALS;
use crate::train::analysis::partials::BANDS;
use burn::tensor::{Device, TensorData};

fn bounds() -> Bounds {
    Bounds {
        pitch: (34.0, 102.0),
        loudness: (-60.0, -8.0),
        brightness: (0.2, 0.8),
        noisiness: (1e-4, 0.98),
        timbre: 2,
    }
}

fn label() -> Label {
    Label {
        name: "Test".into(),
        author: String::new(),
        licence: String::new(),
        description: String::new(),
        frame_rate_hz: 200,
        timbre: vec!["darker".into(), "brighter".into()],
        data: serde_json::Value::Null,
        metrics: serde_json::Value::Null,
    }
}

/// Log amplitudes of the partials by the training graph, frame by frame.
fn trained(network: &Network, stiffness: Stiffness, rows: &[Controls]) -> Vec<f32> {
    let device = Device::flex();
    let tensor = |v: Vec<f32>, n: usize| {
        Weights::<2>::from_data(TensorData::new(v, [rows.len(), n]), &device)
    };
    let frames: Vec<Frame> = rows
        .iter()
        .map(|r| Frame::new(r.pitch_note, stiffness.at_note(r.pitch_note)))
        .collect();
    let features: Vec<f32> = rows.iter().flat_map(|r| bounds().features(r)).collect();
    let x = Weights::<3>::from_data(
        TensorData::new(features, [1, rows.len(), bounds().width()]),
        &device,
    );
    let (harmonic, _) = super::super::network::level(
        network.shapes(x),
        tensor(rows.iter().map(|r| r.noisiness).collect(), 1),
        tensor(
            rows.iter()
                .map(|r| r.loudness_db * std::f32::consts::LN_10 / 20.0)
                .collect(),
            1,
        ),
        tensor(
            frames
                .iter()
                .flat_map(|f| f.inside.map(|x| x * x))
                .collect(),
            MAX_PARTIALS,
        ),
        tensor(frames.iter().flat_map(|f| f.weight).collect(), MAX_PARTIALS),
    );
    values2(harmonic)
}

#[test]
fn the_file_plays_what_was_trained() {
    let network = Network::new(
        5,
        bounds().width(),
        vec![0.0; MAX_PARTIALS + BANDS],
        &Device::flex(),
    );
    let rows: Vec<Controls> = (0..30)
        .map(|i| {
            let x = i as f32 / 30.0;
            Controls {
                pitch_note: 50.0 + 30.0 * x,
                loudness_db: -50.0 + 35.0 * x,
                brightness: 0.3 + 0.4 * x,
                noisiness: 0.02 + 0.3 * x,
                // The second latent leaves what the network was taught to hear.
                timbre: [1.0 - x, 4.0 * x, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            }
        })
        .collect();
    for stiffness in [
        Stiffness::NONE,
        Stiffness {
            level: -9.0,
            slope: 0.05,
        },
    ] {
        let bytes = export(&network, &bounds(), stiffness, &label());
        let mut model = SoundModel::load(&bytes).unwrap();
        let wanted = trained(&network, stiffness, &rows);
        let mut frame = crate::sound::frame::SoundFrame::SILENT;
        for (row, wanted) in rows.iter().zip(wanted.chunks(MAX_PARTIALS)) {
            model.step(row, &mut frame);
            let inside = Frame::new(row.pitch_note, stiffness.at_note(row.pitch_note)).inside;
            for k in 0..MAX_PARTIALS {
                let expected = wanted[k].exp() * inside[k];
                assert!(
                    (frame.harmonics[k] - expected).abs() < 1e-4 * expected + 1e-7,
                    "{row:?}, {k}"
                );
            }
        }
    }
}

#[test]
fn silence_is_silent_and_louder_is_louder_at_every_pitch() {
    let network = Network::new(
        6,
        bounds().width(),
        vec![0.0; MAX_PARTIALS + BANDS],
        &Device::flex(),
    );
    let bytes = export(&network, &bounds(), Stiffness::NONE, &label());
    let mut model = SoundModel::load(&bytes).unwrap();
    let mut frame = crate::sound::frame::SoundFrame::SILENT;
    for note in [0.0, 36.0, 68.0, 100.0, 127.0] {
        let mut before = -1.0;
        for loudness_db in [-80.0, -79.0, -70.0, -50.0, -30.0, -10.0, 0.0] {
            let mut controls = crate::controls::Controls::SILENT;
            (controls.pitch_note, controls.loudness_db) = (note, loudness_db);
            model.reset();
            model.step(&controls, &mut frame);
            let power: f32 = frame
                .harmonics
                .iter()
                .chain(&frame.noise_rms)
                .map(|a| a * a)
                .sum();
            assert!(
                power.is_finite() && power > before,
                "{note}, {loudness_db}: {power}"
            );
            assert!(loudness_db > -80.0 || power == 0.0);
            before = power;
        }
    }
}

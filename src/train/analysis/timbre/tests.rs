use super::*;
use crate::sound::frame::MAX_PARTIALS;
use crate::train::analysis::describe;
use crate::train::analysis::partials::{BANDS, Parts};
use crate::units::note_to_hz;

/// A tone that falls 6 dB an octave, with a formant at 1.2 kHz of `formant` nepers, at a note, a gain and a tilt.
fn frame(note: f32, gain: f32, tilt: f32, formant: f32) -> (Parts, Controls) {
    let f0_hz = note_to_hz(note);
    let mut parts = Parts {
        harmonics: [0.0; MAX_PARTIALS],
        noise_rms: [1e-4 * gain; BANDS],
    };
    for (i, a) in parts.harmonics.iter_mut().enumerate() {
        let hz = f0_hz * (i + 1) as f32;
        let bump = (-((hz / 1200.0).log2() / 0.4).powi(2)).exp();
        *a = gain * (f0_hz / hz).powf(1.0 + tilt) * (formant * bump).exp();
        if hz > 20_000.0 {
            *a = 0.0;
        }
    }
    let controls = describe(&parts, f0_hz, 0.0);
    (parts, controls)
}

/// Four thousand frames of a melody whose formant comes and goes by itself.
fn melody() -> (Vec<(Parts, Controls)>, Vec<f32>) {
    let formant = |n: usize| 0.8 * (n as f32 * 0.0137).sin();
    let frames = (0..4000).map(|n| {
        let x = n as f32;
        let note = 60.0 + 9.0 * (x * 0.0061).sin() + 4.0 * (x * 0.0023).cos();
        let gain = 0.05 * (1.2 * (x * 0.0317).sin()).exp();
        frame(note, gain, 0.3 * (x * 0.0091).sin(), formant(n))
    });
    (frames.collect(), (0..4000).map(formant).collect())
}

fn heard((parts, controls): &(Parts, Controls)) -> (Envelope, &Controls) {
    (envelope(parts, controls, 0.0), controls)
}

fn r(a: &[f32], b: &[f32]) -> f32 {
    let mut pairs = crate::train::gesture::evaluate::Pearson::default();
    a.iter().zip(b).for_each(|(a, b)| pairs.add(*a, *b));
    pairs.r()
}

#[test]
fn a_formant_that_comes_and_goes_is_a_latent_and_pitch_loudness_and_tilt_are_not() {
    let (frames, formant) = melody();
    let rows = || frames.iter().map(heard);
    let timbre = learn(rows(), 3).unwrap();
    let latents = timbre.track(rows(), 200);
    let first: Vec<f32> = latents.iter().map(|l| l[0]).collect();
    // Brightness has said a part of it already.
    assert!(r(&first, &formant) > 0.8, "{}", r(&first, &formant));
    for word in 0..3 {
        let words: Vec<f32> = frames.iter().map(|(_, c)| words_of(c)[word]).collect();
        assert!(
            r(&first, &words).abs() < 0.1,
            "{word}: {}",
            r(&first, &words)
        );
    }
    assert!(timbre.share[0] > 0.5, "{:?}", timbre.share);
    assert!(timbre.says[0].contains("Hz"), "{:?}", timbre.says);
    let mean = first.iter().sum::<f32>() / first.len() as f32;
    let power = first.iter().map(|x| x * x).sum::<f32>() / first.len() as f32;
    assert!(
        mean.abs() < 0.1 && (power - 1.0).abs() < 0.2,
        "{mean} {power}"
    );
    // Those that are not there are neutral.
    assert!(
        latents
            .iter()
            .all(|l| l[timbre.count()..].iter().all(|x| *x == 0.0))
    );
}

#[test]
fn what_never_differs_has_no_timbre_and_silence_none_either() {
    let steady: Vec<_> = (0..2000)
        .map(|n| frame(50.0 + 0.01 * n as f32, 0.1, 0.0, 0.0))
        .collect();
    assert!(learn(steady.iter().map(heard), 3).is_none());
    let (frames, _) = melody();
    let timbre = learn(frames.iter().map(heard), 2).unwrap();
    let silence = vec![frame(60.0, 1e-6, 0.0, 3.0); 50];
    let latents = timbre.track(silence.iter().map(heard), 200);
    assert!(latents.iter().flatten().all(|x| *x == 0.0));
}

#[test]
fn what_a_file_says_of_it_is_read_as_it_was() {
    let (frames, _) = melody();
    let timbre = learn(frames.iter().map(heard), 2).unwrap();
    let text = serde_json::to_string(&timbre).unwrap();
    assert_eq!(serde_json::from_str::<Timbre>(&text).unwrap(), timbre);
    assert!(text.len() < 20_000, "{}", text.len());
}

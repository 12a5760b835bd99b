//! The arithmetic that fine-tuning listens with is the synth's, and its slopes are what small steps measure.

use super::*;
use crate::sound::frame::{NoiseBands, SoundFrame};
use crate::train::analysis::partials::band_edges_hz;
use crate::train::sound::corpus::Example;
use crate::train::sound::corpus::tests::corpus;
use crate::train::sound::evaluate::play;

const FRAMES: usize = 60;

/// A swelling tone with noise: frames, and what the synth makes of them.
fn phrase() -> (Phrase, Vec<f32>) {
    let mut logs = Vec::new();
    let frames: Vec<SoundFrame> = (0..FRAMES)
        .map(|i| {
            let swell = 0.05 * (1.0 + 0.5 * (i as f32 * 0.2).sin());
            let mut frame = SoundFrame {
                f0_hz: 330.0 + i as f32,
                ..SoundFrame::SILENT
            };
            for k in 0..MAX_PARTIALS {
                frame.harmonics[k] = swell / (k + 1) as f32;
            }
            for b in 0..BANDS {
                frame.noise_rms[b] = 0.02 * swell;
            }
            logs.extend(frame.harmonics.iter().map(|a| a.ln()));
            logs.extend(frame.noise_rms[..BANDS].iter().map(|a| a.ln()));
            frame
        })
        .collect();
    let examples = frames.iter().map(|frame| {
        let mut controls = crate::controls::Controls::SILENT;
        controls.pitch_note = crate::units::hz_to_note(frame.f0_hz);
        let parts = crate::train::analysis::partials::Parts {
            harmonics: frame.harmonics,
            noise_rms: std::array::from_fn(|b| frame.noise_rms[b]),
        };
        Example {
            controls,
            voicing: 1.0,
            parts,
        }
    });
    let examples = examples.collect();
    let bands = NoiseBands::from_edges(&band_edges_hz()).unwrap();
    let mut samples = play(frames.into_iter(), &bands, 200);
    samples.resize(FRAMES * 240, 0.0);
    (Phrase { examples, samples }, logs)
}

fn clip<'a>(phrase: &'a Phrase, ruler: &mut Ruler) -> Clip<'a> {
    let loudest = ruler.loudest(&phrase.samples);
    Clip::new(phrase, 0, FRAMES, &corpus(), loudest, &mut Dice::new(4))
}

#[test]
fn it_listens_with_the_synths_arithmetic() {
    let (phrase, logs) = phrase();
    let mut ruler = Ruler::new();
    let clip = clip(&phrase, &mut ruler);
    let (near, _) = clip.listen(&mut ruler, &logs, false);
    let louder: Vec<f32> = logs.iter().map(|l| l + 0.7).collect();
    let (far, _) = clip.listen(&mut ruler, &louder, false);
    // Two throws of the same noise differ by half a neper where there is only noise.
    assert!(near < 0.6 && far > near + 0.5, "{near} {far}");
}

#[test]
fn slopes_are_what_small_steps_measure() {
    let (phrase, logs) = phrase();
    let mut ruler = Ruler::new();
    let clip = clip(&phrase, &mut ruler);
    let mut dice = Dice::new(9);
    let start: Vec<f32> = logs.iter().map(|l| l + 0.3 * dice.normal()).collect();
    for part in [0..MAX_PARTIALS, MAX_PARTIALS..WIDE] {
        let way: Vec<f32> = (0..start.len())
            .map(|i| {
                if part.contains(&(i % WIDE)) {
                    1e-3 * (1.0 + dice.unit())
                } else {
                    0.0
                }
            })
            .collect();
        let mut at = |t: f32| {
            let moved: Vec<f32> = start.iter().zip(&way).map(|(l, w)| l + t * w).collect();
            clip.listen(&mut ruler, &moved, false).0
        };
        let measured = 0.5 * (at(1.0) - at(-1.0));
        let (_, slope) = clip.listen(&mut ruler, &start, true);
        let said: f32 = slope.iter().zip(&way).map(|(s, w)| s * w).sum();
        let close = (said - measured).abs() < 0.05 * measured.abs() + 2e-6;
        assert!(close, "{part:?}: {said} {measured}");
    }
}

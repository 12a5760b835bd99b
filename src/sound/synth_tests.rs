//! What the synth must hold at every rate: pitch, bandwidth, continuity, independence of the split, silence.

use super::*;
use crate::sound::frame::{MAX_BANDS, MAX_PARTIALS};
use realfft::RealFftPlanner;

const RATES: [f32; 5] = [44_100.0, 48_000.0, 88_200.0, 96_000.0, 192_000.0];

fn tone(f0_hz: f32, partials: usize) -> SoundFrame {
    let mut frame = SoundFrame {
        f0_hz,
        ..SoundFrame::SILENT
    };
    for k in 0..partials {
        frame.harmonics[k] = 0.3 / (k + 1) as f32;
    }
    frame
}

fn bands() -> NoiseBands {
    NoiseBands::from_edges(&[0.0, 300.0, 1000.0, 4000.0, 20_000.0]).unwrap()
}

fn render(synth: &mut Synth, count: usize) -> (Vec<f32>, Vec<f32>) {
    let (mut left, mut right) = (vec![0.0; count], vec![0.0; count]);
    synth.render(&mut left, &mut right);
    (left, right)
}

/// Power spectrum under a four-term Blackman-Harris window (side lobes at -92 dB).
fn spectrum(samples: &[f32]) -> Vec<f32> {
    let size = samples.len();
    let turn = std::f64::consts::TAU / size as f64;
    let mut input: Vec<f32> = samples
        .iter()
        .enumerate()
        .map(|(n, x)| {
            let t = turn * n as f64;
            let w = 0.358_75 - 0.488_29 * t.cos() + 0.141_28 * (2.0 * t).cos()
                - 0.011_68 * (3.0 * t).cos();
            x * w as f32
        })
        .collect();
    let fft = RealFftPlanner::<f32>::new().plan_fft_forward(size);
    let mut output = fft.make_output_vec();
    fft.process(&mut input, &mut output).unwrap();
    output.iter().map(|c| c.norm_sqr()).collect()
}

#[test]
fn pitch_is_right_within_a_cent_at_every_rate() {
    for rate in RATES {
        for hz in [65.406, 440.0, 1318.51] {
            let mut synth = Synth::new(rate);
            synth.set_target(&tone(hz, 1), &NoiseBands::NONE, 1);
            let (left, _) = render(&mut synth, rate as usize);
            let rises: Vec<f64> = (1..left.len())
                .filter(|n| left[n - 1] <= 0.0 && left[*n] > 0.0)
                .map(|n| n as f64 - f64::from(left[n] / (left[n] - left[n - 1])))
                .collect();
            let cycles = (rises.len() - 1) as f64;
            let heard = cycles / (rises[rises.len() - 1] - rises[0]) * f64::from(rate);
            let cents = 1200.0 * (heard / f64::from(hz)).log2();
            assert!(cents.abs() < 0.1, "{rate} Hz, {hz}: {cents} cents");
        }
    }
}

#[test]
fn nothing_folds_back_from_above_the_top() {
    for rate in RATES {
        let mut synth = Synth::new(rate);
        let mut frame = tone(1_000.0 * 1.017, MAX_PARTIALS);
        frame.harmonics = [0.1; MAX_PARTIALS];
        synth.set_target(&frame, &NoiseBands::NONE, 64);
        let (left, _) = render(&mut synth, 1 << 15);
        let power = spectrum(&left[1 << 14..]);
        let bin_hz = rate / (1 << 14) as f32;
        let strongest = power.iter().fold(0.0f32, |a, b| a.max(*b));
        for (bin, p) in power.iter().enumerate() {
            let k = bin as f32 * bin_hz / frame.f0_hz;
            let off_bins = (k - k.round()).abs() * frame.f0_hz / bin_hz;
            let stray = off_bins > 6.0 || k < 0.5 || bin as f32 * bin_hz > 20_000.0 + 6.0 * bin_hz;
            assert!(
                !stray || *p < strongest * 1e-8,
                "{rate} Hz: bin at {} Hz",
                bin as f32 * bin_hz
            );
        }
    }
}

#[test]
fn any_split_gives_the_same_samples() {
    let pieces = |sizes: &[usize]| {
        let mut synth = Synth::new(44_100.0);
        let (mut out, mut sizes) = (Vec::new(), sizes.iter().cycle());
        for tick in 0..60 {
            let mut frame = tone(100.0 + 37.0 * (tick % 7) as f32, 90);
            frame.noise_rms[tick % 4] = 0.05;
            frame.inharmonicity = 1e-4 * (tick % 3) as f32;
            if tick % 11 == 5 {
                frame = SoundFrame::SILENT;
            }
            synth.set_target(&frame, &bands(), 220);
            let mut left_over = if tick % 5 == 0 { 400 } else { 220 + tick % 2 };
            while left_over > 0 {
                let size = sizes.next().copied().unwrap_or(16).min(left_over);
                let (l, r) = render(&mut synth, size);
                out.extend(l.into_iter().zip(r));
                left_over -= size;
            }
        }
        out
    };
    let whole = pieces(&[16]);
    for sizes in [&[1][..], &[7, 16, 3], &[15, 1, 2], &[400]] {
        assert_eq!(whole, pieces(sizes), "{sizes:?}");
    }
}

#[test]
fn random_frames_make_no_jump() {
    let mut random = 9u32;
    let mut next = move || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 8) as f32 / (1 << 24) as f32
    };
    let mut synth = Synth::new(48_000.0);
    let mut last = 0.0f32;
    for _ in 0..400 {
        let mut frame = SoundFrame {
            f0_hz: 60.0 + 300.0 * next(),
            ..SoundFrame::SILENT
        };
        for amplitude in &mut frame.harmonics[..4] {
            *amplitude = 0.25 * next();
        }
        synth.set_target(&frame, &NoiseBands::NONE, 240);
        let count = (next() * 480.0) as usize;
        for l in render(&mut synth, count).0 {
            // Four partials of 0.25 under 360 Hz · k, leaning at most 12 %, and amplitude ramps of 1/240.
            let steepest =
                0.25 * std::f32::consts::TAU * 360.0 / 48_000.0 * (1.0 + 2.0 + 3.0 + 4.0) * 1.12
                    + 1.12 / 240.0;
            assert!((l - last).abs() <= steepest);
            last = l;
        }
    }
}

#[test]
fn a_silent_frame_is_silence_and_a_broken_one_is_finite() {
    let mut synth = Synth::new(48_000.0);
    let mut frame = tone(220.0, MAX_PARTIALS);
    frame.noise_rms = [0.01; MAX_BANDS];
    synth.set_target(&frame, &bands(), 240);
    assert!(render(&mut synth, 4800).0.iter().any(|x| x.abs() > 0.1));
    synth.set_target(&SoundFrame::SILENT, &bands(), 240);
    render(&mut synth, 240 + 2 * 512);
    let (left, right) = render(&mut synth, 4800);
    assert!(left.iter().chain(&right).all(|x| *x == 0.0));
    for broken in [
        f32::NAN,
        f32::INFINITY,
        -1.0,
        f32::MAX,
        f32::MIN_POSITIVE,
        0.0,
    ] {
        let frame = SoundFrame {
            f0_hz: broken,
            inharmonicity: broken,
            harmonics: [broken; MAX_PARTIALS],
            noise_rms: [broken; MAX_BANDS],
        };
        synth.set_target(&frame, &bands(), 0);
        let (left, right) = render(&mut synth, 1000);
        assert!(left.iter().chain(&right).all(|x| x.is_finite()), "{broken}");
    }
    assert_eq!(synth.faults(), 2);
}

#[test]
fn mono_keeps_the_partials_whole_and_the_crest_low() {
    let mut synth = Synth::new(48_000.0);
    synth.set_target(&tone(110.0, 60), &NoiseBands::NONE, 1);
    let (left, right) = render(&mut synth, 48_000);
    let mono: Vec<f32> = left
        .iter()
        .zip(&right)
        .map(|(l, r)| 0.5 * (l + r))
        .collect();
    let rms = (mono.iter().map(|x| x * x).sum::<f32>() / mono.len() as f32).sqrt();
    let expected = ((1..=60).map(|k| (0.3 / k as f32).powi(2)).sum::<f32>() / 2.0).sqrt();
    assert!((rms / expected - 1.0).abs() < 0.01);
    let peak = mono.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    // In phase, the same partials have a crest of 5.2.
    assert!(peak / rms < 2.6, "crest {}", peak / rms);
}

//! Recordings in: WAV files of any rate and channel count, as mono at the one rate the analysis works at; and
//! reading between samples.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Everything is analysed at this rate.
pub const ANALYSIS_RATE_HZ: f32 = 48_000.0;

/// Rumble under this is not music; a second-order Butterworth takes it away.
const RUMBLE_HZ: f32 = 40.0;
/// -400 dB.
const INAUDIBLE: f32 = 1e-20;

/// Why a recording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    #[error("{path} cannot be opened: {cause}. Check its name, and that it can be read")]
    NotOpened {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error(
        "{file}: {cause}. Convert it to a WAV file, for example: ffmpeg -i INPUT -ac 1 OUTPUT.wav"
    )]
    Unreadable { file: PathBuf, cause: String },
    #[error(
        "{file}: nothing is heard in it ({peak_db:.0} dB at its loudest). Check the recording or its level"
    )]
    Silent { file: PathBuf, peak_db: f32 },
    #[error(
        "no WAV file in {folder}. Put recordings there; other formats convert with ffmpeg -i INPUT -ac 1 OUTPUT.wav"
    )]
    NoFiles { folder: PathBuf },
}

/// The WAV files of a folder in the order of their names.
pub fn wav_files(folder: &Path) -> Result<Vec<PathBuf>, AudioError> {
    let unreadable = |cause| AudioError::NotOpened {
        path: folder.into(),
        cause,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("wav"))
        {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(AudioError::NoFiles {
            folder: folder.into(),
        });
    }
    Ok(files)
}

/// A WAV file as it is, but for its channels, which are averaged.
pub struct Mono {
    pub samples: Vec<f32>,
    pub sample_rate_hz: u32,
    /// How many there were.
    pub channels: u16,
    /// Share of samples at full scale in any channel.
    pub clipped: f32,
}

impl Mono {
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate_hz.max(1))
    }
}

/// At and above this a sample was cut off.
const FULL_SCALE: f32 = 0.999;

/// Reads a WAV file of any rate and channel count. One in which nothing is heard is refused.
pub fn read_mono(path: &Path) -> Result<Mono, AudioError> {
    let unreadable = |e: hound::Error| AudioError::Unreadable {
        file: path.into(),
        cause: e.to_string(),
    };
    let file = File::open(path).map_err(|cause| AudioError::NotOpened {
        path: path.into(),
        cause,
    })?;
    let mut reader = hound::WavReader::new(BufReader::new(file)).map_err(unreadable)?;
    let spec = reader.spec();
    let samples: Result<Vec<f32>, _> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect(),
        hound::SampleFormat::Int => {
            let scale = 1.0 / (1i64 << (spec.bits_per_sample - 1)) as f32;
            reader
                .samples::<i32>()
                .map(|s| s.map(|s| s as f32 * scale))
                .collect()
        }
    };
    let channels = usize::from(spec.channels.max(1));
    let samples = samples.map_err(unreadable)?;
    let cut = samples.iter().filter(|x| x.abs() >= FULL_SCALE).count();
    let clipped = cut as f32 / samples.len().max(1) as f32;
    let mono: Vec<f32> = samples
        .chunks(channels)
        .map(|frame| {
            frame
                .iter()
                .map(|x| if x.is_finite() { *x } else { 0.0 })
                .sum::<f32>()
                / channels as f32
        })
        .collect();
    let peak = mono.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    if peak < 1e-4 {
        return Err(AudioError::Silent {
            file: path.into(),
            peak_db: crate::units::gain_to_db(peak),
        });
    }
    Ok(Mono {
        samples: mono,
        sample_rate_hz: spec.sample_rate,
        channels: spec.channels,
        clipped,
    })
}

/// A WAV file as mono at [`ANALYSIS_RATE_HZ`], without rumble.
pub fn read_wav(path: &Path) -> Result<Vec<f32>, AudioError> {
    let mono = read_mono(path)?;
    let mut samples = resample(&mono.samples, mono.sample_rate_hz as f32, ANALYSIS_RATE_HZ);
    remove_rumble(&mut samples);
    Ok(samples)
}

/// Band-limited change of rate.
pub fn resample(samples: &[f32], from_hz: f32, to_hz: f32) -> Vec<f32> {
    if from_hz == to_hz {
        return samples.to_vec();
    }
    let sinc = Sinc::new((to_hz / from_hz).min(1.0));
    let count = (samples.len() as f64 * f64::from(to_hz) / f64::from(from_hz)) as usize;
    let step = f64::from(from_hz) / f64::from(to_hz);
    (0..count)
        .map(|n| sinc.read(samples, n as f64 * step))
        .collect()
}

fn remove_rumble(samples: &mut [f32]) {
    let w = std::f32::consts::TAU * RUMBLE_HZ / ANALYSIS_RATE_HZ;
    let alpha = w.sin() * std::f32::consts::FRAC_1_SQRT_2;
    let (c, a0) = (w.cos(), 1.0 + alpha);
    let (b0, b1) = ((1.0 + c) / (2.0 * a0), -(1.0 + c) / a0);
    let (a1, a2) = (-2.0 * c / a0, (1.0 - alpha) / a0);
    let (mut s1, mut s2) = (0.0, 0.0);
    for x in samples {
        let y = b0 * *x + s1;
        // In silence the filter rings down to numbers that take a hundred times as long to multiply.
        let y = if y.abs() < INAUDIBLE { 0.0 } else { y };
        s1 = b1 * *x - a1 * y + s2;
        s2 = b0 * *x - a2 * y;
        *x = y;
    }
}

/// Reads a signal between its samples by a windowed sinc.
pub struct Sinc {
    table: Vec<f32>,
    half: usize,
}

const PHASES: usize = 512;
const HALF_TAPS: usize = 12;

impl Sinc {
    /// `bandwidth` 1 keeps everything up to nearly half the rate; less when the output's rate is that much lower.
    pub fn new(bandwidth: f32) -> Sinc {
        let half = (HALF_TAPS as f32 / bandwidth).ceil() as usize;
        let mut table = Vec::with_capacity((PHASES + 1) * 2 * half);
        for phase in 0..=PHASES {
            for tap in 0..2 * half {
                let x = (tap as f64 - (half as f64 - 1.0)) - phase as f64 / PHASES as f64;
                let cut = f64::from(bandwidth) * 0.96;
                let angle = std::f64::consts::PI * x * cut;
                let sinc = if angle.abs() < 1e-9 {
                    1.0
                } else {
                    angle.sin() / angle
                };
                let hann = (std::f64::consts::FRAC_PI_2 * x / half as f64)
                    .cos()
                    .powi(2);
                table.push((sinc * hann * cut) as f32);
            }
        }
        Sinc { table, half }
    }

    #[inline]
    pub fn read(&self, samples: &[f32], position: f64) -> f32 {
        let whole = position.floor();
        let fraction = ((position - whole) * PHASES as f64) as f32;
        let phase = (fraction as usize).min(PHASES - 1);
        let blend = fraction - phase as f32;
        let taps = 2 * self.half;
        let near = &self.table[phase * taps..(phase + 1) * taps];
        let far = &self.table[(phase + 1) * taps..(phase + 2) * taps];
        let first = whole as i64 - self.half as i64 + 1;
        if first >= 0 && first as usize + taps <= samples.len() {
            let span = &samples[first as usize..first as usize + taps];
            let (a, b) = (dot(span, near), dot(span, far));
            return a + (b - a) * blend;
        }
        let mut sum = 0.0;
        for (i, (n, f)) in near.iter().zip(far).enumerate() {
            let at = first + i as i64;
            if at >= 0 && (at as usize) < samples.len() {
                sum += samples[at as usize] * (n + (f - n) * blend);
            }
        }
        sum
    }
}

/// In four sums, that a vector has: one alone waits for every addition.
#[inline]
fn dot(x: &[f32], y: &[f32]) -> f32 {
    let (x, x_end) = x.as_chunks::<4>();
    let (y, y_end) = y.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (x, y) in x.iter().zip(y) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    let rest: f32 = x_end.iter().zip(y_end).map(|(x, y)| x * y).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_survives_a_change_of_rate() {
        let tone = |rate: f32, n: usize| (std::f32::consts::TAU * 997.0 * n as f32 / rate).sin();
        let input: Vec<f32> = (0..44_100).map(|n| tone(44_100.0, n)).collect();
        let output = resample(&input, 44_100.0, 48_000.0);
        for n in 100..1000 {
            assert!((output[n] - tone(48_000.0, n)).abs() < 2e-3, "{n}");
        }
    }

    #[test]
    fn what_is_missing_empty_or_no_sound_says_what_to_do() {
        let says = |error: AudioError, words: [&str; 2]| {
            let said = error.to_string();
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
        };
        let folder = std::env::temp_dir().join(format!("imu2music-audio-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        says(
            wav_files(Path::new("no/such/folder")).unwrap_err(),
            ["no/such/folder", "Check its name"],
        );
        says(wav_files(&folder).unwrap_err(), ["no WAV file", "ffmpeg"]);
        let file = folder.join("a.wav");
        let refused = |file: &Path| read_mono(file).err().unwrap();
        says(refused(&file), ["a.wav", "Check its name"]);
        std::fs::write(&file, b"ID3 no RIFF at all").unwrap();
        says(refused(&file), ["a.wav", "ffmpeg"]);
        std::fs::write(&file, b"RI").unwrap();
        says(refused(&file), ["a.wav", "ffmpeg"]);
        let _ = std::fs::remove_dir_all(folder);
    }
}

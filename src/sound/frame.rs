//! What a sound model says once per control frame: a pitch, the partials over it, and noise in bands.
//! `Copy` and of fixed size, so that it crosses threads and voices without allocation.

/// Most partials a frame can hold.
pub const MAX_PARTIALS: usize = 128;
/// Most noise bands a frame can hold.
pub const MAX_BANDS: usize = 96;

/// The loudest a partial or a band may be asked to be (12 dB over full scale).
const MAX_AMPLITUDE: f32 = 4.0;
/// The pitches a frame may ask for, in Hz; and the most it may stretch its partials.
const F0_RANGE_HZ: (f32, f32) = (8.0, 20_000.0);
const MAX_INHARMONICITY: f32 = 0.1;

/// One frame of sound: partial k (from 1) sounds at `k · f0 · sqrt(1 + inharmonicity · k²)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoundFrame {
    pub f0_hz: f32,
    /// B of a stiff string (Fletcher, JASA 1962); 0 is harmonic.
    pub inharmonicity: f32,
    /// Linear peak amplitude of each partial.
    pub harmonics: [f32; MAX_PARTIALS],
    /// Linear RMS of each noise band, in each channel.
    pub noise_rms: [f32; MAX_BANDS],
}

impl SoundFrame {
    pub const SILENT: SoundFrame = SoundFrame {
        f0_hz: 261.625_58,
        inharmonicity: 0.0,
        harmonics: [0.0; MAX_PARTIALS],
        noise_rms: [0.0; MAX_BANDS],
    };

    /// Straight line from `self` (`amount` 0) to `target` (`amount` 1), pitch in octaves.
    pub fn toward(&self, target: &SoundFrame, amount: f32) -> SoundFrame {
        let line = |from: f32, to: f32| from + (to - from) * amount;
        let mut out = *self;
        out.f0_hz = line(self.f0_hz.log2(), target.f0_hz.log2()).exp2();
        out.inharmonicity = line(self.inharmonicity, target.inharmonicity);
        for (o, to) in out.harmonics.iter_mut().zip(&target.harmonics) {
            *o = line(*o, *to);
        }
        for (o, to) in out.noise_rms.iter_mut().zip(&target.noise_rms) {
            *o = line(*o, *to);
        }
        out
    }

    /// Makes partials and noise louder or quieter.
    pub fn scale(&mut self, gain: f32) {
        let amplitudes = self.harmonics.iter_mut().chain(&mut self.noise_rms);
        amplitudes.for_each(|amplitude| *amplitude *= gain);
    }

    /// A frame that can be played, and whether it differs from `self` because something was not finite: that
    /// partial or band is silent; a pitch that cannot be played becomes `f0_fallback_hz`.
    pub fn playable(&self, f0_fallback_hz: f32) -> (SoundFrame, bool) {
        let mut out = *self;
        let mut broken = false;
        for amplitude in out.harmonics.iter_mut().chain(&mut out.noise_rms) {
            broken |= !amplitude.is_finite();
            *amplitude = if amplitude.is_finite() {
                amplitude.clamp(0.0, MAX_AMPLITUDE)
            } else {
                0.0
            };
        }
        if out.f0_hz.is_finite() && out.f0_hz > 0.0 {
            out.f0_hz = out.f0_hz.clamp(F0_RANGE_HZ.0, F0_RANGE_HZ.1);
        } else {
            broken |= !out.f0_hz.is_finite();
            out.f0_hz = f0_fallback_hz;
        }
        if out.inharmonicity.is_finite() {
            out.inharmonicity = out.inharmonicity.clamp(0.0, MAX_INHARMONICITY);
        } else {
            broken = true;
            out.inharmonicity = 0.0;
        }
        (out, broken)
    }
}

/// Where a model's noise bands lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseBands {
    pub count: usize,
    /// `count + 1` rising edges.
    pub edges_hz: [f32; MAX_BANDS + 1],
}

impl NoiseBands {
    pub const NONE: NoiseBands = NoiseBands {
        count: 0,
        edges_hz: [0.0; MAX_BANDS + 1],
    };

    /// `None` unless there are 2 to 97 finite, strictly rising edges from 0 Hz up.
    pub fn from_edges(edges_hz: &[f32]) -> Option<NoiseBands> {
        let count = edges_hz.len().checked_sub(1)?;
        let rising = edges_hz.windows(2).all(|pair| pair[0] < pair[1]);
        if count == 0
            || count > MAX_BANDS
            || !rising
            || edges_hz[0] < 0.0
            || !edges_hz[count].is_finite()
        {
            return None;
        }
        let mut bands = NoiseBands {
            count,
            ..NoiseBands::NONE
        };
        bands.edges_hz[..=count].copy_from_slice(edges_hz);
        Some(bands)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_must_rise() {
        assert!(NoiseBands::from_edges(&[0.0, 100.0, 200.0]).is_some());
        for edges in [
            &[][..],
            &[5.0],
            &[0.0, 0.0],
            &[0.0, f32::NAN],
            &[-1.0, 2.0],
            &[0.0, f32::INFINITY],
        ] {
            assert!(NoiseBands::from_edges(edges).is_none(), "{edges:?}");
        }
        assert!(NoiseBands::from_edges(&[0.0; MAX_BANDS + 2]).is_none());
    }

    #[test]
    fn a_broken_frame_becomes_playable() {
        let mut frame = SoundFrame::SILENT;
        frame.f0_hz = f32::NAN;
        frame.harmonics[3] = f32::INFINITY;
        frame.harmonics[4] = -1.0;
        let (frame, broken) = frame.playable(100.0);
        assert!(broken);
        assert_eq!(
            (frame.f0_hz, frame.harmonics[3], frame.harmonics[4]),
            (100.0, 0.0, 0.0)
        );
        assert!(!frame.playable(100.0).1);
    }

    #[test]
    fn halfway_in_pitch_is_the_geometric_mean() {
        let (mut low, mut high) = (SoundFrame::SILENT, SoundFrame::SILENT);
        (low.f0_hz, high.f0_hz) = (100.0, 400.0);
        assert!((low.toward(&high, 0.5).f0_hz - 200.0).abs() < 1e-3);
    }
}

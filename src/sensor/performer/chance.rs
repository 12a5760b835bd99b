//! Seeded chance: a sequence for composing scores, and a pure hash for noise that depends on (seed, time) alone,
//! so that a reading is the same whichever order readings are asked for. SplitMix64 (Steele, Lea, Flood 2014).

/// A sequence of random numbers that a seed fixes for ever.
#[derive(Clone, Debug)]
pub struct Chance(u64);

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

impl Chance {
    /// `stream` separates independent sequences of one seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        Chance(mix(seed.wrapping_add(0x9E37_79B9_7F4A_7C15)) ^ mix(stream ^ 0xD1B5_4A32_D192_ED03))
    }

    pub fn next_bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// 0 (inclusive) to 1 (exclusive).
    pub fn unit(&mut self) -> f64 {
        unit(self.next_bits())
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// 0 to `count - 1`.
    pub fn below(&mut self, count: usize) -> usize {
        ((self.unit() * count as f64) as usize).min(count.saturating_sub(1))
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Normal deviate, mean 0, deviation 1 (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// A normal deviate that depends on (`seed`, `t_s` to the microsecond, `channel`) alone.
pub fn noise_at(seed: u64, t_s: f64, channel: u64) -> f64 {
    let micros = (t_s * 1e6).round() as i64 as u64;
    Chance::new(seed ^ mix(micros), channel).normal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_deviates_have_unit_spread() {
        let mut chance = Chance::new(3, 0);
        let draws: Vec<f64> = (0..20_000).map(|_| chance.normal()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let power = draws.iter().map(|d| d * d).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.03 && (power - 1.0).abs() < 0.05);
    }

    #[test]
    fn noise_does_not_depend_on_the_order_of_asking() {
        let once = noise_at(7, 1.25, 3);
        let _ = noise_at(7, 9.0, 3);
        assert_eq!(once, noise_at(7, 1.25, 3));
        assert_ne!(once, noise_at(7, 1.25, 4));
    }
}

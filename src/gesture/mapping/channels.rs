//! What a map can hear at one tick: the features of every role, and the host's macro parameters.

use crate::gesture::Role;
use crate::gesture::features::{FEATURE_COUNT, FeatureBank, LimbFeature};

/// Macro parameters of the host.
pub const MACRO_COUNT: usize = 8;
/// Features and macros together.
pub const CHANNEL_COUNT: usize = FEATURE_COUNT + MACRO_COUNT;

/// Every channel at one tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Channels {
    pub bank: FeatureBank,
    /// 0 to 1.
    pub macros: [f32; MACRO_COUNT],
}

impl Channels {
    /// Every limb at rest, every macro at 0.
    pub const NEUTRAL: Channels = Channels {
        bank: FeatureBank::NEUTRAL,
        macros: [0.0; MACRO_COUNT],
    };

    /// Where `right_forearm.rate_x` or `macro_3` stands.
    pub fn index_of(name: &str) -> Option<usize> {
        let Some(number) = name.strip_prefix("macro_") else {
            return FeatureBank::index_of(name);
        };
        let number: usize = number.parse().ok()?;
        (1..=MACRO_COUNT)
            .contains(&number)
            .then(|| FEATURE_COUNT + number - 1)
    }

    pub fn macro_name(number: usize) -> String {
        format!("macro_{}", number + 1)
    }

    /// The limb's feature at an index; `None` for a macro.
    pub fn limb_of(index: usize) -> Option<(Role, LimbFeature)> {
        FeatureBank::feature_at(index)
    }

    /// The value at an index; 0 beyond the last channel.
    pub fn get(&self, index: usize) -> f32 {
        match index.checked_sub(FEATURE_COUNT) {
            Some(number) => self.macros.get(number).copied().unwrap_or_default(),
            None => self.bank.get(index),
        }
    }

    /// What a channel covers: a feature's span, 0 to 1 for a macro.
    pub fn span(index: usize) -> (f32, f32) {
        Channels::limb_of(index).map_or((0.0, 1.0), |(_, feature)| feature.span())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_found_by_its_name() {
        let mut channels = Channels::NEUTRAL;
        channels.macros[7] = 0.25;
        let last = Channels::index_of(&Channels::macro_name(7)).unwrap();
        assert_eq!((last, channels.get(last)), (CHANNEL_COUNT - 1, 0.25));
        assert_eq!(Channels::index_of("macro_0"), None);
        assert_eq!(Channels::index_of("macro_9"), None);
        let up = Channels::index_of("head.up_z").unwrap();
        assert_eq!(channels.get(up), 1.0);
        assert_eq!(channels.get(CHANNEL_COUNT), 0.0);
    }
}

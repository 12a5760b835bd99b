//! What a map can hear at one tick: the features of every role, the host's macro parameters, and the musical context.

use super::context::{CONTEXT_COUNT, Context, ContextWord};
use crate::gesture::Role;
use crate::gesture::features::{FEATURE_COUNT, FeatureBank, LimbFeature};

/// Macro parameters of the host.
pub const MACRO_COUNT: usize = 8;
const CONTEXT_FROM: usize = FEATURE_COUNT + MACRO_COUNT;
/// Features, macros and context together.
pub const CHANNEL_COUNT: usize = CONTEXT_FROM + CONTEXT_COUNT;

/// Every channel at one tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Channels {
    pub bank: FeatureBank,
    /// 0 to 1.
    pub macros: [f32; MACRO_COUNT],
    pub context: Context,
}

impl Channels {
    /// Every limb at rest, every macro at 0, nothing around.
    pub const NEUTRAL: Channels = Channels {
        bank: FeatureBank::NEUTRAL,
        macros: [0.0; MACRO_COUNT],
        context: Context::NEUTRAL,
    };

    /// Where `right_forearm.rate_x`, `macro_3` or `keys.newest` stands.
    pub fn index_of(name: &str) -> Option<usize> {
        if let Some(named) = ContextWord::from_name(name) {
            let place = ContextWord::ALL.iter().position(|word| *word == named);
            return place.map(|place| CONTEXT_FROM + place);
        }
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

    /// The limb's feature at an index; `None` for anything else.
    pub fn limb_of(index: usize) -> Option<(Role, LimbFeature)> {
        FeatureBank::feature_at(index)
    }

    /// The value at an index; 0 beyond the last channel.
    pub fn get(&self, index: usize) -> f32 {
        if let Some(word) = context_word(index) {
            return self.context.get(word);
        }
        match index.checked_sub(FEATURE_COUNT) {
            Some(number) => self.macros.get(number).copied().unwrap_or_default(),
            None => self.bank.get(index),
        }
    }

    /// What a channel covers: a feature's or a word's span, 0 to 1 for a macro.
    pub fn span(index: usize) -> (f32, f32) {
        let limb = Channels::limb_of(index).map(|(_, feature)| feature.span());
        limb.or_else(|| Some(context_word(index)?.span()))
            .unwrap_or((0.0, 1.0))
    }
}

fn context_word(index: usize) -> Option<ContextWord> {
    let place = index.checked_sub(CONTEXT_FROM)?;
    ContextWord::ALL.get(place).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::scale::ScaleKind;

    #[test]
    fn a_channel_is_found_by_its_name() {
        let mut channels = Channels::NEUTRAL;
        channels.macros[7] = 0.25;
        let last = Channels::index_of(&Channels::macro_name(7)).unwrap();
        assert_eq!((last, channels.get(last)), (CONTEXT_FROM - 1, 0.25));
        assert_eq!(Channels::index_of("macro_0"), None);
        assert_eq!(Channels::index_of("macro_9"), None);
        let up = Channels::index_of("head.up_z").unwrap();
        assert_eq!(channels.get(up), 1.0);
        assert_eq!(channels.get(CHANNEL_COUNT), 0.0);
    }

    #[test]
    fn the_context_is_heard_by_name_with_its_own_span() {
        let mut channels = Channels::NEUTRAL;
        channels.context.held_classes[7] = 1.0;
        channels.context.previous_note = 64.5;
        channels.context.scale.kind = ScaleKind::Major;
        let heard = |name: &str| {
            let index = Channels::index_of(name).unwrap();
            (channels.get(index), Channels::span(index))
        };
        assert_eq!(heard("keys.class_7"), (1.0, (0.0, 1.0)));
        assert_eq!(heard("keys.class_8").0, 0.0);
        assert_eq!(
            (heard("scale.class_4").0, heard("scale.class_3").0),
            (1.0, 0.0)
        );
        assert_eq!(heard("previous_note"), (64.5, (0.0, 127.0)));
        assert_eq!(Channels::index_of("keys.class_12"), None);
        assert_eq!(Channels::index_of("keys.class_07"), None);
        let indices = ContextWord::ALL.map(|word| Channels::index_of(&word.name()));
        let all = std::array::from_fn(|i| Some(CONTEXT_FROM + i));
        assert_eq!(indices, all);
    }
}

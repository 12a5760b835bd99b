//! Scores as a report prints them: none where there was nothing to score, or where a network said no number (which JSON
//! has no word for either).

use serde::{Deserialize, Serialize};

use crate::train::gesture::spread::Spreads;
use crate::train::gesture::{Scores, Take};

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    pub loudness_r: Option<f32>,
    pub pitch_nll: Option<f32>,
    pub pitch_ece: Option<f32>,
    pub pitch_error_median: Option<f32>,
    pub pitch_right: Option<f32>,
    pub onset_f1: Option<f32>,
    #[serde(default)]
    pub timbre_r: Option<f32>,
    #[serde(default)]
    pub spreads: Spreads,
}

/// What is printed for none, and why.
pub const WHY_NONE: &str = "– : nothing of that kind is in the held-out part (no note sounds or begins, or the loudness never changes), or the network said no number.";

impl Scored {
    /// Scores of what was said to `test`.
    pub fn of(scores: &Scores, test: &[Take]) -> Scored {
        let truths = || test.iter().flat_map(|take| &take.truth);
        let sounds = truths().any(|truth| truth.voiced());
        let begins = truths().any(|truth| truth.onset);
        let first = truths().next().map(|truth| truth.loudness_db());
        let swells = truths().any(|truth| Some(truth.loudness_db()) != first);
        let known = |there: bool, value: f32| (there && value.is_finite()).then_some(value);
        Scored {
            loudness_r: known(swells, scores.loudness_r),
            pitch_nll: known(sounds, scores.pitch_nll),
            pitch_ece: known(sounds, scores.pitch_ece),
            pitch_error_median: known(sounds, scores.pitch_error_median),
            pitch_right: known(sounds, scores.pitch_right),
            onset_f1: known(begins, scores.onset_f1),
            timbre_r: scores.mean_timbre_r().and_then(|r| known(sounds, r)),
            spreads: scores.spreads.finite(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::gesture::take::tests::take;

    #[test]
    fn silence_has_no_pitch_error_and_what_is_no_number_is_none() {
        let scores = Scores {
            loudness_r: 0.5,
            ..Scores::default()
        };
        let mut test = take(&[0.0; 10]);
        assert_eq!(Scored::of(&scores, &[test.clone()]), Scored::default());
        test.truth[3].controls.loudness_db = -20.0;
        test.truth[3].onset = true;
        let scored = Scored::of(&scores, &[test.clone()]);
        assert_eq!(scored.pitch_error_median, Some(0.0));
        assert_eq!((scored.loudness_r, scored.onset_f1), (Some(0.5), Some(0.0)));
        let broken = Scores {
            pitch_nll: f32::NAN,
            ..scores
        };
        let scored = Scored::of(&broken, &[test]);
        assert_eq!(scored.pitch_nll, None);
        let text = serde_json::to_string(&scored).unwrap();
        assert_eq!(serde_json::from_str::<Scored>(&text).unwrap(), scored);
    }

    #[test]
    fn what_was_scored_before_there_were_distributions_is_still_read() {
        let old = r#"{"loudness_r":0.5,"pitch_nll":1.0,"pitch_ece":0.1,"pitch_error_median":0.2,"pitch_right":0.9,"onset_f1":null}"#;
        let scored: Scored = serde_json::from_str(old).unwrap();
        assert_eq!((scored.loudness_r, scored.timbre_r), (Some(0.5), None));
        assert_eq!(scored.spreads, Spreads::default());
    }
}

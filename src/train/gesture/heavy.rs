//! Ridge regression as what a network must beat. A line into a softmax can state normal distributions of the note only,
//! and those pay dearly for the few frames that are far off: another string, a note that was never learned. A rival
//! goes into no file, so it may state Student's t about the same line (Lange, Little and Taylor 1989).

use super::evaluate::note_nll;
use super::fit::Fed;
use super::heads::Heads;
use super::ridge::Straight;

/// Heavy, and with a variance.
const DEGREES: f32 = 3.0;
/// Scales that are tried: 0.1 to 4.2 semitones.
const SCALES: i32 = 24;

pub struct HeavyLine {
    heads: Heads,
    line: Straight,
    scale_semitones: f32,
}

impl HeavyLine {
    /// With the scale that says most of what is held out, and an onset that is as often right as it can be on all it
    /// may see.
    pub fn fit(heads: &Heads, train: &[Fed], held_out: &[Fed], rate_hz: f32) -> HeavyLine {
        let heard: Vec<&Fed> = train.iter().chain(held_out).collect();
        let line = Straight::fit(heads, train, held_out).with_best_edge(heads, &heard, rate_hz);
        let with = |scale_semitones| HeavyLine {
            heads: *heads,
            line: line.clone(),
            scale_semitones,
        };
        let tried = (0..SCALES).map(|power| with(0.1 * 1.177f32.powi(power)));
        let tried = tried.map(|heavy| (heavy.nll(held_out), heavy));
        let best = tried.min_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or_else(|| with(1.0), |best| best.1)
    }

    /// Negative log-likelihood of all that sounds, in nats.
    fn nll(&self, takes: &[Fed]) -> f64 {
        let of = |fed: &Fed| -> f64 {
            let raw = self.run(fed);
            let rows = raw.chunks_exact(self.heads.width()).zip(fed.truth());
            rows.filter(|(_, truth)| truth.voiced())
                .map(|(row, truth)| {
                    f64::from(note_nll(&self.heads, row, truth.controls.pitch_note))
                })
                .sum()
        };
        takes.iter().map(of).sum()
    }

    /// Raw outputs `[frames][outputs]`.
    pub fn run(&self, fed: &Fed) -> Vec<f32> {
        let mut raw = self.line.run(fed);
        let fine = self.heads.fine();
        for row in raw.chunks_exact_mut(self.heads.width()) {
            let (notes, rest) = row.split_at_mut(fine);
            // The line's fine offset is its way from each note.
            for (logit, away) in notes.iter_mut().zip(rest) {
                let away = *away / self.scale_semitones;
                *logit = -0.5 * (DEGREES + 1.0) * (away * away / DEGREES).ln_1p();
            }
        }
        raw
    }
}

#[cfg(test)]
mod tests {
    use super::super::baseline::tests::linear_take;
    use super::super::take::{Notes, Standard, Take};
    use super::*;

    /// Every 25th frame is played a fifth lower: no line says that.
    fn now_and_then_lower(mut take: Take) -> Take {
        for (frame, truth) in take.truth.iter_mut().enumerate() {
            if frame % 25 == 0 {
                truth.controls.pitch_note -= 7.0;
            }
        }
        take
    }

    #[test]
    fn a_few_frames_far_off_cost_a_rival_less_than_its_line_and_move_no_note() {
        let take = now_and_then_lower(linear_take());
        let takes = std::slice::from_ref(&take);
        let heads = Heads::of(Notes::of(takes));
        let fed = Standard::of(takes).fed(takes);
        let heavy = HeavyLine::fit(&heads, &fed, &fed, 50.0);
        let said = heavy.run(&fed[0]);
        let line = heavy.line.run(&fed[0]);
        let nll = |raw: &[f32]| -> f32 {
            let rows = raw.chunks_exact(heads.width()).zip(&take.truth);
            rows.map(|(row, truth)| note_nll(&heads, row, truth.controls.pitch_note))
                .sum::<f32>()
                / take.frames() as f32
        };
        assert!(
            nll(&said) < nll(&line) - 0.1,
            "{} {}",
            nll(&said),
            nll(&line)
        );
        let count = heads.notes.count;
        for (said, line) in said
            .chunks_exact(heads.width())
            .zip(line.chunks_exact(heads.width()))
        {
            let best = |row: &[f32]| (0..count).max_by(|a, b| row[*a].total_cmp(&row[*b]));
            let ties = (line[best(line).unwrap()] - line[best(said).unwrap()]).abs();
            assert!(ties < 1e-3);
            assert_eq!(said[count..], line[count..]);
        }
    }
}

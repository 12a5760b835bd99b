//! Epoch after epoch until nothing is gained: the best network on what is held out is kept, patience ends it early, and
//! so does Ctrl-C, which keeps the best so far. What an epoch is, and what is held out, is the learner's business.

use super::progress::{Progress, stop_asked};

/// When it ends at the latest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub epochs: usize,
    /// Epochs without a better held-out loss before it ends.
    pub patience: usize,
}

/// What was learned, and how it went.
pub struct Course<K> {
    /// Of the epoch with the least held-out loss; what there was before the first where none could be judged.
    pub kept: K,
    pub epochs: usize,
    /// Per epoch: training and held-out loss.
    pub curve: Vec<[f32; 2]>,
    pub seconds: f64,
    pub stopped_by_hand: bool,
}

/// One epoch as it is taught.
pub struct Epoch<'a> {
    pub index: usize,
    limits: Limits,
    /// What the losses are, as in "nats an event".
    unit: &'a str,
    best: f32,
    sum: f32,
    steps: usize,
    stopped: bool,
    progress: &'a mut Progress,
}

impl Epoch<'_> {
    /// How far the whole course is, 0 to 1, when `done` (0 to 1) of this epoch is.
    pub fn through(&self, done: f64) -> f64 {
        (self.index as f64 + done) / self.limits.epochs as f64
    }

    /// Counts a step with its loss; false: stop here, what is learned is to be judged as it is.
    pub fn goes_on(&mut self, through: f64, loss: f32) -> bool {
        self.sum += loss;
        self.steps += 1;
        let text = format!(
            "epoch {} of {}, {} {:.3}, held-out {:.3}",
            self.index + 1,
            self.limits.epochs,
            self.unit,
            self.mean(),
            self.best
        );
        self.progress.report(through, &text);
        self.stopped = stop_asked();
        !self.stopped
    }

    fn mean(&self) -> f32 {
        self.sum / self.steps.max(1) as f32
    }
}

/// Runs `epoch` until it ends; it teaches one epoch and returns the held-out loss and what to keep if that is the best.
pub fn run<K>(
    limits: Limits,
    unit: &str,
    quiet: bool,
    untaught: K,
    mut epoch: impl FnMut(&mut Epoch) -> (f32, K),
) -> Course<K> {
    let mut progress = Progress::new(quiet);
    let mut course = Course {
        kept: untaught,
        epochs: 0,
        curve: Vec::new(),
        seconds: 0.0,
        stopped_by_hand: false,
    };
    let (mut best, mut best_epoch) = (f32::INFINITY, 0);
    for index in 0..limits.epochs {
        let mut now = Epoch {
            index,
            limits,
            unit,
            best,
            sum: 0.0,
            steps: 0,
            stopped: false,
            progress: &mut progress,
        };
        let (held_out, kept) = epoch(&mut now);
        course.curve.push([now.mean(), held_out]);
        course.epochs = index + 1;
        course.stopped_by_hand = now.stopped;
        if held_out < best {
            (best, best_epoch) = (held_out, index);
            course.kept = kept;
        }
        if course.stopped_by_hand || index - best_epoch >= limits.patience {
            break;
        }
    }
    let text = format!("best held-out {unit} {best:.3} in epoch {}", best_epoch + 1);
    progress.report(1.0, &text);
    course.seconds = progress.elapsed().as_secs_f64();
    course
}

/// Half a cosine from 1 down to a fiftieth; `through` is 0 to 1.
pub fn falling(through: f64) -> f64 {
    let cosine = (through.min(1.0) * std::f64::consts::PI).cos();
    0.02 + 0.98 * 0.5 * (1.0 + cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_kept_and_patience_ends_it() {
        let held_out = [3.0, 1.0, 2.0, f32::NAN, 0.5];
        let limits = Limits {
            epochs: 5,
            patience: 2,
        };
        let course = run(limits, "loss", true, usize::MAX, |epoch| {
            assert!(epoch.goes_on(epoch.through(0.5), 4.0));
            assert!(epoch.goes_on(epoch.through(1.0), 2.0));
            (held_out[epoch.index], epoch.index)
        });
        assert_eq!((course.kept, course.epochs), (1, 4));
        assert_eq!(course.curve[..3], [[3.0, 3.0], [3.0, 1.0], [3.0, 2.0]]);
        assert!(!course.stopped_by_hand);
    }

    #[test]
    fn what_can_never_be_judged_leaves_what_there_was() {
        let limits = Limits {
            epochs: 3,
            patience: 9,
        };
        let course = run(limits, "loss", true, "untaught", |_| (f32::NAN, "taught"));
        assert_eq!((course.kept, course.epochs), ("untaught", 3));
    }
}

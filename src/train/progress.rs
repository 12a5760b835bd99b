//! Progress as lines of text, one a second at most, that a terminal and the editor can both show, and Ctrl-C as a
//! flag: whoever trains looks at it between steps and keeps the best so far.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static STOP: AtomicBool = AtomicBool::new(false);

/// Makes Ctrl-C ask for an early end instead of killing the process; a second one kills it.
pub fn stop_on_interrupt() {
    let handler = || {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("stopping after this step; Ctrl-C again ends at once and keeps nothing");
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        eprintln!("Ctrl-C will end this at once: {error}");
    }
}

/// Ctrl-C was pressed.
pub fn stop_asked() -> bool {
    STOP.load(Ordering::Relaxed)
}

pub struct Progress {
    started: Instant,
    last_line: Option<Instant>,
    quiet: bool,
}

impl Progress {
    pub fn new(quiet: bool) -> Self {
        Progress {
            started: Instant::now(),
            last_line: None,
            quiet,
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// `done` is 0 to 1; `text` says what has been reached. Prints at most one line a second, and the last one.
    pub fn report(&mut self, done: f64, text: &str) {
        let due = self
            .last_line
            .is_none_or(|at| at.elapsed() > Duration::from_secs(1));
        if self.quiet || !(due || done >= 1.0) {
            return;
        }
        self.last_line = Some(Instant::now());
        println!("[{:3.0} %] {text}, {}", 100.0 * done, self.left(done));
    }

    fn left(&self, done: f64) -> String {
        if done <= 0.0 {
            return "time left unknown".into();
        }
        let seconds = self.elapsed().as_secs_f64() * (1.0 - done.min(1.0)) / done;
        match seconds.round() as u64 {
            s if s < 90 => format!("{s} s left"),
            s => format!("{} min left", s.div_ceil(60)),
        }
    }
}

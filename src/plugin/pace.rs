//! Whether the host renders faster than time, by watching it: nice-plug's VST3 wrapper hands the host's mode on one
//! activation late, so that a bounce would be told "live" and the live play after it "offline".

use crate::units::HostTime;

/// Audio over which the pace is judged. Hosts that render ahead do it in bursts of up to 200 ms.
const WINDOW_S: f64 = 1.0;
/// Wall time over audio time: below is a bounce, above is live, between changes nothing.
const BOUNCE_BELOW: f64 = 0.5;
const LIVE_ABOVE: f64 = 0.8;

/// Audio thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    since: Option<HostTime>,
    /// Audio asked for since then.
    audio_s: f64,
    is_faster: bool,
}

impl Pace {
    /// Notes that the host, at `now`, asks for so much audio. Says whether it has been running ahead of time.
    pub fn block(&mut self, now: HostTime, length_s: f64) -> bool {
        let since = *self.since.get_or_insert(now);
        let passed_s = now.seconds_since(since);
        if self.is_faster && passed_s > self.audio_s + 0.1 {
            self.judge(now, false);
        } else if self.audio_s >= WINDOW_S {
            let share = passed_s / self.audio_s;
            let is_faster = share < BOUNCE_BELOW || (self.is_faster && share < LIVE_ABOVE);
            self.judge(now, is_faster);
        }
        self.audio_s += length_s;
        self.is_faster
    }

    /// Starts the next window.
    fn judge(&mut self, now: HostTime, is_faster: bool) {
        *self = Pace {
            since: Some(now),
            audio_s: 0.0,
            is_faster,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK_S: f64 = 0.01;

    /// Plays so much audio, each block after `wait_s(block)` of wall time; the verdict at every block.
    fn play(
        pace: &mut Pace,
        now_s: &mut f64,
        audio_s: f64,
        wait_s: impl Fn(usize) -> f64,
    ) -> Vec<bool> {
        let blocks = (audio_s / BLOCK_S) as usize;
        let verdicts = (0..blocks).map(|block| {
            let verdict = pace.block(HostTime(*now_s), BLOCK_S);
            *now_s += wait_s(block);
            verdict
        });
        verdicts.collect()
    }

    #[test]
    fn live_play_and_bursts_are_live() {
        let (mut pace, mut now_s) = (Pace::default(), 5.0);
        assert!(!play(&mut pace, &mut now_s, 10.0, |_| BLOCK_S).contains(&true));
        // 200 ms at once, then a rest.
        let bursts = |block: usize| if block % 20 == 19 { 0.2 } else { 0.0 };
        assert!(!play(&mut pace, &mut now_s, 10.0, bursts).contains(&true));
    }

    #[test]
    fn a_bounce_is_seen_and_so_is_its_end() {
        let (mut pace, mut now_s) = (Pace::default(), 5.0);
        let bounce = play(&mut pace, &mut now_s, 10.0, |_| BLOCK_S / 20.0);
        assert!(!bounce[50] && bounce[150] && bounce[999]);
        let live = play(&mut pace, &mut now_s, 3.0, |_| BLOCK_S);
        assert!(!live[299]);
    }

    #[test]
    fn a_pause_ends_a_bounce_at_once() {
        let (mut pace, mut now_s) = (Pace::default(), 5.0);
        play(&mut pace, &mut now_s, 3.0, |_| BLOCK_S / 20.0);
        now_s += 5.0;
        assert!(!play(&mut pace, &mut now_s, 0.1, |_| BLOCK_S).contains(&true));
    }
}

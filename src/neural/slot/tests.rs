//! A rack with models that tell what they heard.

use super::*;

/// Says its own number, and how much it has heard since it was last reset.
struct Counter {
    number: f32,
    heard: u32,
    period: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Said(f32, u32);

impl Blend for Said {
    fn toward(&self, target: &Self, amount: f32) -> Self {
        Said(self.0 + (target.0 - self.0) * amount, target.1)
    }
}

impl Stepping for Counter {
    type Input = f32;
    type Context = ();
    type Output = Said;
    fn period_ticks(&self) -> u32 {
        self.period
    }
    fn reset(&mut self) {
        self.heard = 0;
    }
    fn step(&mut self, _: &f32, _: ()) -> Said {
        self.heard += 1;
        Said(self.number, self.heard)
    }
}

fn filled(numbers: &[f32]) -> (Loader<Counter>, Rack<Counter>) {
    let (mut loader, mut rack) = rack(0.0, Said(0.0, 0));
    for (slot, &number) in numbers.iter().enumerate() {
        assert!(loader.fill(
            slot,
            Some(Counter {
                number,
                heard: 0,
                period: 1
            })
        ));
    }
    for _ in 0..300 {
        rack.tick(0, &1.0, (), 6);
    }
    (loader, rack)
}

#[test]
fn a_switch_lands_on_its_tick_fades_in_a_line_and_is_warm() {
    let (_loader, mut rack) = filled(&[10.0, 20.0]);
    let said: Vec<Said> = (0..60).map(|_| rack.tick(1, &1.0, (), 4)).collect();
    let landing = SWITCH_TICKS as usize;
    assert!(said[..landing].iter().all(|s| s.0 == 10.0));
    let fade: Vec<f32> = said[landing..landing + 4].iter().map(|s| s.0).collect();
    assert_eq!(fade, [12.5, 15.0, 17.5, 20.0]);
    assert!(
        said[landing + 3].1 > HISTORY_TICKS as u32,
        "cold start: heard {}",
        said[landing + 3].1
    );
}

/// What was heard, in order.
struct Ear {
    heard: Vec<f32>,
}

impl Stepping for Ear {
    type Input = f32;
    type Context = ();
    type Output = Said;
    fn period_ticks(&self) -> u32 {
        1
    }
    fn reset(&mut self) {
        self.heard.clear();
    }
    fn step(&mut self, input: &f32, _: ()) -> Said {
        self.heard.push(*input);
        Said(*input, self.heard.len() as u32)
    }
}

/// Switches to an [`Ear`] after 300 ticks, with so many calls of `warm` between two ticks. What it has heard
/// when the switch has landed, and the most steps that one tick or one `warm` made.
fn warmed(between: usize) -> (Vec<f32>, usize) {
    let (mut loader, mut rack) = rack(0.0, Said(0.0, 0));
    for slot in 0..2 {
        loader.fill(slot, Some(Ear { heard: Vec::new() }));
    }
    let (mut most, mut before) = (0, 0);
    let mut now = 0.0;
    for tick in 0..=300 + SWITCH_TICKS {
        rack.tick(usize::from(tick >= 300), &now, (), 6);
        for _ in 0..between {
            let heard = rack.in_slot(1).map_or(0, |ear| ear.heard.len());
            most = most.max(heard.saturating_sub(before));
            before = heard;
            rack.warm();
        }
        now += 1.0;
    }
    let heard = rack.in_slot(1).map(|ear| ear.heard.clone());
    (heard.unwrap_or_default(), most)
}

#[test]
fn an_incoming_model_hears_the_last_second_in_order_however_its_steps_are_spread() {
    let (heard, most) = warmed(14);
    let last = 300 + SWITCH_TICKS;
    assert_eq!(heard.last(), Some(&(last as f32)));
    assert!(heard.windows(2).all(|pair| pair[1] == pair[0] + 1.0));
    assert!(heard.len() >= HISTORY_TICKS);
    assert_eq!(most, 1, "steps were bunched");
    assert_eq!(warmed(0).0, heard);
    assert_eq!(warmed(2).0, heard);
}

#[test]
fn an_empty_slot_keeps_the_last_good_model() {
    let (_loader, mut rack) = filled(&[10.0]);
    assert!((0..100).all(|_| rack.tick(7, &1.0, (), 1).0 == 10.0));
}

#[test]
fn a_model_that_is_replaced_while_it_plays_fades_and_goes_home() {
    let (mut loader, mut rack) = filled(&[10.0]);
    assert!(loader.fill(
        0,
        Some(Counter {
            number: 30.0,
            heard: 0,
            period: 1
        })
    ));
    let said: Vec<f32> = (0..60).map(|_| rack.tick(0, &1.0, (), 4).0).collect();
    assert_eq!((said[0], said[59]), (10.0, 30.0));
    assert_eq!(loader.collect(), 1);
}

#[test]
fn an_emptied_slot_plays_on_until_another_is_asked_for() {
    let (mut loader, mut rack) = filled(&[10.0, 20.0]);
    assert!(loader.fill(0, None));
    assert!((0..100).all(|_| rack.tick(0, &1.0, (), 1).0 == 10.0));
    assert_eq!(
        (0..100).map(|_| rack.tick(1, &1.0, (), 1).0).last(),
        Some(20.0)
    );
    assert_eq!(loader.collect(), 2);
}

#[test]
fn after_a_reset_the_selected_model_plays_from_the_first_tick() {
    let (mut loader, mut rack) = filled(&[10.0, 20.0]);
    let number = 30.0;
    rack.reset();
    for slot in [1, 0] {
        loader.fill(
            slot,
            Some(Counter {
                number: number + slot as f32,
                heard: 0,
                period: 1,
            }),
        );
    }
    assert!((0..50).all(|_| rack.tick(1, &1.0, (), 4).0 == 31.0));
    assert_eq!(loader.collect(), 2);
}

#[test]
fn a_slow_model_moves_in_a_straight_line() {
    let (mut loader, mut rack) = rack(0.0, Said(0.0, 0));
    loader.fill(
        0,
        Some(Counter {
            number: 8.0,
            heard: 0,
            period: 4,
        }),
    );
    let said: Vec<f32> = (0..6).map(|_| rack.tick(0, &1.0, (), 1).0).collect();
    assert_eq!(said, [2.0, 4.0, 6.0, 8.0, 8.0, 8.0]);
}

/// Answers as a helper thread with time for `spare` further questions a tick would.
struct Helped {
    spare: u64,
    asked: Vec<u64>,
}

impl Stepping for Helped {
    type Input = f32;
    type Context = ();
    type Output = Said;
    fn period_ticks(&self) -> u32 {
        1
    }
    fn reset(&mut self) {
        self.asked.clear();
    }
    fn step(&mut self, _: &f32, _: ()) -> Said {
        Said(0.0, 0)
    }
    fn look_ahead(&mut self, tick: u64, _: &f32) {
        self.asked.push(tick);
    }
    fn is_helped(&self) -> bool {
        true
    }
    fn most_catch_up(&self) -> u64 {
        self.spare
    }
}

#[test]
fn a_helped_model_hears_as_much_of_the_last_second_as_its_thread_has_time_for() {
    for (spare, least) in [(0, 0), (2, 70), (100, HISTORY_TICKS - 10)] {
        let (mut loader, mut rack) = rack(0.0, Said(0.0, 0));
        for slot in 0..2 {
            let asked = Vec::new();
            loader.fill(slot, Some(Helped { spare, asked }));
        }
        rack.set_helper_mode(true);
        let (mut before, mut most) = (0, 0);
        for tick in 0..300 + SWITCH_TICKS {
            rack.tick(usize::from(tick >= 300), &0.0, (), 6);
            let asked = rack.in_slot(1).map_or(0, |model| model.asked.len());
            (before, most) = (asked, most.max(asked - before));
        }
        let asked = &rack.in_slot(1).expect("it is there").asked;
        let past = asked.iter().filter(|tick| **tick <= 300).count();
        assert!(
            past >= least && past <= least.max(1) + 12,
            "{spare}: {past}"
        );
        assert!(asked.windows(2).all(|pair| pair[1] == pair[0] + 1));
        assert_eq!(asked.last(), Some(&u64::from(300 + SWITCH_TICKS)));
        assert!(most as u64 <= 1 + spare.min(6), "{spare}: {most} at once");
    }
}

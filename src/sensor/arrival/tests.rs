//! Arrival times with jitter, bursts, losses and drift against the clock that sent them.

use super::*;

/// SplitMix64's finalizer.
fn unit(number: u64) -> f64 {
    let mut x = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn spread(errors: &[f64]) -> f64 {
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    (errors
        .iter()
        .map(|error| (error - mean).powi(2))
        .sum::<f64>()
        / errors.len() as f64)
        .sqrt()
}

#[test]
fn jitter_is_taken_out_of_a_steady_stream() {
    for rate_hz in [20.0, 100.0, 200.0, 1000.0] {
        let mut clock = ArrivalClock::default();
        let (mut jittered, mut read) = (Vec::new(), Vec::new());
        let mut arrival_s = 0.0_f64;
        for number in 0..(30.0 * rate_hz) as u64 {
            let truth_s = number as f64 / rate_hz;
            let delay_s = 0.001 - 0.003 * (1.0 - unit(number)).ln().max(-6.0);
            arrival_s = arrival_s.max(truth_s + delay_s);
            let time = clock.read(HostTime(arrival_s));
            assert!(time.0 <= arrival_s);
            if truth_s > 10.0 {
                jittered.push(arrival_s - truth_s);
                read.push(time.0 - truth_s);
            }
        }
        assert!(
            spread(&read) < 0.45 * spread(&jittered),
            "{rate_hz} Hz: {} of {}",
            spread(&read),
            spread(&jittered)
        );
        assert!(
            (clock.period_s() * rate_hz - 1.0).abs() < 0.02,
            "{rate_hz} Hz: {}",
            clock.period_s()
        );
        let packets = 30.0 * rate_hz;
        assert!((clock.lost() as f64) < 0.01 * packets, "{}", clock.lost());
    }
}

#[test]
fn a_network_that_loses_is_told_from_one_that_holds_back() {
    let mut clock = ArrivalClock::default();
    let (mut arrival_s, mut lost, mut read) = (0.0_f64, 0, Vec::new());
    for number in 0..6_000_u64 {
        let truth_s = number as f64 * 0.01;
        if unit(number + 777_777) < 0.1 {
            lost += 1;
            continue;
        }
        let delay_s = 0.001 - 0.0015 * (1.0 - unit(number)).ln();
        arrival_s = arrival_s.max(truth_s + delay_s);
        let time = clock.read(HostTime(arrival_s));
        if truth_s > 10.0 {
            read.push(time.0 - truth_s);
        }
    }
    assert!(spread(&read) < 0.003, "{}", spread(&read));
    let counted = clock.lost() as f64 / f64::from(lost);
    assert!((0.8..1.5).contains(&counted), "{counted}");
}

#[test]
fn what_had_queued_up_tells_no_period() {
    let mut clock = ArrivalClock::default();
    let backlog = (0..205).map(|number| f64::from(number) * 1e-4);
    let stream = (0..400).map(|number| 0.025 + f64::from(number) * 0.005);
    for at_s in backlog.chain(stream) {
        assert!(clock.read(HostTime(at_s)).0 <= at_s);
    }
    assert!(
        (clock.period_s() - 0.005).abs() < 1e-5,
        "{}",
        clock.period_s()
    );
    assert_eq!(clock.lost(), 0);
}

#[test]
fn a_silence_is_counted_and_the_stream_goes_on() {
    let mut clock = ArrivalClock::default();
    let mut last = (0.0, HostTime(0.0));
    for number in (0..500).chain(600..1_000) {
        let at_s = f64::from(number) * 0.01;
        last = (at_s, clock.read(HostTime(at_s)));
    }
    assert_eq!(clock.lost(), 100);
    assert!((last.1.0 - last.0).abs() < 1e-3);
}

#[test]
fn single_losses_are_counted() {
    let mut clock = ArrivalClock::default();
    for number in (0..10_000).filter(|number| number % 100 != 50) {
        clock.read(HostTime(f64::from(number) * 0.01));
    }
    assert!((95..=100).contains(&clock.lost()), "{}", clock.lost());
}

#[test]
fn a_rate_that_is_changed_is_learned_anew() {
    let mut clock = ArrivalClock::default();
    let slow = (0..300).map(|number| f64::from(number) * 0.02);
    let fast = (0..1_000).map(|number| 6.0 + f64::from(number) * 0.005);
    for at_s in slow.chain(fast) {
        clock.read(HostTime(at_s));
    }
    assert!(
        (clock.period_s() - 0.005).abs() < 1e-4,
        "{}",
        clock.period_s()
    );
}

#[test]
fn buttons_pressed_at_will_keep_their_arrivals() {
    let mut clock = ArrivalClock::default();
    let mut at_s = 0.0;
    for number in 0..200 {
        at_s += 0.6 + 3.0 * unit(number);
        assert_eq!(clock.read(HostTime(at_s)), HostTime(at_s));
    }
}

//! What every virtual performance must hold.

use super::*;
use crate::controls::SILENCE_DB;

fn turn_rate(reading: &Reading) -> f32 {
    reading
        .rate_rad_per_s
        .iter()
        .map(|r| r * r)
        .sum::<f32>()
        .sqrt()
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let (mx, my) = pairs
        .iter()
        .fold((0.0, 0.0), |(a, b), (x, y)| (a + x / n, b + y / n));
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        xy += (x - mx) * (y - my);
        xx += (x - mx) * (x - mx);
        yy += (y - my) * (y - my);
    }
    xy / (xx * yy).sqrt()
}

#[test]
fn a_performance_is_the_same_whenever_it_is_asked_for() {
    let (one, two) = (Performer::new(Style::Bow, 5), Performer::new(Style::Bow, 5));
    let _ = two.at(3.0);
    assert_eq!(one.at(7.31), two.at(7.31));
    assert_ne!(
        one.at(7.31).limbs,
        Performer::new(Style::Bow, 6).at(7.31).limbs
    );
}

#[test]
fn motion_stays_within_what_a_person_and_a_sensor_can_do() {
    for style in Style::ALL {
        for now in Performer::new(style, 2).readings(100.0, 120.0) {
            for limb in &now.limbs {
                let force = limb
                    .accel_m_per_s2
                    .iter()
                    .map(|a| a * a)
                    .sum::<f32>()
                    .sqrt();
                assert!(
                    force.is_finite() && force < 16.0 * 9.81,
                    "{style:?} {} s: {force}",
                    now.time_s
                );
                assert!(
                    turn_rate(limb) < 35.0,
                    "{style:?} {} s: {}",
                    now.time_s,
                    turn_rate(limb)
                );
            }
            let controls = now.controls;
            assert!(
                (30.0..100.0).contains(&controls.pitch_note),
                "{style:?} {controls:?}"
            );
            assert!((SILENCE_DB..=0.0).contains(&controls.loudness_db));
            assert!((0.0..=1.0).contains(&controls.brightness));
            assert!((0.0..=1.0).contains(&controls.noisiness));
        }
    }
}

#[test]
fn rates_integrate_to_the_orientation() {
    let performer = Performer::with_flaws(Style::Bow, 3, [Flaws::NONE; 2]);
    let step_s = 1e-3;
    let start_s = 10.0;
    let mut turned = performer.pose(0, start_s).rotation;
    for step in 0..5000 {
        let rate = performer
            .reading(0, start_s + (f64::from(step) + 0.5) * step_s)
            .rate_rad_per_s;
        turned = turned.then_inner(Rotation::from_vector(rate.map(|r| f64::from(r) * step_s)));
    }
    let error = turned
        .inverse()
        .then_inner(performer.pose(0, start_s + 5.0).rotation)
        .vector();
    assert!(error.iter().all(|angle| angle.abs() < 1e-3), "{error:?}");
}

#[test]
fn still_arms_are_silent_and_bowing_ones_are_not() {
    let still = Performer::new(Style::Still, 1);
    assert!(
        still
            .readings(20.0, 60.0)
            .all(|now| now.controls.loudness_db <= -70.0)
    );
    for style in [Style::Bow, Style::Strum, Style::Shake, Style::Conduct] {
        let loud = Performer::new(style, 4)
            .readings(50.0, 120.0)
            .filter(|now| now.controls.loudness_db > -30.0)
            .count();
        assert!(loud > 1200, "{style:?} sounds in {loud} of 6000 frames");
    }
}

#[test]
fn the_bow_makes_the_loudness() {
    let performer = Performer::new(Style::Bow, 8);
    let pairs: Vec<(f64, f64)> = performer
        .readings(100.0, 120.0)
        .filter(|now| now.controls.loudness_db > -45.0)
        .map(|now| {
            // The bow's own axis: crossing strings turns the arm about another.
            let sweep = f64::from(now.limbs[0].rate_rad_per_s[2].abs() + 0.02);
            (sweep.ln(), f64::from(now.controls.loudness_db))
        })
        .collect();
    let r = correlation(&pairs);
    assert!(r > 0.75, "{r}");
}

#[test]
fn the_demo_begins_and_ends_in_stillness() {
    let demo = Performer::new(Style::Bow, 1);
    for now in demo.readings(50.0, 31.0) {
        if now.time_s < 1.0 || now.time_s > 29.5 {
            assert!(now.controls.loudness_db < -60.0, "{} s", now.time_s);
        }
    }
    let notes = demo.readings(200.0, 30.0).filter(|now| now.onset).count();
    assert!(notes > 30 * 9, "{notes}");
    let loudest = demo
        .readings(50.0, 30.0)
        .map(|now| now.controls.loudness_db)
        .fold(-80.0, f32::max);
    assert!(loudest > -16.0, "{loudest}");
}

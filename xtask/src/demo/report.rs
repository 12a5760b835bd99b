//! What the demo says at its end, and whether it was a success.

use super::player::{BLOCK, Recording, SAMPLE_RATE_HZ, decibel};
use super::trace::Trace;
use anyhow::{Result, bail};

pub fn print(recording: &Recording, trace: &Trace) {
    println!("\n── {:.1} seconds played", recording.seconds());
    let count = |name: &str| trace.rise(name) as u64;
    println!(
        "  packets     {} in, {} lost, {} late, {} malformed",
        count("datagrams"),
        count("lost"),
        count("late"),
        count("malformed")
    );
    let mut delays_ms = delays_ms(recording, trace);
    delays_ms.sort_by(f64::total_cmp);
    if delays_ms.is_empty() {
        println!("  delay       not measured: no motion arrived");
    } else {
        let (median, p99) = (quantile(&delays_ms, 0.5), quantile(&delays_ms, 0.99));
        println!("  delay       sensor to sound: median {median:.1} ms, p99 {p99:.1} ms");
    }
    print_callbacks(recording);
    println!("  peak        {:.1} dBFS", decibel(recording.peak()));
    let name = |model: &str| {
        if model.is_empty() {
            "none".to_owned()
        } else {
            model.to_owned()
        }
    };
    println!(
        "  models      {} (gesture), {} (sound)",
        name(&trace.gesture_model),
        name(&trace.sound_model)
    );
}

fn print_callbacks(recording: &Recording) {
    let mut loads: Vec<f64> = recording
        .callback_loads
        .iter()
        .map(|load| f64::from(*load))
        .collect();
    loads.sort_by(f64::total_cmp);
    let percent = |share: f64| quantile(&loads, share) * 100.0;
    let block_ms = 1e3 * BLOCK as f64 / SAMPLE_RATE_HZ;
    let priority = if recording.real_time_priority {
        "real-time"
    } else {
        "ordinary"
    };
    println!(
        "  callback    worst {:.0} % of its {block_ms:.2} ms, p99 {:.0} %, median {:.0} %; {} of {} late ({priority} priority)",
        percent(1.0),
        percent(0.99),
        percent(0.5),
        recording.late_callbacks,
        loads.len()
    );
}

/// Age of the motion behind each tick, while the sender played.
fn delays_ms(recording: &Recording, trace: &Trace) -> Vec<f64> {
    let moving = |time_s: f64| time_s > recording.performance_s;
    let newest = trace.points("frames");
    let last_s = newest
        .iter()
        .rev()
        .find(|(_, frames)| Some(*frames) != newest.last().map(|(_, last)| *last));
    let end_s = last_s.map_or(f64::MAX, |(time_s, _)| *time_s);
    let ages = trace.points("motion_age_ms").into_iter();
    ages.filter(|(time_s, age)| moving(*time_s) && *time_s < end_s && *age > 0.0)
        .map(|(_, age)| age)
        .collect()
}

/// Of sorted values.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((share * last as f64).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

/// A demo that nobody heard is an error; a capture of sensors at rest may be silent.
pub fn judge(recording: &Recording, trace: &Trace, must_sound: bool) -> Result<()> {
    if !recording.is_finite() {
        bail!("the plugin put out something that is no number");
    }
    if trace.rise("datagrams") < 1.0 {
        bail!("no packet reached the plugin");
    }
    if must_sound && recording.peak() < 1e-3 {
        bail!("the plugin stayed silent");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_sorted_list() {
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.5), 50.0);
        assert_eq!(quantile(&values, 0.99), 99.0);
        assert!(quantile(&[], 0.5).is_nan());
    }
}

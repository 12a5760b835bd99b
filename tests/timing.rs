//! What becomes of a sensor's time on its way: from arrivals with jitter, bursts, loss, reordering and
//! clock steps to motion on the control grid, against the motion that was really there.
//!
//! Everything is simulated on a clock of its own, so the table is the same on every machine. It is
//! printed with `--nocapture`; every row is asserted.

use std::net::SocketAddr;
use std::path::Path;

use imu2music::gesture::playout::Playout;
use imu2music::sensor::dialect::Dialects;
use imu2music::sensor::encode::Spoken;
use imu2music::sensor::frame::{DeviceId, SensorFrame};
use imu2music::sensor::intake::Intake;
use imu2music::sensor::take::Take;
use imu2music::units::HostTime;

const SECONDS: f64 = 20.0;
/// Clocks, periods and the delay have settled; rows are judged from here on.
const SETTLED_S: f64 = 15.0;
const TICK_S: f64 = 0.005;
/// No reading takes less than this to arrive.
const SHORTEST_WAY_S: f64 = 0.001;

/// One reading on its way.
#[derive(Clone, Copy)]
struct Sent {
    made_s: f64,
    arrives_s: f64,
    /// The device's own clock when it was made.
    device_s: f64,
}

/// xorshift64* (Vigna 2016).
struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

/// A stream at `rate_hz` through a network with exponential jitter of 2 ms on average, in order.
fn stream(rate_hz: f64) -> Vec<Sent> {
    let mut dice = Dice(7);
    let mut last_s = 0.0_f64;
    (0..(SECONDS * rate_hz) as u64)
        .map(|number| {
            let made_s = 5.0 + number as f64 / rate_hz;
            last_s = last_s.max(made_s + SHORTEST_WAY_S + dice.exponential(0.002));
            Sent {
                made_s,
                arrives_s: last_s,
                device_s: 100.0 + made_s,
            }
        })
        .collect()
}

fn drifting(mut sent: Vec<Sent>, ppm: f64) -> Vec<Sent> {
    sent.iter_mut()
        .for_each(|one| one.device_s *= 1.0 + 1e-6 * ppm);
    sent
}

/// A radio that sleeps for 35 ms, 1.5 times a second: what is due meanwhile comes at once.
fn bursty(mut sent: Vec<Sent>) -> Vec<Sent> {
    let mut dice = Dice(11);
    let mut asleep_s = 6.0;
    for one in &mut sent {
        while one.arrives_s > asleep_s + 0.035 {
            asleep_s += 0.035 + dice.exponential(0.63);
        }
        if one.arrives_s > asleep_s {
            one.arrives_s = asleep_s + 0.035;
        }
    }
    sent
}

fn lossy(sent: Vec<Sent>, share: f64) -> Vec<Sent> {
    let mut dice = Dice(13);
    sent.into_iter().filter(|_| dice.unit() >= share).collect()
}

/// Every tenth reading is overtaken by the next two.
fn reordered(mut sent: Vec<Sent>) -> Vec<Sent> {
    for at in (0..sent.len().saturating_sub(2)).step_by(10) {
        sent[at].arrives_s = sent[at + 2].arrives_s + 1e-4;
    }
    sent.sort_by(|a, b| a.arrives_s.total_cmp(&b.arrives_s));
    sent
}

fn stepped(mut sent: Vec<Sent>, by_s: f64) -> Vec<Sent> {
    let middle = sent.len() / 5;
    sent[middle..]
        .iter_mut()
        .for_each(|one| one.device_s += by_s);
    sent
}

/// An arm that swings about 1.3 times a second, with a faster tremble.
fn rate_rad_per_s(at_s: f64) -> f32 {
    let turn = |hz: f64, phase: f64| (std::f64::consts::TAU * hz * at_s + phase).sin();
    (3.0 * turn(1.3, 0.0) + 1.0 * turn(3.1, 1.0) + 0.2 * turn(6.0, 2.0)) as f32
}

/// One row of the table.
#[derive(Debug)]
struct Outcome {
    jitter_in_ms: f64,
    jitter_out_ms: f64,
    /// How long the device's readings are held up, as its status tells.
    held_up_ms: f64,
    delay_ms: f64,
    /// How old the motion is, all told: network, stamp and playout.
    age_ms: f64,
    /// RMS difference to the truth at that age, as a share of the motion's RMS.
    error: f64,
    lost: u64,
    late: u64,
    reordered: u64,
}

fn spread_ms(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let square = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>();
    1e3 * (square / values.len() as f64).sqrt()
}

/// Through the intake and the playout, as live.
fn play(sent: &[Sent], spoken: Spoken) -> Outcome {
    let mut intake = Intake::new(Dialects::built_in());
    let mut playout = Playout::new();
    let sender = SocketAddr::from(([10, 7, 7, 7], 9000));
    let (mut came, mut stamped, mut played) = (Vec::new(), Vec::new(), Vec::new());
    let mut waiting = sent.iter().peekable();
    let end_s = sent.last().expect("a stream").arrives_s;
    let (mut frames, mut tick_s) = (Vec::new(), sent[0].arrives_s);
    while tick_s < end_s {
        tick_s += TICK_S;
        while let Some(one) = waiting.next_if(|one| one.arrives_s <= tick_s) {
            let mut reading = SensorFrame::empty(DeviceId(0), HostTime(0.0));
            reading.accel_m_per_s2 = [0.0, 0.0, 9.81];
            reading.rate_rad_per_s = [rate_rad_per_s(one.made_s), 0.0, 0.0];
            reading.quaternion = [1.0, 0.0, 0.0, 0.0];
            for datagram in spoken.encode(3, one.device_s, &reading) {
                intake.accept(&datagram, sender, HostTime(one.arrives_s), &mut frames);
            }
            if one.made_s > SETTLED_S {
                came.push(one.arrives_s - one.made_s);
                stamped.extend(frames.iter().map(|frame| frame.time.0 - one.made_s));
            }
            frames.drain(..).for_each(|frame| playout.push(frame));
        }
        let devices: Vec<DeviceId> = playout.devices().to_vec();
        for device in devices {
            let heard = playout.read(device, HostTime(tick_s));
            if tick_s > SETTLED_S {
                played.push((tick_s, f64::from(heard.frame.rate_rad_per_s[0])));
            }
        }
    }
    let (age_s, error) = (0..80)
        .map(|step| f64::from(step) * 1e-3)
        .map(|age_s| (age_s, difference(&played, age_s)))
        .fold((0.0, f64::INFINITY), |best, one| {
            if one.1 < best.1 { one } else { best }
        });
    let status = intake.devices(HostTime(end_s)).remove(0);
    Outcome {
        jitter_in_ms: spread_ms(&came),
        jitter_out_ms: spread_ms(&stamped),
        held_up_ms: f64::from(status.delay_ms),
        delay_ms: 1e3 * playout.delay_s(),
        age_ms: 1e3 * age_s,
        error,
        lost: status.lost,
        late: playout.counters().late,
        reordered: status.reordered,
    }
}

fn difference(played: &[(f64, f64)], age_s: f64) -> f64 {
    let truth = |at_s: f64| f64::from(rate_rad_per_s(at_s - age_s));
    let square = |value: f64| value * value;
    let off: f64 = played
        .iter()
        .map(|&(at_s, value)| square(value - truth(at_s)))
        .sum();
    let all: f64 = played.iter().map(|&(at_s, _)| square(truth(at_s))).sum();
    (off / all).sqrt()
}

fn print_row(name: &str, row: &Outcome) {
    println!(
        "| {name:<34} | {:>5.2} | {:>5.2} | {:>5.1} | {:>5.1} | {:>5.2} % | {:>5} | {:>4} | {:>4} |",
        row.jitter_in_ms,
        row.jitter_out_ms,
        row.delay_ms,
        row.age_ms,
        100.0 * row.error,
        row.lost,
        row.late,
        row.reordered
    );
}

/// A row and the most that its jitter (out, as a share of in) and its error may be.
type Row = (&'static str, Vec<Sent>, Spoken, f64, f64);

#[test]
fn motion_on_the_grid_is_the_motion_that_was_made() {
    let (stamped, plain) = (spoken("ngimu"), spoken("riot_v2"));
    let rows: Vec<Row> = vec![
        ("20 Hz, stamped", stream(20.0), stamped, 0.3, 0.2),
        ("20 Hz, arrivals", stream(20.0), plain, 0.8, 0.2),
        ("50 Hz, arrivals", stream(50.0), plain, 0.6, 0.05),
        ("100 Hz, stamped", stream(100.0), stamped, 0.3, 0.02),
        ("100 Hz, arrivals", stream(100.0), plain, 0.6, 0.04),
        ("200 Hz, arrivals", stream(200.0), plain, 0.6, 0.04),
        ("500 Hz, arrivals", stream(500.0), plain, 0.6, 0.04),
        ("1000 Hz, stamped", stream(1000.0), stamped, 0.3, 0.02),
        ("1000 Hz, arrivals", stream(1000.0), plain, 0.6, 0.04),
        (
            "100 Hz, stamped, drift 200 ppm",
            drifting(stream(100.0), 200.0),
            stamped,
            0.3,
            0.02,
        ),
        (
            "100 Hz, stamped, drift -200 ppm",
            drifting(stream(100.0), -200.0),
            stamped,
            0.3,
            0.02,
        ),
        (
            "100 Hz, stamped, bursts",
            bursty(stream(100.0)),
            stamped,
            0.2,
            0.05,
        ),
        (
            "100 Hz, arrivals, bursts",
            bursty(stream(100.0)),
            plain,
            0.6,
            0.08,
        ),
        (
            "100 Hz, stamped, 10 % lost",
            lossy(stream(100.0), 0.1),
            stamped,
            0.3,
            0.05,
        ),
        (
            "100 Hz, arrivals, 10 % lost",
            lossy(stream(100.0), 0.1),
            plain,
            2.5,
            0.06,
        ),
        (
            "100 Hz, stamped, reordered",
            reordered(stream(100.0)),
            stamped,
            0.3,
            0.05,
        ),
        (
            "100 Hz, stamped, clock steps +2 s",
            stepped(stream(100.0), 2.0),
            stamped,
            0.3,
            0.03,
        ),
        (
            "100 Hz, stamped, clock steps -2 s",
            stepped(stream(100.0), -2.0),
            stamped,
            0.3,
            0.03,
        ),
    ];
    println!(
        "| stream                             | in ms | out   | delay | age   | error   | lost  | late | reor |"
    );
    let mut wrong = Vec::new();
    for (name, sent, spoken, most_jitter, most_error) in rows {
        let row = play(&sent, spoken);
        print_row(name, &row);
        let is_complete = !name.contains("lost") && spoken != plain;
        // The network's own mean is 2 ms; what is told is the mean of the last few.
        let is_told = (0.2..12.0).contains(&row.held_up_ms);
        if !is_told
            || row.jitter_out_ms > most_jitter * row.jitter_in_ms
            || row.error > most_error
            || (is_complete && row.lost > 0)
        {
            wrong.push(format!("{name}: {row:?}"));
        }
    }
    if let Some(sent) = capture() {
        let row = play(&sent, plain);
        print_row("R-IoT capture's own arrivals", &row);
        // When the readings were made is itself worked out from the arrivals.
        if row.error > 0.05 || row.jitter_out_ms > 0.6 * row.jitter_in_ms {
            wrong.push(format!("capture: {row:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn spoken(name: &str) -> Spoken {
    Spoken::from_name(name).expect("a dialect")
}

/// The arrivals of one sensor of the real capture. It samples evenly, so when its readings were made is worked out from
/// the whole of it: each at the last moment of that grid before it came, and before the one after it.
fn capture() -> Option<Vec<Sent>> {
    /// The firmware's own. Folded by it, the arrivals have a resultant length of 0.63; by 4.996 or 5.006 ms, of 0.07.
    const PERIOD_S: f64 = 0.005;
    /// Of a period: from the grid to the arrivals' mean phase.
    const MEAN_WAY: f64 = 0.25;
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/imu/riot_2sensor_osc_idle.csv");
    if !path.exists() {
        println!("skipped: no {}", path.display());
        return None;
    }
    let take = Take::read(&path).expect("a capture");
    let datagrams = take.into_datagrams(Spoken::RiotV2);
    let own = datagrams.iter().filter(|one| one.source == 0);
    let arrivals: Vec<f64> = own.map(|one| 5.0 + one.at_s).collect();
    let (sine, cosine) = arrivals.iter().fold((0.0, 0.0), |(sine, cosine), at_s| {
        let angle = std::f64::consts::TAU * at_s / PERIOD_S;
        (sine + angle.sin(), cosine + angle.cos())
    });
    let grid_s = PERIOD_S * (f64::atan2(sine, cosine) / std::f64::consts::TAU - MEAN_WAY);
    let mut next = f64::INFINITY;
    let mut sent: Vec<Sent> = arrivals
        .iter()
        .rev()
        .map(|&arrives_s| {
            next = f64::min(next - 1.0, ((arrives_s - grid_s) / PERIOD_S).floor());
            let made_s = grid_s + next * PERIOD_S;
            Sent {
                made_s,
                arrives_s,
                device_s: made_s,
            }
        })
        .collect();
    sent.reverse();
    Some(sent)
}

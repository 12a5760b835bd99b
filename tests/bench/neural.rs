//! Time per step of the networks the design is held to: packed in 32 and 16 bits a weight, tract, and the floor,
//! which is reading the weights once. Medians of interleaved runs; the machine's noise is in the worst. Prints one
//! table; measures and asserts nothing.
#![allow(unsafe_code)]

#[path = "../support/counting.rs"]
mod counting;

use std::hint::black_box;
use std::time::Instant;

use imu2music::neural::kernel::Aligned;
use imu2music::neural::kernel::machine::{Lanes, Machine, WithLanes};
use imu2music::neural::kernel::matrix::Precision;
use imu2music::neural::lower::lower;
use imu2music::neural::oracle::Oracle;
use imu2music::neural::plan::Plan;
use imu2music::neural::screen::{Screened, screen};
use imu2music::neural::zoo;

const ROUNDS: usize = 40;
const STEPS: usize = 25;
const VOICES: usize = 16;
/// 64 samples at 48 kHz.
const BLOCK_US: f64 = 64.0 / 48_000.0 * 1e6;

#[derive(Default)]
struct Timer {
    times_us: Vec<f64>,
    allocations: usize,
}

impl Timer {
    /// The first quarter of a round only warms.
    fn round(&mut self, mut step: impl FnMut()) {
        for i in 0..STEPS + STEPS / 4 {
            let start = Instant::now();
            let allocations = counting::allocations(&mut step);
            if i >= STEPS / 4 {
                self.times_us.push(start.elapsed().as_secs_f64() * 1e6);
                self.allocations += allocations;
            }
        }
    }

    fn figures(mut self) -> Figures {
        // Before sorting: the steps are equal, so the fastest of five neighbours is the code's own time.
        let fives = self.times_us.chunks_exact(5);
        let fastest = fives.map(|five| five.iter().copied().fold(f64::MAX, f64::min));
        let worst_of_fastest_us = fastest.fold(0.0, f64::max);
        self.times_us.sort_by(f64::total_cmp);
        let count = self.times_us.len();
        Figures {
            median_us: self.times_us[count / 2],
            worst_us: self.times_us[count - 1],
            worst_of_fastest_us,
            allocations: self.allocations as f64 / count as f64,
        }
    }
}

struct Figures {
    median_us: f64,
    worst_us: f64,
    /// Every step taken five times and counted with its fastest, so that what the machine does beside it is left out.
    worst_of_fastest_us: f64,
    /// Allocations and frees per step.
    allocations: f64,
}

/// Reads every number once.
struct Stream<'a> {
    weights: &'a [f32],
    sum: &'a mut f32,
}

impl WithLanes for Stream<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let mut sums = [lanes.splat(0.0); 8];
        for group in self.weights.chunks_exact(8 * L::COUNT) {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = lanes.add(*sum, lanes.load(&group[i * L::COUNT..]));
            }
        }
        let sum = sums
            .into_iter()
            .fold(lanes.splat(0.0), |a, b| lanes.add(a, b));
        let mut out = [0.0; 16];
        lanes.store(&mut out, sum);
        *self.sum = out[0];
    }
}

struct Player {
    plan: Plan,
    arenas: Aligned,
}

impl Player {
    fn new(s: &Screened, precision: Precision, voices: usize) -> Self {
        let plan = lower(&s.graph, &s.signature, &s.contract.states, precision);
        let plan = plan.expect("the zoo is lowered");
        let mut arenas = plan.arenas(voices);
        for arena in arenas.as_mut_slice().chunks_exact_mut(plan.arena_len) {
            let x = plan.inputs[0].1;
            arena[x.start..x.start + x.len].fill(0.3);
        }
        Player { plan, arenas }
    }

    fn step(&mut self, machine: Machine) {
        self.plan.step(machine, self.arenas.as_mut_slice());
    }

    /// Every voice on its own pass over the weights.
    fn step_one_by_one(&mut self, machine: Machine) {
        let voices = self
            .arenas
            .as_mut_slice()
            .chunks_exact_mut(self.plan.arena_len);
        voices.for_each(|voice| self.plan.step(machine, voice));
    }
}

fn row(machine: Machine, name: &str, file: &[u8]) {
    let screened = screen(file).expect("the zoo passes the screen");
    let mut single = Player::new(&screened, Precision::Single, 1);
    let mut half = Player::new(&screened, Precision::Half, 1);
    let mut oracle = Oracle::new(file, &screened.signature, &screened.contract.states)
        .expect("tract reads the zoo");
    let cost = single.plan.cost();
    let weights = vec![1.0f32; cost.weight_bytes / size_of::<f32>()];
    let mut sum = 0.0;
    let [mut floor_t, mut single_t, mut half_t, mut tract_t] = [(); 4].map(|()| Timer::default());
    for _ in 0..ROUNDS {
        floor_t.round(|| {
            machine.run(Stream {
                weights: black_box(&weights),
                sum: &mut sum,
            });
            black_box(sum);
        });
        single_t.round(|| single.step(machine));
        half_t.round(|| half.step(machine));
        tract_t.round(|| oracle.step().expect("tract runs the zoo"));
    }
    let floor = floor_t.figures().median_us;
    let [single, half, tract] = [single_t, half_t, tract_t].map(Timer::figures);
    println!(
        "| {name} | {:.2} | {floor:.1} | {:.1} ({:.0}) | {:.1} ({:.0}) | {:.1} ({:.0}) | {:.2} | {:.2} | {:.2} | {:.2} | {} / {} / {:.0} |",
        cost.parameters as f64 * 1e-6,
        single.median_us,
        single.worst_us,
        half.median_us,
        half.worst_us,
        tract.median_us,
        tract.worst_us,
        single.median_us / tract.median_us,
        half.median_us / tract.median_us,
        single.median_us / floor,
        half.median_us / floor,
        single.allocations,
        half.allocations,
        tract.allocations,
    );
}

/// All voices step in the same callback: the worst case of a chord.
fn chord(machine: Machine, width: usize) {
    let file = zoo::ddsp_decoder(width);
    let screened = screen(&file).expect("the zoo passes the screen");
    for (bits, precision) in [(32, Precision::Single), (16, Precision::Half)] {
        let mut together = Player::new(&screened, precision, VOICES);
        let mut alone = Player::new(&screened, precision, VOICES);
        let [mut together_t, mut alone_t] = [(); 2].map(|()| Timer::default());
        for _ in 0..ROUNDS {
            together_t.round(|| together.step(machine));
            alone_t.round(|| alone.step_one_by_one(machine));
        }
        let (together, alone) = (together_t.figures(), alone_t.figures());
        println!(
            "{VOICES} voices of the width-{width} decoder, {bits} bits: median {:.0} µs, worst {:.0} µs, worst of the best of five {:.0} µs: \
             {:.0} %, {:.0} % and {:.0} % of a block of 64; one after the other {:.0} µs; allocations {}",
            together.median_us,
            together.worst_us,
            together.worst_of_fastest_us,
            100.0 * together.median_us / BLOCK_US,
            100.0 * together.worst_us / BLOCK_US,
            100.0 * together.worst_of_fastest_us / BLOCK_US,
            alone.median_us,
            together.allocations,
        );
    }
}

fn main() {
    let machine = Machine::detect();
    println!("µs per step, median (worst), on {machine}; floor: the 32-bit weights read once.");
    println!(
        "| network | M weights | floor | 32 bits | 16 bits | tract | 32/tract | 16/tract | 32/floor | 16/floor | allocations 32 / 16 / tract |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let only = std::env::args().nth(1).filter(|a| !a.starts_with('-'));
    let row = |name: String, file: &dyn Fn() -> Vec<u8>| {
        if only
            .as_ref()
            .is_none_or(|only| name.contains(only.as_str()))
        {
            row(machine, &name, &file());
        }
    };
    for hidden in [64, 128, 256, 512] {
        for layers in [1, 2] {
            row(format!("LSTM {hidden}×{layers}"), &|| {
                zoo::lstm(32, hidden, layers)
            });
        }
    }
    for hidden in [128, 256] {
        row(format!("GRU {hidden}"), &|| zoo::gru(32, hidden));
    }
    for width in [128, 256, 512] {
        row(format!("DDSP decoder {width}"), &|| {
            zoo::ddsp_decoder(width)
        });
    }
    for capacity in [20, 37] {
        row(format!("convolutions, capacity {capacity}"), &|| {
            zoo::conv_decoder(capacity)
        });
    }
    row("Transformer 128×2, 64 frames".into(), &|| {
        zoo::transformer(32, 128, 2, 64)
    });
    if only.is_none_or(|only| only == "voices") {
        chord(machine, 256);
    }
}

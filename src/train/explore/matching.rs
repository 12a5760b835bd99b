//! Which of ten motions made this sound? Held-out crops of five seconds; the network hears each candidate's motion and
//! the one whose Controls fit the sound best is its answer. A network that ignores motion finds one in ten.

use crate::train::gesture::by_hand::slope;
use crate::train::gesture::fit::{Fed, run};
use crate::train::gesture::loss::Heads;
use crate::train::gesture::network::{Network, Shape};

const CROP_S: usize = 5;
const MOTIONS: usize = 10;

/// Share of crops whose own motion fits best, and among how many it was.
pub fn matched(
    shape: Shape,
    network: &Network,
    heads: &Heads,
    test: &[Fed],
    rate_hz: usize,
) -> (Option<f32>, usize) {
    let length = CROP_S * rate_hz;
    let crops: Vec<Fed> = test
        .iter()
        .flat_map(|fed| (0..fed.frames() / length).map(move |n| fed.part(n * length, length)))
        .filter(|crop| crop.truth().iter().any(|truth| truth.voiced()))
        .collect();
    let motions = MOTIONS.min(crops.len());
    if motions < 2 {
        return (None, motions);
    }
    let said = run(shape, network, &crops);
    let right = (0..crops.len()).filter(|own| {
        let misfit = |other: usize| slope(heads, &said[other], crops[*own].truth()).0;
        let others = (1..motions).map(|step| misfit((own + step) % crops.len()));
        others.fold(f32::INFINITY, f32::min) > misfit(*own)
    });
    (Some(right.count() as f32 / crops.len() as f32), motions)
}

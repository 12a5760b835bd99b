//! Learning, writing and playing, whole: a small network on notes that the motion decides.

use burn::module::Module;
use burn::tensor::Device;

use super::evaluate::{Counts, Wrong, score};
use super::export::onnx;
use super::lesson::{Plan, learn};
use super::material::{Material, Piece};
use super::network::{Arch, Form, Network};
use super::notes::Note;
use super::stream;
use crate::neural::events::Alphabet;
use crate::sensor::performer::Chance;
use crate::train::gesture::take::Standard;

const INPUTS: usize = 2;

/// Every half second one of two notes, as the first feature says at that moment; the second feature is noise.
fn piece(seed: u64, frames: usize) -> Piece {
    let mut chance = Chance::new(seed, 1);
    let (mut motion, mut notes) = (Vec::new(), Vec::new());
    let mut side = 1.0;
    for frame in 0..frames {
        if frame % 25 == 0 {
            side = if chance.happens(0.5) { 1.0 } else { -1.0 };
            notes.push(Note {
                begin: frame,
                end: frame + 20,
                note: if side > 0.0 { 67 } else { 55 },
                velocity: 20,
            });
        }
        motion.extend([side, chance.normal() as f32]);
    }
    Piece {
        take: format!("take {seed}"),
        motion,
        width: INPUTS,
        frames,
        // Shorter than those of a report: the machine that tests is slow.
        window: 75,
        notes,
        from: 0,
        truth: Vec::new(),
    }
}

fn material() -> Material {
    Material {
        train: vec![piece(1, 1500)],
        validation: vec![piece(2, 225)],
        test: vec![piece(3, 600), piece(4, 300)],
        standard: Standard {
            mean: vec![0.0; INPUTS],
            scale: vec![1.0; INPUTS],
        },
        inputs: ["rate_x", "rate_y"]
            .map(|n| format!("right_forearm.{n}"))
            .into(),
        alphabet: Alphabet::PIANO,
        licence: String::new(),
        data: serde_json::json!({}),
        vary: None,
    }
}

fn form(arch: Arch, width: usize) -> Form {
    Form {
        arch,
        inputs: INPUTS,
        width,
        layers: 2,
        symbols: Alphabet::PIANO.size(),
    }
}

#[test]
fn every_file_says_what_its_network_says_over_500_streamed_frames() {
    let material = material();
    // The second is so large that it would be played with 16 bits a weight.
    let forms = [
        (Arch::LstmStream, 32),
        (Arch::LstmStream, 128),
        (Arch::TransformerStream, 32),
    ];
    for (arch, width) in forms {
        let form = form(arch, width);
        let network = Network::new(form, 3, &Device::flex().autodiff()).valid();
        let bytes = onnx(form, &network, &material, serde_json::Value::Null);
        let piece = &material.test[0];
        let difference = stream::difference(&bytes, form, &network, piece, &material.alphabet);
        let difference = difference.unwrap_or_else(|error| panic!("{}: {error}", arch.name()));
        println!("{}: {difference:.1e}", arch.name());
        assert!(difference < 2e-6, "{}: {difference}", arch.name());
        if arch == Arch::LstmStream {
            // One with other weights is told apart.
            let other = Network::new(form, 4, &Device::flex());
            let wrong = stream::difference(&bytes, form, &other, piece, &material.alphabet);
            assert!(wrong.unwrap() > 1e-2);
        }
    }
}

#[test]
fn a_network_that_plays_along_uses_the_motion_and_errs_without_it() {
    let material = material();
    let form = Form {
        layers: 1,
        ..form(Arch::TransformerStream, 32)
    };
    let plan = Plan {
        rate: 1e-2,
        dropout: 0.0,
        lanes: 4,
        ..Plan::new(1, 4, false)
    };
    let learned = learn(form, &material, &plan, true);
    let alphabet = &material.alphabet;
    let judge = |pieces: &[Piece], blind| score(form, &learned.kept, pieces, alphabet, blind);
    let own = judge(&material.test, false);
    let wrong = Wrong::of(&material.test, &[&material.test]);
    let shifted = judge(&wrong.shifted, false);
    let another = judge(&wrong.another.unwrap(), false);
    assert_eq!(
        (own.events, shifted.events),
        (another.events, another.events)
    );
    let stilled = judge(&material.test, true);
    let [single, pairs] = Counts::of(&material.train, alphabet).baselines(
        &material.validation,
        &material.test,
        alphabet,
        false,
    );
    println!("{own:?}\n{shifted:?}\n{another:?}\n{stilled:?}\n{single:?}\n{pairs:?}");
    let note_on = |s: super::evaluate::Score| s.by_kind[0].unwrap();
    assert!(note_on(own) < 0.3, "{own:?}");
    // Nothing but the motion knows which of two notes it is: a bit, 0.69 nats.
    assert!(note_on(stilled) > 0.5, "{stilled:?}");
    assert!(note_on(shifted) > 0.7 && note_on(another) > 0.7);
    assert!(pairs.cross_entropy < single.cross_entropy);
    assert!(own.cross_entropy < stilled.cross_entropy && own.accuracy > stilled.accuracy);
    let bytes = onnx(form, &learned.kept, &material, serde_json::Value::Null);
    let streamed = stream::score(&bytes, &material.test, alphabet).unwrap();
    assert!(note_on(streamed) < 0.5, "{streamed:?}");
    let piece = &material.test[0];
    let played = stream::played(&bytes, piece, 600, &material.standard, alphabet, 1).unwrap();
    // Freely, it begins notes when it likes, but those that the motion of the moment means.
    let right = played.iter().filter(|said| {
        let side = piece.motion[said.begin * INPUTS];
        said.note == if side > 0.0 { 67 } else { 55 }
    });
    let right = right.count();
    assert!(
        played.len() > 12 && right * 4 > played.len() * 3,
        "{right} of {}",
        played.len()
    );
}

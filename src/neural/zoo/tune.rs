//! A model of events that knows one tune: what follows what is a table, and the motion chooses between two notes.

use crate::neural::Contract;
use crate::neural::events::{Alphabet, Event};
use crate::neural::graph::{Attribute, GraphBuilder};

/// Velocity -15 dB, note 60 (or 72 where the motion is above 0), 5 units of time, the note's end, 3 units. A unit is
/// four steps of 5 ms. The one input is `right_forearm.energy`.
pub fn tune() -> Vec<u8> {
    let piano = Alphabet::PIANO;
    let size = piano.size();
    let mut table = vec![0.0f32; size * size];
    let mut follows = |event: Event, next: Event| {
        table[piano.number(event) * size + piano.number(next)] = 6.0;
    };
    let soft = Event::Velocity(23);
    follows(Event::Start, soft);
    for note in [60, 72] {
        follows(soft, Event::On(note));
        follows(Event::On(note), Event::Shift(5));
        follows(Event::Shift(5), Event::Off(note));
        follows(Event::Off(note), Event::Shift(3));
    }
    follows(Event::Shift(3), soft);
    let mut lean = vec![0.0f32; size];
    lean[piano.number(Event::On(72))] = 1.0;
    lean[piano.number(Event::On(60))] = -1.0;
    let mut g = GraphBuilder::new("tune");
    let x = g.input("x", &[1, 1]);
    let [previous, hears, says] = ["previous", "hears", "says"].map(|name| g.input(name, &[1, 1]));
    let table = g.constant(&[size, size], &table);
    let row = g.reshape(&previous, &[1]);
    let row = g.node("Cast", &[&row.name], &[1], &[Attribute::Int("to", 7)]);
    let next = g.node("Gather", &[&table.name, &row.name], &[1, size], &[]);
    let lean = g.dense(&x, &lean, &vec![0.0; size]);
    let gates = g.mul(&hears, &says);
    let nothing = g.affine(&gates, 0.0, 0.0);
    let logits = g.add(&next, &lean);
    let logits = g.add(&logits, &nothing);
    g.output("logits", &logits);
    let text = r#"{"version":1,"kind":"gesture","name":"Zoo tune","frame_rate_hz":200,"feature_schema":1,
        "inputs":[{"tensor":"x","names":["right_forearm.energy"]}],
        "outputs":[{"events":{"logits":"logits","previous":"previous","hears":"hears","says":"says","hear_every":4}}]}"#;
    g.contract(&Contract::parse(text).expect("the zoo's contracts are in order"));
    g.finish()
}

//! The networks as one ONNX file under the contract: what they are fed is computed in the graph, their answers are
//! averaged, and what is said is what is played: a chance of a stroke, its direction, loudness and brightness.

use super::super::heads::LOUDNESS_DB;
use super::super::take::FLOOR_DB;
use super::decision::Decision;
use super::front::{BACK, PAST, STILL_POWER, UNIT_M_PER_S2, WIDTH, power_share};
use super::learner::{Ensemble, OUTPUTS, SOUNDS};
use super::pluck::{EDGE, Pluck, VALUES, fades, line_step};
use super::session::{RATE_HZ, input_name};
use super::trial::Player;
use crate::gesture::features::FEATURE_SCHEMA;
use crate::neural::contract::{
    CONTRACT_VERSION, CategoricalPitch, Contract, Input, Kind, Output, Point, Probability, State,
};
use crate::neural::graph::{GraphBuilder, LstmWeights, Tensor, reorder_gates};

/// What a down stroke sounds where no key is held, and the octave that an up stroke sounds.
pub const DOWN_NOTE: f32 = 50.0;
const OCTAVE: f32 = 12.0;
/// Brightness of a stroke of middling loudness, more for each [`LOUDNESS_DB`] of it, and more for an up stroke, which
/// meets the thin strings first.
const BRIGHTNESS: [f32; 3] = [0.36, 0.08, 0.1];

/// What the file says about itself.
#[derive(Clone, Debug)]
pub struct Label {
    pub name: String,
    pub licence: String,
    pub description: String,
    pub data: serde_json::Value,
    pub metrics: serde_json::Value,
}

impl Label {
    /// For a model that is not kept.
    pub fn blank() -> Label {
        Label {
            name: "Strum".into(),
            licence: String::new(),
            description: String::new(),
            data: serde_json::Value::Null,
            metrics: serde_json::Value::Null,
        }
    }
}

/// What is said of a frame beside the network's own loudness, computed as the graph does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Saying {
    /// 0 after a down stroke, 1 after an up stroke.
    direction: f32,
}

/// Answers of a frame, in the order of the file's outputs.
pub const ANSWERS: usize = 5;

impl Saying {
    /// The two notes' logits, raw loudness, brightness and the chance of a stroke.
    pub fn step(
        &mut self,
        raw: &[f32; OUTPUTS],
        loudness: f32,
        decision: &Decision,
    ) -> [f32; ANSWERS] {
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let [down, up] = decision.logits(raw);
        let (chance, lead) = (sigmoid(down.max(up)), up - down);
        let note = 0.5 * lead * chance;
        self.direction += chance * chance * (sigmoid(2.0 * lead) - self.direction);
        let [middling, louder, upwards] = BRIGHTNESS;
        let brightness = middling + louder * loudness + upwards * self.direction;
        [-note, note, loudness, brightness, chance]
    }
}

struct Writer {
    graph: GraphBuilder,
    states: Vec<State>,
    ends: Vec<(String, Tensor)>,
}

impl Writer {
    fn state(&mut self, name: &str, width: usize) -> Tensor {
        let output = format!("{name}_next");
        self.states.push(State {
            input: name.into(),
            output,
        });
        self.graph.input(name, &[1, width])
    }

    fn keep(&mut self, name: &str, next: Tensor) {
        self.ends.push((format!("{name}_next"), next));
    }

    /// As `front::features` and `front::vigour`.
    fn front(&mut self, unit: &Tensor) -> (Tensor, Tensor) {
        let (power, past) = (self.state("power", 1), self.state("past", PAST));
        let g = &mut self.graph;
        let square = g.mul(unit, unit);
        let (old, new) = (
            g.affine(&power, 1.0 - power_share(), 0.0),
            g.affine(&square, power_share(), 0.0),
        );
        let power = g.add(&old, &new);
        let size = g.affine(&power, 1.0, STILL_POWER);
        let size = g.node("Sqrt", &[&size.name], &[1, 1], &[]);
        let vigour = g.node("Log", &[&size.name], &[1, 1], &[]);
        let mut features = vec![g.div(unit, &size), unit.clone()];
        for back in BACK {
            let then = g.slice(&past, 1, PAST - back, PAST - back + 1);
            features.push(g.sub(unit, &then));
        }
        let kept = g.slice(&past, 1, 1, PAST);
        let past = g.concat(&[&kept, unit], 1);
        let features = g.concat(&features.iter().collect::<Vec<_>>(), 1);
        self.keep("power", power);
        self.keep("past", past);
        (features, vigour)
    }

    /// One member's memory after this frame.
    fn member(&mut self, index: usize, parameters: &[f32], hidden: usize, x: &Tensor) -> Tensor {
        let (h_name, c_name) = (format!("h_{index}"), format!("c_{index}"));
        let (h, c) = (self.state(&h_name, hidden), self.state(&c_name, hidden));
        let wide = 4 * hidden;
        let row = |column: usize, from: usize, rows: usize| {
            (from..from + rows).map(move |row| parameters[row * wide + column])
        };
        let transposed = |from: usize, rows: usize| -> Vec<f32> {
            (0..wide)
                .flat_map(|column| row(column, from, rows))
                .collect()
        };
        // Ours are input, forget, cell and output; ONNX has input, output, forget and cell.
        const ORDER: [usize; 4] = [0, 3, 1, 2];
        let (input, recurrent) = (transposed(0, WIDTH), transposed(WIDTH, hidden));
        let bias = &parameters[(WIDTH + hidden) * wide..][..wide];
        let weights = LstmWeights {
            input: &reorder_gates(&input, &ORDER),
            recurrent: &reorder_gates(&recurrent, &ORDER),
            bias: &reorder_gates(bias, &ORDER),
        };
        let (h, c) = self.graph.lstm(x, &h, &c, &weights);
        self.keep(&h_name, h.clone());
        self.keep(&c_name, c);
        h
    }

    /// Raw loudness, as `Pluck::loudness` of `Ring::step`.
    fn loudness(
        &mut self,
        pluck: &Pluck,
        either: &Tensor,
        raw: &Tensor,
        vigour: &Tensor,
    ) -> Tensor {
        let ring = self.state("ring", VALUES - 1);
        let g = &mut self.graph;
        let edge = g.affine(either, EDGE, 0.0);
        let struck = g.sigmoid(&edge);
        let line = g.slice(&ring, 1, 0, 1);
        let line = g.affine(&line, 1.0, -line_step());
        let mut fading = vec![g.relu(&line)];
        for (index, less) in fades().into_iter().enumerate() {
            let fade = g.slice(&ring, 1, index + 1, index + 2);
            fading.push(g.affine(&fade, less, 0.0));
        }
        let fading = g.concat(&fading.iter().collect::<Vec<_>>(), 1);
        let gone = g.affine(&fading, -1.0, 1.0);
        let again = g.mul(&gone, &struck);
        let ring = g.add(&fading, &again);
        let values = g.concat(&[&ring, vigour], 1);
        let floor = LOUDNESS_DB.raw(FLOOR_DB);
        let above = g.dense(&values, &pluck.weights, &[pluck.offset - floor]);
        let sounds = g.slice(raw, 1, SOUNDS, SOUNDS + 1);
        let sounds = g.sigmoid(&sounds);
        let heard = g.mul(&sounds, &above);
        let loudness = g.affine(&heard, 1.0, floor);
        self.keep("ring", ring);
        loudness
    }

    /// As `Saying::step`.
    fn say(&mut self, pluck: &Pluck, raw: &Tensor, vigour: &Tensor) {
        let g = &mut self.graph;
        let (down, up) = (g.slice(raw, 1, 0, 1), g.slice(raw, 1, 1, 2));
        let either = g.node("Max", &[&down.name, &up.name], &[1, 1], &[]);
        let loudness = self.loudness(pluck, &either, raw, vigour);
        let direction = self.state("direction", 1);
        let g = &mut self.graph;
        let (chance, lead) = (g.sigmoid(&either), g.sub(&up, &down));
        let note = g.mul(&lead, &chance);
        let (low, high) = (g.affine(&note, -0.5, 0.0), g.affine(&note, 0.5, 0.0));
        let notes = g.concat(&[&low, &high], 1);
        let twice = g.affine(&lead, 2.0, 0.0);
        let toward = g.sigmoid(&twice);
        let (sure, gap) = (g.mul(&chance, &chance), g.sub(&toward, &direction));
        let turn = g.mul(&sure, &gap);
        let direction = g.add(&direction, &turn);
        let both = g.concat(&[&loudness, &direction], 1);
        let [middling, louder, upwards] = BRIGHTNESS;
        let points = g.dense(&both, &[1.0, 0.0, louder, upwards], &[0.0, middling]);
        for (name, tensor) in [("notes", notes), ("points", points), ("chance", chance)] {
            g.output(name, &tensor);
        }
        self.keep("direction", direction);
    }
}

/// The file's bytes.
pub fn onnx(player: &Player, label: &Label) -> Vec<u8> {
    let Player {
        ensemble,
        decision,
        pluck,
        ..
    } = player;
    let mut writer = Writer {
        graph: GraphBuilder::new("strum"),
        states: Vec::new(),
        ends: Vec::new(),
    };
    let unit = writer.graph.input("motion", &[1, 1]);
    let (features, vigour) = writer.front(&unit);
    let hidden = ensemble.shape.hidden;
    let each = ensemble.members.iter().enumerate();
    let heard: Vec<Tensor> = each
        .map(|(index, member)| writer.member(index, member, hidden, &features))
        .collect();
    let heard = writer.graph.concat(&heard.iter().collect::<Vec<_>>(), 1);
    let (weights, bias) = head(ensemble, decision);
    let raw = writer.graph.dense(&heard, &weights, &bias);
    writer.say(pluck, &raw, &vigour);
    for (name, tensor) in std::mem::take(&mut writer.ends) {
        writer.graph.output(&name, &tensor);
    }
    let contract = contract(label, writer.states);
    writer.graph.contract(&contract);
    writer.graph.finish()
}

/// One head for all members: the mean of theirs, `[outputs][members * hidden]`, the thresholds taken off.
fn head(ensemble: &Ensemble, decision: &Decision) -> (Vec<f32>, Vec<f32>) {
    let (hidden, share) = (ensemble.shape.hidden, 1.0 / ensemble.members.len() as f32);
    let at = (WIDTH + hidden) * 4 * hidden + 4 * hidden;
    let (mut weights, mut bias) = (Vec::new(), vec![0.0; OUTPUTS]);
    for output in 0..OUTPUTS {
        for member in &ensemble.members {
            let own = |row: usize| member[at + row * OUTPUTS + output] * share;
            weights.extend((0..hidden).map(own));
            bias[output] += member[at + hidden * OUTPUTS + output] * share;
        }
    }
    bias.iter_mut()
        .zip(decision.thresholds)
        .for_each(|(bias, threshold)| *bias -= threshold);
    (weights, bias)
}

fn contract(label: &Label, states: Vec<State>) -> Contract {
    let point = |control: &str, index: usize, offset: f32, scale: f32| {
        Output::Point(Point {
            control: control.into(),
            tensor: "points".into(),
            index,
            offset,
            scale,
        })
    };
    Contract {
        version: CONTRACT_VERSION,
        kind: Kind::Gesture,
        name: label.name.clone(),
        author: "IMU2Music".into(),
        licence: label.licence.clone(),
        description: label.description.clone(),
        frame_rate_hz: RATE_HZ,
        feature_schema: Some(FEATURE_SCHEMA),
        inputs: vec![Input {
            tensor: "motion".into(),
            names: vec![input_name()],
            meanings: Vec::new(),
            mean: vec![0.0],
            scale: vec![1.0 / UNIT_M_PER_S2],
        }],
        states,
        outputs: vec![
            Output::CategoricalPitch(CategoricalPitch {
                logits: "notes".into(),
                lowest_note: DOWN_NOTE,
                step: OCTAVE,
                fine: None,
            }),
            point("loudness", 0, LOUDNESS_DB.offset, LOUDNESS_DB.scale),
            point("brightness", 1, 0.0, 1.0),
            Output::Onset(Probability {
                tensor: "chance".into(),
                index: 0,
            }),
        ],
        data: label.data.clone(),
        metrics: label.metrics.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::front;
    use super::super::learner::{Plan, beginning};
    use super::*;
    use crate::neural::Model;
    use crate::sensor::performer::Chance;

    #[test]
    fn the_file_says_what_the_networks_say() {
        let plan = Plan {
            hidden: 12,
            steps: 0,
            lag_s: 0.1,
        };
        let member = |seed: u64| -> Vec<f32> {
            beginning(plan.shape(), seed)
                .iter()
                .map(|w| 2.0 * w)
                .collect()
        };
        let ensemble = Ensemble {
            members: vec![member(1), member(2), member(3)],
            shape: plan.shape(),
        };
        let player = Player {
            ensemble,
            decision: Decision {
                thresholds: [-0.7, 0.4],
                late_s: 0.1,
            },
            pluck: Pluck {
                weights: [0.3, 0.2, -0.1, 0.4],
                offset: 0.7,
            },
            lag_s: 0.1,
        };
        let mut chance = Chance::new(4, 4);
        let swing = |frame: usize| 3.0 * (frame as f32 * 0.21).sin();
        let motion: Vec<f32> = (0..500)
            .map(|n| swing(n) + chance.normal() as f32)
            .collect();
        let file = onnx(&player, &Label::blank());
        let worst = super::super::difference(&file, &player, &motion).unwrap();
        assert!(worst < 2e-5, "{worst}");
        let mut model = Model::load(&file).unwrap();
        model.input_mut(0)[0] = motion[0] / front::UNIT_M_PER_S2;
        model.step();
        assert_eq!(model.output(0).len(), 2);
    }
}

//! Two independent implementations of one network, its loss and its gradients must agree.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::super::distributions::Distributions;
use super::super::heads::Heads;
use super::super::loss::{Targets, loss};
use super::super::network::{Arch, Network, Shape};
use super::super::take::{Notes, Truth};
use super::*;
use crate::controls::Controls;
use crate::sensor::performer::Chance;

const LANES: usize = 3;
const FRAMES: usize = 7;

#[test]
fn loss_and_gradients_agree_with_burn() {
    let notes = Notes {
        lowest: 58.0,
        count: 6,
    };
    agree(Heads::of(notes));
    agree(Heads {
        notes,
        timbre: 2,
        distributions: Distributions {
            loudness: true,
            noisiness: true,
            timbre: true,
            ..Distributions::default()
        },
    });
}

fn agree(heads: Heads) {
    let shape = Shape {
        arch: Arch::Lstm,
        inputs: 5,
        hidden: 9,
        layers: 2,
        outputs: heads.width(),
    };
    let device = Device::flex().autodiff();
    let network = Network::new(shape, 4, &device);
    // The last deviation, where there is one, is wider than any may be.
    let network = network.with_bias(|bias| bias[shape.outputs - 1] = 3.0);
    let mut chance = Chance::new(5, 5);
    // Lane by lane for burn, time by time for the hand-written one.
    let x: Vec<f32> = (0..LANES * FRAMES * 5)
        .map(|_| chance.normal() as f32)
        .collect();
    let truth: Vec<Truth> = (0..LANES * FRAMES)
        .map(|i| {
            let mut controls = Controls::SILENT;
            controls.pitch_note = chance.between(58.0, 63.0) as f32;
            controls.loudness_db = chance.between(-80.0, -10.0) as f32;
            controls.timbre[1] = chance.normal() as f32;
            Truth {
                controls,
                onset: i % 5 == 0,
                pitched: i % 7 != 0,
            }
        })
        .collect();

    let mask: Vec<f32> = (0..LANES * 9)
        .map(|n| if n % 4 == 0 { 0.0 } else { 1.3 })
        .collect();
    let tensor = Tensor::<3>::from_data(TensorData::new(x.clone(), [LANES, FRAMES, 5]), &device);
    let (raw, _) = network.forward(
        shape,
        tensor,
        Network::initial_states(shape, LANES, &device),
        Some(Tensor::from_data(
            TensorData::new(mask.clone(), [LANES, 9]),
            &device,
        )),
    );
    let burn_loss = loss(&heads, raw, &Targets::new(&heads, &truth, &device));
    let value = burn_loss.clone().into_scalar::<f32>();
    let gradients = burn_loss.backward();
    let mut burn_gradient = Vec::new();
    for layer in &network.layers {
        burn_gradient.extend(values(layer.weight.val().grad(&gradients).unwrap()));
        burn_gradient.extend(values(layer.bias.val().grad(&gradients).unwrap()));
    }
    burn_gradient.extend(values(network.head.val().grad(&gradients).unwrap()));
    burn_gradient.extend(values(network.head_bias.val().grad(&gradients).unwrap()));

    let by_time = |frame: usize, lane: usize| lane * FRAMES + frame;
    let order: Vec<usize> = (0..FRAMES)
        .flat_map(|frame| (0..LANES).map(move |lane| by_time(frame, lane)))
        .collect();
    let x: Vec<f32> = order
        .iter()
        .flat_map(|row| x[row * 5..][..5].to_vec())
        .collect();
    let truth: Vec<Truth> = order.iter().map(|row| truth[*row]).collect();
    let lstm = from_network(shape, &network);
    assert_eq!(lstm.parameters().len(), network.num_params());
    let run = lstm.forward(x, LANES, &mut Memory::new(shape, LANES), &mask);
    let (hand_loss, output_slope) = slope(&heads, &run.outputs, &truth);
    let hand_gradient = lstm.backward(&run, &output_slope, &mask);

    assert!(
        (value - hand_loss).abs() < 1e-4 * value,
        "{value} {hand_loss}"
    );
    for (index, (burn, hand)) in burn_gradient.iter().zip(&hand_gradient).enumerate() {
        assert!(
            (burn - hand).abs() < 2e-5,
            "parameter {index}: {burn} {hand}"
        );
    }
    let back = into_network(&lstm, network.clone(), &device);
    assert_eq!(from_network(shape, &back).parameters(), lstm.parameters());
}

//! The matrix: what an input hears, how it is shaped, and who sits where.

use super::*;
use crate::gesture::features::FeatureBank;
use crate::sensor::DeviceId;
use crate::units::HostTime;

const INPUTS: [&str; 3] = ["left_forearm.speed", "right_forearm.up_z", "nonsense"];
const STEP_S: f32 = 0.01;

fn channels() -> Channels {
    let mut channels = Channels::NEUTRAL;
    channels.bank.0[Role::LeftForearm.index()][LimbFeature::Speed.index()] = 3.0;
    channels.macros[1] = 0.5;
    channels
}

fn heard<const N: usize>(map: &CompiledMap, channels: &Channels) -> [f32; N] {
    let mut inputs = [f32::NAN; N];
    MapPlayer::new(map).read(channels, STEP_S, &mut inputs);
    inputs
}

fn known(id: u16, key: &str, last_seen_s: f64) -> KnownDevice<'_> {
    KnownDevice {
        id: DeviceId(id),
        key,
        last_seen: HostTime(last_seen_s),
    }
}

/// What one input called after the energy of the head hears of a feature value, shaped as given.
fn shaped(source: &InputSource, feature: LimbFeature, value: f32) -> f32 {
    let name = format!("head.{}", feature.name());
    let mut mapping = Mapping::default();
    mapping.inputs.insert(name.clone(), source.clone());
    let (map, problems) = mapping.compile(&[name], &[]);
    assert!(problems.is_empty(), "{problems:?}");
    let mut channels = Channels::NEUTRAL;
    channels.bank.0[Role::Head.index()][feature.index()] = value;
    heard::<1>(&map, &channels)[0]
}

#[test]
fn an_input_hears_the_feature_it_is_named_after() {
    let (map, problems) = Mapping::default().compile(&INPUTS, &[]);
    assert_eq!(heard(&map, &channels()), [3.0, 1.0, 0.0, 0.0]);
    assert_eq!(problems.len(), 1);
    assert_eq!(
        map.seating.wanted(),
        [Role::LeftForearm, Role::RightForearm]
    );
    let seat = map.seating.seats[Role::LeftForearm.index()];
    assert_eq!(seat, Seat::Automatic);
}

#[test]
fn what_the_player_chose_survives_saving_and_shapes_the_input() {
    let mut mapping = Mapping::default();
    let shaped = InputSource {
        source: "left_forearm.speed".into(),
        gain: 2.0,
        offset: 0.5,
        invert: true,
        ..InputSource::default()
    };
    let muted = InputSource {
        mute: true,
        ..InputSource::default()
    };
    mapping.inputs.insert("nonsense".into(), shaped);
    mapping.inputs.insert("right_forearm.up_z".into(), muted);
    mapping.seats.insert(Role::LeftForearm, "wrist-7".into());
    mapping.seats.insert(Role::RightForearm, "gone".into());
    let saved = serde_json::to_string(&mapping).unwrap();
    let mapping: Mapping = serde_json::from_str(&saved).unwrap();

    let (map, problems) = mapping.compile(&INPUTS, &[known(4, "wrist-7", 0.0)]);
    let mut moved = channels();
    moved.bank.0[Role::RightForearm.index()][LimbFeature::UpZ.index()] = -1.0;
    assert_eq!(heard(&map, &moved), [3.0, 1.0, -5.5]);
    let seats = map.seating.seats;
    assert_eq!(seats[Role::LeftForearm.index()], Seat::Device(DeviceId(4)));
    assert_eq!(seats[Role::RightForearm.index()], Seat::Reserved);
    assert_eq!(seats[Role::Head.index()], Seat::Empty);
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[test]
fn an_old_or_partial_document_still_opens() {
    // As version 0.1.0 wrote it.
    let text = r#"{"seats": {"head": "x"}, "inputs": {"a": {"source": "head.energy", "gain": 2.0, "offset": 0.0,
        "invert": false, "mute": true}}}"#;
    let mapping: Mapping = serde_json::from_str(text).unwrap();
    let expected = InputSource {
        source: "head.energy".into(),
        gain: 2.0,
        mute: true,
        ..InputSource::default()
    };
    assert_eq!(mapping.inputs["a"], expected);
    assert!(mapping.added.is_empty() && mapping.calibration.is_empty());
}

#[test]
fn channels_and_macros_add_up_in_one_input() {
    let mut mapping = Mapping::default();
    let from = |source: &str, gain: f32| InputSource {
        source: source.into(),
        gain,
        ..InputSource::default()
    };
    let quiet = InputSource {
        mute: true,
        ..from("macro_2", 1.0)
    };
    let added = vec![from("macro_2", 4.0), from("head.up_z", 1.0), quiet];
    mapping.added.insert("left_forearm.speed".into(), added);
    let (map, problems) = mapping.compile(&INPUTS[..1], &[]);
    assert!(problems.is_empty(), "{problems:?}");
    // A macro at half covers half of what a speed does: 5 of 10 rad/s.
    assert_eq!(heard(&map, &channels()), [3.0 + 4.0 * 5.0 + 1.0]);
    assert_eq!(map.seating.wanted(), [Role::LeftForearm, Role::Head]);
}

#[test]
fn a_macro_covers_what_the_model_was_trained_to_hear() {
    let mut mapping = Mapping::default();
    let source = InputSource {
        source: "macro_2".into(),
        ..InputSource::default()
    };
    mapping.inputs.insert("head.energy".into(), source);
    let input = ModelInput {
        name: "head.energy".into(),
        trained_span: Some((-0.2, 0.4)),
    };
    let (map, _) = mapping.compile_for(&[input], &[]);
    // Energy does not go below 0, whatever two deviations say.
    assert!((heard::<1>(&map, &channels())[0] - 0.2).abs() < 1e-6);
}

#[test]
fn a_learned_range_fills_the_trained_one_and_rest_stays_rest() {
    let mut mapping = Mapping::default();
    let learned = mapping.calibration.entry(Role::Head).or_default();
    learned.ranges.insert("energy".into(), (0.1, 0.3));
    learned.ranges.insert("rate_x".into(), (-2.0, 1.0));
    learned.ranges.insert("up_x".into(), (0.0, 0.5));
    let inputs = ["head.energy", "head.rate_x", "head.up_x"].map(|name| ModelInput {
        name: name.into(),
        trained_span: Some((-4.0, 4.0)),
    });
    let (map, _) = mapping.compile_for(&inputs, &[]);
    let hear = |energy: f32, rate: f32| {
        let mut channels = Channels::NEUTRAL;
        let limb = &mut channels.bank.0[Role::Head.index()];
        limb[LimbFeature::Energy.index()] = energy;
        limb[LimbFeature::RateX.index()] = rate;
        limb[LimbFeature::UpX.index()] = 0.25;
        heard::<3>(&map, &channels)
    };
    let [energy, rate, up] = hear(0.3, 1.0);
    assert!(
        (energy - 1.0).abs() < 1e-6 && (rate - 2.0).abs() < 1e-6,
        "{energy} {rate}"
    );
    assert_eq!(up, 0.25, "a direction is not stretched");
    let [energy, rate, _] = hear(0.1, 0.0);
    assert!(energy.abs() < 1e-6 && rate == 0.0, "{energy} {rate}");
}

#[test]
fn a_curve_bends_between_rest_and_the_end_of_the_span() {
    let bent = |curve: f32| InputSource {
        curve,
        ..InputSource::default()
    };
    for (curve, value, expected) in [
        (0.5, 0.5, 0.25),
        (-0.5, 0.25, 0.5),
        (1.0, 1.0, 1.0),
        (1.0, 0.0, 0.0),
    ] {
        let got = shaped(&bent(curve), LimbFeature::Energy, value);
        assert!((got - expected).abs() < 1e-6, "{curve} {value}: {got}");
    }
    // About 0 where the span passes through it.
    let got = shaped(&bent(0.5), LimbFeature::RateX, -5.0);
    assert!((got + 2.5).abs() < 1e-5, "{got}");
}

#[test]
fn smoothing_calms_a_tremor_and_survives_a_new_map() {
    let smooth = InputSource {
        smoothing: 0.8,
        ..InputSource::default()
    };
    let mut mapping = Mapping::default();
    mapping.inputs.insert("head.energy".into(), smooth);
    let (map, _) = mapping.compile(&["head.energy"], &[]);
    let mut player = MapPlayer::new(&map);
    let mut channels = Channels::NEUTRAL;
    let mut inputs = [0.0];
    let mut most = 0.0f32;
    for step in 0..400 {
        channels.bank.0[Role::Head.index()][LimbFeature::Energy.index()] =
            0.5 + if step % 2 == 0 { 0.02 } else { -0.02 };
        player.read(&channels, STEP_S, &mut inputs);
        if step > 100 {
            most = most.max((inputs[0] - 0.5).abs());
        }
    }
    assert!(most < 0.005, "{most}");
    channels.bank.0[Role::Head.index()][LimbFeature::Energy.index()] = 0.9;
    player.set_map(&map);
    player.read(&channels, STEP_S, &mut inputs);
    assert!(inputs[0] < 0.75, "the smoother started over: {}", inputs[0]);
    player.reset();
    player.read(&channels, STEP_S, &mut inputs);
    assert_eq!(inputs[0], 0.9);
}

#[test]
fn numbers_that_are_none_are_named_and_do_no_harm() {
    let broken = InputSource {
        gain: f32::NAN,
        offset: f32::INFINITY,
        curve: f32::NAN,
        smoothing: f32::NEG_INFINITY,
        ..InputSource::default()
    };
    let mut mapping = Mapping::default();
    mapping.inputs.insert("left_forearm.speed".into(), broken);
    let (map, problems) = mapping.compile(&INPUTS[..1], &[]);
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert_eq!(heard(&map, &channels()), [3.0]);
    let mut wild = channels();
    wild.bank = FeatureBank([[f32::MAX; LimbFeature::ALL.len()]; crate::gesture::ROLE_COUNT]);
    assert!(heard::<1>(&map, &wild)[0].is_finite());
}

#[test]
fn too_many_connections_are_told_not_lost_in_silence() {
    let mut mapping = Mapping::default();
    let many = vec![InputSource::default(); ROUTE_CAPACITY];
    mapping.added.insert("left_forearm.speed".into(), many);
    let (_, problems) = mapping.compile(&INPUTS[..2], &[]);
    assert!(
        problems.contains(&MappingProblem::TooManyRoutes),
        "{problems:?}"
    );
}

#[test]
fn a_device_under_a_new_address_keeps_its_role_by_its_own_id() {
    let mut mapping = Mapping::default();
    mapping.seats.insert(Role::LeftForearm, "R-IoT 7".into());
    let devices = [
        known(3, "R-IoT 7", 10.0),
        known(9, "R-IoT 7", 50.0),
        known(5, "R-IoT 8", 60.0),
    ];
    let (map, problems) = mapping.compile(&INPUTS[..2], &devices);
    assert!(problems.is_empty(), "{problems:?}");
    let seat = map.seating.seats[Role::LeftForearm.index()];
    assert_eq!(seat, Seat::Device(DeviceId(9)));
}

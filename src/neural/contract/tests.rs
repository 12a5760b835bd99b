//! Words and refusals.

use super::*;

fn example() -> Contract {
    Contract::parse(
        r#"{"version":1,"kind":"gesture","name":"Bow","frame_rate_hz":100,"feature_schema":1,
        "inputs":[{"tensor":"x","names":["right_forearm.rate_x","right_forearm.rate_y"]}],
        "states":[{"input":"h","output":"h_out"}],
        "outputs":[{"point":{"control":"loudness","tensor":"y","index":0,"offset":-40.0,"scale":20.0}},
        {"categorical_pitch":{"logits":"p","lowest_note":48.0}},{"onset":{"tensor":"y","index":1}}]}"#,
    )
    .unwrap()
}

fn signature() -> Signature {
    let tensor = |name: &str, n| (name.to_string(), vec![1, n]);
    Signature {
        inputs: vec![tensor("x", 2), tensor("h", 8)],
        outputs: vec![tensor("h_out", 8), tensor("y", 2), tensor("p", 24)],
    }
}

#[test]
fn a_contract_survives_its_text() {
    let text = serde_json::to_string(&example()).unwrap();
    assert_eq!(Contract::parse(&text), Ok(example()));
    assert_eq!(example().check(&signature()), Ok(()));
}

fn refusal(change: impl Fn(&mut Contract)) -> String {
    let mut contract = example();
    change(&mut contract);
    let result = contract
        .check_words()
        .and_then(|()| contract.check(&signature()));
    result.unwrap_err().to_string()
}

#[test]
fn every_refusal_names_the_tensor_or_the_word() {
    assert!(refusal(|c| c.version = 2).contains("version 2"));
    assert!(refusal(|c| c.frame_rate_hz = 60).contains("divide 200"));
    assert!(refusal(|c| c.inputs[0].names.truncate(1)).contains("'x' has 2 elements"));
    assert!(refusal(|c| c.inputs[0].mean = vec![0.0]).contains("1 values of mean"));
    assert!(refusal(|c| c.inputs[0].meanings = vec!["".into()]).contains("1 meanings"));
    assert!(refusal(|c| c.states.clear()).contains("nothing feeds the graph's input 'h'"));
    assert!(refusal(|c| c.states[0].output = "y".into()).contains("8 elements"));
    assert!(refusal(|c| c.states[0].output = "z".into()).contains("no output 'z'"));
    assert!(refusal(|c| c.outputs.push(c.outputs[0].clone())).contains("stated twice"));
    assert!(refusal(|c| c.outputs.clear()).contains("no outputs"));
    assert!(refusal(|c| c.kind = Kind::Sound).contains("no control"));
    assert!(
        refusal(|c| {
            c.outputs[2] = Output::Onset(Probability {
                tensor: "y".into(),
                index: 2,
            })
        })
        .contains("no index 2")
    );
}

fn refusal_of_normal(change: impl Fn(&mut Normal)) -> String {
    refusal(|contract| {
        let text = r#"{"control":"brightness","tensor":"y","index":1,"deviations":"p","deviation_index":23}"#;
        let mut normal: Normal = serde_json::from_str(text).unwrap();
        contract.outputs.push(Output::Normal(normal.clone()));
        assert_eq!(contract.check_words(), Ok(()));
        assert_eq!(contract.check(&signature()), Ok(()));
        change(&mut normal);
        contract.outputs[3] = Output::Normal(normal);
    })
}

#[test]
fn a_normal_needs_a_mean_and_a_deviation_and_is_no_pitch() {
    assert!(refusal_of_normal(|n| n.index = 2).contains("no index 2"));
    assert!(refusal_of_normal(|n| n.deviation_index = 24).contains("no index 24"));
    assert!(refusal_of_normal(|n| n.deviations = "z".into()).contains("no output 'z'"));
    assert!(refusal_of_normal(|n| n.control = "loudness".into()).contains("stated twice"));
    assert!(refusal_of_normal(|n| n.control = "joy".into()).contains("joy"));
    assert!(refusal_of_normal(|n| n.control = "pitch".into()).contains("mixture_pitch"));
}

#[test]
fn text_that_is_not_a_contract_says_why() {
    let error = Contract::parse("{\"version\":1}").unwrap_err();
    assert!(error.to_string().contains("missing field `kind`"));
}

fn events() -> Contract {
    Contract::parse(
        r#"{"version":1,"kind":"gesture","name":"Player","frame_rate_hz":200,"feature_schema":1,
        "inputs":[{"tensor":"x","names":["right_forearm.rate_x"]}],
        "outputs":[{"events":{"logits":"l","previous":"p","hears":"h","says":"s","hear_every":4}},
        {"point":{"control":"brightness","tensor":"y"}}]}"#,
    )
    .unwrap()
}

fn refusal_of_events(change: impl Fn(&mut Contract, &mut Signature)) -> String {
    let tensor = |name: &str, n| (name.to_string(), vec![1, n]);
    let mut graph = Signature {
        inputs: ["x", "p", "h", "s"].map(|name| tensor(name, 1)).into(),
        outputs: vec![tensor("l", 243), tensor("y", 1)],
    };
    let mut contract = events();
    assert_eq!(contract.check(&graph), Ok(()));
    change(&mut contract, &mut graph);
    let result = contract.check_words().and_then(|()| contract.check(&graph));
    result.unwrap_err().to_string()
}

fn with(change: impl Fn(&mut Events)) -> String {
    refusal_of_events(|contract, _| {
        let Output::Events(events) = &mut contract.outputs[0] else {
            panic!("the first output is of events");
        };
        change(events);
    })
}

#[test]
fn a_model_of_events_is_told_what_does_not_fit() {
    let text = serde_json::to_string(&events()).unwrap();
    assert_eq!(Contract::parse(&text), Ok(events()));
    assert!(with(|e| e.hear_every = 0).contains("hear_every 0"));
    assert!(with(|e| e.notes = 120).contains("120 notes from 21"));
    assert!(with(|e| e.shifts = 0).contains("0 shifts"));
    assert!(with(|e| e.velocities = 20).contains("243 elements"));
    assert!(with(|e| e.previous = "q".into()).contains("no input 'q'"));
    assert!(with(|e| e.says = "h".into()).contains("'h' is fed twice"));
    assert!(refusal_of_events(|_, g| g.inputs[1].1 = vec![1, 2]).contains("'p' has 2 elements"));
    assert!(
        refusal_of_events(|c, _| {
            c.outputs[1] = Output::Onset(Probability {
                tensor: "y".into(),
                index: 0,
            });
        })
        .contains("'onset' is stated twice")
    );
    assert!(refusal_of_events(|c, _| c.kind = Kind::Sound).contains("no control"));
}

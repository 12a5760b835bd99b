use super::*;
use crate::neural::graph::GraphBuilder;

fn bytes(build: impl Fn(&mut GraphBuilder), change: impl Fn(&mut pb::ModelProto)) -> Vec<u8> {
    let mut g = GraphBuilder::new("test");
    build(&mut g);
    let text = r#"{"version":1,"kind":"gesture","name":"T","frame_rate_hz":100,
        "inputs":[{"tensor":"x","names":["a","b"]}],"outputs":[{"onset":{"tensor":"y"}}]}"#;
    g.metadata(METADATA_KEY, text);
    let mut model = pb::ModelProto::decode(&g.finish()[..]).unwrap();
    change(&mut model);
    model.encode_to_vec()
}

fn plain(g: &mut GraphBuilder) {
    let x = g.input("x", &[1, 2]);
    let y = g.dense(&x, &[1.0, 2.0], &[0.0]);
    g.output("y", &y);
}

fn refusal(change: impl Fn(&mut pb::ModelProto)) -> String {
    match screen(&bytes(plain, change)) {
        Ok(_) => "accepted".into(),
        Err(error) => error.to_string(),
    }
}

fn graph(model: &mut pb::ModelProto) -> &mut pb::GraphProto {
    model.graph.as_mut().unwrap()
}

#[test]
fn a_plain_model_passes() {
    assert_eq!(refusal(|_| ()), "accepted");
}

#[test]
fn what_is_dangerous_is_refused_by_name() {
    assert!(refusal(|m| graph(m).node[0].op_type = "Loop".into()).contains("Loop"));
    assert!(refusal(|m| graph(m).node[0].domain = "com.evil".into()).contains("com.evil"));
    assert!(
        refusal(|m| graph(m).initializer[0].dims = vec![1 << 40, 1 << 40]).contains("too large")
    );
    assert!(refusal(|m| graph(m).initializer[0].dims = vec![1, 3]).contains("holds 8 bytes"));
    assert!(refusal(|m| graph(m).initializer[0].data_location = Some(1)).contains("outside"));
    assert!(refusal(|m| m.opset_import[0].version = 9).contains("opset 17"));
    assert!(refusal(|m| m.metadata_props.clear()).contains("no metadata"));
    assert!(refusal(|m| m.graph = None).contains("no graph"));
    let subgraph = |m: &mut pb::ModelProto| {
        let attribute = pb::AttributeProto {
            g: Some(pb::GraphProto::default()),
            ..Default::default()
        };
        graph(m).node[0].attribute.push(attribute);
    };
    assert!(refusal(subgraph).contains("subgraph"));
}

#[test]
fn a_cycle_is_refused() {
    let turn = |m: &mut pb::ModelProto| graph(m).node[0].input[0] = "y".into();
    assert!(refusal(turn).contains("before it is computed"));
}

#[test]
fn symbolic_shapes_are_refused() {
    let error = refusal(|m| {
        use pb::{tensor_shape_proto::dimension, type_proto};
        let info = &mut graph(m).input[0];
        let Some(type_proto::Value::TensorType(t)) =
            info.r#type.as_mut().and_then(|t| t.value.as_mut())
        else {
            return;
        };
        t.shape.as_mut().unwrap().dim[0].value = Some(dimension::Value::DimParam("batch".into()));
    });
    assert!(
        error.contains("batch") && error.contains("dynamic_axes"),
        "{error}"
    );
}

#[test]
fn empty_and_random_bytes_are_no_model() {
    assert!(screen(&[]).is_err());
    assert!(screen(&[0xff; 64]).is_err());
    assert!(screen(b"RIFF....WAVE").is_err());
}

#[test]
fn a_flood_of_empty_messages_is_refused_before_decoding() {
    let mut graph = Vec::new();
    for _ in 0..200_000 {
        graph.extend_from_slice(&[0x0a, 0x00]);
    }
    let mut file = vec![0x3a, 0x80, 0xb5, 0x18];
    file.extend(graph);
    let error = screen(&file).err().unwrap().to_string();
    assert!(error.contains("parts"), "{error}");
}

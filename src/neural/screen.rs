//! Refuses a hostile file before any engine sees it: size, wire format, operations, shapes, data, order.
//!
//! A 101-byte file made tract take 4 GiB, and 64 MiB of empty protobuf messages would become gigabytes of
//! structures. So the bytes are walked first, without building anything; only then are they decoded.

mod shapes;
mod wire;

use std::collections::HashSet;

use prost::Message;
use tract_onnx::pb::{self, attribute_proto::AttributeType, tensor_proto::DataType};

use super::contract::{Contract, METADATA_KEY, Signature};
use super::error::ModelError;
use shapes::{fixed_dims, has_its_data};

/// Largest file that is read.
pub const MAX_FILE_BYTES: usize = 64 << 20;
const MAX_NODES: usize = 4096;
const MAX_PORTS: usize = 512;
/// Elements of one declared tensor, and of all initializers together.
const MAX_ELEMENTS: usize = 1 << 24;
/// Operator sets whose meaning this code follows.
const OPSETS: std::ops::RangeInclusive<i64> = 11..=21;

/// Operations that may reach an engine; all else is refused by name.
const ALLOWED: &[&str] = &[
    "Abs",
    "Add",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "Conv",
    "ConvTranspose",
    "Cos",
    "Div",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "GRU",
    "Gather",
    "Gelu",
    "Gemm",
    "HardSigmoid",
    "Identity",
    "LSTM",
    "LayerNormalization",
    "LeakyRelu",
    "Log",
    "MatMul",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "Pad",
    "Pow",
    "RNN",
    "Reciprocal",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Shape",
    "Sigmoid",
    "Sin",
    "Slice",
    "Softmax",
    "Softplus",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Tanh",
    "Transpose",
    "Unsqueeze",
];

/// Operations without a packed kernel: each gives every element of its first input another value, so its result has
/// the first input's shape. They reach tract's helper thread only.
pub const HELPED: &[&str] = &[
    "Atan",
    "Ceil",
    "Celu",
    "Cosh",
    "Floor",
    "HardSwish",
    "Mish",
    "PRelu",
    "Round",
    "Selu",
    "Sign",
    "Sinh",
    "Softsign",
    "Tan",
    "ThresholdedRelu",
];

/// A file that passed.
pub struct Screened {
    pub graph: pb::GraphProto,
    pub signature: Signature,
    pub contract: Contract,
}

pub fn screen(bytes: &[u8]) -> Result<Screened, ModelError> {
    if bytes.len() > MAX_FILE_BYTES {
        let (bytes, limit) = (bytes.len(), MAX_FILE_BYTES);
        return Err(ModelError::TooLarge { bytes, limit });
    }
    wire::walk(bytes)?;
    let model = pb::ModelProto::decode(bytes).map_err(|e| ModelError::NotOnnx {
        cause: e.to_string(),
    })?;
    let no_graph = || ModelError::NotOnnx {
        cause: "it holds no graph".into(),
    };
    let graph = model.graph.ok_or_else(no_graph)?;
    check_opset(&model.opset_import)?;
    let signature = signature(&graph)?;
    check_initializers(&graph)?;
    check_nodes(&graph)?;
    let text = model.metadata_props.iter().find(|p| p.key == METADATA_KEY);
    let text = text.ok_or_else(|| {
        ModelError::contract(format!(
            "the file has no metadata '{METADATA_KEY}': see docs/model-contract.md"
        ))
    })?;
    let contract = Contract::parse(&text.value)?;
    contract.check(&signature)?;
    Ok(Screened {
        graph,
        signature,
        contract,
    })
}

fn refuse<T>(cause: impl Into<String>) -> Result<T, ModelError> {
    Err(ModelError::unsafe_file(cause))
}

fn check_opset(sets: &[pb::OperatorSetIdProto]) -> Result<(), ModelError> {
    let plain = |s: &&pb::OperatorSetIdProto| s.domain.is_empty() || s.domain == "ai.onnx";
    match sets.iter().find(plain).map(|s| s.version) {
        Some(version) if OPSETS.contains(&version) => Ok(()),
        version => refuse(format!(
            "operator set {version:?}; {} to {} are read. Export with opset 17",
            OPSETS.start(),
            OPSETS.end()
        )),
    }
}

fn signature(graph: &pb::GraphProto) -> Result<Signature, ModelError> {
    if graph.input.len() > MAX_PORTS || graph.output.len() > MAX_PORTS {
        return refuse(format!("more than {MAX_PORTS} inputs or outputs"));
    }
    let initializers: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let list = |infos: &[pb::ValueInfoProto]| {
        let ports = infos
            .iter()
            .filter(|i| !initializers.contains(i.name.as_str()));
        ports
            .map(|i| Ok((i.name.clone(), fixed_dims(i)?)))
            .collect::<Result<Vec<_>, ModelError>>()
    };
    let signature = Signature {
        inputs: list(&graph.input)?,
        outputs: list(&graph.output)?,
    };
    let total: usize = signature
        .inputs
        .iter()
        .chain(&signature.outputs)
        .map(|(_, d)| d.iter().product::<usize>())
        .sum();
    match total <= MAX_ELEMENTS {
        true => Ok(signature),
        false => refuse("its inputs and outputs are too large"),
    }
}

fn check_initializers(graph: &pb::GraphProto) -> Result<(), ModelError> {
    let mut total = 0;
    for tensor in &graph.initializer {
        total += has_its_data(tensor)?;
        if total > MAX_ELEMENTS {
            return refuse(format!("more than {MAX_ELEMENTS} weights"));
        }
    }
    Ok(())
}

/// Every name is defined once and before it is used, so the graph has no cycle.
fn check_nodes(graph: &pb::GraphProto) -> Result<(), ModelError> {
    if graph.node.len() > MAX_NODES {
        return refuse(format!(
            "{} nodes; at most {MAX_NODES} are read",
            graph.node.len()
        ));
    }
    let mut defined: HashSet<&str> = HashSet::new();
    let ports = graph.input.iter().map(|i| i.name.as_str());
    for name in ports {
        if !defined.insert(name) {
            return refuse(format!("'{name}' is an input twice"));
        }
    }
    for tensor in &graph.initializer {
        if !defined.insert(&tensor.name) && !graph.input.iter().any(|i| i.name == tensor.name) {
            return refuse(format!("'{}' is defined twice", tensor.name));
        }
    }
    for node in &graph.node {
        check_node(node)?;
        if let Some(name) = node
            .input
            .iter()
            .find(|n| !n.is_empty() && !defined.contains(n.as_str()))
        {
            return refuse(format!(
                "node '{}' uses '{name}' before it is computed (a cycle, or a name misspelt)",
                node.name
            ));
        }
        for name in node.output.iter().filter(|n| !n.is_empty()) {
            if !defined.insert(name) {
                return refuse(format!("'{name}' is computed twice"));
            }
        }
    }
    match graph
        .output
        .iter()
        .find(|o| !defined.contains(o.name.as_str()))
    {
        Some(output) => refuse(format!("no node computes the output '{}'", output.name)),
        None => Ok(()),
    }
}

fn check_node(node: &pb::NodeProto) -> Result<(), ModelError> {
    let (op, name) = (&node.op_type, &node.name);
    if !node.domain.is_empty() && node.domain != "ai.onnx" {
        return refuse(format!(
            "node '{name}' is of the foreign domain '{}'",
            node.domain
        ));
    }
    if !ALLOWED.contains(&op.as_str()) && !HELPED.contains(&op.as_str()) {
        return refuse(format!(
            "operation {op} (node '{name}') is not allowed; allowed are {}",
            ALLOWED.join(", ")
        ));
    }
    if node.input.len() > MAX_PORTS || node.output.is_empty() || node.output.len() > MAX_PORTS {
        return refuse(format!(
            "node '{name}' has {} inputs and {} outputs",
            node.input.len(),
            node.output.len()
        ));
    }
    for attribute in &node.attribute {
        let plain = [
            AttributeType::Float,
            AttributeType::Int,
            AttributeType::String,
            AttributeType::Floats,
            AttributeType::Ints,
            AttributeType::Strings,
            AttributeType::Tensor,
        ];
        if !plain.iter().any(|p| *p as i32 == attribute.r#type)
            || !attribute.ref_attr_name.is_empty()
        {
            return refuse(format!(
                "attribute '{}' of node '{name}' is of a kind that is not read",
                attribute.name
            ));
        }
        if let Some(tensor) = &attribute.t {
            has_its_data(tensor)?;
        }
    }
    Ok(())
}

/// Element types a model may use.
fn element_bytes(data_type: i32) -> Option<usize> {
    match DataType::try_from(data_type).ok()? {
        DataType::Float | DataType::Int32 => Some(4),
        DataType::Double | DataType::Int64 => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

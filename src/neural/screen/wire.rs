//! Walks the protobuf wire format without building anything: bounds the number of parts and refuses
//! subgraphs, functions, sparse tensors and training data. Field numbers: onnx.proto3 (ONNX 1.17).

use super::super::error::ModelError;

/// Fields of all messages together; the largest decoded structure is about 400 bytes.
const MAX_PARTS: usize = 100_000;
/// A packed list of varints or a text grows when decoded; weights sit in fields that do not.
const MAX_SMALL_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 12;

#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    /// Value info, types, shapes, key-value pairs: nothing large or nested deeply belongs here.
    Other,
}

enum Rule {
    Descend(Message),
    Refuse(&'static str),
    Small,
    Bulk,
}

fn rule(message: Message, field: u64) -> Rule {
    match (message, field) {
        (Message::Model, 7) => Rule::Descend(Message::Graph),
        (Message::Model, 20 | 25) => Rule::Refuse("training data or functions"),
        (Message::Model, 8 | 14) => Rule::Descend(Message::Other),
        (Message::Graph, 1) => Rule::Descend(Message::Node),
        (Message::Graph, 5) => Rule::Descend(Message::Tensor),
        (Message::Graph, 15) => Rule::Refuse("sparse tensors"),
        (Message::Graph, 11..=14) => Rule::Descend(Message::Other),
        (Message::Node, 5) => Rule::Descend(Message::Attribute),
        (Message::Attribute, 5 | 10) => Rule::Descend(Message::Tensor),
        (Message::Attribute, 6 | 11) => Rule::Refuse("a subgraph"),
        (Message::Attribute, 22 | 23) => Rule::Refuse("sparse tensors"),
        (Message::Attribute, 14 | 15) => Rule::Refuse("a type as attribute"),
        // float_data, raw_data and double_data decode to what they weigh.
        (Message::Tensor, 4 | 9 | 10) => Rule::Bulk,
        (Message::Tensor, 13) => Rule::Refuse("weights outside the file: export with them inside"),
        _ => Rule::Small,
    }
}

pub fn walk(bytes: &[u8]) -> Result<(), ModelError> {
    let mut parts = 0;
    let mut stack = vec![(Message::Model, bytes)];
    while let Some((message, rest)) = stack.pop() {
        let Some((field, value, rest)) = next_field(rest)? else {
            continue;
        };
        parts += 1;
        if parts > MAX_PARTS {
            return Err(ModelError::unsafe_file(format!(
                "it has more than {MAX_PARTS} parts"
            )));
        }
        stack.push((message, rest));
        let Some(value) = value else { continue };
        match rule(message, field) {
            Rule::Descend(inner) if stack.len() < MAX_DEPTH => stack.push((inner, value)),
            Rule::Descend(_) => return Err(ModelError::unsafe_file("it is nested too deeply")),
            Rule::Refuse(what) => return Err(ModelError::unsafe_file(format!("it holds {what}"))),
            Rule::Small if value.len() > MAX_SMALL_BYTES => {
                let cause = format!("a text or list of {} bytes", value.len());
                return Err(ModelError::unsafe_file(cause));
            }
            Rule::Small | Rule::Bulk => {}
        }
    }
    Ok(())
}

/// Field number, the bytes of a length-delimited value, and the rest; `None` at the end.
#[allow(clippy::type_complexity)]
fn next_field(bytes: &[u8]) -> Result<Option<(u64, Option<&[u8]>, &[u8])>, ModelError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let cut = || ModelError::NotOnnx {
        cause: "it ends in the middle or is no protobuf".into(),
    };
    let (key, rest) = varint(bytes).ok_or_else(cut)?;
    let field = key >> 3;
    Ok(Some(match key & 7 {
        0 => (field, None, varint(rest).ok_or_else(cut)?.1),
        1 => (field, None, rest.get(8..).ok_or_else(cut)?),
        2 => {
            let (len, rest) = varint(rest).ok_or_else(cut)?;
            let len = usize::try_from(len).map_err(|_| cut())?;
            let (value, rest) = rest.split_at_checked(len).ok_or_else(cut)?;
            (field, Some(value), rest)
        }
        5 => (field, None, rest.get(4..).ok_or_else(cut)?),
        _ => return Err(cut()),
    }))
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (i, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i as u32).min(63);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

//! JSON that people write, edit and share: read with errors that name the line and the field. A field that nobody
//! knows is an error too, because it is most often a slip of the pen. Read on a control thread.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {cause}", named(.field))]
pub struct DocumentError {
    pub line: usize,
    /// As `messages[1].layout`; empty where no field is to blame.
    pub field: String,
    pub cause: String,
}

fn named(field: &str) -> String {
    if field.is_empty() {
        String::new()
    } else {
        format!(", field {field}")
    }
}

/// Reads a document; `T` must write every field that it reads.
pub fn read<T: DeserializeOwned + Serialize>(text: &str) -> Result<T, DocumentError> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let document: T = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        // "." is the document itself, "?" a place that was never reached.
        let path = error.path().to_string();
        let path = path.trim_matches(['.', '?']).to_owned();
        located(error.inner(), path)
    })?;
    parser
        .end()
        .map_err(|error| located(&error, String::new()))?;
    let given: Value =
        serde_json::from_str(text).map_err(|error| located(&error, String::new()))?;
    let understood = serde_json::to_value(&document).unwrap_or(Value::Null);
    match unknown(&given, &understood) {
        None => Ok(document),
        Some(path) => Err(DocumentError {
            line: line_of(text, &path),
            field: path.join("."),
            cause: "no such field: check its spelling".into(),
        }),
    }
}

fn located(error: &serde_json::Error, field: String) -> DocumentError {
    let text = error.to_string();
    let cause = text.split(" at line ").next().unwrap_or(&text).to_owned();
    DocumentError {
        line: error.line().max(1),
        field,
        cause,
    }
}

/// The path to the first key that was given and not understood.
fn unknown(given: &Value, understood: &Value) -> Option<Vec<String>> {
    let within = |name: String, given, understood| {
        let mut path = unknown(given, understood)?;
        path.insert(0, name);
        Some(path)
    };
    match (given, understood) {
        (Value::Object(given), Value::Object(understood)) => {
            given
                .iter()
                .find_map(|(key, value)| match understood.get(key) {
                    Some(known) => within(key.clone(), value, known),
                    None => Some(vec![key.clone()]),
                })
        }
        (Value::Array(given), Value::Array(understood)) => given
            .iter()
            .zip(understood)
            .enumerate()
            .find_map(|(number, (value, known))| within(number.to_string(), value, known)),
        _ => None,
    }
}

/// The line on which the last key of a path stands, each key sought after the one before.
fn line_of(text: &str, path: &[String]) -> usize {
    let mut at = 0;
    for key in path {
        if let Some(found) = text[at..].find(&format!("\"{key}\"")) {
            at += found + 1;
        }
    }
    text[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, Serialize, PartialEq)]
    struct Glove {
        name: String,
        #[serde(default)]
        fingers: Vec<Finger>,
    }

    #[derive(Debug, Deserialize, Serialize, PartialEq)]
    struct Finger {
        gain: f32,
    }

    #[test]
    fn an_error_names_its_line_and_field() {
        for (text, line, field, word) in [
            ("{\n \"name\": 3}", 2, "name", "string"),
            (
                "{\"name\": \"a\",\n\"fingers\": [{\"gain\": 1},\n{\"gain\": \"x\"}]}",
                3,
                "fingers[1].gain",
                "f32",
            ),
            (
                "{\"name\": \"a\",\n\"fingers\": [{\"gain\": 1,\n\"gian\": 2}]}",
                3,
                "fingers.0.gian",
                "no such field",
            ),
            ("{\"fingers\": []}", 1, "", "missing field `name`"),
            ("{\n\"name\": \"a\"", 2, "", "EOF"),
            ("{\"name\": \"a\"}\n]", 2, "", "trailing"),
        ] {
            let error = read::<Glove>(text).unwrap_err();
            assert_eq!((error.line, &*error.field), (line, field), "{error}");
            assert!(error.cause.contains(word), "{error}");
        }
        assert_eq!(read::<Glove>("{\"name\": \"a\"}").unwrap().name, "a");
    }
}

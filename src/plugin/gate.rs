//! The gate every saved state passes before any of it is applied: a state with one wrong type applies
//! nothing, so the sound and the mapping stay as they are.

use super::state::{PORTS_MAX, SESSION_VERSION, Session};
use crate::params::{InstrumentParams, SlotNames};
use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;

/// Why a saved state was not applied.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum StateError {
    #[error("parameter `{0}` is stored as another type: the state was not applied")]
    ParameterType(String),
    #[error("the session data cannot be read ({0}): the state was not applied")]
    Session(String),
    #[error(
        "the session was saved by a newer version of IMU2Music ({0}): update the plugin to open it"
    )]
    Newer(u32),
}

/// Checks a state and brings an older one up to date; what fails is emptied, so that nothing is applied.
pub fn filter(state: &mut PluginState) -> Result<(), StateError> {
    let checked = check(state);
    if checked.is_err() {
        state.params.clear();
        state.fields.clear();
    }
    checked
}

fn check(state: &PluginState) -> Result<(), StateError> {
    let reference = InstrumentParams::new(SlotNames::default(), SlotNames::default());
    let known = reference.param_map();
    for (id, value) in &state.params {
        let Some((_, param, _)) = known.iter().find(|(known_id, ..)| known_id == id) else {
            continue;
        };
        if !fits(*param, value) {
            return Err(StateError::ParameterType(id.clone()));
        }
    }
    match state.fields.get("session") {
        None => Ok(()),
        Some(json) => check_session(json),
    }
}

fn check_session(json: &str) -> Result<(), StateError> {
    let session: Session =
        serde_json::from_str(json).map_err(|error| StateError::Session(error.to_string()))?;
    if session.version > SESSION_VERSION {
        return Err(StateError::Newer(session.version));
    }
    if session.ports.len() > PORTS_MAX {
        return Err(StateError::Session(format!(
            "{} ports, at most {PORTS_MAX}",
            session.ports.len()
        )));
    }
    Ok(())
}

fn fits(param: ParamPtr, value: &ParamValue) -> bool {
    match (param, value) {
        (ParamPtr::FloatParam(_), ParamValue::F32(v)) => v.is_finite(),
        (ParamPtr::IntParam(_), ParamValue::I32(_)) => true,
        (ParamPtr::BoolParam(_), ParamValue::Bool(_)) => true,
        (ParamPtr::EnumParam(_), ParamValue::String(_) | ParamValue::I32(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(params: &str, session: &str) -> PluginState {
        let fields = serde_json::json!({ "session": session });
        let text = format!(r#"{{"version":"0.1.0","params":{params},"fields":{fields}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn good_session() -> String {
        serde_json::to_string(&Session::default()).unwrap()
    }

    #[test]
    fn a_good_state_passes_unchanged() {
        let mut state = saved(
            r#"{"gesture":{"i32":3},"engage":{"bool":false}}"#,
            &good_session(),
        );
        assert_eq!(filter(&mut state), Ok(()));
        assert_eq!((state.params.len(), state.fields.len()), (2, 1));
    }

    #[test]
    fn one_wrong_type_applies_nothing() {
        let mut state = saved(
            r#"{"gesture":{"i32":3},"engage":{"f32":1.0}}"#,
            &good_session(),
        );
        assert_eq!(
            filter(&mut state),
            Err(StateError::ParameterType("engage".into()))
        );
        assert!(state.params.is_empty() && state.fields.is_empty());
    }

    #[test]
    fn a_session_that_cannot_be_read_applies_nothing() {
        for session in [
            "",
            "[]",
            "null",
            r#"{"version":1}"#,
            r#"{"version":1,"ports":"8888","network":false}"#,
        ] {
            let mut state = saved(r#"{"gesture":{"i32":3}}"#, session);
            assert!(
                matches!(filter(&mut state), Err(StateError::Session(_))),
                "{session}"
            );
            assert!(state.params.is_empty());
        }
    }

    #[test]
    fn a_newer_session_says_so() {
        let session = Session {
            version: SESSION_VERSION + 1,
            ..Session::default()
        };
        let mut state = saved("{}", &serde_json::to_string(&session).unwrap());
        assert_eq!(
            filter(&mut state),
            Err(StateError::Newer(SESSION_VERSION + 1))
        );
    }

    #[test]
    fn a_parameter_of_another_version_is_left_alone() {
        let mut state = saved(r#"{"of_the_future":{"i32":3}}"#, &good_session());
        assert_eq!(filter(&mut state), Ok(()));
    }

    #[test]
    fn the_first_release_s_session_still_opens() {
        let text = r#"{"version":1,"ports":[8888,9000],"network":true,"mapping":{"seats":{},"inputs":{}}}"#;
        let session: Session = serde_json::from_str(text).unwrap();
        assert_eq!((session.ports, session.network), (vec![8888, 9000], true));
    }
}

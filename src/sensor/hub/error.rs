//! Why a port is not heard, in words that name it and the cure.

use std::io;
use std::sync::Arc;

/// Why a port is not heard.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HubError {
    #[error("port {port} is in use by another program{}", hint(*.free))]
    Taken { port: u16, free: Option<u16> },
    #[error("this user may not listen on port {port}; choose one above 1023")]
    NotAllowed { port: u16 },
    #[error("port {port} cannot be opened: {cause}")]
    Failed { port: u16, cause: Arc<io::Error> },
}

impl HubError {
    /// A port near by that nobody has.
    pub fn free(&self) -> Option<u16> {
        match self {
            HubError::Taken { free, .. } => *free,
            _ => None,
        }
    }
}

fn hint(free: Option<u16>) -> String {
    match free {
        Some(free) => {
            format!(
                "; close it, or listen on {free}, which is free, and set the sensor to send there"
            )
        }
        None => "; close it, or choose another port here and in the sensor".to_owned(),
    }
}

//! How a port stands, as its thread publishes it.

use std::net::SocketAddr;

use super::HubError;
use super::wishes::Reach;

/// Whose socket a port is heard by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortRole {
    /// Ours.
    Holder,
    /// Another plugin's, which hands everything on.
    Guest,
    /// A stranger's: nothing is heard until it goes.
    Lost,
}

/// How a port stands, for those who ask.
#[derive(Clone, Debug)]
pub struct State {
    pub role: PortRole,
    pub reach: Reach,
    /// Receive buffer of the socket that hears the sensors.
    pub buffer_bytes: usize,
    /// Library images and processes that we hand datagrams on to.
    pub guests: usize,
    /// How often this image took over from another.
    pub takeovers: u64,
    pub trouble: Option<HubError>,
    /// Where a knock wakes the thread.
    pub door: SocketAddr,
    /// The latest change of wishes that has been followed.
    pub followed: u64,
}

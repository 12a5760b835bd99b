//! A copy of every datagram that a port hears, for a recording: what was on the wire beside what it was taken for.
//! Unbounded, because a recording that loses data is worth less than the memory; runs on the network thread.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::Mutex;

use super::take::raw::RawDatagram;
use crate::units::HostTime;

/// Everybody who wants a copy.
#[derive(Default)]
pub struct Taps(Mutex<Vec<Sender<RawDatagram>>>);

impl Taps {
    /// Everything that is heard from now on; dropping the receiver ends it.
    pub fn open(&self) -> Receiver<RawDatagram> {
        let (sender, receiver) = channel();
        self.0.lock().push(sender);
        receiver
    }

    pub fn copy(&self, arrival: HostTime, sender: SocketAddr, datagram: &[u8]) {
        let mut taps = self.0.lock();
        taps.retain(|tap| {
            let copy = RawDatagram {
                arrival,
                sender,
                bytes: datagram.to_vec(),
            };
            tap.send(copy).is_ok()
        });
    }
}

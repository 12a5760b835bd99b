//! The one crossing from the network thread to the audio thread: a lock-free ring of frames.
//!
//! When the ring is full the frame that arrives is dropped and counted: the audio thread stands
//! still then (a stopped host), and what it will read first must stay in order. Both ends come
//! from one constructor and neither can be copied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringbuf::traits::{Consumer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};

use super::frame::SensorFrame;

/// The network thread's end.
pub struct SensorInput {
    frames: HeapProd<SensorFrame>,
    dropped: Arc<AtomicU64>,
}

/// The audio thread's end.
pub struct SensorOutput {
    frames: HeapCons<SensorFrame>,
    dropped: Arc<AtomicU64>,
}

/// A ring that holds `capacity` frames (at least one).
pub fn sensor_ring(capacity: usize) -> (SensorInput, SensorOutput) {
    let (producer, consumer) = HeapRb::new(capacity.max(1)).split();
    let dropped = Arc::new(AtomicU64::new(0));
    let input = SensorInput {
        frames: producer,
        dropped: Arc::clone(&dropped),
    };
    (
        input,
        SensorOutput {
            frames: consumer,
            dropped,
        },
    )
}

impl SensorInput {
    /// Hands a frame on; returns false, and counts, when the ring is full.
    pub fn push(&mut self, frame: SensorFrame) -> bool {
        let taken = self.frames.try_push(frame).is_ok();
        if !taken {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Frames dropped because the ring was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl SensorOutput {
    /// The oldest frame not yet read. Wait-free.
    pub fn pop(&mut self) -> Option<SensorFrame> {
        self.frames.try_pop()
    }

    /// Frames dropped because the ring was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::frame::DeviceId;
    use crate::units::HostTime;

    fn frame(number: u16) -> SensorFrame {
        SensorFrame::empty(DeviceId(number), HostTime(f64::from(number)))
    }

    #[test]
    fn frames_come_out_in_the_order_they_went_in() {
        let (mut input, mut output) = sensor_ring(4);
        assert!(input.push(frame(1)) && input.push(frame(2)));
        assert_eq!(output.pop().unwrap().device, DeviceId(1));
        assert_eq!(output.pop().unwrap().device, DeviceId(2));
        assert!(output.pop().is_none());
    }

    #[test]
    fn a_full_ring_drops_the_arriving_frame_and_counts_it() {
        let (mut input, mut output) = sensor_ring(2);
        for number in 0..5 {
            input.push(frame(number));
        }
        assert_eq!((input.dropped(), output.dropped()), (3, 3));
        assert_eq!(output.pop().unwrap().device, DeviceId(0));
        assert_eq!(output.pop().unwrap().device, DeviceId(1));
        assert!(output.pop().is_none());
    }
}

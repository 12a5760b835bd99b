//! The other way round: numbers → the arguments of a message with this layout, as the device would send them.

use rosc::OscType;

use super::{Layout, QUANTITIES, Quantity, Slot, VALUE_COUNT};

/// What a device has to say at a moment.
#[derive(Clone, Debug)]
pub struct Said {
    /// In SI units, laid out as in [`super::Values`]; NaN where it measures nothing.
    pub numbers: [f32; VALUE_COUNT],
    /// Seconds since it was switched on.
    pub at_s: f64,
    /// Its count of messages.
    pub sequence: u32,
    pub id: String,
}

impl Layout {
    /// The arguments, or `None` where the device measures none of what this message carries. `axis` is the component
    /// that the address names.
    pub fn say(&self, said: &Said, axis: Option<char>) -> Option<Vec<OscType>> {
        let numbers = self
            .slots
            .iter()
            .filter_map(|slot| number(slot, said, axis));
        numbers.clone().any(|number| number.is_finite()).then(|| {
            self.slots
                .iter()
                .map(|slot| argument(slot, said, axis))
                .collect()
        })
    }

    /// The components that addresses of this layout name, a message each; empty where the layout names them itself.
    pub fn axes(&self) -> impl Iterator<Item = char> {
        let components = |slot: &Slot| match slot {
            Slot::Axis { quantity, .. } => QUANTITIES[*quantity as usize].3.chars(),
            _ => "".chars(),
        };
        self.slots.iter().flat_map(components)
    }

    /// Whether it carries motion: not buttons or levels alone.
    pub fn is_motion(&self) -> bool {
        let aux = Quantity::Aux.range();
        self.slots.iter().any(|slot| match slot {
            Slot::Value { index, .. } => !aux.contains(index),
            Slot::Axis { quantity, .. } => *quantity != Quantity::Aux,
            _ => false,
        })
    }
}

/// What a slot carries of the motion, in the device's unit; `None` where that is not its matter.
fn number(slot: &Slot, said: &Said, axis: Option<char>) -> Option<f32> {
    let (index, scale) = match *slot {
        Slot::Value { index, scale } => (index, scale),
        Slot::Axis { quantity, scale } => {
            let (_, _, start, components) = QUANTITIES[quantity as usize];
            (start + components.find(axis?)?, scale)
        }
        _ => return None,
    };
    Some((f64::from(said.numbers[index]) / scale) as f32)
}

fn argument(slot: &Slot, said: &Said, axis: Option<char>) -> OscType {
    match slot {
        // Milliseconds and less are whole numbers in every dialect that we know.
        Slot::Stamp { seconds } if *seconds < 1.0 => {
            OscType::Int((said.at_s / seconds).round() as i64 as i32)
        }
        Slot::Stamp { seconds } => OscType::Float((said.at_s / seconds) as f32),
        Slot::Sequence => OscType::Int(said.sequence as i32),
        Slot::Id => OscType::String(said.id.clone()),
        Slot::Any => OscType::String("imu2music".into()),
        Slot::Skip => OscType::Float(0.0),
        Slot::Value { .. } | Slot::Axis { .. } => {
            let number = number(slot, said, axis).filter(|number| number.is_finite());
            OscType::Float(number.unwrap_or(0.0))
        }
    }
}

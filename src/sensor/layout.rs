//! What one message of a dialect carries, written as text: `accel[g]:xyz rate[deg/s]:xyz quat:wxyz skip:2 ...`.
//!
//! One token a group of arguments, in the order they are sent. The same grammar serves the built-in
//! table and profiles that a user writes. Read once, on a control thread; `Layout::fill` runs on the
//! network thread and allocates nothing.

mod say;
pub use say::Said;

use super::osc::Argument;
use crate::units::STANDARD_GRAVITY_M_PER_S2;

/// What a number means. The order is that of [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Specific force, gravity included.
    Accel,
    /// Acceleration without gravity.
    Linear,
    /// The gravity part of the specific force: points up.
    Gravity,
    Rate,
    Mag,
    Quaternion,
    /// Yaw about z, then pitch about y, then roll about x (aerospace).
    Euler,
    /// Yaw about z, then pitch about x, then roll about y (CoreMotion; W3C alpha, beta, gamma).
    Attitude,
    Aux,
}

const QUANTITIES: [(&str, Quantity, usize, &str); 9] = [
    ("accel", Quantity::Accel, 0, "xyz"),
    ("linear", Quantity::Linear, 3, "xyz"),
    ("gravity", Quantity::Gravity, 6, "xyz"),
    ("rate", Quantity::Rate, 9, "xyz"),
    ("mag", Quantity::Mag, 12, "xyz"),
    ("quat", Quantity::Quaternion, 15, "wxyz"),
    ("euler", Quantity::Euler, 19, "ypr"),
    ("attitude", Quantity::Attitude, 22, "ypr"),
    ("aux", Quantity::Aux, 25, "12345678"),
];

/// How many numbers a message can carry in all.
pub const VALUE_COUNT: usize = 33;

impl Quantity {
    /// Where this quantity lies in [`Values`].
    pub fn range(self) -> std::ops::Range<usize> {
        let (_, _, start, components) = QUANTITIES[self as usize];
        start..start + components.len()
    }
}

/// Units to SI (m/s², rad/s, µT, rad); the factor may be divided or multiplied further, as in `g/4096`.
const UNITS: [(&str, f64); 14] = [
    ("m/s2", 1.0),
    ("mg", STANDARD_GRAVITY_M_PER_S2 as f64 * 1e-3),
    ("g", STANDARD_GRAVITY_M_PER_S2 as f64),
    ("rad/s", 1.0),
    ("deg/s", std::f64::consts::PI / 180.0),
    ("deg/ms", std::f64::consts::PI / 0.18),
    ("rad", 1.0),
    ("deg", std::f64::consts::PI / 180.0),
    ("uT", 1.0),
    ("gauss", 100.0),
    ("s", 1.0),
    ("ms", 1e-3),
    ("us", 1e-6),
    ("", 1.0),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Slot {
    Value {
        index: usize,
        scale: f64,
    },
    /// The component is named by the address (`/gyro/x`).
    Axis {
        quantity: Quantity,
        scale: f64,
    },
    Stamp {
        seconds: f64,
    },
    Sequence,
    /// The device's own id, sent as an argument.
    Id,
    /// A number that is not used.
    Skip,
    /// Anything at all.
    Any,
}

/// One message's worth of numbers in SI units; NaN where it says nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    pub numbers: [f32; VALUE_COUNT],
    /// Acceleration came in an unknown unit (g or m/s²) and is not scaled yet.
    pub accel_unit_unknown: bool,
    /// A number that should have been used was NaN or infinite, and is left out.
    pub non_finite: bool,
    /// The device's own time stamp.
    pub stamp_s: Option<f64>,
    /// The device's own count of its messages.
    pub sequence: Option<u64>,
}

impl Default for Values {
    fn default() -> Self {
        Values {
            numbers: [f32::NAN; VALUE_COUNT],
            accel_unit_unknown: false,
            non_finite: false,
            stamp_s: None,
            sequence: None,
        }
    }
}

impl Values {
    pub fn of(&self, quantity: Quantity) -> &[f32] {
        &self.numbers[quantity.range()]
    }

    fn set(&mut self, index: usize, number: f64) {
        let number = number as f32;
        if number.is_finite() {
            self.numbers[index] = number;
        } else {
            self.non_finite = true;
        }
    }
}

/// A layout that cannot be read: the token at fault and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field '{token}': {reason}")]
pub struct LayoutError {
    pub token: String,
    pub reason: &'static str,
}

/// The arguments of one message.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    slots: Vec<Slot>,
    /// More arguments may follow (time stamps, accuracy, names).
    open: bool,
    accel_unit_unknown: bool,
}

impl Layout {
    pub fn parse(text: &str) -> Result<Layout, LayoutError> {
        let mut layout = Layout {
            slots: Vec::new(),
            open: false,
            accel_unit_unknown: false,
        };
        for token in text.split_whitespace() {
            let error = |reason| LayoutError {
                token: token.to_owned(),
                reason,
            };
            if layout.open {
                return Err(error("nothing can follow '...'"));
            }
            layout.push_token(token).map_err(error)?;
        }
        Ok(layout)
    }

    fn push_token(&mut self, token: &str) -> Result<(), &'static str> {
        let (head, tail) = token
            .split_once(':')
            .map_or((token, None), |(h, t)| (h, Some(t)));
        let (name, unit) = match head.split_once('[') {
            Some((name, unit)) => (name, unit.strip_suffix(']').ok_or("the ']' is missing")?),
            None => (head, ""),
        };
        match name {
            "..." => self.open = true,
            "stamp" => self.slots.push(Slot::Stamp {
                seconds: unit_scale(unit)?,
            }),
            "seq" => self.slots.push(Slot::Sequence),
            "id" => self.slots.push(Slot::Id),
            "any" => self.push_many(Slot::Any, tail)?,
            "skip" => self.push_many(Slot::Skip, tail)?,
            _ => self.push_quantity(
                name,
                unit,
                tail.ok_or("the order of its components is missing")?,
            )?,
        }
        Ok(())
    }

    fn push_many(&mut self, slot: Slot, count: Option<&str>) -> Result<(), &'static str> {
        let count: usize = count
            .unwrap_or("1")
            .parse()
            .map_err(|_| "the count is not a number")?;
        if count > 128 {
            return Err("the count is above 128");
        }
        self.slots.extend(std::iter::repeat_n(slot, count));
        Ok(())
    }

    fn push_quantity(&mut self, name: &str, unit: &str, order: &str) -> Result<(), &'static str> {
        let (_, quantity, start, components) = *QUANTITIES
            .iter()
            .find(|(known, ..)| *known == name)
            .ok_or("not a quantity: accel, linear, gravity, rate, mag, quat, euler, attitude, aux, stamp, seq, id, skip, any")?;
        let scale = if unit == "auto" {
            if quantity != Quantity::Accel {
                return Err("only accel may have the unit 'auto'");
            }
            self.accel_unit_unknown = true;
            1.0
        } else {
            unit_scale(unit)?
        };
        if order == "axis" {
            self.slots.push(Slot::Axis { quantity, scale });
            return Ok(());
        }
        let mut sign = 1.0;
        for letter in order.chars() {
            match components.find(letter) {
                _ if letter == '-' => {
                    sign = -1.0;
                    continue;
                }
                Some(offset) => {
                    self.slots.push(Slot::Value {
                        index: start + offset,
                        scale: scale * sign,
                    });
                }
                None if letter == '_' => self.slots.push(Slot::Skip),
                None => return Err("a component that this quantity does not have"),
            }
            sign = 1.0;
        }
        Ok(())
    }

    /// How many arguments it names.
    pub fn arity(&self) -> usize {
        self.slots.len()
    }

    /// Whether these arguments fit; ones that are exact are preferred over open ones by the caller.
    pub fn accepts(&self, arguments: &[Argument]) -> bool {
        let length_fits = if self.open {
            arguments.len() >= self.slots.len()
        } else {
            arguments.len() == self.slots.len()
        };
        length_fits
            && self
                .slots
                .iter()
                .zip(arguments)
                .all(|(slot, argument)| match slot {
                    Slot::Any => true,
                    Slot::Id => !matches!(argument, Argument::Other),
                    _ => argument.number().is_some(),
                })
    }

    /// Reads arguments that [`Layout::accepts`]; `axis` is the component named by the address.
    pub fn fill(&self, arguments: &[Argument], axis: Option<&str>) -> Values {
        let mut values = Values {
            accel_unit_unknown: self.accel_unit_unknown,
            ..Values::default()
        };
        for (slot, argument) in self.slots.iter().zip(arguments) {
            let number = argument.number().unwrap_or(f64::NAN);
            match *slot {
                Slot::Value { index, scale } => values.set(index, number * scale),
                Slot::Axis { quantity, scale } => {
                    if let Some(index) = axis.and_then(|axis| component_index(quantity, axis)) {
                        values.set(index, number * scale);
                    }
                }
                Slot::Stamp { seconds } if number.is_finite() => {
                    values.stamp_s = Some(number * seconds)
                }
                Slot::Sequence if number >= 0.0 => values.sequence = Some(number as u64),
                _ => {}
            }
        }
        values
    }

    /// The device id among the arguments, where this message carries it there.
    pub fn id<'a>(&self, arguments: &'a [Argument]) -> Option<&'a Argument> {
        let at = self.slots.iter().position(|slot| *slot == Slot::Id)?;
        arguments.get(at)
    }
}

/// `pitch`, `Y`, `w`: a component by the word that addresses use.
fn component_index(quantity: Quantity, axis: &str) -> Option<usize> {
    let (_, _, start, components) = QUANTITIES[quantity as usize];
    let letter = axis.chars().next()?.to_ascii_lowercase();
    components.find(letter).map(|offset| start + offset)
}

fn unit_scale(unit: &str) -> Result<f64, &'static str> {
    let (sign, unit) = unit
        .strip_prefix('-')
        .map_or((1.0, unit), |unit| (-1.0, unit));
    if let Some((_, scale)) = UNITS.iter().find(|(name, _)| *name == unit) {
        return Ok(sign * scale);
    }
    let at = unit.rfind(['/', '*']).ok_or("an unknown unit")?;
    let (name, factor) = (&unit[..at], &unit[at + 1..]);
    let (_, scale) = UNITS
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or("an unknown unit")?;
    let factor: f64 = factor.parse().map_err(|_| "an unknown unit")?;
    if !factor.is_normal() {
        return Err("a unit's factor must be a finite number, not zero");
    }
    Ok(sign
        * if unit.as_bytes()[at] == b'/' {
            scale / factor
        } else {
            scale * factor
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[f64]) -> Vec<Argument> {
        values
            .iter()
            .map(|&value| Argument::Number(value))
            .collect()
    }

    #[test]
    fn units_signs_and_orders_are_applied() {
        let layout = Layout::parse("accel[-g]:zx-y rate[deg/s/16.384]:xyz").unwrap();
        let values = layout.fill(&numbers(&[1.0, 2.0, 3.0, 16384.0, 0.0, 0.0]), None);
        let g = STANDARD_GRAVITY_M_PER_S2;
        assert_eq!(values.of(Quantity::Accel), [-2.0 * g, 3.0 * g, -g]);
        assert!((values.of(Quantity::Rate)[0] - 1000f32.to_radians()).abs() < 1e-3);
        assert!(values.of(Quantity::Mag)[0].is_nan());
    }

    #[test]
    fn the_number_and_kind_of_arguments_decide() {
        let exact = Layout::parse("any quat:wxyz").unwrap();
        let open = Layout::parse("quat:wxyz ...").unwrap();
        let mut arguments = numbers(&[1.0, 0.0, 0.0, 0.0]);
        assert!(!exact.accepts(&arguments) && open.accepts(&arguments));
        arguments.insert(0, Argument::Text("Myo".into()));
        assert!(exact.accepts(&arguments) && !open.accepts(&arguments));
    }

    #[test]
    fn a_wrong_token_is_named() {
        for text in [
            "accel[furlong]:xyz",
            "accel[g",
            "speed:xyz",
            "quat:wxyv",
            "accel",
            "... skip",
            "rate[auto]:xyz",
            "accel[g/0]:xyz",
        ] {
            let error = Layout::parse(text).unwrap_err();
            assert!(text.contains(&error.token), "{error}");
        }
    }

    #[test]
    fn the_table_of_quantities_is_in_order() {
        let mut next = 0;
        for (_, quantity, start, components) in QUANTITIES {
            assert_eq!((start, QUANTITIES[quantity as usize].1), (next, quantity));
            next += components.len();
        }
        assert_eq!(next, VALUE_COUNT);
    }
}

//! Who is worn where, as the engine seats it: chosen devices first, then the first to arrive in the
//! order in which the model asks for limbs.

use super::scene::{AWAY_S, Scene};
use crate::gesture::Role;
use crate::gesture::mapping::{KnownDevice, Mapping, Seat, Seating};
use crate::sensor::frame::DeviceId;

/// The roles that a model asks for, in its order, each with the device that fills it now.
pub fn seats(scene: &Scene, mapping: &Mapping, inputs: &[String]) -> Vec<(Role, Option<DeviceId>)> {
    let known: Vec<KnownDevice> = scene
        .devices
        .iter()
        .map(|device| KnownDevice {
            id: device.id,
            key: &device.name,
        })
        .collect();
    let (map, _) = mapping.compile(inputs, &known);
    let mut spare = spare(scene, &map.seating).into_iter();
    let fill = |role: &Role| match map.seating.seats[role.index()] {
        Seat::Device(device) => (*role, Some(device)),
        Seat::Automatic => (*role, spare.next()),
        Seat::Empty | Seat::Reserved => (*role, None),
    };
    map.seating.wanted().iter().map(fill).collect()
}

/// Devices that are heard and that no seat names, in order of arrival.
fn spare(scene: &Scene, seating: &Seating) -> Vec<DeviceId> {
    let mut spare: Vec<DeviceId> = scene
        .devices
        .iter()
        .filter(|device| {
            scene.silent_s(device) < AWAY_S && !seating.seats.contains(&Seat::Device(device.id))
        })
        .map(|device| device.id)
        .collect();
    spare.sort_unstable();
    spare.dedup();
    spare
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::samples;

    fn scene() -> Scene {
        Scene {
            devices: vec![samples::device(1), samples::device(2)],
            ..Scene::default()
        }
    }

    #[test]
    fn the_first_to_arrive_fills_what_the_model_names_first() {
        let inputs = [
            "left_forearm.energy".to_string(),
            "right_forearm.energy".to_string(),
        ];
        let seats = seats(&scene(), &Mapping::default(), &inputs);
        assert_eq!(
            seats,
            [
                (Role::LeftForearm, Some(DeviceId(1))),
                (Role::RightForearm, Some(DeviceId(2)))
            ]
        );
    }

    #[test]
    fn a_device_that_was_chosen_is_not_spare() {
        let inputs = [
            "left_forearm.energy".to_string(),
            "right_forearm.energy".to_string(),
        ];
        let mut mapping = Mapping::default();
        mapping
            .seats
            .insert(Role::RightForearm, samples::device(1).name);
        let seats = seats(&scene(), &mapping, &inputs);
        assert_eq!(
            seats,
            [
                (Role::LeftForearm, Some(DeviceId(2))),
                (Role::RightForearm, Some(DeviceId(1)))
            ]
        );
    }

    #[test]
    fn a_silent_device_fills_nothing() {
        let mut scene = scene();
        scene.now_s = 100.0;
        let inputs = ["head.energy".to_string()];
        assert_eq!(
            seats(&scene, &Mapping::default(), &inputs),
            [(Role::Head, None)]
        );
    }
}

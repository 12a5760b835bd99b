//! What to look at when nothing arrives, in the order of how often it is the cause.

use std::net::Ipv4Addr;

use super::announcement::Announced;
use super::hub::Reach;

/// Hints for a port that is open and silent. `addresses` are this machine's on its networks; `system` is
/// named as by `std::env::consts::OS`.
pub fn hints(reach: Reach, addresses: &[Ipv4Addr], system: &str) -> Vec<String> {
    let mut hints = vec![
        "Switch the sensor on and join it to this computer's network.".to_owned(),
        "Type the address shown here into the sensor as its OSC target.".to_owned(),
    ];
    if reach == Reach::Loopback {
        hints.insert(
            1,
            "Let sensors in: only programs on this computer are heard now (Allow sensors on the network; `monitor --network`)."
                .to_owned(),
        );
        return hints;
    }
    if addresses.is_empty() {
        hints.insert(
            0,
            "This computer is on no network: join one first.".to_owned(),
        );
        return hints;
    }
    let nets: Vec<String> = addresses.iter().map(|address| near(*address)).collect();
    hints.push(format!(
        "Same network? The sensor's own address should begin with {}.",
        nets.join(" or ")
    ));
    hints.push(firewall(system).to_owned());
    hints
}

/// What to do about a sensor that announces itself and sends to none of `ports`.
pub fn unheard(sensor: &Announced, ports: &[u16]) -> Option<String> {
    let to = sensor.sends_to.filter(|port| !ports.contains(port))?;
    let (name, address) = (&sensor.name, sensor.address);
    Some(format!(
        "{name} ({address}) sends to port {to}: listen there too."
    ))
}

/// The part of an address that neighbours share on nearly every home or stage network.
fn near(address: Ipv4Addr) -> String {
    let [a, b, c, _] = address.octets();
    format!("{a}.{b}.{c}.")
}

fn firewall(system: &str) -> &'static str {
    match system {
        "macos" => {
            "macOS asks once: System Settings, Privacy & Security, Local Network must allow your DAW; Network, Firewall must not block it."
        }
        "windows" => {
            "Windows Defender Firewall must allow your DAW on this kind of network (private or public): Allow an app through firewall."
        }
        _ => {
            "A firewall may block UDP on this port (`sudo ufw allow 8888/udp`, or as your system has it)."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_is_named_only_while_it_is_off() {
        let here = [Ipv4Addr::new(192, 168, 1, 20)];
        assert!(
            hints(Reach::Loopback, &here, "linux")
                .concat()
                .contains("Allow sensors")
        );
        assert!(
            !hints(Reach::Network, &here, "linux")
                .concat()
                .contains("Allow sensors")
        );
    }

    #[test]
    fn a_sensor_that_sends_elsewhere_is_told() {
        let sensor = Announced {
            address: [192, 168, 1, 2].into(),
            name: "Left hand".into(),
            serial: "77".into(),
            sends_to: Some(8000),
        };
        assert!(unheard(&sensor, &[8888]).is_some_and(|text| text.contains("port 8000")));
        assert_eq!(unheard(&sensor, &[8888, 8000]), None);
    }

    #[test]
    fn each_system_has_its_own_gate_and_each_network_its_own_beginning() {
        let here = [Ipv4Addr::new(192, 168, 1, 20), Ipv4Addr::new(10, 0, 0, 4)];
        let told = |system| hints(Reach::Network, &here, system).concat();
        assert!(told("macos").contains("Local Network"));
        assert!(told("windows").contains("Windows Defender"));
        assert!(told("linux").contains("firewall"));
        assert!(told("linux").contains("192.168.1. or 10.0.0."));
        assert!(hints(Reach::Network, &[], "linux")[0].contains("no network"));
    }
}

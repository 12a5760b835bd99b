//! What an x-IMU3 says of itself once a second, as JSON broadcast to UDP port 10000 (x-io's user manual
//! and software): its name, and the port that it sends to.

use std::net::IpAddr;

use serde_json::Value;

/// Where x-IMU3s announce themselves.
pub const PORT: u16 = 10_000;
/// Longest announcement that is read; real ones have about 150 bytes.
const MOST_BYTES: usize = 1024;
const MOST_NAME_CHARS: usize = 40;

/// A device that announces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    pub address: IpAddr,
    /// As its owner named it; its serial number where it has no name.
    pub name: String,
    pub serial: String,
    /// The UDP port that its data goes to.
    pub sends_to: Option<u16>,
}

impl Announced {
    /// Reads an announcement of `sender`. Total: whatever is none is `None`.
    pub fn read(datagram: &[u8], sender: IpAddr) -> Option<Announced> {
        if datagram.len() > MOST_BYTES {
            return None;
        }
        let json: Value = serde_json::from_slice(datagram.trim_ascii()).ok()?;
        let text = |key: &str| {
            let text = json.get(key).and_then(Value::as_str).unwrap_or_default();
            let visible = text.chars().filter(|letter| !letter.is_control());
            visible
                .take(MOST_NAME_CHARS)
                .collect::<String>()
                .trim()
                .to_owned()
        };
        // Imitations of the device send numbers as text.
        let port = |value: &Value| match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64().and_then(|number| u16::try_from(number).ok()),
        };
        let (name, serial) = (text("name"), text("sn"));
        if name.is_empty() && serial.is_empty() {
            return None;
        }
        Some(Announced {
            address: sender,
            name: if name.is_empty() {
                serial.clone()
            } else {
                name
            },
            serial,
            sends_to: json.get("send").and_then(port).filter(|&port| port != 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 2));

    #[test]
    fn an_x_imu3_says_its_name_and_where_it_sends() {
        let said = br#"{"sync":0,"name":"Left hand","sn":"0123-4567-89AB-CDEF","ip":"192.168.1.2","port":7000,"send":8000,"receive":9000,"rssi":100,"battery":80,"status":2}"#;
        let read = Announced::read(said, HERE).unwrap();
        assert_eq!(read.name, "Left hand");
        assert_eq!(read.serial, "0123-4567-89AB-CDEF");
        assert_eq!((read.address, read.sends_to), (HERE, Some(8000)));
        let imitation = b"{\"name\":\"\",\"sn\":\"77\",\"send\":\"8001\"}\r\n";
        let read = Announced::read(imitation, HERE).unwrap();
        assert_eq!((&*read.name, read.sends_to), ("77", Some(8001)));
    }

    #[test]
    fn what_is_no_announcement_is_passed_over_and_names_are_kept_short() {
        for other in [&b"{}"[..], b"[1]", b"", b"{\"name\":7}", &[b' '; 2000]] {
            assert_eq!(Announced::read(other, HERE), None);
        }
        let long = format!("{{\"name\":\"{}\\u0007\"}}", "x".repeat(300));
        assert_eq!(
            Announced::read(long.as_bytes(), HERE).unwrap().name.len(),
            MOST_NAME_CHARS
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Announced::read(&bytes, HERE);
        }
    }
}

//! Our ports as `_osc._udp` in multicast DNS (RFC 6762, RFC 6763, OSC 1.1), so that apps that browse
//! for OSC offer them by name. Only the messages; the thread is `discovery`.
//!
//! Names hold this machine's address, which nobody else on its network has: no probing is needed.

use std::net::{Ipv4Addr, SocketAddrV4};

use simple_dns::rdata::{A, PTR, RData, SRV, TXT};
use simple_dns::{CLASS, Label, Name, Packet, PacketFlag, Question, ResourceRecord};

pub const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), 5353);
const SERVICE: &str = "_osc._udp.local";
const SERVICES: &str = "_services._dns-sd._udp.local";
/// RFC 6762, section 10.
const HOST_TTL_S: u32 = 120;
const SERVICE_TTL_S: u32 = 4500;

/// One port of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    pub address: Ipv4Addr,
    pub port: u16,
}

impl Service {
    fn dashed(self) -> String {
        self.address.to_string().replace('.', "-")
    }

    /// What a browser lists.
    pub fn title(self) -> String {
        format!("IMU2Music {} ({})", self.port, self.dashed())
    }

    fn name(self) -> Option<Name<'static>> {
        let mut labels = vec![Label::new(self.title().into_bytes()).ok()?];
        for part in SERVICE.split('.') {
            labels.push(Label::new(part.as_bytes()).ok()?);
        }
        Some(Name::new_with_labels(&labels))
    }

    /// Everything to be known of it; a lifetime of zero takes it back.
    fn records(self, lives: bool) -> Option<Vec<ResourceRecord<'static>>> {
        let lifetime = |seconds: u32| if lives { seconds } else { 0 };
        let record =
            |name, seconds, data| ResourceRecord::new(name, CLASS::IN, lifetime(seconds), data);
        let host = Name::new(&format!("imu2music-{}.local", self.dashed()))
            .ok()?
            .into_owned();
        let (name, service) = (self.name()?, Name::new(SERVICE).ok()?);
        let server = SRV {
            priority: 0,
            weight: 0,
            port: self.port,
            target: host.clone(),
        };
        let text = TXT::new().with_string("txtvers=1").ok()?;
        let text = text
            .with_string("version=1.1")
            .ok()?
            .with_string("types=ifdsTF")
            .ok()?;
        let address = A {
            address: self.address.into(),
        };
        Some(vec![
            record(
                service.clone(),
                SERVICE_TTL_S,
                RData::PTR(PTR(name.clone())),
            ),
            record(
                Name::new(SERVICES).ok()?,
                SERVICE_TTL_S,
                RData::PTR(PTR(service)),
            ),
            record(name.clone(), HOST_TTL_S, RData::SRV(server)).with_cache_flush(true),
            record(name, SERVICE_TTL_S, RData::TXT(text)).with_cache_flush(true),
            record(host, HOST_TTL_S, RData::A(address)).with_cache_flush(true),
        ])
    }

    /// An unasked announcement, or the farewell.
    pub fn announcement(self, lives: bool) -> Option<Vec<u8>> {
        let mut packet = Packet::new_reply(0);
        packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
        packet.answers = self.records(lives)?;
        packet.build_bytes_vec_compressed().ok()
    }

    /// The answer to a query, and whether it goes to the asker alone; `None` where it asks for nothing of ours.
    /// Total: any bytes are allowed.
    pub fn answer(self, query: &[u8], asker_port: u16) -> Option<(Vec<u8>, bool)> {
        let query = Packet::parse(query).ok()?;
        if query.has_flags(PacketFlag::RESPONSE) {
            return None;
        }
        let records = self.records(true)?;
        let of_ours = |question: &&Question| {
            let fits = |record: &ResourceRecord| {
                record.name == question.qname && record.match_qtype(question.qtype)
            };
            records.iter().any(fits)
        };
        let questions: Vec<_> = query.questions.iter().filter(of_ours).collect();
        let first = questions.first()?;
        // A resolver that is no mDNS one asks from another port and wants its own question back (RFC 6762, 6.7).
        let is_plain = asker_port != GROUP.port();
        let mut packet = Packet::new_reply(if is_plain { query.id() } else { 0 });
        packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
        if is_plain {
            packet.questions = query.questions.clone();
        }
        let alone = is_plain || first.unicast_response;
        packet.answers = records;
        Some((packet.build_bytes_vec_compressed().ok()?, alone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use simple_dns::{QCLASS, QTYPE, TYPE};

    const OURS: Service = Service {
        address: Ipv4Addr::new(192, 168, 1, 20),
        port: 8888,
    };

    fn query(name: &'static str) -> Vec<u8> {
        let mut packet = Packet::new_query(77);
        let name = Name::new(name).unwrap();
        packet.questions.push(Question::new(
            name,
            QTYPE::TYPE(TYPE::PTR),
            QCLASS::CLASS(CLASS::IN),
            false,
        ));
        packet.build_bytes_vec().unwrap()
    }

    fn port_and_address(bytes: &[u8]) -> (u16, Ipv4Addr, u32) {
        let packet = Packet::parse(bytes).unwrap();
        let find = |look: fn(&RData) -> Option<u32>| {
            let mut found = packet
                .answers
                .iter()
                .filter_map(|record| look(&record.rdata));
            found.next().unwrap()
        };
        let port = find(|data| match data {
            RData::SRV(server) => Some(u32::from(server.port)),
            _ => None,
        });
        let address = find(|data| match data {
            RData::A(address) => Some(address.address),
            _ => None,
        });
        (port as u16, address.into(), packet.answers[0].ttl)
    }

    #[test]
    fn who_browses_for_osc_gets_name_port_and_address() {
        let (answer, alone) = OURS.answer(&query("_osc._udp.local"), 5353).unwrap();
        assert!(!alone);
        assert_eq!(
            port_and_address(&answer),
            (8888, OURS.address, SERVICE_TTL_S)
        );
        let packet = Packet::parse(&answer).unwrap();
        assert!(matches!(&packet.answers[0].rdata, RData::PTR(name)
            if name.0.get_labels()[0].to_string() == "IMU2Music 8888 (192-168-1-20)"));
    }

    #[test]
    fn a_plain_resolver_is_answered_alone_with_its_number() {
        let (answer, alone) = OURS.answer(&query("_osc._udp.local"), 40_000).unwrap();
        let packet = Packet::parse(&answer).unwrap();
        assert!(alone && packet.id() == 77 && packet.questions.len() == 1);
    }

    #[test]
    fn questions_for_others_and_answers_are_left_alone() {
        assert!(OURS.answer(&query("_http._tcp.local"), 5353).is_none());
        assert!(
            OURS.answer(&OURS.announcement(true).unwrap(), 5353)
                .is_none()
        );
    }

    #[test]
    fn a_farewell_has_no_lifetime() {
        let farewell = OURS.announcement(false).unwrap();
        assert_eq!(port_and_address(&farewell).2, 0);
        let packet = Packet::parse(&farewell).unwrap();
        assert!(packet.answers.iter().all(|record| record.ttl == 0));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = OURS.answer(&bytes, 5353);
            let mut question = query("_osc._udp.local");
            for (index, byte) in bytes.iter().enumerate() {
                let at = index * 7 % question.len();
                question[at] ^= *byte;
                let _ = OURS.answer(&question, 1);
            }
        }
    }
}

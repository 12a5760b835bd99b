//! A network's doings: jitter, loss, packets that wait for a sleeping radio and come in a burst.
//!
//! An iterator over the plan of what is sent, seeded and so repeatable.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::transmit::TimedDatagram;

/// What a network does to a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impairment {
    /// Mean of the random delay of each packet (exponential).
    pub jitter_ms: f32,
    /// Longest wait for a radio that sleeps: what is due meanwhile comes in a burst.
    pub burst_ms: f32,
    /// Such waits per second.
    pub bursts_hz: f32,
    /// Share of packets that never arrive.
    pub loss: f32,
    pub seed: u64,
}

impl Impairment {
    pub const NONE: Impairment = Impairment {
        jitter_ms: 0.0,
        burst_ms: 0.0,
        bursts_hz: 0.0,
        loss: 0.0,
        seed: 1,
    };

    /// A stage's Wi-Fi: like the R-IoT capture in the project's data (p99 of inter-arrival 15 ms, most 42 ms).
    pub const WIRELESS: Impairment = Impairment {
        jitter_ms: 1.0,
        burst_ms: 35.0,
        bursts_hz: 0.7,
        loss: 0.002,
        seed: 1,
    };
}

/// A stream as it comes out of the network: late and in part, but in order for each source.
pub struct Impaired<I> {
    plan: I,
    impairment: Impairment,
    random: Random,
    /// Source → its last delivery, the end of its radio's sleep, the sleep after that.
    radios: HashMap<u16, Radio>,
    under_way: BinaryHeap<UnderWay>,
    next: Option<TimedDatagram>,
    number: u64,
    lost: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Radio {
    last_s: f64,
    asleep_until_s: f64,
    next_sleep_s: f64,
}

struct UnderWay {
    arrives_s: f64,
    number: u64,
    datagram: TimedDatagram,
}

impl<I: Iterator<Item = TimedDatagram>> Impaired<I> {
    pub fn new(mut plan: I, impairment: Impairment) -> Self {
        let next = plan.next();
        Impaired {
            plan,
            impairment,
            random: Random(impairment.seed.max(1)),
            radios: HashMap::new(),
            under_way: BinaryHeap::new(),
            next,
            number: 0,
            lost: 0,
        }
    }

    /// Packets that were thrown away so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn set_out(&mut self, mut datagram: TimedDatagram) {
        if self.random.unit() < f64::from(self.impairment.loss) {
            self.lost += 1;
            return;
        }
        let delay_s = self.random.exponential() * f64::from(self.impairment.jitter_ms) * 1e-3;
        let (random, impairment) = (&mut self.random, self.impairment);
        let radio = self.radios.entry(datagram.source).or_insert_with(|| Radio {
            next_sleep_s: datagram.at_s + random.exponential() / f64::from(impairment.bursts_hz),
            ..Radio::default()
        });
        if datagram.at_s >= radio.next_sleep_s {
            radio.asleep_until_s =
                datagram.at_s + random.unit() * f64::from(impairment.burst_ms) * 1e-3;
            radio.next_sleep_s =
                radio.asleep_until_s + random.exponential() / f64::from(impairment.bursts_hz);
        }
        let arrives_s = (datagram.at_s + delay_s)
            .max(radio.asleep_until_s)
            .max(radio.last_s);
        radio.last_s = arrives_s;
        datagram.at_s = arrives_s;
        self.number += 1;
        self.under_way.push(UnderWay {
            arrives_s,
            number: self.number,
            datagram,
        });
    }
}

impl<I: Iterator<Item = TimedDatagram>> Iterator for Impaired<I> {
    type Item = TimedDatagram;

    fn next(&mut self) -> Option<TimedDatagram> {
        // Nothing can overtake a packet once the plan has reached the time at which it arrives.
        while let Some(next) = self.next.take() {
            if self
                .under_way
                .peek()
                .is_some_and(|first| first.arrives_s <= next.at_s)
            {
                self.next = Some(next);
                break;
            }
            self.set_out(next);
            self.next = self.plan.next();
        }
        self.under_way.pop().map(|first| first.datagram)
    }
}

impl PartialEq for UnderWay {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for UnderWay {}

impl PartialOrd for UnderWay {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UnderWay {
    /// The earliest is the greatest, for the heap gives that out first.
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .arrives_s
            .total_cmp(&self.arrives_s)
            .then(other.number.cmp(&self.number))
    }
}

/// xorshift64* (Vigna 2016).
#[derive(Clone, Copy, Debug)]
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(count: u32) -> impl Iterator<Item = TimedDatagram> {
        (0..count).map(|number| TimedDatagram {
            at_s: f64::from(number / 2) * 0.01,
            source: (number % 2) as u16,
            bytes: number.to_be_bytes().to_vec(),
        })
    }

    #[test]
    fn an_unimpaired_stream_is_the_plan() {
        let out: Vec<_> = Impaired::new(plan(100), Impairment::NONE).collect();
        assert_eq!(out, plan(100).collect::<Vec<_>>());
    }

    #[test]
    fn jitter_only_delays_and_keeps_each_sources_order() {
        let planned: Vec<_> = plan(20_000).collect();
        let out: Vec<_> = Impaired::new(
            plan(20_000),
            Impairment {
                loss: 0.0,
                ..Impairment::WIRELESS
            },
        )
        .collect();
        assert_eq!(out.len(), planned.len());
        assert!(out.windows(2).all(|pair| pair[0].at_s <= pair[1].at_s));
        for source in 0..2 {
            let order = |list: &[TimedDatagram]| -> Vec<TimedDatagram> {
                list.iter()
                    .filter(|datagram| datagram.source == source)
                    .cloned()
                    .collect()
            };
            for (sent, came) in order(&planned).iter().zip(order(&out)) {
                assert_eq!(sent.bytes, came.bytes);
                assert!(came.at_s >= sent.at_s && came.at_s < sent.at_s + 0.06);
            }
        }
    }

    #[test]
    fn loss_and_jitter_are_as_stated_and_repeat_with_the_seed() {
        let impairment = Impairment {
            loss: 0.1,
            jitter_ms: 2.0,
            bursts_hz: 0.0,
            ..Impairment::NONE
        };
        let mut first = Impaired::new(plan(20_000), impairment);
        let out: Vec<_> = first.by_ref().collect();
        assert!((1_800..2_200).contains(&first.lost()), "{}", first.lost());
        assert_eq!(out.len() as u64 + first.lost(), 20_000);
        assert_eq!(
            out,
            Impaired::new(plan(20_000), impairment).collect::<Vec<_>>()
        );
        let other = Impairment {
            seed: 2,
            ..impairment
        };
        assert_ne!(out, Impaired::new(plan(20_000), other).collect::<Vec<_>>());
    }
}

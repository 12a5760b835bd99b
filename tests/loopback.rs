//! Real UDP over loopback, through the hub to a ring: what a plugin instance hears.
//!
//! Deadlines here are generous and only end a test that has failed; nothing depends on how fast this
//! machine is. What a system may lose under load is asserted only with IMU2MUSIC_LONG set.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use imu2music::sensor::encode::{Spoken, message};
use imu2music::sensor::frame::{DeviceId, SensorFrame};
use imu2music::sensor::hub::{
    HubError, Reach, Subscription, Wishes, announced, listen, network_addresses,
};
use imu2music::sensor::ring::SensorOutput;
use imu2music::sensor::take::Take;
use imu2music::sensor::transmit::{TimedDatagram, TimedReading, Transmitter, speak};
use imu2music::units::HostTime;

const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `done`, and says whether it came to be.
fn eventually(mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn reading(number: u32) -> TimedReading {
    let mut frame = SensorFrame::empty(DeviceId(0), HostTime(0.0));
    frame.accel_m_per_s2 = [0.0, 0.0, 9.81];
    frame.rate_rad_per_s = [number as f32 * 0.01, 0.0, 0.0];
    frame.quaternion = [1.0, 0.0, 0.0, 0.0];
    TimedReading {
        at_s: f64::from(number) * 0.002,
        device: (number % 2) as u16,
        frame,
    }
}

fn drain(output: &mut SensorOutput, into: &mut Vec<SensorFrame>) -> usize {
    into.extend(std::iter::from_fn(|| output.pop()));
    into.len()
}

fn send(subscription: &Subscription, bytes: &[u8]) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // Longer than the system sends in one piece is fine too: it is the receiver that is tested.
    socket.send_to(bytes, at(subscription.port())).unwrap();
}

fn good_packet() -> Vec<u8> {
    Spoken::RiotV2.encode(0, 0.0, &reading(1).frame).remove(0)
}

#[test]
fn every_dialect_spoken_arrives_as_frames_of_two_devices() {
    for (name, spoken) in Spoken::ALL {
        let (subscription, mut output) = listen(0, Reach::Loopback).unwrap();
        // Few enough for the smallest receive buffer, so that none can be lost.
        let plan = speak((0..60).map(reading), spoken);
        let transmitter = Transmitter::start(at(subscription.port()), plan, 1.0).unwrap();
        let mut frames = Vec::new();
        assert!(
            eventually(|| { drain(&mut output, &mut frames) >= 60 && transmitter.is_finished() }),
            "{name}: {:?}",
            subscription.counters()
        );
        assert_eq!(subscription.devices().len(), 2, "{name}");
        assert_eq!(
            (
                subscription.counters().malformed,
                subscription.counters().unknown
            ),
            (0, 0),
            "{name}"
        );
        assert!(frames.iter().all(|frame| frame.time <= HostTime::now()));
    }
}

#[test]
fn subscriptions_to_one_port_share_its_socket_and_each_hear_everything() {
    let (first, mut first_output) = listen(0, Reach::Loopback).unwrap();
    let (second, mut second_output) = listen(first.port(), Reach::Loopback).unwrap();
    for _ in 0..20 {
        send(&first, &good_packet());
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    assert!(eventually(
        || drain(&mut first_output, &mut a) == 20 && drain(&mut second_output, &mut b) == 20
    ));
    drop(first);
    send(&second, &good_packet());
    assert!(eventually(|| drain(&mut second_output, &mut b) == 21));
}

#[test]
fn a_port_held_by_a_stranger_is_named_with_its_cure() {
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = stranger.local_addr().unwrap().port();
    let Err(error) = listen(port, Reach::Loopback) else {
        panic!("port {port} was opened twice")
    };
    assert!(matches!(error, HubError::Taken { .. }));
    let text = error.to_string();
    assert!(
        text.contains(&format!("port {port} is in use")) && text.contains("or"),
        "{text}"
    );
}

#[test]
fn the_last_subscription_to_go_closes_the_port_and_joins_the_thread() {
    // Another program may take the port in between, hence a few tries.
    let closed = (0..5).any(|_| {
        let (first, _output) = listen(0, Reach::Loopback).unwrap();
        let port = first.port();
        let (second, _other) = listen(port, Reach::Loopback).unwrap();
        drop(first);
        assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_err());
        drop(second);
        UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    });
    assert!(closed);
}

#[test]
fn the_reach_follows_the_widest_wish() {
    let (narrow, mut output) = listen(0, Reach::Loopback).unwrap();
    assert_eq!(narrow.local_address(), at(narrow.port()));
    let (wide, _wide_output) = listen(narrow.port(), Reach::Network).unwrap();
    assert_eq!(
        (narrow.reach(), wide.reach()),
        (Reach::Network, Reach::Network)
    );
    let mut frames = Vec::new();
    send(&narrow, &good_packet());
    assert!(eventually(|| drain(&mut output, &mut frames) == 1));
    drop(wide);
    assert_eq!(narrow.reach(), Reach::Loopback);
    send(&narrow, &good_packet());
    assert!(eventually(|| drain(&mut output, &mut frames) == 2));
}

#[test]
fn a_list_of_senders_keeps_others_of_the_network_out() {
    let Some(&here) = network_addresses().first() else {
        return println!("skipped: this machine is on no network");
    };
    let list = |sender| Wishes {
        senders: vec![sender],
        ..Wishes::from(Reach::Network)
    };
    // 192.0.2.0/24 is nobody's (RFC 5737).
    let (subscription, mut output) = listen(0, list(Ipv4Addr::new(192, 0, 2, 1))).unwrap();
    let socket = UdpSocket::bind((here, 0)).unwrap();
    let say = || {
        let to = (here, subscription.port());
        let _ = socket.send_to(&good_packet(), to).unwrap();
    };
    say();
    assert!(eventually(|| subscription.barred() == [here]));
    assert_eq!(subscription.counters().barred, 1);
    assert!(output.pop().is_none() && subscription.devices().is_empty());
    subscription.ask(list(here)).unwrap();
    say();
    assert!(eventually(|| output.pop().is_some()));
    // Another track of the same image that hears this machine alone.
    let (narrow, mut narrow_output) = listen(subscription.port(), Reach::Loopback).unwrap();
    say();
    assert!(eventually(|| output.pop().is_some()));
    assert!(narrow_output.pop().is_none() && narrow.devices().is_empty());
}

#[test]
fn a_multicast_group_is_joined() {
    let group = Ipv4Addr::new(239, 77, 1, 2);
    let wishes = Wishes {
        groups: vec![group],
        ..Wishes::from(Reach::Network)
    };
    let (subscription, mut output) = listen(0, wishes).unwrap();
    let socket = socket2::Socket::from(UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap());
    let here = network_addresses().first().copied();
    socket
        .set_multicast_if_v4(&here.unwrap_or(Ipv4Addr::LOCALHOST))
        .unwrap();
    let socket = UdpSocket::from(socket);
    if socket
        .send_to(&good_packet(), (group, subscription.port()))
        .is_err()
    {
        return println!("skipped: this machine's network has no multicast");
    }
    assert!(eventually(|| output.pop().is_some()));
}

#[test]
fn an_x_imu3_that_announces_itself_is_heard_by_its_name() {
    let (subscription, _output) = listen(0, Reach::Network).unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_broadcast(true).unwrap();
    let said = br#"{"sync":0,"name":"Left hand","sn":"0123","ip":"127.0.0.1","port":7000,"send":8000,"receive":9000}"#;
    send(&subscription, b"I,1000000,0,0,0,0,0,1\r\n");
    let mut heard = false;
    for _ in 0..200 {
        if socket.send_to(said, "127.255.255.255:10000").is_err() {
            return println!("skipped: no broadcast on this machine's loopback");
        }
        let devices = subscription.devices();
        heard = devices
            .iter()
            .any(|device| device.name == "x-IMU3 Left hand");
        if heard {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(heard, "{:?}", announced());
    assert_eq!(announced()[0].sends_to, Some(8000));
}

#[test]
fn hostile_packets_are_counted_and_the_next_good_one_is_heard() {
    let (subscription, mut output) = listen(0, Reach::Loopback).unwrap();
    let bomb = (0..2_600).fold(Vec::new(), |inner: Vec<u8>, _| {
        let mut outer = b"#bundle\0\0\0\0\0\0\0\0\x01".to_vec();
        outer.extend((inner.len() as u32).to_be_bytes());
        outer.extend(inner);
        outer
    });
    let not_numbers = message("/0/raw", vec![rosc::OscType::Float(f32::NAN); 22]);
    for bytes in [
        &bomb[..],
        &[0; 8_193],
        &not_numbers,
        b"/0/raw\0\0ffff\0\0\0\0",
        b"",
        &[0xff; 64],
    ] {
        send(&subscription, bytes);
    }
    send(&subscription, &good_packet());
    let mut frames = Vec::new();
    assert!(eventually(|| drain(&mut output, &mut frames) == 1));
    let counters = subscription.counters();
    assert_eq!(
        (counters.malformed, counters.implausible),
        (5, 1),
        "{counters:?}"
    );
}

#[test]
fn the_riot_capture_is_heard_as_two_sensors() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/imu/riot_2sensor_osc_idle.csv");
    if !path.exists() {
        println!("skipped: no {}", path.display());
        return;
    }
    let mut datagrams = Take::read(&path).unwrap().into_datagrams(Spoken::RiotV2);
    datagrams.truncate(2_000);
    let sent = datagrams.len() as u64;
    let (subscription, mut output) = listen(0, Reach::Loopback).unwrap();
    let transmitter =
        Transmitter::start(at(subscription.port()), datagrams.into_iter(), 4.0).unwrap();
    let mut frames = Vec::new();
    assert!(eventually(|| {
        drain(&mut output, &mut frames);
        transmitter.is_finished() && subscription.devices().len() == 2
    }));
    assert!(frames.len() as u64 <= sent && frames.len() > 100);
    for frame in frames {
        let norm = frame
            .accel_m_per_s2
            .iter()
            .map(|value| value * value)
            .sum::<f32>()
            .sqrt();
        assert!((8.5..10.5).contains(&norm), "at rest: {norm} m/s²");
    }
    for device in subscription.devices() {
        assert_eq!(device.profile, "R-IoT v2");
    }
}

#[test]
fn twenty_thousand_messages_a_second_are_heard_without_loss() {
    if std::env::var_os("IMU2MUSIC_LONG").is_none() {
        println!("skipped: depends on a quiet machine; set IMU2MUSIC_LONG=1");
        return;
    }
    let (subscription, mut output) = listen(0, Reach::Loopback).unwrap();
    println!(
        "receive buffer granted: {} bytes",
        subscription.receive_buffer_bytes()
    );
    let seconds = 60;
    let senders: Vec<_> = (0..10_u16)
        .map(|device| {
            let plan = (0..seconds * 2_000).map(move |number| TimedDatagram {
                at_s: f64::from(number) / 2_000.0,
                source: device,
                bytes: Spoken::RiotV2
                    .encode(device, 0.0, &reading(1).frame)
                    .remove(0),
            });
            Transmitter::start(at(subscription.port()), plan, 1.0).unwrap()
        })
        .collect();
    let expected = seconds as u64 * 20_000;
    let mut heard = 0_u64;
    let start = Instant::now();
    while heard < expected && start.elapsed() < Duration::from_secs(90) {
        heard += std::iter::from_fn(|| output.pop()).count() as u64;
        std::thread::sleep(Duration::from_millis(5));
    }
    println!(
        "{heard} of {expected} frames in {:.1} s, {} dropped by the ring",
        start.elapsed().as_secs_f64(),
        output.dropped()
    );
    assert_eq!(senders.iter().map(Transmitter::sent).sum::<u64>(), expected);
    assert_eq!(heard, expected);
}

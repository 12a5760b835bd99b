//! One port, several library images: what one holds, all hear, and when it goes another takes over.
//!
//! Here an image is a process: `imu2music monitor`. Two images in one process are in `tests/hosts.rs`.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use imu2music::sensor::encode::Spoken;
use imu2music::sensor::frame::{DeviceId, SensorFrame};
use imu2music::sensor::hub::{PortRole, Reach, listen};
use imu2music::sensor::ring::SensorOutput;
use imu2music::sensor::transmit::{TimedDatagram, Transmitter};
use imu2music::units::HostTime;
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(30);
const RATE_HZ: f64 = 200.0;

/// `imu2music monitor --json` and the newest line that it has printed.
struct Monitor {
    process: Child,
    lines: Receiver<Value>,
    newest: Value,
}

impl Monitor {
    fn start(port: u16) -> Monitor {
        let mut process = Command::new(env!("CARGO_BIN_EXE_imu2music"))
            .args([
                "monitor",
                "--json",
                "--every",
                "0.02",
                "--port",
                &port.to_string(),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the monitor starts");
        let output = BufReader::new(process.stdout.take().expect("an output"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).expect("a line of JSON");
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        Monitor {
            process,
            lines,
            newest: Value::Null,
        }
    }

    /// Waits until the monitor says what `done` looks for.
    fn until(&mut self, what: &str, mut done: impl FnMut(&Value) -> bool) {
        let start = Instant::now();
        while !done(&self.newest) {
            assert!(start.elapsed() < DEADLINE, "no {what}: {}", self.newest);
            if let Ok(line) = self.lines.recv_timeout(Duration::from_millis(100)) {
                self.newest = line;
            }
        }
    }

    fn until_it_is(&mut self, role: &str) {
        self.until(role, |line| line["role"] == role);
    }

    /// Waits until it has heard more than now.
    fn until_it_hears(&mut self) {
        while let Ok(line) = self.lines.try_recv() {
            self.newest = line;
        }
        let before = self.frames();
        self.until("motion", |line| {
            line["frames"].as_u64().unwrap_or(0) > before
        });
    }

    fn frames(&self) -> u64 {
        self.newest["frames"].as_u64().unwrap_or(0)
    }

    /// Nothing in the process gets to tidy up.
    fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What this process hears.
struct Watch {
    output: SensorOutput,
    frames: Vec<SensorFrame>,
}

impl Watch {
    /// Waits for a reading later than `time`.
    fn until_after(&mut self, time: HostTime) {
        eventually("motion", || {
            self.frames.extend(std::iter::from_fn(|| self.output.pop()));
            self.frames.last().is_some_and(|frame| frame.time > time)
        });
    }

    /// The longest time between two readings that ended after `since`.
    fn longest_gap_ms(&self, since: HostTime) -> f64 {
        let late = self.frames.windows(2).filter(|pair| pair[1].time > since);
        late.map(|pair| 1e3 * pair[1].time.seconds_since(pair[0].time))
            .fold(0.0, f64::max)
    }
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket.local_addr().expect("an address").port()
}

/// One reading of sensor 3, its number in its angular rate.
fn packet(number: u32) -> Vec<u8> {
    let mut frame = SensorFrame::empty(DeviceId(0), HostTime(0.0));
    frame.accel_m_per_s2 = [0.0, 0.0, 9.81];
    frame.rate_rad_per_s = [(number % 3_000) as f32 * 0.01, 0.0, 0.0];
    Spoken::RiotV2.encode(3, 0.0, &frame).remove(0)
}

/// A sensor that sends for ever.
fn sensor(port: u16) -> Transmitter {
    let plan = (0..u32::MAX).map(|number| TimedDatagram {
        at_s: f64::from(number) / RATE_HZ,
        source: 3,
        bytes: packet(number),
    });
    Transmitter::start(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), plan, 1.0).expect("a sender")
}

fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < DEADLINE, "no {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn three_processes_share_a_port_and_survive_the_holder_s_sudden_death() {
    let port = free_port();
    let mut first = Monitor::start(port);
    first.until_it_is("holder");
    let mut second = Monitor::start(port);
    second.until_it_is("guest");
    // The third is this process, where times can be seen.
    let (own, output) = listen(port, Reach::Loopback).expect("a guest");
    assert_eq!(own.role(), PortRole::Guest);
    first.until("guests", |line| line["guests"] == 2);
    let _sensor = sensor(port);
    first.until_it_hears();
    second.until_it_hears();

    let mut watch = Watch {
        output,
        frames: Vec::new(),
    };
    watch.until_after(HostTime::now());
    // SIGKILL on Unix. Of the two that are left one takes over, and the other goes on as its guest.
    let killed = HostTime::now();
    first.kill();
    watch.until_after(killed + 0.5);
    println!(
        "silence after the holder was killed: {:.0} ms",
        watch.longest_gap_ms(killed)
    );
    second.until_it_hears();
    if own.role() == PortRole::Holder {
        second.until_it_is("guest");
        assert_eq!(own.takeovers(), 1);
    } else {
        second.until_it_is("holder");
    }
    assert_eq!(
        own.devices().len(),
        1,
        "the sensor is the same one: {:?}",
        own.devices()
    );
    assert_eq!(own.devices()[0].sender.ip(), Ipv4Addr::LOCALHOST);

    // The next death, whoever it hits.
    let killed = HostTime::now();
    second.kill();
    eventually("own turn to hold", || own.role() == PortRole::Holder);
    watch.until_after(killed + 0.5);
    println!(
        "silence after the next was killed: {:.0} ms",
        watch.longest_gap_ms(killed)
    );
}

#[test]
fn what_a_guest_hears_is_what_was_sent_to_the_holder() {
    let port = free_port();
    let mut holder = Monitor::start(port);
    holder.until_it_is("holder");
    let (own, mut output) = listen(port, Reach::Loopback).expect("a guest");
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let before = HostTime::now();
    let to = (Ipv4Addr::LOCALHOST, port);
    for bytes in [&b"rubbish"[..], &[0; 9_000], &[], &packet(7)] {
        socket.send_to(bytes, to).expect("sent");
    }
    let mut heard = None;
    eventually("the packet", || {
        heard = output.pop();
        heard.is_some()
    });
    let heard = heard.expect("a frame");
    assert!((heard.rate_rad_per_s[0] - 0.07).abs() < 1e-5);
    assert!(heard.time >= before && heard.time <= HostTime::now());
    assert_eq!(
        own.devices()[0].sender,
        socket.local_addr().expect("an address")
    );
    assert_eq!(own.counters().malformed, 3);
    holder.until("the same counts", |line| {
        line["malformed"] == 3 && line["datagrams"] == 4
    });
}

#[test]
fn a_guest_s_wish_for_the_network_opens_the_holder_s_socket_until_it_goes() {
    let port = free_port();
    let mut holder = Monitor::start(port);
    holder.until_it_is("holder");
    let here = format!("127.0.0.1:{port}");
    assert_eq!(holder.newest["address"], here.as_str());
    let (own, _output) = listen(port, Reach::Network).expect("a guest");
    eventually("the network", || {
        own.reach() == Reach::Network && own.role() == PortRole::Guest
    });
    // A loopback socket of someone else finds the port taken on every address now.
    assert!(UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), port)).is_err());
    drop(own);
    eventually("loopback alone", || {
        UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), port)).is_ok()
    });
    holder.until_it_is("holder");
}

#[test]
fn a_port_that_a_stranger_took_meanwhile_is_told_and_taken_back() {
    let port = free_port();
    let mut holder = Monitor::start(port);
    holder.until_it_is("holder");
    let (own, mut output) = listen(port, Reach::Loopback).expect("a guest");
    // Only luck decides who is quicker; the stranger tries without a pause.
    holder.kill();
    let stranger = (0..200_000).find_map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).ok());
    if let Some(stranger) = stranger {
        eventually("an error", || own.role() == PortRole::Lost);
        let text = own.trouble().expect("why").to_string();
        assert!(text.contains(&format!("port {port} is in use")), "{text}");
        drop(stranger);
    }
    eventually("the port", || {
        own.role() == PortRole::Holder && own.trouble().is_none()
    });
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    socket
        .send_to(&packet(1), (Ipv4Addr::LOCALHOST, port))
        .expect("sent");
    eventually("motion", || output.pop().is_some());
}

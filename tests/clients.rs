//! OSC as other people's programs write it: each is run from its own package and must be seen, in the
//! right units, by `imu2music monitor --json`.
//!
//! Runs with IMU2MUSIC_LONG, where `cargo xtask test --long` has installed the clients; one that is not
//! there is passed over, saying so.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use imu2music::sensor::hub::network_addresses;
use serde_json::{Value, json};

/// What each client says: a phone's accelerometer, with whole numbers and a fraction.
const ADDRESS: &str = "/accelerometer";
const SAID: [f64; 3] = [1.0, 2.0, 9.5];
const DEADLINE: Duration = Duration::from_secs(60);

/// Stops a program at the end, whatever happens.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_long() -> bool {
    let long = std::env::var_os("IMU2MUSIC_LONG").is_some();
    if !long {
        println!("skipped: runs other people's programs; set IMU2MUSIC_LONG=1");
    }
    long
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.local_addr().expect("an address").port()
}

fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.join(format!("{}-{name}", std::process::id()))
}

/// Runs a client, again and again until what it said is heard.
fn is_heard(name: &str, client: impl Fn(u16) -> Command) {
    if !is_long() {
        return;
    }
    let port = free_port();
    let mut monitor = Command::new(env!("CARGO_BIN_EXE_imu2music"));
    monitor.args([
        "monitor",
        "--json",
        "--every",
        "0.1",
        "--port",
        &port.to_string(),
    ]);
    let monitor = monitor.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut monitor = Running(monitor.expect("the monitor starts"));
    let mut lines = BufReader::new(monitor.0.stdout.take().expect("an output")).lines();
    lines.next(); // It listens.
    let start = Instant::now();
    let mut running = match client(port).stdin(Stdio::null()).spawn() {
        Ok(child) => Running(child),
        Err(error) => return println!("skipped: {name} is not here: {error}"),
    };
    let mut line = Value::Null;
    while line["devices"][0]["accel_m_per_s2"] != json!(SAID) {
        assert!(start.elapsed() < DEADLINE, "{name} is not heard: {line}");
        let text = lines.next().expect("a monitor that goes on").expect("text");
        line = serde_json::from_str(&text).expect("a line of JSON");
        if running.0.try_wait().expect("a child").is_some() {
            running = Running(
                client(port)
                    .stdin(Stdio::null())
                    .spawn()
                    .expect("started once already"),
            );
        }
    }
    let counts = (&line["malformed"], &line["unknown"], &line["implausible"]);
    assert_eq!(counts, (&json!(0), &json!(0), &json!(0)), "{name}: {line}");
    assert_eq!(
        line["devices"].as_array().map(Vec::len),
        Some(1),
        "{name}: {line}"
    );
    println!("{name} is heard: {}", line["devices"][0]["name"]);
}

#[test]
fn long_python_osc_is_heard() {
    let Some(python) = std::env::var_os("IMU2MUSIC_PYTHON") else {
        return println!("skipped: IMU2MUSIC_PYTHON is not set: run `cargo xtask test --long`");
    };
    is_heard("python-osc", |port| {
        let mut command = Command::new(&python);
        command.args(["-c", &format!(
            "from pythonosc.udp_client import SimpleUDPClient as C; C('127.0.0.1', {port}).send_message('{ADDRESS}', [1, 2.0, 9.5])"
        )]);
        command
    });
}

#[test]
fn long_liblo_s_oscsend_is_heard() {
    is_heard("oscsend", |port| {
        let mut command = Command::new("oscsend");
        command.args([
            "127.0.0.1",
            &port.to_string(),
            ADDRESS,
            "ifd",
            "1",
            "2",
            "9.5",
        ]);
        command
    });
}

#[test]
fn long_liblo_s_oscsendfile_is_heard() {
    let file = scratch("take.osc");
    let line = |hundredth: u32| {
        let fraction = hundredth * (u32::MAX / 100);
        format!("e5d4b1a0.{fraction:08x} {ADDRESS} fff 1.000000 2.000000 9.500000\n")
    };
    std::fs::write(&file, (0..50).map(line).collect::<String>()).expect("a take");
    is_heard("oscsendfile", |port| {
        let mut command = Command::new("oscsendfile");
        command.args(["127.0.0.1", &port.to_string()]).arg(&file);
        command
    });
}

#[test]
fn long_pure_data_is_heard() {
    let file = scratch("sensor.pd");
    is_heard("Pure Data", |port| {
        std::fs::write(&file, patch(port)).expect("a patch");
        let mut command = Command::new("pd");
        command
            .args(["-nogui", "-noaudio", "-nomidi", "-open"])
            .arg(&file);
        command
    });
}

/// Fifty readings a second through [oscformat] and [netsend -u -b].
fn patch(port: u16) -> String {
    format!(
        "#N canvas 0 0 450 300 12;
#X obj 20 20 loadbang;
#X msg 20 60 connect 127.0.0.1 {port};
#X obj 20 100 netsend -u -b;
#X obj 200 20 metro 20;
#X msg 200 60 1 2 9.5;
#X obj 200 100 oscformat accelerometer;
#X obj 200 140 list prepend send;
#X obj 200 170 list trim;
#X msg 300 20 1;
#X connect 0 0 1 0;
#X connect 1 0 2 0;
#X connect 0 0 8 0;
#X connect 8 0 3 0;
#X connect 3 0 4 0;
#X connect 4 0 5 0;
#X connect 5 0 6 0;
#X connect 6 0 7 0;
#X connect 7 0 2 0;
"
    )
}

#[test]
fn long_node_osc_is_heard() {
    let Some(modules) = std::env::var_os("IMU2MUSIC_NODE_MODULES") else {
        return println!(
            "skipped: IMU2MUSIC_NODE_MODULES is not set: run `cargo xtask test --long`"
        );
    };
    is_heard("node-osc", |port| {
        let script = format!(
            "const {{ Client }} = require('node-osc'); const c = new Client('127.0.0.1', {port}); c.send('{ADDRESS}', 1, 2, 9.5, () => c.close())"
        );
        let mut command = Command::new("node");
        command.args(["-e", &script]).env("NODE_PATH", &modules);
        command
    });
}

const BROWSE: &str = "
import sys, time
from zeroconf import ServiceBrowser, ServiceListener, Zeroconf
class Listener(ServiceListener):
    def add_service(self, zeroconf, kind, name):
        info = zeroconf.get_service_info(kind, name, timeout=3000)
        if info: print('here', info.port, *info.parsed_addresses(), flush=True)
    def update_service(self, *_): pass
    def remove_service(self, zeroconf, kind, name):
        print('gone', name, flush=True)
zeroconf = Zeroconf()
browser = ServiceBrowser(zeroconf, '_osc._udp.local.', Listener())
time.sleep(float(sys.argv[1]))
zeroconf.close()
";

/// Another program's browser sees the port come, with its address, and go.
#[test]
fn long_zeroconf_sees_an_open_port_come_and_go() {
    if !is_long() {
        return;
    }
    let Some(python) = std::env::var_os("IMU2MUSIC_PYTHON") else {
        return println!("skipped: IMU2MUSIC_PYTHON is not set: run `cargo xtask test --long`");
    };
    let Some(&here) = network_addresses().first() else {
        return println!("skipped: this machine is on no network");
    };
    let port = free_port().to_string();
    let browser = Command::new(&python)
        .args(["-c", BROWSE, "20"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a browser");
    let mut browser = Running(browser);
    let mut monitor = Command::new(env!("CARGO_BIN_EXE_imu2music"));
    monitor.args([
        "monitor",
        "--json",
        "--network",
        "--seconds",
        "8",
        "--port",
        &port,
    ]);
    let monitor = monitor.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let _monitor = Running(monitor.expect("the monitor starts"));
    let output = browser.0.stdout.take().expect("an output");
    let seen: Vec<String> = BufReader::new(output)
        .lines()
        .map_while(Result::ok)
        .collect();
    let came = format!("here {port} {here}");
    assert!(
        seen.iter().any(|line| line.starts_with(&came)),
        "{came}: {seen:?}"
    );
    let gone = |line: &String| line.starts_with("gone") && line.contains(&port);
    assert!(seen.iter().any(gone), "{seen:?}");
}

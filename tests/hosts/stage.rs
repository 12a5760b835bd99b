//! A plugin on stage: opened from its file, rendered against the wall clock, its trace read afterwards.
//!
//! One at a time in this process, because the port and the trace are given by environment variables.

use super::clap_host::Plugin;
use clack_host::events::io::EventBuffer;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

const SAMPLE_RATE_HZ: f64 = 48_000.0;
const BLOCK: usize = 64;

static TURN: Mutex<()> = Mutex::new(());

/// The port and the folder of the traces, told to the plugin once.
fn surroundings() -> &'static (u16, PathBuf) {
    static SURROUNDINGS: OnceLock<(u16, PathBuf)> = OnceLock::new();
    SURROUNDINGS.get_or_init(|| {
        let port = free_port();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("stage-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for traces");
        let variables = [
            ("IMU2MUSIC_PORTS", port.to_string().into()),
            ("IMU2MUSIC_TRACE", folder.join("trace.csv").into_os_string()),
        ];
        for (variable, value) in variables {
            #[allow(unsafe_code)]
            // SAFETY: under the lock that every test of this file takes first, before any plugin is loaded;
            // the test harness itself reads no environment while tests run.
            unsafe {
                std::env::set_var(variable, value)
            }
        }
        (port, folder)
    })
}

pub fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.local_addr().expect("an address").port()
}

/// The `.clap` of the bundle, else the library beside this test: on Linux the same file by another name.
pub fn plugin_file() -> PathBuf {
    if let Some(bundle) = std::env::var_os("IMU2MUSIC_CLAP") {
        return bundle.into();
    }
    let test = std::env::current_exe().expect("this program");
    let library = format!(
        "{}imu2music{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    test.parent().expect("its folder").join(library)
}

pub struct Stage {
    plugin: Option<Plugin>,
    pub port: u16,
    folder: &'static Path,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    pub fn open() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (port, folder) = surroundings();
        for old in std::fs::read_dir(folder)
            .expect("the trace folder")
            .flatten()
        {
            let _ = std::fs::remove_file(old.path());
        }
        let plugin = Plugin::open(&plugin_file()).expect("the plugin opens");
        Self {
            plugin: Some(plugin),
            port: *port,
            folder,
            _turn: turn,
        }
    }

    pub fn plugin(&mut self) -> &mut Plugin {
        self.plugin.as_mut().expect("on stage")
    }

    /// Takes the plugin off, to be played otherwise; the stage stays this test's.
    pub fn take_plugin(&mut self) -> Plugin {
        self.plugin.take().expect("on stage")
    }

    /// Renders some seconds in real time; `each_second` is called as each second of sound begins.
    pub fn render(&mut self, seconds: f64, mut each_second: impl FnMut(u32)) -> Sound {
        let plugin = self.plugin();
        let mut player = plugin.activate(SAMPLE_RATE_HZ, BLOCK).expect("activated");
        let playing = AtomicBool::new(true);
        let rendered = std::sync::atomic::AtomicU64::new(0);
        let (player, sound) = std::thread::scope(|scope| {
            let audio = scope.spawn(|| {
                let mut sound = Sound { left: Vec::new() };
                let (events, start) = (EventBuffer::new(), Instant::now());
                while playing.load(Ordering::Acquire)
                    && (sound.left.len() as f64) < seconds * SAMPLE_RATE_HZ
                {
                    let due =
                        start + Duration::from_secs_f64(sound.left.len() as f64 / SAMPLE_RATE_HZ);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    player.render(BLOCK, &events).expect("rendered");
                    sound.left.extend_from_slice(player.output(0));
                    rendered.store(sound.left.len() as u64, Ordering::Release);
                }
                player.rest();
                (player, sound)
            });
            let mut begun = 0;
            while !audio.is_finished() {
                let now_s = rendered.load(Ordering::Acquire) as f64 / SAMPLE_RATE_HZ;
                while f64::from(begun) <= now_s {
                    each_second(begun);
                    begun += 1;
                }
                plugin.tend();
                std::thread::sleep(Duration::from_millis(5));
            }
            audio.join().expect("the audio thread")
        });
        plugin.deactivate(player);
        sound
    }

    /// Takes the plugin off and reads what it wrote down.
    pub fn close(mut self) -> Trace {
        self.plugin = None;
        let files = std::fs::read_dir(self.folder)
            .expect("the trace folder")
            .flatten();
        let file = files
            .map(|entry| entry.path())
            .next()
            .expect("the plugin wrote a trace");
        Trace::parse(&std::fs::read_to_string(file).expect("a readable trace"))
    }
}

pub struct Sound {
    left: Vec<f32>,
}

impl Sound {
    pub fn between(&self, from_s: f64, to_s: f64) -> &[f32] {
        let at = |seconds: f64| ((seconds * SAMPLE_RATE_HZ) as usize).min(self.left.len());
        &self.left[at(from_s)..at(to_s)]
    }

    pub fn is_finite(&self) -> bool {
        self.left.iter().all(|sample| sample.is_finite())
    }
}

/// Root mean square.
pub fn level_db(samples: &[f32]) -> f64 {
    let power: f64 = samples
        .iter()
        .map(|sample| f64::from(*sample).powi(2))
        .sum();
    10.0 * (power / samples.len().max(1) as f64 + 1e-14).log10()
}

/// Columns of the plugin's trace, found by name.
pub struct Trace {
    names: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl Trace {
    fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let names: Vec<String> = lines
            .next()
            .unwrap_or_default()
            .split(',')
            .map(str::to_owned)
            .collect();
        let number = |word: &str| word.trim().parse().unwrap_or(f64::NAN);
        let rows = lines.map(|line| line.split(',').map(number).collect::<Vec<f64>>());
        let rows = rows.filter(|row| row.len() == names.len()).collect();
        Self { names, rows }
    }

    fn column(&self, name: &str) -> usize {
        self.names
            .iter()
            .position(|known| known == name)
            .unwrap_or_else(|| panic!("the trace has no {name}"))
    }

    /// Values between two song times.
    pub fn between(&self, name: &str, from_s: f64, to_s: f64) -> Vec<f64> {
        let (time, column) = (self.column("song_s"), self.column(name));
        let rows = self
            .rows
            .iter()
            .filter(|row| (from_s..to_s).contains(&row[time]));
        rows.map(|row| row[column]).collect()
    }

    /// How far a counter rose after a song time.
    pub fn rise(&self, name: &str, from_s: f64) -> f64 {
        let values = self.between(name, from_s, f64::MAX);
        values.last().unwrap_or(&0.0) - values.first().unwrap_or(&0.0)
    }
}

/// A child process that is gone at the end, whatever happens.
pub struct Sender(Child);

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The virtual performer, sending from a process of its own.
pub fn perform(style: &str, port: u16, seconds: u32) -> Sender {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imu2music"));
    command.args([
        "perform",
        "--style",
        style,
        "--seconds",
        &seconds.to_string(),
    ]);
    command
        .args(["--to", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Sender(command.spawn().expect("the performer starts"))
}

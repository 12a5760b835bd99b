//! Takes of the virtual performer, by command and by seed. Every take is another performance under other
//! circumstances: another strap, other flaws, another rate, gaps, now and then one sensor only.

use serde_json::json;

use super::energy::EnergyTilt;
use super::sensing::{Circumstances, Kind, listen, send};
use super::take::{Split, Take, Truth};
use crate::controls::{Controls, SILENCE_DB};
use crate::gesture::features::{FEATURE_SCHEMA, LimbFeature};
use crate::sensor::performer::{Chance, Flaws, LIMBS, Performer, Style};
use crate::sensor::{DeviceId, SensorFrame};

/// Whose performances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Players {
    One(Style),
    Mix,
}

impl Players {
    pub const NAMES: [&str; 6] = ["bow", "strum", "shake", "conduct", "still", "mix"];

    pub fn from_name(name: &str) -> Option<Players> {
        match name {
            "mix" => Some(Players::Mix),
            name => Style::from_name(name).map(Players::One),
        }
    }
}

/// What the motion should mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The performer's own music, from both forearms.
    Performer,
    /// Energy → loudness, tilt → pitch and brightness, from any one sensor in the first role.
    EnergyTilt,
}

impl Target {
    pub const NAMES: [&str; 2] = ["performer", "energy-tilt"];

    pub fn from_name(name: &str) -> Option<Target> {
        match name {
            "performer" => Some(Target::Performer),
            "energy-tilt" => Some(Target::EnergyTilt),
            _ => None,
        }
    }
}

/// The features that a model is given. Heading and the horizontal acceleration are left out: they need a recentring
/// that a player may not have made, and they drift.
pub const CHOSEN: [LimbFeature; 10] = [
    LimbFeature::LinearZ,
    LimbFeature::RateX,
    LimbFeature::RateY,
    LimbFeature::RateZ,
    LimbFeature::UpX,
    LimbFeature::UpY,
    LimbFeature::UpZ,
    LimbFeature::Energy,
    LimbFeature::Speed,
    LimbFeature::Jerk,
];

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub players: Players,
    pub target: Target,
    pub minutes: f64,
    pub frame_rate_hz: u32,
    pub seed: u64,
}

/// Length of one take, and where in its own score it may begin at the latest.
const TAKE_S: f64 = 30.0;
const LATEST_START_S: f64 = 600.0;

/// The network is asked for the sound of this much later: motion announces what it will do, and the way from a
/// sensor to the ear takes about as long.
const LEAD_S: f64 = 0.03;

impl Plan {
    /// Per epoch.
    fn takes(&self) -> u64 {
        (self.minutes * 60.0 / TAKE_S).ceil().max(2.0) as u64
    }

    fn limbs(&self) -> usize {
        match self.target {
            Target::Performer => LIMBS.len(),
            Target::EnergyTilt => 1,
        }
    }

    pub fn input_names(&self) -> Vec<String> {
        LIMBS[..self.limbs()]
            .iter()
            .flat_map(|limb| {
                CHOSEN
                    .iter()
                    .map(move |feature| format!("{limb}.{}", feature.name()))
            })
            .collect()
    }

    pub fn description(&self) -> String {
        match (self.target, self.players) {
            (Target::EnergyTilt, _) => "Makes any one sensor musical at once: the energy of its motion is loudness, \
                the tilt of its x axis pitch, the tilt of its y axis brightness; held still it is silent."
                .into(),
            (_, Players::One(Style::Bow)) => "Two forearm sensors bow a violin: the right arm's sweep is the bow and \
                loudness, its inclination the string, its roll the tone; the left arm's inclination stops the note and \
                its rolling is vibrato. With the right sensor alone it plays by string; without it it is silent."
                .into(),
            (_, Players::One(style)) => format!("Two forearm sensors, as the virtual performer's style '{}'.", style.name()),
            (_, Players::Mix) => "Two forearm sensors, every style of the virtual performer.".into(),
        }
    }

    pub fn data(&self) -> serde_json::Value {
        json!({
            "synthetic": true,
            "source": "virtual performer",
            "players": format!("{:?}", self.players),
            "target": format!("{:?}", self.target),
            "minutes": self.minutes,
            "seed": self.seed,
            "lead_s": LEAD_S,
            "feature_schema": FEATURE_SCHEMA,
        })
    }
}

/// Training takes of the first epoch, and a fifth as many for early stopping and again for the test.
pub fn perform(plan: &Plan) -> Split {
    let held_out = plan.takes().div_ceil(5).max(12);
    let takes = |purpose: u64| -> Vec<Take> {
        (0..held_out)
            .map(|index| take(plan, purpose, index))
            .collect()
    };
    Split {
        timbre: 0,
        train: rehearse(plan, 0),
        validation: takes(1),
        test: takes(2),
    }
}

/// New training takes for an epoch.
pub fn rehearse(plan: &Plan, epoch: usize) -> Vec<Take> {
    let first = epoch as u64 * plan.takes();
    (first..first + plan.takes())
        .map(|index| take(plan, 0, index))
        .collect()
}

/// One take. Test takes have typical flaws and both sensors: what a player would meet.
fn take(plan: &Plan, purpose: u64, index: u64) -> Take {
    let mut chance = Chance::new(plan.seed.wrapping_mul(1000).wrapping_add(purpose), index);
    // Seeds 1 to 999 are left to demos: no model is tested on what it was trained on, or plays what it knows by heart.
    let seed = 1000 + chance.next_bits() % 1_000_000_000;
    let style = match plan.players {
        Players::One(style) if purpose != 2 && chance.happens(0.04) && style == Style::Bow => {
            Style::Still
        }
        Players::One(style) => style,
        Players::Mix => Style::ALL[index as usize % Style::ALL.len()],
    };
    let from_s = if chance.happens(0.3) {
        0.0
    } else {
        chance.between(0.0, LATEST_START_S)
    };
    match plan.target {
        Target::Performer => own_music(plan, purpose, style, seed, from_s, &mut chance),
        Target::EnergyTilt => one_sensor(plan, style, seed, from_s, &mut chance),
    }
}

fn own_music(
    plan: &Plan,
    purpose: u64,
    style: Style,
    seed: u64,
    from_s: f64,
    chance: &mut Chance,
) -> Take {
    let mut flaws = [Flaws::typical(chance), Flaws::typical(chance)];
    let mut circumstances = [Circumstances::any(chance), Circumstances::any(chance)];
    if purpose != 2 {
        for flaws in &mut flaws {
            let more = chance.between(0.5, 1.5);
            flaws.mount_rad = flaws.mount_rad.map(|angle| angle * more);
        }
        match chance.unit() {
            u if u < 0.12 => circumstances[1].present = false,
            u if u < 0.17 => circumstances[0].present = false,
            _ => {}
        }
    }
    let performer = Performer::with_flaws(style, seed, flaws);
    let sent = [0, 1].map(|limb| {
        send(
            &performer,
            limb,
            from_s,
            TAKE_S,
            &circumstances[limb],
            chance,
        )
    });
    let frames = (TAKE_S * f64::from(plan.frame_rate_hz)) as usize;
    let truth = (0..frames).map(|frame| {
        let t_s = from_s + LEAD_S + frame as f64 / f64::from(plan.frame_rate_hz);
        let mut controls = performer.controls(t_s);
        let silent = !circumstances[0].present || style == Style::Still;
        if silent {
            controls.loudness_db = SILENCE_DB;
        }
        Truth {
            controls,
            onset: !silent && performer.onset(t_s),
            pitched: true,
        }
    });
    Take {
        name: format!("{} {seed} from {from_s:.1} s", style.name()),
        truth: truth.collect(),
        width: LIMBS.len() * CHOSEN.len(),
        features: listen(&sent, &plan.input_names(), frames, plan.frame_rate_hz),
    }
}

fn one_sensor(plan: &Plan, style: Style, seed: u64, from_s: f64, chance: &mut Chance) -> Take {
    let mut flaws = Flaws::typical(chance);
    // Any way up: the sensor's own axes are what the player tilts.
    if chance.happens(0.7) {
        flaws.mount_rad = [0; 3].map(|_| chance.between(-2.0, 2.0));
    }
    let limb = chance.below(LIMBS.len());
    let mut circumstances = Circumstances::any(chance);
    if chance.happens(0.15) {
        circumstances.kind = Kind::Accelerometer;
    }
    if chance.happens(0.2) {
        circumstances.rate_hz = 25.0;
    }
    let performer = Performer::with_flaws(style, seed, [flaws; 2]);
    let sent = [send(
        &performer,
        limb,
        from_s,
        TAKE_S,
        &circumstances,
        chance,
    )];
    let sent = sent.map(worn_first);
    let frames = (TAKE_S * f64::from(plan.frame_rate_hz)) as usize;
    let step_s = 1.0 / f64::from(plan.frame_rate_hz);
    let mut target = EnergyTilt::new(&flaws, step_s);
    let controls: Vec<Controls> = (0..frames)
        .map(|frame| target.step(&performer, limb, from_s + LEAD_S + frame as f64 * step_s))
        .collect();
    let truth = (0..frames).map(|frame| Truth {
        controls: controls[frame],
        onset: begins(&controls, frame, plan.frame_rate_hz),
        pitched: true,
    });
    Take {
        name: format!("{} {seed} limb {limb} from {from_s:.1} s", style.name()),
        truth: truth.collect(),
        width: CHOSEN.len(),
        features: listen(&sent, &plan.input_names(), frames, plan.frame_rate_hz),
    }
}

/// The one sensor is the first device, whichever limb it was worn on.
fn worn_first(frames: Vec<SensorFrame>) -> Vec<SensorFrame> {
    let first = |frame: SensorFrame| SensorFrame {
        device: DeviceId(0),
        ..frame
    };
    frames.into_iter().map(first).collect()
}

/// Loudness rose through -35 dB within the last 40 ms.
fn begins(controls: &[Controls], frame: usize, rate_hz: u32) -> bool {
    const SOUNDS_DB: f32 = -35.0;
    let before = frame.saturating_sub((0.04 * rate_hz as f32).ceil() as usize);
    controls[frame].loudness_db > SOUNDS_DB && controls[before].loudness_db <= SOUNDS_DB
}

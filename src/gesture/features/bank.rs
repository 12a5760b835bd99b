//! The names of the features, their resting values, and the bank that holds those of every role at one tick.

use crate::gesture::{ROLE_COUNT, Role};

/// One feature of one limb, in the order of the array. Units: see each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimbFeature {
    /// Acceleration without gravity, m/s², earth axes turned about the vertical so that x is the recentred forward,
    /// y left, z up.
    LinearX,
    LinearY,
    LinearZ,
    /// Angular rate about the sensor's axes, rad/s, bias removed.
    RateX,
    RateY,
    RateZ,
    /// The direction "up" in sensor axes, unit: the tilt.
    UpX,
    UpY,
    UpZ,
    /// Sine and cosine of the turn about the vertical since the last recentring.
    HeadingSin,
    HeadingCos,
    /// m / (1 + m), where m² is the smoothed (30 ms up, 150 ms down) |linear|²/(10 m/s²)² + |rate|²/(5 rad/s)²:
    /// 0 at rest, towards 1.
    Energy,
    /// |rate| smoothed over 50 ms, rad/s.
    Speed,
    /// ln(1 + j / 50 m/s³), where j is |d linear / dt| smoothed over 30 ms.
    Jerk,
    /// The device's user channels, in its own scale.
    Aux1,
    Aux2,
    Aux3,
    Aux4,
    Aux5,
    Aux6,
    Aux7,
    Aux8,
    /// The pose as the first two columns of its rotation matrix (the 6-D form of Zhou et al. 2019, "On the Continuity
    /// of Rotation Representations in Neural Networks"): where the sensor's x axis points, and where its y axis
    /// points, in the axes of `linear`.
    XAxisX,
    XAxisY,
    XAxisZ,
    YAxisX,
    YAxisY,
    YAxisZ,
}

/// Features per limb.
pub const LIMB_FEATURE_COUNT: usize = LimbFeature::ALL.len();
/// Features in the whole bank.
pub const FEATURE_COUNT: usize = ROLE_COUNT * LIMB_FEATURE_COUNT;

impl LimbFeature {
    /// Every feature, in the order of the array.
    pub const ALL: [LimbFeature; 28] = {
        use LimbFeature::*;
        [
            LinearX, LinearY, LinearZ, RateX, RateY, RateZ, UpX, UpY, UpZ, HeadingSin, HeadingCos,
            Energy, Speed, Jerk, Aux1, Aux2, Aux3, Aux4, Aux5, Aux6, Aux7, Aux8, XAxisX, XAxisY,
            XAxisZ, YAxisX, YAxisY, YAxisZ,
        ]
    };

    /// A limb at rest, level and facing forward: up is (0, 0, 1), the cosine of the heading 1, x and y axes ahead
    /// and left, all else 0.
    pub const NEUTRAL: [f32; LIMB_FEATURE_COUNT] = {
        let mut neutral = [0.0; LIMB_FEATURE_COUNT];
        neutral[LimbFeature::UpZ as usize] = 1.0;
        neutral[LimbFeature::HeadingCos as usize] = 1.0;
        neutral[LimbFeature::XAxisX as usize] = 1.0;
        neutral[LimbFeature::YAxisY as usize] = 1.0;
        neutral
    };

    /// The feature as models write it, after the role and a dot.
    pub fn name(self) -> &'static str {
        const NAMES: [&str; LIMB_FEATURE_COUNT] = [
            "linear_x",
            "linear_y",
            "linear_z",
            "rate_x",
            "rate_y",
            "rate_z",
            "up_x",
            "up_y",
            "up_z",
            "heading_sin",
            "heading_cos",
            "energy",
            "speed",
            "jerk",
            "aux_1",
            "aux_2",
            "aux_3",
            "aux_4",
            "aux_5",
            "aux_6",
            "aux_7",
            "aux_8",
            "x_axis_x",
            "x_axis_y",
            "x_axis_z",
            "y_axis_x",
            "y_axis_y",
            "y_axis_z",
        ];
        NAMES[self as usize]
    }

    pub fn from_name(name: &str) -> Option<LimbFeature> {
        LimbFeature::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Column of the feature bank.
    pub fn index(self) -> usize {
        self as usize
    }

    /// What a lively hand covers, in the feature's unit: where one that passes through 0 bends about it.
    pub fn span(self) -> (f32, f32) {
        use LimbFeature::*;
        match self {
            LinearX | LinearY | LinearZ => (-20.0, 20.0),
            RateX | RateY | RateZ => (-10.0, 10.0),
            Speed => (0.0, 10.0),
            Jerk => (0.0, 4.0),
            Energy | Aux1 | Aux2 | Aux3 | Aux4 | Aux5 | Aux6 | Aux7 | Aux8 => (0.0, 1.0),
            _ => (-1.0, 1.0),
        }
    }

    /// Whether it is a component of a unit direction, which must not be stretched.
    pub fn is_direction(self) -> bool {
        use LimbFeature::*;
        matches!(
            self,
            UpX | UpY
                | UpZ
                | HeadingSin
                | HeadingCos
                | XAxisX
                | XAxisY
                | XAxisZ
                | YAxisX
                | YAxisY
                | YAxisZ
        )
    }

    /// What it is for a role that no device fills.
    pub fn neutral(self) -> f32 {
        LimbFeature::NEUTRAL[self as usize]
    }
}

/// The features of every role at one tick: a row per role, a column per feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FeatureBank(pub [[f32; LIMB_FEATURE_COUNT]; ROLE_COUNT]);

impl Default for FeatureBank {
    fn default() -> Self {
        FeatureBank::NEUTRAL
    }
}

impl FeatureBank {
    /// Every limb at rest.
    pub const NEUTRAL: FeatureBank = FeatureBank([LimbFeature::NEUTRAL; ROLE_COUNT]);

    /// Where `right_forearm.rate_x` stands in the bank, row after row.
    pub fn index_of(name: &str) -> Option<usize> {
        let (role, feature) = name.split_once('.')?;
        let (role, feature) = (Role::from_name(role)?, LimbFeature::from_name(feature)?);
        Some(role.index() * LIMB_FEATURE_COUNT + feature.index())
    }

    /// The role and feature at an index below [`FEATURE_COUNT`].
    pub fn feature_at(index: usize) -> Option<(Role, LimbFeature)> {
        let role = Role::ALL.get(index / LIMB_FEATURE_COUNT)?;
        let feature = LimbFeature::ALL.get(index % LIMB_FEATURE_COUNT)?;
        Some((*role, *feature))
    }

    /// The whole name of the feature at an index.
    pub fn name_of(index: usize) -> Option<String> {
        let (role, feature) = FeatureBank::feature_at(index)?;
        Some(format!("{}.{}", role.name(), feature.name()))
    }

    /// The value at an index; 0 beyond the bank.
    pub fn get(&self, index: usize) -> f32 {
        self.0
            .as_flattened()
            .get(index)
            .copied()
            .unwrap_or_default()
    }

    pub fn limb(&self, role: Role) -> &[f32; LIMB_FEATURE_COUNT] {
        &self.0[role.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_is_found_by_its_name() {
        for index in 0..FEATURE_COUNT {
            let name = FeatureBank::name_of(index).unwrap();
            assert_eq!(FeatureBank::index_of(&name), Some(index));
        }
        assert_eq!(FeatureBank::index_of("right_forearm.rate_x"), Some(3));
        assert_eq!(FeatureBank::index_of("third_arm.rate_x"), None);
        assert_eq!(FeatureBank::index_of("rate_x"), None);
    }
}

//! Which controls a model says as distributions and which as points, as the command line chooses: pitch as a
//! distribution and the rest as points, unless `--distribution` and `--point` say otherwise. An onset is a probability
//! either way.

use super::TrainError;
use crate::controls::Control;

/// Whether each is a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distributions {
    /// Over notes; else the mean of those is said.
    pub pitch: bool,
    pub loudness: bool,
    pub brightness: bool,
    pub noisiness: bool,
    /// All latents.
    pub timbre: bool,
}

impl Default for Distributions {
    fn default() -> Self {
        Distributions {
            pitch: true,
            loudness: false,
            brightness: false,
            noisiness: false,
            timbre: false,
        }
    }
}

const ONSET: &str = "onset";

impl Distributions {
    /// What the two options say; an error names what cannot be, and the cure.
    pub fn chosen(distribution: &[String], point: &[String]) -> Result<Distributions, TrainError> {
        if let Some(name) = point.iter().find(|name| distribution.contains(name)) {
            return Err(TrainError::Data(format!(
                "'{name}' is named in --distribution and in --point: name it in one of them"
            )));
        }
        if point.iter().any(|name| name == ONSET) {
            return Err(TrainError::Data(
                "an onset is a probability either way: leave 'onset' out of --point".into(),
            ));
        }
        let mut chosen = Distributions::default();
        let distribution = distribution.iter().filter(|name| *name != ONSET);
        let named = distribution.map(|name| (name, true));
        for (name, is_one) in named.chain(point.iter().map(|name| (name, false))) {
            *chosen.of(name)? = is_one;
        }
        Ok(chosen)
    }

    fn of(&mut self, name: &str) -> Result<&mut bool, TrainError> {
        Ok(match name {
            "pitch" => &mut self.pitch,
            "loudness" => &mut self.loudness,
            "brightness" => &mut self.brightness,
            "noisiness" => &mut self.noisiness,
            "timbre" => &mut self.timbre,
            _ => {
                return Err(TrainError::Unknown {
                    what: "control",
                    value: name.into(),
                    choices: self.each().map(|(name, _)| name).join(", "),
                });
            }
        })
    }

    fn each(&self) -> [(&'static str, bool); 5] {
        [
            ("pitch", self.pitch),
            ("loudness", self.loudness),
            ("brightness", self.brightness),
            ("noisiness", self.noisiness),
            ("timbre", self.timbre),
        ]
    }

    pub fn has(&self, control: Control) -> bool {
        match control {
            Control::Pitch => self.pitch,
            Control::Loudness => self.loudness,
            Control::Brightness => self.brightness,
            Control::Noisiness => self.noisiness,
            Control::Timbre(_) => self.timbre,
        }
    }

    /// The options that say this, each after a space; nothing where none are needed.
    pub fn options(&self) -> String {
        let needed = |wanted: bool| {
            let each = self.each().into_iter().zip(Distributions::default().each());
            let changed = each.filter(|((_, is_one), (_, before))| is_one != before);
            let named = changed.filter(|((_, is_one), _)| *is_one == wanted);
            named.map(|((name, _), _)| name).collect::<Vec<_>>()
        };
        let mut options = String::new();
        for (option, names) in [("distribution", needed(true)), ("point", needed(false))] {
            if !names.is_empty() {
                options += &format!(" --{option} {}", names.join(","));
            }
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(distribution: &[&str], point: &[&str]) -> Result<Distributions, String> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).into()).collect::<Vec<_>>();
        Distributions::chosen(&owned(distribution), &owned(point)).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_chosen_is_said_by_the_options_that_choose_it() {
        assert_eq!(chosen(&[], &[]), Ok(Distributions::default()));
        assert_eq!(
            chosen(&["onset", "pitch"], &["timbre"]).unwrap().options(),
            ""
        );
        let most = chosen(&["timbre", "loudness"], &["pitch"]).unwrap();
        assert!(most.has(Control::Timbre(3)) && most.has(Control::Loudness));
        assert!(!most.has(Control::Pitch) && !most.has(Control::Noisiness));
        assert_eq!(
            most.options(),
            " --distribution loudness,timbre --point pitch"
        );
    }

    #[test]
    fn what_cannot_be_chosen_is_named_with_the_cure() {
        for (distribution, point, told) in [
            (
                &["joy"][..],
                &[][..],
                "unknown control 'joy'; choose one of pitch, loudness",
            ),
            (&[], &["loudnes"], "'loudnes'"),
            (
                &["pitch"],
                &["pitch"],
                "'pitch' is named in --distribution and in --point",
            ),
            (&[], &["onset"], "leave 'onset' out of --point"),
        ] {
            let said = chosen(distribution, point).unwrap_err();
            assert!(said.contains(told), "{said}");
        }
    }
}

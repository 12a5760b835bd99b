//! The scale as a host shows it.

use crate::controls::scale::ScaleKind;
use nice_plug::prelude::Enum;

/// The pitch class that a scale stands on; its place is the pitch class.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum RootParam {
    #[id = "c"]
    C,
    #[id = "c_sharp"]
    #[name = "C sharp"]
    CSharp,
    #[id = "d"]
    D,
    #[id = "e_flat"]
    #[name = "E flat"]
    EFlat,
    #[id = "e"]
    E,
    #[id = "f"]
    F,
    #[id = "f_sharp"]
    #[name = "F sharp"]
    FSharp,
    #[id = "g"]
    G,
    #[id = "a_flat"]
    #[name = "A flat"]
    AFlat,
    #[id = "a"]
    A,
    #[id = "b_flat"]
    #[name = "B flat"]
    BFlat,
    #[id = "b"]
    B,
}

/// What may be played above the root.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScaleParam {
    #[id = "free"]
    Free,
    #[id = "chromatic"]
    Chromatic,
    #[id = "major"]
    Major,
    #[id = "minor"]
    Minor,
    #[id = "harmonic_minor"]
    #[name = "Harmonic minor"]
    HarmonicMinor,
    #[id = "dorian"]
    Dorian,
    #[id = "mixolydian"]
    Mixolydian,
    #[id = "major_pentatonic"]
    #[name = "Major pentatonic"]
    MajorPentatonic,
    #[id = "minor_pentatonic"]
    #[name = "Minor pentatonic"]
    MinorPentatonic,
    #[id = "blues"]
    Blues,
    #[id = "whole_tone"]
    #[name = "Whole tone"]
    WholeTone,
}

impl From<ScaleParam> for ScaleKind {
    fn from(param: ScaleParam) -> ScaleKind {
        match param {
            ScaleParam::Free => ScaleKind::Free,
            ScaleParam::Chromatic => ScaleKind::Chromatic,
            ScaleParam::Major => ScaleKind::Major,
            ScaleParam::Minor => ScaleKind::Minor,
            ScaleParam::HarmonicMinor => ScaleKind::HarmonicMinor,
            ScaleParam::Dorian => ScaleKind::Dorian,
            ScaleParam::Mixolydian => ScaleKind::Mixolydian,
            ScaleParam::MajorPentatonic => ScaleKind::MajorPentatonic,
            ScaleParam::MinorPentatonic => ScaleKind::MinorPentatonic,
            ScaleParam::Blues => ScaleKind::Blues,
            ScaleParam::WholeTone => ScaleKind::WholeTone,
        }
    }
}

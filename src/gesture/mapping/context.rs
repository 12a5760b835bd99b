//! What a gesture model may ask for beside the motion: which keys are down, which notes the song allows, and what it
//! stated itself.

use crate::controls::scale::{CLASS_COUNT, Scale, ScaleKind};

/// Names of a context: one for each pitch class of keys and of scale, and three more.
pub const CONTEXT_COUNT: usize = 2 * CLASS_COUNT + 3;

/// The musical surroundings of one tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Context {
    /// 1 for each pitch class, from C, of which a key is down; 0 for the others.
    pub held_classes: [f32; CLASS_COUNT],
    /// Keys that are down.
    pub held_count: f32,
    /// MIDI note of the newest key that is down, else of the last one that was.
    pub newest_key: f32,
    pub scale: Scale,
    /// MIDI note that the gesture model stated at the tick before.
    pub previous_note: f32,
}

impl Context {
    /// No key, every note, middle C.
    pub const NEUTRAL: Context = Context {
        held_classes: [0.0; CLASS_COUNT],
        held_count: 0.0,
        newest_key: 60.0,
        scale: Scale {
            root: 0,
            kind: ScaleKind::Free,
        },
        previous_note: 60.0,
    };

    /// The value of a word.
    pub fn get(&self, word: ContextWord) -> f32 {
        match word {
            ContextWord::Key(class) => self.held_classes.get(class).copied().unwrap_or(0.0),
            ContextWord::KeyCount => self.held_count,
            ContextWord::NewestKey => self.newest_key,
            ContextWord::Scale(class) => f32::from(u8::from(self.scale.has(class))),
            ContextWord::PreviousNote => self.previous_note,
        }
    }
}

/// One number of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextWord {
    /// Whether a key of a pitch class, 0 (C) to 11, is down.
    Key(usize),
    /// Whether a pitch class belongs to the scale.
    Scale(usize),
    KeyCount,
    NewestKey,
    PreviousNote,
}

impl ContextWord {
    pub const ALL: [ContextWord; CONTEXT_COUNT] = {
        let mut all = [ContextWord::PreviousNote; CONTEXT_COUNT];
        let mut class = 0;
        while class < CLASS_COUNT {
            all[class] = ContextWord::Key(class);
            all[CLASS_COUNT + class] = ContextWord::Scale(class);
            class += 1;
        }
        all[2 * CLASS_COUNT] = ContextWord::KeyCount;
        all[2 * CLASS_COUNT + 1] = ContextWord::NewestKey;
        all
    };

    /// As model files write it: `keys.class_0` … `keys.class_11`, `scale.class_0` … `scale.class_11`, `keys.count`,
    /// `keys.newest`, `previous_note`.
    pub fn name(self) -> String {
        match self {
            ContextWord::Key(class) => format!("keys.class_{class}"),
            ContextWord::Scale(class) => format!("scale.class_{class}"),
            ContextWord::KeyCount => "keys.count".into(),
            ContextWord::NewestKey => "keys.newest".into(),
            ContextWord::PreviousNote => "previous_note".into(),
        }
    }

    /// The word of a name; `None` for anything else.
    pub fn from_name(name: &str) -> Option<ContextWord> {
        let class = |prefix: &str| -> Option<usize> {
            let class = name.strip_prefix(prefix)?.parse().ok()?;
            (class < CLASS_COUNT).then_some(class)
        };
        match name {
            "keys.count" => Some(ContextWord::KeyCount),
            "keys.newest" => Some(ContextWord::NewestKey),
            "previous_note" => Some(ContextWord::PreviousNote),
            _ => class("keys.class_")
                .map(ContextWord::Key)
                .or_else(|| class("scale.class_").map(ContextWord::Scale))
                // "07" is no name.
                .filter(|word| word.name() == name),
        }
    }

    /// What the word covers.
    pub fn span(self) -> (f32, f32) {
        match self {
            ContextWord::Key(_) | ContextWord::Scale(_) => (0.0, 1.0),
            ContextWord::KeyCount => (0.0, 10.0),
            ContextWord::NewestKey | ContextWord::PreviousNote => (0.0, 127.0),
        }
    }
}

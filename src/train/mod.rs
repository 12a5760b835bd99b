//! Feature `train`: from recordings (or the virtual performer) to a model that plays. Runs in the `imu2music` command,
//! never in the plugin. The features are computed by the code that plays, the result is written as ONNX under the
//! contract and checked against the network that was trained.

pub mod gesture;
pub mod progress;

/// What `imu2music train` can teach.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "standalone", derive(clap::Subcommand))]
pub enum Lesson {
    /// A gesture model: motion → Controls
    Gesture(gesture::Args),
}

/// The command `imu2music train …`.
pub fn run(lesson: &Lesson) -> Result<(), Box<dyn std::error::Error>> {
    match lesson {
        Lesson::Gesture(args) => gesture::run(args).map(|_| ()).map_err(Into::into),
    }
}

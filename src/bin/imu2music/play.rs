//! `play`: the plugin on the sound card, in the framework's own small host.

use clap::Args;
use imu2music::plugin::Imu2Music;
use nice_plug::prelude::nice_export_standalone_with_args;
use std::error::Error;

#[derive(Args, Default)]
pub struct Options {
    /// Options of the sound card and MIDI: `imu2music play -- --help` lists them
    #[arg(last = true)]
    host: Vec<String>,
}

pub fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let arguments =
        std::iter::once("imu2music play".to_owned()).chain(options.host.iter().cloned());
    if nice_export_standalone_with_args::<Imu2Music, _>(arguments) {
        Ok(())
    } else {
        Err(
            "the sound card could not be opened: choose another with `imu2music play -- --backend`"
                .into(),
        )
    }
}

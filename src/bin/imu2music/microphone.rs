//! The sound card's input, block by block, with the time at which the first sample was heard. The card's own thread
//! only hands its blocks over.

use std::error::Error;
use std::sync::mpsc::{Receiver, Sender, channel};

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{FromSample, InputCallbackInfo, Sample, SampleFormat, SizedSample, StreamConfig};
use imu2music::units::HostTime;

pub struct Microphone {
    /// Dropped, it falls silent.
    _stream: cpal::Stream,
    blocks: Receiver<Block>,
    pub sample_rate_hz: u32,
    pub channels: u16,
    pub name: String,
}

/// Interleaved samples and when the first of them was heard.
pub struct Block {
    pub heard: HostTime,
    pub samples: Vec<f32>,
}

impl Microphone {
    /// Opens the default input, or the first whose name contains `wanted`.
    pub fn open(wanted: Option<&str>) -> Result<Microphone, Box<dyn Error>> {
        let host = cpal::default_host();
        let device = match wanted {
            None => host.default_input_device(),
            Some(wanted) => host
                .input_devices()?
                .find(|device| device.to_string().contains(wanted)),
        };
        let device = device.ok_or(
            "no sound input is there: plug one in, or record without (--no-audio) and add a file later with imu2music import",
        )?;
        let config = device.default_input_config()?;
        let (sender, blocks) = channel();
        let settings: StreamConfig = config.into();
        let stream =
            match config.sample_format() {
                SampleFormat::F32 => listen::<f32>(&device, settings, sender)?,
                SampleFormat::I16 => listen::<i16>(&device, settings, sender)?,
                SampleFormat::I32 => listen::<i32>(&device, settings, sender)?,
                SampleFormat::U16 => listen::<u16>(&device, settings, sender)?,
                other => return Err(format!(
                    "the sound input speaks {other}, which is not read: choose another with --input"
                )
                .into()),
            };
        stream.play()?;
        Ok(Microphone {
            _stream: stream,
            blocks,
            sample_rate_hz: settings.sample_rate,
            channels: settings.channels,
            name: device.to_string(),
        })
    }

    /// Everything heard since the last call.
    pub fn blocks(&self) -> impl Iterator<Item = Block> + '_ {
        self.blocks.try_iter()
    }
}

fn listen<T>(
    device: &cpal::Device,
    settings: StreamConfig,
    sender: Sender<Block>,
) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let hand_over = move |samples: &[T], info: &InputCallbackInfo| {
        let stamp = info.timestamp();
        let ago = stamp.callback.duration_since(stamp.capture);
        let block = Block {
            heard: HostTime::now() - ago.as_secs_f64(),
            samples: samples
                .iter()
                .map(|sample| f32::from_sample(*sample))
                .collect(),
        };
        // Nobody listens once the recording has ended.
        let _ = sender.send(block);
    };
    let complain = |error: cpal::Error| eprintln!("sound input: {error}");
    device.build_input_stream(settings, hand_over, complain, None)
}

//! The demo's picture: spectrogram, and under it the motion, the Controls and the losses on the same time axis.

use super::player::{Recording, SAMPLE_RATE_HZ};
use super::spectrum::Spectrogram;
use super::trace::Trace;
use anyhow::{Result, anyhow};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use std::ops::Range;
use std::path::Path;

const WIDTH: u32 = 1600;
const SPECTROGRAM_HEIGHT: u32 = 460;
const PANEL_HEIGHT: u32 = 190;
const PANELS: u32 = 5;
const AXIS_HEIGHT: u32 = 30;
const HEIGHT: u32 = SPECTROGRAM_HEIGHT + PANELS * PANEL_HEIGHT + AXIS_HEIGHT;
const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(40, 44, 52);
const FAINT: RGBColor = RGBColor(226, 228, 232);
const COLOURS: [RGBColor; 4] = [
    RGBColor(31, 104, 178),
    RGBColor(214, 96, 30),
    RGBColor(38, 140, 84),
    RGBColor(150, 60, 150),
];
const LOWEST_HZ: f64 = 40.0;
const HIGHEST_HZ: f64 = 20_000.0;
const QUIETEST_DB: f32 = -100.0;

type Area<'a> = DrawingArea<BitMapBackend<'a>, plotters::coord::Shift>;

struct Curve {
    label: &'static str,
    points: Vec<(f64, f64)>,
}

struct Panel {
    title: &'static str,
    range: Range<f64>,
    curves: Vec<Curve>,
}

/// Draws everything into a PNG file.
pub fn draw(path: &Path, recording: &Recording, trace: &Trace) -> Result<()> {
    register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT)
        .map_err(|_| anyhow!("the lettering could not be read"))?;
    let mut pixels = vec![255; (WIDTH * HEIGHT * 3) as usize];
    // plotters' errors borrow the buffer, so they are turned into text here.
    paint(&mut pixels, recording, trace).map_err(|error| anyhow!("drawing failed: {error}"))?;
    write_png(path, &pixels)
}

fn paint(
    pixels: &mut [u8],
    recording: &Recording,
    trace: &Trace,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let seconds = recording.seconds();
    let root = BitMapBackend::with_buffer(pixels, (WIDTH, HEIGHT)).into_drawing_area();
    root.fill(&WHITE)?;
    let (top, rest) = root.split_vertically(SPECTROGRAM_HEIGHT);
    paint_spectrogram(&top, recording, seconds)?;
    let panels = panels(trace);
    let mut rest = rest;
    for (index, panel) in panels.iter().enumerate() {
        let is_last = index + 1 == panels.len();
        let (area, below) =
            rest.split_vertically(PANEL_HEIGHT + if is_last { AXIS_HEIGHT } else { 0 });
        paint_panel(&area, panel, seconds, is_last)?;
        rest = below;
    }
    root.present()?;
    drop(rest);
    Ok(())
}

fn panels(trace: &Trace) -> Vec<Panel> {
    let plain = |label, name: &str| Curve {
        label,
        points: trace.points(name),
    };
    let counted = |label, name: &str| Curve {
        label,
        points: trace.rising(name),
    };
    let motion = vec![
        plain("sensor 1", "motion_energy_1"),
        plain("sensor 2", "motion_energy_2"),
    ];
    let pitch = vec![plain("pitch", "pitch_note")];
    let loudness = vec![plain("loudness", "loudness_db")];
    let colour = vec![
        plain("brightness", "brightness"),
        plain("noisiness", "noisiness"),
        plain("onset", "onset"),
    ];
    let losses = vec![
        counted("lost", "lost"),
        counted("late", "late"),
        counted("malformed", "malformed"),
    ];
    vec![
        Panel {
            title: "motion energy",
            range: span(&motion, 0.0, 0.5),
            curves: motion,
        },
        Panel {
            title: "pitch (MIDI note)",
            range: span(&pitch, f64::NAN, 4.0),
            curves: pitch,
        },
        Panel {
            title: "loudness (dB)",
            range: span(&loudness, f64::NAN, 6.0),
            curves: loudness,
        },
        Panel {
            title: "timbre and onsets",
            range: span(&colour, 0.0, 1.0),
            curves: colour,
        },
        Panel {
            title: "packets lost, late, malformed",
            range: span(&losses, 0.0, 5.0),
            curves: losses,
        },
    ]
}

/// The curves' range with some air, no narrower than `least`, from `floor` where one is given.
fn span(curves: &[Curve], floor: f64, least: f64) -> Range<f64> {
    let values = || {
        curves
            .iter()
            .flat_map(|curve| curve.points.iter().map(|point| point.1))
    };
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        let low = if floor.is_nan() { 0.0 } else { floor };
        return low..low + least;
    }
    let low = if floor.is_nan() { low } else { low.min(floor) };
    let missing = (least - (high - low)).max(0.0);
    let (low, high) = if floor.is_nan() {
        (low - missing / 2.0, high + missing / 2.0)
    } else {
        (low, high + missing)
    };
    let air = 0.06 * (high - low);
    (if floor.is_nan() { low - air } else { low })..high + air
}

fn letters(size: u32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&INK)
}

fn paint_spectrogram(
    area: &Area,
    recording: &Recording,
    seconds: f64,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut chart = ChartBuilder::on(area)
        .caption(
            format!("IMU2Music: {seconds:.0} seconds played by motion"),
            letters(24),
        )
        .margin_right(24)
        .y_label_area_size(76)
        .build_cartesian_2d(0.0..seconds, (LOWEST_HZ..HIGHEST_HZ).log_scale())?;
    let plot = chart.plotting_area().strip_coord_spec();
    let (width, height) = plot.dim_in_pixel();
    let mono: Vec<f32> = recording
        .left
        .iter()
        .zip(&recording.right)
        .map(|(left, right)| 0.5 * (left + right))
        .collect();
    let spectrogram = Spectrogram::new(&mono, SAMPLE_RATE_HZ, width as usize);
    let octaves = (HIGHEST_HZ / LOWEST_HZ).log2();
    let frequency_hz =
        |row: u32| LOWEST_HZ * (octaves * (1.0 - f64::from(row) / f64::from(height))).exp2();
    for row in 0..height {
        for column in 0..width {
            let level_db =
                spectrogram.level_db(column as usize, frequency_hz(row + 1), frequency_hz(row));
            let heat = heat((level_db - QUIETEST_DB) / -QUIETEST_DB);
            plot.draw_pixel((column as i32, row as i32), &heat)?;
        }
    }
    let label = |frequency_hz: &f64| {
        if *frequency_hz >= 1000.0 {
            format!("{} kHz", frequency_hz / 1000.0)
        } else {
            format!("{frequency_hz} Hz")
        }
    };
    chart
        .configure_mesh()
        .disable_mesh()
        .disable_x_axis()
        .y_label_formatter(&label)
        .label_style(letters(16))
        .axis_style(INK)
        .draw()?;
    Ok(())
}

fn paint_panel(
    area: &Area,
    panel: &Panel,
    seconds: f64,
    with_time: bool,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut chart: ChartContext<BitMapBackend, Cartesian2d<RangedCoordf64, RangedCoordf64>> =
        ChartBuilder::on(area)
            .margin_top(12)
            .margin_right(24)
            .y_label_area_size(76)
            .x_label_area_size(if with_time { AXIS_HEIGHT } else { 0 })
            .build_cartesian_2d(0.0..seconds, panel.range.clone())?;
    let time = |time_s: &f64| format!("{time_s:.0} s");
    let value = |value: &f64| {
        if panel.range.end - panel.range.start > 3.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.1}")
        }
    };
    let mut mesh = chart.configure_mesh();
    mesh.bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .x_labels(16)
        .y_labels(5)
        .x_label_formatter(&time)
        .y_label_formatter(&value)
        .label_style(letters(16))
        .axis_style(INK);
    mesh.draw()?;
    for (curve, colour) in panel.curves.iter().zip(COLOURS) {
        let drawn = LineSeries::new(curve.points.iter().copied(), colour.stroke_width(2));
        let legend = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3));
        chart.draw_series(drawn)?.label(curve.label).legend(legend);
    }
    if panel.curves.len() > 1 {
        let mut labels = chart.configure_series_labels();
        labels
            .position(SeriesLabelPosition::UpperRight)
            .label_font(letters(15));
        labels.background_style(WHITE.mix(0.8)).draw()?;
    }
    area.draw_text(panel.title, &letters(17), (86, 16))?;
    Ok(())
}

/// From black over violet and orange to pale yellow: equal steps of level look equal.
fn heat(share: f32) -> RGBColor {
    const STOPS: [[f32; 3]; 9] = [
        [0.0, 0.0, 4.0],
        [28.0, 16.0, 68.0],
        [79.0, 18.0, 123.0],
        [129.0, 37.0, 129.0],
        [181.0, 54.0, 122.0],
        [229.0, 80.0, 100.0],
        [251.0, 135.0, 97.0],
        [254.0, 194.0, 135.0],
        [252.0, 253.0, 191.0],
    ];
    let place = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
    let below = (place as usize).min(STOPS.len() - 2);
    let part = place - below as f32;
    let mixed = std::array::from_fn(|channel| {
        STOPS[below][channel] * (1.0 - part) + STOPS[below + 1][channel] * part
    });
    let [red, green, blue]: [f32; 3] = mixed;
    RGBColor(red as u8, green as u8, blue as u8)
}

fn write_png(path: &Path, pixels: &[u8]) -> Result<()> {
    let file = std::io::BufWriter::new(std::fs::File::create(path)?);
    let mut encoder = png::Encoder::new(file, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_drawn_even_from_a_short_trace() {
        let folder = std::env::temp_dir().join(format!("imu2music-figure-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut csv = String::from(
            "song_s,motion_energy_1,motion_energy_2,pitch_note,loudness_db,brightness,noisiness,onset,lost,late,malformed\n",
        );
        for tick in 0..1600 {
            let time_s = f64::from(tick) / 200.0;
            let wave = 0.5 + 0.5 * (2.0 * time_s).sin();
            let lost = tick / 400;
            csv.push_str(&format!(
                "{time_s},{wave},{},{},{},{wave},0.2,0,{lost},0,0\n",
                wave / 2.0,
                60.0 + wave,
                -40.0 + 20.0 * wave
            ));
        }
        std::fs::write(folder.join("trace.csv"), csv).expect("a trace");
        let trace = Trace::read(&folder.join("trace.csv")).expect("a trace");
        let mut phase = 0.0f32;
        let sweep = (0..8 * 48_000).map(|n| {
            phase = (phase + 100.0 * (n as f32 / 60_000.0).exp2() / 48_000.0).fract();
            phase - 0.5
        });
        let recording = Recording::of(sweep.collect());
        draw(&folder.join("demo.png"), &recording, &trace).expect("drawn");
        let size = std::fs::metadata(folder.join("demo.png"))
            .expect("a picture")
            .len();
        assert!(size > 50_000, "{size} bytes cannot show a sweep");
        std::fs::remove_dir_all(folder).expect("cleaned");
    }

    #[test]
    fn a_range_has_air_and_a_least_width() {
        let flat = [Curve {
            label: "",
            points: vec![(0.0, 60.0), (1.0, 60.0)],
        }];
        let range = span(&flat, f64::NAN, 4.0);
        assert!(range.start < 58.1 && range.end > 61.9);
        assert_eq!(span(&[], 0.0, 1.0), 0.0..1.0);
    }
}

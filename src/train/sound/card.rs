//! The card of a trained sound model: what it is, what it learned from, how well it does, how to make it again.

use std::fmt::Write;

use super::Args;
use super::corpus::Corpus;
use super::evaluate::Scores;
use super::fit::Fitted;
use super::network::Bounds;
use super::tune::Tuned;

pub fn text(
    args: &Args,
    corpus: &Corpus,
    bounds: &Bounds,
    scores: &Scores,
    (fitted, tuned): (&Fitted, &Tuned),
    minutes: f32,
) -> String {
    let or = |text: &str, otherwise: &str| {
        if text.is_empty() {
            otherwise.to_string()
        } else {
            text.to_string()
        }
    };
    let (pitch, loudness) = (
        corpus.range_of(|c| c.pitch_note),
        corpus.range_of(|c| c.loudness_db),
    );
    format!(
        "# {name}\n\n{description}\n\n\
        | | |\n|---|---|\n\
        | kind | sound model: pitch, loudness, brightness, noisiness{latents} → 128 partials and 72 noise bands, {rate} times a second |\n\
        | network | GRU 64 and three dense layers, 64 k weights; loudness and noisiness are exact by construction |\n\
        | learned from | {source} ({seconds:.0} s) |\n\
        | licence | {licence} |\n\
        | trained | {steps} steps of regression, then {tuning} steps by ear through the synth, in {minutes:.0} min, seed {seed} |\n\n\
        ## How well it does\n\n\
        On {held:.0} s that it has not heard, and that had no part in choosing it, played through the file and the synth that the plugin plays:\n\n\
        | spectral distance to the recording | |\n|---|---|\n\
        | this model | {model:.3} |\n\
        | the recording's own partials and noise, played back (the ceiling) | {ceiling:.3} |\n\
        | the nearest training frame | {nearest:.3} |\n\n\
        | | |\n|---|---|\n\
        | pitch error, median | {cents:.1} cents |\n\
        | loudness against the recording, correlation | {correlation:.3} |\n\
        | loudness error, median | {loudness_error:.2} dB |\n\
        | brightness error, median | {brightness_error:.3} |\n\
        | worst loudness error of a held frame, notes 36 to 100, -60 to -10 dB | {sweep:.2} dB |\n\n{timbre}\
        Distances are the mean over windows of 4096, 2048, 1024 and 512 samples of spectral convergence plus mean \
        absolute log-magnitude difference. On the phrases that chose the network, fine-tuning took it from \
        {before:.3} to {after:.3}.\n\n\
        ## Where it is at home\n\n\
        Notes {low:.0} to {high:.0} and loudness {soft:.0} to {loud:.0} dB were heard in the recordings. Other notes were \
        made from them by moving the pitch under a spectral envelope that stays; brightness and noisiness beyond the \
        recordings by tilting and scaling. Brightness is followed from {dark:.2} to {bright:.2}.\n\n\
        ## To make it again\n\n```\n{command}\n```\n{faults}",
        name = args.name,
        description = or(&args.description, "A sound model."),
        rate = args.frame_rate,
        source = or(&args.source, "recordings"),
        seconds = corpus.seconds,
        licence = or(&args.licence, "not stated"),
        steps = fitted.steps,
        tuning = tuned.steps,
        before = tuned.before,
        after = tuned.after,
        seed = args.seed,
        held = scores.held_out_seconds,
        model = scores.spectral_model,
        ceiling = scores.spectral_resynthesis,
        nearest = scores.spectral_nearest_frame,
        cents = scores.pitch_error_cents,
        correlation = scores.loudness_correlation,
        loudness_error = scores.loudness_error_db,
        brightness_error = scores.brightness_error,
        sweep = scores.sweep_loudness_error_db,
        low = pitch.0,
        high = pitch.1,
        soft = loudness.0,
        loud = loudness.1,
        dark = bounds.brightness.0,
        bright = bounds.brightness.1,
        command = command(args),
        latents = match bounds.timbre {
            0 => String::new(),
            1 => ", timbre_1".into(),
            count => format!(", timbre_1 to timbre_{count}"),
        },
        timbre = timbre(corpus, scores),
        faults = faults(scores, fitted.stopped || tuned.stopped),
    )
}

/// What its latents are and what they are worth; nothing where it has none.
fn timbre(corpus: &Corpus, scores: &Scores) -> String {
    let (Some(timbre), Some(scores)) = (&corpus.timbre, &scores.timbre) else {
        return String::new();
    };
    let mut text = format!(
        "## Its timbre\n\n\
        What the recordings' spectra do beyond what pitch, loudness, brightness and noisiness say of them, in standard \
        deviations (principal components of the rest). With the latents as the recording has them, the distance is the \
        one above; with all at 0, which is what is usual, {unsaid:.3}; with those of another moment of the phrase, \
        {wrong:.3}.\n\n\
        | | one deviation more | part of the rest | asked and heard, r |\n|---|---|---|---|\n",
        unsaid = scores.spectral_unsaid,
        wrong = scores.spectral_wrong,
    );
    let latents = timbre.says.iter().zip(&timbre.share).zip(&scores.heard_r);
    for (i, ((says, share), r)) in latents.enumerate() {
        let _ = writeln!(
            text,
            "| timbre_{} | {says} | {:.0} % | {r:.2} |",
            i + 1,
            100.0 * share
        );
    }
    text.push('\n');
    text
}

/// Of a lesson that Ctrl-C ended.
pub const STOPPED: &str =
    "Stopped by hand before its lesson ended; the best network so far was kept.";

/// What is against the model: how its lesson ended, and what its figures say.
fn faults(scores: &Scores, stopped: bool) -> String {
    let mut faults = Vec::new();
    if stopped {
        faults.push(STOPPED.into());
    }
    let ratio = scores.spectral_model / scores.spectral_resynthesis.max(1e-6);
    if ratio > NEAR_CEILING {
        faults.push(format!(
            "It is {ratio:.2} times as far from the recordings as their own partials and noise are; {NEAR_CEILING} \
             times is what a finished model keeps."
        ));
    }
    if scores.spectral_model > scores.spectral_nearest_frame {
        faults.push("The nearest training frame, played back, is closer to the recordings.".into());
    }
    if scores.pitch_error_cents > GOOD_CENTS {
        faults.push(format!(
            "Out of tune by {:.0} cents.",
            scores.pitch_error_cents
        ));
    }
    if scores.loudness_correlation < GOOD_LOUDNESS_R {
        faults.push(format!(
            "Its loudness is not the recordings' (correlation {:.2}).",
            scores.loudness_correlation
        ));
    }
    if faults.is_empty() {
        return String::new();
    }
    format!("\n## Known failings\n\n- {}\n", faults.join("\n- "))
}

/// What a musician would keep: distance by that of the analysed parameters, pitch error, correlation of loudness.
const NEAR_CEILING: f32 = 1.3;
const GOOD_CENTS: f32 = 10.0;
const GOOD_LOUDNESS_R: f32 = 0.95;

/// The command line that trains this model.
fn command(args: &Args) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let folder = args.audio.file_name().unwrap_or_default().to_string_lossy();
    let file = args.out.file_name().unwrap_or_default().to_string_lossy();
    let mut line = format!(
        "imu2music train sound --audio {folder}/ --out models/{file} --name {}",
        quoted(&args.name)
    );
    for (flag, value) in [
        ("author", &args.author),
        ("licence", &args.licence),
        ("description", &args.description),
        ("source", &args.source),
    ] {
        if !value.is_empty() {
            line += &format!(" \\\n  --{flag} {}", quoted(value));
        }
    }
    line += &format!(
        " \\\n  --lowest-note {} --highest-note {} --frame-rate {} --seed {} --steps {} --minutes {} \
         --tune-steps {} --tune-minutes {} --timbre {}",
        args.lowest_note,
        args.highest_note,
        args.frame_rate,
        args.seed,
        args.steps,
        args.minutes,
        args.tune_steps,
        args.tune_minutes,
        args.timbre
    );
    if args.stiffness > 0.0 {
        line += &format!(
            " --stiffness {} --stiffness-per-octave {}",
            args.stiffness, args.stiffness_per_octave
        );
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_says_what_is_against_the_model() {
        let good = Scores {
            spectral_model: 0.3,
            spectral_resynthesis: 0.25,
            spectral_nearest_frame: 0.4,
            pitch_error_cents: 1.0,
            loudness_correlation: 0.99,
            ..Scores::default()
        };
        assert_eq!(faults(&good, false), "");
        assert!(faults(&good, true).contains("Stopped by hand"));
        let bad = Scores {
            spectral_model: 0.5,
            pitch_error_cents: 14.0,
            loudness_correlation: 0.5,
            ..good
        };
        let said = faults(&bad, false);
        assert_eq!(said.matches("\n- ").count(), 4, "{said}");
        assert!(
            said.contains("2.00 times") && said.contains("14 cents"),
            "{said}"
        );
    }
}

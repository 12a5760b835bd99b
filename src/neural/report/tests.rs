use super::*;
use crate::neural::zoo;

#[test]
fn a_good_model_is_described_and_timed() {
    let report = check(&zoo::lstm(6, 16, 1));
    assert!(!report.is_refused());
    let text = report.to_string();
    for word in [
        "gesture model",
        "LSTM 1",
        "median",
        "path        fast",
        "state 32 numbers",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
}

#[test]
fn a_model_for_the_helper_thread_says_so_and_why() {
    let report = check(&zoo::softsign());
    assert!(!report.is_refused());
    let text = report.to_string();
    for word in [
        "helper thread",
        "Softsign",
        "10 ms later",
        "real-time priority",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let text = check(&zoo::sine_wave(50, 16_000, true)).to_string();
    assert!(text.contains("it plays one voice"), "{text}");
}

#[test]
fn a_waveform_says_how_much_later_it_sounds() {
    let text = check(&zoo::sine_wave(200, 48_000, false)).to_string();
    assert!(text.contains("0.0 ms at 48000 Hz"), "{text}");
    let report = check(&zoo::sine_wave(200, 24_000, false));
    assert_eq!(report.waveform_delays.len(), 3);
    assert!(
        report.waveform_delays.iter().all(|(_, ms)| *ms > 0.5),
        "{report}"
    );
    assert!(!check(&zoo::lstm(6, 16, 1)).to_string().contains("waveform"));
}

#[test]
fn a_model_of_events_says_which() {
    let text = check(&zoo::tune::tune()).to_string();
    let wanted = "events      243: notes 21 to 108, shifts of 20 to 640 ms, 32 velocities";
    assert!(text.contains(wanted), "{text}");
}

#[test]
fn a_refused_model_says_why() {
    let report = check(b"not a model");
    assert!(report.is_refused());
    assert!(
        report
            .to_string()
            .contains("refused: this is not an ONNX file")
    );
}

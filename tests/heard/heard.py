"""Sound models heard by programs that are not ours: torchcrepe for pitch, pyloudnorm for loudness, librosa for onsets.

    imu2music train listen --model models/violin.onnx --audio violin/ --out heard_violin/ [as trained]
    python -m venv heard && heard/bin/pip install torchcrepe torchaudio librosa pyloudnorm soundfile matplotlib
    heard/bin/python tests/heard/heard.py heard_violin/ [more folders] [--picture heard.png]

Prints a table; with --picture draws recorded and played spectrograms and onset strength, one above the other.
No part of the tests: torch is large, and training audio is not in the repository.
"""

import argparse
import csv
import pathlib
import sys
import types

import numpy as np

# torchcrepe imports it only to read files, which soundfile does here.
sys.modules.setdefault("torchaudio", types.ModuleType("torchaudio"))

import librosa
import pyloudnorm
import soundfile
import torch
import torchcrepe

RATE = 48_000
HOP_S = 0.02
SURE = 0.5


def controls(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def pitch_hz(samples, low_hz, high_hz):
    """Pitch and periodicity every 20 ms."""
    low_rate = librosa.resample(samples, orig_sr=RATE, target_sr=16_000)
    with torch.inference_mode():
        hz, sure = torchcrepe.predict(
            torch.from_numpy(low_rate)[None], 16_000, int(16_000 * HOP_S), low_hz, high_hz, "full",
            decoder=torchcrepe.decode.weighted_argmax, return_periodicity=True, batch_size=512)
    return hz[0].numpy(), sure[0].numpy()


def loudness_db(samples):
    """A-weighted level every 20 ms over 43 ms."""
    size, hop = 2048, int(RATE * HOP_S)
    power = np.abs(librosa.stft(samples, n_fft=size, hop_length=hop)) ** 2
    weights = librosa.A_weighting(librosa.fft_frequencies(sr=RATE, n_fft=size))
    return 10 * np.log10((power * 10 ** (weights[:, None] / 10)).sum(0) + 1e-9)


def onset_strength(samples):
    return librosa.onset.onset_strength(y=samples, sr=RATE, hop_length=int(RATE * HOP_S))


def correlation(a, b):
    count = min(len(a), len(b))
    return float(np.corrcoef(a[:count], b[:count])[0, 1])


def judge(folder):
    cents = {"model": [], "recorded": []}
    loud, strength, lufs = [], [], []
    tables = sorted(folder.glob("*_controls.csv"))
    if not tables:
        sys.exit(f"{folder} holds no N_controls.csv: write it with imu2music train listen")
    for table in tables:
        name = table.name.removesuffix("_controls.csv")
        asked = controls(table)
        sounds = {kind: soundfile.read(folder / f"{name}_{kind}.wav", dtype="float32")[0]
                  for kind in ("recorded", "model")}
        voiced = asked["voicing"] > SURE
        hz = 440 * 2 ** ((asked["pitch_note"] - 69) / 12)
        bounds = (max(32.0, hz[voiced].min() * 0.8), min(1975.0, hz[voiced].max() * 1.25))
        for kind, samples in sounds.items():
            heard, sure = pitch_hz(samples, *bounds)
            at = np.arange(len(heard)) * HOP_S
            wanted = np.interp(at, asked["seconds"], np.log2(hz))
            ours = np.interp(at, asked["seconds"], asked["voicing"]) > SURE
            good = ours & (sure > SURE)
            cents[kind].append(np.abs(1200 * (np.log2(heard) - wanted))[good])
        levels = [loudness_db(sounds[kind]) for kind in ("recorded", "model")]
        count = min(map(len, levels))
        audible = levels[0][:count] > levels[0].max() - 50
        loud.append(np.stack([level[:count][audible] for level in levels]))
        strength.append([onset_strength(sounds[kind]) for kind in ("recorded", "model")])
        meter = pyloudnorm.Meter(RATE)
        lufs.append([meter.integrated_loudness(sounds[kind]) for kind in ("recorded", "model")])
    level = np.concatenate(loud, axis=1)
    lufs = np.array(lufs)
    return {
        "model, cents": np.median(np.concatenate(cents["model"])),
        "recording, cents": np.median(np.concatenate(cents["recorded"])),
        "within 25 cents": np.mean(np.concatenate(cents["model"]) < 25),
        "loudness r": correlation(*level),
        "LUFS recorded": lufs[:, 0].mean(),
        "LUFS model": lufs[:, 1].mean(),
        "onset r": np.mean([correlation(a, b) for a, b in strength]),
    }


def draw(folders, path):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(3, len(folders), figsize=(9 * len(folders), 9), squeeze=False)
    for column, folder in enumerate(folders):
        sounds = [soundfile.read(folder / f"0_{kind}.wav", dtype="float32")[0][: 8 * RATE]
                  for kind in ("recorded", "model")]
        for row, samples in enumerate(sounds):
            spectrum = librosa.amplitude_to_db(np.abs(librosa.stft(samples, n_fft=2048, hop_length=240)), ref=1.0)
            axes[row][column].imshow(spectrum[:700], origin="lower", aspect="auto", vmin=-70, vmax=30,
                                     extent=(0, len(samples) / RATE, 0, 700 * RATE / 2048))
            axes[row][column].set_title(f"{folder.name}: {('recorded', 'model')[row]}")
            strength = onset_strength(samples)
            axes[2][column].plot(np.arange(len(strength)) * HOP_S, strength, label=("recorded", "model")[row], lw=0.8)
        axes[2][column].set_title("onset strength")
        axes[2][column].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=70)


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("folders", nargs="+", type=pathlib.Path)
    words.add_argument("--picture", type=pathlib.Path)
    asked = words.parse_args()
    for folder in asked.folders:
        print(folder.name, ", ".join(f"{name} {value:.3f}" for name, value in judge(folder).items()), flush=True)
    if asked.picture:
        draw(asked.folders, asked.picture)


if __name__ == "__main__":
    main()

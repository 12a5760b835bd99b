"""The VST3 in pedalboard, rendered at the pace of the wall clock."""

import re
import time

import numpy as np
import pedalboard
from pedalboard import _pedalboard

# The plugin takes MIDI controllers, which VST3 shows as 2,080 hidden parameters; pedalboard would ask each for
# a thousand texts.
_pedalboard.PARAMETER_NAME_REGEXES_TO_IGNORE.add(re.compile(r"MIDI Ch\. "))

CHUNK_S = 0.02


def load(path):
    plugin = pedalboard.load_plugin(path)
    assert plugin.is_instrument, "pedalboard does not see an instrument"
    # pedalboard says that it renders offline, but here it keeps pace with the sensors.
    plugin.render_mode = "Live"
    return plugin


def render(plugin, seconds, rate=48000, block=64):
    """Stereo sound; each chunk is asked for when the one before would have sounded."""
    chunks, start, rendered_s = [], time.monotonic(), 0.0
    while rendered_s < seconds:
        time.sleep(max(0.0, start + rendered_s - time.monotonic()))
        # Whole blocks: pedalboard would end each chunk with a short one otherwise.
        frames = max(block, int(CHUNK_S * rate) // block * block)
        # Half a sample more: the host rounds the product down.
        duration = (frames + 0.5) / rate
        chunk = plugin([], duration=duration, sample_rate=rate, num_channels=2, buffer_size=block, reset=False)
        assert chunk.shape == (2, frames), "asked for %d frames, got %s" % (frames, chunk.shape)
        chunks.append(chunk)
        rendered_s += frames / rate
    sound = np.concatenate(chunks, axis=1)
    assert np.isfinite(sound).all(), "the plugin put out something that is no number"
    return sound


def level_db(sound):
    return 10.0 * np.log10(np.mean(np.square(sound, dtype=np.float64)) + 1e-14)


def curve_db(sound, rate=48000, frame_s=0.05):
    """Level over time."""
    frames = int(rate * frame_s)
    count = sound.shape[1] // frames
    return np.array([level_db(sound[:, n * frames:(n + 1) * frames]) for n in range(count)])

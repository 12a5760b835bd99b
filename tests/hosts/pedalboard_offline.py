"""A bounce of the VST3, faster than time: counted in samples, and the same each time.

The wrapper hands the host's mode on one activation late, so the plugin goes by the pace that it sees.
"""

import glob
import os
import sys
import time

import numpy as np
import pedalboard

import pedal

path = sys.argv[1]
SECONDS = 6.0
NOTES = [(bytes([0x90, 62, 100]), 0.2), (bytes([0x80, 62, 0]), 1.2), (bytes([0x90, 69, 64]), 1.4), (bytes([0x80, 69, 0]), 2.6)]

plugin = pedalboard.load_plugin(path)
assert str(plugin.render_mode) == "Follow host", plugin.render_mode
plugin.loudness_source = "Keys"


def bounce(block):
    """The sound, the time it took, and whether the plugin took its second half for a bounce."""
    begun = time.monotonic()
    sound = plugin(NOTES, duration=SECONDS, sample_rate=48000, num_channels=2, buffer_size=block, reset=True)
    passed = time.monotonic() - begun
    time.sleep(0.5)  # for the trace's last rows
    # An instance that is made while another still writes gets a file of its own.
    newest = max(glob.glob(os.environ["IMU2MUSIC_TRACE"] + "*"), key=os.path.getmtime)
    with open(newest) as file:
        rows = [line.rstrip("\n").split(",") for line in file]
    column = rows[0].index("offline")
    complete = [row[column] for row in rows[1:] if len(row) == len(rows[0])]
    assert len(complete) > 100 * SECONDS, "the trace has only %d rows" % len(complete)
    return sound, passed, set(complete[-int(100 * SECONDS):])


# The first activation, and one more: whatever the wrapper said late has arrived by then.
bounce(256)
first, passed, offline = bounce(256)
print("bounced %.1f s in %.2f s at %.1f dB" % (SECONDS, passed, pedal.level_db(first)), flush=True)
assert pedal.level_db(first) > -50.0, "a bounce of held keys is silent"
assert passed < 0.4 * SECONDS, "no faster than time: this shows nothing"
assert offline == {"1"}, "the plugin did not see that it was a bounce: %s" % offline

again, _, _ = bounce(256)
assert np.array_equal(first, again), "two bounces differ by %g" % np.abs(first - again).max()
other, _, _ = bounce(64)
assert np.array_equal(first, other), "the block size changes a bounce by %g" % np.abs(first - other).max()

plugin.render_mode = "Live"
_, _, offline = bounce(256)
assert offline == {"0"}, "the switch to Live does nothing"
print("bounces repeat; the manual switch overrules the pace", flush=True)

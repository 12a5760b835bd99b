"""Six sample rates by six block sizes, OSC arriving all the while; then the state saved and loaded again."""

import sys

import numpy as np

import motion
import pedal

RATES = [44100, 48000, 88200, 96000, 176400, 192000]
BLOCKS = [32, 64, 127, 256, 512, 1024]
SECONDS_EACH = 1.5

path, command = sys.argv[1], sys.argv[2]
bowing = motion.record(command, "bow", 6)

for rate in RATES:
    plugin = pedal.load(path)
    levels = []
    with motion.Sender(bowing):
        pedal.render(plugin, 1.0, rate, 256)  # the sensors are found and the sound sets in
        for block in BLOCKS:
            levels.append(pedal.level_db(pedal.render(plugin, SECONDS_EACH, rate, block)))
    print(rate, "Hz:", ", ".join("%d: %.1f dB" % pair for pair in zip(BLOCKS, levels)), flush=True)
    # A bow rests between phrases, so not every short stretch need sound.
    audible = sum(level > -60.0 for level in levels)
    assert audible >= 2, "only %d of %d block sizes sound at %d Hz" % (audible, len(BLOCKS), rate)
    del plugin

first = pedal.load(path)
pedal.render(first, 0.1)
# One parameter of each kind away from its default, whatever they are called.
changed = {}
for name, parameter in first.parameters.items():
    if parameter.is_automatable and name not in ("bypass", "panic", "recentre", "render_mode"):
        # The ends of the range are values that switches and stepped parameters have too.
        parameter.raw_value = 0.0 if parameter.raw_value > 0.5 else 1.0
        changed[name] = parameter.raw_value
        if len(changed) == 12:
            break
assert changed, "the plugin shows no parameters"
pedal.render(first, 0.1)
changed = {name: first.parameters[name].raw_value for name in changed}
state = first.raw_state
second = pedal.load(path)
pedal.render(second, 0.1)
second.raw_state = state
pedal.render(second, 0.1)
for name, value in changed.items():
    now = second.parameters[name].raw_value
    assert np.isclose(now, value, atol=1e-4), "%s was saved as %g and came back as %g" % (name, value, now)
print("state:", len(state), "bytes,", len(changed), "parameters came back")

"""Motion changes the sound of the VST3, and hostile packets do not."""

import os
import socket
import sys

import numpy as np

import motion
import pedal

path, command = sys.argv[1], sys.argv[2]
still, bowing, shaking = (motion.record(command, style, 5) for style in ("still", "bow", "shake"))
plugin = pedal.load(path)


def play(recording, seconds=4.0):
    with motion.Sender(recording):
        pedal.render(plugin, 1.0)
        return pedal.render(plugin, seconds)


def hostile_packets():
    nested = b"".join(
        b"#bundle\0" + bytes(7) + b"\1" + ((2599 - depth) * 20).to_bytes(4, "big") for depth in range(2600)
    )
    not_numbers = b"/riot/v3/9/accelerometer\0\0\0\0,fffi\0\0\0" + b"\x7f\xc0\0\0" * 3 + bytes(4)
    wrong_types = b"/riot/v3/9/gyroscope\0\0\0\0,[[[zq\0\0" + bytes(16)
    return [nested, b"/" * 8193, not_numbers, wrong_types]


def malformed():
    with open(os.environ["IMU2MUSIC_TRACE"]) as trace:
        rows = [line.rstrip("\n").split(",") for line in trace]
    column = rows[0].index("malformed")
    complete = [row for row in rows[1:] if len(row) == len(rows[0])]
    return int(complete[-1][column])


quiet = play(still)
loud = play(bowing)
print("still %.1f dB, bowed %.1f dB" % (pedal.level_db(quiet), pedal.level_db(loud)), flush=True)
assert pedal.level_db(loud) > -50.0, "bowing is silent"
assert pedal.level_db(quiet) < pedal.level_db(loud) - 15.0, "still arms are as loud as bowing ones"

other = play(shaking)
bow_curve, shake_curve = pedal.curve_db(loud), pedal.curve_db(other)
apart = float(np.mean(np.abs(np.clip(bow_curve, -70, 0) - np.clip(shake_curve, -70, 0))))
print("bowing and shaking are %.1f dB apart on average" % apart, flush=True)
assert apart > 1.5, "two gestures give the same curve"

with motion.Sender(bowing):
    pedal.render(plugin, 1.0)
    before = malformed()
    enemy = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for packet in hostile_packets():
        enemy.sendto(packet, ("127.0.0.1", motion.PORT))
    after = pedal.render(plugin, 4.0)
counted = malformed() - before
print("after hostile packets %.1f dB, %d counted" % (pedal.level_db(after), counted), flush=True)
assert pedal.level_db(after) > pedal.level_db(loud) - 20.0, "the sound did not go on"
assert counted >= 3, "malformed packets were not counted"

"""Real motion for the host tests: recorded from the virtual performer, sent again through python-osc."""

import os
import socket
import subprocess
import threading
import time

from pythonosc import osc_bundle_builder, osc_message_builder, osc_packet, udp_client

PORT = int(os.environ["IMU2MUSIC_PORTS"].split(",")[0])


def record(command, style, seconds):
    """Datagrams of a performance as (time, datagram) pairs."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind(("127.0.0.1", 0))
    ear.settimeout(0.2)
    target = "127.0.0.1:%d" % ear.getsockname()[1]
    child = subprocess.Popen(
        [command, "perform", "--style", style, "--seconds", str(seconds), "--to", target],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )
    datagrams, start = [], None
    while True:
        try:
            datagram = ear.recv(65536)
        except socket.timeout:
            if child.poll() is not None:
                break
            continue
        now = time.monotonic()
        start = now if start is None else start
        datagrams.append((now - start, datagram))
    assert child.returncode == 0, "the performer failed"
    assert len(datagrams) > 20 * seconds, "the performer sent only %d datagrams" % len(datagrams)
    return datagrams


def encode_again(datagram):
    """The same message as python-osc writes it, so that a second encoder is heard too."""
    messages = []
    for timed in osc_packet.OscPacket(datagram).messages:
        builder = osc_message_builder.OscMessageBuilder(address=timed.message.address)
        for value in timed.message.params:
            builder.add_arg(value)
        messages.append(builder.build())
    if not datagram.startswith(b"#bundle"):
        return messages
    # The stamp of a recording lies in the past: "immediately" lets the plugin go by arrival.
    bundle = osc_bundle_builder.OscBundleBuilder(osc_bundle_builder.IMMEDIATELY)
    for message in messages:
        bundle.add_content(message)
    return [bundle.build()]


class Sender:
    """Plays a recording round and round on a thread until it is stopped."""

    def __init__(self, recording):
        self.packets = [(at, packet) for at, datagram in recording for packet in encode_again(datagram)]
        self.length = recording[-1][0] + 0.01
        self.leave = threading.Event()
        self.client = udp_client.UDPClient("127.0.0.1", PORT)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        begin = time.monotonic()
        while not self.leave.is_set():
            for at, packet in self.packets:
                if self.leave.wait(max(0.0, begin + at - time.monotonic())):
                    return
                self.client.send(packet)
            begin += self.length

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave.set()
        self.thread.join()

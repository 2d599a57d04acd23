"""What runs in the performer's process once it has its priority: pipe, ports, loop, end.

Commands come on standard input and events leave on standard output, as frames of msgpack.
Whatever a library prints goes to standard error.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence

from engine.errors import PortError
from engine.midi.backends import open_backend
from engine.midi.messages import CHANNELS, panic
from engine.midi.ports import MidiBackend, now_ns
from engine.midi.system_thread import OPEN_AGAIN_S, OPEN_S
from engine.performer.messages import Event, encode
from engine.performer.performer import Performer
from engine.performer.realtime import Waker, quieten_collector
from engine.performer.supervisor import Host
from engine.process.pipe import Receiver, Sender
from engine.process.signals import watch_for_end
from engine.process.streams import claim_stdout

SWITCH_INTERVAL_S = 0.0005
"""How long a thread of ours may keep the others waiting; Python's own default is 5 ms."""
GOODBYE_S = 0.3
"""How long the last events may take to leave."""
SETTLE_S = 0.15
"""How long a server may take to wire ports that were just opened."""
EXIT_OK, EXIT_FAULT, EXIT_NO_PORTS = 0, 1, 3


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the options the client gives."""
    parser = argparse.ArgumentParser(prog="antiphon-performer")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--client-name", default="Antiphon")
    parser.add_argument("--connect-in", action="append", default=[])
    parser.add_argument("--connect-out", action="append", default=[])
    parser.add_argument("--silence-channel", action="append", default=[], type=int)
    parser.add_argument("--active-sensing", action="store_true", help="let receivers notice our death")
    parser.add_argument("--only-silence", action="store_true", help="reset all receivers and exit")
    parser.add_argument("--patient", action="store_true", help="retry when there are no ports yet")
    return parser.parse_args(argv)


def run(argv: Sequence[str], *, realtime: bool) -> int:
    """Play until the controller says or shows that it is over; return the exit status."""
    options = parse(argv)
    if options.only_silence:
        return _only_silence(options)
    events = Sender(claim_stdout(), "events")
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    waker = Waker()
    host = _host(options, events, waker, realtime)
    stopping = watch_for_end(waker.wake)

    def receive(frame: bytes) -> None:
        host.receive(frame)
        waker.wake()

    def ended() -> None:
        host.controller_gone()
        waker.wake()

    if not host.start(now_ns(), patient=options.patient):
        events.close(GOODBYE_S)
        return EXIT_NO_PORTS
    Receiver(os.dup(0), "commands", receive, ended)
    quieten_collector()
    status = _play(host, waker, stopping)
    events.close(GOODBYE_S)
    return status


def _host(options: argparse.Namespace, events: Sender, waker: Waker, realtime: bool) -> Host:
    tried = False

    def open_ports() -> MidiBackend:
        nonlocal tried
        known = host.connections
        again, tried = tried, True
        return open_backend(
            options.backend,
            client_name=options.client_name,
            connect_in=known.sources or options.connect_in,
            connect_out=known.sinks or options.connect_out,
            patient=options.patient or again,
            on_input=waker.wake,
            wait_s=OPEN_AGAIN_S if again else OPEN_S,
        )

    def send(event: Event) -> None:
        events.put(encode(event))

    host = Host(
        open_backend=open_ports,
        make_performer=Performer,
        send=send,
        realtime=realtime,
        silence_channels=options.silence_channel,
        active_sensing=options.active_sensing,
    )
    return host


def _only_silence(options: argparse.Namespace) -> int:
    """Reset whoever listens on all channels, twice, and leave."""
    try:
        backend = open_backend(
            options.backend,
            client_name=options.client_name,
            connect_out=options.connect_out,
            patient=True,
        )
    except PortError:
        return EXIT_NO_PORTS
    for _ in range(2):
        for message in panic(CHANNELS):
            backend.output.send(now_ns(), message)
        time.sleep(SETTLE_S)
    backend.close()
    return EXIT_OK


def _play(host: Host, waker: Waker, stopping: Callable[[], bool]) -> int:
    try:
        while not host.done:
            wake_ns = host.turn(now_ns())
            if stopping():
                host.finish(now_ns())
            elif not host.done:
                waker.sleep_until(wake_ns)
    except Exception as error:
        host.fail(error, now_ns())
        return EXIT_FAULT
    return EXIT_OK

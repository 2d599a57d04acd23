"""Random scripts of a host: no wrong bar, no note switched on twice, none left sounding."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted import Host, check_bars, check_output

from engine.performer import messages as m

SCRIPTS = settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)

note = st.builds(
    m.NoteData,
    st.floats(-0.12, 7.9),
    st.integers(60, 66),
    st.floats(0.01, 5.0),
    st.integers(1, 127),
    st.integers(0, 2),
)
pattern = st.builds(
    m.SetPattern,
    st.integers(0, 9),
    st.lists(note, max_size=8).map(tuple),
    st.integers(1, 2),
    st.sampled_from(["step", "beat", "bar"]),
)
lead = st.sampled_from([0, 30_000_000])
transport_op = st.one_of(
    st.tuples(st.just("ticks"), st.integers(1, 150)),
    st.tuples(st.just("drop"), st.integers(1, 3)),
    st.tuples(st.just("double"), st.integers(10, 30)),
    st.tuples(st.sampled_from(["start", "stop", "resume"]), st.just(0)),
    st.tuples(st.sampled_from(["locate", "relocate"]), st.integers(0, 200)),
    st.tuples(st.just("tempo"), st.floats(60, 200)),
)
command = st.one_of(
    pattern,
    st.just(m.ClearPattern()),
    st.just(m.Panic()),
    st.floats(-40, 40).map(m.SetOffset),
)


def perform(host: Host, op: tuple[str, float]) -> None:
    kind, value = op
    if kind == "ticks":
        host.ticks(int(value))
    elif kind == "drop":
        # Alone among ticks that come, as a full buffer loses them, with the tempo known.
        host.ticks(36)
        host.ticks(36, dropped=frozenset(range(12, 12 + int(value))))
    elif kind == "double":
        host.ticks(36)
        host.ticks(36, doubled=int(value))
    elif kind == "start":
        host.start()
        host.ticks(2)
    elif kind == "stop" and host.rolling:
        host.stop()
    elif kind == "resume" and not host.rolling:
        host.resume()
        host.ticks(2)
    elif kind == "locate":
        if host.rolling:
            host.stop()
        host.locate(int(value))
    elif kind == "relocate" and host.rolling:
        host.locate(int(value))
        host.ticks(2)
    elif kind == "tempo":
        host.bpm = value
        host.ticks(6)


@SCRIPTS
@given(
    lead,
    st.sampled_from([0, 1_000_000]),
    st.sampled_from([-1_000_000, 0, 700_000]),
    st.lists(transport_op, min_size=1, max_size=14),
)
def test_every_bar_reported_is_the_bar_that_was_played(lead_ns, jitter_ns, note_lag_ns, ops):
    host = Host(lead_ns, jitter_ns, note_lag_ns)
    host.ticks(30)
    host.start()
    host.ticks(110)
    for op in ops:
        perform(host, op)
    assert check_bars(host) >= 1


@SCRIPTS
@given(lead, st.lists(st.one_of(transport_op, command, command), min_size=1, max_size=20))
def test_no_note_is_doubled_and_none_is_left_when_the_host_stops(lead_ns, ops):
    host = Host(lead_ns, 1_000_000)
    host.start()
    host.ticks(30)
    for op in ops:
        if isinstance(op, tuple):
            perform(host, op)
        else:
            host.offline.handle(op)
    if host.rolling:
        host.ticks(3)
        host.stop()
    host.offline.run_for(100_000_000)
    check_output(host.offline)


@SCRIPTS
@given(lead, st.lists(st.tuples(st.integers(0, 400), command), min_size=1, max_size=20), st.booleans())
def test_no_note_is_left_by_the_internal_clock_however_it_ends(lead_ns, ops, panic):
    offline = Host(lead_ns).offline
    offline.handle(m.Play())
    for wait_ms, op in ops:
        offline.run_for(wait_ms * 1_000_000)
        offline.handle(op)
    offline.handle(m.Shutdown() if panic else m.Stop())
    offline.run_for(100_000_000)
    check_output(offline)


@SCRIPTS
@given(lead, pattern, st.integers(1, 900), st.integers(1, 500))
def test_no_note_is_left_when_the_port_is_lost_and_comes_back(lead_ns, command, before_ms, away_ms):
    offline = Host(lead_ns).offline
    offline.handle(command)
    offline.handle(m.Play())
    offline.run_for(before_ms * 1_000_000)
    left_on = offline.sounding()
    offline.backend.kill()
    offline.run_for(away_ms * 1_000_000)
    offline.attach(offline.new_backend(lead_ns))
    offline.run_for(1_000)
    first = [data for _, _, data in offline.backend.output.log]
    for channel, pitch in left_on:
        assert bytes((0x80 | channel, pitch, 0)) in first
        for controller in (64, 123, 120):
            assert bytes((0xB0 | channel, controller, 0)) in first
    offline.run_for(2_000_000_000)
    offline.handle(m.Stop())
    offline.run_for(100_000_000)
    check_output(offline)


@SCRIPTS
@given(lead, st.lists(st.tuples(st.integers(0, 30), st.binary(max_size=4)), max_size=60))
def test_no_bytes_from_a_driver_stop_the_performer(lead_ns, arrivals):
    offline = Host(lead_ns).offline
    offline.handle(m.SetPattern(1, (m.NoteData(0.0, 60, 2.0, 80, 0),), 1))
    offline.handle(m.Play())
    for wait_ms, data in arrivals:
        offline.run_for(wait_ms * 1_000_000)
        offline.play([(offline.now_ns, data)])
    offline.handle(m.Shutdown())
    offline.run_for(100_000_000)
    check_output(offline)

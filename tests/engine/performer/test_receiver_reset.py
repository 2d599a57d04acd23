from hypothesis import given, settings
from hypothesis import strategies as st

from engine.midi.messages import CHANNELS, every_note_off, silence
from engine.performer.receiver_reset import PASSES_NS, ReceiverReset

KEYS = st.sets(st.tuples(st.integers(0, 15), st.integers(0, 127)), max_size=12)


@settings(max_examples=30, deadline=None)
@given(KEYS, st.integers(1, 300))
def test_a_pass_names_every_key_but_those_that_sound(sounding, batch):
    reset = ReceiverReset()
    reset.begin(0)
    assert reset.take(PASSES_NS[0] - 1, sounding, batch) == []
    sent, first_ns = [], PASSES_NS[0]
    while taken := reset.take(first_ns, sounding, batch):
        assert len(taken) <= batch
        sent += taken
    quiet = [channel for channel in CHANNELS if channel not in {channel for channel, _ in sounding}]
    assert sorted(sent) == sorted(silence(quiet) + every_note_off(CHANNELS, sounding))
    later = []
    while taken := reset.take(PASSES_NS[1], (), batch):
        later += taken
    assert sorted(later) == sorted(silence(CHANNELS) + every_note_off(CHANNELS))
    assert reset.take(10**12, (), batch) == []


def test_receivers_that_come_together_share_a_pass():
    reset = ReceiverReset()
    reset.begin(0)
    reset.begin(1)
    assert len(reset.take(PASSES_NS[0] + 1, (), 10_000)) == 64 + 2048
    assert reset.take(PASSES_NS[0] + 2, (), 10_000) == []

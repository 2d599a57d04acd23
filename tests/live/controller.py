"""A controller to be killed: plays long notes on the internal clock until then."""

import time

from engine.performer.client import PerformerClient
from engine.performer.messages import NoteData, Play, SetClock, SetPattern

client = PerformerClient("jack")
client.start()
client.send(SetClock("internal"))
client.send(SetPattern(1, (NoteData(0.0, 60, 3.9, 100, 0), NoteData(1.0, 64, 2.5, 100, 3)), 1))
client.send(Play())
print(client.pid, flush=True)
while True:
    client.poll()
    time.sleep(0.05)

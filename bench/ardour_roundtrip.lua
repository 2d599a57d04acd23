-- Driven by ardour_roundtrip.py: Ardour without a window as the DAW, in two passes.
--
-- Pass 1 records what Antiphon plays onto the track "Heard". Pass 2 plays that recording into
-- Antiphon and records its answer onto the track "Answer". Pass 3 plays it again from a bar line in
-- the middle. Ardour's MIDI clock leads throughout.

local folder = os.getenv("ANTIPHON_SESSION")
local bars = tonumber(os.getenv("ANTIPHON_BARS"))
local bpm = tonumber(os.getenv("ANTIPHON_BPM"))
local beats_per_bar = 4
local from_beats = tonumber(os.getenv("ANTIPHON_FROM_BEATS"))
local antiphon_in, antiphon_out = "Antiphon:Antiphon In", "Antiphon:Antiphon Out"
local by_script = ARDOUR.TransportRequestSource.TRS_UI

local function say(text)
  print(text)
  io.stdout:flush()
end

local function wait(seconds)
  ARDOUR.LuaAPI.usleep(math.floor(seconds * 1000000))
end

AudioEngine:set_backend("JACK", "ardour", "")
local session = create_session(folder, "roundtrip", 48000)
assert(session, "the session cannot be created")
ARDOUR.config():set_send_midi_clock(true)

local tempo = Temporal.TempoMap.fetch_writable()
tempo:set_tempo(Temporal.Tempo(bpm, bpm, beats_per_bar), Temporal.timepos_t(0))
Temporal.TempoMap.update(tempo)

local function new_track(name)
  local one = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
  local made = session:new_midi_track(
    one, one, true, ARDOUR.PluginInfo(), nil, nil, 1, name,
    ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, false)
  for route in made:iter() do
    return route:to_track()
  end
end

local function arm(track, on)
  track:rec_enable_control():set_value(on and 1 or 0, PBD.GroupControlDisposition.NoGroup)
end

local function port(name)
  local _, found = session:engine():get_ports(ARDOUR.DataType("midi"), ARDOUR.PortList())
  for candidate in found[2]:iter() do
    if candidate:name() == name then return candidate end
  end
  error("no port " .. name)
end

local function pass(name, from_beats)
  session:request_locate(math.floor(from_beats * 60 / bpm * 48000), false, ARDOUR.LocateTransportDisposition.MustStop, by_script)
  wait(1.0)
  session:maybe_enable_record(false)
  say("roll " .. name)
  session:request_roll(by_script)
  wait((bars * beats_per_bar - from_beats + 0.5) * 60 / bpm)
  session:request_stop(false, false, by_script)
  wait(1.5)
  say("stopped " .. name)
end

local heard, answer = new_track("Heard"), new_track("Answer")
port("MIDI Clock out"):connect(antiphon_in)
heard:input():nth(0):connect(antiphon_out)
wait(1.0)
say("wired")

arm(heard, true)
pass("1", 0)
arm(heard, false)

heard:input():nth(0):disconnect_all()
heard:output():nth(0):connect(antiphon_in)
answer:input():nth(0):connect(antiphon_out)
arm(answer, true)
wait(1.0)
pass("2", 0)
arm(answer, false)
answer:input():nth(0):disconnect_all()
wait(0.5)
pass("3", from_beats)

session:save_state("")
close_session()
quit()

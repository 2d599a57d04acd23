-- Ardour without a window, led by commands: one a line on standard input, each answered with "ok".
--
--   track NAME            a MIDI track
--   listen NAME PORT      a track's input hears just that port; without PORT nothing
--   feed NAME PORT        a track's output goes to that port too
--   clock PORT            Ardour's MIDI clock goes to that port too
--   arm NAME on|off       whether a track records
--   locate BEATS          stop there
--   roll, record, stop    play; play and record; stop
--   quit                  save and end

local folder, bpm = os.getenv("ANTIPHON_SESSION"), tonumber(os.getenv("ANTIPHON_BPM"))
local beats_per_bar, rate = 4, 48000
local by_script = ARDOUR.TransportRequestSource.TRS_UI
local tracks = {}

local function wait(seconds)
  ARDOUR.LuaAPI.usleep(math.floor(seconds * 1000000))
end

AudioEngine:set_backend("JACK", "ardour", "")
local session = create_session(folder, "session", rate)
assert(session, "the session cannot be created")
ARDOUR.config():set_send_midi_clock(true)

local tempo = Temporal.TempoMap.fetch_writable()
tempo:set_tempo(Temporal.Tempo(bpm, bpm, beats_per_bar), Temporal.timepos_t(0))
Temporal.TempoMap.update(tempo)

local function port(name)
  local _, found = session:engine():get_ports(ARDOUR.DataType("midi"), ARDOUR.PortList())
  for candidate in found[2]:iter() do
    if candidate:name() == name then return candidate end
  end
  error("no port " .. name)
end

local commands = {}

function commands.track(name)
  local one = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
  local made = session:new_midi_track(
    one, one, true, ARDOUR.PluginInfo(), nil, nil, 1, name,
    ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, false)
  for route in made:iter() do
    tracks[name] = route:to_track()
  end
end

function commands.listen(name, source)
  local input = tracks[name]:input():nth(0)
  input:disconnect_all()
  if source then input:connect(source) end
end

function commands.feed(name, sink)
  tracks[name]:output():nth(0):connect(sink)
end

function commands.clock(sink)
  port("MIDI Clock out"):connect(sink)
end

function commands.arm(name, on)
  tracks[name]:rec_enable_control():set_value(on == "on" and 1 or 0, PBD.GroupControlDisposition.NoGroup)
end

function commands.locate(beats)
  local frame = math.floor(tonumber(beats) * 60 / bpm * rate)
  session:request_locate(frame, false, ARDOUR.LocateTransportDisposition.MustStop, by_script)
  wait(1.0)
end

function commands.roll()
  session:request_roll(by_script)
end

function commands.record()
  session:maybe_enable_record(false)
  session:request_roll(by_script)
end

function commands.stop()
  session:request_stop(false, false, by_script)
  wait(1.5)
end

local function say(text)
  print(text)
  io.stdout:flush()
end

say("ok")
for line in io.lines() do
  local words = {}
  -- A port's name may hold spaces: what follows the second word is one.
  local name, first, rest = line:match("^(%S+)%s*(%S*)%s*(.*)$")
  if name == "quit" then break end
  if name == "clock" then first, rest = (first .. " " .. rest):match("^(.-)%s*$"), "" end
  for _, word in ipairs({ first, rest }) do
    if word ~= "" then words[#words + 1] = word end
  end
  local fine, why = pcall(commands[name], table.unpack(words))
  say(fine and "ok" or "error " .. tostring(why))
end
session:save_state("")
close_session()
say("ok")
quit()

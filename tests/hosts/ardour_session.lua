-- Creates a session with the instrument, plays it, saves, loads again; prints one VERDICT line.
-- SESSION_DIR is put in by ardour_session.sh.

AudioEngine:set_backend("None (Dummy)", "", "")
local s = create_session("SESSION_DIR", "session", 48000)
assert(s, "no session")

local found
for p in ARDOUR.LuaAPI.list_plugins():iter() do
	if p.type == ARDOUR.PluginType.VST3 and p.name == "IMU2Music" then found = p.name end
end
if not found then
	print("VERDICT no plugin")
	os.exit(1)
end

local info = ARDOUR.LuaAPI.new_plugin_info(found, ARDOUR.PluginType.VST3)
local routes = s:new_midi_track(
	ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1), ARDOUR.ChanCount(ARDOUR.DataType("audio"), 2),
	true, info, nil, nil, 1, "Arm", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
local track
for r in routes:iter() do track = r end
local instrument = track:the_instrument()
local plugin = instrument:to_insert():plugin(0)

-- The number by which Lua sets a parameter counts the controls alone.
local gain, control = nil, 0
for n = 0, plugin:parameter_count() - 1 do
	if plugin:parameter_is_control(n) then
		if plugin:parameter_label(n) == "Gain" then gain = control end
		control = control + 1
	end
end
if not gain then
	print("VERDICT the parameter Gain is missing")
	os.exit(1)
end
ARDOUR.LuaAPI.set_processor_param(instrument, gain, 0.75)
ARDOUR.LuaAPI.usleep(300000)

s:request_roll(ARDOUR.TransportRequestSource.TRS_UI)
local peak_db = -200
for _ = 1, 80 do
	ARDOUR.LuaAPI.usleep(100000)
	peak_db = math.max(peak_db, track:peak_meter():meter_level(0, ARDOUR.MeterType.MeterPeak))
end
local position = s:transport_sample()
s:request_stop(false, false, ARDOUR.TransportRequestSource.TRS_UI)
ARDOUR.LuaAPI.usleep(300000)
local before = ARDOUR.LuaAPI.get_processor_param(instrument, gain, true)
print("FIGURE played to sample " .. position .. ", peak " .. peak_db .. " dB, gain " .. before)

s:save_state("", false, false, false, false, false)
instrument, plugin, track, routes = nil, nil, nil, nil
collectgarbage()
close_session()

s = load_session("SESSION_DIR", "session")
track = s:route_by_name("Arm")
instrument = track:the_instrument()
local after = ARDOUR.LuaAPI.get_processor_param(instrument, gain, true)
print("FIGURE after loading again: " .. instrument:display_name() .. ", gain " .. after)

if math.abs(after - before) > 1e-3 or math.abs(before - 0.75) > 1e-2 then
	print("VERDICT the parameter was lost")
elseif position < 48000 then
	print("VERDICT the transport did not roll")
elseif peak_db < -60 then
	print("VERDICT silent")
else
	print("VERDICT good")
end
instrument, track = nil, nil
collectgarbage()
close_session()

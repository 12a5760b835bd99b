#!/bin/sh
# The VST3 through a session in Ardour with its dummy backend: created, played, saved, loaded again.
# Usage: ardour_session.sh BUNDLE.vst3 IMU2MUSIC_COMMAND SCRATCH_FOLDER
set -eu
bundle=$1 command=$2 scratch=$3
here=$(cd "$(dirname "$0")" && pwd)
export HOME="$scratch/home"
unset XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME
mkdir -p "$HOME/.vst3"
cp -r "$bundle" "$HOME/.vst3/"
# Ardour takes a scan's record for stale unless it is a second younger than the library.
find "$HOME/.vst3" -exec touch -d '1 hour ago' {} +

lua=$(ls /usr/bin/ardour[0-9]*-lua | sort -V | tail -n 1)
library=$(ls -d /usr/lib/ardour[0-9]* | sort -V | tail -n 1)
LD_LIBRARY_PATH="$library" timeout 120 "$library/ardour-vst3-scanner" -f "$HOME"/.vst3/*.vst3
sed "s|SESSION_DIR|$scratch/session|" "$here/ardour_session.lua" > "$scratch/session.lua"

# A bowing arm for as long as the session may last.
"$command" perform --style bow --seconds 300 --to "127.0.0.1:${IMU2MUSIC_PORTS%%,*}" > /dev/null &
performer=$!
trap 'kill "$performer" 2> /dev/null || true' EXIT

# The first run after a scan may not know the plugin yet.
for attempt in 1 2 3; do
    rm -rf "$scratch/session"
    timeout 120 xvfb-run -a "$lua" "$scratch/session.lua" > "$scratch/log.txt" 2>&1 || true
    grep -q '^VERDICT no plugin' "$scratch/log.txt" || break
done
grep -E '^(VERDICT|FIGURE)' "$scratch/log.txt" || { tail -n 40 "$scratch/log.txt"; exit 1; }
grep -q '^VERDICT good' "$scratch/log.txt"

#!/usr/bin/env bash
# Takes the pictures of the pages in docs/images with Chromium, from the demo. Missing programs are installed on Debian as
# root. Usage: scripts/screenshots.sh
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/install-missing.sh <<'NEEDS'
chromium chromium
pngquant pngquant
NEEDS

# Path, width and height in CSS pixels, colour scheme, and name of the file.
export PICTURES='
/            1440x900   light  overview
/?lang=de    1440x900   dark   overview-dark
/stats       1440x1000  light  statistics
/evolution   1440x900   light  evolution
/map         1440x900   light  map
/cartography 1440x1000  light  risk-matrices
/compliance  1440x900   dark   compliance
/stats?lang=fr 500x1100  light  statistics-phone
'
# Bytes of a picture.
export LIMIT=200000

run() {
    set -euo pipefail
    local path size scheme name file
    folder=$(mktemp -d "${TMPDIR:-/tmp}/stats-screenshots.XXXXXX")
    trap 'rm -rf "$folder"' EXIT
    mkdir -p docs/images
    while read -r path size scheme name; do
        [ -n "$path" ] || continue
        # The rules of the resolver keep Chromium from using the network. 0 is its number of the dark scheme.
        HOME=$folder timeout 60 chromium --headless=new --no-sandbox --disable-gpu --no-first-run --disable-sync \
            --disable-background-networking --disable-component-update "--user-data-dir=$folder/profile" \
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" --lang=en-US --hide-scrollbars \
            --force-color-profile=srgb --force-device-scale-factor=1 "--window-size=${size/x/,}" \
            "--blink-settings=preferredColorScheme=$([ "$scheme" = dark ] && echo 0 || echo 1)" \
            "--screenshot=$folder/picture.png" "$STATS_URL$path" >"$folder/log" 2>&1 </dev/null ||
            { cat "$folder/log" >&2; return 1; }
        file="docs/images/$name.png"
        pngquant --force --strip --speed 1 --output "$file" 256 "$folder/picture.png"
        size=$(stat -c %s "$file")
        echo "$file: $size bytes"
        [ "$size" -le "$LIMIT" ] || { echo "$file is larger than $LIMIT bytes." >&2; return 1; }
        rm "$folder/picture.png"
    done <<<"$PICTURES"
}
export -f run
STATS_PROFILE=release scripts/with-server.sh --demo -- bash -c run

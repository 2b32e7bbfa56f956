#!/usr/bin/env bash
# Makes the font that crates/stats-charts draws PNGs with: Noto Sans with Latin, Greek, Cyrillic, Hebrew and Arabic
# letters. Needs npm and python3. Usage: scripts/chart-fonts.sh
set -euo pipefail
cd "$(dirname "$0")/.."

version=5.3.0
target=$PWD/crates/stats-charts/fonts
tools="$(scripts/python-tool.sh fonttools 4.60.1)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"

for package in noto-sans noto-sans-hebrew noto-sans-arabic; do
    archive="$(npm pack --silent "@fontsource/$package@$version")"
    mkdir "$package"
    tar -xzf "$archive" -C "$package" --strip-components=1
done

subset() { # PACKAGE, PART, UNICODES
    "$tools/pyftsubset" "$1/files/$1-$2-400-normal.woff" --output-file="$2.ttf" --unicodes="$3" --no-hinting \
        --notdef-outline
}

latin='U+20-7E,U+A0-24F,U+1E9E,U+370-3FF,U+400-45F,U+490-491,U+2000-206F,U+20AC,U+2116,U+2122,U+2212,U+FEFF,U+FFFD'
for part in latin latin-ext greek cyrillic; do
    subset noto-sans "$part" "$latin"
done
subset noto-sans-hebrew hebrew 'U+590-5FF,U+FB1D-FB4F'
subset noto-sans-arabic arabic 'U+600-6FF,U+750-77F'
# One font, because resvg uses one font for a text where shaping changes the number of glyphs, as it does in Arabic.
"$tools/pyftmerge" --output-file=merged.ttf latin.ttf latin-ext.ttf greek.ttf cyrillic.ttf hebrew.ttf arabic.ttf \
    >/dev/null 2>&1
# The space between groups of digits is missing in the font: it gets the glyph of the thin space. The time of the merge
# would make the bytes differ.
"$tools/python" - merged.ttf "$target/noto-sans.ttf" <<'PYTHON'
import sys
from fontTools.ttLib import TTFont
font = TTFont(sys.argv[1], recalcTimestamp=False)
for table in font["cmap"].tables:
    if 0x2009 in table.cmap:
        table.cmap[0x202F] = table.cmap[0x2009]
font["head"].created = font["head"].modified = 0
font.save(sys.argv[2])
PYTHON
cp noto-sans/LICENSE "$target/LICENSE"
ls -l "$target"

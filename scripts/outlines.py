#!/usr/bin/env python3
"""Makes the outlines of countries that crates/stats-charts draws maps from. Needs npm. Usage: scripts/outlines.py

Takes Natural Earth (public domain) out of the npm package world-atlas, removes points that no map of this size shows, and
writes crates/stats-charts/outlines/*.txt. The same version of the package gives the same bytes.

The format, in lines: comments begin with `#`; then the number of units in a degree and, unless it is the whole world, the
box that is drawn well (west, south, east, north); then the arcs, each a line of printable characters: zigzag differences
of longitude and latitude in groups of 5 bits, lowest first, 32 added to all but the last group, 63 added to each; an empty
line; then the rings, each a line of the indexes of its arcs, where ~i is arc i backwards. Neighbours share the arc of
their border.
"""

import hashlib
import json
import math
import pathlib
import subprocess
import tarfile
import tempfile

PACKAGE = "world-atlas@2.0.2"
SHA256 = "032e7765f2ce00edaeafec23ff22bc3b77e42987c257da944cc585b452c05b97"
SOURCE = "Natural Earth 4.1.0, public domain"
TARGET = pathlib.Path(__file__).resolve().parent.parent / "crates/stats-charts/outlines"
EUROPE = (-12, 34, 34, 62)
# No map shows it: its ring, which runs round the pole, cannot be drawn.
WITHOUT = {"Antarctica"}
# File, scale of Natural Earth, tolerance in degrees, units in a degree, least size of an island in degrees, box in which
# this holds: outside it, countries keep a shape that is only good enough to be cut off.
OUTLINES = [
    ("world", "110m", 0.1, 20, 0.5, None),
    ("region", "50m", 0.03, 50, 0.15, None),
    ("europe", "10m", 0.01, 200, 0.08, EUROPE),
]
TOLERANCE_OUTSIDE = 2.0


def download(folder):
    """Returns the files of the package by name."""
    command = ["npm", "pack", "--silent", PACKAGE, "--pack-destination", folder]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    [archive] = pathlib.Path(folder).glob("*.tgz")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != SHA256:
        raise SystemExit(f"outlines.py: {PACKAGE} has the SHA-256 {digest}, not {SHA256}")
    with tarfile.open(archive) as files:
        return {m.name: files.extractfile(m).read() for m in files.getmembers() if m.name.endswith(".json")}


def degrees(topology):
    """Returns the arcs of a TopoJSON topology in degrees, without jumps at the antimeridian."""
    (scale_x, scale_y), (left, bottom) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for deltas in topology["arcs"]:
        x = y = turn = 0
        arc = []
        for dx, dy in deltas:
            x, y = x + dx, y + dy
            longitude = x * scale_x + left + turn
            if arc and abs(longitude - arc[-1][0]) > 180:
                shift = -360 if longitude > arc[-1][0] else 360
                turn, longitude = turn + shift, longitude + shift
            arc.append((longitude, y * scale_y + bottom))
        arcs.append(arc)
    return arcs


def simplify(arc, tolerance):
    """The algorithm of Douglas and Peucker, which keeps both ends."""
    keep = {0, len(arc) - 1}
    spans = [(0, len(arc) - 1)]
    while spans:
        first, last = spans.pop()
        farthest, distance = None, tolerance
        for index in range(first + 1, last):
            candidate = to_segment(arc[index], arc[first], arc[last])
            if candidate > distance:
                farthest, distance = index, candidate
        if farthest is not None:
            keep.add(farthest)
            spans += [(first, farthest), (farthest, last)]
    return [arc[index] for index in sorted(keep)]


def to_segment(point, start, end):
    """Returns the distance of a point from a segment, in degrees of latitude."""
    width = math.cos(math.radians(start[1]))
    px, py = (point[0] - start[0]) * width, point[1] - start[1]
    ex, ey = (end[0] - start[0]) * width, end[1] - start[1]
    length = ex * ex + ey * ey
    along = max(0, min(1, (px * ex + py * ey) / length)) if length else 0
    return math.hypot(px - along * ex, py - along * ey)


def bounds(points):
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def overlap(a, b):
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def rings(topology, arcs, island, box):
    """Returns the rings worth drawing: those in the box, without small islands, but of each country the largest."""
    chosen = []
    for country in topology["objects"]["countries"]["geometries"]:
        polygons = {"Polygon": [country.get("arcs")], "MultiPolygon": country.get("arcs")}.get(country["type"], [])
        if country["properties"]["name"] in WITHOUT:
            continue
        sized = []
        for ring in (ring for polygon in polygons for ring in polygon):
            left, bottom, right, top = bounds([point for i in ring for point in arcs[max(i, ~i)]])
            if box is None or overlap((left, bottom, right, top), box):
                sized.append((max(right - left, top - bottom), ring))
        largest = max((size for size, _ in sized), default=0)
        chosen += [ring for size, ring in sized if size >= min(island, largest)]
    return chosen


def characters(value):
    value = value * 2 if value >= 0 else -value * 2 - 1
    text = ""
    while value >= 32:
        text += chr(63 + 32 + value % 32)
        value //= 32
    return text + chr(63 + value)


def encode(arc, units):
    text, last = "", (0, 0)
    for point in arc:
        point = round(point[0] * units), round(point[1] * units)
        if text and point == last:
            continue
        text += characters(point[0] - last[0]) + characters(point[1] - last[1])
        last = point
    return text


def outline(topology, scale, tolerance, units, island, box):
    arcs = degrees(topology)
    chosen = rings(topology, arcs, island, box)
    used = sorted({max(i, ~i) for ring in chosen for i in ring})
    number = {old: new for new, old in enumerate(used)}
    lines = [f"# {SOURCE}: countries at 1:{scale}, from {PACKAGE}. Made by scripts/outlines.py.", " ".join(map(str, [units, *(box or ())]))]
    for index in used:
        inside = box is None or overlap(bounds(arcs[index]), box)
        lines.append(encode(simplify(arcs[index], tolerance if inside else TOLERANCE_OUTSIDE), units))
    lines.append("")
    lines += [" ".join(str(number[i] if i >= 0 else ~number[~i]) for i in ring) for ring in chosen]
    return "\n".join(lines) + "\n"


with tempfile.TemporaryDirectory() as folder:
    files = download(folder)
for name, scale, *options in OUTLINES:
    topology = json.loads(files[f"package/countries-{scale}.json"])
    text = outline(topology, scale, *options)
    (TARGET / f"{name}.txt").write_text(text)
    print(f"{name}.txt: {len(text):,} bytes")

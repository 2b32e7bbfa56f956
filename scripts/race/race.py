"""Races builds of this service against the Python Stats Service; scripts/race.sh runs it.

All have the same made-up stats: 60 days of all five types, of offices with 50 analyses each. Contestants take turns, so
that a noisy machine disturbs all of them. The table on standard output is Markdown.
"""

import argparse
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "python-peer"))

from cases import CASES, Race
from contestants import TODAY, Contestant, Stats, connect
from services import Failed

DATABASES = ["PostgreSQL", "SQLite"]


def number(value):
    """Two significant digits, without an exponent."""
    if value == 0:
        return "0"
    digits = f"{float(f'{value:.1e}'):.10f}".rstrip("0").rstrip(".")
    return f"{int(digits):,}" if digits.isdigit() else digits


def quantity(value, unit):
    match unit:
        case "s" if value >= 1:
            return f"{number(value)} s"
        case "s":
            return f"{number(value * 1000)} ms"
        case "MB":
            return f"{number(value / 1e6)} MB"
        case _:
            return f"{number(value)}{unit}"


def times_better(row, value, other):
    """How many times as fast, or as small, as the other one."""
    return value / other if row.unit == "/s" else other / value


def table(contestants, rows):
    """The cells of each row, the first of which is the header.

    Cells of ours have the ratio to the baseline if there is one, else to the Python service. Cells of a database have
    the ratio of its time to that of ours.
    """
    reference = {}
    for one in contestants:
        if one.name == "ours":
            others = [other for other in contestants if other.name == "baseline" and other.database == one.database]
            others += [other for other in contestants if other.name == "Python"]
            reference[one] = next(iter(others), None)
    floors = [database for database in DATABASES if any(database in row.floors for row in rows)]

    yield ["", *map(str, contestants), *(f"{database} itself" for database in floors)]
    yield ["---"] + ["--:"] * (len(contestants) + len(floors))
    for row in rows:
        cells = [row.title]
        for contestant in contestants:
            value, other = row.values[contestant], row.values.get(reference.get(contestant))
            cell = quantity(value, row.unit)
            if value and other:
                cell += f" ({number(times_better(row, value, other))} ×)"
            cells.append(cell)
        for database in floors:
            cell, floor = "", row.floors.get(database)
            if floor:
                ours = next(one for one in contestants if one.name == "ours" and one.database == database)
                cell = f"{quantity(floor, row.unit)} ({number(1 / times_better(row, row.values[ours], floor))} ×)"
            cells.append(cell)
        yield cells


def machine():
    """The day, the machine and the versions, in a sentence."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) * 1024
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout
    with connect(os.environ["STATS_TEST_POSTGRES"]) as cursor:
        cursor.execute("SHOW server_version")
        postgres = cursor.fetchone()[0].split()[0]
    return (
        f"{TODAY}, commit {commit.strip() or 'unknown'}; {os.cpu_count()} cores"
        f" ({cpu[1].strip() if cpu else platform.machine()}), {memory / 2**30:.0f} GiB, Linux {platform.release()},"
        f" PostgreSQL {postgres}, Python {platform.python_version()}."
    )


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/race.sh", description="Races this service against the Python one.")
    parser.add_argument("--programs", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--only", metavar="CASE", action="append", choices=CASES, help=f"some of {', '.join(CASES)}")
    parser.add_argument("--analyses", metavar="N", type=int, default=50, help="number of analyses, 50 by default")
    parser.add_argument("--without-peer", action="store_true", help="leave out the Python service")
    parser.add_argument("--binary", metavar="PATH", type=Path, help="the stats-server to race, instead of building it")
    parser.add_argument("--baseline", metavar="PATH", type=Path, help="another stats-server to compare it with")
    arguments = parser.parse_args()
    if arguments.analyses < 1:
        parser.error("--analyses must be at least 1")
    for path in arguments.binary, arguments.baseline:
        if path and not os.access(path, os.X_OK):
            parser.error(f"{path} is not a program")
    return arguments


def run(arguments, folder):
    builds = [("ours", arguments.binary or arguments.programs / "stats-server")]
    if arguments.baseline:
        builds.append(("baseline", arguments.baseline))
    contestants = []
    try:
        if not arguments.without_peer:
            contestants.append(Contestant("Python", "PostgreSQL", folder))
        for name, program in builds:
            contestants += [Contestant(name, database, folder, program.resolve()) for database in DATABASES]
        stats = Stats(arguments.programs / "examples" / "batches", arguments.analyses)
        start = time.monotonic()
        report = lambda text: print(f"{time.monotonic() - start:4.0f} s: {text}", file=sys.stderr, flush=True)
        report("loading the stats")
        stats.load(contestants)
        rows = []
        race = Race(contestants, stats)
        for name, case in CASES.items():
            if not arguments.only or name in arguments.only:
                report(name)
                rows += case(race)
        report("done")
    finally:
        for contestant in contestants:
            contestant.service.process.kill()
    for cells in table(contestants, rows):
        print(f"| {' | '.join(cells)} |")
    print(f"\n{arguments.analyses} analyses, {machine()}")


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, interrupt)
    # Requests to 127.0.0.1 must not use a proxy.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    try:
        with tempfile.TemporaryDirectory(prefix="stats-race-") as folder:
            run(arguments, Path(folder))
    except Failed as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

"""Tests pushes and pulls between our service and the Python service; scripts/test-python-peer.sh runs it.

`ours` is our service, `peer` the Python service. Each case runs with our service on SQLite and on PostgreSQL, in its own
process with its own two services and databases; four cases run at a time, since they mostly wait. The stats that arrive
are compared by UUID, analysis, type, date and the JSON value of the document, with numbers in double precision.
"""

import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import date, timedelta
from pathlib import Path

from dateutil.relativedelta import relativedelta

import page
from services import TYPES, Failed, Ours, Peer, Process, Service

TODAY = date.today()
# Documents that MONARC rarely sends: all kinds of numbers and characters, empty and nested values. The numbers have up to
# 100 digits as jsonb writes them, the limit of our service.
EDGE_CASES = [
    "[]",
    "{}",
    '{"": [], "a": {}, "b": [[], [{}]]}',
    '[0, -1, 1.50, 0.1, 2.5e-7, 1E2, -0.0, 1.7976931348623157e90, 2.5e-90, 12345678901234567890123]',
    '[true, false, null, "", "0", "1.50", 1, 0]',
    r'{"é": "Système à clés", "\u00e9\"\\\/\b\f\n\r\t": "\ud83d\ude00 😀 日本語 العربية ŧ", "\u0001": "\u007f\u2028"}',
    '[{"label2": "x", "count": 3, "maxRisk": 12.25, "averageRate": "2.82", "extra": {"deep": [[[[[[1]]]]]]}}]',
    '{"total": [], "risks": {"current": {"operational": {"1": [8, 6]}}}}' + " " * 20,
]
# The peer stores all documents that our service accepts. A trigger in its database fails on this one, with an error that
# the peer does not expect, such as a full disk.
FAILING_DOCUMENT = '{"fail": true}'
FAIL_ON_DOCUMENT = """
    CREATE FUNCTION fail_on_document() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.data ? 'fail' THEN RAISE 'failed'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER fail_on_document BEFORE INSERT ON stats FOR EACH ROW EXECUTE FUNCTION fail_on_document();
"""


def stat_json(stat_uuid, anr, stats_type, day, data):
    """Formats a stat. `data` is JSON text, which stays unchanged."""
    return f'{{"uuid": "{stat_uuid}", "anr": "{anr}", "type": "{stats_type}", "date": "{day}", "data": {data}}}'


def edge_cases():
    """Makes stats of all types with the edge cases, dated from the first valid day until today."""
    days = [date(1, 1, 1), date(1999, 12, 31), date(2020, 2, 29), TODAY - timedelta(days=1), TODAY]
    anr = uuid.uuid4()
    return [
        stat_json(uuid.uuid4(), anr, TYPES[number % 5], days[number % 3 if number < 16 else 3 + number % 2], document)
        for number, document in enumerate(EDGE_CASES * 4)
    ]


def sample(path, every):
    """Makes the stats of three front offices: edge cases, and from the demo one day in `every` of the last 200."""
    offices = json.loads(Path(path).read_text())
    days = {str(TODAY - timedelta(days=back)) for back in range(0, 200, every)}
    result = []
    for stats in offices:
        chosen = [stat for stat in stats if stat["date"] in days]
        texts = [stat_json(s["uuid"], s["anr"], s["type"], s["date"], json.dumps(s["data"])) for s in chosen]
        result.append(texts + edge_cases())
    return result


def parse(stats):
    return [json.loads(stat) for stat in stats]


def within(stats, first, last):
    return [stat for stat in stats if str(first) <= stat["date"] <= str(last)]


def is_equal(one, other):
    """Compares two JSON values. Python's == does not distinguish 1 and true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_equal, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float) or isinstance(other, float):
        return isinstance(one, (int, float)) and isinstance(other, (int, float)) and float(one) == float(other)
    return one == other


def compare(where, found, expected):
    """Fails unless both are the same stats, without duplicates in `found`."""
    found_by_uuid, expected_by_uuid = ({stat["uuid"]: stat for stat in stats} for stats in (found, expected))
    if len(found_by_uuid) != len(found):
        raise Failed(f"{where}: some stats are duplicates")
    missing, surplus = expected_by_uuid.keys() - found_by_uuid.keys(), found_by_uuid.keys() - expected_by_uuid.keys()
    if missing or surplus:
        some = [(expected_by_uuid | found_by_uuid)[stat] for stat in sorted(missing | surplus)[:3]]
        counts = f"{len(missing)} of {len(expected_by_uuid)} stats are missing, {len(surplus)} are unexpected"
        raise Failed(f"{where}: {counts}: {some}"[:2000])
    for stat, fields in expected_by_uuid.items():
        for field in "anr", "type", "date", "data":
            value = found_by_uuid[stat][field]
            if not is_equal(fields[field], value):
                raise Failed(f"{where}: {field} of {stat} is {value!r}, not {fields[field]!r}"[:2000])
    print(f"    {where}: {len(found)} stats, as expected")


def check_summary(command, summary, expected):
    """Fails unless the output of a push or a pull has these counts."""
    lines = [line.strip() for line in summary.strip().splitlines()]
    print(f"    {command}: {'; '.join(lines)}")
    for name, count in expected.items():
        if f"{name}: {count}" not in lines:
            raise Failed(f"{command}: '{name}: {count}' is not in its output")


def count_in(summary, *names):
    """Adds up counts in the output of a push or a pull."""
    lines = [line.rpartition(": ") for line in summary.splitlines()]
    return sum(int(count) for name, _, count in lines if name in names)


class Pair:
    """Both services, with front offices on one of them."""

    def __init__(self, arguments, folder):
        self.ours = self.peer = None
        self.arguments, self.folder = arguments, folder

    def __enter__(self):
        try:
            self.ours = Ours(self.folder, self.arguments.database, Path(self.arguments.programs))
            self.peer = Peer(self.folder)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for service in self.ours, self.peer:
            if hasattr(service, "process"):
                service.process.stop()

    def fill(self, service, every=14):
        """Posts the stats of three front offices: A and B, which share them, and C, which does not."""
        stats = sample(self.arguments.sample, every)
        for name, office in zip("ABC", stats):
            service.add_client(name, sharing=name != "C")
            service.post(name, office)
        self.stats = dict(zip("ABC", map(parse, stats)))
        self.shared = self.stats["A"] + self.stats["B"]

    def remote(self, service, name):
        return service.process.address, service.tokens[name]

    def push(self, *options, code=0):
        return self.ours.run("stats", "push", *options, remote=self.remote(self.peer, "company"), code=code)

    def compare_peer(self, name="company", expected=None):
        """Fails unless the peer has exactly these stats, by default the shared ones, and all belong to this client."""
        expected = self.shared if expected is None else expected
        compare("the peer", self.peer.stats(name), expected)
        if self.peer.count() != len(expected):
            raise Failed("the peer: some stats belong to another client or to none")


def push(pair):
    """Push to the peer"""
    pair.fill(pair.ours)
    pair.peer.add_client("company")
    count = len(pair.shared)
    check_summary("the first push", pair.push(), {"sent": count, "already there": 0, "refused": 0, "waiting": 0})
    pair.compare_peer()
    check_summary("the second push", pair.push(), {"sent": 0, "already there": 0, "refused": 0, "waiting": 0})
    check_summary("push --all", pair.push("--all"), {"sent": 0, "already there": count, "refused": 0, "waiting": 0})
    late = edge_cases()
    pair.ours.post("B", late)
    pair.shared += parse(late)
    check_summary("new stats with old dates", pair.push(), {"sent": len(late), "already there": 0, "refused": 0, "waiting": 0})
    pair.compare_peer()
    compare("ours", pair.ours.all_stats(), pair.shared + pair.stats["C"])


def stumble(pair):
    """Push a stat that the peer answers with 500"""
    stats = edge_cases()
    failing = stat_json(uuid.uuid4(), uuid.uuid4(), "risk", TODAY, FAILING_DOCUMENT)
    pair.ours.add_client("A")
    pair.peer.add_client("company")
    pair.peer.execute(FAIL_ON_DOCUMENT)
    pair.ours.post("A", stats[:20] + [failing] + stats[20:])
    pair.shared = parse(stats)
    summary = pair.push(code=65)
    check_summary("the push", summary, {"refused": 1, "waiting": 0})
    # The peer stores the stats before the failing one although it answers 500. A retry finds them already there.
    if count_in(summary, "sent", "already there") != len(stats):
        raise Failed("the counts of the push do not add up")
    pair.compare_peer()
    late = edge_cases()
    pair.ours.post("A", late)
    pair.shared += parse(late)
    check_summary("the next push", pair.push(code=65), {"sent": len(late), "already there": 0, "refused": 1, "waiting": 0})
    pair.compare_peer()


def kill(pair):
    """Kill the peer during a push"""
    pair.fill(pair.ours, every=2)
    pair.peer.add_client("company")
    total = len(pair.shared)

    def kill_at(minimum):
        """Starts a push and kills the peer when it has stored this number of stats."""
        command = pair.ours.start("stats", "push", remote=pair.remote(pair.peer, "company"))
        try:
            while pair.peer.count() < minimum:
                if command.poll() is not None:
                    raise Failed(f"the push ended before the peer had {minimum} stats: {command.communicate()}")
                time.sleep(0.02)
            pair.peer.process.kill()
            stored = pair.peer.count()
            print(f"    the peer is killed with {stored} of {total} stats")
            if stored >= total:
                raise Failed("the peer was killed too late")
        except BaseException:
            command.kill()
            command.wait()
            raise
        return command

    summary = pair.ours.wait(kill_at(total // 5), 75)
    check_summary("a push to a peer that stays away", summary, {"refused": 0})
    if count_in(summary, "sent", "already there", "waiting") != total:
        raise Failed("the counts of the push do not add up")
    pair.peer.restart()
    command = kill_at(total * 3 // 5)
    time.sleep(3)
    pair.peer.restart()
    check_summary("a push to a peer that comes back", pair.ours.wait(command, 0), {"refused": 0, "waiting": 0})
    pair.compare_peer()
    check_summary("the last push", pair.push(), {"sent": 0, "already there": 0, "refused": 0, "waiting": 0})
    check_summary("push --all", pair.push("--all"), {"sent": 0, "already there": total, "refused": 0, "waiting": 0})
    pair.compare_peer()
    compare("ours", pair.ours.all_stats(), pair.shared + pair.stats["C"])


def pull(pair):
    """Pull from the peer"""
    pair.fill(pair.peer)
    pair.ours.add_client("copy")
    owner = pair.ours.uuid("copy")

    def run(*options):
        remote = pair.remote(pair.peer, "A")
        return pair.ours.run("stats", "pull", "--client-uuid", owner, *options, remote=remote)

    expected = within(pair.stats["A"], TODAY + relativedelta(months=-3), TODAY)
    check_summary("the last three months", run(), {"new": len(expected), "already here": 0})
    compare("ours", pair.ours.stats("copy"), expected)
    check_summary("the same again", run(), {"new": 0, "already here": len(expected)})
    first, last = TODAY - timedelta(days=130), TODAY - timedelta(days=75)
    in_range = within(pair.stats["A"], first, last)
    new = [stat for stat in in_range if stat not in expected]
    summary = run("--date-from", str(first), "--date-to", str(last))
    check_summary(f"{first} to {last}", summary, {"new": len(new), "already here": len(in_range) - len(new)})
    for day in "0001-01-01", "2020-02-29":
        old = within(pair.stats["A"], day, day)
        new += old
        check_summary(day, run("--date-from", day, "--date-to", day), {"new": len(old), "already here": 0})
    compare("ours, the client", pair.ours.stats("copy"), expected + new)
    compare("ours, all clients", pair.ours.all_stats(), expected + new)


def peer_pushes(pair):
    """Push from the peer with its command stats_push"""
    pair.fill(pair.peer)
    pair.ours.add_client("company")
    remote = pair.remote(pair.ours, "company")
    recent = within(pair.shared, TODAY + relativedelta(months=-3), TODAY)
    everything = "--date-from", "0001-01-01"
    for options, expected in [(), recent], [(), recent], [everything, pair.shared], [everything, pair.shared]:
        # Its output is not checked: it calls 201 and 207 failures.
        pair.peer.run("stats_push", *options, remote=remote)
        compare(" ".join(["ours after stats_push", *options]), pair.ours.stats("company"), expected)
        compare("ours, all clients", pair.ours.all_stats(), expected)


def peer_pulls(pair):
    """Pull from the peer with its command stats_pull"""
    pair.fill(pair.ours)
    pair.peer.add_client("copy")
    owner = pair.peer.uuid("copy")
    address, token = pair.remote(pair.ours, "A")
    recent = within(pair.stats["A"], TODAY + relativedelta(months=-3), TODAY)
    for is_first in True, False:
        for stats_type in TYPES:
            pair.peer.run(
                "stats_pull", "--client-uuid", owner, "--token", token, "--stats-type", stats_type, remote=(address, "")
            )
            if is_first:
                found, expected = ([s for s in stats if s["type"] == stats_type] for stats in (pair.peer.stats("copy"), recent))
                compare(f"the peer, {stats_type}", found, expected)
        pair.compare_peer("copy", recent)


def withdraw(pair):
    """Delete stats that were pushed to the peer, and withdraw the others"""
    pair.fill(pair.ours)
    pair.peer.add_client("company")
    pair.push()
    remote = pair.remote(pair.peer, "company")

    def delete(office, analysis):
        pair.ours.request("DELETE", f"stats/{analysis}", pair.ours.tokens[office], 204)
        before = len(pair.shared)
        pair.shared = [stat for stat in pair.shared if stat["anr"] != analysis]
        return before - len(pair.shared)

    deleted = delete("A", pair.stats["A"][0]["anr"])
    summary = pair.push()
    check_summary("a deleted analysis", summary, {"sent": 0, "deletions told": deleted})
    if "not told" in summary:
        raise Failed("the push says that a deletion was not told")
    pair.compare_peer()

    # The peer does not delete single stats.
    single = pair.stats["B"][-1]
    body = [{"uuid": single["uuid"], "deleted_at": f"{TODAY}T00:00:00Z"}]
    pair.ours.request("POST", "stats/deleted/", pair.ours.tokens["B"], 200, json=body)
    for _ in range(2):
        check_summary("a deleted stat", pair.push(), {"sent": 0, "deletions told": 0, "deletions not told": 1})
        pair.compare_peer()
    listed = pair.ours.run("stats", "reconcile", remote=remote, code=1)
    expected = f"{single['date']}  {single['type']:<13}  {single['uuid']}  too much there"
    if listed.splitlines() != [expected]:
        raise Failed(f"reconcile prints {listed!r}, not {expected!r}")
    rest = delete("B", single["anr"])
    check_summary("the rest of the analysis", pair.push(), {"sent": 0, "deletions told": rest - 1})
    pair.compare_peer()
    lost = pair.shared[0]["uuid"]
    pair.peer.execute("DELETE FROM stats WHERE uuid = %s", lost)
    listed = pair.ours.run("stats", "reconcile", "--repair", "--yes", remote=remote)
    if f"{lost}  was missing there, sent" not in listed:
        raise Failed(f"reconcile prints {listed!r}")
    pair.compare_peer()

    pair.ours.run("client", "sharing-deactivate", "A", "--withdraw")
    of_a = {stat["uuid"] for stat in pair.stats["A"]}
    before = len(pair.shared)
    pair.shared = [stat for stat in pair.shared if stat["uuid"] not in of_a]
    check_summary("a withdrawal", pair.push(), {"sent": 0, "deletions told": before - len(pair.shared)})
    pair.compare_peer()
    check_summary("the next push", pair.push(), {"sent": 0, "deletions told": 0})
    if pair.ours.run("stats", "reconcile", remote=remote):
        raise Failed("reconcile lists differences")


def migrate(pair):
    """Replace the peer as docs/migrating.md says, and go back"""
    page.follow(pair, compare, parse, edge_cases)


# The longest first: they wait for retries.
CASES = {case.__name__: case for case in (stumble, kill, push, withdraw, pull, peer_pushes, peer_pulls, migrate)}
DATABASES = ["sqlite", "postgres"]
# The database of the peer is on PostgreSQL.
POSTGRES_ONLY = {"migrate"}


def demo_stats(programs, folder):
    """Writes the stats of three front offices of the demo to a file, and returns its path."""
    demo = Service()
    demo.process = Process(
        [Path(programs) / "stats-server", "--demo"],
        folder / "demo.log",
        {"PORT": "0", "HOST": "127.0.0.1"},
        r"Listening on (http://[0-9.:]+)",
    )
    try:
        tokens = demo.process.log.read_text().split("The tokens of the clients:")[1]
        demo.tokens = dict(re.findall(r"^  (.*\S) +(\S+)$", tokens, re.MULTILINE))
        # The first ones have stats of the whole half year.
        offices = [demo.stats(name) for name in list(demo.tokens)[:3]]
    finally:
        demo.process.stop()
    if len(offices) != 3 or not all(offices):
        raise Failed("the demo does not begin with three front offices that have stats")
    path = folder / "sample.json"
    path.write_text(json.dumps(offices))
    return path


def run_case(arguments):
    """Runs a case in this process."""
    with tempfile.TemporaryDirectory(prefix=f"{arguments.case.replace('_', '-')}-{arguments.database}-") as folder:
        try:
            with Pair(arguments, Path(folder)) as pair:
                CASES[arguments.case](pair)
        except Failed as error:
            print(error)
            for log in "ours.log", "peer.log", "peer-service.log":
                path = Path(folder) / log
                if path.exists():
                    print(f"--- the end of {log}:\n{path.read_text()[-2000:]}")
            sys.exit(1)


def run_all(arguments):
    """Runs the cases, each in its own process, and reports the number of failures."""
    children = []

    def run(case, database):
        start = time.monotonic()
        command = [sys.executable, __file__, *sys.argv[1:], "--case", case, "--database", database, "--sample", path]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        children.append(child)
        report = child.communicate()[0]
        seconds = time.monotonic() - start
        result = "passed" if child.returncode == 0 else "FAILED"
        print(f"{CASES[case].__doc__}, ours on {database}: {result} ({seconds:.0f} s)\n{report}", flush=True)
        return child.returncode

    with tempfile.TemporaryDirectory(prefix="stats-python-peer-") as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        path = demo_stats(arguments.programs, Path(folder))
        runs = [(case, database) for case in arguments.cases or CASES for database in DATABASES]
        runs = [(case, database) for case, database in runs if database == "postgres" or case not in POSTGRES_ONLY]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            try:
                failed = sum(1 for code in pool.map(lambda both: run(*both), runs) if code != 0)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                # The threads of the pool wait for these processes.
                for child in children:
                    child.terminate()
                raise
    if failed:
        sys.exit(f"{failed} of {len(runs)} cases failed.")
    print(f"All {len(runs)} cases passed.")


def interrupt(*_):
    """Ends this process. Further signals are ignored, so that services are stopped and files removed."""
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", required=True, help="directory of stats-server and stats-admin")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"some of {', '.join(CASES)}; all by default")
    for hidden in "--case", "--database", "--sample":
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for case in arguments.cases:
        if case not in CASES:
            parser.error(f"unknown case '{case}'; the cases are {', '.join(CASES)}")
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, interrupt)
    # Requests to 127.0.0.1 must not use a proxy.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    try:
        run_case(arguments) if arguments.case else run_all(arguments)
    except Failed as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

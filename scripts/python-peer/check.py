"""Tests our service against the Python one, in both directions; scripts/test-python-peer.sh prepares what it needs.

Each case runs on SQLite and on PostgreSQL, as a process of its own with two services and two databases of its own; some
run side by side, since they mostly wait. What arrived is compared stat by stat: uuid, analysis, type, date and the
document as a JSON value, with numbers as everybody reads them, in double precision.
"""

import argparse
import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import date, timedelta
from pathlib import Path

from dateutil.relativedelta import relativedelta

from services import TYPES, Failed, Ours, Peer, Process

TODAY = date.today()
# Documents with what MONARC's happen not to have, or seldom: numbers of every kind, text of every plane, emptiness.
# jsonb writes numbers with all their digits, of which ours takes 100.
ODD_DOCUMENTS = [
    "[]",
    "{}",
    '{"": [], "a": {}, "b": [[], [{}]]}',
    '[0, -1, 1.50, 0.1, 2.5e-7, 1E2, -0.0, 1.7976931348623157e90, 2.5e-90, 12345678901234567890123]',
    '[true, false, null, "", "0", "1.50", 1, 0]',
    r'{"é": "Système à clés", "\u00e9\"\\\/\b\f\n\r\t": "\ud83d\ude00 😀 日本語 العربية ŧ", "\u0001": "\u007f\u2028"}',
    '[{"label2": "x", "count": 3, "maxRisk": 12.25, "averageRate": "2.82", "extra": {"deep": [[[[[[1]]]]]]}}]',
    '{"total": [], "risks": {"current": {"operational": {"1": [8, 6]}}}}' + " " * 20,
]
# Nothing that ours takes makes the peer fail, so that its database has to do it: on this document, with an error that
# the peer does not expect, as one out of space would be.
STUMBLING_BLOCK = '{"stumble": true}'
STUMBLE = """
    CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.data ? 'stumble' THEN RAISE 'stumbled'; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER stumble BEFORE INSERT ON stats FOR EACH ROW EXECUTE FUNCTION stumble();
"""


def written(stat_uuid, anr, stats_type, day, data):
    """A stat as text, with its document as it is."""
    return f'{{"uuid": "{stat_uuid}", "anr": "{anr}", "type": "{stats_type}", "date": "{day}", "data": {data}}}'


def odd_stats():
    """All types and odd documents, from the first day that there is until today."""
    days = [date(1, 1, 1), date(1999, 12, 31), date(2020, 2, 29), TODAY - timedelta(days=1), TODAY]
    anr = uuid.uuid4()
    return [
        written(uuid.uuid4(), anr, TYPES[number % 5], days[number % 3 if number < 16 else 3 + number % 2], document)
        for number, document in enumerate(ODD_DOCUMENTS * 4)
    ]


def sample(path, every):
    """The stats of three front offices: of every so many days of half a year those of the demo, and odd ones."""
    offices = json.loads(Path(path).read_text())
    days = {str(TODAY - timedelta(days=back)) for back in range(0, 200, every)}
    result = []
    for stats in offices:
        chosen = [stat for stat in stats if stat["date"] in days]
        texts = [written(s["uuid"], s["anr"], s["type"], s["date"], json.dumps(s["data"])) for s in chosen]
        result.append(texts + odd_stats())
    return result


def read(stats):
    return [json.loads(stat) for stat in stats]


def within(stats, first, last):
    return [stat for stat in stats if str(first) <= stat["date"] <= str(last)]


def same(one, other):
    """Whether two JSON values are equal. For Python itself 1 is true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float) or isinstance(other, float):
        return isinstance(one, (int, float)) and isinstance(other, (int, float)) and float(one) == float(other)
    return one == other


def compare(where, held, expected):
    """Fails unless both are the same stats, each there once."""
    if len({stat["uuid"] for stat in held}) != len(held):
        raise Failed(f"{where}: some stats are there twice")
    there, wanted = ({stat["uuid"]: stat for stat in stats} for stats in (held, expected))
    missing, surplus = wanted.keys() - there.keys(), there.keys() - wanted.keys()
    if missing or surplus:
        some = [(wanted | there)[stat] for stat in sorted(missing | surplus)[:3]]
        raise Failed(f"{where}: {len(missing)} of {len(wanted)} stats are missing, {len(surplus)} do not belong: {some}"[:2000])
    for stat, given in wanted.items():
        for field in "anr", "type", "date", "data":
            if not same(given[field], there[stat][field]):
                raise Failed(f"{where}: {field} of {stat} is {there[stat][field]!r}, not {given[field]!r}"[:2000])
    print(f"    {where}: {len(held)} stats, all the same")


def told(what, summary, expected):
    """Fails unless the summary of a command has these lines."""
    lines = [line.strip() for line in summary.strip().splitlines()]
    print(f"    {what}: {'; '.join(lines)}")
    for name, number in expected.items():
        if f"{name}: {number}" not in lines:
            raise Failed(f"{what}: it does not tell '{name}: {number}'")


def number(name, summary):
    return int(next(line for line in summary.splitlines() if line.startswith(f"{name}: ")).split()[-1])


class Pair:
    """Both services, with the front offices on one of them."""

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
        """Fills a service with the stats of two front offices that share, A and B, and of one that does not, C."""
        stats = sample(self.arguments.sample, every)
        for name, given in zip("ABC", stats):
            service.add_client(name, sharing=name != "C")
            service.post(name, given)
        self.stats = dict(zip("ABC", map(read, stats)))
        self.shared = self.stats["A"] + self.stats["B"]

    def remote(self, service, name):
        return service.process.address, service.tokens[name]

    def push(self, *options, code=0):
        return self.ours.run("stats", "push", *options, remote=self.remote(self.peer, "company"), code=code)

    def compare_peer(self):
        """The peer holds what is shared, for the account that pushed, and nothing else."""
        compare("the peer", self.peer.held("company"), self.shared)
        if self.peer.count() != len(self.shared):
            raise Failed("the peer: some stats are those of another client, or of none")


def push(pair):
    """ours pushes to the peer"""
    pair.fill(pair.ours)
    pair.peer.add_client("company")
    count = len(pair.shared)
    told("the first push", pair.push(), {"sent": count, "already there": 0, "refused": 0, "waiting": 0})
    pair.compare_peer()
    told("the second push", pair.push(), {"sent": 0, "already there": 0, "refused": 0, "waiting": 0})
    told("all again", pair.push("--all"), {"sent": 0, "already there": count, "refused": 0, "waiting": 0})
    late = odd_stats()
    pair.ours.post("B", late)
    pair.shared += read(late)
    told("late ones with old dates", pair.push(), {"sent": len(late), "already there": 0, "refused": 0, "waiting": 0})
    pair.compare_peer()
    compare("ours", pair.ours.held_by_all(), pair.shared + pair.stats["C"])


def stumble(pair):
    """ours pushes what the peer answers with 500"""
    stats = odd_stats()
    bad = written(uuid.uuid4(), uuid.uuid4(), "risk", TODAY, STUMBLING_BLOCK)
    pair.ours.add_client("A")
    pair.peer.add_client("company")
    pair.peer.execute(STUMBLE)
    pair.ours.post("A", stats[:20] + [bad] + stats[20:])
    pair.shared = read(stats)
    summary = pair.push(code=65)
    told("the push", summary, {"refused": 1, "waiting": 0})
    # The peer stores up to the stat that it fails at, and tells nobody: the next try finds these there.
    if number("sent", summary) + number("already there", summary) != len(stats):
        raise Failed("the push has lost count")
    pair.compare_peer()
    late = odd_stats()
    pair.ours.post("A", late)
    pair.shared += read(late)
    told("the next push", pair.push(code=65), {"sent": len(late), "already there": 0, "refused": 1, "waiting": 0})
    pair.compare_peer()


def kill(pair):
    """the peer is killed while ours pushes"""
    pair.fill(pair.ours, every=2)
    pair.peer.add_client("company")
    count = len(pair.shared)

    def killed_at(least):
        command = pair.ours.start("stats", "push", remote=pair.remote(pair.peer, "company"))
        try:
            while pair.peer.count() < least:
                if command.poll() is not None:
                    raise Failed(f"the push is over before the peer holds {least} stats: {command.communicate()}")
                time.sleep(0.02)
            pair.peer.process.kill()
            held = pair.peer.count()
            print(f"    the peer is killed when it holds {held} of {count} stats")
            if held >= count:
                raise Failed("the peer was killed too late")
        except BaseException:
            command.kill()
            command.wait()
            raise
        return command

    gives_up = killed_at(count // 5)
    summary = pair.ours.end(gives_up, 75)
    told("the push that gives up", summary, {"refused": 0})
    if number("sent", summary) + number("already there", summary) + number("waiting", summary) != count:
        raise Failed("the push has lost count")
    pair.peer.start_again()
    goes_on = killed_at(count * 3 // 5)
    time.sleep(3)
    pair.peer.start_again()
    told("the push that waits for it", pair.ours.end(goes_on, 0), {"refused": 0, "waiting": 0})
    pair.compare_peer()
    told("the last push", pair.push(), {"sent": 0, "already there": 0, "refused": 0, "waiting": 0})
    told("all again", pair.push("--all"), {"sent": 0, "already there": count, "refused": 0, "waiting": 0})
    pair.compare_peer()
    compare("ours", pair.ours.held_by_all(), pair.shared + pair.stats["C"])


def pull(pair):
    """ours pulls from the peer"""
    pair.fill(pair.peer)
    pair.ours.add_client("copy")
    owner = pair.ours.uuid("copy")

    def pulled(*options):
        remote = pair.remote(pair.peer, "A")
        return pair.ours.run("stats", "pull", "--client-uuid", owner, *options, remote=remote)

    expected = within(pair.stats["A"], TODAY + relativedelta(months=-3), TODAY)
    told("the last three months", pulled(), {"new": len(expected), "already here": 0})
    compare("ours", pair.ours.held("copy"), expected)
    told("once more", pulled(), {"new": 0, "already here": len(expected)})
    first, last = TODAY - timedelta(days=130), TODAY - timedelta(days=75)
    in_range = within(pair.stats["A"], first, last)
    new = [stat for stat in in_range if stat not in expected]
    summary = pulled("--date-from", str(first), "--date-to", str(last))
    told(f"{first} to {last}", summary, {"new": len(new), "already here": len(in_range) - len(new)})
    for day in "0001-01-01", "2020-02-29":
        old = within(pair.stats["A"], day, day)
        new += old
        told(day, pulled("--date-from", day, "--date-to", day), {"new": len(old), "already here": 0})
    compare("ours", pair.ours.held("copy"), expected + new)
    compare("ours in all", pair.ours.held_by_all(), expected + new)


def peer_pushes(pair):
    """the peer pushes to ours (flask stats_push)"""
    pair.fill(pair.peer)
    pair.ours.add_client("company")
    remote = pair.remote(pair.ours, "company")
    recent = within(pair.shared, TODAY + relativedelta(months=-3), TODAY)
    everything = "--date-from", "0001-01-01"
    for options, expected in [(), recent], [(), recent], [everything, pair.shared], [everything, pair.shared]:
        # It calls 201 a failure and 207 too: what it prints is worth nothing.
        pair.peer.run("stats_push", *options, remote=remote)
        compare(" ".join(["ours after stats_push", *options]), pair.ours.held("company"), expected)
        compare("ours in all", pair.ours.held_by_all(), expected)


def peer_pulls(pair):
    """the peer pulls from ours (flask stats_pull)"""
    pair.fill(pair.ours)
    pair.peer.add_client("copy")
    owner = pair.peer.uuid("copy")
    address, token = pair.remote(pair.ours, "A")
    recent = within(pair.stats["A"], TODAY + relativedelta(months=-3), TODAY)
    for turn in "first", "second":
        for stats_type in TYPES:
            pair.peer.run(
                "stats_pull", "--client-uuid", owner, "--token", token, "--stats-type", stats_type, remote=(address, "")
            )
            if turn == "first":
                held = [stat for stat in pair.peer.held("copy") if stat["type"] == stats_type]
                compare(f"the peer, {stats_type}", held, [stat for stat in recent if stat["type"] == stats_type])
        compare(f"the peer after the {turn} time", pair.peer.held("copy"), recent)
        if pair.peer.count() != len(recent):
            raise Failed("the peer: some stats are those of another client, or of none")


# The longest first: they wait for services that are away.
CASES = {case.__name__: case for case in (stumble, kill, push, pull, peer_pushes, peer_pulls)}
DATABASES = ["sqlite", "postgres"]


def demo_stats(programs, folder):
    """What the three front offices of our demo have, as a file."""
    server = Process(
        [Path(programs) / "stats-server", "--demo"],
        folder / "demo.log",
        {"PORT": "0", "HOST": "127.0.0.1"},
        r"Listening on (http://[0-9.:]+)",
    )
    try:
        import requests

        tokens = server.log.read_text().split("The tokens of the clients:")[1].split("Ctrl-C")[0].splitlines()
        tokens = [line.split()[-1] for line in tokens if line.strip() and " ADMIN " not in f" {line} "]
        offices = []
        for token in tokens:
            offices.append([])
            for stats_type in TYPES:
                answer = requests.get(
                    f"{server.address}/api/v1/stats/",
                    json={"type": stats_type, "date_from": "0001-01-01"},
                    headers={"X-API-KEY": token},
                    timeout=60,
                )
                answer.raise_for_status()
                offices[-1] += json.loads(answer.content)["data"]
    finally:
        server.stop()
    if len(offices) != 3 or not all(offices):
        raise Failed("the demo does not have three front offices with stats")
    path = folder / "sample.json"
    path.write_text(json.dumps(offices))
    return path


def run_case(arguments):
    """A case in this process."""
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
    """All cases, some at a time, each as a process of its own; tells how many failed."""
    children = []

    def run(case, database):
        start = time.monotonic()
        command = [sys.executable, __file__, *sys.argv[1:], "--case", case, "--database", database, "--sample", path]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        children.append(child)
        report = child.communicate()[0]
        took = time.monotonic() - start
        verdict = "well" if child.returncode == 0 else "FAILED"
        print(f"{CASES[case].__doc__}, ours on {database}: {verdict} ({took:.0f} s)\n{report}", flush=True)
        return child.returncode

    with tempfile.TemporaryDirectory(prefix="stats-python-peer-") as folder:
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        path = demo_stats(arguments.programs, Path(folder))
        runs = [(case, database) for case in arguments.cases or CASES for database in DATABASES]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            try:
                failed = sum(1 for code in pool.map(lambda both: run(*both), runs) if code != 0)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for child in children:
                    child.terminate()
                # The pool ends with them.
                raise
    if failed:
        sys.exit(f"{failed} of {len(runs)} cases failed.")
    print(f"All {len(runs)} cases went well.")


def interrupt(*_):
    """Ends this process, and lets nobody interrupt the stopping and removing of everything."""
    for reason in signal.SIGTERM, signal.SIGINT:
        signal.signal(reason, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", required=True, help="where our programs are")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"some of {', '.join(CASES)}; all by default")
    for hidden in "--case", "--database", "--sample":
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    for case in arguments.cases:
        if case not in CASES:
            parser.error(f"there is no case '{case}'; there are {', '.join(CASES)}")
    for reason in signal.SIGTERM, signal.SIGINT:
        signal.signal(reason, interrupt)
    # No proxy stands between two programs on one machine.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    try:
        run_case(arguments) if arguments.case else run_all(arguments)
    except Failed as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()

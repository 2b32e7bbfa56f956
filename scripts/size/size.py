"""Measures the service on PostgreSQL as the number of stats grows; scripts/measure-size.sh runs it.

Each size is a number of front offices with eleven analyses each, which have reported all five types every day of a year.
The table on standard output is Markdown.
"""

import argparse
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "race"), str(HERE.parent / "python-peer")]

from contestants import TODAY, Build, connect
from measure import Connection, memory, repeat, reset_peak, seconds
from race import interrupt, machine, quantity
from services import ADMIN_TOKEN, Failed

ANALYSES = 11
DAYS = 365
FIRST_DAY = TODAY - timedelta(days=DAYS - 1)
# Stats of an office.
OFFICE = ANALYSES * 5 * DAYS
STATS = "/api/v1/stats/"
PROCESSED = "/api/v1/stats/processed/"
PATHS = {
    "threats": "/stats/threats.json?days=365",
    "vulnerabilities": "/stats/vulnerabilities.json?days=365",
    "risks": "/stats/risks.json?processor=risk_averages_on_date&days=365",
}
INGEST_BATCHES = 60
INGEST_CLIENTS = 8


def shortened(stat, objects):
    """A stat with so many objects in its lists, or all if that is 0. Its risks and matrices stay whole."""
    if objects:
        match stat["type"]:
            case "threat" | "vulnerability":
                stat["data"] = stat["data"][:objects]
            case "compliance":
                for referential in stat["data"]:
                    for side in "current", "target":
                        referential[side] = referential[side][: (objects + 2) // 3]
    return stat


class Example:
    """The stats of one office, from which those of all are made: they have the same documents and other ids."""

    def __init__(self, example, objects):
        self.days = {}
        command = [example, "1", str(ANALYSES), str(FIRST_DAY), str(DAYS)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                for stat in json.loads(line):
                    text = json.dumps(shortened(stat, objects)["data"], ensure_ascii=False, separators=(",", ":"))
                    self.days.setdefault(stat["date"], []).append((stat["anr"], stat["type"], text))
        if process.returncode != 0:
            raise Failed(f"{command} exits with {process.returncode}")
        self.analyses = sorted({anr for anr, _, _ in self.stats()})

    def stats(self):
        return itertools.chain.from_iterable(self.days.values())

    def mean_bytes(self):
        return sum(len(text.encode()) for _, _, text in self.stats()) / OFFICE

    def batches(self, count):
        """Bodies of 150 stats, of the last days."""
        stats = [
            f'{{"anr":"{anr}","type":"{kind}","date":"{date}","data":{text}}}'
            for date, some in list(self.days.items())[-30:]
            for anr, kind, text in some
        ]
        cycle = itertools.cycle(stats)
        for _ in range(count):
            yield f"[{','.join(itertools.islice(cycle, 150))}]".encode()


class Instance(Build):
    """A stats-server and its commands, on a PostgreSQL database of its own."""

    def __init__(self, programs, folder):
        super().__init__(programs / "stats-server", "PostgreSQL", Path(tempfile.mkdtemp(prefix="size_", dir=folder)))
        self.admin = programs / "stats-admin"

    def drop(self):
        self.process.stop()
        with connect(os.environ["STATS_TEST_POSTGRES"]) as cursor:
            cursor.execute(f"DROP DATABASE {self.folder.name} WITH (FORCE)")

    def execute(self, sql, *values):
        with connect(self.database) as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else None

    def one(self, sql, *values):
        return self.execute(sql, *values)[0][0]

    def command(self, *arguments, codes=(0,), remote=None):
        """Runs a command. Returns its time in seconds, its peak memory in bytes and its output."""
        environment = os.environ | self.environment
        if remote:
            environment |= {"REMOTE_STATS_SERVER": remote[0], "REMOTE_STATS_TOKEN": remote[1]}
        with open(self.folder / "command.log", "w+") as log:
            peak, start = 0, time.perf_counter()
            child = subprocess.Popen(
                [self.admin, *map(str, arguments)],
                env=environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            while child.poll() is None:
                # A process that has ended has no memory.
                with contextlib.suppress(TypeError, FileNotFoundError, ProcessLookupError):
                    peak = max(peak, memory(child.pid, "VmHWM"))
                time.sleep(0.01)
            duration = time.perf_counter() - start
            log.seek(0)
            output = log.read()
        if child.returncode not in codes:
            raise Failed(f"'stats-admin {arguments}' exits with {child.returncode}: {output[-2000:]}")
        return duration, peak, output


class Size:
    """One size: a filled instance, and what was measured."""

    def __init__(self, programs, folder, example, offices, report):
        self.programs, self.folder, self.example, self.report = programs, folder, example, report
        self.offices = [f"office {number}" for number in range(offices)]
        self.instance = Instance(programs, folder)
        # By title: a value and its unit.
        self.rows = {}
        self.peaks = {}
        self.failures = []

    def row(self, title, value, unit="s"):
        self.rows[title] = (value, unit)
        self.report(f"{title}: {quantity(value, unit)}")

    @property
    def token(self):
        return self.instance.tokens[self.offices[0]]

    def connection(self):
        return Connection(self.instance.process.address)

    def load(self):
        """Stores the stats as they would have arrived: day by day, and office by office."""
        instance = self.instance
        for office in self.offices:
            instance.add_client(office)
        with connect(instance.database) as cursor:
            cursor.execute("CREATE TABLE example (LIKE stats INCLUDING STORAGE INCLUDING COMPRESSION)")
            cursor.execute("ALTER TABLE example ALTER uuid DROP NOT NULL, ALTER seq DROP NOT NULL")
            # The ids of the first office's analyses are those of the example.
            with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
                for date, stats in self.example.days.items():
                    for anr, kind, text in stats:
                        escaped = text.replace("\\", "\\\\")
                        file.write(f"{anr}\t{kind}\t{date}\t{escaped}\n")
                file.seek(0)
                cursor.copy_expert("COPY example (anr, type, date, data) FROM STDIN", file)
            cursor.execute("CREATE INDEX ON example (date)")
            start = time.perf_counter()
            for number, date in enumerate(self.example.days):
                cursor.execute(
                    """
                    INSERT INTO stats (uuid, anr, type, date, data, created_at, client_id)
                    SELECT gen_random_uuid(),
                           CASE client.id WHEN first.id THEN anr ELSE md5(client.id || anr::text)::uuid END,
                           type, date, data, date + time '02:00', client.id
                    FROM client CROSS JOIN (SELECT id FROM client WHERE name = 'office 0') AS first CROSS JOIN example
                    WHERE client.name LIKE 'office %%' AND date = %s
                    ORDER BY client.id, anr, type
                    """,
                    (date,),
                )
                if number % 50 == 0:
                    self.report(f"{number} of {DAYS} days")
            self.report(f"filled in {time.perf_counter() - start:.0f} s")
            cursor.execute("DROP TABLE example")
            cursor.execute("VACUUM ANALYZE")
        self.row("stats", instance.one("SELECT count(*) FROM stats"), "")

    def sizes(self):
        """The disk space of the stats and of everything else."""
        parts = {
            "table": "pg_relation_size('stats')",
            "TOAST": "pg_total_relation_size((SELECT reltoastrelid FROM pg_class WHERE oid = 'stats'::regclass))",
            "indexes": "pg_indexes_size('stats')",
        }
        for title, sql in parts.items():
            self.row(f"disk: {title}", float(self.instance.one(f"SELECT {sql}")), "MB")
        total = sum(self.rows[f"disk: {title}"][0] for title in parts)
        self.row("disk: bytes per stat", total / self.rows["stats"][0], "")

    def with_peak(self, title, action):
        """Runs an action, and notes the peak memory of the server meanwhile."""
        leader = self.instance.process.child.pid
        reset_peak(leader)
        result = action()
        self.peaks[title] = memory(leader, "VmHWM")
        return result

    def until_answered(self, *request):
        """Asks until the answer is no 503. Returns the time, and the number of 503s."""
        connection, refused = self.connection(), 0
        start = time.perf_counter()
        while (status := connection.send(*request)[0]) == 503:
            refused += 1
            time.sleep(1)
        if status != 200:
            raise Failed(f"{request} gets {status}")
        return time.perf_counter() - start, refused

    def very_first(self):
        """What is asked when no partial is stored."""

        def ask():
            for name, path in PATHS.items():
                time, refused = self.until_answered("GET", path)
                self.row(f"{name} of 365 days, no partial stored", time)
                self.row(f"{name} of 365 days, no partial stored: answers with 503", refused, "")
            self.row("processed with `anrs`, 365 days, no extract stored", self.until_answered(*self.processed())[0])

        self.with_peak("first answers", ask)

    def processed(self):
        body = {
            "type": "threat",
            "processor": "threat_average_on_date",
            "processor_params": {},
            "anrs": self.example.analyses,
            "date_from": str(FIRST_DAY),
            "date_to": str(TODAY),
        }
        return "GET", PROCESSED, self.token, json.dumps(body)

    def post(self, connection):
        """Posts the five stats of today of an analysis."""
        stats = [stat for stat in self.example.days[str(TODAY)] if stat[0] == self.example.analyses[0]]
        texts = [f'{{"anr":"{anr}","type":"{kind}","date":"{TODAY}","data":{text}}}' for anr, kind, text in stats]
        connection.expect(201, "POST", STATS, self.token, f"[{','.join(texts)}]".encode())

    def first_and_repeated(self, title, *request):
        connection, first, again = self.connection(), [], []
        get = lambda: connection.expect(200, *request)
        for _ in range(5):
            self.post(connection)
            first.append(seconds(get))
            again += repeat(get, 0.2)
        self.row(f"{title}, first after a POST", median(first))
        self.row(f"{title}, repeated", median(again))

    def answers(self):
        def ask():
            for name, path in PATHS.items():
                self.first_and_repeated(f"{name} of 365 days", "GET", path)
            self.first_and_repeated(f"processed with `anrs` ({ANALYSES} analyses, 365 days)", *self.processed())
            self.first_and_repeated("home page", "GET", "/")

        self.with_peak("answers", ask)

    def lists(self):
        connection = self.connection()

        def ask():
            for days in 30, 365:
                first = TODAY - timedelta(days=days - 1)
                body = json.dumps({"type": "threat", "date_from": str(first), "date_to": str(TODAY)})
                get = lambda: connection.expect(200, "GET", STATS, self.token, body)
                self.row(f"list of threats of a client, {days} days", median(repeat(get)))
            body = json.dumps({"type": "threat", "anrs": self.example.analyses, "get_last": True})
            get = lambda: connection.expect(200, "GET", STATS, self.token, body)
            self.row(f"`get_last`, {ANALYSES} analyses", median(repeat(get)))

        self.with_peak("lists", ask)

    def push(self):
        """Pushes the stats of the last day, all others being confirmed, and reconciles them."""
        remote = Instance(self.programs, self.folder)
        try:
            remote.add_client("account")
            address = f"{remote.process.address}/"
            self.instance.execute(
                "INSERT INTO push_progress (remote, client_id, seq, offered, told)"
                " SELECT %s, client_id, max(seq), max(seq), 0 FROM stats WHERE date < %s GROUP BY client_id",
                address,
                TODAY,
            )
            to = address, remote.tokens["account"]
            duration, peak, _ = self.instance.command("stats", "push", remote=to)
            pushed = remote.one("SELECT count(*) FROM stats")
            self.row("push of a day: stats", pushed, "")
            self.row("push of a day", duration)
            self.peaks["stats push"] = peak
            if pushed < len(self.offices) * ANALYSES * 5:
                raise Failed(f"only {pushed} stats were pushed")
            dates = "--date-from", TODAY, "--date-to", TODAY
            duration, peak, _ = self.instance.command("stats", "reconcile", *dates, remote=to)
            self.row("reconcile of that day", duration)
            month = "--date-from", TODAY - timedelta(days=29), "--date-to", TODAY
            # The remote lacks all days but the last one.
            duration, peak, output = self.instance.command("stats", "reconcile", *month, remote=to, codes=(1,))
            self.row("reconcile of 30 days, of which 29 are missing there", duration)
            self.row("reconcile of 30 days: differences", output.count("missing"), "")
            self.peaks["stats reconcile"] = peak
        finally:
            remote.drop()

    def backup(self):
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            file = Path(folder) / "backup.db"
            duration, peak, _ = self.instance.command("db", "backup", file)
            self.row("backup", duration)
            self.row("backup: size of the file", file.stat().st_size, "MB")
            self.peaks["db backup"] = peak

    def ingest(self):
        """Posts batches of 150 stats, of one office and of several at once."""

        def post(office, count):
            connection, token = self.connection(), self.instance.tokens[office]
            bodies = list(self.example.batches(count))
            return lambda: [connection.expect(201, "POST", STATS, token, body) for body in bodies]

        def ask():
            one = post(self.offices[0], INGEST_BATCHES)
            self.row("ingest in batches of 150 stats, 1 client", 150 * INGEST_BATCHES / seconds(one), "/s")
            offices = list(itertools.islice(itertools.cycle(self.offices), INGEST_CLIENTS))
            posts = [post(office, INGEST_BATCHES // 4) for office in offices]
            with ThreadPoolExecutor(len(posts)) as pool:
                duration = seconds(lambda: list(pool.map(lambda one: one(), posts)))
            title = f"ingest in batches of 150 stats, {INGEST_CLIENTS} clients at once"
            self.row(title, len(posts) * (INGEST_BATCHES // 4) * 150 / duration, "/s")

        before = self.instance.one("SELECT pg_current_wal_insert_lsn()")
        count = self.instance.one("SELECT last_value FROM stats_seq_seq")
        self.with_peak("ingest", ask)
        count = self.instance.one("SELECT last_value FROM stats_seq_seq") - count
        written = float(self.instance.one("SELECT pg_current_wal_insert_lsn() - %s", before))
        self.row("WAL: bytes per stat", written / count, "")

    def purge(self):
        """Purges the stats that are older than eleven months: those of the oldest month."""
        count = self.instance.one("SELECT count(*) FROM stats")
        duration, peak, _ = self.instance.command("stats", "purge", "--nb-month", 11, "--yes")
        self.row("purge of the oldest month: stats", count - self.instance.one("SELECT count(*) FROM stats"), "")
        self.row("purge of the oldest month", duration)
        self.peaks["stats purge"] = peak

    def measure(self):
        for case in CASES.values():
            self.report(case.__name__)
            try:
                case(self)
            except Failed as error:
                # The other cases go on: a large size takes long.
                self.failures.append(str(error))
                self.report(error)
        for title, bytes in self.peaks.items():
            self.row(f"peak memory: {title}", bytes, "MB")


CASES = {
    "load": Size.load,
    "sizes": Size.sizes,
    "very-first": Size.very_first,
    "answers": Size.answers,
    "lists": Size.lists,
    "push": Size.push,
    "backup": Size.backup,
    "ingest": Size.ingest,
    "purge": Size.purge,
}


def table(sizes):
    """The cells of each row, the first of which is the header."""
    yield ["", *(f"{size.rows['stats'][0]:,}" for size in sizes)]
    yield ["---"] + ["--:"] * len(sizes)
    for title in dict.fromkeys(title for size in sizes for title in size.rows if title != "stats"):
        yield [title, *(quantity(*size.rows[title]) for size in sizes)]


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/measure-size.sh", description=__doc__)
    parser.add_argument("--programs", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--objects", metavar="N", type=int, default=0, help="objects in each list; all by default")
    parser.add_argument("--pause", action="store_true", help="wait for Enter after each size, to look at its database")
    parser.add_argument("stats", metavar="STATS", type=int, nargs="+", help=f"about so many stats: {OFFICE:,} an office")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGTERM, interrupt)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    start = time.monotonic()
    report = lambda text: print(f"{time.monotonic() - start:5.0f} s: {text}", file=sys.stderr, flush=True)
    example = Example(arguments.programs / "examples" / "batches", arguments.objects)
    report(f"documents of {example.mean_bytes():.0f} bytes on average")
    sizes = []
    try:
        with tempfile.TemporaryDirectory(prefix="stats-size-") as folder:
            for stats in arguments.stats:
                size = Size(arguments.programs, Path(folder), example, max(1, round(stats / OFFICE)), report)
                sizes.append(size)
                try:
                    size.measure()
                    if arguments.pause:
                        report(f"{size.instance.database}, {size.instance.process.address}: Enter removes it")
                        sys.stdin.readline()
                finally:
                    size.instance.drop()
    except KeyboardInterrupt:
        sys.exit(130)
    for cells in table(sizes):
        print(f"| {' | '.join(cells)} |")
    print(f"\nDocuments of {example.mean_bytes():,.0f} bytes on average, {machine()}")
    failures = [failure for size in sizes for failure in size.failures]
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()

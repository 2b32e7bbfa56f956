"""What is measured. Each case returns rows of the table."""

import contextlib
import io
import itertools
import json
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median

from contestants import TODAY, connect
from measure import Connection, TIMEOUT, memory, percentile_99, repeat, requests_per_second, reset_peak, seconds, start_up

ROUNDS = 3
STATS = "/api/v1/stats/"
PROCESSED = "/api/v1/stats/processed/"
ME = "/api/v1/client/me"
# The list of everything has about 28 MB: the vulnerabilities of these days.
LIST_DAYS = 42
READERS = 40
CROWD_SECONDS = 15


@dataclass
class Row:
    """A row of the table: the median of each contestant, and of the databases themselves by name."""

    title: str
    unit: str = "s"
    values: dict = field(default_factory=dict)
    floors: dict = field(default_factory=dict)


class Race:
    def __init__(self, contestants, stats):
        self.contestants = contestants
        self.stats = stats
        self.ours = {contestant.database: contestant for contestant in contestants if contestant.name == "ours"}

    def rounds(self, titles, unit, measure, floors=None):
        """Measures each contestant once a round, in turn.

        `measure(contestant)` returns a list of samples for each title, `floors` a function by database that returns
        samples of the database itself, for the first title.
        """
        rows = [Row(title, unit) for title in titles]
        samples = {}
        for number in range(ROUNDS):
            # Nobody always goes first.
            for contestant in self.contestants[number % 2 :] + self.contestants[: number % 2]:
                for title, some in zip(titles, measure(contestant), strict=True):
                    samples.setdefault((title, contestant), []).extend(some)
            for database, floor in (floors or {}).items():
                samples.setdefault((titles[0], database), []).extend(floor())
        for row in rows:
            for (title, who), some in samples.items():
                if title == row.title:
                    (row.floors if isinstance(who, str) else row.values)[who] = median(some)
        return rows

    def token(self, contestant):
        return contestant.service.tokens[self.stats.office]

    def repeated_and_first(self, title, path, token=lambda _: None, body=None):
        """Times a GET after POSTs of today's stats of one analysis, and its repetitions."""

        def measure(contestant):
            connection, first, repeated = contestant.connection(), [], []
            get = lambda: connection.expect(200, "GET", path, token(contestant), body)
            for _ in range(3):
                self.stats.post(contestant, connection)
                first.append(seconds(get))
                repeated += repeat(get, 0.2)
            return first, repeated

        return self.rounds([f"{title}, first after a POST", f"{title}, repeated"], "s", measure)


def ingest(race):
    """Stores batches of 150 stats of 8 offices in an empty database."""
    offices = [f"office {number}" for number in range(8)]
    # Ten analyses, five types. The stats have no uuid: a batch that is posted again has new stats.
    batches = [list(race.stats.batches(1000 + number, 10, 27)) for number in range(len(offices))]
    with contextlib.ExitStack() as stack:
        services, clients = {}, {}
        for contestant in race.contestants:
            service = services[contestant] = contestant.empty_service()
            stack.callback(service.process.stop)
            for office in offices:
                service.add_client(office)
            clients[contestant] = [
                (Connection(service.process.address), service.tokens[office], itertools.cycle(some))
                for office, some in zip(offices, batches)
            ]
        pool = stack.enter_context(ThreadPoolExecutor(len(offices)))

        def post(client, count):
            connection, token, batches = client
            for _ in range(count):
                connection.expect(201, "POST", STATS, token, next(batches))

        def post_one_by_one(clients):
            for client in clients:
                post(client, 1)

        def post_at_once(clients):
            list(pool.map(lambda client: post(client, 2), clients))

        def measure(contestant):
            for connection, _, _ in clients[contestant]:
                # It may have been idle for too long.
                connection.http.close()
            one, many = [], []
            end = time.monotonic() + 2
            while not one or time.monotonic() < end:
                one.append(8 * 150 / seconds(lambda: post_one_by_one(clients[contestant])))
                many.append(16 * 150 / seconds(lambda: post_at_once(clients[contestant])))
            return one, many

        floors = insert_floors(services[race.ours["PostgreSQL"]], services[race.ours["SQLite"]], batches[0])
        title = "ingest in batches of 150 stats"
        return race.rounds([f"{title}, 1 client", f"{title}, 8 clients at once"], "/s", measure, floors)


def insert_floors(postgres, sqlite, batches):
    """Functions that store batches in a table of the same columns and indexes: by COPY, and by prepared INSERTs."""

    def rows():
        for batch in batches[:3]:
            yield [
                (str(uuid.uuid4()), stat["anr"], stat["type"], stat["date"], json.dumps(stat["data"]), 1)
                for stat in json.loads(batch)
            ]

    def rate(batch, insert):
        return len(batch) / seconds(insert)

    columns = "uuid, anr, type, date, data, client_id"
    with connect(postgres.database) as cursor:
        cursor.execute("CREATE TABLE race_floor (LIKE stats INCLUDING ALL)")

    def copy():
        with connect(postgres.database) as cursor:
            for batch in rows():
                lines = ("\t".join(map(str, row)).replace("\\", "\\\\") + "\n" for row in batch)
                text = io.StringIO("".join(lines))
                yield rate(batch, lambda: cursor.copy_expert(f"COPY race_floor ({columns}) FROM STDIN", text))

    with contextlib.closing(sqlite3.connect(sqlite.database)) as source:
        schema = source.execute("SELECT sql FROM sqlite_schema WHERE tbl_name = 'stats' AND type IN ('table', 'index')")
        schema = [sql for (sql,) in schema if sql]
    floor = sqlite3.connect(f"{sqlite.folder}/floor.db", isolation_level=None)
    for sql in ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", *schema]:
        floor.execute(sql)

    def insert():
        def store(batch):
            floor.execute("BEGIN")
            floor.executemany(f"INSERT INTO stats ({columns}) VALUES (?, ?, ?, ?, ?, ?)", batch)
            floor.execute("COMMIT")

        for batch in rows():
            yield rate(batch, lambda: store(batch))

    return {"PostgreSQL": copy, "SQLite": insert}


def select_floors(race, condition):
    """Functions that read documents from the databases of our service. `condition` gets the name of a database."""

    def postgres():
        with connect(race.ours["PostgreSQL"].service.database) as cursor:
            # libpq reads all rows; nothing converts them.
            sql = f"SELECT data::text FROM stats WHERE {condition('PostgreSQL')}"
            return repeat(lambda: cursor.execute(sql))

    def sqlite():
        with contextlib.closing(sqlite3.connect(race.ours["SQLite"].service.database)) as connection:
            connection.text_factory = bytes
            sql = f"SELECT data FROM stats WHERE {condition('SQLite')}"

            def read():
                for _ in connection.execute(sql):
                    pass

            return repeat(read)

    return {"PostgreSQL": postgres, "SQLite": sqlite}


def threats(race):
    """Threats over 365 days."""
    return race.repeated_and_first("`/stats/threats.json?days=365`", "/stats/threats.json?days=365")


def risks(race):
    """Risks by date."""
    path = "/stats/risks.json?processor=risk_averages_on_date"
    return race.repeated_and_first("`/stats/risks.json`, `risk_averages_on_date`", path)


def processed(race):
    """The threats of 50 analyses over 90 days, as MONARC's dashboard asks for them."""
    analyses = race.stats.analyses
    body = {
        "type": "threat",
        "processor": "threat_average_on_date",
        "processor_params": {},
        "anrs": analyses,
        "date_from": str(TODAY - timedelta(days=89)),
        "date_to": str(TODAY),
    }
    title = f"processed with `anrs` ({len(analyses)} analyses, 90 days)"
    return race.repeated_and_first(title, PROCESSED, race.token, json.dumps(body))


def everything(race):
    """A list of about 28 MB."""
    first = TODAY - timedelta(days=LIST_DAYS - 1)
    body = json.dumps({"type": "vulnerability", "date_from": str(first), "date_to": str(TODAY)})
    sizes, peaks = [], {}

    def measure(contestant):
        connection = contestant.connection()
        reset_peak(contestant.leader)
        get = lambda: sizes.append(connection.expect(200, "GET", STATS, race.token(contestant), body))
        times = repeat(get, 1)
        peaks[contestant] = max(peaks.get(contestant, 0), memory(contestant.leader, "VmHWM"))
        return [times]

    def condition(database):
        number = client_id(race.ours[database], race.stats.office)
        return f"client_id = {number} AND type = 'vulnerability' AND date BETWEEN '{first}' AND '{TODAY}'"

    [row] = race.rounds(["list"], "s", measure, select_floors(race, condition))
    row.title = f"list of {median(sizes) / 1e6:.0f} MB"
    return [row, Row(f"memory: peak in a {row.title}", "MB", peaks)]


def client_id(build, name):
    sql = f"SELECT id FROM client WHERE name = '{name}'"
    if build.database == "PostgreSQL":
        with connect(build.service.database) as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]
    with contextlib.closing(sqlite3.connect(build.service.database)) as connection:
        return connection.execute(sql).fetchone()[0]


def get_last(race):
    """The newest stat of each of 50 analyses."""
    body = {"type": "threat", "anrs": race.stats.analyses, "get_last": True}
    ids = {}
    for database, build in race.ours.items():
        answer = build.service.request("GET", "stats/", race.token(build), 200, json=body).json()
        ids[database] = ", ".join(f"'{stat['uuid']}'" for stat in answer["data"])

    def measure(contestant):
        connection, token = contestant.connection(), race.token(contestant)
        return [repeat(lambda: connection.expect(200, "GET", STATS, token, json.dumps(body)))]

    floors = select_floors(race, lambda database: f"uuid IN ({ids[database]})")
    return race.rounds([f"`get_last`, {len(race.stats.analyses)} analyses"], "s", measure, floors)


def me(race):
    """The throughput of client/me."""

    def measure(contestant):
        url = contestant.service.process.address + ME
        return [[requests_per_second(url, race.token(contestant), 16, 3)]]

    return race.rounds(["`client/me`, 16 connections"], "/s", measure)


def crowd(race):
    """A front office at work while anonymous readers ask for statistics."""
    titles = {
        "me": (f"`client/me` while {READERS} readers ask for statistics, p99", "s"),
        "post": (f"POST of 5 stats while {READERS} readers ask for statistics, p99", "s"),
        "served": ("answers to these readers", "/s"),
        "refused": ("503 to these readers", "/s"),
        "failed": ("other errors to these readers", "/s"),
        "memory": ("memory: peak with these readers", "MB"),
    }
    rows = {name: Row(*title) for name, title in titles.items()}
    for contestant in race.contestants:
        for name, value in with_crowd(race, contestant).items():
            rows[name].values[contestant] = value
    return list(rows.values())


def with_crowd(race, contestant):
    service, token, post = contestant.service, race.token(contestant), race.stats.posts[contestant]
    reset_peak(contestant.leader)
    script, address = Path(__file__).with_name("crowd.py"), service.process.address
    command = [sys.executable, script, address, str(READERS), str(CROWD_SECONDS)]
    readers = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    end = time.monotonic() + CROWD_SECONDS - 2
    times = {"me": [], "post": []}

    def ask(name, pause, request):
        connection = contestant.connection()

        def until_answered():
            # A front office that is refused tries again.
            try:
                while connection.send(*request())[0] == 503:
                    time.sleep(0.5)
            except TimeoutError:
                connection.http.close()

        while time.monotonic() < end:
            times[name].append(min(TIMEOUT, seconds(until_answered)))
            time.sleep(pause)

    probes = [
        threading.Thread(target=ask, args=("me", 0.01, lambda: ("GET", ME, token))),
        threading.Thread(target=ask, args=("post", 0.1, lambda: ("POST", STATS, token, next(post)))),
    ]
    for probe in probes:
        probe.start()
    for probe in probes:
        probe.join()
    counts = json.loads(readers.communicate()[0])
    result = {name: percentile_99(some) for name, some in times.items()}
    result |= {name: count / CROWD_SECONDS for name, count in counts.items()}
    result["memory"] = memory(contestant.leader, "VmHWM")
    if contestant.program is None:
        # It would go on computing answers for readers who have left.
        service.process.kill()
        service.restart()
    return result


def home(race):
    """The home page, which ours computes from all stats."""
    return race.repeated_and_first("home page", "/")


def start(race):
    """The start on the filled database."""
    memories = {}

    def measure(contestant):
        time, memory = start_up(contestant.service)
        memories.setdefault(contestant, []).append(memory)
        return [[time]]

    rows = race.rounds(["start until the first answer"], "s", measure)
    medians = {contestant: median(some) for contestant, some in memories.items()}
    return [*rows, Row("memory: after the first answer", "MB", medians)]


# In this order: the crowd leaves traces.
CASES = {
    "ingest": ingest,
    "threats": threats,
    "risks": risks,
    "processed": processed,
    "list": everything,
    "get-last": get_last,
    "me": me,
    "home": home,
    "start": start,
    "crowd": crowd,
}

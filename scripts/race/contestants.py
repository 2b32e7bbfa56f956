"""The services that race, and the stats that they are filled with."""

import contextlib
import itertools
import json
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import psycopg2

from measure import Connection
from services import ADMIN_TOKEN, Failed, Peer, Process, Service

DAYS = 60
ANALYSES_OF_OFFICE = 50
TODAY = date.today()


@contextlib.contextmanager
def connect(url):
    """A connection to PostgreSQL, in autocommit mode."""
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


class Build(Service):
    """A stats-server with its own database."""

    def __init__(self, program, database, folder):
        super().__init__()
        self.folder = folder
        self.database = f"{folder}/race.db"
        url = f"sqlite://{self.database}"
        if database == "PostgreSQL":
            self.database = url = f"{os.environ['STATS_TEST_POSTGRES']}/{folder.name}"
            with connect(os.environ["STATS_TEST_POSTGRES"]) as cursor:
                cursor.execute(f"CREATE DATABASE {folder.name}")
        self.environment = {"STATS_CONFIG": "/dev/null", "DATABASE_URL": url, "HOST": "127.0.0.1", "PORT": "0"}
        self.environment["ADMIN_TOKEN"] = ADMIN_TOKEN
        self.process = Process([program], folder / "server.log", self.environment, r"Listening on (http://[0-9.:]+)")


class Contestant:
    """A service in the race. `name` is 'Python', 'ours' or 'baseline'."""

    def __init__(self, name, database, folder, program=None):
        self.name = name
        self.database = database
        self.folder = folder
        self.program = program
        self.service = self.empty_service()

    def __str__(self):
        return self.name if self.program is None else f"{self.name}, {self.database}"

    def empty_service(self):
        """Starts a service with an empty database."""
        folder = Path(tempfile.mkdtemp(prefix="race_", dir=self.folder))
        return Peer(folder) if self.program is None else Build(self.program, self.database, folder)

    def connection(self):
        return Connection(self.service.process.address)

    @property
    def leader(self):
        return self.service.process.child.pid


class Stats:
    """The stats that all contestants have: offices of up to 50 analyses, the last 60 days, all five types."""

    def __init__(self, example, analyses):
        self.example = example
        self.offices = {
            f"office {number}": min(ANALYSES_OF_OFFICE, analyses - start)
            for number, start in enumerate(range(0, analyses, ANALYSES_OF_OFFICE))
        }
        # The office that asks, its analyses, and its stats of today by analysis, to be posted again.
        self.office = next(iter(self.offices))
        self.analyses = []
        self.posts = {}

    def batches(self, seed, analyses, days):
        """Yields JSON lists of 150 stats, up to today."""
        first_day = TODAY - timedelta(days=days - 1)
        command = [self.example, str(seed), str(analyses), str(first_day), str(days)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as example:
            # str.splitlines also splits at U+2028.
            yield from (line.rstrip("\n").encode() for line in example.stdout)
        if example.returncode != 0:
            raise Failed(f"{command} exits with {example.returncode}")

    def load(self, contestants):
        """Posts the stats to our services and copies them to the Python service, which would take long to store them."""
        builds = [contestant for contestant in contestants if contestant.program]
        connections = [(build, build.connection()) for build in builds]
        today = {}
        with ThreadPoolExecutor(len(builds)) as pool:
            for seed, (office, analyses) in enumerate(self.offices.items()):
                for contestant in contestants:
                    contestant.service.add_client(office)
                for batch in self.batches(seed, analyses, DAYS):
                    if office == self.office and str(TODAY).encode() in batch:
                        for stat in json.loads(batch):
                            if stat["date"] == str(TODAY):
                                today.setdefault(stat["anr"], []).append(stat)
                    post = lambda both: both[1].expect(
                        201, "POST", "/api/v1/stats/", both[0].service.tokens[office], batch
                    )
                    list(pool.map(post, connections))
        self.analyses = list(today)
        bodies = [json.dumps(stats).encode() for stats in today.values()]
        self.posts = {contestant: itertools.cycle(bodies) for contestant in contestants}
        for contestant in contestants:
            if contestant.program is None:
                source = next(build for build in builds if build.database == contestant.database)
                self.copy(source.service.database, contestant.service.database)
            if contestant.database == "PostgreSQL":
                with connect(contestant.service.database) as cursor:
                    cursor.execute("VACUUM ANALYZE")
            self.check(contestant)

    def copy(self, source, target):
        """Copies the stats of all offices from one PostgreSQL database to another."""
        ids = "SELECT name, id FROM client"
        columns = "uuid, anr, type, date, data, created_at"
        with connect(source) as source, connect(target) as target, tempfile.TemporaryFile() as file:
            source.execute(ids)
            target.execute(ids)
            target_ids = dict(target.fetchall())
            for name, source_id in source.fetchall():
                if name in self.offices:
                    rows = f"SELECT {columns}, {target_ids[name]} FROM stats WHERE client_id = {source_id} ORDER BY seq"
                    file.seek(0)
                    file.truncate()
                    source.copy_expert(f"COPY ({rows}) TO STDOUT", file)
                    file.seek(0)
                    target.copy_expert(f"COPY stats ({columns}, client_id) FROM STDIN", file)

    def check(self, contestant):
        """Checks that an office has all its stats."""
        service, name = contestant.service, list(self.offices)[-1]
        body = {"type": "risk", "date_from": str(TODAY - timedelta(days=DAYS))}
        found = len(service.request("GET", "stats/", service.tokens[name], 200, json=body).json()["data"])
        if found != self.offices[name] * DAYS:
            raise Failed(f"{contestant} has {found} risk stats of {name}, not {self.offices[name] * DAYS}")

    def post(self, contestant, connection):
        """Posts the five stats of today of an analysis."""
        token = contestant.service.tokens[self.office]
        connection.expect(201, "POST", "/api/v1/stats/", token, next(self.posts[contestant]))

"""The two services, ours and the Python one: starting, filling, asking and stopping them. All on 127.0.0.1."""

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
import requests

ADMIN_TOKEN = "python-peer-admin-token"
TYPES = ["risk", "threat", "vulnerability", "cartography", "compliance"]
HERE = Path(__file__).resolve().parent


class Failed(Exception):
    """Something is not as it has to be."""


class Process:
    """A running program that tells its address in its log."""

    def __init__(self, command, log, environment, address):
        self.log = log
        with open(log, "a") as out:
            start = out.tell()
            # A session of its own, so that it can be killed with all its children.
            self.child = subprocess.Popen(
                command, stdout=out, stderr=out, cwd=log.parent, env=os.environ | environment, start_new_session=True
            )
        try:
            self.address = self._wait_for(address, start)
        except BaseException:
            self.stop()
            raise

    def _wait_for(self, address, start):
        for _ in range(600):
            found = re.search(address, self.log.read_text()[start:])
            if found:
                return found[1]
            if self.child.poll() is not None:
                break
            time.sleep(0.1)
        raise Failed(f"{self.child.args[0]} does not start:\n{self.log.read_text()[-3000:]}")

    def kill(self):
        """As a power cut would end it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def stop(self):
        self.child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(10)
        self.kill()


class Service:
    """What both services have in common: their API."""

    def __init__(self):
        self.tokens = {}
        self.http = requests.Session()
        self.http.trust_env = False

    def ask(self, method, path, token, body):
        return self.http.request(
            method, f"{self.process.address}/api/v1/{path}", json=body, headers={"X-API-KEY": token}, timeout=120
        )

    def add_client(self, name, sharing=True):
        self.tokens[name] = secrets.token_urlsafe(32)
        body = {"name": name, "token": self.tokens[name], "is_sharing_enabled": sharing}
        answer = self.ask("POST", "client/", ADMIN_TOKEN, body)
        if answer.status_code != 201:
            raise Failed(f"the client {name} is not created: {answer.status_code} {answer.text}")

    def post(self, name, stats):
        """Posts stats as a front office does. They are text already, so that they arrive as they are written."""
        for start in range(0, len(stats), 100):
            answer = self.http.post(
                f"{self.process.address}/api/v1/stats/",
                data=("[" + ",".join(stats[start : start + 100]) + "]").encode(),
                headers={"X-API-KEY": self.tokens[name], "Content-Type": "application/json"},
                timeout=120,
            )
            if answer.status_code != 201:
                raise Failed(f"the stats of {name} are not taken: {answer.status_code} {answer.text[:500]}")


class Ours(Service):
    """Our service with a database of its own, and our commands on that database."""

    def __init__(self, folder, database, programs):
        super().__init__()
        self.folder = folder
        self.admin = programs / "stats-admin"
        url = f"sqlite://{folder}/ours.db"
        if database == "postgres":
            url = f"{os.environ['STATS_TEST_POSTGRES']}/ours_{folder.name.replace('-', '_')}"
        self.environment = {"DATABASE_URL": url, "ADMIN_TOKEN": ADMIN_TOKEN, "HOST": "127.0.0.1", "PORT": "0"}
        for command in "create", "init":
            self.run("db", command)
        self.process = Process(
            [programs / "stats-server"], folder / "ours.log", self.environment, r"Listening on (http://[0-9.:]+)"
        )

    def start(self, *arguments, remote=None):
        """A command that goes on while others do something; `remote` is an address and a token."""
        environment = os.environ | self.environment
        if remote:
            environment |= {"REMOTE_STATS_SERVER": remote[0], "REMOTE_STATS_TOKEN": remote[1]}
        return subprocess.Popen(
            [self.admin, *arguments],
            env=environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def run(self, *arguments, remote=None, code=0):
        """What a command prints, if it ends with this exit code."""
        return self.end(self.start(*arguments, remote=remote), code)

    @staticmethod
    def end(command, code):
        try:
            out, errors = command.communicate(timeout=300)
        except BaseException:
            command.kill()
            raise
        if command.returncode != code:
            name = " ".join(map(str, command.args[1:]))
            raise Failed(f"'stats-admin {name}' ends with {command.returncode}, not {code}:\n{out[-2000:]}{errors[-2000:]}")
        return out

    def uuid(self, name):
        clients = json.loads(self.run("client", "list", "--json"))
        return next(client["uuid"] for client in clients if client["name"] == name)

    def held(self, name):
        """All stats of a client, as its API lists them."""
        stats = []
        for stats_type in TYPES:
            body = {"type": stats_type, "date_from": "0001-01-01", "date_to": "9999-12-31"}
            answer = self.ask("GET", "stats/", self.tokens[name], body)
            if answer.status_code != 200:
                raise Failed(f"no list of stats: {answer.status_code} {answer.text[:500]}")
            stats += json.loads(answer.content)["data"]
        return stats

    def held_by_all(self):
        # Python's splitlines would also split at line separators in a text.
        return [json.loads(line) for line in self.run("stats", "export").split("\n") if line]


class Peer(Service):
    """The Python service with a database of its own, and its commands on that database."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.database = f"{os.environ['STATS_TEST_POSTGRES']}/peer_{folder.name.replace('-', '_')}"
        self.environment = {
            "STATS_CONFIG": str(HERE / "config.py"),
            "FLASK_APP": "runserver",
            "STATSSERVICE_VERSION": "v0.4.0",
            "PEER_DATABASE": self.database,
            "PEER_LOG": str(folder / "peer-service.log"),
            # Where gunicorn puts things of its own.
            "HOME": str(folder),
        }
        for command in ["db_create"], ["db_init"], ["client_create", "--name", "ADMIN", "--role", "admin", "--token", ADMIN_TOKEN]:
            self.run(*command)
        self.start("127.0.0.1:0")

    def start(self, place):
        command = [sys.executable, "-m", "gunicorn", "--workers", "2", "--timeout", "120", "--bind", place, "runserver:application"]
        self.process = Process(command, self.folder / "peer.log", self.environment, r"Listening at: (http://[0-9.:]+)")

    def start_again(self):
        self.start(self.process.address.removeprefix("http://"))

    def run(self, *arguments, remote=None):
        """What a command prints. Its exit code says nothing."""
        environment = os.environ | self.environment
        if remote:
            environment |= {"PEER_REMOTE": remote[0], "PEER_REMOTE_TOKEN": remote[1]}
        command = subprocess.run(
            [sys.executable, "-m", "flask", *arguments],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if command.returncode != 0:
            raise Failed(f"'flask {' '.join(arguments)}' ends with {command.returncode}:\n{command.stderr[-2000:]}")
        return command.stdout

    def execute(self, sql, *values, read=lambda cursor: None):
        with contextlib.closing(psycopg2.connect(self.database)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return read(cursor)

    def query(self, sql, *values):
        return self.execute(sql, *values, read=lambda cursor: cursor.fetchall())

    def count(self):
        return self.query("SELECT count(*) FROM stats")[0][0]

    def uuid(self, name):
        return self.query("SELECT uuid::text FROM client WHERE name = %s", name)[0][0]

    def held(self, name):
        """All stats of a client, from its database."""
        rows = self.query(
            "SELECT s.uuid::text, anr::text, type, date::text, data::text FROM stats s JOIN client c ON c.id = s.client_id"
            " WHERE c.name = %s",
            name,
        )
        return [dict(uuid=row[0], anr=row[1], type=row[2], date=row[3], data=json.loads(row[4])) for row in rows]

"""Starts, fills, reads and stops the two services, on 127.0.0.1."""

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
    """A check or a command failed."""


class Process:
    """A running server, which logs its address."""

    def __init__(self, command, log, environment, address):
        self.log = log
        with open(log, "a") as out:
            start = out.tell()
            # In its own session, so that it can be killed with all its children.
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
        raise Failed(f"{self.child.args[0]} did not start:\n{self.log.read_text()[-3000:]}")

    def kill(self):
        """Kills the server and its children without a shutdown."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def stop(self):
        self.child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(10)
        self.kill()


class Service:
    """The API of both services."""

    def __init__(self):
        self.tokens = {}
        self.http = requests.Session()
        self.http.trust_env = False

    def request(self, method, path, token, expected_status, **arguments):
        url = f"{self.process.address}/api/v1/{path}"
        headers = {"X-API-KEY": token, "Content-Type": "application/json"}
        answer = self.http.request(method, url, headers=headers, timeout=120, **arguments)
        if answer.status_code != expected_status:
            raise Failed(f"{method} {path} gets {answer.status_code}: {answer.text[:500]}")
        return answer

    def add_client(self, name, sharing=True):
        self.tokens[name] = secrets.token_urlsafe(32)
        body = {"name": name, "token": self.tokens[name], "is_sharing_enabled": sharing}
        self.request("POST", "client/", ADMIN_TOKEN, 201, json=body)

    def post(self, name, stats):
        """Posts stats, given as JSON texts, which are sent unchanged."""
        for start in range(0, len(stats), 100):
            body = "[" + ",".join(stats[start : start + 100]) + "]"
            self.request("POST", "stats/", self.tokens[name], 201, data=body.encode())

    def stats(self, name):
        """Lists all stats of a client."""
        stats = []
        for stats_type in TYPES:
            body = {"type": stats_type, "date_from": "0001-01-01", "date_to": "9999-12-31"}
            stats += json.loads(self.request("GET", "stats/", self.tokens[name], 200, json=body).content)["data"]
        return stats


class Ours(Service):
    """Our service and our commands, with their own database."""

    def __init__(self, folder, database, programs):
        super().__init__()
        self.folder = folder
        self.admin = programs / "stats-admin"
        url = f"sqlite://{folder}/ours.db"
        if database == "postgres":
            url = f"{os.environ['STATS_TEST_POSTGRES']}/ours_{folder.name.replace('-', '_')}"
        self.environment = {
            "STATS_CONFIG": "/dev/null",
            "DATABASE_URL": url,
            "ADMIN_TOKEN": ADMIN_TOKEN,
            "HOST": "127.0.0.1",
            "PORT": "0",
        }
        for command in "create", "init":
            self.run("db", command)
        self.process = Process(
            [programs / "stats-server"], folder / "ours.log", self.environment, r"Listening on (http://[0-9.:]+)"
        )

    def start(self, *arguments, remote=None):
        """Starts a command; `remote` is an address and a token."""
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
        """Runs a command that must exit with `code`, and returns its output."""
        return self.wait(self.start(*arguments, remote=remote), code)

    @staticmethod
    def wait(command, code):
        try:
            out, errors = command.communicate(timeout=300)
        except BaseException:
            command.kill()
            raise
        if command.returncode != code:
            name = " ".join(map(str, command.args[1:]))
            raise Failed(f"'stats-admin {name}' exits with {command.returncode}, not {code}:\n{out[-2000:]}{errors[-2000:]}")
        return out

    def uuid(self, name):
        clients = json.loads(self.run("client", "list", "--json"))
        return next(client["uuid"] for client in clients if client["name"] == name)

    def all_stats(self):
        # str.splitlines also splits at U+2028, which the documents contain.
        return [json.loads(line) for line in self.run("stats", "export").split("\n") if line]


class Peer(Service):
    """The Python service and its commands, with their own database."""

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
            # gunicorn writes to it.
            "HOME": str(folder),
        }
        for command in ["db_create"], ["db_init"], ["client_create", "--name", "ADMIN", "--role", "admin", "--token", ADMIN_TOKEN]:
            self.run(*command)
        self.start("127.0.0.1:0")

    def start(self, address):
        command = [sys.executable, "-m", "gunicorn", "--workers", "2", "--timeout", "120", "--bind", address, "runserver:application"]
        self.process = Process(command, self.folder / "peer.log", self.environment, r"Listening at: (http://[0-9.:]+)")

    def restart(self):
        self.start(self.process.address.removeprefix("http://"))

    def run(self, *arguments, remote=None):
        """Runs a command and returns its output. A failed push or pull exits with 0, too."""
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
            raise Failed(f"'flask {' '.join(arguments)}' exits with {command.returncode}:\n{command.stderr[-2000:]}")
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

    def stats(self, name):
        """Reads all stats of a client from the database."""
        rows = self.query(
            "SELECT s.uuid::text, anr::text, type, date::text, data::text FROM stats s JOIN client c ON c.id = s.client_id"
            " WHERE c.name = %s",
            name,
        )
        return [dict(uuid=row[0], anr=row[1], type=row[2], date=row[3], data=json.loads(row[4])) for row in rows]

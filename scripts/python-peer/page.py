"""Runs the commands of docs/migrating.md, with systemctl replaced, on a database of the Python service."""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

from services import ADMIN_TOKEN, Failed, Service

PAGE = Path(__file__).resolve().parents[2] / "docs" / "migrating.md"
EXAMPLE_URL = "postgres://statsservice:password@localhost:5432/statsservice"
# A block that takes longer fails.
BLOCK_SECONDS = 120
# Starts and stops the two services like systemd. The servers write their logs to files, so that no pipe stays open.
PRELUDE = """
set -euo pipefail
systemctl() {
    case "$1 $2" in
        "start statsservice")
            # In a subshell, so that it is not a job of the shell that runs the page.
            (STATS_CONFIG=$PEER_CONFIG setsid "$PYTHON" -m gunicorn --workers 2 --bind "$PEER_ADDRESS" runserver:application >>peer.log 2>&1 &
                echo $! >statsservice.pid)
            curl --retry 50 --retry-delay 1 --retry-connrefused --silent --show-error --fail "http://$PEER_ADDRESS/about.json" >/dev/null ;;
        "start stats-server")
            (setsid stats-server >>ours.log 2>&1 &
                echo $! >stats-server.pid) ;;
        "stop "*)
            kill "$(cat "$2.pid")"
            for _ in $(seq 100); do kill -0 "$(cat "$2.pid")" 2>/dev/null || break; sleep 0.1; done ;;
        *) echo "systemctl $*: not known" >&2; exit 1 ;;
    esac
}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Shell:
    """A shell that runs one block after the other."""

    def __init__(self, folder, environment):
        self.folder, self.log = folder, folder / "page.log"
        with open(self.log, "w") as out:
            self.child = subprocess.Popen(
                ["bash"], stdin=subprocess.PIPE, stdout=out, stderr=out, cwd=folder, env=environment, text=True
            )
        self.run(PRELUDE)

    def run(self, block):
        """Runs commands, and returns what they print."""
        mark = secrets.token_hex(8)
        start = self.log.stat().st_size
        self.child.stdin.write(f"{block}\necho {mark}\n")
        self.child.stdin.flush()
        deadline = time.monotonic() + BLOCK_SECONDS
        while time.monotonic() < deadline:
            output = self.log.read_bytes()[start:].decode()
            if f"{mark}\n" in output:
                return output.partition(f"{mark}\n")[0]
            try:
                self.child.wait(0.05)
                break
            except subprocess.TimeoutExpired:
                pass
        output = self.log.read_bytes()[start:].decode()
        raise Failed(f"the page: this fails:\n{block}\n--- its output:\n{output[-2000:]}")

    def stop(self):
        for name in "statsservice", "stats-server":
            pid = self.folder / f"{name}.pid"
            if pid.exists():
                subprocess.run(["kill", pid.read_text().strip()], stderr=subprocess.DEVNULL, check=False)
        self.child.kill()
        self.child.wait()


class Address:
    """In place of the process of a service that the page starts and stops."""

    def __init__(self, address):
        self.address = address

    def stop(self):
        pass


class At(Service):
    """A service at an address."""

    def __init__(self, address, tokens):
        super().__init__()
        self.process = Address(address)
        self.tokens = tokens


def sections(substitutions):
    """Reads the blocks of each section of the page."""
    text = PAGE.read_text()
    for old, new in substitutions.items():
        if old not in text:
            raise Failed(f"{PAGE.name} does not contain {old}")
        text = text.replace(old, new)
    result = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        blocks = re.findall(r"^( *)```sh\n(.*?)^\1```$", body, re.MULTILINE | re.DOTALL)
        result[title] = [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]
    return result


def follow(pair, compare, parse, edge_cases):
    """Follows the page with the database of `pair.peer`, and checks that no stat is lost on either way."""
    peer, folder = pair.peer, pair.folder
    pair.fill(peer)
    everything = pair.shared + pair.stats["C"]
    pair.ours.process.stop()
    peer.process.stop()
    port, trial_port = free_port(), free_port()
    address = f"http://127.0.0.1:{port}"
    name = peer.database.rpartition("/")[2]
    (folder / "etc").mkdir()
    page = sections({
        EXAMPLE_URL: peer.database,
        "DROP DATABASE statsservice_trial": f'DROP DATABASE \\"{name}_trial\\"',
        "/etc/stats-server/": f"{folder}/etc/",
        "PORT = 5000": f"PORT = {port}",
        "127.0.0.1:5000": f"127.0.0.1:{port}",
        "PORT=5001": f"PORT={trial_port}",
        "127.0.0.1:5001": f"127.0.0.1:{trial_port}",
    })
    environment = os.environ | peer.environment | {
        "PATH": f"{Path(pair.arguments.programs).resolve()}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "PEER_ADDRESS": f"127.0.0.1:{port}",
        "PEER_CONFIG": peer.environment["STATS_CONFIG"],
        "STATS_CONFIG": f"{folder}/etc/stats.toml",
    }
    (folder / "etc" / "stats.toml").touch()
    shell = Shell(folder, environment)
    peer.process = Address(address)
    ours = At(address, peer.tokens)
    try:
        shell.run("systemctl start statsservice")
        for block in page["Before: try it on a copy"]:
            shell.run(block)
        print("    the copy was served")
        for block in page["On the evening"]:
            shell.run(block)
        for client in "ABC":
            compare(f"ours, {client}", ours.stats(client), pair.stats[client])
        if ours.request("GET", "client/me", ours.tokens["A"], 200).json()["token"] != ours.tokens["A"]:
            raise Failed("client/me returns another token")
        threats = processed(ours)
        stats = edge_cases()
        ours.post("A", stats)
        everything += parse(stats)

        back, restored = page["The way back"]
        shell.run(back)
        compare("the peer after the way back", sum(map(peer.stats, "ABC"), []), everything)
        stats = edge_cases()
        peer.post("B", stats)
        everything += parse(stats)

        shell.run("systemctl stop statsservice; systemctl start stats-server")
        shell.run(f"curl --retry 20 --retry-delay 1 --retry-connrefused --silent --show-error --fail {address}/health")
        compare("ours, the second time", sum(map(ours.stats, "ABC"), []), everything)
        if len(processed(ours)) < len(threats):
            raise Failed("the second time, the processor returns fewer threats")
        shell.run("systemctl stop stats-server; systemctl start statsservice")
        shell.run(restored)
        compare("the peer with the backup", sum(map(peer.stats, "ABC"), []), pair.shared + pair.stats["C"])
    finally:
        shell.stop()


def processed(service):
    body = {"type": "threat", "processor": "threat_average_on_date"}
    answer = service.request("GET", "stats/processed/", ADMIN_TOKEN, 200, data=json.dumps(body))
    if not answer.json()["data"]:
        raise Failed("the processor returns nothing")
    return answer.json()["data"]

"""Requests, times and memory."""

import http.client
import os
import re
import socket
import subprocess
import time
from pathlib import Path

from services import Failed

# Longer waits count as this long.
TIMEOUT = 120


class Connection:
    """A keep-alive connection. It reconnects after the server has closed it."""

    def __init__(self, address):
        self.http = http.client.HTTPConnection(address.removeprefix("http://"), timeout=TIMEOUT)
        self.buffer = bytearray(1 << 20)

    def send(self, method, path, token=None, body=None):
        """Sends a request, reads the whole answer, and returns its status, headers and size."""
        headers = {"Content-Type": "application/json"} | ({"X-API-KEY": token} if token else {})
        self.http.request(method, path, body, headers)
        answer = self.http.getresponse()
        size = 0
        while count := answer.readinto(self.buffer):
            size += count
        return answer.status, answer.headers, size

    def expect(self, status, method, path, token=None, body=None):
        """Sends a request that must get this status, and returns the size of the answer."""
        answer, _, size = self.send(method, path, token, body)
        if answer != status:
            raise Failed(f"{method} {path} gets {answer}: {bytes(self.buffer[:min(size, 500)])}")
        return size


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def repeat(action, duration=0.5, most=200):
    """Times an action at least once, and again for `duration` seconds."""
    end = time.perf_counter() + duration
    times = [seconds(action)]
    while time.perf_counter() < end and len(times) < most:
        times.append(seconds(action))
    return times


def percentile_99(times):
    return sorted(times)[(99 * len(times) + 99) // 100 - 1]


def requests_per_second(url, token, connections, duration):
    """Measures the throughput of wrk."""
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{duration}s"]
    report = subprocess.run(
        [*command, "--timeout", "60s", "--header", f"X-API-KEY: {token}", url], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in report:
        raise Failed(report)
    return float(re.search(r"Requests/sec: +([0-9.]+)", report)[1])


def processes(leader):
    """The processes of the process group that `leader` leads."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getpgid(int(entry.name)) == leader:
                yield entry
        except ProcessLookupError:
            pass


def memory(leader, field):
    """The sum over the process group, in bytes. `field` is VmRSS (now) or VmHWM (peak)."""
    status = [(entry / "status").read_text() for entry in processes(leader)]
    return sum(int(re.search(rf"{field}:\s+(\d+) kB", text)[1]) for text in status) * 1024


def reset_peak(leader):
    for entry in processes(leader):
        (entry / "clear_refs").write_text("5")


def start_up(service):
    """Starts a second server on the same database. Returns the time until its first answer, and its memory then."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    arguments = [re.sub(r"^127\.0\.0\.1:\d+$", address, str(argument)) for argument in service.process.child.args]
    environment = os.environ | service.environment | {"PORT": str(port)}
    with open(service.folder / "start-up.log", "w") as log:
        start = time.perf_counter()
        server = subprocess.Popen(
            arguments, stdout=log, stderr=log, cwd=service.folder, env=environment, start_new_session=True
        )
        try:
            while True:
                try:
                    Connection(address).expect(200, "GET", "/about.json")
                    return time.perf_counter() - start, memory(server.pid, "VmRSS")
                except ConnectionError:
                    if server.poll() is not None or time.perf_counter() - start > TIMEOUT:
                        raise Failed(f"{arguments[0]} did not start: {Path(log.name).read_text()}")
                    time.sleep(0.001)
        finally:
            server.terminate()
            server.wait()

"""Anonymous readers who ask a service for statistics, again and again. Usage: crowd.py ADDRESS READERS SECONDS

Prints a JSON object with the number of answers (`served`), of answers with 503 (`refused`) and of others (`failed`).
"""

import itertools
import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python-peer"))

from measure import Connection

PATHS = [
    f"/stats/{path}days={days}"
    for days in (365, 90, 30)
    for path in ("threats.json?", "vulnerabilities.json?", "risks.json?processor=risk_averages_on_date&")
]


def read(address, first, end, counts):
    connection = Connection(address)
    for path in itertools.islice(itertools.cycle(PATHS), first, None):
        try:
            status, headers, _ = connection.send("GET", path)
        except OSError:
            status, headers = None, {}
            connection.http.close()
        if time.monotonic() > end:
            return
        counts[{200: "served", 503: "refused"}.get(status, "failed")] += 1
        if status != 200:
            # At most a second, so that the readers stay a crowd.
            time.sleep(min(1, float(headers.get("Retry-After", 1))))


def main():
    address, readers, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    end = time.monotonic() + seconds
    counts = Counter(served=0, refused=0, failed=0)
    for reader in range(readers):
        threading.Thread(target=read, args=(address, reader, end, counts), daemon=True).start()
    time.sleep(seconds)
    print(json.dumps(counts), flush=True)
    # Some requests may take minutes.
    os._exit(0)


main()

#!/usr/bin/env python3
"""Baseline of the export benchmark: a table to CSV with Python's own sqlite3 and csv.

usage: export.py DB TABLE OUT; prints {"seconds": ..., "rows": ..., "bytes": ...}

Like src/export_native.rs it is the program one would write in ten minutes: NULL and empty text look
alike, blobs are hexadecimal.
"""

import csv
import json
import os
import sqlite3
import sys
import time


def export(db: str, table: str, out: str) -> int:
    quoted = table.replace('"', '""')
    rows = sqlite3.connect(f"file:{db}?mode=ro", uri=True).execute(f'SELECT * FROM "{quoted}"')
    count = 0
    with open(out, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column[0] for column in rows.description])
        for row in rows:
            writer.writerow([value.hex() if isinstance(value, bytes) else value for value in row])
            count += 1
        # The job makes its artifact durable, so the baseline does, too.
        file.flush()
        os.fsync(file.fileno())
    return count


def main() -> None:
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    db, table, out = sys.argv[1:]
    started = time.perf_counter()
    rows = export(db, table, out)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "rows": rows, "bytes": os.path.getsize(out)}))


if __name__ == "__main__":
    main()

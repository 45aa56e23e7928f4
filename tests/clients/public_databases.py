#!/usr/bin/env python3
"""Exports every table and view of databases that are not ours, in every format, and compares each file.

usage: public_databases.py LONGSHORE FOLDER

The databases come with the PyPI package `pyogrio`: `proj.db`, PROJ's catalogue of coordinate reference systems (40
tables and views; NULLs, columns that mix integers and texts, WITHOUT ROWID, text in many languages), and its
GeoPackage fixtures (blobs, dates, booleans, floats of several widths). FOLDER must not exist: it becomes a project.
"""

import importlib.util
import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import export_compare

DATABASES = {
    "proj": "proj_data/proj.db",
    "nulls": "tests/fixtures/test_gpkg_nulls.gpkg",
    "curves": "tests/fixtures/curvepolygon.gpkg",
}


def make_project(longshore: str, folder: Path) -> dict[str, Path]:
    """A project with the databases as sources; gives their paths by name."""
    package = importlib.util.find_spec("pyogrio")
    if package is None or package.origin is None:
        sys.exit("pip install pyogrio: it brings the databases")
    subprocess.run([longshore, "init", str(folder), "--no-sample"], check=True, stdout=subprocess.DEVNULL)
    sources = {}
    with (folder / "longshore.toml").open("a", encoding="utf-8") as config:
        for name, inside in DATABASES.items():
            sources[name] = folder / f"{name}.db"
            shutil.copyfile(Path(package.origin).parent / inside, sources[name])
            config.write(f'\n[sources.{name}]\nkind = "sqlite"\npath = "{name}.db"\n')
    policy = f"[grants]\ndata = {json.dumps(list(sources))}\n"
    (folder / "plugins" / "export.toml").write_text(policy, encoding="utf-8")
    return sources


def tables(db: Path) -> list[str]:
    """Names of what can be exported; virtual tables and their insides are left out."""
    rows = sqlite3.connect(db).execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'view')"
        " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
    )
    return [name for (name,) in rows]


def export(longshore: str, project: Path, payload: dict[str, str]) -> Path:
    """Runs the job and gives the path of its file."""
    command = [longshore, "run", "export", "--payload", json.dumps(payload), "--json"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{payload}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    status = json.loads(done.stdout)
    if status["status"] != "completed" or len(status["artifacts"]) != 1:
        sys.exit(f"{payload}: {done.stdout}")
    return Path(status["artifacts"][0]["path"])


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    longshore, project = sys.argv[1], Path(sys.argv[2]).resolve()
    failures, compared = [], 0
    for source, db in make_project(longshore, project).items():
        for number, table in enumerate(tables(db)):
            for form in export_compare.FORMATS:
                payload = {"source": source, "table": table, "format": form}
                # Compression wraps what is the same file otherwise: a sample of it will do.
                if number % 5 == 0:
                    payload["compression"] = "gzip"
                path = export(longshore, project, payload)
                _, wrong = export_compare.differences(
                    export_compare.Table(str(db), table, None, None), str(path), form
                )
                failures += [f"{source}.{table} as {form}: {what}" for what in wrong]
                compared += 1
        print(f"  ok: {source}" if not failures else f"  {len(failures)} differences", flush=True)
    if failures:
        sys.exit("FAILED:\n  " + "\n  ".join(failures))
    print(f"  {compared} files, value by value as in the databases")


if __name__ == "__main__":
    main()

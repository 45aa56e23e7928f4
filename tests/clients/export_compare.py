#!/usr/bin/env python3
"""Compares an exported file, value by value, with what Python's own sqlite3 reads from the database.

usage: export_compare.py DB TABLE FILE [--format csv|jsonl|json|parquet] [--columns a,b] [--where SQL]

The format follows from the file's name unless it is given; a name that ends in .gz is unpacked. Tables must be in
the order of their key, views in any order. Nothing of the exporter's code is shared, so a mistake there cannot
hide here.
"""

import argparse
import base64
import gzip
import json
import re
import sqlite3
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

Row = tuple[Any, ...]

# Lone surrogates stand for bytes that are no UTF-8, in both what is expected and what is found.
BYTES_AS_TEXT = ("utf-8", "surrogateescape")
DIFFERENCES_SHOWN = 10


class Table:
    """What the database says."""

    def __init__(self, db: str, table: str, columns: list[str] | None, where: str | None) -> None:
        self.connection = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
        self.connection.text_factory = lambda data: data.decode(*BYTES_AS_TEXT)
        found = self.connection.execute(
            "SELECT type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ?", [table]
        ).fetchone()
        if found is None:
            sys.exit(f"{db} has no table or view {table}")
        kind, without_rowid = found
        info = self.connection.execute(
            "SELECT name, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid", [table]
        ).fetchall()
        self.columns = columns or [name for name, _ in info]
        self.is_ordered = kind != "view"
        order = ""
        if kind != "view":
            taken = {name.lower() for name, _ in info}
            rowids = [name for name in ("rowid", "_rowid_", "oid") if name not in taken]
            key = [quoted(name) for name, part in sorted(info, key=lambda row: row[1]) if part > 0]
            order = " ORDER BY " + (", ".join(key) if without_rowid else rowids[0])
        names = ", ".join(quoted(name) for name in self.columns)
        condition = f" WHERE {where}" if where else ""
        self.sql = f"SELECT {names} FROM {quoted(table)}{condition}{order}"

    def rows(self) -> Iterator[Row]:
        return iter(self.connection.execute(self.sql))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# Readers: the columns of a file, and its rows. A value is then compared by the format's own rule.


def read_csv(path: str) -> tuple[list[str], Iterator[Row]]:
    """Fields as (text, was it quoted): Python's csv module would lose the difference of NULL and empty text."""
    with opened(path) as file:
        text = file.read().decode(*BYTES_AS_TEXT)
    rows = csv_rows(text)
    return [field for field, _ in next(rows)], rows


def csv_rows(text: str) -> Iterator[Row]:
    field = re.compile(r'(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r\n)', re.ASCII)
    place, row = 0, []
    while place < len(text):
        match = field.match(text, place)
        if match is None:
            sys.exit(f"no RFC 4180 at character {place}: {text[place : place + 80]!r}")
        in_quotes, plain, end = match.groups()
        row.append((plain, False) if in_quotes is None else (in_quotes.replace('""', '"'), True))
        place = match.end()
        if end == "\r\n":
            yield tuple(row)
            row = []
    if row:
        sys.exit("the last line does not end with CRLF")


def read_jsonl(path: str) -> tuple[list[str] | None, Iterator[Row]]:
    with opened(path) as file:
        lines = file.read().decode(*BYTES_AS_TEXT).split("\n")
    if lines.pop() != "":
        sys.exit("the last line does not end")
    return json_rows(json.loads(line, object_pairs_hook=list) for line in lines)


def read_json(path: str) -> tuple[list[str] | None, Iterator[Row]]:
    with opened(path) as file:
        objects = json.loads(file.read().decode(*BYTES_AS_TEXT), object_pairs_hook=list)
    return json_rows(iter(objects))


def json_rows(objects: Iterator[list[tuple[str, Any]]]) -> tuple[list[str] | None, Iterator[Row]]:
    first = next(objects, None)
    if first is None:
        # An export of no rows says nothing of its columns.
        return None, iter(())
    columns = [name for name, _ in first]

    def rows() -> Iterator[Row]:
        for pairs in [first], objects:
            for names in pairs:
                if [name for name, _ in names] != columns:
                    sys.exit(f"an object has other keys than the first: {names!r:.500}")
                yield tuple(value for _, value in names)

    return columns, rows()


def read_parquet(path: str) -> tuple[list[str], Iterator[Row]]:
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(path)

    def rows() -> Iterator[Row]:
        for batch in file.iter_batches():
            yield from zip(*(column.to_pylist() for column in batch.columns))

    return file.schema_arrow.names, rows()


def opened(path: str) -> Any:
    return gzip.open(path) if path.endswith(".gz") else open(path, "rb")


# Rules: whether what was found is what the database holds.


def same_float(a: float, b: float) -> bool:
    """Bit for bit, so that -0.0 is not 0.0."""
    return struct.pack("<d", a) == struct.pack("<d", b)


def reads_as(text: str, number: float | int) -> bool:
    """A number written as text: exact, and an integer never looks like a float."""
    if isinstance(number, int):
        return text == str(number)
    try:
        return not re.fullmatch(r"-?\d+", text) and same_float(float(text), number)
    except ValueError:
        return False


def same_in_csv(want: Any, got: tuple[str, bool]) -> bool:
    text, in_quotes = got
    if want is None:
        return text == "" and not in_quotes
    if want in ("", b""):
        return text == "" and in_quotes
    if isinstance(want, bytes):
        return text == base64.b64encode(want).decode()
    return text == want if isinstance(want, str) else reads_as(text, want)


def same_in_json(want: Any, got: Any) -> bool:
    if isinstance(want, bytes):
        return got == base64.b64encode(want).decode()
    if isinstance(want, float):
        # What JSON has no number for is a text.
        infinite = want in (float("inf"), float("-inf"))
        return reads_as(got, want) if infinite else isinstance(got, float) and same_float(got, want)
    return type(got) is type(want) and got == want


def same_in_parquet(want: Any, got: Any) -> bool:
    if want is None or got is None:
        return want is got
    if isinstance(want, bytes):
        return got == want
    if isinstance(got, bytes):
        # A column that holds blobs, too: the rest are the bytes of their text.
        got = got.decode(*BYTES_AS_TEXT)
    if isinstance(want, str):
        return got == want
    if isinstance(got, str):
        return reads_as(got, want)
    if isinstance(want, int):
        return (isinstance(got, int) and got == want) or (isinstance(got, float) and int(got) == want)
    return isinstance(got, float) and same_float(got, want)


def parquet_types(path: str, columns: list[str], rows: list[Row]) -> list[str]:
    """Columns of one storage class that did not keep it."""
    import pyarrow.parquet

    schema = pyarrow.parquet.read_schema(path)
    kept = {int: "int64", float: "double", str: "string", bytes: "binary"}
    wrong = []
    for index, column in enumerate(columns):
        classes = {type(row[index]) for row in rows} - {type(None)}
        found = str(schema.field(column).type)
        if len(classes) == 1 and found != kept[next(iter(classes))]:
            wrong.append(f"column {column} holds only {classes.pop().__name__} and became {found}")
    return wrong


FORMATS: dict[str, tuple[Callable[[str], Any], Callable[[Any, Any], bool]]] = {
    "csv": (read_csv, same_in_csv),
    "jsonl": (read_jsonl, same_in_json),
    "json": (read_json, same_in_json),
    "parquet": (read_parquet, same_in_parquet),
}


def differences(table: Table, path: str, form: str) -> tuple[int, list[str]]:
    """Number of rows compared, and the first differences."""
    read, same = FORMATS[form]
    columns, found = read(path)
    if columns is not None and columns != table.columns:
        return 0, [f"columns are {columns}, not {table.columns}"]
    want, got = list(table.rows()), list(found)
    wrong = parquet_types(path, table.columns, want) if form == "parquet" else []
    if len(want) != len(got):
        wrong.append(f"{len(got)} rows, not {len(want)}")
    if not table.is_ordered:
        want, got = in_any_order(want, got)
    for number, (want_row, got_row) in enumerate(zip(want, got), 1):
        if len(wrong) >= DIFFERENCES_SHOWN:
            break
        for column, a, b in zip(table.columns, want_row, got_row):
            if not same(a, b):
                wrong.append(f"row {number}, column {column}: {b!r:.200} instead of {a!r:.200}")
    return len(want), wrong


def in_any_order(want: list[Row], got: list[Row]) -> tuple[list[Row], list[Row]]:
    """Both, sorted by what their values look like when written as text: equal rows then stand side by side."""
    return sorted(want, key=sketch), sorted(got, key=sketch)


def sketch(row: Row) -> list[str]:
    """The row as text that is the same in every format."""
    values = (value[0] if isinstance(value, tuple) else value for value in row)
    return [sketch_value(value) for value in values]


def sketch_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    try:
        return repr(float(value))
    except ValueError:
        return str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("db")
    parser.add_argument("table")
    parser.add_argument("file")
    parser.add_argument("--format", choices=FORMATS)
    parser.add_argument("--columns", type=lambda text: text.split(","))
    parser.add_argument("--where", help="an SQL condition, when the export was filtered")
    args = parser.parse_args()
    form = args.format or args.file.removesuffix(".gz").rpartition(".")[2]
    if form not in FORMATS:
        sys.exit(f"what format is {args.file}? say --format")

    table = Table(args.db, args.table, args.columns, args.where)
    rows, wrong = differences(table, args.file, form)
    if wrong:
        sys.exit(f"{args.file} is not {args.table}:\n  " + "\n  ".join(wrong))
    print(f"{args.file}: {rows} rows, as in {args.table}")


if __name__ == "__main__":
    main()

"""A job to start from: counts the words of a text column, row by row, and writes the counts to a CSV.

It is small but does what a job should: a schema whose descriptions are read by agents, errors that say what to do,
progress, and checkpoints. README.md says how to rename, test, build and install it.
"""

import json
from collections.abc import Iterator

import wit_world
from componentize_py_types import Err
from wit_world.imports import artifacts, checkpoint, data, progress, types

# Rows from one save to the next. A save costs an fsync or two, so this should be about a second of work.
ROWS_PER_SAVE = 10_000
ROWS_PER_READ = 1_000
FILE = "word_count.csv"

INPUT = {
    "type": "object",
    "properties": {
        "table": {"type": "string", "description": "Table to read."},
        "column": {"type": "string", "description": "Column whose words are counted."},
    },
    "required": ["table", "column"],
    "additionalProperties": False,
}
OUTPUT = {
    "type": "object",
    "properties": {
        "records_processed": {"type": "integer", "description": "Rows that were read."},
        "words": {"type": "integer", "description": "Words in all of them."},
        "file": {"type": "string", "description": "Name of the file with the count of each row."},
    },
    "required": ["records_processed", "words", "file"],
}


class WitWorld(wit_world.WitWorld):
    def describe(self) -> types.JobType:
        return types.JobType(
            # The name must be that of the file: word_count.wasm.
            name="word_count",
            version="0.1.0",
            title="Word count",
            description="Counts the words of a text column of a table, row by row, and writes the counts to a CSV. "
            "The result has the number of words in all rows.",
            input_schema=json.dumps(INPUT),
            output_schema=json.dumps(OUTPUT),
            permissions=[types.Permission("data", "*", "Reads the column whose words it counts.")],
        )

    def run(self, input: str) -> str:
        arguments = json.loads(input)
        table, column = quoted(arguments["table"]), quoted(arguments["column"])
        source = data.sources()[0]
        [[total]] = next(query(source, f"SELECT count({table}.{column}) FROM {table}", []))

        # Nothing on the first attempt; after an interruption, what the last save remembered.
        saved = checkpoint.load()
        state = json.loads(saved) if saved else {"last_rowid": -(2**63), "rows": 0, "words": 0}
        rows_saved = state["rows"]
        # Rows come in the order of the key, and reading goes on after the last one: so an interrupted run writes the
        # same file as an undisturbed one.
        sql = (
            f"SELECT rowid, CAST({column} AS TEXT) FROM {table} "
            f"WHERE rowid > ? AND {table}.{column} IS NOT NULL ORDER BY rowid"
        )
        with open_artifact(FILE, "text/csv") as csv:
            if csv.position() == 0:
                csv.write(b"rowid,words\n")
            for batch in query(source, sql, [data.Value_Integer(state["last_rowid"])]):
                counts = [(rowid, len(text.split())) for rowid, text in batch]
                csv.write("".join(f"{rowid},{words}\n" for rowid, words in counts).encode())
                state["last_rowid"] = counts[-1][0]
                state["rows"] += len(counts)
                state["words"] += sum(words for _, words in counts)
                go_on(progress.report(state["rows"], max(total, state["rows"]), "counting words"))
                if state["rows"] - rows_saved >= ROWS_PER_SAVE:
                    go_on(checkpoint.save(json.dumps(state).encode()))
                    rows_saved = state["rows"]
        return json.dumps({"records_processed": state["rows"], "words": state["words"], "file": FILE})


def query(source: str, sql: str, parameters: list[data.Value]) -> Iterator[list[list]]:
    """The rows of a query, batch by batch, so that memory stays small however many there are."""
    try:
        with data.query(source, sql, parameters) as cursor:
            while batch := cursor.next(ROWS_PER_READ):
                yield [[getattr(value, "value", None) for value in row] for row in batch]
    except Err as error:
        raise Err(types.JobError_InvalidInput(f"the column cannot be read: {error.value.message}")) from error


def open_artifact(name: str, media_type: str) -> artifacts.Artifact:
    """A file of the job. In a resumed attempt it has what it had at the last save."""
    try:
        return artifacts.open(name, media_type)
    except Err as error:
        raise Err(types.JobError_Failed(error.value.message)) from error


def go_on(signal: types.Signal) -> None:
    """Ends the job when it was told to stop."""
    if signal == types.Signal.STOP:
        raise Err(types.JobError_Cancelled())


def quoted(name: str) -> str:
    """A name as SQL writes it. Values are never written into SQL: they are bound to `?`."""
    return '"' + name.replace('"', '""') + '"'

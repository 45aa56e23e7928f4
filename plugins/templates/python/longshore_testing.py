"""A Longshore host in memory, to test a job with plain Python: no component is built.

Import it before the job, because it provides the modules that componentize-py generates (`wit_world` and
`componentize_py_types`). It keeps the commit rule: what was not saved when an attempt ends badly is gone.
"""

import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from unittest import mock

# ---- The types of wit/job.wit, as componentize-py generates them.


@dataclass(frozen=True)
class Err(Exception):
    value: object


@dataclass
class Permission:
    kind: str
    target: str
    reason: str


@dataclass
class JobType:
    name: str
    version: str
    title: str
    description: str
    input_schema: str
    output_schema: str | None
    permissions: list[Permission]


@dataclass
class RetryRequest:
    message: str
    after_ms: int | None


@dataclass
class JobError_InvalidInput:
    value: str


@dataclass
class JobError_Failed:
    value: str


@dataclass
class JobError_Retry:
    value: RetryRequest


@dataclass
class JobError_Cancelled:
    pass


JobError = JobError_InvalidInput | JobError_Failed | JobError_Retry | JobError_Cancelled


class Signal(Enum):
    PROCEED = 0
    STOP = 1


@dataclass
class HostError:
    code: str
    message: str


@dataclass
class TaskInfo:
    id: str
    job_type: str
    attempt: int
    created_at_ms: int
    deadline_ms: int
    resumed_from: int | None


class Level(Enum):
    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3


@dataclass
class Value_Null:
    pass


@dataclass
class Value_Integer:
    value: int


@dataclass
class Value_Real:
    value: float


@dataclass
class Value_Text:
    value: str


@dataclass
class Value_Blob:
    value: bytes


Value = Value_Null | Value_Integer | Value_Real | Value_Text | Value_Blob


@dataclass
class Column:
    name: str
    declared_type: str | None


@dataclass
class Message:
    channel: str
    key: str
    recipient: str
    subject: str
    content_type: str
    body: str


# ---- The host.

CREATED_AT_MS = 1_795_168_800_000  # 20 November 2026, 10:00 UTC: tests see one time


class Killed(BaseException):
    """What a killed attempt ends with. Not an Exception, so that no `except Exception` of the job catches it."""


@dataclass
class Stop:
    """Where to end an attempt. Calls are numbered from 1."""

    told_at: int | None = None  # this call answers that the job is to stop, if it is one that answers
    killed_at: int | None = None  # this call has no effect and never returns; one past the last is the end of the job
    killed_after_save: bool = False  # the first save of a new state is committed but never returns


@dataclass
class Host:
    """One task. `sources` are SQL scripts by name; `batch_rows` is the most rows that a read returns."""

    sources: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    batch_rows: int | None = None

    def __post_init__(self) -> None:
        self.databases = {name: sqlite3.connect(":memory:") for name in sorted(self.sources)}
        for name, database in self.databases.items():
            database.executescript(self.sources[name])
        self.attempts = self.saves = 0
        self.state: tuple[int, bytes] | None = None
        self.log: list[str] = []
        self.written: dict[str, bytearray] = {}
        self.cleared: dict[str, bytearray] = {}  # what files had before; it counts again unless a save follows
        self.saved_by = 0
        self.sent: list[Message] = []
        self.committed: tuple[dict[str, int], int] = ({}, 0)

    def run(self, job, arguments: dict, stop: Stop | None = None) -> dict:
        """Runs an attempt and returns the job's result. Raises what the job raises, or Killed."""
        lengths, messages = self.committed
        self.written |= self.cleared
        self.cleared = {}
        self.written = {name: self.written[name][:length] for name, length in lengths.items()}
        self.sent = self.sent[:messages]
        self.attempts += 1
        self.stop = stop or Stop()
        self.calls: list[str] = []
        self.told = self.dead = False
        _hosts.append(self)
        try:
            result = json.loads(job.run(json.dumps(arguments)))
        finally:
            _hosts.pop()
        if self.stop.killed_at == len(self.calls) + 1:
            raise Killed
        self.commit()
        return result

    @property
    def artifacts(self) -> dict[str, bytes]:
        """The committed artifacts."""
        written = self.written | self.cleared
        return {name: bytes(written[name][:length]) for name, length in self.committed[0].items()}

    @property
    def messages(self) -> list[Message]:
        """The committed messages."""
        return self.sent[: self.committed[1]]

    def commit(self) -> None:
        self.cleared = {}
        self.committed = ({name: len(content) for name, content in self.written.items()}, len(self.sent))

    def enter(self, call: str) -> None:
        if self.dead or self.stop.killed_at == len(self.calls) + 1:
            self.dead = True
            raise Killed
        self.calls.append(call)

    def answer(self) -> Signal:
        self.told = self.told or self.stop.told_at == len(self.calls)
        return Signal.STOP if self.told else Signal.PROCEED

    def save(self, state: bytes) -> Signal:
        self.enter("save")
        before, self.state = self.state, (self.attempts, bytes(state))
        self.saves += 1
        self.saved_by = self.attempts
        self.commit()
        if self.stop.killed_after_save and (before is None or before[1] != state):
            self.dead = True
            raise Killed
        return self.answer()

    def report(self, done: int, total: int | None, message: str) -> Signal:
        self.enter("progress")
        return self.answer()

    def load(self) -> bytes | None:
        self.enter("load")
        return self.state and self.state[1]

    def task(self) -> TaskInfo:
        self.enter("task")
        resumed_from = self.state and self.state[0]
        return TaskInfo("test-task", "test", self.attempts, CREATED_AT_MS, CREATED_AT_MS + 600_000, resumed_from)

    def write_log(self, level: Level, message: str) -> None:
        self.enter("log")
        self.log.append(f"{level.name.lower()}: {message}")

    def open(self, name: str, media_type: str) -> "Artifact":
        self.enter("artifact")
        if not 0 < len(name) <= 128 or name.startswith(".") or any(c in "/\\" or not c.isprintable() for c in name):
            raise Err(HostError("invalid_name", f"`{name}` is not a plain file name"))
        self.written.setdefault(name, bytearray())
        return Artifact(self, name)

    def source_names(self) -> list[str]:
        self.enter("sources")
        return list(self.databases)

    def query(self, source: str, sql: str, params: list) -> "Cursor":
        self.enter("query")
        if source not in self.databases:
            raise Err(HostError("source_unavailable", f"there is no source `{source}`"))
        try:
            rows = self.databases[source].execute(sql, [getattr(value, "value", None) for value in params])
            return Cursor(self, [description[0] for description in rows.description], rows.fetchall())
        except sqlite3.Error as error:
            raise Err(HostError("query_failed", str(error))) from error

    def revision(self, source: str) -> str | None:
        self.enter("revision")
        if source not in self.databases:
            raise Err(HostError("source_unavailable", f"there is no source `{source}`"))
        return str(self.databases[source].total_changes)

    def send(self, message: Message) -> None:
        self.enter("send")
        if any(other.key == message.key for other in self.sent):
            raise Err(HostError("duplicate_key", f"`{message.key}` was sent already"))
        self.sent.append(message)

    def secret(self, name: str) -> str:
        self.enter("secret")
        if name not in self.secrets:
            raise Err(HostError("secret_unavailable", f"there is no secret `{name}`"))
        return self.secrets[name]


class _Resource:
    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        pass


@dataclass
class Artifact(_Resource):
    host: Host
    name: str

    def position(self) -> int:
        return len(self.host.written[self.name])

    def write(self, content: bytes) -> None:
        self.host.enter("write")
        self.host.written[self.name] += content

    def clear(self) -> None:
        self.host.enter("clear")
        if self.host.saved_by == self.host.attempts:
            raise Err(HostError("saved_already", "this attempt has saved"))
        self.host.cleared.setdefault(self.name, self.host.written[self.name])
        self.host.written[self.name] = bytearray()


@dataclass
class Cursor(_Resource):
    host: Host
    names: list[str]
    rows: list[tuple]

    def columns(self) -> list[Column]:
        return [Column(name, None) for name in self.names]

    def next(self, max_rows: int) -> list[list]:
        self.host.enter("next rows")
        count = min(max_rows, self.host.batch_rows or max_rows)
        batch, self.rows = self.rows[:count], self.rows[count:]
        return [[_value(value) for value in row] for row in batch]


def _value(value):
    kinds = {int: Value_Integer, float: Value_Real, str: Value_Text, bytes: Value_Blob}
    return Value_Null() if value is None else kinds[type(value)](value)


# ---- The modules that the job imports.

_hosts: list[Host] = []


def _of_host(name: str) -> Callable:
    return lambda *arguments: getattr(_hosts[-1], name)(*arguments)


def _install() -> None:
    types = [Permission, JobType, RetryRequest, JobError_InvalidInput, JobError_Failed, JobError_Retry]
    types += [JobError_Cancelled, Signal, HostError]
    values = [Value_Null, Value_Integer, Value_Real, Value_Text, Value_Blob, Column, Cursor]
    interfaces = {
        "types": {**{kind.__name__: kind for kind in types}, "JobError": JobError},
        "task": {"TaskInfo": TaskInfo, "current": _of_host("task")},
        "progress": {"report": _of_host("report")},
        "checkpoint": {"load": _of_host("load"), "save": _of_host("save")},
        "log": {"Level": Level, "write": _of_host("write_log")},
        "artifacts": {"Artifact": Artifact, "open": _of_host("open")},
        "data": {
            **{kind.__name__: kind for kind in values},
            "Value": Value,
            "sources": _of_host("source_names"),
            "query": _of_host("query"),
            "revision": _of_host("revision"),
        },
        "outbox": {"Message": Message, "send": _of_host("send")},
        "secrets": {"get": _of_host("secret")},
    }
    imports = ModuleType("wit_world.imports")
    for name, members in interfaces.items():
        module = ModuleType(f"wit_world.imports.{name}")
        module.__dict__.update(members)
        setattr(imports, name, module)
        sys.modules[module.__name__] = module
    world = ModuleType("wit_world")
    world.__dict__.update({"WitWorld": type("WitWorld", (), {}), "imports": imports})
    generated = ModuleType("componentize_py_types")
    generated.__dict__.update({"Err": Err})
    sys.modules.update({"wit_world": world, "wit_world.imports": imports, "componentize_py_types": generated})


_install()


# ---- The test of resuming.


def assert_resumes(make_host: Callable[[], Host], make_job: Callable, arguments: dict, interval: tuple | None = None):
    """Runs a job undisturbed, then again and again with one attempt ended early, and fails unless the next attempt
    brings about the same result, artifacts and messages. Returns the undisturbed host and its result.

    An attempt is ended at each call it makes of the host: killed there, and at a report of progress or a save also told
    to stop. Once every attempt is killed right after its first save, until the job is done. Fails, too, if the job never
    saved: then nothing was tested.

    `interval` is where the job keeps the distance between its saves, such as `(app, "ROWS_PER_SAVE")`; all that is done
    with 1 and 3 in its place, too, and few rows at a time, so that a few rows of data are enough.
    """
    saves, first = 0, None
    for steps, batch_rows in [(None, None)] + ([(1, 1), (3, 2)] if interval else []):

        def host(batch_rows=batch_rows) -> Host:
            made = make_host()
            made.batch_rows = batch_rows or made.batch_rows
            return made

        with mock.patch.object(*interval, steps) if steps else nullcontext():
            undisturbed = host()
            result = undisturbed.run(make_job(), arguments)
            distance = f"a save is due at every {steps} steps" if steps else "the job's own distance between saves"
            _stop_everywhere(host, make_job, arguments, undisturbed, result, distance)
        saves += undisturbed.saves
        first = first or (undisturbed, result)
    if not saves:
        raise AssertionError(
            "the job never saved, so there was nothing to resume from. Have the test's data cross a save, or pass as "
            "`interval` where the job keeps the distance between its saves"
        )
    return first


def _stop_everywhere(host, make_job, arguments, undisturbed: Host, result: dict, distance: str) -> None:
    calls = undisturbed.calls
    expected = (undisturbed.artifacts, undisturbed.messages, result)
    for number in range(1, len(calls) + 2):
        name = calls[number - 1] if number <= len(calls) else "the end of the job"
        place = f"call {number} of {len(calls)} ({name}), after {calls[: number - 1].count('save')} saves; {distance}"
        ways = {"killed": (Stop(killed_at=number), Killed)}
        if name in ("progress", "save"):
            ways["told to stop"] = (Stop(told_at=number), Err)
        for how, (stop, end) in ways.items():
            disturbed = host()
            try:
                disturbed.run(make_job(), arguments, stop)
            except end as error:
                if isinstance(error, Err) and not isinstance(error.value, JobError_Cancelled):
                    raise AssertionError(f"{how} at {place}: the job ended with {error.value}, not cancelled") from error
            else:
                raise AssertionError(f"{how} at {place}: the job did not end with JobError_Cancelled")
            outcome = disturbed.run(make_job(), arguments)
            _compare(expected, (disturbed.artifacts, disturbed.messages, outcome), f"{how} at {place}")

    disturbed = host()
    for kills in range(undisturbed.saves + 1):
        try:
            outcome = disturbed.run(make_job(), arguments, Stop(killed_after_save=True))
        except Killed:
            continue
        place = f"killed {kills} times, each right after a save; {distance}"
        return _compare(expected, (disturbed.artifacts, disturbed.messages, outcome), place)
    raise AssertionError(
        f"the job does not get ahead: it was killed right after each of {disturbed.saves} saves, as many as an undisturbed "
        "run makes, and still saved again. Begin with `checkpoint.load()` and go on after what it returns"
    )


def _compare(expected, actual, place: str) -> None:
    (artifacts, messages, result), (other_artifacts, other_messages, other_result) = expected, actual
    difference = None
    if artifacts.keys() != other_artifacts.keys():
        difference = _sides("The names of the artifacts differ.", sorted(artifacts), sorted(other_artifacts))
    elif name := next((name for name in artifacts if artifacts[name] != other_artifacts[name]), None):
        difference = _bytes_differ(name, artifacts[name], other_artifacts[name])
    elif messages != other_messages:
        at = _equal(messages, other_messages)
        head = f"Message {at + 1} differs; undisturbed there are {len(messages)}, resumed {len(other_messages)}."
        difference = _sides(head, messages[at : at + 1], other_messages[at : at + 1])
    elif result != other_result:
        difference = _sides("The result differs.", result, other_result)
    if difference:
        raise AssertionError(
            "the resumed job did not bring about the same as an undisturbed one.\n"
            f"  stopped:     {place}\n{difference}"
        )


def _sides(head: str, undisturbed, resumed) -> str:
    return f"{head}\n  undisturbed: {undisturbed}\n  resumed:     {resumed}"


def _equal(one, other) -> int:
    """How many items agree from the start."""
    pairs = enumerate(zip(one, other))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))


def _bytes_differ(name: str, one: bytes, other: bytes) -> str:
    at = _equal(one, other)
    head = (
        f"`{name}` differs from byte {at} on (line {one[:at].count(10) + 1}); "
        f"undisturbed it has {len(one)} bytes, resumed {len(other)}."
    )
    around = slice(max(at - 24, 0), at + 40)
    text = _sides(head, one[around], other[around])
    if missing := _skipped(one[at:], other[at:]):
        text += (
            f"\n{missing} bytes are missing. Either the state was ahead of the file when it was saved, or something held "
            "them back at the save: write what is buffered before `checkpoint.save`."
        )
    elif extra := _skipped(other[at:], one[at:]):
        text += (
            f"\n{extra} bytes are too many. The next attempt did again what had been saved: begin with "
            "`checkpoint.load()`, and bring the state up to date with all that was written before `checkpoint.save`."
        )
    return text


def _skipped(longer: bytes, shorter: bytes) -> int | None:
    """How many bytes of `longer` have to be left out for it to go on as `shorter` does."""
    if len(longer) <= len(shorter):
        return None
    start = shorter[:8]
    at = longer.find(start, 1) if start else len(longer)
    return at if at > 0 else None

"""What the client scripts share: checks that say what was seen, and what a job's status must have."""

import asyncio
import sys
from collections.abc import Coroutine, Iterator
from typing import Any

STATUS_FIELDS = "job_id job_type status created_at".split()
TOOLS = (
    "bulk_invoice cancel_job check_job_status enqueue_job export list_job_types list_jobs notifications"
).split()
TERMINAL = {"completed", "failed", "cancelled"}

# Orders of Delhi in March 2026 in the sample shop.
INVOICES = 1842
BRANCHES = 10


class Failed(AssertionError):
    """A check failed: the server is wrong, or the script is."""


def check(condition: Any, what: str, seen: Any = None) -> None:
    """Fails with `what` should have been and what was `seen`."""
    if not condition:
        raise Failed(what if seen is None else f"{what}; seen: {seen!r:.2000}")


def step(text: str) -> None:
    """Says what was found good."""
    print(f"  ok: {text}", flush=True)


def check_status(status: Any) -> dict[str, Any]:
    """Checks the shape of a job's status and returns it."""
    check(isinstance(status, dict), "the structured content is a job's status", status)
    missing = [field for field in STATUS_FIELDS if field not in status]
    check(not missing, f"a status has {missing}", status)
    nulls = [field for field, value in status.items() if value is None]
    check(not nulls, f"a status leaves out what is not there: {nulls}", status)
    if status["status"] == "completed":
        check("result" in status, "a completed job has a result", status)
    if status["status"] in TERMINAL:
        check("completed_at" in status, "an ended job says when it ended", status)
    else:
        check(100 <= status["poll_after_ms"] <= 30_000, "a live job says when to ask again", status)
        check("job" in status["next"], "a live job says what to do next", status)
    return status


def check_error(structured: Any, *codes: str) -> dict[str, Any]:
    """Checks the shape of a tool's error, and its code if any are given."""
    error = structured.get("error") if isinstance(structured, dict) else None
    check(isinstance(error, dict), "a tool's error is structured", structured)
    for field in ("code", "message", "retryable"):
        check(field in error, f"an error has `{field}`", error)
    check(len(error["message"]) > 10, "an error says what to do", error)
    check(not codes or error["code"] in codes, f"the code is one of {codes}", error)
    return error


def arguments() -> tuple[str, str]:
    """The binary and the project folder from the command line."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} LONGSHORE PROJECT")
    return sys.argv[1], sys.argv[2]


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs a script; what failed is told without the frames of task groups around it."""
    try:
        asyncio.run(main)
    except BaseException as error:  # noqa: BLE001 - told and turned into an exit code
        failures = list(leaves(error))
        if not all(isinstance(failure, Failed) for failure in failures):
            raise
        for failure in failures:
            print(f"FAILED: {failure}", file=sys.stderr)
        sys.exit(1)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors inside nested groups."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error

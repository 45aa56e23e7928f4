#!/usr/bin/env python3
"""Jobs that take longer than a client waits, through agent frameworks with their default timeouts.

usage: timeouts.py LONGSHORE PROJECT GUESTS ENVIRONMENT

PROJECT is where to make a project with the guest `sleeper` of the folder GUESTS. Each framework gets a copy of it beside it,
and all run at once. One that keeps its server starts a job that outlives its timeout and follows it to the end. One that
starts a process for each call starts a longer job, which has to be done in time although nothing of the client's runs
between its calls.
"""

import asyncio
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import awkward
from checks import TERMINAL, Failed, check, leaves, run, step
from frameworks import NAMES, Tool, load
from wire import Wire

# A job that outlives the timeout of 5 s, and what a model that knows of it asks to wait: less.
JOB_MS, WAIT_SECONDS = 8_000, 3
# A job that a process for each call submits, when it has to be done, and how often it is asked for.
LONG_JOB_MS, DONE_SECONDS, POLL_SECONDS = 20_000, 25.0, 2.0
# The server that accepted that job may have begun it before it closed; whatever works on begins it once more at most.
LONG_JOB_ATTEMPTS_MAX = 2
# For a job that does not end at all.
PATIENCE = 60.0


async def keeps_its_server(name: str, tools: dict[str, Tool], timeout: float | None) -> float:
    """Starts a job and waits for its end as the answers say. Returns the longest time that a call took."""
    slowest = 0.0

    async def call(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        nonlocal slowest
        started = time.monotonic()
        answer = await tools[tool].call(arguments)
        slowest = max(slowest, time.monotonic() - started)
        return answer

    started = time.monotonic()
    status = await call("sleeper", {"ms": JOB_MS})
    check(status.get("status") in ("queued", "running"), f"{name}: a job of {JOB_MS} ms gets a handle", status)
    check("check_job_status" in status.get("next", ""), f"{name}: the handle says what to call next", status)
    calls = 0
    while status.get("status") not in TERMINAL:
        check(time.monotonic() - started < PATIENCE, f"{name}: the job ends", status)
        calls += 1
        status = await call("check_job_status", {"job_id": status["job_id"], "wait_seconds": WAIT_SECONDS})
    completed(name, status, attempts_max=1)
    # Each call waited, or the job was asked for again and again.
    check(calls <= JOB_MS / 1_000 / WAIT_SECONDS + 2, f"{name}: wait_seconds waits", calls)
    check(timeout is None or slowest < timeout, f"{name}: each answer leaves within {timeout} s", slowest)
    return slowest


async def starts_a_process_for_each_call(name: str, tools: dict[str, Tool]) -> float:
    """Submits a job, and looks now and then whether it is done. Returns how long it took."""
    started = time.monotonic()
    answer = await tools["enqueue_job"].call({"job_type": "sleeper", "payload": {"ms": LONG_JOB_MS}})
    check("job_id" in answer, f"{name}: a job is accepted", answer)
    job = {"job_id": answer["job_id"]}
    while (status := await tools["check_job_status"].call(job)).get("status") not in TERMINAL:
        check(time.monotonic() - started < PATIENCE, f"{name}: the job ends", status)
        await asyncio.sleep(POLL_SECONDS)
    took = time.monotonic() - started
    completed(name, status, LONG_JOB_ATTEMPTS_MAX)
    check(took < DONE_SECONDS, f"{name}: a job of {LONG_JOB_MS} ms is done in {DONE_SECONDS} s", took)
    return took


def completed(name: str, status: dict[str, Any], attempts_max: int) -> None:
    """Checks that the job ended well and was not begun again and again."""
    check(status["status"] == "completed", f"{name}: the job completes", status)
    check(status["attempts"] <= attempts_max, f"{name}: the job takes {attempts_max} attempts at most", status)


async def through(name: str, longshore: str, project: Path) -> str | None:
    """Runs one framework; gives what failed."""
    framework = load(name)
    try:
        async with framework.connect(longshore, str(project)) as tools:
            if framework.PROCESS_PER_CALL:
                took = await starts_a_process_for_each_call(name, tools)
                text = f"{name}, a process for each call: {LONG_JOB_MS} ms done in {took:.1f} s"
            else:
                slowest = await keeps_its_server(name, tools, framework.TIMEOUT)
                text = f"{name}: {JOB_MS} ms followed to the end, each answer within {slowest:.1f} s"
        with Wire(longshore, str(project)) as wire:
            jobs = wire.call("list_jobs", {})["jobs"]
        check(len(jobs) == 1, f"{name}: the job was submitted once", jobs)
    except BaseException as error:  # noqa: BLE001 - the others run on
        return "; ".join(f"{name}: {type(leaf).__name__}: {leaf}" for leaf in leaves(error))
    step(text)
    return None


def prepare(longshore: str, project: Path, component: Path, names: list[str]) -> dict[str, Path]:
    """Makes a project with the guest for each name, and has the guest compiled, so that no client waits for that."""
    subprocess.run([longshore, "init", project, "--no-sample"], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(project / "plugins")
    (project / "plugins").mkdir()
    shutil.copy(component, project / "plugins")
    projects = {name: project.with_name(f"{project.name}-{name}") for name in names}
    for folder in projects.values():
        shutil.copytree(project, folder)
    awkward.loaded(longshore, str(project), ["sleeper"])
    return projects


async def main() -> None:
    if len(sys.argv) != 5:
        sys.exit(f"usage: {sys.argv[0]} LONGSHORE PROJECT GUESTS ENVIRONMENT")
    longshore, project, guests, environment = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    # Those that keep their server and wait longer than the job takes show nothing here.
    names = [name for name in NAMES[environment] if load(name).TIMEOUT or load(name).PROCESS_PER_CALL]
    projects = prepare(longshore, project, guests / "sleeper.wasm", names)
    runs = (through(name, longshore, folder) for name, folder in projects.items())
    problems = [problem for problem in await asyncio.gather(*runs) if problem]
    if problems:
        raise Failed("\n  ".join(problems))


if __name__ == "__main__":
    run(main())

#!/usr/bin/env python3
"""The listed tools through the conversions of agent frameworks, and calls through what comes out.

usage: schemas.py LONGSHORE PROJECT GUESTS ENVIRONMENT

PROJECT is a fresh project of `longshore init`; a second one beside it gets job types with awkward schemas, made of the guest
`awkward` in the folder GUESTS. ENVIRONMENT says which frameworks are installed (`frameworks.NAMES`). The rules of clients
that cannot run here are checked in the environment `agents`.

Everything that fails is printed, not only the first.
"""

import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import awkward
import portable
import vscode
from checks import TERMINAL, TOOLS, Failed, leaves, run, step
from frameworks import NAMES, Framework, Tool, load
from kept import lost

Tools = dict[str, Tool]
Calls = Callable[[Framework, Tools], Awaitable[list[str]]]

# What a model leaves out, sends as null, and sends in arrays; with the rows that come out.
EXPORTS: list[tuple[dict[str, Any], int]] = [
    ({"table": "branches"}, 10),
    ({"table": "branches", "format": "csv", "columns": None, "date_column": None, "compression": None}, 10),
    (
        {
            "table": "branches",
            "columns": ["code", "city"],
            "filters": [{"column": "code", "op": "in", "value": ["DEL", "BOM"]}],
        },
        2,
    ),
]
# The Inspector passes schemas and arguments as they are.
PASSING = {"inspector"}


def rules(tools: list[dict[str, Any]]) -> list[str]:
    """Where the tools break a rule of clients, of those that cannot run here among them."""
    problems = []
    for tool in tools:
        problems += [f"{tool['name']}: {breach}" for breach in portable.breaches(tool)]
        problems += [f"VS Code: {tool['name']}: {problem}" for problem in vscode.problems(tool)]
    return problems


def enumerations(tools: list[dict[str, Any]], cases: list[dict[str, Any]]) -> list[str]:
    """Values that a plugin's schema names and the listed one does not."""
    listed = {tool["name"]: tool["inputSchema"] for tool in tools}
    problems = []
    for case in cases:
        for path, values in case["enums"].items():
            schema = listed[case["name"]]
            for word in path.split("/"):
                schema = schema.get("items", {}) if word == "items" else schema.get("properties", {}).get(word, {})
            if sorted(schema.get("enum", []), key=repr) != sorted(values, key=repr):
                problems.append(f"{case['name']}: {path} is listed without its values {values}: {schema}")
    return problems


async def through(
    name: str, longshore: str, project: Path, tools: list[dict[str, Any]], calls: Calls
) -> list[str]:
    """What a framework makes of the tools that are listed in a project, and of calls to them."""
    framework = load(name)
    problems = []
    started = time.monotonic()
    try:
        async with framework.connect(longshore, str(project)) as converted:
            for listed in tools:
                tool = converted.get(listed["name"])
                if tool is None:
                    problems.append(f"{listed['name']} is not offered")
                    continue
                if listed["description"] not in tool.description:
                    problems.append(f"{listed['name']}: its description became {tool.description!r:.300}")
                losses = lost(listed["inputSchema"], tool.shown, framework.LOSES)
                problems += [f"{listed['name']}: {loss}" for loss in losses]
            problems += await calls(framework, converted)
    except BaseException as error:  # noqa: BLE001 - a framework that fails on one tool has lost all of them
        problems += [f"{type(leaf).__name__}: {leaf}" for leaf in leaves(error)]
    if not problems:
        step(f"{name}: {len(tools)} tools of {project.name} in {time.monotonic() - started:.1f} s")
    return [f"{name}, {project.name}: {problem}" for problem in problems]


async def ended(tools: Tools, answer: dict[str, Any]) -> dict[str, Any]:
    """The status of a job once it has ended."""
    while "status" in answer and answer["status"] not in TERMINAL:
        answer = await tools["check_job_status"].call({"job_id": answer["job_id"], "wait_seconds": 3})
    return answer


async def exports(_framework: Framework, tools: Tools) -> list[str]:
    """Exports with arguments as models send them."""
    problems = []
    for arguments, rows in EXPORTS:
        answer = await ended(tools, await tools["export"].call(arguments))
        if answer.get("status") != "completed" or answer["result"]["rows"] != rows:
            problems.append(f"export {arguments} gives {rows} rows: {answer}")
    return problems


def returns(cases: list[dict[str, Any]]) -> Calls:
    """Calls whose arguments come back as the job got them."""

    async def call(framework: Framework, tools: Tools) -> list[str]:
        problems = []
        for case in cases:
            # A process for each call takes its time: the last example has most fields.
            for arguments in case["accepts"][-1:] if framework.PROCESS_PER_CALL else case["accepts"]:
                problems += await returned(tools, case["name"], arguments, arguments)
        # An object of any fields, beside optional fields that are null.
        payload = cases[0]["accepts"][1]
        arguments = {
            "job_type": cases[0]["name"],
            "payload": payload,
            "idempotency_key": None,
            "delay_seconds": None,
        }
        problems += await returned(tools, "enqueue_job", arguments, payload)
        return problems

    return call


async def returned(tools: Tools, name: str, arguments: dict[str, Any], sent: dict[str, Any]) -> list[str]:
    """Whether the job that a tool starts gets what was sent to it; what is null may be absent."""
    try:
        answer = await ended(tools, await tools[name].call(arguments))
    except Exception as error:  # noqa: BLE001 - the framework's own check of the arguments
        return [f"{name} {arguments}: {type(error).__name__}: {error}"]
    given = answer.get("result", {}).get("given") if answer.get("status") == "completed" else None
    if given is None or said(given) != said(sent):
        return [f"{name} {arguments} came back as {answer}"]
    return []


def said(value: Any) -> Any:
    """The value without fields that are null."""
    if isinstance(value, dict):
        return {name: said(inner) for name, inner in value.items() if inner is not None}
    return [said(inner) for inner in value] if isinstance(value, list) else value


async def main() -> None:
    if len(sys.argv) != 5:
        sys.exit(f"usage: {sys.argv[0]} LONGSHORE PROJECT GUESTS ENVIRONMENT")
    longshore, project, guests, environment = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
    cases = awkward.cases()
    portables = [case for case in cases if "unportable" not in case]
    awkwards = project.with_name(f"{project.name}-awkward")
    # What cannot be expressed for every client is there, too: it must not cost a client the other tools.
    awkward.project(longshore, awkwards, guests / "awkward.wasm", cases)

    fresh = awkward.loaded(longshore, str(project), TOOLS)
    unportable = {case["name"] for case in cases} - {case["name"] for case in portables}
    listed = awkward.loaded(longshore, str(awkwards), [case["name"] for case in cases])
    listed = [tool for tool in listed if tool["name"] not in unportable]
    problems = []
    if environment == "agents":
        problems = rules(fresh + [tool for tool in listed if tool not in fresh])
        problems += enumerations(listed, portables)
        if not problems:
            step("the lists follow the rules of VS Code and of frameworks that are strict")
    for name in NAMES[environment]:
        if name not in PASSING:
            problems += await through(name, longshore, project, fresh, exports)
            problems += await through(name, longshore, awkwards, listed, returns(portables))
    if problems:
        raise Failed(f"{len(problems)} problems:\n  " + "\n  ".join(problems))


if __name__ == "__main__":
    run(main())

#!/usr/bin/env python3
"""The Python SDK's own client (PyPI `mcp`) against `longshore serve`, in both eras.

usage: mcp_sdk.py LONGSHORE PROJECT

It does not know the Tasks extension, so a job tool answers with the result or, after a while, with a handle.
"""

import base64
import csv
import hashlib
import io
from typing import Any

from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, Implementation, ResourceLink

from checks import BRANCHES, INVOICES, TERMINAL, TOOLS, arguments, check, check_error, check_status, run, step

ERAS = {"auto": "2026-07-28", "legacy": "2025-11-25"}


async def ended(client: Client, result: CallToolResult) -> tuple[dict[str, Any], CallToolResult]:
    """The status of a job once it has ended, with the answer that held it, as an agent would get there."""
    check(not result.is_error, "the call is no error", result)
    status = check_status(result.structured_content)
    while status["status"] not in TERMINAL:
        wait = {"job_id": status["job_id"], "wait_seconds": 20}
        result = await client.call_tool("check_job_status", wait)
        status = check_status(result.structured_content)
    return status, result


async def read(client: Client, uri: str) -> bytes:
    """All bytes of a resource."""
    contents = (await client.read_resource(uri)).contents
    check(len(contents) == 1, "an artifact is one resource", contents)
    content = contents[0]
    return content.text.encode() if hasattr(content, "text") else base64.b64decode(content.blob)


NAMED = Implementation(name="longshore-checks", version="1")


async def tools(client: Client) -> None:
    listed = (await client.list_tools()).tools
    names = [tool.name for tool in listed]
    check(set(TOOLS) <= set(names), f"the tools are offered: {TOOLS}", names)
    check(names == [tool.name for tool in (await client.list_tools()).tools], "the order is always the same", names)
    for tool in listed:
        check(tool.description, f"{tool.name} has a description")
        check(tool.input_schema.get("type") == "object", f"{tool.name} has a schema", tool.input_schema)
    step(f"{len(names)} tools, each with description and schema")


async def artifact(client: Client) -> None:
    result = await client.call_tool("export", {"table": "branches", "format": "csv"})
    status, result = await ended(client, result)
    check(status["status"] == "completed", "the export completes", status)
    check(status["records_processed"] == BRANCHES, "it has every branch", status)
    links = [block for block in result.content if isinstance(block, ResourceLink)]
    check(len(links) == 1, "the file is linked", result.content)
    data = await read(client, str(links[0].uri))
    recorded = status["artifacts"][0]
    check(len(data) == recorded["bytes"], "the resource has the recorded size", len(data))
    check(hashlib.sha256(data).hexdigest() == recorded["sha256"], "the resource has the recorded digest")
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    check(len(rows) == BRANCHES + 1, "a header and every branch", rows)
    listed = (await client.list_resources()).resources
    check(any(str(r.uri) == str(links[0].uri) for r in listed), "the artifact is listed as a resource")
    step("an artifact can be read as a resource and has the recorded digest")


async def progress(client: Client) -> None:
    told: list[tuple[float, float | None]] = []

    async def on_progress(done: float, total: float | None, _message: str | None) -> None:
        told.append((done, total))

    payload = {"city": "Delhi", "month": "2026-03"}
    result = await client.call_tool("bulk_invoice", payload, progress_callback=on_progress)
    status, _ = await ended(client, result)
    check(status["status"] == "completed", "the invoices are made", status)
    check(status["records_processed"] == INVOICES, f"there are {INVOICES}", status)
    check(status.get("progress", {}).get("percent", 100) == 100, "it ends at 100 per cent", status)
    done = [step[0] for step in told]
    check(told, "progress was reported for the token that the client sent")
    check(all(a < b for a, b in zip(done, done[1:])), "progress only grows", done)
    check(all(total is None or count <= total for count, total in told), "and stays under the total", told)
    step(f"{INVOICES} invoices, with {len(told)} reports of progress on the way")


async def queue(client: Client) -> None:
    result = await client.call_tool("enqueue_job", {"job_type": "notifications", "payload": {}})
    first = check_status(result.structured_content)
    status, _ = await ended(client, result)
    check(status["job_id"] == first["job_id"], "it is the same job", status)
    check(status["status"] == "completed", "the notifications are sent", status)

    result = await client.call_tool(
        "enqueue_job", {"job_type": "export", "payload": {"table": "orders"}, "delay_seconds": 600}
    )
    delayed = check_status(result.structured_content)
    check(delayed["status"] == "scheduled", "a delayed job is scheduled", delayed)
    result = await client.call_tool("cancel_job", {"job_id": delayed["job_id"]})
    check(not result.is_error, "a delayed job can be cancelled", result)
    cancelled, _ = await ended(client, result)
    check(cancelled["status"] == "cancelled", "and is", cancelled)

    listed = (await client.call_tool("list_jobs", {})).structured_content
    check(first["job_id"] in str(listed), "jobs are listed", listed)
    types = str((await client.call_tool("list_job_types", {})).structured_content)
    check(all(name in types for name in ("export", "bulk_invoice", "notifications")), "so are job types", types)
    step("enqueue, wait, cancel, list")


async def mistakes(client: Client) -> None:
    calls: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
        ("export", {"table": 5}, ("invalid_input",)),
        ("export", {}, ("invalid_input",)),
        ("export", {"table": "orders", "no_such_field": 1}, ("invalid_input",)),
        ("enqueue_job", {"job_type": "export", "payload": {"table": 5}}, ("invalid_input",)),
        ("enqueue_job", {"job_type": "no_such_type", "payload": {}}, ()),
        ("check_job_status", {"job_id": "00000000-0000-4000-8000-000000000000"}, ()),
        ("check_job_status", {"job_id": "not an id"}, ()),
    ]
    for name, payload, codes in calls:
        result = await client.call_tool(name, payload)
        check(result.is_error, f"{name} {payload} is an error of the tool", result)
        check_error(result.structured_content, *codes)
    # This one only the job itself can find out.
    result = await client.call_tool("export", {"table": "no_such_table"})
    status = result.structured_content
    if not result.is_error:
        status, _ = await ended(client, result)
    check("orders" in str(check_error(status, "invalid_input")), "a wrong table names those that exist", status)
    step("mistakes are told as structured errors of the tool, never as errors of the protocol")


async def main() -> None:
    longshore, project = arguments()
    for mode, version in ERAS.items():
        print(f"mcp SDK, mode {mode}", flush=True)
        server = StdioServerParameters(command=longshore, args=["serve"], cwd=project)
        # A legacy client that gives no name gets no links: AutoGen, which gives none, fails a call over one.
        async with Client(server, mode=mode, read_timeout_seconds=120, client_info=NAMED) as client:
            check(client.protocol_version == version, f"the era is {version}", client.protocol_version)
            for part in (tools, artifact, progress, queue, mistakes):
                await part(client)


if __name__ == "__main__":
    run(main())

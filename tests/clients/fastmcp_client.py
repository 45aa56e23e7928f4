#!/usr/bin/env python3
"""FastMCP with its implementation of the Tasks extension (2026-07-28) against `longshore serve`.

usage: fastmcp_client.py LONGSHORE PROJECT

Not named after the package `fastmcp_tasks`, which it would hide.
"""

import asyncio
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError
from fastmcp_tasks import call_tool_task
from fastmcp_tasks.client_models import ClientGetTaskResult, GetTaskRequest, GetTaskRequestParams
from mcp.shared.exceptions import MCPError

from checks import BRANCHES, INVOICES, arguments, check, check_status, run, step

DELHI = {"city": "Delhi", "month": "2026-03"}
INVALID_PARAMS = -32602


def connect(longshore: str, project: str) -> Client:
    """A client with a server process of its own, which ends when the client leaves."""
    return Client(StdioTransport(longshore, ["serve"], cwd=project, keep_alive=False), timeout=120)


async def get(client: Client, task_id: str) -> ClientGetTaskResult:
    """`tasks/get` of any id."""
    request = GetTaskRequest(params=GetTaskRequestParams(task_id=task_id))
    return await client.session.send_request(request, ClientGetTaskResult)


async def wait(client: Client, task_id: str, seconds: float = 120) -> ClientGetTaskResult:
    """Polls as often as the server advises, until the task has ended."""
    async with asyncio.timeout(seconds):
        while True:
            task = await get(client, task_id)
            if task.status in ("completed", "failed", "cancelled"):
                return task
            check(task.poll_interval_ms is None or task.poll_interval_ms >= 100, "it advises no storm", task)
            await asyncio.sleep(0.1)


async def transparent(client: Client) -> None:
    result = await client.call_tool("export", {"table": "branches", "format": "jsonl"})
    status = check_status(result.structured_content)
    check(status["status"] == "completed", "an ordinary call ends with the job's result", status)
    check(status["records_processed"] == BRANCHES, "it has every branch", status)
    step("a task behind an ordinary call")


async def handle(client: Client) -> None:
    task = await call_tool_task(client, "bulk_invoice", DELHI)
    created = task.create_result
    check(created.created_at and created.last_updated_at, "a handle has its times", created)
    check(created.status == "working", "a new task is working", created)
    check(len(task.task_id) >= 22, "an id cannot be guessed", task.task_id)
    first = await task.status()
    check(first.status in ("working", "completed"), "it works on", first)
    done = await task.wait(timeout=120)
    check(done.status == "completed" and done.result, "a completed task has its result", done)
    check(done.error is None and done.input_requests is None, "and nothing else", done)
    status = check_status((await task.result()).structured_content)
    check(status["records_processed"] == INVOICES, f"there are {INVOICES} invoices", status)
    step("a handle, polled to the result")


async def cancel(client: Client) -> None:
    task = await call_tool_task(client, "bulk_invoice", {"city": "Mumbai", "month": "2025-10"})
    await task.cancel()
    done = await task.wait(timeout=60)
    check(done.status in ("cancelled", "completed"), "a cancelled task ends", done)
    await task.cancel()
    check((await task.status()).status == done.status, "cancelling again changes nothing", done)
    step(f"cancel (the task ended as {done.status})")


async def errors(client: Client) -> None:
    for payload in ({"table": 5}, {"table": "no_such_table"}):
        result = await client.call_tool("export", payload, raise_on_error=False)
        check(result.is_error, f"{payload} is an error of the tool", result)
        check("invalid_input" in str(result.structured_content), "with its code", result)
        try:
            await client.call_tool("export", payload)
            check(False, "FastMCP raises the tool's error")
        except ToolError:
            pass
    for unknown in ("00000000-0000-4000-8000-000000000000", "not an id"):
        try:
            await get(client, unknown)
            check(False, "an unknown task is an error")
        except MCPError as error:
            check(error.code == INVALID_PARAMS, "an unknown task is -32602", error.code)
    step("a failed job is a completed task with an error; an unknown task is -32602")


async def restart(longshore: str, project: str) -> None:
    async with connect(longshore, project) as client:
        task_id = (await call_tool_task(client, "bulk_invoice", {"city": "Delhi", "month": "2026-02"})).task_id
    # The server has ended with its client, perhaps in the middle of the job.
    async with connect(longshore, project) as client:
        task = await wait(client, task_id)
        check(task.status == "completed", "the task outlives its server", task)
        result: dict[str, Any] = task.result or {}
        check_status(result.get("structuredContent"))
    step("a task is found and finished after a restart")


async def main() -> None:
    longshore, project = arguments()
    print("FastMCP with tasks", flush=True)
    async with connect(longshore, project) as client:
        for part in (transparent, handle, cancel, errors):
            await part(client)
    await restart(longshore, project)


if __name__ == "__main__":
    run(main())

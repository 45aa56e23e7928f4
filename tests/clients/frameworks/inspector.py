"""npm `@modelcontextprotocol/inspector`, its command line: a server for each call. INSPECTOR is the command."""

import asyncio
import json
import os
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from checks import check
from frameworks import Tool, body

TIMEOUT = None
PROCESS_PER_CALL = True
LOSES: frozenset[str] = frozenset()


@asynccontextmanager
async def connect(longshore: str, project: str) -> AsyncIterator[dict[str, Tool]]:
    async def inspect(*words: str) -> dict[str, Any]:
        command = [
            *shlex.split(os.environ.get("INSPECTOR", "npx mcp-inspector")),
            *("--cli", "--format", "json", "--quiet", "--cwd", project),
            *words,
            *(longshore, "serve"),
        ]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        # 5 is the error of a tool.
        check(process.returncode in (0, 5), "the Inspector gets an answer", output)
        return json.loads(output)["result"]

    def adapt(tool: dict[str, Any]) -> Tool:
        async def call(arguments: dict[str, Any]) -> dict[str, Any]:
            words = ("--tool-name", tool["name"], "--tool-args-json", json.dumps(arguments))
            answer = await inspect("--method", "tools/call", *words)
            return body(answer["content"][0]["text"])

        return Tool(tool["description"], tool["inputSchema"], call)

    listed = await inspect("--method", "tools/list")
    yield {tool["name"]: adapt(tool) for tool in listed["tools"]}

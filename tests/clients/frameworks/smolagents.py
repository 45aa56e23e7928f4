"""PyPI `smolagents` with `mcpadapt`: a server for as long as the collection is open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import smolagents
from mcp import StdioServerParameters
from smolagents.models import get_tool_json_schema

from frameworks import Tool, body

TIMEOUT = None
PROCESS_PER_CALL = False
# It takes a field for required unless it says `nullable`, which is no keyword of JSON Schema.
LOSES = frozenset({"optional"})


@asynccontextmanager
async def connect(longshore: str, project: str) -> AsyncIterator[dict[str, Tool]]:
    server = StdioServerParameters(command=longshore, args=["serve"], cwd=project)
    collection = smolagents.ToolCollection.from_mcp(server, trust_remote_code=True, structured_output=False)
    # It has threads and an event loop of its own.
    opened = await asyncio.to_thread(collection.__enter__)
    try:
        yield {tool.name: adapt(tool) for tool in opened.tools}
    finally:
        await asyncio.to_thread(collection.__exit__, None, None, None)


def adapt(tool: smolagents.Tool) -> Tool:
    async def call(arguments: dict[str, Any]) -> dict[str, Any]:
        return body(await asyncio.to_thread(tool, **arguments))

    shown = get_tool_json_schema(tool)["function"]
    return Tool(shown["description"], shown["parameters"], call)

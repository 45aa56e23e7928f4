"""PyPI `autogen-ext`, tools without a workbench: a Pydantic model of each schema, a server and 5 seconds for each call."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from autogen_core import CancellationToken
from autogen_ext.tools.mcp import StdioMcpToolAdapter, StdioServerParams, mcp_server_tools
from pydantic import ValidationError

from frameworks import Tool, body

TIMEOUT = 5.0
PROCESS_PER_CALL = True
# It reads arrays of anything but one plain type as arrays of texts, and unions of structures as empty ones.
LOSES = frozenset({"items", "arms", "maps"})


@asynccontextmanager
async def connect(longshore: str, project: str) -> AsyncIterator[dict[str, Tool]]:
    server = StdioServerParams(command=longshore, args=["serve"], cwd=project)
    yield {tool.name: adapt(tool) for tool in await mcp_server_tools(server)}


def adapt(tool: StdioMcpToolAdapter) -> Tool:
    async def call(arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            blocks = await tool.run_json(arguments, CancellationToken())
            return body(blocks[0].text)
        except (ValidationError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - it raises a tool's error as the JSON of its blocks
            return body(json.loads(str(error))[0]["text"])

    return Tool(tool.description, dict(tool.schema["parameters"]), call)

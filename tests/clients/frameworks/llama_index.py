"""PyPI `llama-index-tools-mcp`: a Pydantic model of each schema, and a server for each call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from llama_index.core.tools import FunctionTool
from llama_index.tools.mcp import BasicMCPClient, McpToolSpec

from frameworks import Tool, body

TIMEOUT = 30.0
PROCESS_PER_CALL = True
# What is inside of a structure; it takes one for a map.
LOSES = frozenset({"nested", "arms"})


@asynccontextmanager
async def connect(longshore: str, project: str) -> AsyncIterator[dict[str, Tool]]:
    # It has no working directory for a server.
    client = BasicMCPClient(longshore, args=["--project", project, "serve"])
    tools = await McpToolSpec(client).to_tool_list_async()
    yield {tool.metadata.get_name(): adapt(tool) for tool in tools}


def adapt(tool: FunctionTool) -> Tool:
    async def call(arguments: dict[str, Any]) -> dict[str, Any]:
        output = await tool.acall(**arguments)
        return body(output.raw_output.content[0].text)

    return Tool(tool.metadata.description, tool.metadata.get_parameters_dict(), call)

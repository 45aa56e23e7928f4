"""PyPI `langchain-mcp-adapters`. Without a session, which is its default, each call starts a server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_mcp_adapters.client import MultiServerMCPClient

from frameworks import Tool, body

TIMEOUT = None
PROCESS_PER_CALL = True
LOSES: frozenset[str] = frozenset()


@asynccontextmanager
async def connect(longshore: str, project: str) -> AsyncIterator[dict[str, Tool]]:
    server = {"transport": "stdio", "command": longshore, "args": ["serve"], "cwd": project}
    yield {tool.name: adapt(tool) for tool in await MultiServerMCPClient({"longshore": server}).get_tools()}


def adapt(tool: BaseTool) -> Tool:
    async def call(arguments: dict[str, Any]) -> dict[str, Any]:
        request = {"type": "tool_call", "id": "call", "name": tool.name, "args": arguments}
        message = await tool.ainvoke(request)
        return body(message.content[0]["text"])

    # What chat models that are bound to the tool send.
    shown = convert_to_openai_tool(tool)["function"]
    return Tool(shown["description"], shown["parameters"], call)

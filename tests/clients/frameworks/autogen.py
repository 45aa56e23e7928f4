"""PyPI `autogen-ext` with a workbench: a server for as long as it is open, and 5 seconds for a call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from autogen_core.tools import ToolSchema
from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams

from checks import Failed
from frameworks import Tool, body

TIMEOUT = 5.0
PROCESS_PER_CALL = False
LOSES: frozenset[str] = frozenset()


@asynccontextmanager
async def connect(longshore: str, project: str) -> AsyncIterator[dict[str, Tool]]:
    server = StdioServerParams(command=longshore, args=["serve"], cwd=project)
    async with McpWorkbench(server) as workbench:
        yield {tool["name"]: adapt(tool, workbench) for tool in await workbench.list_tools()}


def adapt(tool: ToolSchema, workbench: McpWorkbench) -> Tool:
    async def call(arguments: dict[str, Any]) -> dict[str, Any]:
        answer = await workbench.call_tool(tool["name"], arguments)
        text = answer.result[0].content
        # It tells the model of its own timeout as of an error of the tool.
        if answer.is_error and not text.startswith("{"):
            raise Failed(f"AutoGen got no answer from {tool['name']}: {text}")
        return body(text)

    return Tool(tool.get("description", ""), dict(tool["parameters"]), call)

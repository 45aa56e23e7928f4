"""PyPI `google-genai`: the conversion and the calls of a session that is given to a model as a tool."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from google.genai._adapters import McpToGenAiToolAdapter
from google.genai.types import FunctionCall, FunctionDeclaration
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from frameworks import Tool, body

TIMEOUT = None
PROCESS_PER_CALL = False
# Its `Schema` has no place for what maps hold.
LOSES = frozenset({"maps"})


@asynccontextmanager
async def connect(longshore: str, project: str) -> AsyncIterator[dict[str, Tool]]:
    server = StdioServerParameters(command=longshore, args=["serve"], cwd=project)
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        adapter = McpToGenAiToolAdapter(session, await session.list_tools())
        declared = [function for tool in adapter.tools for function in tool.function_declarations or []]
        yield {function.name or "": adapt(function, adapter) for function in declared}


def adapt(function: FunctionDeclaration, adapter: McpToGenAiToolAdapter) -> Tool:
    async def call(arguments: dict[str, Any]) -> dict[str, Any]:
        answer = await adapter.call_tool(FunctionCall(name=function.name, args=arguments))
        return body(answer.content[0].text)

    parameters = function.parameters
    # Through JSON, as it is sent.
    shown = json.loads(parameters.model_dump_json(exclude_none=True, by_alias=True)) if parameters else {}
    return Tool(function.description or "", shown, call)

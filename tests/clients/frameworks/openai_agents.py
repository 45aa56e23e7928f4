"""PyPI `openai-agents`: a server for as long as the agent lives, and 5 seconds for a call.

The schemas are those of strict mode where a tool can have one: strict mode has no open objects.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agents import Agent, FunctionTool
from agents.mcp import MCPServerStdio, MCPUtil
from agents.tool_context import ToolContext
from mcp.types import Tool as McpTool

from checks import check
from frameworks import Tool, body
from kept import is_closed

TIMEOUT = 5.0
PROCESS_PER_CALL = False
# Strict mode makes every field required.
LOSES = frozenset({"optional"})


@asynccontextmanager
async def connect(longshore: str, project: str) -> AsyncIterator[dict[str, Tool]]:
    # The error of a call is raised, not turned into a text that apologizes.
    server = MCPServerStdio(
        params={"command": longshore, "args": ["serve"], "cwd": project}, failure_error_function=None
    )
    async with server:
        yield {tool.name: adapt(tool, server) for tool in await server.list_tools(None, Agent(name="test"))}


def adapt(tool: McpTool, server: MCPServerStdio) -> Tool:
    strict = MCPUtil.to_function_tool(tool, server, convert_schemas_to_strict=True)
    # A schema that cannot be made strict is taken as it is, without a word.
    check(
        strict.strict_json_schema or not is_closed(tool.inputSchema),
        f"openai-agents makes the schema of {tool.name} strict",
        tool.inputSchema,
    )
    plain: FunctionTool = MCPUtil.to_function_tool(tool, server, convert_schemas_to_strict=False)
    check(plain.params_json_schema["type"] == "object", "a schema that is not strict is that of an object")

    async def call(arguments: dict[str, Any]) -> dict[str, Any]:
        text = json.dumps(arguments)
        context = ToolContext(None, tool_name=tool.name, tool_call_id="call", tool_arguments=text)
        output = await strict.on_invoke_tool(context, text)
        blocks = output if isinstance(output, list) else [output]
        return body(next(block["text"] for block in blocks if block["type"] == "text"))

    return Tool(strict.description, strict.params_json_schema, call)

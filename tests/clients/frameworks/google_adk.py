"""PyPI `google-adk`: a server for as long as the toolset lives, and 5 seconds for a call."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from google.adk.agents import Agent
from google.adk.agents.invocation_context import InvocationContext
from google.adk.sessions import InMemorySessionService
from google.adk.tools.mcp_tool import McpTool, McpToolset, StdioConnectionParams
from google.adk.tools.tool_context import ToolContext
from mcp import StdioServerParameters

from checks import Failed
from frameworks import Tool, body

TIMEOUT = 5.0
PROCESS_PER_CALL = False
LOSES: frozenset[str] = frozenset()


@asynccontextmanager
async def connect(longshore: str, project: str) -> AsyncIterator[dict[str, Tool]]:
    server = StdioServerParameters(command=longshore, args=["serve"], cwd=project)
    toolset = McpToolset(connection_params=StdioConnectionParams(server_params=server))
    sessions = InMemorySessionService()
    session = await sessions.create_session(app_name="test", user_id="test")
    invocation = InvocationContext(
        session_service=sessions, invocation_id="test", agent=Agent(name="test"), session=session
    )
    try:
        yield {tool.name: adapt(tool, ToolContext(invocation)) for tool in await toolset.get_tools()}
    finally:
        await toolset.close()


def adapt(tool: McpTool, context: ToolContext) -> Tool:
    async def call(arguments: dict[str, Any]) -> dict[str, Any]:
        answer = await tool.run_async(args=arguments, tool_context=context)
        if "content" not in answer:
            # It tells the model of its own timeout so.
            raise Failed(f"google-adk got no answer from {tool.name}: {answer}")
        return body(answer["content"][0]["text"])

    declaration = tool._get_declaration()  # noqa: SLF001 - what it adds to a request to the model
    return Tool(declaration.description or "", declaration.parameters_json_schema, call)

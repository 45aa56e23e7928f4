"""Agent frameworks that others wrote, each used as its documentation says and with its defaults.

Each module connects one framework to `longshore serve` and returns the server's tools as `Tool`: the schema that the model
is shown, and a call that returns what the model is shown. A module is imported only where its framework is installed.

    TIMEOUT            seconds after which the framework gives up on a call; None if it waits longer than a minute
    PROCESS_PER_CALL   whether it starts a server for each call and closes it after the answer
    LOSES              what its own conversion drops, whatever the schema (see `kept.py`)
"""

import importlib
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

from checks import check

# Each by the environment that it is installed in.
NAMES = {
    "agents": (
        "autogen",
        "autogen_tools",
        "google_genai",
        "inspector",
        "langchain",
        "openai_agents",
        "smolagents",
    ),
    "agents_mcp2": ("google_adk", "llama_index"),
}


@dataclass(frozen=True)
class Tool:
    """A tool as the framework offers it to a model."""

    description: str
    # JSON Schema of the arguments.
    shown: dict[str, Any]
    # Arguments to the body of the answer; a tool's error is a body with `error`. A timeout of the framework is raised.
    call: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Framework(Protocol):
    """What a module of this package has."""

    TIMEOUT: float | None
    PROCESS_PER_CALL: bool
    LOSES: frozenset[str]

    @staticmethod
    def connect(longshore: str, project: str) -> AbstractAsyncContextManager[dict[str, Tool]]:
        """The tools by name, for as long as the connection is open."""


def load(name: str) -> Framework:
    """The module of a framework."""
    module: ModuleType | Framework = importlib.import_module(f"{__name__}.{name}")
    return module  # type: ignore[return-value]


def body(text: str) -> dict[str, Any]:
    """The body of an answer from its text, which is all that most frameworks show a model."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    check(isinstance(value, dict), "the text of an answer is a JSON object", text)
    return value

"""The rules that VS Code publishes for tools of MCP servers, in our own words. It runs with a window only, so its rules are
restated here, from `microsoft/vscode` (`mcpServer.ts`) and `microsoft/vscode-copilot-chat` (`toolSchemaNormalizer.ts`).
"""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft7Validator

# Descriptions of fields are cut there for some models.
DESCRIPTION_MAX = 1024
NAME_MAX = 64
# Dropped from the root, since no model takes them there.
ROOT_DROPPED = ("oneOf", "anyOf", "allOf", "not", "if", "then", "else")
# Where it looks for schemas within a schema. References are not followed.
WITHIN_ONE = ("additionalProperties", "not", "if", "then", "else", "contains")
WITHIN_MANY = ("anyOf", "allOf", "oneOf")
WITHIN_NAMED = ("properties", "patternProperties", "dependencies")


def problems(tool: dict[str, Any]) -> list[str]:
    """Why VS Code would leave the tool out, fail a request that has it, or change what it says."""
    return list(_problems(tool))


def _problems(tool: dict[str, Any]) -> Iterator[str]:
    name, schema = tool["name"], tool["inputSchema"]
    if len(name) > NAME_MAX or not all(letter.isalnum() or letter in "_-" for letter in name):
        yield f"the name {name} is changed"
    if not tool.get("description"):
        yield "a tool without a description gets an empty one"
    # The tool is left out, with a warning.
    for error in Draft7Validator(Draft7Validator.META_SCHEMA).iter_errors(schema):
        yield f"the schema is none of draft 7: {error.json_path}: {error.message}"
    if not isinstance(schema, dict) or schema.get("type") != "object":
        yield "a schema whose root is no object is replaced by one without fields"
        return
    for keyword in ROOT_DROPPED:
        if keyword in schema:
            yield f"{keyword} is dropped from the root"
    for at, inner in _schemas(schema, ""):
        # Fails the whole request, whichever tool the model would have called.
        if inner.get("type") == "array" and not (inner.get("items") or inner.get("items") == {}):
            yield f"{at}: an array has to have items"
        if isinstance(inner.get("items"), list):
            yield f"{at}: items as an array becomes a union"
        if len(inner.get("description", "")) > DESCRIPTION_MAX:
            yield f"{at}: the description is cut after {DESCRIPTION_MAX} characters"
        unknown = set(inner.get("required", [])) - set(inner.get("properties", {}))
        if inner.get("type") == "object" and "properties" in inner and unknown:
            yield f"{at}: {sorted(unknown)} are required and no fields"


def _schemas(schema: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schema and all within it, each with its place."""
    if not isinstance(schema, dict):
        return
    yield at or "/", schema
    items = schema.get("items")
    for number, inner in enumerate(items if isinstance(items, list) else [items]):
        yield from _schemas(inner, f"{at}/items/{number}" if isinstance(items, list) else f"{at}/items")
    for keyword in WITHIN_ONE:
        yield from _schemas(schema.get(keyword), f"{at}/{keyword}")
    for keyword in WITHIN_MANY:
        for number, inner in enumerate(schema.get(keyword) or []):
            yield from _schemas(inner, f"{at}/{keyword}/{number}")
    for keyword in WITHIN_NAMED:
        for name, inner in (schema.get(keyword) or {}).items():
            yield from _schemas(inner, f"{at}/{keyword}/{name}")

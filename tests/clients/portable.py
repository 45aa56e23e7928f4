"""Rules for a tool's schema that every client reads. Each has a client that fails without it, and most of those then lose
the whole list of tools, not only the one."""

from collections.abc import Iterator
from typing import Any

TYPES = {"array", "boolean", "integer", "number", "object", "string"}
# What AutoGen turns into a type that takes what the host takes. One that it does not know ends the conversion.
FORMATS = {"date", "date-time"}
# Read by nobody, or by some only.
UNREAD = {
    "$schema": "tokens without use",
    "$id": "tokens without use",
    "$comment": "tokens without use",
    "$defs": "smolagents, google-genai and llama-index resolve references each in their way",
    "definitions": "AutoGen and google-genai know $defs only",
    "$ref": "llama-index reads a reference to an enumeration as a structure",
    "allOf": "google-genai and llama-index drop it",
    "oneOf": "google-genai, llama-index and OpenAI's strict mode have no oneOf",
    "const": "google-genai drops it, AutoGen wants a type",
    "not": "VS Code and most models drop it",
    "if": "VS Code and most models drop it",
    "prefixItems": "clients of draft 7 drop it",
    "patternProperties": "most drop it",
}


def breaches(tool: dict[str, Any]) -> list[str]:
    """Where the schema of a listed tool breaks a rule."""
    schema = tool["inputSchema"]
    found = list(_breaches(schema, ""))
    if not isinstance(schema, dict) or schema.get("type") != "object":
        found.append("the root is no object")
    elif not isinstance(schema.get("properties"), dict):
        found.append("the root has no properties: smolagents fails on it")
    elif "anyOf" in schema:
        found.append("the root has anyOf: VS Code drops it, strict mode refuses it")
    return found


def _breaches(schema: Any, at: str) -> Iterator[str]:
    here = at or "the root"
    if not isinstance(schema, dict):
        yield f"{here} is {schema}, a boolean schema: google-genai and AutoGen fail on it"
        return
    for keyword in sorted(UNREAD.keys() & schema.keys()):
        yield f"{here} has {keyword}: {UNREAD[keyword]}"
    if isinstance(schema.get("title"), str):
        yield f"{here} has a title: tokens without use"
    kind = schema.get("type")
    if kind is None and not {"enum", "anyOf"} & schema.keys() and not at.endswith("/items"):
        yield f"{here} has no type: AutoGen fails on it"
    if kind not in (None, "null") and (not isinstance(kind, str) or kind not in TYPES):
        yield f"{here} has the type {kind}: AutoGen fails on arrays of types"
    if kind == "array" and "items" not in schema:
        yield f"{here} is an array without items: VS Code and OpenAI fail on it"
    if schema.get("format") not in {None, *FORMATS}:
        yield f"{here} has the format {schema['format']}: AutoGen fails on it, or takes less than the host"
    if "enum" in schema and (not schema["enum"] or None in schema["enum"]):
        yield f"{here} has the values {schema['enum']}: null is no value to choose, and there has to be one"
    if isinstance(schema.get("additionalProperties"), bool):
        yield f"{here} has additionalProperties as a boolean: google-genai fails on it"
    if at and schema.get("properties") == {}:
        yield f"{here} has empty properties: AutoGen drops whatever is in it"
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield from _breaches(schema[keyword], f"{at}/{keyword}") if schema[keyword] else ()
    for number, arm in enumerate(schema.get("anyOf", [])):
        yield from _breaches(arm, f"{at}/anyOf/{number}")
        # What an array holds may be null; a field that is null may as well be absent.
        if isinstance(arm, dict) and arm.get("type") == "null" and not at.endswith("/items"):
            yield f"{here} is a union with null: an optional field is its plain type"
    for name, field in (schema.get("properties") or {}).items():
        yield from _breaches(field, f"{at}/properties/{name}")

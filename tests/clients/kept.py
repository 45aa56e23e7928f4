"""Whether a framework's conversion keeps what a model needs of a schema: fields, types, descriptions, the values of an
enumeration, what is required, and what arrays and structures hold.

A framework declares in `LOSES` what its own conversion drops, whatever the schema:

    arms        which structures a union is of
    items       what arrays hold
    maps        what a map holds
    nested      the fields of structures within structures
    optional    that a field may be left out
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def is_closed(schema: Any) -> bool:
    """Whether no object in the schema is open, which strict mode cannot express."""
    if isinstance(schema, list):
        return all(is_closed(inner) for inner in schema)
    if not isinstance(schema, dict):
        return True
    is_object = schema.get("type") == "object"
    if is_object and (not schema.get("properties") or schema.get("additionalProperties", False) is not False):
        return False
    names = schema.get("properties", {})
    inner = [schema.get(key) for key in ("items", "anyOf", "oneOf", "allOf")]
    return is_closed(list(names.values())) and is_closed(inner)


def lost(listed: Schema, shown: Schema, loses: frozenset[str]) -> list[str]:
    """What the listed schema says and the shown one does not, as lines."""
    return list(_lost(_plain(listed, listed), _plain(shown, shown), "", loses, shown))


def _lost(listed: Schema, shown: Schema, at: str, loses: frozenset[str], root: Schema) -> Iterator[str]:
    here = at or "the root"
    if listed.get("type") != shown.get("type") and "type" in listed and "enum" not in listed:
        yield f"{here}: the type {listed['type']} became {shown.get('type')}"
    missing = [value for value in listed.get("enum", []) if value not in shown.get("enum", [])]
    if missing:
        yield f"{here}: the values {missing} are gone"
    is_nested = at.count("/") > 1 and "nested" in loses
    if at and not is_nested and listed.get("description", "") not in shown.get("description", ""):
        yield f"{here}: the description became {shown.get('description')!r}"
    arms, shown_arms = listed.get("anyOf", []), shown.get("anyOf", [])
    types = {arm.get("type") for arm in arms}
    # Some write a union of plain types as an array of types.
    shown_types = {arm.get("type") for arm in shown_arms} | set(shown.get("types", []))
    if not types <= shown_types:
        yield f"{here}: a union of {types} became {shown_types or shown}"
    if listed.get("type") == "array" and "items" not in loses:
        items = listed.get("items", {})
        yield from _lost(_plain(items, listed), _plain(shown.get("items", {}), root), f"{at}/items", loses, root)
    values = listed.get("additionalProperties")
    if isinstance(values, dict) and values and "maps" not in loses:
        shown_values = _plain(shown.get("additionalProperties") or {}, root)
        yield from _lost(_plain(values, listed), shown_values, f"{at}/*", loses, root)
    if at and "nested" in loses:
        return
    fields, shown_fields = listed.get("properties", {}), shown.get("properties", {})
    for name, field in fields.items():
        if name not in shown_fields:
            yield f"{here}: the field {name} is gone"
            continue
        yield from _lost(_plain(field, listed), _plain(shown_fields[name], root), f"{at}/{name}", loses, root)
    if added := set(shown_fields) - set(fields):
        yield f"{here}: the fields {sorted(added)} are new"
    required, shown_required = set(listed.get("required", [])), set(shown.get("required", []))
    if required - shown_required:
        yield f"{here}: {sorted(required - shown_required)} are no longer required"
    if shown_required - required and "optional" not in loses:
        yield f"{here}: {sorted(shown_required - required)} became required"


def _plain(schema: Any, root: Schema) -> Schema:
    """The schema without the detours that frameworks make: references, unions with null, types in capitals."""
    if not isinstance(schema, dict):
        return {}
    schema = dict(schema)
    reference = schema.pop("$ref", None)
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        schema = _plain((root.get("$defs") or {}).get(name, {}), root) | schema
    arms = schema.pop("anyOf", None) or schema.pop("oneOf", None) or []
    arms = [_plain(arm, root) for arm in arms if arm.get("type") not in ("null", "NULL")]
    if len(arms) == 1:
        schema = arms[0] | schema
    elif arms:
        schema["anyOf"] = arms
    kind = schema.get("type")
    kinds = [kind] if isinstance(kind, str) else kind or []
    kinds = [kind.lower() for kind in kinds if kind.lower() != "null"]
    if len(kinds) == 1:
        schema["type"] = kinds[0]
    elif kinds:
        del schema["type"]
        schema["types"] = kinds
    if "const" in schema:
        schema["enum"] = [schema["const"]]
    if "enum" in schema:
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    return schema

"""A project of the guest `awkward`: one build of it, a job type for each schema of tests/guests/awkward/schemas.json."""

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from checks import check
from wire import Wire

MARK = b"awkward-shape:"
SHAPE_BYTES = 16_384
SCHEMAS = Path(__file__).resolve().parent.parent / "guests" / "awkward" / "schemas.json"
# How long so many components may take to compile on a busy machine.
PATIENCE = 180


def cases() -> list[dict[str, Any]]:
    """The schemas, each with what fits it and what does not."""
    return json.loads(SCHEMAS.read_text(encoding="utf-8"))


def project(longshore: str, folder: Path, component: Path, chosen: list[dict[str, Any]]) -> None:
    """Makes a project whose plugins are the guest in the shapes of those cases."""
    subprocess.run([longshore, "init", folder, "--no-sample"], check=True, stdout=subprocess.DEVNULL)
    plugins = folder / "plugins"
    shutil.rmtree(plugins)
    plugins.mkdir()
    for case in chosen:
        (plugins / f"{case['name']}.wasm").write_bytes(shaped(component.read_bytes(), case))


def shaped(component: bytes, case: dict[str, Any]) -> bytes:
    """The guest with that name and schema."""
    at = component.find(MARK)
    check(at >= 0, "the guest `awkward` has its mark")
    shape = MARK + f"{case['name']}\n{json.dumps(case['schema'])}".encode()
    check(len(shape) <= SHAPE_BYTES, f"the schema of {case['name']} fits into the guest", len(shape))
    return component[:at] + shape.ljust(SHAPE_BYTES) + component[at + SHAPE_BYTES :]


def loaded(longshore: str, folder: str, names: list[str]) -> list[dict[str, Any]]:
    """The tools as they are listed once the job types of those names are among them."""
    end = time.monotonic() + PATIENCE
    with Wire(longshore, folder) as wire:
        while True:
            tools = wire.tools()
            missing = set(names) - {tool["name"] for tool in tools}
            if not missing:
                return tools
            check(time.monotonic() < end, f"{sorted(missing)} are listed within {PATIENCE} s")
            time.sleep(0.2)

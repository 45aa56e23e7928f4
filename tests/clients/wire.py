"""JSON lines to a `longshore serve` and back: what is really on the wire, which clients' types hide."""

import json
import subprocess
from types import TracebackType
from typing import Any, Self


class Wire:
    """A server and its pipes, after a handshake of 2025-06-18, which is what most clients send."""

    def __init__(self, longshore: str, project: str) -> None:
        self.server = subprocess.Popen(
            [longshore, "serve"], cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.last_id = 0

    def __enter__(self) -> Self:
        client = {"name": "wire", "version": "1"}
        self.request("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client})
        self._send({"method": "notifications/initialized"})
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        # Waits for it, and kills it if this was interrupted.
        self.server.__exit__(_type, _error, _trace)

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The result of a request."""
        self.last_id += 1
        self._send({"id": self.last_id, "method": method, "params": params})
        assert self.server.stdout
        for line in self.server.stdout:
            message = json.loads(line)
            if message.get("id") == self.last_id:
                return message["result"]
        raise EOFError("the server ended")

    def tools(self) -> list[dict[str, Any]]:
        """The tools as they are listed."""
        return self.request("tools/list", {})["tools"]

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The body of a tool's answer."""
        return self.request("tools/call", {"name": tool, "arguments": arguments})["structuredContent"]

    def _send(self, message: dict[str, Any]) -> None:
        assert self.server.stdin
        self.server.stdin.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
        self.server.stdin.flush()

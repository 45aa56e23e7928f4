#!/usr/bin/env python3
"""Messages of the job type `notifications` on their way to receivers that others wrote: PyPI `aiosmtpd` takes the emails,
PyPI `standardwebhooks` verifies the webhooks.

usage: delivery.py LONGSHORE PROJECT

PROJECT is a fresh project of `longshore init`; its channels are pointed at servers of this script.
"""

import asyncio
import base64
import email
import email.policy
import json
import logging
import os
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from standardwebhooks import Webhook

from checks import arguments, check, run, step

USER, PASSWORD = "shop", "hunter2-and-more"
SECRET = "whsec_" + base64.b64encode(os.urandom(32)).decode()
# How long messages may take that are tried again after a second or two.
PATIENCE = 60


class Mail:
    """A mail server that is busy the first time it sees a message, and refuses one recipient for good."""

    def __init__(self) -> None:
        self.refused: str | None = None
        self.taken: list[tuple[str, email.message.EmailMessage]] = []
        self.tries: Counter[str] = Counter()

    async def handle_RCPT(self, _server: SMTP, session: Session, envelope: Envelope, to: str, _options: list) -> str:
        check(session.ssl is not None, "mail comes over TLS only")
        check(session.authenticated, "mail comes from a user only")
        self.refused = self.refused or to
        if to == self.refused:
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(to)
        return "250 ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        key = message["Message-ID"]
        self.tries[key] += 1
        if self.tries[key] == 1:
            return "451 4.3.0 come back later"
        self.taken.append((envelope.rcpt_tos[0], message))
        return "250 taken"


def authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good)


class Hooks(ThreadingHTTPServer):
    """A receiver of webhooks that is busy the first time it sees a message, and is never seen to take an unsigned one."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.tries: Counter[str] = Counter()
        self.taken: list[dict[str, Any]] = []
        self.problems: list[str] = []


class Hook(BaseHTTPRequestHandler):
    server: Hooks

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.headers["webhook-id"]
        try:
            message = Webhook(SECRET).verify(body, dict(self.headers))
        except Exception as problem:  # noqa: BLE001 - told at the end
            self.server.problems.append(repr(problem))
            self.answer(400)
            return
        self.server.tries[name] += 1
        if self.server.tries[name] == 1:
            self.answer(503, "Retry-After", "2")
            return
        self.server.taken.append({"webhook-id": name, **message})
        self.answer(204)

    def answer(self, status: int, *header: str) -> None:
        self.send_response(status)
        if header:
            self.send_header(*header)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Project:
    """A project and its binary."""

    def __init__(self, longshore: str, folder: str) -> None:
        self.longshore, self.folder = longshore, Path(folder)

    def command(self, *words: str) -> list[str]:
        return [self.longshore, *words, "--project", str(self.folder)]

    def json(self, *words: str) -> Any:
        done = subprocess.run(self.command(*words, "--json"), capture_output=True, text=True, timeout=300)
        check(done.returncode == 0, f"longshore {' '.join(words)} goes well", done.stderr)
        return json.loads(done.stdout)

    def messages(self, *options: str) -> list[dict[str, Any]]:
        return self.json("outbox", "list", "--limit", "1000", *options)["messages"]

    def settled(self) -> list[dict[str, Any]]:
        """All messages, once none is on its way any more."""
        begin = time.monotonic()
        while True:
            messages = self.messages()
            if not any(message["state"] == "pending" for message in messages):
                return messages
            check(time.monotonic() - begin < PATIENCE, f"every message is settled within {PATIENCE} s", messages)
            time.sleep(0.5)

    def settled_task(self, job_id: str) -> None:
        """Waits until the job has ended, which it should do well."""
        begin = time.monotonic()
        while (status := self.json("task", "show", job_id)["status"]) != "completed":
            check(time.monotonic() - begin < PATIENCE, f"the job completes within {PATIENCE} s", status)
            time.sleep(0.2)

    def configure(self, mail_port: int, hooks_port: int) -> None:
        (self.folder / "ca.pem").chmod(0o644)
        config = self.folder / "longshore.toml"
        text = config.read_text()
        spool = 'kind = "spool"\npath = "spool/email"\n'
        check(spool in text, "the sample project has a spool folder", text)
        smtp = f"""kind = "smtp"
host = "localhost"
port = {mail_port}
username = "{USER}"
password_file = "password"
from = "Shop <shop@example.com>"
ca_file = "ca.pem"
"""
        webhook = f"""
[channels.webhook]
kind = "webhook"
url = "https://localhost:{hooks_port}/hook?token=s3cret"
secret_env = "DELIVERY_SECRET"
body = "json"
allow_private = true
ca_file = "ca.pem"

[callbacks]
channel = "callbacks"

[channels.callbacks]
kind = "webhook"
allow_recipients = ["https://localhost:{hooks_port}/done/"]
secret_env = "DELIVERY_SECRET"
allow_private = true
ca_file = "ca.pem"
"""
        # Behind the tables that are there, each of which may go on with settings of its own.
        config.write_text(text.replace(spool, smtp) + webhook)
        (self.folder / "password").write_text(PASSWORD + "\n")
        policy = self.folder / "plugins" / "notifications.toml"
        text = policy.read_text()
        granted = 'outbox = ["email"]'
        check(granted in text, "the plugin is granted one channel", text)
        policy.write_text(text.replace(granted, 'outbox = ["email", "webhook"]'))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def send(project: Project, channel: str) -> int:
    """Runs the job, and says how many messages it sent."""
    status = project.json("run", "notifications", "--payload", json.dumps({"channel": channel}))
    check(status["status"] == "completed", "the job completes", status)
    count = status["result"]["messages"]
    check(count > 1, "it sends some messages", status)
    return count


def emails(project: Project, mail: Mail) -> None:
    count = send(project, "email")
    messages = project.settled()
    check(len(messages) == count, "every message is in the outbox", len(messages))
    dead = project.messages("--dead")
    check([message["recipient"] for message in dead] == [mail.refused], "the refused one is dead", dead)
    check("550" in dead[0]["last_error"] and dead[0]["tries"] == 1, "and says why", dead)
    check(len(mail.taken) == count - 1, "the others were taken once each", len(mail.taken))
    by_id = {f"<{message['message_id']}@example.com>": message for message in messages}
    for to, taken in mail.taken:
        message = by_id.pop(taken["Message-ID"])
        check(to == message["recipient"], "each to its recipient", to)
        check(taken["Subject"] == message["subject"], "with its subject", taken["Subject"])
        check(taken["From"] == "Shop <shop@example.com>", "from the shop", taken["From"])
        check(taken.get_content().strip(), "and a text", taken)
        check(message["tries"] == 2, "each was tried again after it was put off", message)
    step(f"{count - 1} emails over STARTTLS with a login, each once, after a first try that was put off")
    check(project.json("outbox", "retry", dead[0]["message_id"]) == {"resent": 1}, "the dead one can be sent again")
    check(project.settled() and len(project.messages("--dead")) == 1, "it is refused again")
    mail.refused = "nobody"
    check(project.json("outbox", "retry", "--all") == {"resent": 1}, "all dead ones can be sent again")
    project.settled()
    check(not project.messages("--dead") and len(mail.taken) == count, "now it was taken, too", len(mail.taken))
    check(mail.taken[-1][1]["Message-ID"] in by_id, "under the id it always had")
    step("a message that was refused for good is dead, is listed with the reason, and can be sent again")


def webhooks(project: Project, hooks: Hooks) -> None:
    count = send(project, "webhook")
    messages = [message for message in project.settled() if message["channel"] == "webhook"]
    check(not hooks.problems, "every signature is good", hooks.problems)
    check(len(messages) == count == len(hooks.taken), "every message was taken once", len(hooks.taken))
    ids = {message["message_id"] for message in messages}
    check({taken["webhook-id"] for taken in hooks.taken} == ids, "under its own id")
    check(all(taken["webhook-id"] == taken["id"] and taken["recipient"] for taken in hooks.taken), "as JSON")
    check(all(message["tries"] == 2 for message in messages), "each was tried again", messages)
    errors = " ".join(message["last_error"] for message in messages)
    check("503" in errors and "s3cret" not in errors, "the reason is told without the URL's secret", errors)
    step(f"{count} webhooks over TLS, each verified and taken once, after a first try that was put off")


class Agent:
    """As little of an MCP client as it takes to call a tool."""

    def __init__(self, project: Project) -> None:
        self.process = subprocess.Popen(
            project.command("serve"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.requests = 0
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "agent", "version": "1"}}
        self.request("initialize", about)
        self.write({"method": "notifications/initialized"})

    def write(self, message: dict[str, Any]) -> None:
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.requests += 1
        self.write({"id": self.requests, "method": method, "params": params})
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self.requests:
                return answer["result"]
        raise EOFError("the server has gone")

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return self.request("tools/call", {"name": tool, "arguments": arguments})["structuredContent"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=30)


def callbacks(project: Project, hooks: Hooks) -> None:
    hooks.taken.clear()
    agent = Agent(project)
    payload = {"table": "branches", "format": "csv"}
    where = f"https://localhost:{hooks.server_port}"
    refused = agent.call("enqueue_job", {"job_type": "export", "payload": payload, "callback_url": f"{where}/hook"})
    check(refused["error"]["code"] == "callback_not_allowed", "a URL that is not allowed is refused", refused)
    job = agent.call(
        "enqueue_job", {"job_type": "export", "payload": payload, "callback_url": f"{where}/done/7?token=s3cret"}
    )
    agent.close()
    project.settled_task(job["job_id"])
    project.settled()
    [event] = hooks.taken
    check(event["type"] == "job.completed" and event["data"]["job_id"] == job["job_id"], "the end is told", event)
    [artifact] = event["data"]["artifacts"]
    check(len(artifact["sha256"]) == 64 and event["data"]["records_processed"] > 0, "with what came of it", event)
    step("the end of a job is told at its callback URL, though the agent that asked has gone")


async def main() -> None:
    longshore, folder = arguments()
    project = Project(longshore, folder)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(project.folder / "ca.pem"))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    mail, hooks = Mail(), Hooks(tls)
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # It warns of its own old interface at each login.
    controller = Controller(
        mail,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=tls,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    controller.start()
    threading.Thread(target=hooks.serve_forever, daemon=True).start()
    project.configure(controller.port, hooks.server_port)
    os.environ["DELIVERY_SECRET"] = SECRET
    worker = subprocess.Popen(project.command("worker"), stderr=subprocess.PIPE, text=True)
    try:
        await asyncio.to_thread(emails, project, mail)
        await asyncio.to_thread(webhooks, project, hooks)
        await asyncio.to_thread(callbacks, project, hooks)
    finally:
        worker.terminate()
        log = worker.communicate(timeout=30)[1]
        hooks.shutdown()
        controller.stop()
    for secret in (PASSWORD, SECRET, base64.b64encode(PASSWORD.encode()).decode()):
        check(secret not in log, "no secret is in the log", log)
    step("no password and no secret is in the worker's log")


run(main())

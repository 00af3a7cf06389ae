"""Receivers on loopback. The SMTP server and the Bot API are stand-ins of our own, made for these tests; HTTP and SMTP are the real protocols."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Mailbox:
    """What a mail server took. `silent`: takes connections and says nothing; `drags`: says a letter now and then; `refuse`: recipients it does not know."""

    port: int = 0
    silent: bool = False
    drags: bool = False
    refuse: frozenset[str] = frozenset()
    mails: list[EmailMessage] = field(default_factory=list)
    connections: int = 0
    open: int = 0


@asynccontextmanager
async def mail_server(mailbox: Mailbox) -> AsyncIterator[Mailbox]:
    """RFC 5321, the part that a client needs: EHLO, MAIL, RCPT, DATA, RSET, QUIT."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mailbox.connections += 1
        mailbox.open += 1
        try:
            while mailbox.drags and not reader.at_eof():
                writer.write(b"2")
                await writer.drain()
                await asyncio.sleep(0.02)
            if mailbox.silent:
                await reader.read()
                return
            await _talk(mailbox, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            mailbox.open -= 1
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", mailbox.port)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()


async def _talk(mailbox: Mailbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    def say(line: str) -> None:
        writer.write(f"{line}\r\n".encode())

    say("220 test")
    while line := (await reader.readline()).decode().strip():
        verb = line.split(" ", 1)[0].split(":")[0].upper()
        if verb == "EHLO":
            say("250-test")
            say("250 8BITMIME")
        elif verb == "RCPT" and any(name in line for name in mailbox.refuse):
            say("550 no such mailbox")
        elif verb in {"MAIL", "RCPT", "RSET"}:
            say("250 ok")
        elif verb == "DATA":
            say("354 go on")
            raw = (await reader.readuntil(b"\r\n.\r\n"))[:-5].replace(b"\r\n..", b"\r\n.")
            mail = message_from_bytes(raw, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            mailbox.mails.append(mail)
            say("250 kept")
        elif verb == "QUIT":
            say("221 bye")
            return
        else:
            say("502 not known")


@dataclass
class Hook:
    """What an HTTP receiver got, and what it answers; `byte_s`: how long after each byte of it."""

    port: int = 0
    status: int = 200
    byte_s: float = 0.0
    refuses: bytes = b""  # bodies with this in them get 500
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, object] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def json(self, index: int = -1) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.requests[index][2])
        return found


@asynccontextmanager
async def http_receiver(hook: Hook) -> AsyncIterator[Hook]:
    """HTTP/1.1, one request a connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        hook.requests.append((first, headers, body))
        answer = json.dumps(hook.body).encode()
        status = 500 if hook.refuses and hook.refuses in body else hook.status
        more = "".join(f"{name}: {value}\r\n" for name, value in hook.headers.items())
        said = f"HTTP/1.1 {status} x\r\n{more}Content-Length: {len(answer)}\r\n\r\n".encode() + answer
        with suppress(ConnectionError):
            for at in range(len(said)) if hook.byte_s else ():
                writer.write(said[at : at + 1])
                await writer.drain()
                await asyncio.sleep(hook.byte_s)
            writer.write(b"" if hook.byte_s else said)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    hook.port = server.sockets[0].getsockname()[1]
    try:
        yield hook
    finally:
        server.close()

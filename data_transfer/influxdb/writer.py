"""Writes parcels to InfluxDB 1.x, 2.x, 3.x or VictoriaMetrics, points refused for good singled out.

Times go in microseconds everywhere (VictoriaMetrics keeps milliseconds). A write that was cut off is sent again with the very
same lines: every point has one identity, so that nothing is there twice.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from data_transfer.destination import Directory
from data_transfer.influxdb.answers import Next, Verdict, judge, suspects
from data_transfer.influxdb.lines import Encoder, Line
from data_transfer.targets import OwnPorts, judged_addresses
from domain.feed import DestinationAway, Parcel, Refused

log = logging.getLogger(__name__)

LINES_AT_ONCE = 5_000
LONGEST_ANSWER = 64 * 1024
CONNECT_S, ANSWER_S = 10.0, 30.0
_MARKUP = re.compile(r"<[^>]*>?")  # of a page that something else than InfluxDB answers


@dataclass(frozen=True, slots=True)
class InfluxOptions:
    """`version`: auto | 1 | 2 | 3. 1.x (and VictoriaMetrics) take `user` and `password`, 2.x and 3.x `token`.

    `bucket` is the database of 1.x and 3.x. `ca_file`: further certificate authority to trust.
    """

    url: str
    bucket: str = "energy"
    org: str = ""
    token: str | None = None
    user: str | None = None
    password: str | None = None
    version: str = "auto"
    gzip: bool = True
    ca_file: str | None = None
    own_ports: OwnPorts = frozenset()


class InfluxDB:
    """Implements data_transfer.destination.Destination. `open` is its Connect."""

    def __init__(self, options: InfluxOptions, directory: Directory) -> None:
        self._options, self._encoder = options, Encoder(directory)
        self.answers: Counter[str] = Counter()
        self._client: httpx.AsyncClient | None = None
        self._version = options.version
        self._made: tuple[Parcel, list[Line], list[Refused]] | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[InfluxDB]:
        """Raises DestinationAway when the server cannot be reached."""
        options = self._options
        transport = _JudgedTransport(options)
        login = (options.user, options.password or "") if options.user is not None else None
        async with httpx.AsyncClient(
            base_url=options.url.rstrip("/"), transport=transport, auth=login, follow_redirects=False, trust_env=False,
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S), headers={"User-Agent": "energy-monitoring"},
        ) as client:  # fmt: skip
            self._client = client
            if self._version == "auto":
                self._version = await self._ask_version()
            try:
                yield self
            finally:
                self._client = None

    async def deliver(self, parcel: Parcel) -> Sequence[Refused]:
        if self._made is None or self._made[0] is not parcel:  # a second try sends the very same lines
            self._made = (parcel, *await asyncio.to_thread(self._encoder.lines, parcel))
        _parcel, lines, unsayable = self._made
        refused = list(unsayable)
        for begin in range(0, len(lines), LINES_AT_ONCE):
            refused += await self._write(lines[begin : begin + LINES_AT_ONCE])
        return refused

    # -- writing --------------------------------------------------------------------------------------------------

    async def _write(self, lines: list[Line]) -> list[Refused]:
        """Write all lines; those refused for good come back. Raises DestinationAway."""
        if not lines:
            return []
        verdict, body = await self._post(lines)
        if verdict.next is Next.NO_DATABASE:
            await self._create_database(verdict)
            verdict, body = await self._post(lines)
        if verdict.next is Next.TAKEN:
            return []
        if verdict.next is Next.SPLIT or (verdict.next is Next.SINGLE_OUT and len(lines) == 1):
            return [lines[0].refused(verdict.words)] if len(lines) == 1 else await self._halves(lines)
        if verdict.next is Next.SINGLE_OUT:
            return await self._single_out(lines, body)
        raise DestinationAway(verdict.words, verdict.retry_after_s, at_parcel=verdict.at_points, way_open=True)

    async def _halves(self, lines: list[Line]) -> list[Refused]:
        middle = len(lines) // 2
        return [*await self._write(lines[:middle]), *await self._write(lines[middle:])]

    async def _single_out(self, lines: list[Line], body: bytes) -> list[Refused]:
        """The innocent are written (again: harmless), the named are refused, the suspects are halved until it is clear."""
        named, doubtful = suspects(body, lines)
        if not named and len(doubtful) == len(lines):
            return await self._halves(lines)
        apart = set(named) | set(doubtful)
        innocent = [line for index, line in enumerate(lines) if index not in apart]
        refused = [lines[index].refused(reason) for index, reason in named.items()]
        refused += await self._write(innocent)
        return refused + await self._write([lines[index] for index in doubtful])

    async def _post(self, lines: list[Line]) -> tuple[Verdict, bytes]:
        body, headers = await asyncio.to_thread(self._body, lines)
        path, parameters = self._target()
        status, answer, retry_after = await self._ask("POST", path, parameters, headers, body)
        self.answers[str(status)] += 1
        return judge(status, answer, retry_after), answer

    def _body(self, lines: list[Line]) -> tuple[bytes, dict[str, str]]:
        body = b"\n".join([line.data for line in lines])
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if self._options.gzip:
            body = gzip.compress(body, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return body, headers

    def _target(self) -> tuple[str, dict[str, str]]:
        options = self._options
        if self._version == "3":
            return "/api/v3/write_lp", {"db": options.bucket, "precision": "microsecond", "accept_partial": "true"}
        if self._version == "2":
            return "/api/v2/write", {"bucket": options.bucket, "org": options.org, "precision": "us"}
        return "/write", {"db": options.bucket, "precision": "u"}

    async def _ask_version(self) -> str:
        """By the header of /ping: the number it begins with; VictoriaMetrics says 1."""
        status, answer, _retry = await self._ask("GET", "/ping", {}, {}, None)
        version = self._seen_version.lstrip("v")
        if version[:1] in {"1", "2", "3"}:
            log.info("influxdb: version %s", version)
            return version[0]
        if 200 <= status < 300:
            return "1"
        said = " ".join(_MARKUP.sub(" ", answer[:400].decode(errors="replace")).split())[:120]
        raise DestinationAway(f"/ping answered HTTP {status} and no version of InfluxDB{f': {said}' if said else ''}")

    async def _create_database(self, verdict: Verdict) -> None:
        """1.x only, once asked for: a fresh server has no database. Elsewhere the administrator makes the bucket."""
        if self._version != "1":
            raise DestinationAway(verdict.words)
        name = self._options.bucket.replace("\\", "\\\\").replace('"', '\\"')
        status, answer, _retry = await self._ask("POST", "/query", {"q": f'CREATE DATABASE "{name}"'}, {}, None)
        if not 200 <= status < 300 or b'"error"' in answer:
            raise DestinationAway(f"{verdict.words}, and it cannot be made: HTTP {status}")
        log.info("influxdb: database %s made", self._options.bucket)

    async def _ask(
        self, method: str, path: str, parameters: dict[str, str], headers: dict[str, str], body: bytes | None
    ) -> tuple[int, bytes, str | None]:
        """Status, beginning of the answer, Retry-After. Raises DestinationAway when no whole answer came."""
        assert self._client is not None  # noqa: S101 - only between open and its end
        token = self._options.token
        if token is not None:
            headers = {**headers, "Authorization": f"{'Bearer' if self._version == '3' else 'Token'} {token}"}
        try:
            async with self._client.stream(method, path, params=parameters, headers=headers, content=body) as response:
                self._seen_version = response.headers.get("X-Influxdb-Version", "")
                answer = b""
                async for piece in response.aiter_bytes():
                    answer += piece
                    if len(answer) >= LONGEST_ANSWER:
                        break
                return response.status_code, answer[:LONGEST_ANSWER], response.headers.get("Retry-After")
        except httpx.HTTPError as exc:
            self.answers["cut" if isinstance(exc, httpx.RemoteProtocolError | httpx.ReadError) else "none"] += 1
            at_parcel = body is not None and not isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout)
            raise DestinationAway(_plain(exc), at_parcel=at_parcel, way_open=at_parcel) from exc

    _seen_version = ""


class _JudgedTransport(httpx.AsyncBaseTransport):
    """Goes to an address that was judged just now; the certificate is checked against the name all the same."""

    def __init__(self, options: InfluxOptions) -> None:
        self._own_ports = options.own_ports
        context = ssl.create_default_context(cafile=options.ca_file) if options.ca_file else ssl.create_default_context()
        self._inner = httpx.AsyncHTTPTransport(verify=context, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        addresses = await judged_addresses(host, port, self._own_ports)
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=addresses[0])
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _plain(exc: httpx.HTTPError) -> str:
    if isinstance(exc, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(exc, httpx.ConnectError):
        return f"no connection: {exc}"
    return f"the connection broke: {type(exc).__name__} {exc}".strip()

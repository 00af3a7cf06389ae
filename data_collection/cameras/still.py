"""A still picture over HTTP: one GET at the moment of the trigger. httpx is imported here only."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Final

import httpx

from domain.address import OwnPorts, why_not
from domain.camera import Camera, NoPicture

LONGEST_S: Final = 30.0  # the item's deadline ends it earlier
UNUSABLE: Final = (401, 403)


class HttpStill:
    """One camera. A connection that stays open is used again; its address is judged each time all the same (S20)."""

    def __init__(self, camera: Camera, own_ports: OwnPorts) -> None:
        self._camera, self._own_ports = camera, own_ports
        self._url = httpx.URL(camera.url or "")
        self._client: httpx.AsyncClient | None = None
        self._login: httpx.Auth | None = None
        if camera.user is not None:
            kind = httpx.DigestAuth if camera.auth == "digest" else httpx.BasicAuth
            self._login = kind(camera.user, camera.password or "")

    async def fetch(self) -> bytes:
        """The answer's bytes; the caller's deadline may cancel it. Raises NoPicture."""
        address = await self._judged()
        if self._client is None:
            self._client = await asyncio.to_thread(self._made)
        default = 443 if self._url.scheme == "https" else 80
        host = self._url.netloc.decode() if self._url.port not in {None, default} else self._url.host
        try:
            async with self._client.stream(
                "GET", self._url.copy_with(host=address), headers={"Host": host}, auth=self._login,
                extensions={"sni_hostname": self._url.host},
            ) as response:  # fmt: skip
                return await self._body(response)
        except (httpx.HTTPError, ssl.SSLError) as exc:
            untrusted = _untrusted(exc)
            if untrusted is not None:
                raise NoPicture("certificate", f"{self._url.host}: {untrusted.verify_message}") from exc
            raise NoPicture("unreachable", f"{self._url.host}: {type(exc).__name__} {exc}".strip()) from exc

    async def close(self) -> None:
        """End the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _body(self, response: httpx.Response) -> bytes:
        if response.status_code != httpx.codes.OK:
            hint = ": user or password" if response.status_code in UNUSABLE else ""
            if response.has_redirect_location:
                hint = ": it sends to another address, which is not followed; give that one"
            raise NoPicture("refused", f"the camera answered HTTP {response.status_code}{hint}")
        most, body = self._camera.largest_bytes, bytearray()
        if int(response.headers.get("content-length") or 0) > most:
            raise NoPicture("too_large", f"the camera announces {response.headers['content-length']} bytes")
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > most:
                raise NoPicture("too_large", f"more than {most / 1e6:g} MB")
        return bytes(body)

    async def _judged(self) -> str:
        """The address to go to. Raises NoPicture."""
        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self._url.host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise NoPicture("unreachable", f"{self._url.host}: there is no such host") from exc
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            reason = why_not(address, port, self._own_ports)
            if reason is not None:
                raise NoPicture("address", f"{reason}: no camera is asked there")
        return addresses[0]

    def _made(self) -> httpx.AsyncClient:
        """On a thread: certificates are read from disk. Redirects are not followed: each would need its own judgement."""
        context: ssl.SSLContext | bool = trusting(self._camera.ca_file) if self._url.scheme == "https" else False
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
        return httpx.AsyncClient(
            verify=context, trust_env=False, follow_redirects=False, timeout=LONGEST_S, limits=limits,
            headers={"User-Agent": "energy-monitoring", "Accept": "image/jpeg, image/png"},
        )  # fmt: skip


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """Certificates are always verified: by what the system trusts and, besides, by what `ca_file` holds.

    That may be an authority or, for a camera that made its own, the very certificate of the camera. Raises NoPicture.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # one that an authority signed may be trusted alone
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as exc:
            why = "it holds no certificate in PEM" if isinstance(exc, ssl.SSLError) else exc.strerror or str(exc)
            raise NoPicture("certificate", f"ca_file {ca_file}: {why}") from exc
    return context


def _untrusted(exc: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """What was wrong with the certificate, where that is what an error comes from."""
    while exc is not None and not isinstance(exc, ssl.SSLCertVerificationError):
        exc = exc.__cause__ or exc.__context__
    return exc

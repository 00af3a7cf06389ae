"""Opens a session: endpoint, security, trust, sign-in. Nothing secret is sent before the server's certificate is trusted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto import security_policies

import data_collection.opcua.lengths  # noqa: F401 - before anything of a server is read
from data_collection.opcua.errors import translated
from data_collection.opcua.identity import Identity, own_identity
from data_collection.opcua.trust import TrustList, shown_fingerprint
from data_collection.options import choice, number, text
from domain.errors import AccessDenied, ConfigError, LineDown
from domain.plant import Line
from domain.ports import Clock

TIMEOUT_S: Final = 5.0
SESSION_MS: Final = 60_000.0
LARGEST_MESSAGE: Final = 16 * 1024 * 1024  # bytes
POLICIES: Final = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128Sha256RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_OFFERED: Final = {policy.URI: name for name, policy in POLICIES.items()} | {security_policies.SecurityPolicyNone.URI: "None"}

for _name in ("asyncua", "asyncua.client.ua_client.UASocketProtocol"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # what it logs as errors are our errors, told once and in plain words


class SessionOpener:
    """Makes clients that are connected and signed in. `folder`: of certificates; None where there is no data folder."""

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._identity: Identity | None = None

    async def identity(self) -> Identity:
        """The product's own certificate. Raises ConfigError without a data folder."""
        if self._folder is None:
            raise ConfigError("a line with security needs a data folder for certificates")
        if self._identity is None:
            self._identity = await asyncio.to_thread(own_identity, self._folder, self._clock.now_us())
        return self._identity

    async def endpoints(self, line: Line) -> Sequence[ua.EndpointDescription]:
        """What the server offers; asked without a session. Raises LineDown, DeviceUnreachable."""
        url = text(line, "url")
        with translated(url):
            offered: Sequence[ua.EndpointDescription] = await self._client(line).connect_and_get_server_endpoints()
            return offered

    async def open(self, line: Line) -> Client:
        """A client with an active session. Raises LineDown, AccessDenied, ConfigError, DeviceUnreachable."""
        url = text(line, "url")
        client = self._client(line)
        own = ""
        if choice(line, "security", "None", ("None", *POLICIES)) != "None":
            own = shown_fingerprint((await self._secure(line, client, url)).fingerprint)
        await self._sign_in(line, client)
        with translated(url, own):
            async with asyncio.timeout(number(line, "connect_timeout_s", 3 * TIMEOUT_S)):
                try:
                    await client.connect()
                except BaseException:
                    client.disconnect_socket()
                    raise
        return client

    def _client(self, line: Line) -> Client:
        timeout_s = number(line, "timeout_s", TIMEOUT_S)
        client = Client(text(line, "url"), timeout=timeout_s, watchdog_intervall=max(5.0, timeout_s))
        client.name = client.description = "Energy Monitoring"
        client.product_uri = "urn:energy-monitoring"
        client.application_uri = "urn:energy-monitoring:client"
        client.session_timeout = SESSION_MS
        client.max_messagesize = LARGEST_MESSAGE
        return client

    async def _secure(self, line: Line, client: Client, url: str) -> Identity:
        policy = POLICIES[choice(line, "security", "None", tuple(POLICIES))]
        word = choice(line, "message_mode", "SignAndEncrypt", ("Sign", "SignAndEncrypt"))
        mode = ua.MessageSecurityMode.Sign if word == "Sign" else ua.MessageSecurityMode.SignAndEncrypt
        identity = await self.identity()
        offered = await self.endpoints(line)
        certificate = _certificate_of(offered, policy.URI, mode)
        if certificate is None:
            known = ", ".join(sorted({shown_endpoint(endpoint) for endpoint in offered}))
            raise LineDown(f"{url}: the server does not offer {line.options['security']} {word}; it offers: {known}")
        if self._folder is not None:
            trust = TrustList(self._folder)
            await asyncio.to_thread(trust.check, certificate, line.id, url, self._clock.now_us())
        client.application_uri = identity.uri
        with translated(url):
            await client.set_security(
                policy, str(identity.certificate), str(identity.key), server_certificate=certificate, mode=mode
            )
        return identity

    async def _sign_in(self, line: Line, client: Client) -> None:
        user = line.options.get("user")
        how = choice(line, "sign_in", "password" if user else "anonymous", ("anonymous", "password", "certificate"))
        if how == "password":
            if not isinstance(user, str) or not user:
                raise ConfigError(f"line {line.id}: user is missing, which sign_in password needs")
            if not line.password:
                raise AccessDenied(f"line {line.id}: the password of {user} is not set")
            client.set_user(user)
            client.set_password(line.password)
        elif how == "certificate":
            identity = await self.identity()
            await client.load_client_certificate(str(identity.certificate))
            await client.load_private_key(identity.key)


def shown_endpoint(endpoint: ua.EndpointDescription) -> str:
    """Policy and mode, as a line names them."""
    policy = _OFFERED.get(endpoint.SecurityPolicyUri, endpoint.SecurityPolicyUri)
    return "None" if policy == "None" else f"{policy} {endpoint.SecurityMode.name}"


def _certificate_of(offered: Sequence[ua.EndpointDescription], policy: str, mode: ua.MessageSecurityMode) -> bytes | None:
    """The server's certificate at the endpoint with that policy and mode; of a chain the server's own."""
    for endpoint in offered:
        if endpoint.SecurityPolicyUri == policy and endpoint.SecurityMode == mode and endpoint.ServerCertificate:
            der = bytes(endpoint.ServerCertificate)
            return der[: int.from_bytes(der[2:4], "big") + 4]
    return None


async def close(client: Client) -> None:
    """End the session politely where that is possible; leaves nothing open."""
    try:
        async with asyncio.timeout(2.0):
            await client.disconnect()
    except Exception:  # noqa: BLE001 (the connection is given up either way)
        client.disconnect_socket()


"""Errors of asyncua as the product's: what the caller should do, in plain words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from asyncua import ua

from domain.errors import AccessDenied, DecodeError, DeviceError, DeviceUnreachable, LineDown

_LOGIN: Final = frozenset({
    ua.StatusCodes.BadUserAccessDenied, ua.StatusCodes.BadIdentityTokenRejected, ua.StatusCodes.BadIdentityTokenInvalid,
})
_CERTIFICATE: Final = frozenset({
    ua.StatusCodes.BadSecurityChecksFailed, ua.StatusCodes.BadCertificateUntrusted, ua.StatusCodes.BadCertificateInvalid,
    ua.StatusCodes.BadCertificateUriInvalid, ua.StatusCodes.BadCertificateTimeInvalid, ua.StatusCodes.BadCertificateUseNotAllowed,
})  # fmt: skip
_SESSION: Final = frozenset({
    ua.StatusCodes.BadSessionIdInvalid, ua.StatusCodes.BadSessionClosed, ua.StatusCodes.BadSecureChannelIdInvalid,
    ua.StatusCodes.BadSecureChannelClosed, ua.StatusCodes.BadConnectionClosed, ua.StatusCodes.BadServerHalted,
    ua.StatusCodes.BadShutdown, ua.StatusCodes.BadServerNotConnected, ua.StatusCodes.BadNoSubscription,
    ua.StatusCodes.BadSubscriptionIdInvalid, ua.StatusCodes.BadTooManySessions, ua.StatusCodes.BadTcpServerTooBusy,
})  # fmt: skip


def error_of(exc: BaseException, target: str, own_fingerprint: str = "") -> DeviceError:
    """What `exc` means for a line to `target`."""
    if isinstance(exc, DeviceError):
        return exc
    if isinstance(exc, ua.UaStatusCodeError):
        return _by_code(exc, target, own_fingerprint)
    if isinstance(exc, TimeoutError | asyncio.TimeoutError):
        return DeviceUnreachable(f"{target}: no answer in time")
    if isinstance(exc, OSError):
        return LineDown(f"{target}: {exc.strerror or exc}")
    if isinstance(exc, ua.UaError):
        return LineDown(f"{target}: {exc}")
    return DecodeError(f"{target}: an answer makes no sense: {type(exc).__name__}: {exc}")


def _by_code(exc: ua.UaStatusCodeError, target: str, own_fingerprint: str) -> DeviceError:
    name = ua.StatusCode(exc.code).name
    if exc.code in _LOGIN:
        return AccessDenied(f"{target}: the server refuses the sign-in ({name}): check user, password and sign_in of the line")
    if exc.code in _CERTIFICATE:
        own = f" with the SHA-256 fingerprint {own_fingerprint}" if own_fingerprint else ""
        return AccessDenied(
            f"{target}: the server does not accept this program's certificate ({name}): on the server, trust the certificate of "
            f"Energy Monitoring{own}"
        )
    if exc.code in _SESSION:
        return LineDown(f"{target}: the session is over ({name})")
    if exc.code in (ua.StatusCodes.BadTimeout, ua.StatusCodes.BadRequestTimeout):
        return DeviceUnreachable(f"{target}: no answer in time ({name})")
    return LineDown(f"{target}: {name}: {ua.StatusCode(exc.code).doc}")


@contextmanager
def translated(target: str, own_fingerprint: str = "") -> Iterator[None]:
    """Raises the product's error in place of one of asyncua; a cancellation passes."""
    try:
        yield
    except DeviceError:
        raise
    except Exception as exc:
        raise error_of(exc, target, own_fingerprint) from exc

"""Keys beside the database, and sealing with them: whoever steals the database or a backup has no secrets (S24)."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import StorageError

KEY_BYTES = 32
NONCE_BYTES = 12


def load_or_create_key(path: Path) -> bytes:
    """The key of that file (mode 0600), made on first use. Two processes that start at once end up with the same key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _read_key(path)
    except FileNotFoundError:
        pass
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        os.write(handle, secrets.token_bytes(KEY_BYTES))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, path)  # fails when another process was quicker: then its key counts
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise StorageError(f"key file {path} is damaged: {len(key)} bytes instead of {KEY_BYTES}")
    return key


class Sealer:
    """AES-256-GCM. The name is bound in: a sealed secret cannot be passed off as another's."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, name: str, text: str) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.encode(), name.encode())

    def open(self, name: str, sealed: bytes) -> str:
        """Raises StorageError when key and secret do not belong together."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode()).decode()
        except InvalidTag:
            raise StorageError(f"secret {name!r} cannot be opened: the key file does not belong to this database") from None

"""Files that belong to the product, as a browser wants them: the theme as one compressed style sheet, each with a time to keep.

A page waits for its style sheets before it shows anything. One of them, compressed once when the pages are registered, costs one
round trip and no work of the event loop; its address carries a digest, so a browser keeps it until the product is upgraded.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).resolve().parent / "static"
SHEETS = (
    "fonts", "tokens", "app", "pages", "admin", "admin-forms", "admin-reading", "admin-keys", "admin-virtual", "admin-calendar",
    "admin-history", "admin-backups", "admin-wizard", "admin-profile", "admin-lines", "admin-money", "admin-alignments",
    "admin-inspection", "energy", "explain", "states", "floor", "trends", "loops", "wall", "print",
)  # fmt: skip
"""The theme's style sheets; a later one wins over an earlier one."""
_SHEET = "theme/pages-all.css"
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"  # kept, but asked about each time: 304 while it is the same
_IMPORT = '@import url("fonts.css");'


class ThemeSheet:
    """All of `SHEETS` in their order. `href` is its address with the digest of what it holds."""

    def __init__(self, folder: Path = STATIC / "theme") -> None:
        texts = [(folder / f"{name}.css").read_text(encoding="utf-8").replace(_IMPORT, "") for name in SHEETS]
        self._plain = "\n".join(texts).encode()
        self._packed = gzip.compress(self._plain, 9, mtime=0)
        self._digest = hashlib.sha256(self._plain).hexdigest()[:16]

    @property
    def href(self) -> str:
        return f"/static/{_SHEET}?v={self._digest}"

    def answer(self, request: Request) -> Response:
        """Packed where the browser takes that; 304 where it has it."""
        kept = _FOR_EVER if request.query_params.get("v") == self._digest else _ASK_AGAIN
        headers = {"cache-control": kept, "vary": "Accept-Encoding", "etag": f'"{self._digest}"'}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self._packed, headers={**headers, "content-encoding": "gzip"}, media_type="text/css")
        return Response(self._plain, headers=headers, media_type="text/css")


class KeptFiles(StaticFiles):
    """Typefaces are kept for ever (another one has another name), anything else is asked about again."""

    def __init__(self, sheet: ThemeSheet) -> None:
        super().__init__(directory=STATIC)
        self._sheet = sheet

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path == _SHEET and scope["method"] in {"GET", "HEAD"}:
            return self._sheet.answer(Request(scope))
        return await super().get_response(path, scope)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        answer = super().file_response(full_path, stat_result, scope, status_code)
        answer.headers["cache-control"] = _FOR_EVER if str(full_path).endswith(".woff2") else _ASK_AGAIN
        return answer


__all__ = ["SHEETS", "STATIC", "KeptFiles", "ThemeSheet"]

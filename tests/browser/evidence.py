"""What a test that failed in the browser leaves behind: a page that failed once on a busy machine is not seen again by asking.

Of each page: its picture in artefacts/failures, and in the test's report its address, its console, the requests without an answer,
the last messages of its socket and what was clicked, then what the server wrote meanwhile.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import pytest

from tests.conftest import ROOT

PICTURES = ROOT / "artefacts" / "failures"
FAILED = pytest.StashKey[bool]()
KEPT, LETTERS = 40, 200  # messages of a page, letters of each
CLICKS = """window.emClicks = []; for (const kind of ['pointerdown', 'pointerup', 'click'])
    document.addEventListener(kind, (e) => window.emClicks.push(`${Math.round(performance.now())} ms ${kind} ${e.target.outerHTML.slice(0, 120)}`), true);"""


class Evidence:
    """Of one page, gathered from its beginning."""

    def __init__(self, page: Any) -> None:
        self._page, self._begun = page, time.monotonic()
        self._lines: deque[str] = deque(maxlen=KEPT)
        self._open: dict[Any, str] = {}
        page.on("console", lambda m: self._note(f"console {m.type}: {m.text}"))
        page.on("framenavigated", lambda frame: self._note(f"went to {frame.url}"))
        page.on("request", self._asked)
        for end in ("requestfinished", "requestfailed"):
            page.on(end, lambda r: self._open.pop(r, None))
        page.on("websocket", self._socket)

    async def gather(self) -> None:
        """Before the page opens: it also remembers its last clicks."""
        await self._page.add_init_script(CLICKS)

    def _note(self, words: str) -> None:
        self._lines.append(f"{time.monotonic() - self._begun:7.3f} s {words[:LETTERS]}")

    def _asked(self, request: Any) -> None:
        self._open[request] = f"{time.monotonic() - self._begun:7.3f} s {request.method} {request.url}"

    def _socket(self, socket: Any) -> None:
        self._note("socket opened")
        socket.on("framesent", lambda text: self._note(f"sent {text!r}"))
        socket.on("framereceived", lambda text: self._note(f"got {text!r}"))
        socket.on("close", lambda _s: self._note("socket closed"))

    async def show(self, name: str) -> None:
        """Print what is known and keep the picture."""
        from playwright.async_api import Error

        PICTURES.mkdir(parents=True, exist_ok=True)
        picture = PICTURES / f"{re.sub(r'[^a-zA-Z0-9]+', '_', name)}.png"
        print(f"\n-- {self._page.url}, picture {picture.name}")
        print("\n".join(self._lines))
        print("without an answer:", *self._open.values(), sep="\n   ")
        try:
            print("clicked:", *await self._page.evaluate("window.emClicks.slice(-9)"), sep="\n   ")
            await self._page.screenshot(path=picture, timeout=5000)
        except Error as exc:  # the page may be the very thing that hangs
            print(f"no picture: {exc}")


def note_failure(item: pytest.Item, report: pytest.TestReport) -> None:
    """For the fixtures that end after it."""
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True


async def show_if_failed(item: pytest.Item, pages: Sequence[Evidence], written: Sequence[str] = ()) -> None:
    """At the end of a test: `written` is the log of its server."""
    if not item.stash.get(FAILED, False):
        return
    for number, page in enumerate(pages):
        await page.show(f"{item.name}_{number}")
    print("the server wrote:", *written, sep="\n   ")

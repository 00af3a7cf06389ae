"""A part of a page that has to be asked for: the frame is delivered at once, the part follows.

A page that awaits its figures before it is delivered is answered with an error when they take more than three seconds.

    with shell.page(...) as page:
        body = Later(page)              # grey blocks where the part will stand
    await body.fill(lambda: build(page))  # outside the frame: waits until the browser has it
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from domain.errors import MonitorError
from web_interface.components import el, error, loading
from web_interface.pages import shell

log = logging.getLogger(__name__)


class Later:
    """Made where the part will stand. `classes` of its box: without any it takes no part in the layout."""

    def __init__(self, page: shell.Page, classes: str = "em-later", testid: str = "later", *, rows: int = 8) -> None:
        self._page = page
        self._box = el("div", classes, testid=testid)
        with self._box:
            self._waiting = loading(rows)

    async def fill(self, build: Callable[[], Awaitable[object]]) -> None:
        """Build in place of the grey blocks once the page was delivered; they go when everything is there.

        A store that is away is said in words, the frame stays. Nothing is built for a browser that has gone meanwhile.
        """
        page, box = self._page, self._box
        await page.client.connected()
        if box.is_deleted:
            return
        with box:
            try:
                await build()
            except (MonitorError, OSError) as exc:
                log.warning("a part of %s was not drawn: %s", page.client.request.url.path, exc)
                if not box.is_deleted:
                    error(page.lang, page.t("energy.failed"), page.t("energy.failed.words"), str(exc))
        if not box.is_deleted:
            box.remove(self._waiting)

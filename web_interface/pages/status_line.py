"""One sentence about keeping, for the banner of every page and the status page."""

from __future__ import annotations

from domain.health import StorageStatus
from web_interface.format import Format
from web_interface.locale import has, t


def storage_words(status: StorageStatus, fmt: Format, now_us: int) -> str:
    """Empty while all is well; else what is wrong with keeping, since when, and how much waits."""
    if status.state == "ok":
        return ""
    key = f"storage.{status.state}"
    words = t(key if has(key, fmt.lang) else "storage.failed", fmt.lang)
    if status.backlog_samples:
        oldest = status.backlog_oldest_us
        age = fmt.duration((now_us - oldest) / 1e6) if oldest else fmt.number(None)
        words += " " + t(
            "storage.backlog", fmt.lang, n=status.backlog_samples, count=fmt.number(status.backlog_samples, 0), age=age
        )
    return words

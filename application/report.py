"""report: one report from the command line, beside a running product too."""

from __future__ import annotations

import argparse
import asyncio
import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from application.build import open_application
from application.common import Commands
from config.settings import load_settings
from domain.errors import ConfigError
from runtime.clock import SystemClock


def add_commands(commands: Commands) -> None:
    """report TEMPLATE --from T --to T --format F --out FILE; the template may also come as --template ID."""
    report = commands.add_parser("report", help="write one report to a file")
    report.add_argument("template", nargs="?", default="shift", help="id of a shipped template or of an own one")
    report.add_argument("--template", dest="named", metavar="ID", help="the same, by name")
    when = "2026-11-19T07:00 (the site's zone) or with an offset or Z"
    report.add_argument("--from", dest="begin", required=True, metavar="T", help=when)
    report.add_argument("--to", dest="end", required=True, metavar="T")
    report.add_argument("--format", choices=["pdf", "xlsx"], default="pdf")
    report.add_argument("--language", choices=["ru", "en"], help="default: the template's, else the site's")
    report.add_argument("--out", required=True, type=Path, metavar="FILE")
    report.set_defaults(run=_report)


def moment_us(text: str, zone: str) -> int:
    """UTC microseconds of an ISO 8601 time; without an offset it is the site's. Raises ConfigError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ConfigError(f"{text!r} is no time; expected e.g. 2026-11-19T07:00 or 2026-11-19T04:00:00Z") from exc
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return round(moment.timestamp() * 1e6)


def _report(options: argparse.Namespace) -> int:
    async def run() -> int:
        async with open_application(load_settings(), SystemClock(), os.environ) as app:
            await app.plant.load()
            site = app.plant.plant.site
            begin, end = moment_us(options.begin, site.timezone), moment_us(options.end, site.timezone)
            _, content = await app.reports.render(
                options.named or options.template, options.format, begin, end, options.language
            )
            try:
                options.out.write_bytes(content)
            except OSError as exc:
                raise ConfigError(f"{options.out}: cannot be written: {exc.strerror}") from exc
            print(f"{options.out}: {len(content)} bytes")
        return 0

    return asyncio.run(run())

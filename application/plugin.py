"""plugin new, plugin check: write a plug-in for a type of control, and try it with its own example before it meets messages."""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Final

from application.common import Commands
from config.settings import load_settings
from data_collection.mqtt.plugin_host import ROOT, Job, PluginValue, WorkerGone, start_worker, tried
from domain.errors import ConfigError

EXAMPLES: Final = ("axis_loads", "event_counter")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_SKELETON: Final = '''"""Messages of ... : what they hold, and where that is written."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from data_collection.mqtt.plugin import CncMessage, CncPlugin, CncReading


class {kind}(CncPlugin):
    """Machines of the type ...: payload {{"speed": 1/min}}."""

    cnc_ids = ("{shown}-*",)
    example: ClassVar[Mapping[str, object]] = {{
        "cnc_id": "{shown}-1", "part_program": "PART.NC", "timestamp": "2026-03-02T08:00:00Z", "payload": {{"speed": 3200}},
    }}

    def readings(self, message: CncMessage) -> Iterable[CncReading]:
        """One reading for each point of the device's profile that the message tells of, in the point's own unit."""
        speed = message.payload.get("speed")
        if isinstance(speed, int | float):
            yield CncReading("spindle_speed", float(speed))
        if message.part_program is not None:
            yield CncReading("program", message.part_program)
'''
_TEST: Final = '''"""Tests of the plug-in {name}: run with `main.py plugin check {name}`."""

import unittest
from datetime import UTC, datetime

from data_collection.mqtt.plugin import CncMessage
from {name} import {kind}

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def message(payload: object, cnc_id: str = "{shown}-1") -> CncMessage:
    return CncMessage("sensor/CNC/" + cnc_id, cnc_id, "PART.NC", NOW, NOW, payload)


class TestReadings(unittest.TestCase):
    def test_what_the_example_holds_is_read(self) -> None:
        found = {{r.tag: r.value for r in {kind}().readings(message({kind}.example["payload"]))}}
        self.assertTrue(found, "the example yields no reading")

    def test_a_message_without_values_yields_none_of_them_and_no_error(self) -> None:
        found = [r for r in {kind}().readings(message({{}})) if r.tag != "program"]
        self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
'''


def add_commands(commands: Commands) -> None:
    """plugin new NAME, plugin check [NAME]."""
    plugin = commands.add_parser("plugin", help="plug-ins that read the messages of a type of control")
    parts = plugin.add_subparsers(title="plugin commands", metavar="COMMAND", required=True)
    new = parts.add_parser("new", help="write a skeleton with its test into plugins/ of the data folder")
    new.add_argument("name", help="name of the file: lower-case letters, digits and _")
    new.add_argument("--like", choices=EXAMPLES, help="begin with a worked example instead")
    new.set_defaults(run=_new)
    check = parts.add_parser("check", help="load plug-ins as the product does, read their examples, run their tests")
    check.add_argument("name", nargs="?", help="one of them; without it all")
    check.set_defaults(run=_check)


def _new(options: argparse.Namespace) -> int:
    name: str = options.name
    if not _NAME.match(name):
        raise ConfigError(f"{name!r} is no name for a plug-in: expected lower-case letters, digits and _")
    folder = load_settings().data_dir / "plugins"
    file, test = folder / f"{name}.py", folder / f"test_{name}.py"
    for path in (file, test):
        if path.exists():
            raise ConfigError(f"{path} exists already")
    kind = "".join(part.capitalize() for part in name.split("_"))
    shown = name.upper().replace("_", "-")
    text = _SKELETON.format(kind=kind, shown=shown)
    if options.like:
        text = (resources.files("data_collection.mqtt.examples") / f"{options.like}.py").read_text(encoding="utf-8")
        kind = "".join(part.capitalize() for part in str(options.like).split("_"))
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    test.write_text(_TEST.format(name=name, kind=kind, shown=shown), encoding="utf-8")
    print(f"{file}\n{test}\nTry it: main.py plugin check {name}. A running product takes it up by itself.")
    return 0


def _check(options: argparse.Namespace) -> int:
    folder = load_settings().data_dir / "plugins"
    if options.name:
        files = [folder / f"{options.name}.py"]
        if not files[0].exists():
            raise ConfigError(f"there is no plug-in {options.name!r} in {folder}")
    else:
        files = [file for file in sorted(folder.glob("*.py")) if not file.name.startswith(("_", "test_"))]
        if not files:
            raise ConfigError(f"there is no plug-in in {folder}; main.py plugin new NAME writes one")
    results = [asyncio.run(_try(file)) and _tests(file) for file in files]
    return 0 if all(results) else 1


async def _try(file: Path) -> bool:
    """Load one file in a process of its own and hand it its example."""
    try:
        worker = await start_worker(file)
    except WorkerGone as exc:
        print(f"{file.name}: does not load: {exc}")
        return False
    try:
        print(f"{file.name}: {worker.kind} reads {', '.join(worker.cnc_ids)}")
        if not worker.example:
            print("  it has no example")
            return True
        found: list[tuple[list[PluginValue], str | None]] = []
        await tried(worker, Job(worker.example, lambda values, error: found.append((list(values), error))))
    finally:
        await worker.close()
    values, error = found[0]
    if error is not None:
        print(f"  its example fails: {error}")
        return False
    for value in values:
        print(f"  {value.tag:24} {value.value!r}")
    return bool(values)


def _tests(file: Path) -> bool:
    """The file's own tests, where it has some."""
    test = file.with_name(f"test_{file.name}")
    if not test.exists():
        return True
    done = subprocess.run(  # noqa: S603 (the user's own test, asked for by the user)
        [sys.executable, "-c", "import sys, unittest; sys.path[:0] = sys.argv[1:3]; unittest.main(sys.argv[3], argv=['check'])",
         str(ROOT), str(file.parent), test.stem],
        capture_output=True, text=True, check=False, cwd=file.parent,
    )
    print("  its tests pass" if done.returncode == 0 else f"  its tests fail:\n{done.stderr}")
    return done.returncode == 0

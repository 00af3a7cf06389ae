"""The command line: what is imported for one command, and that every command is found."""

from __future__ import annotations

import subprocess
import sys

from main import COMMANDS, parser
from tests.conftest import ROOT


def commands_of(command: str | None) -> list[str]:
    usage = parser(command).format_usage() + parser(command).format_help()
    return [name for names in COMMANDS.values() for name in names if f"    {name} " in usage or f"    {name}\n" in usage]


def test_every_command_is_in_the_module_that_is_imported_for_it() -> None:
    everything = [name for names in COMMANDS.values() for name in names]
    assert commands_of(None) == commands_of("nonsense") == everything
    for names in COMMANDS.values():
        for name in names:
            assert commands_of(name) == list(names)


def test_a_small_command_does_not_wait_for_the_whole_product() -> None:
    code = "import sys, main; main.parser('api-key'); print({'application.build', 'nicegui', 'reportlab', 'asyncua'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

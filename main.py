#!/usr/bin/env python3
"""Energy Monitoring: the command line. What each command does, and what serve is made of, stands in application/."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from domain.errors import MonitorError

EXIT_DONE, EXIT_OTHER, EXIT_USAGE = 0, 1, 2
COMMANDS = {  # by module of application/; imported when asked for: a worker process imports this file too, and needs none of them
    "server": ("serve", "demo", "simulate", "start", "prepare"),
    "roles.commands": ("collect", "ingest", "web", "health"),
    "plant": ("plant",),
    "device": ("read", "scan"),
    "plugin": ("plugin",),
    "access": ("user", "api-key"),
    "report": ("report",),
    "recompute": ("recompute",),
    "storage": ("backup", "restore", "check"),
}


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """The whole command line; `run` of the chosen namespace does the work and returns the exit code.

    With the name of a `command` only what that one needs is imported: all of it takes seconds.
    """
    chosen = [module for module, names in COMMANDS.items() if command in names] or list(COMMANDS)
    root = argparse.ArgumentParser(prog="main.py", description="Energy Monitoring of a metal-working shop.")
    commands = root.add_subparsers(title="commands", metavar="COMMAND")
    for name in chosen:
        module = import_module(f"application.{name}")
        module.add_commands(commands)
        if name == "server":
            root.set_defaults(run=module.serve)
    return root


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 done, 2 wrong usage or configuration (one clear message, no traceback), 1 anything else."""
    given = sys.argv[1:] if arguments is None else arguments
    options = parser(given[0] if given else "serve").parse_args(given)
    try:
        return int(options.run(options))
    except MonitorError as problem:
        print(f"energy-monitoring: {problem}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        return EXIT_OTHER
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

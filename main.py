#!/usr/bin/env python3
"""Energy Monitoring: the command line. What each command does, and what serve is made of, stands in application/."""

from __future__ import annotations

import argparse
import sys

from domain.errors import MonitorError

EXIT_DONE, EXIT_OTHER, EXIT_USAGE = 0, 1, 2


def parser() -> argparse.ArgumentParser:
    """The whole command line; `run` of the chosen namespace does the work and returns the exit code."""
    # here, not above: a worker process imports this file too, and needs none of the rooms
    from application import access, device, plant, plugin, recompute, report, server, storage  # noqa: PLC0415

    root = argparse.ArgumentParser(prog="main.py", description="Energy Monitoring of a metal-working shop.")
    root.set_defaults(run=server.serve)
    commands = root.add_subparsers(title="commands", metavar="COMMAND")
    for module in (server, plant, device, plugin, access, report, recompute, storage):
        module.add_commands(commands)
    return root


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 done, 2 wrong usage or configuration (one clear message, no traceback), 1 anything else."""
    options = parser().parse_args(arguments)
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

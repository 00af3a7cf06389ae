"""python -m tests.faults.long t14 --engine mariadb|postgresql [--how kill|stop] [--minutes 30] ...
python -m tests.faults.long t19 [--minutes 30] ...
python -m tests.faults.long roles-kill [--minutes 20] [--seed 1] ...

Runs the program as a process against real servers, prints what it sees and at the end figures and claims; exit code 1 when one does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faults.long.roles_kill import Killing, roles_kill
from tests.faults.long.t14 import ENGINES, Outage, t14
from tests.faults.long.t19 import BrokerOutage, t19
from tests.faults.long.verdict import Verdict


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.faults.long", description="Long outages, run for real.")
    parser.add_argument("--keep", action="store_true", help="leave the folder of the run")
    runs = parser.add_subparsers(dest="run", required=True)
    database = runs.add_parser("t14", help="a database server away")
    database.add_argument("--engine", choices=sorted(ENGINES), required=True)
    database.add_argument("--how", choices=("kill", "stop"), default="kill")
    broker = runs.add_parser("t19", help="Kafka away, its topic deleted, killed on return")
    killed = runs.add_parser("roles-kill", help="collect, ingest and web over Kafka and PostgreSQL, one of them killed every few seconds")
    killed.add_argument("--seed", type=int, default=1)
    for one, minutes in ((database, 30.0), (broker, 30.0), (killed, 20.0)):
        one.add_argument("--minutes", type=float, default=minutes)
        one.add_argument("--devices", type=int, default=20)
        one.add_argument("--scan-s", type=float, default=1.0)
    return parser.parse_args(words)


async def run(asked: argparse.Namespace, folder: Path) -> Verdict:
    if asked.run == "roles-kill":
        return await roles_kill(Killing(asked.minutes, asked.devices, asked.scan_s, asked.seed), folder)
    if asked.run == "t19":
        return await t19(BrokerOutage(asked.minutes, asked.devices, asked.scan_s), folder)
    return await t14(Outage(asked.engine, asked.how, asked.minutes, asked.devices, asked.scan_s), folder)


def main(words: Sequence[str] | None = None) -> int:
    asked = arguments(words)
    folder = Path(tempfile.mkdtemp(prefix=f"em-{asked.run}-"))
    try:
        verdict = asyncio.run(run(asked, folder))
    finally:
        if asked.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(verdict.text())
    return 0 if verdict.ok else 1


if __name__ == "__main__":
    sys.exit(main())

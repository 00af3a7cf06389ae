"""What deploy/Dockerfile would make, without an engine: its files in a folder, its packages in a fresh environment, its commands run.

    python -m tests.image        # some minutes: every package is fetched and checked against its hash
"""

from __future__ import annotations

import fnmatch
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import ROOT

DOCKERFILE = ROOT / "deploy" / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """(instruction, the rest of its line)."""
    lines = (line.strip() for line in DOCKERFILE.read_text().splitlines())
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines if line and not line.startswith("#")]


def command() -> list[str]:
    """What a container without arguments runs."""
    found = dict(instructions())
    return [*json.loads(found["ENTRYPOINT"]), *json.loads(found["CMD"])]


def unpack(folder: Path) -> None:
    """`COPY . .` of a fresh checkout: what is under version control and not in .dockerignore."""
    left_out = [line.removeprefix("**/") for line in (ROOT / ".dockerignore").read_text().split()]
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        parts = Path(name).parts
        if any(fnmatch.fnmatch(part, pattern) for part in parts for pattern in left_out) or not (ROOT / name).is_file():
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)


def run(python: Path | str, folder: Path, data: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """As in the container: nothing of ours around it."""
    env = {"PATH": os.environ["PATH"], "ENERGY_DATA_DIR": str(data)}
    return subprocess.run([str(python), *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)


def main() -> int:
    """Exit code."""
    with tempfile.TemporaryDirectory() as name:
        image, data, home = (Path(name, part) for part in ("image", "data", "venv"))
        venv.create(home, with_pip=True)
        unpack(image)
        for what, rest in instructions():
            if what == "RUN" and rest.startswith("pip "):
                subprocess.run([home / "bin" / "python", "-m", *shlex.split(rest)], cwd=image, check=True)
        for role in ("serve", "collect", "ingest", "web", "health"):
            done = run(home / "bin" / "python", image, data, [*command()[1:-1], role, "--help"])
            print(role, "starts" if done.returncode == 0 else done.stderr[-2000:])
            if done.returncode:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

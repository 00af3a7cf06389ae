#!/usr/bin/env python3
"""Sets Energy Monitoring up in this folder. Needs Python 3.11 or newer and nothing else; safe to run again at any time.

    python3 install.py                 set up (environment, locked requirements, data folder, embedded database)
    python3 install.py --start         set up, then start; with no plant configured the demonstration shop starts
    python3 install.py --test          set up what the tests need, then run them all
    python3 install.py --systemd       set up, then install the service unit (as root)
    python3 install.py --database URL  set up, then prepare that database
    python3 install.py --wheels DIR    take packages from a folder of wheels instead of an index (no internet needed)
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST = (3, 11)
SERVICE_USER = "energy-monitoring"
UNIT = Path("/etc/systemd/system/energy-monitoring.service")

# program or file that the tests need -> Debian package that brings it
TEST_PARTS = {
    "mariadbd": "mariadb-server",
    "/usr/lib/postgresql": "postgresql",
    "chromium": "chromium",
    "mbpoll": "mbpoll",
    "mosquitto": "mosquitto",
    "mosquitto_sub": "mosquitto-clients",
    "gcc": "gcc",
    "/usr/include/modbus/modbus.h": "libmodbus-dev",
    "pdftoppm": "poppler-utils",
    "influxd": "influxdb",
    "influx": "influxdb-client",
    "victoria-metrics": "victoria-metrics",
    "java": "default-jre-headless",
    "mvn": "maven",
    "node": "nodejs",
    "npm": "npm",
}


class SetupError(Exception):
    """Something is missing; the message names it and the command that gets it."""


def main(arguments: list[str] | None = None) -> int:
    """Do what the options ask for. Exit codes: 0 done, 2 something is missing or wrong (one clear message), 1 anything else."""
    options = _options(arguments)
    try:
        _check_python()
        _make_environment(options.wheels, with_tests=options.test)
        _compile()
        if options.test:
            return _run_tests(options.pytest)
        _prepare(options.database)
        if options.systemd:
            _install_unit()
        if options.start:
            return _start(options.database)
    except SetupError as problem:
        print(f"install: {problem}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as failed:
        print(f"install: this step failed (exit code {failed.returncode}): {' '.join(map(str, failed.cmd))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if not options.systemd:
        print(f"Ready. Start it with: {PYTHON} {ROOT / 'main.py'}")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Set up Energy Monitoring in this folder.")
    parser.add_argument("--start", action="store_true", help="then start it; without a plant: the demonstration shop")
    parser.add_argument("--test", action="store_true", help="set up what the tests need and run the whole suite")
    parser.add_argument("--systemd", action="store_true", help="then install the service unit (needs root)")
    parser.add_argument("--database", metavar="URL", help="prepare this database instead of the embedded one")
    parser.add_argument("--wheels", metavar="DIR", type=Path, help="install from a folder of wheels, without internet")
    parser.add_argument("pytest", nargs="*", metavar="ARG", help="with --test: arguments for pytest (after --)")
    options = parser.parse_args(arguments)
    if options.pytest and not options.test:
        parser.error(f"unexpected: {' '.join(options.pytest)}")
    return options


def _check_python() -> None:
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(f"Python 3.11 or newer is needed, this is {found}. Debian 12 and newer: apt-get install python3")


def _make_environment(wheels: Path | None, *, with_tests: bool) -> None:
    """Create .venv and install the locked requirements; skipped when the lock has not changed since."""
    if not PYTHON.exists():
        print("Creating .venv ...", flush=True)
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
        if made.returncode:
            shutil.rmtree(VENV, ignore_errors=True)
            raise SetupError(
                "Python cannot make virtual environments here. Debian, Ubuntu: apt-get install python3-venv\n"
                + made.stdout
                + made.stderr
            )
    lock = ROOT / ("requirements-dev.txt" if with_tests else "requirements.txt")
    stamp = VENV / f"installed-{lock.name}"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing what {lock.name} lists (about a minute) ...", flush=True)
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
    if wheels is not None:
        if not wheels.is_dir():
            raise SetupError(f"--wheels {wheels}: there is no such folder")
        command += ["--no-index", "--find-links", str(wheels)]
    subprocess.run(command, check=True)
    stamp.write_text(wanted)
    if with_tests:  # the development lock holds the other one too
        runtime = ROOT / "requirements.txt"
        (VENV / f"installed-{runtime.name}").write_text(hashlib.sha256(runtime.read_bytes()).hexdigest())


def _compile() -> None:
    """Byte code beside the sources, where that can be written: each start, that of the service too, is a second shorter."""
    folders = sorted(str(package.parent) for package in ROOT.glob("*/__init__.py"))
    subprocess.run([str(PYTHON), "-m", "compileall", "-q", "-j", "0", *folders], check=False, stdout=subprocess.DEVNULL, cwd=ROOT)


def _environment(database: str | None) -> dict[str, str]:
    environment = dict(os.environ)
    if database:
        environment["ENERGY_DATABASE__URL"] = database
    return environment


def _prepare(database: str | None) -> None:
    """Create the data folder with fresh secrets and bring the database to the current schema."""
    subprocess.run([str(PYTHON), str(ROOT / "main.py"), "prepare"], check=True, env=_environment(database), cwd=ROOT)


def _start(database: str | None) -> int:
    command = [str(PYTHON), str(ROOT / "main.py"), "start"]
    process = subprocess.Popen(command, env=_environment(database), cwd=ROOT)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the product got it too and is stopping in order
            continue


def _missing_test_parts() -> list[str]:
    missing = [package for part, package in TEST_PARTS.items() if not (Path(part).exists() if part[0] == "/" else _found(part))]
    return sorted(set(missing))


def _found(program: str) -> bool:
    return shutil.which(program) is not None or any((Path(folder) / program).exists() for folder in ("/usr/sbin", "/sbin"))


def _run_tests(arguments: list[str]) -> int:
    """Install missing test servers where that is possible, then run pytest; in CI a missing server is a failure."""
    missing = _missing_test_parts()
    if missing:
        command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
        if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
            print(f"Installing for the tests: {', '.join(missing)} ...", flush=True)
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(["apt-get", "update", "-qq"], check=True, env=quiet)
            subprocess.run([*command[:2], "-qq", *command[2:]], check=True, env=quiet, stdout=subprocess.DEVNULL)
        elif os.environ.get("CI") == "true":
            raise SetupError(f"the tests need: sudo {' '.join(command)}")
        else:
            print(f"Some tests will be skipped. To run them all: sudo {' '.join(command)}", flush=True)
    two = ["-n", "2", "--dist", "loadscope"]  # browsers fill two cores: a third worker saves nothing
    three = ["-n", "3", "--dist", "loadscope"]  # who speaks to devices in real time mostly waits
    slowest = ["--durations=20", "--durations-min=4"]  # what the run's time goes to is seen in every run
    runs = [[*two, *slowest, "-m", "not timed and not alone"], [*three, *slowest, "-m", "timed"], ["-m", "alone"]]
    results = [_pytest(chosen) for chosen in ([arguments] if arguments else runs)]
    return next((code for code in results if code), 0)


def _pytest(arguments: list[str]) -> int:
    """The tests start the product many times: what is compiled once must stay, also where the machine says otherwise."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run([str(PYTHON), "-m", "pytest", *arguments], cwd=ROOT, check=False, env=environment).returncode


def _install_unit() -> None:
    """Create the service's user, write the unit with this folder's paths, tell systemd of it where it runs."""
    if os.name != "posix" or not shutil.which("systemctl"):
        raise SetupError("--systemd needs a machine with systemd")
    if os.geteuid() != 0:
        raise SetupError(f"--systemd needs root: sudo {sys.executable} {ROOT / 'install.py'} --systemd")
    wrong = _unfit_for_service(ROOT) or _unfit_for_service(PYTHON.resolve())
    if wrong:
        raise SetupError(f"{wrong}: move this folder to /opt/energy-monitoring and run it there with the system's Python")
    if subprocess.run(["id", SERVICE_USER], capture_output=True, check=False).returncode:
        home = "/var/lib/energy-monitoring"
        subprocess.run(["useradd", "--system", "--home-dir", home, "--shell", "/usr/sbin/nologin", SERVICE_USER], check=True)
    text = (ROOT / "energy-monitoring.service").read_text(encoding="utf-8").replace("/opt/energy-monitoring", str(ROOT))
    UNIT.write_text(text, encoding="utf-8")
    if not Path("/run/systemd/system").exists():  # as sd_booted(3) asks: a container, a chroot, an image being made
        print(f"The unit is written to {UNIT}, but systemd does not run here: nothing is started.")
        print("Where it runs: systemctl daemon-reload && systemctl enable --now energy-monitoring")
        return
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    print("The unit is installed. Start it with: systemctl enable --now energy-monitoring")


def _unfit_for_service(path: Path) -> str | None:
    """Why the service could not use what lies there; the unit hides homes and /tmp from it and has its paths as single words."""
    if path.parts[1:2] in [("home",), ("root",), ("tmp",)] or path.parts[1:3] == ("var", "tmp"):
        return f"the service may not read {path}"
    if not re.fullmatch(r"[\w./+-]+", str(path)):
        return f"a unit cannot name {path} (spaces and signs in it)"
    return None


if __name__ == "__main__":
    sys.exit(main())

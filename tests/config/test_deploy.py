"""The files of deploy/: every name in them is one the program knows, nothing secret stands in them, everything has a health check."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from application.roles.alive import STATUS_FILE, look_at
from config.settings import load_settings
from main import parser
from tests import image
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
ROLES = ("collect", "ingest-1", "ingest-2", "web")
GIVEN = {"ENERGY_DB_PASSWORD": "s3cret", "ENERGY_INFLUX_TOKEN": "t0ken"}


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def filled(text: str) -> str:
    """As compose fills in its variables; each must say what to do when it is missing."""
    for name, message in re.findall(r"\$\{(\w+)([^}]*)\}", text):
        assert message.startswith(":?set "), text
        text = re.sub(r"\$\{" + name + r"[^}]*\}", GIVEN[name], text)
    return text


def objects() -> Iterator[dict[str, Any]]:
    for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        yield from (one for one in yaml.safe_load_all(file.read_text()) if one["kind"] != "Kustomization")


def pods() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for one in objects():
        if "template" in one.get("spec", {}):
            spec = one["spec"]["template"]["spec"]
            (container,) = spec["containers"]
            yield one["metadata"]["name"], spec, container


@pytest.mark.parametrize("name", ROLES)
def test_each_role_of_compose_starts_with_settings_the_program_takes(name: str, tmp_path: Path) -> None:
    service = compose()["services"][name]
    (command,) = service["command"]
    assert parser().parse_args([command]).run.__name__ == name.partition("-")[0]
    environment = {key: filled(str(value)) for key, value in service["environment"].items()}
    settings = load_settings({**environment, "ENERGY_DATA_DIR": str(tmp_path)})
    assert settings.kafka.bootstrap == "kafka:9092"
    assert settings.database_url == "mysql+aiomysql://energy:s3cret@database/energy"
    assert settings.role.name is not None
    assert "/data" in [volume.partition(":")[2] for volume in service["volumes"]]


def test_compose_holds_together() -> None:
    whole = compose()
    services = whole["services"]
    assert {"kafka", "database", "influxdb", *ROLES} == set(services)
    names = [services[name]["environment"]["ENERGY_ROLE__NAME"] for name in ROLES]
    assert len(set(names)) == len(names)
    for name, service in services.items():
        assert service["healthcheck"]["test"], name
        assert ":" in service["image"], name
        assert not service["image"].endswith("latest"), name
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in whole["volumes"], volume
        assert set(service.get("depends_on", ())) <= set(services), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        for key, value in service["environment"].items():
            if re.search(r"PASSWORD$|TOKEN$|URL$", key) and "RANDOM" not in key:
                assert "${" in str(value) or ("@" not in str(value) and "://" in str(value)), f"{name}: {key} is written out"


def test_each_pod_starts_with_settings_the_program_takes(tmp_path: Path) -> None:
    (shared,) = [one["data"] for one in objects() if one["kind"] == "ConfigMap"]
    found = []
    for name, spec, container in pods():
        (command,) = container["args"]
        assert parser().parse_args([command]).run.__name__ == command
        environment = dict(shared)
        for entry in container["env"]:
            source = entry.get("valueFrom", {})
            assert "value" in entry or source, entry
            environment[entry["name"]] = entry.get("value", "pod-0")
            if "secretKeyRef" in source:
                environment[entry["name"]] = "postgresql+asyncpg://u:p@db/energy"
        assert "secretKeyRef" in next(e for e in container["env"] if e["name"] == "ENERGY_DATABASE__URL")["valueFrom"]
        assert load_settings({**environment, "ENERGY_DATA_DIR": str(tmp_path)}).role.name == "pod-0"
        assert spec["enableServiceLinks"] is False, f"{name}: a service named energy-… would set variables that are no settings"
        assert spec["securityContext"]["runAsNonRoot"]
        assert {"livenessProbe", "startupProbe"} <= set(container), name
        there = {volume["name"] for volume in spec["volumes"]} | {"data"}
        assert {mount["name"] for mount in container["volumeMounts"]} <= there, name
        found.append(command)
    assert sorted(found) == ["collect", "ingest", "web"]


def test_kustomize_builds_the_example() -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed on this machine")
    done = subprocess.run([kubectl, "kustomize", str(DEPLOY / "kubernetes")], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    kinds = [one["kind"] for one in yaml.safe_load_all(done.stdout)]
    assert sorted(kinds) == ["ConfigMap", "Deployment", "Service", "StatefulSet", "StatefulSet"]


def test_the_health_check_tells_a_living_role_from_a_silent_one(tmp_path: Path) -> None:
    now_us = 1_763_548_800_000_000
    assert look_at(tmp_path, now_us) == (False, f"no role has run on {tmp_path}")
    told = {"name": "ingest-1", "state": "away", "detail": "the database is away", "time_us": now_us - 4_000_000}
    (tmp_path / STATUS_FILE).write_text(json.dumps(told))
    assert look_at(tmp_path, now_us) == (True, "ingest-1: away, told 4 s ago, the database is away")
    assert not look_at(tmp_path, now_us + 60_000_000)[0]
    (tmp_path / STATUS_FILE).write_text("{")
    assert "cannot be read" in look_at(tmp_path, now_us)[1]
    done = subprocess.run(
        [sys.executable, "-m", "application.roles.alive"], cwd=ROOT, env={"ENERGY_DATA_DIR": str(tmp_path)}, capture_output=True, check=False
    )
    assert done.returncode == 1


def test_the_image_copies_and_installs_what_there_is() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    assert "--require-hashes" in next(line for line in lines if line.startswith("RUN pip"))
    assert any(line == "USER energy" for line in lines)
    assert (ROOT / "requirements.txt").is_file()


def test_what_the_image_leaves_out_is_not_needed(tmp_path: Path) -> None:
    image.unpack(tmp_path / "image")
    assert not (tmp_path / "image" / "tests").exists()
    every = "import main, application.build, application.roles.commands; main.parser()"
    done = image.run(sys.executable, tmp_path / "image", tmp_path / "data", ["-c", every])
    assert done.returncode == 0, done.stderr
    assert image.command() == ["python", "main.py", "serve"]


def test_every_file_and_path_that_is_named_is_there() -> None:
    told = "\n".join(file.read_text() for file in sorted(DEPLOY.rglob("*")) if file.is_file())
    named = set(re.findall(r"(?<![\w/:.-])(?:docs|deploy|application|main\.py)(?:/[\w./-]+)?", told)) - {"deploy/.env"}  # made by hand
    assert all((ROOT / name.rstrip(".")).exists() for name in named), named
    for module in re.findall(r'"-m", "([\w.]+)"|-m, ([\w.]+)\]', told):
        assert (ROOT / f"{''.join(module).replace('.', '/')}.py").is_file(), module
    kept = {mount["mountPath"] for _, _, container in pods() for mount in container["volumeMounts"]}
    assert kept <= {"/data", "/tmp", "/data/keys"}  # noqa: S108 - of a container

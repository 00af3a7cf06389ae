"""The benchmarks are run by hand, seldom: what is moved in the product must not leave them behind."""

from __future__ import annotations

import importlib

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize("name", sorted(file.stem for file in (ROOT / "benchmarks").glob("[!_]*.py")))
def test_its_imports_are_there(name: str) -> None:
    importlib.import_module(f"benchmarks.{name}")

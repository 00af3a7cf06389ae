"""install.py --systemd: what it writes, and what it says where it cannot do all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import install


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("/home/me/energy", "may not read"),
        ("/root/energy", "may not read"),
        ("/tmp/energy", "may not read"),
        ("/var/tmp/energy", "may not read"),
        ("/opt/energy monitoring", "cannot name"),
        ("/opt/100%", "cannot name"),
        ("/opt/energy-monitoring", None),
        ("/srv/energy_2.0", None),
        ("/usr/bin/python3.11", None),
    ],
)
def test_a_folder_the_service_could_not_use_is_named_before_anything_is_written(folder: str, why: str | None) -> None:
    found = install._unfit_for_service(Path(folder))
    assert found is None if why is None else found is not None and why in found and folder in found

"""main.py plugin: the skeleton it writes loads, reads its example and passes its own test."""

from __future__ import annotations

from pathlib import Path

import pytest

from main import main


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENERGY_DATA_DIR", str(tmp_path))
    return tmp_path / "plugins"


@pytest.mark.parametrize("more", [[], ["--like", "event_counter"]])
def test_a_new_plug_in_works_as_it_is(data_dir: Path, capsys: pytest.CaptureFixture[str], more: list[str]) -> None:
    assert main(["plugin", "new", "my_lathe", *more]) == 0
    assert {file.name for file in data_dir.iterdir()} == {"my_lathe.py", "test_my_lathe.py"}
    assert main(["plugin", "check", "my_lathe"]) == 0
    out = capsys.readouterr().out
    assert "its tests pass" in out
    assert "program" in out
    assert main(["plugin", "new", "my_lathe"]) == 2, "nothing is overwritten"


def test_what_is_wrong_is_told(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugin", "new", "My Lathe"]) == 2
    assert main(["plugin", "check"]) == 2
    data_dir.mkdir()
    (data_dir / "broken.py").write_text("import nothing_of_that_name\n")
    assert main(["plugin", "check"]) == 1
    assert "does not load: ModuleNotFoundError" in capsys.readouterr().out
    assert main(["plugin", "new", "lathe"]) == 0
    file = data_dir / "lathe.py"
    file.write_text(file.read_text().replace('payload.get("speed")', 'payload["no such"]'))
    assert main(["plugin", "check", "lathe"]) == 1
    assert "its example fails: KeyError: 'no such' (line" in capsys.readouterr().out

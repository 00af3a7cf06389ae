"""Own profiles edited while the plant runs: checked with it, audited, written, kept; a refused change leaves everything as it was."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from config.plant_admin import PlantAdmin
from config.profile_admin import KEPT_EARLIER, ProfileAdmin
from config.profile_catalog import ProfileCatalog
from config.profile_draft import check_document, check_text, dump_profile
from config.profile_loader import ProfileError, load_profile
from config.yaml_source import load_yaml
from database import Database, open_database
from domain.access import Actor, Role
from domain.commissioning import ReadNow
from domain.errors import ConfigError, Conflict, Forbidden, NotFound
from domain.plant import Device, Line, Plant, Tag
from tests.conftest import FakeClock

ADMIN, ENGINEER = Actor("anna", Role.ADMIN), Actor("egor", Role.ENGINEER)
PLANT = """
site: {name: "Shop", timezone: Europe/Moscow}
lines:
  - {id: tcp1, transport: modbus-tcp, host: 127.0.0.1, port: 1502}
devices:
  - {id: m1, profile: eastron-sdm630, line: tcp1, address: 1}
limits:
  - {tag: m1.voltage_l1, high: 250}
"""
SHIPPED = sorted((Path(__file__).parents[2] / "config" / "profiles").glob("*.yaml"))


class Shop:
    """The two services over a real database and folder, with what was applied and read."""

    def __init__(self, database: Database, clock: FakeClock, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.applied: list[tuple[Plant, Sequence[Tag]]] = []
        self.read: list[tuple[Device, Line]] = []
        self.plant = PlantAdmin(
            database.plants, database.audit, ProfileCatalog.load(folder), clock, {},
            apply=lambda plant, tags: self.applied.append((plant, tags)), reader=self._read,
        )
        self.profiles = ProfileAdmin(self.plant, folder)

    async def _read(self, device: Device, line: Line) -> ReadNow:
        self.read.append((device, line))
        return ReadNow(0.1)

    async def use(self, profile: str) -> None:
        """m1 is read by it."""
        await self.plant.save_device(
            {"id": "m1", "profile": profile, "line": "tcp1", "address": 1}, ADMIN, new=False
        )


@pytest.fixture
async def shop(tmp_path: Path, fake_clock: FakeClock) -> AsyncIterator[Shop]:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'energy.db'}", tmp_path, fake_clock) as database:
        made = Shop(database, fake_clock, tmp_path / "profiles")
        await made.plant.load()
        await made.plant.import_yaml(PLANT, ADMIN)
        yield made


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_profile_that_is_written_again_says_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    document = check_text(text, path.stem).document
    again = dump_profile(document)
    assert load_yaml(again, "again").document == document
    assert load_profile(again, file="again", name=path.stem) == load_profile(text, file="first", name=path.stem)
    assert len(re.findall("^- ", again, re.MULTILINE)) == len(document["points"])  # type: ignore[arg-type]


def test_a_draft_is_checked_as_a_file_is_and_its_good_points_can_be_read() -> None:
    text = SHIPPED[0].parent.joinpath("eastron-sdm630.yaml").read_text(encoding="utf-8")
    document = dict(check_text(text, "own").document)
    points = [dict(point) for point in document["points"]]  # type: ignore[attr-defined]
    points[1]["unit"] = "kWh"
    points[2]["address"] = "x"
    draft = check_document({**document, "points": points}, "own")
    assert isinstance(draft.error, ProfileError)
    assert {problem.path for problem in draft.error.problems} == {("points", 1, "unit"), ("points", 2, "address")}
    assert draft.readable is not None
    assert len(draft.readable.points) == len(points) - 2
    with pytest.raises(ProfileError) as refused:
        load_profile(dump_profile({**document, "points": points}), file="own.yaml", name="own")
    said = {(problem.path, problem.message) for problem in refused.value.problems}
    assert said == {(problem.path, problem.message) for problem in draft.error.problems}


def test_a_fault_in_a_sequential_layout_is_the_only_one_said_and_nothing_moves_to_be_read() -> None:
    document = dict(check_text((SHIPPED[0].parent / "mercury-234-modbus.yaml").read_text(encoding="utf-8"), "own").document)
    points = [dict(point) for point in document["points"]]  # type: ignore[attr-defined]
    points[0]["scale"] = "abc"
    draft = check_document({**document, "points": points}, "own")
    assert isinstance(draft.error, ProfileError)
    assert [problem.path for problem in draft.error.problems] == [("points", 0, "scale")]
    assert draft.readable is None  # without the first value every other would be read from its neighbour's place


@pytest.mark.parametrize("document", [{}, {"points": []}, {"points": 7}, {"points": [7]}, {"title": "x", "points": [{"tag": "a"}]}])
def test_a_draft_without_a_good_point_cannot_be_read(document: dict[str, object]) -> None:
    draft = check_document(document, "own")
    assert draft.error is not None
    assert draft.readable is None


def test_a_text_that_is_no_yaml_or_endless_is_refused_with_its_line() -> None:
    draft = check_text("title: [", "own")
    assert isinstance(draft.error, ProfileError)
    assert draft.error.problems[0].line is not None
    endless = check_text("#" * 400_000, "own")
    assert endless.error is not None
    assert "at most 300000" in str(endless.error)


async def test_a_copy_is_listed_and_can_be_used_at_once(shop: Shop) -> None:
    made = await shop.profiles.copy("eastron-sdm630", "own-630", "Ввод 2", ADMIN)
    assert made.own
    assert made.document["title"] == {"ru": "Ввод 2", "en": "Ввод 2"}
    entry = next(entry for entry in shop.profiles.entries() if entry.name == "own-630")
    assert entry.own
    assert not entry.replaces
    assert entry.devices == ()
    await shop.use("own-630")
    assert shop.profiles.users("own-630") == ("m1",)
    assert ProfileCatalog.load(shop.folder).get("own-630").title["ru"] == "Ввод 2"  # the next start finds it


async def test_a_copy_as_it_is_keeps_the_text_with_its_comments(shop: Shop) -> None:
    made = await shop.profiles.copy("mercury-234-modbus", "own", "", ADMIN)
    assert made.text == (SHIPPED[0].parent / "mercury-234-modbus.yaml").read_text(encoding="utf-8")


async def test_saving_reads_the_devices_by_the_new_points(shop: Shop) -> None:
    made = await shop.profiles.copy("eastron-sdm630", "own", "", ADMIN)
    await shop.use("own")
    changed = made.text + "  - {tag: extra, quantity: voltage, unit: V, address: 900}\n"
    saved = await shop.profiles.save("own", changed, ADMIN, made.known)
    plant, tags = shop.applied[-1]
    assert "extra" in {point.tag for point in plant.device("m1").profile.points}
    assert "m1.extra" in {tag.name for tag in tags}
    assert saved.text == changed
    assert [await shop.profiles.earlier("own", number) for number, _ in saved.earlier] == [made.text]
    entry = (await shop.database.audit.entries(1))[0]
    assert (entry.action, entry.subject, entry.actor) == ("profile_update", "own", "anna")
    assert "tag: extra" in str(entry.new)
    assert "voltage_l1" not in str(entry.new)


async def test_a_change_that_the_plant_cannot_live_with_leaves_everything(shop: Shop) -> None:
    made = await shop.profiles.copy("eastron-sdm630", "own", "", ADMIN)
    await shop.use("own")
    applied = len(shop.applied)
    without = "\n".join(line for line in made.text.splitlines() if "tag: voltage_l1," not in line)
    with pytest.raises(ConfigError, match="voltage_l1"):
        await shop.profiles.save("own", without, ADMIN, made.known)
    with pytest.raises(ConfigError, match="does not measure"):
        await shop.profiles.save("own", made.text.replace("unit: Hz", "unit: kWh"), ADMIN, made.known)
    assert (await shop.profiles.file("own")).text == made.text
    assert len(shop.applied) == applied
    assert (await shop.database.audit.entries(1))[0].action == "device_update"


async def test_two_people_at_one_profile_are_told(shop: Shop) -> None:
    made = await shop.profiles.copy("eastron-sdm630", "own", "", ADMIN)
    await shop.profiles.save("own", made.text + "# mine\n", ADMIN, made.known)
    with pytest.raises(Conflict, match="changed by somebody else"):
        await shop.profiles.save("own", made.text + "# theirs\n", ADMIN, made.known)
    assert (await shop.profiles.file("own")).text.endswith("# mine\n")


async def test_a_profile_in_use_stays(shop: Shop) -> None:
    await shop.profiles.copy("eastron-sdm630", "own", "", ADMIN)
    await shop.use("own")
    with pytest.raises(Conflict, match="used by m1"):
        await shop.profiles.delete("own", ADMIN)
    await shop.use("eastron-sdm630")
    await shop.profiles.delete("own", ADMIN)
    assert "own" not in shop.plant.catalog
    assert not (shop.folder / "own.yaml").exists()
    with pytest.raises(NotFound):
        await shop.profiles.delete("own", ADMIN)


async def test_a_name_that_is_none_is_refused(shop: Shop) -> None:
    for name in ("", "Own", "a/b", "../x", "x" * 65, "свой"):
        with pytest.raises(ConfigError, match="name: "):
            await shop.profiles.copy("eastron-sdm630", name, "", ADMIN)
        with pytest.raises(NotFound):
            await shop.profiles.file(name or "nothing")


async def test_taken_names_shipped_files_and_lesser_roles_are_refused(shop: Shop) -> None:
    with pytest.raises(Conflict, match="exists already"):
        await shop.profiles.copy("eastron-sdm630", "abb-b23", "", ADMIN)
    with pytest.raises(NotFound):
        await shop.profiles.save("abb-b23", "x", ADMIN, "")
    for act in (
        shop.profiles.copy("abb-b23", "own", "", ENGINEER), shop.profiles.save("own", "", ENGINEER, ""),
        shop.profiles.delete("own", ENGINEER), shop.profiles.read_now("own", {}, {"device": "m1"}, ENGINEER),
    ):  # fmt: skip
        with pytest.raises((Forbidden, ProfileError)):
            await act
    assert not shop.folder.exists()


async def test_a_file_that_is_wrong_is_listed_with_what_is_wrong_and_can_be_put_right(shop: Shop) -> None:
    shop.folder.mkdir()
    good = SHIPPED[0].read_text(encoding="utf-8")
    (shop.folder / "broken.yaml").write_text("title: 7\n", encoding="utf-8")
    again = Shop(shop.database, FakeClock(), shop.folder)
    await again.plant.load()
    entry = next(entry for entry in again.profiles.entries() if entry.name == "broken")
    assert entry.own
    assert entry.profile is None
    assert any("title" in problem for problem in entry.problems)
    file = await again.profiles.file("broken")
    await again.profiles.save("broken", good, ADMIN, file.known)
    assert next(e for e in again.profiles.entries() if e.name == "broken").profile is not None


async def test_a_draft_is_tried_on_a_device_or_an_address(shop: Shop) -> None:
    document = dict((await shop.profiles.file("eastron-sdm630")).document)
    document["points"] = [{"tag": "u", "quantity": "voltage", "unit": "V", "address": 4, "type": "float32", "table": "input"}]
    await shop.profiles.read_now("own", document, {"device": "m1"}, ADMIN)
    await shop.profiles.read_now("own", document, {"line": "tcp1", "address": 77}, ADMIN)
    (first, _), (second, line) = shop.read
    assert (first.id, first.address, [point.tag for point in first.profile.points]) == ("m1", 1, ["u"])
    assert (second.address, line.id) == (77, "tcp1")
    assert shop.plant.plant.device("m1").profile.name == "eastron-sdm630"  # nothing has changed
    with pytest.raises(ConfigError, match="address"):
        await shop.profiles.read_now("own", document, {"line": "tcp1", "address": 999}, ADMIN)


async def test_earlier_texts_are_kept_and_bounded(shop: Shop) -> None:
    made = await shop.profiles.copy("abb-b23", "own", "", ADMIN)
    for n in range(KEPT_EARLIER + 3):
        made = await shop.profiles.save("own", f"{made.text}# {n}\n", ADMIN, made.known)
    assert len(made.earlier) == KEPT_EARLIER
    assert (await shop.profiles.earlier("own", made.earlier[0][0])).endswith(f"# {KEPT_EARLIER + 1}\n")
    with pytest.raises(NotFound):
        await shop.profiles.earlier("own", 1)

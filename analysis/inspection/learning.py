"""A quality model learned from good items and their pictures, and pictures compared with one. Blocks: for the worker process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.inspection.models import LEAST_ITEMS, PICTURE, PICTURE_FEATURE, WITHOUT, Document, train
from analysis.inspection.pictures import Reference, can_compare, learn, size_of
from domain.camera import Comparing, NoPicture
from domain.errors import ConfigError

Features = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class HeavyWork:
    """`learned` and `compared` away from the event loop."""

    learned: Callable[[str, Sequence[Features], Sequence[bytes], Comparing | None], Awaitable[Document]]
    compared: Callable[[Mapping[str, Any], Sequence[bytes]], Awaitable[Sequence[Features | None]]]


def learned(kind: str, items: Sequence[Features], pictures: Sequence[bytes] = (), comparing: Comparing | None = None) -> Document:
    """A model of good items. `pictures`: of each item, empty where there is none; `comparing` None: not looked at.

    With enough pictures the model holds their reference, judges by what it says too, and has a model for items without one.
    Raises ConfigError (unknown kind, too few items, nothing to learn from).
    """
    plain = [plain_features(item) for item in items]
    seen = [(item, jpeg) for item, jpeg in zip(plain, pictures, strict=False) if jpeg]
    if seen:  # a camera that was turned or exchanged: the newest decide
        shape = size_of(seen[0][1])
        seen = [(item, jpeg) for item, jpeg in seen if size_of(jpeg) == shape]
    if comparing is None or len(seen) < LEAST_ITEMS or not can_compare():
        return train(kind, plain)
    reference, differences = learn([jpeg for _, jpeg in seen], comparing)
    document = train(kind, [{**item, **found.features()} for (item, _), found in zip(seen, differences, strict=True)])
    try:
        without = train(kind, plain)
    except ConfigError:  # nothing but the picture tells parts apart
        without = None
    return {**document, PICTURE: reference.document(), WITHOUT: without}


def compared(document: Mapping[str, Any], jpegs: Sequence[bytes]) -> list[Features | None]:
    """What the pictures differ from the reference of a model's document; None where that cannot be said."""
    reference = Reference.of(document)
    found: list[Features | None] = []
    for jpeg in jpegs:
        try:
            found.append(reference.compare(jpeg).features())
        except NoPicture:
            found.append(None)
    return found


def plain_features(item: Features) -> dict[str, float]:
    """Without those of the picture: they hold for the reference of one model only."""
    return {name: value for name, value in item.items() if not name.startswith(PICTURE_FEATURE)}

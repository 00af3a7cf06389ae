"""Where a point of an OPC UA server lies."""

from __future__ import annotations

from dataclasses import dataclass

from domain.places import Place


@dataclass(frozen=True, slots=True)
class OpcUaPlace(Place):
    """`node`: a node id such as `ns=2;s=/Channel/State/progStatus`, or `/` and a path of browse names below Objects.

    `namespace`: URI of the node's namespace; its index is then looked up at each connection, whatever `ns=` says. In a path it
    is the one of all parts without a number.
    `index`: element of an array. `deadband`: changes up to that much (raw units) are not told; `deadband_percent` the same in
    percent of the range the server knows.
    `sampling_s`: how often the server looks, s; None takes the
    device's scan interval. `queue`: changes kept between two messages.
    """

    node: str
    namespace: str | None = None
    index: int | None = None
    deadband: float | None = None
    deadband_percent: float | None = None
    sampling_s: float | None = None
    queue: int = 10

    @property
    def shown(self) -> str:
        return self.node if self.index is None else f"{self.node}[{self.index}]"

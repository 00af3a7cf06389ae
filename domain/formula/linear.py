"""Is a formula a weighted sum of counters? Then its value is a counter again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.formula.bound import Bound, operations

Weights = Mapping[str, float]


def counters_of(root: Bound, is_counter: Callable[[str], bool]) -> Weights:
    """Weight of each counter in the sum; empty when it is anything but a weighted sum of counters (and constants)."""
    found: dict[int, dict[str, float] | None] = {}
    for node in operations([root]):
        found[id(node)] = _weights(node, [found[id(arg)] for arg in node.args], is_counter)
    return found[id(root)] or {}


def _weights(
    node: Bound, args: list[dict[str, float] | None], is_counter: Callable[[str], bool]
) -> dict[str, float] | None:
    if node.op == "tag":
        return {node.tag: 1.0} if is_counter(node.tag) else None
    if node.op == "const":
        return {}
    if any(arg is None for arg in args):
        return None
    known = [arg for arg in args if arg is not None]
    match node.op:
        case "+" | "sum":
            return _added(known)
        case "-":
            return _added([known[0], _weighted(known[1], -1.0)])
        case "neg":
            return _weighted(known[0], -1.0)
        case "scale":
            return _weighted(known[0], node.value)
        case "*" | "/":
            return _product(node, known)
    return None


def _product(node: Bound, known: list[dict[str, float]]) -> dict[str, float] | None:
    left, right = (arg.constant for arg in node.args)
    if right is not None:
        return _weighted(known[0], right if node.op == "*" else 1.0 / right if right else 0.0)
    if left is not None and node.op == "*":
        return _weighted(known[1], left)
    return None


def _weighted(weights: dict[str, float], factor: float) -> dict[str, float]:
    return {name: weight * factor for name, weight in weights.items()}


def _added(parts: list[dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in parts:
        for name, weight in part.items():
            total[name] = total.get(name, 0.0) + weight
    return total

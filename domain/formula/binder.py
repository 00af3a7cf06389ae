"""From the tree to operations over real tags: names, patterns, units, cycles. What can be refused at entry is refused here."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, Protocol

from domain.formula import units
from domain.formula.bound import Bound, BoundTag, constant, operation, operations
from domain.formula.errors import FormulaError
from domain.formula.linear import counters_of
from domain.formula.parser import parse
from domain.formula.tree import Binary, Call, Negative, Node, Number, Pattern, Place, TagName, UnitName, walk
from domain.formula.units import ZERO, Unit
from domain.quantity import Kind, Quantity, canonical_unit
from domain.virtual import VirtualTag

MOST_TAGS = 1000
MOST_PATTERNS = 20
LONGEST_CHAIN = 20
MOST_OPERATIONS = 5000
LONGEST_WINDOW_S = 3600.0
MOST_COMPARED = 200
_WINDOWS = {"rate", "delta", "avg"}
_COMPARISONS = {"<", "<=", ">", ">=", "=", "!="}


class KnownTag(Protocol):
    """What a formula must know of a real tag (domain.plant.Tag has it)."""

    @property
    def name(self) -> str: ...
    @property
    def quantity(self) -> Quantity: ...
    @property
    def unit(self) -> str: ...
    @property
    def interval_s(self) -> float: ...
    @property
    def max_rate(self) -> float | None: ...


class Binder:
    """Binds the virtual tags of one plant; a tag that another one uses is bound once."""

    def __init__(self, real: Sequence[KnownTag], virtual: Sequence[VirtualTag]) -> None:
        self._real = {tag.name: tag for tag in real}
        self._sorted = sorted(self._real.items())
        self._virtual = {tag.tag: tag for tag in virtual}
        self._done: dict[str, BoundTag] = {}
        self._chain: list[str] = []
        self._leaves: dict[str, Bound] = {}

    def bind(self, name: str) -> BoundTag:
        """The virtual tag `name`. Raises FormulaError."""
        found = self._done.get(name)
        if found is None:
            virtual = self._virtual[name]
            self._chain.append(name)
            try:
                found = self._bind(virtual)
            except FormulaError as wrong:
                raise wrong.within(virtual.formula) from None
            finally:
                self._chain.pop()
            self._done[name] = found
        return found

    def _bind(self, virtual: VirtualTag) -> BoundTag:
        tree = parse(virtual.formula)
        whole = Place(0, len(virtual.formula))
        if sum(isinstance(node, Pattern) for node in walk(tree)) > MOST_PATTERNS:
            _refuse("too_many_patterns", whole, most=MOST_PATTERNS)
        root, unit = self._node(tree)
        if unit == units.TRUTH:
            _refuse("comparison", whole)
        canonical = units.unit_of(canonical_unit(virtual.quantity, virtual.unit))
        if not units.fits(unit, canonical):
            _refuse("result_unit", whole, found=unit.text, wanted=virtual.unit or canonical.text)
        root = _scaled(root, units.factor_between(unit, canonical))
        inputs = tuple(dict.fromkeys(node.tag for node in operations([root]) if node.op == "tag"))
        count = sum(1 for _ in operations([root]))
        if count > MOST_OPERATIONS:
            _refuse("too_many", whole, most=MOST_OPERATIONS)
        if not inputs:
            _refuse("no_tags", whole)
        if len(inputs) > MOST_TAGS:
            _refuse("too_many_tags", whole, count=len(inputs), most=MOST_TAGS)
        max_rate = self._counter_rate(virtual, root, whole) if virtual.quantity.kind is Kind.COUNTER else None
        interval_s = min(self._real[name].interval_s for name in inputs)
        return BoundTag(
            virtual, root, inputs, unit.text, canonical.text, interval_s, max_rate, f"v{virtual.version} {_fingerprint(root)}"
        )

    def _counter_rate(self, virtual: VirtualTag, root: Bound, whole: Place) -> float | None:
        """The most it may grow in a second; None when one of its counters does not tell."""
        weights = counters_of(root, self._is_counter)
        if not weights:
            _refuse("counter", whole, quantity=virtual.quantity.value)
        rates = [(abs(weight), self._real[name].max_rate) for name, weight in weights.items()]
        return None if any(rate is None for _, rate in rates) else sum(weight * (rate or 0.0) for weight, rate in rates)

    def _is_counter(self, name: str) -> bool:
        return self._real[name].quantity.kind is Kind.COUNTER

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def _node(self, node: Node) -> tuple[Bound, Unit]:
        match node:
            case Number(value, name):
                bare = ZERO if value == 0 else units.NUMBER
                return constant(value), units.unit_of(name) if name else bare
            case TagName(name, place):
                return self._tag(name, place)
            case Negative(of):
                inner, unit = self._number(of)
                return operation("neg", (inner,)), unit
            case Binary():
                return self._binary(node)
            case Call():
                return self._call(node)
            case Pattern() | UnitName():
                raise _refusal("pattern_place", node.place)

    def _number(self, node: Node) -> tuple[Bound, Unit]:
        """Anything but a comparison."""
        bound, unit = self._node(node)
        if unit == units.TRUTH:
            _refuse("comparison", node.place)
        return bound, unit

    def _tag(self, name: str, place: Place) -> tuple[Bound, Unit]:
        if name in self._chain:
            chain = " → ".join([*self._chain[self._chain.index(name) :], name])
            _refuse("cycle", place, chain=chain)
        if name in self._virtual:
            if len(self._chain) >= LONGEST_CHAIN:
                _refuse("chain", place, most=LONGEST_CHAIN)
            try:
                found = self.bind(name)
            except FormulaError as wrong:
                if wrong.code in {"cycle", "chain"}:
                    _refuse(wrong.code, place, **wrong.params)
                _refuse("broken_reference", place, name=name, reason=wrong.sentence)
            return found.root, units.unit_of(found.canonical_unit)
        tag = self._real.get(name)
        if tag is None:
            _refuse("unknown_tag", place, name=name, near=", ".join(self._nearest(name)) or "—")
        if tag.quantity.kind is Kind.TEXT:
            _refuse("text_tag", place, name=name)
        return self._leaf(tag)

    def _nearest(self, name: str) -> list[str]:
        """Of the same device or point first; how many are looked at is bounded."""
        device, _, point = name.partition(".")
        known = [*self._real, *self._virtual]
        akin = [other for other in known if other.startswith(f"{device}.") or other.endswith(f".{point}")]
        compared = dict.fromkeys([*akin[:MOST_COMPARED], *known[:MOST_COMPARED]])
        return difflib.get_close_matches(name[:200], compared, n=3, cutoff=0.5)

    def _leaf(self, tag: KnownTag) -> tuple[Bound, Unit]:
        leaf = self._leaves.get(tag.name)
        if leaf is None:
            leaf = self._leaves[tag.name] = Bound("tag", tag=tag.name)
        return leaf, units.unit_of(tag.unit)

    def _binary(self, node: Binary) -> tuple[Bound, Unit]:
        """Long sums and products lean to the left: they are walked, not dived into."""
        spine = [node]
        while isinstance(spine[-1].left, Binary):
            spine.append(spine[-1].left)
        left, unit = self._number(spine[-1].left)
        for step in reversed(spine):
            if unit == units.TRUTH:
                _refuse("comparison", step.left.place)
            left, unit = self._joined(step, left, unit)
        return left, unit

    def _joined(self, node: Binary, left: Bound, left_unit: Unit) -> tuple[Bound, Unit]:
        right, right_unit = self._number(node.right)
        if node.op == "*":
            return operation("*", (left, right)), _product(left_unit, right_unit)
        if node.op == "/":
            if right.constant == 0.0:
                _refuse("zero_division", node.right.place)
            return operation("/", (left, right)), units.divided(_plain(left_unit), _plain(right_unit))
        right = self._alike(left_unit, right, right_unit, node.op, node.right.place)
        unit = right_unit if left_unit == ZERO else left_unit
        return operation(node.op, (left, right)), units.TRUTH if node.op in _COMPARISONS else unit

    def _alike(self, wanted: Unit, bound: Bound, unit: Unit, operation: str, place: Place) -> Bound:
        """`bound` in the scale of `wanted`. Refuses other dimensions."""
        if not units.fits(wanted, unit):
            _refuse("units_differ", place, left=wanted.text, right=unit.text, operation=operation)
        return _scaled(bound, units.factor_between(unit, wanted))

    def _call(self, node: Call) -> tuple[Bound, Unit]:
        name = node.name
        if name == "sum":
            return self._sum(node)
        if name in _WINDOWS:
            return self._window(node)
        if name == "unit":
            return self._unit(node)
        if name == "if":
            condition, truth = self._node(node.args[0])
            if truth != units.TRUTH:
                _refuse("condition", node.args[0].place)
            args, unit = self._list(name, node.args[1:])
            return operation("if", (condition, *args)), unit
        args, unit = self._list(name, node.args)
        if name == "sqrt":
            if args[0].constant is not None and args[0].constant < 0:
                _refuse("negative_root", node.args[0].place)
            rooted = units.root(_plain(unit))
            if rooted is None:
                _refuse("sqrt_unit", node.place, unit=unit.text)
            unit = rooted
        return operation(name, args), unit

    def _list(self, name: str, nodes: Sequence[Node]) -> tuple[tuple[Bound, ...], Unit]:
        """Arguments that must have one unit; that of the first with a unit is taken."""
        pairs = [(*self._number(node), node.place) for node in nodes]
        unit = next((unit for _, unit, _ in pairs if unit != ZERO), ZERO)
        return tuple(self._alike(unit, bound, own, name, place) for bound, own, place in pairs), unit

    def _sum(self, node: Call) -> tuple[Bound, Unit]:
        parts: list[tuple[Bound, Unit, Place]] = []
        for arg in node.args:
            if len(parts) > MOST_TAGS:
                _refuse("too_many_tags", arg.place, count=len(parts), most=MOST_TAGS)
            if isinstance(arg, Pattern):
                parts += [(*self._leaf(tag), arg.place) for tag in self._matching(arg)]
            else:
                parts.append((*self._number(arg), arg.place))
        unit = next((unit for _, unit, _ in parts if unit != ZERO), ZERO)
        return operation("sum", tuple(self._alike(unit, bound, own, "sum", place) for bound, own, place in parts)), unit

    def _matching(self, pattern: Pattern) -> list[KnownTag]:
        """Real tags, in order of their names: a virtual one would count its inputs twice."""
        parts = pattern_parts(pattern.text)
        found = [
            tag for name, tag in self._sorted
            if tag.quantity.kind is not Kind.TEXT and matches(parts, name)
        ]  # fmt: skip
        if not found:
            _refuse("no_match", pattern.place, name=pattern.text)
        if len(found) > MOST_TAGS:
            _refuse("too_many_tags", pattern.place, count=len(found), most=MOST_TAGS)
        return found

    def _window(self, node: Call) -> tuple[Bound, Unit]:
        inner, unit = self._number(node.args[0])
        time = node.args[1]
        seconds = units.unit_of("s")
        length_s = 0.0
        if isinstance(time, Number) and time.unit and units.fits(units.unit_of(time.unit), seconds):
            length_s = time.value * units.unit_of(time.unit).scale
        if not 1.0 <= length_s <= LONGEST_WINDOW_S:
            _refuse("window", time.place, low="1 s", high="1 h")
        counter = node.name != "avg" and bool(counters_of(inner, self._is_counter))
        if node.name == "rate":
            unit = units.divided(_plain(unit), seconds)
        return operation(node.name, (inner,), length_s, counter=counter), unit

    def _unit(self, node: Call) -> tuple[Bound, Unit]:
        inner, unit = self._number(node.args[0])
        name = node.args[1]
        wanted = units.unit_of(name.text if isinstance(name, UnitName) else "")
        if unit != ZERO and unit.pure and unit.scale == 1.0:  # a bare number gets a unit
            return inner, wanted
        if unit != ZERO and unit.dims != wanted.dims:
            _refuse("units_differ", node.place, left=unit.text, right=wanted.text, operation="unit")
        return _scaled(inner, units.factor_between(unit, wanted)), wanted


def pattern_parts(pattern: str) -> tuple[str, ...]:
    """What stands between the stars of a pattern; stars in a row are one."""
    first, *rest = pattern.split("*")
    return (first, *(part for part in rest[:-1] if part), *rest[-1:])


def matches(parts: Sequence[str], name: str) -> bool:
    """Does the name fit, with any characters between the parts? Greedy from left to right: no trying out."""
    if len(parts) == 1:
        return name == parts[0]
    at, end = len(parts[0]), len(name) - len(parts[-1])
    if at > end or not name.startswith(parts[0]) or not name.endswith(parts[-1]):
        return False
    for part in parts[1:-1]:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _product(left: Unit, right: Unit) -> Unit:
    return units.times(_plain(left), _plain(right))


def _plain(unit: Unit) -> Unit:
    return units.NUMBER if unit == ZERO else unit


def _scaled(bound: Bound, factor: float) -> Bound:
    return bound if factor == 1.0 else operation("scale", (bound,), factor)


def _refusal(code: str, place: Place, **params: Any) -> FormulaError:
    return FormulaError(code, place.at, place.end - place.at, **params)


def _refuse(code: str, place: Place, **params: Any) -> NoReturn:
    raise _refusal(code, place, **params)


def _fingerprint(root: Bound) -> str:
    """Of everything that decides its values; equal for equal rules."""
    numbers: dict[int, int] = {}
    digest = hashlib.sha256()
    for node in operations([root]):
        numbers[id(node)] = len(numbers)
        digest.update(repr((node.op, node.value, node.tag, node.counter, [numbers[id(arg)] for arg in node.args])).encode())
    return digest.hexdigest()[:12]


def bind_all(real: Sequence[KnownTag], virtual: Sequence[VirtualTag]) -> Mapping[str, BoundTag]:
    """Those that can be computed; a virtual tag that is wrong is left out (config refuses it where it is entered)."""
    binder = Binder(real, virtual)
    found = {}
    for tag in virtual:
        try:
            found[tag.tag] = binder.bind(tag.tag)
        except FormulaError:
            continue
    return found

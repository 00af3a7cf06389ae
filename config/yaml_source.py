"""YAML with line numbers, read safely: plain values only, bounded depth and size, repeated keys refused.

Scalars follow YAML 1.2's core schema, so that an electrician's `15:00`, `off` or `1e5` is a time, a word and a number, not
YAML 1.1's 900, false and a word.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import yaml

from config.problems import Path, Report

MAX_CHARACTERS = 4_000_000
MAX_DEPTH = 32
MAX_NODES = 250_000

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0x[0-9a-fA-F]+\Z|0o[0-7]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_MAX_DIGITS = 40  # a longer row of digits is a text, e.g. a serial number nobody calculates with


def plain_scalar(text: str) -> object:
    """The value of an unquoted scalar."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if len(text) > _MAX_DIGITS:
        return text
    if _INT.match(text):
        return int(text)
    if _BASED.match(text):
        return int(text, 0)
    if _SPECIAL.match(text):
        return float(text.replace(".", ""))
    return float(text) if _FLOAT.match(text) else text


def load_yaml(text: str, file: str) -> Report:
    """Parse `text` into plain values; the report holds document and lines, and problems when it is no valid YAML."""
    report = Report(file)
    if len(text) > MAX_CHARACTERS:
        report.problem((), f"the file has {len(text)} characters", f"at most {MAX_CHARACTERS}")
        return report
    lines: dict[Path, int] = {}
    report.lines = lines
    try:
        report.document = _Builder(iter(yaml.parse(text, Loader=_PARSER)), report, lines).document()
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        lines[()] = 1 if mark is None else mark.line + 1
        column = "" if mark is None else f" (column {mark.column + 1})"
        report.problem((), f"not valid YAML: {exc.problem or exc.context}{column}")
    except yaml.YAMLError as exc:
        report.problem((), f"not valid YAML: {exc}")
    except _RefusedError as exc:
        lines[()] = exc.line
        report.problem((), str(exc))
    return report


class _RefusedError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class _Builder:
    """Makes plain values of the parser's events; the events come one by one, so depth and size are bounded before they cost."""

    def __init__(self, events: Iterator[Any], report: Report, lines: dict[Path, int]) -> None:
        self._events, self._report, self._lines = events, report, lines
        self._anchors: dict[str, list[Any]] = {}
        self._nodes = 0

    def document(self) -> object:
        """The first document; further ones are a problem."""
        value: object = None
        seen = False
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    self._lines[()] = _line(event)
                    self._report.problem((), "a second document begins here", "one document a file")
                    break
                value, seen = self._value(next(self._events), (), 0), True
        return value

    def _value(self, event: Any, path: Path, depth: int) -> object:
        line = _line(event)
        self._lines.setdefault(path, line)
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise _RefusedError(line, f"nested deeper than {MAX_DEPTH} levels")
        if self._nodes > MAX_NODES:
            raise _RefusedError(line, f"more than {MAX_NODES} values")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path, depth)
        if event.anchor:
            name = event.anchor
            self._anchors[name] = self._record(event)
            return self._replay(self._anchors[name], path, depth)
        if event.tag not in {None, "!", "tag:yaml.org,2002:str"}:
            self._report.problem(path, f"the YAML tag {event.tag} is not allowed", "a plain value")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        return self._mapping(path, depth)

    @staticmethod
    def _scalar(event: Any) -> object:
        return plain_scalar(event.value) if event.implicit[0] and event.tag is None else str(event.value)

    def _sequence(self, path: Path, depth: int) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items)), depth + 1))
        return items

    def _mapping(self, path: Path, depth: int) -> dict[object, object]:
        found: dict[object, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise _RefusedError(line, "a key must be a plain word or number")
            key = self._scalar(event)
            here: Path = (*path, key if isinstance(key, str) else str(key))
            repeated = key in found
            self._lines[here] = line
            found[key] = self._value(next(self._events), here, depth + 1)
            if repeated:
                self._report.problem(here, "stands here a second time", "each name once")
        return found

    def _record(self, start: Any) -> list[Any]:
        """All events of an anchored value, so that its aliases can be built again with their own paths."""
        if start.anchor in self._anchors:
            raise _RefusedError(_line(start), f"the anchor &{start.anchor} is defined twice")
        recorded, open_levels = [], 0
        event = start
        while True:
            self._nodes += 1
            if self._nodes > MAX_NODES:
                raise _RefusedError(_line(event), f"more than {MAX_NODES} values")
            recorded.append(event)
            open_levels += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if open_levels == 0:
                break
            event = next(self._events)
        start.anchor = None
        return recorded

    def _alias(self, event: Any, path: Path, depth: int) -> object:
        if event.anchor not in self._anchors:
            raise _RefusedError(_line(event), f"the alias *{event.anchor} has no anchor before it")
        return self._replay(self._anchors[event.anchor], path, depth)

    def _replay(self, recorded: list[Any], path: Path, depth: int) -> object:
        outer, self._events = self._events, iter(recorded)
        value = self._value(next(self._events), path, depth)
        self._events = outer
        return value


_CLEAN = re.compile(r"[^\W\d_](?:[\w /.()+№°³%₽-]*[\w.)№°³%₽])?\Z")
_WORDS_OF_YAML_1_1 = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_ONE_LINE = 160


class _Dumper(yaml.SafeDumper):
    """Writes texts bare where every YAML reader takes them for texts, in double quotes otherwise."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    clean = _CLEAN.match(text) and text.lower() not in _WORDS_OF_YAML_1_1 and isinstance(plain_scalar(text), str)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if clean else '"')


_Dumper.add_representer(str, _represent_text)


def dump_yaml(document: object, *, block_levels: int = 1) -> str:
    """Readable YAML in the document's own order, Unicode as it is.

    The first `block_levels` levels are written one entry a line; deeper ones stand on one line where they fit.
    """
    out = io.StringIO()
    dumper = _Dumper(out, allow_unicode=True, sort_keys=False, width=100_000)
    try:
        dumper.open()
        node = dumper.represent_data(document)
        _lay_out(node, block_levels)
        dumper.serialize(node)
        dumper.close()
    finally:
        dumper.dispose()
    return out.getvalue()


def _lay_out(node: yaml.Node, block_levels: int) -> int:
    """Choose one line or several for each collection; returns about how long the node is on one line."""
    if isinstance(node, yaml.ScalarNode):
        return len(node.value) + (2 if node.style else 0)
    children = [child for pair in node.value for child in pair] if isinstance(node, yaml.MappingNode) else list(node.value)
    length = 2 + sum(_lay_out(child, block_levels - 1) + 2 for child in children)
    if isinstance(node, yaml.CollectionNode):
        node.flow_style = not children or (block_levels <= 0 and length <= _ONE_LINE)
    return length

"""An XLSX file as its parts: opened with suspicion, searched without building a tree, written back byte for byte.

What is changed is cut out and put in by its place in the bytes: charts, pictures, formats and whatever else a workbook holds
stay exactly as they were. Sources: ECMA-376 parts 1 (SpreadsheetML) and 2 (Open Packaging Conventions).
"""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from io import BytesIO
from xml.parsers import expat

from domain.errors import ConfigError

MIB = 1024 * 1024
MOST_PARTS = 1000
LARGEST_UNPACKED = 64 * MIB  # bytes of all parts together
_OLE = b"\xd0\xcf\x11\xe0"  # XLS, and XLSX under a password
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
Start = Callable[[str, Mapping[str, str], int], None]
NO_XLSX = "workbook: is no workbook; expected an XLSX file"


@dataclass(frozen=True, slots=True)
class Found:
    """One element: local name, attributes by local name, its text, and where it lies: `begin` of its tag, `inner`
    behind the tag, `end` behind the whole."""

    name: str
    attributes: Mapping[str, str]
    text: str
    begin: int
    inner: int
    end: int


def open_package(content: bytes) -> dict[str, bytes]:
    """Parts by name, in the order of the file. Raises ConfigError: no XLSX, protected, with macros, too large."""
    if content.startswith(_OLE):
        raise ConfigError("workbook: is protected by a password or an old XLS; expected an XLSX file without a password")
    try:
        with zipfile.ZipFile(BytesIO(content)) as file:
            entries = file.infolist()
            if len(entries) > MOST_PARTS or sum(entry.file_size for entry in entries) > LARGEST_UNPACKED:
                raise ConfigError(f"workbook: is too large inside; expected at most {LARGEST_UNPACKED // MIB} MB unpacked")
            parts = {entry.filename: _part(file, entry) for entry in entries if not entry.is_dir()}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as exc:
        raise ConfigError(NO_XLSX) from exc
    types = parts.get("[Content_Types].xml", b"").decode("utf-8", "replace")
    if "macroEnabled" in types or any(name.lower().endswith("vbaproject.bin") for name in parts):
        raise ConfigError("workbook: has macros; expected an XLSX file without macros")
    if _XLSX not in types:
        raise ConfigError(NO_XLSX)
    return parts


def _part(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The directory's size is only a claim: what is read ends there."""
    with file.open(entry) as part:
        content = part.read(entry.file_size + 1)
    if len(content) > entry.file_size:
        raise zipfile.BadZipFile(entry.filename)
    return content


def write_package(parts: Mapping[str, bytes]) -> bytes:
    """The file of these parts; the same parts give the same bytes."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, content)
    return out.getvalue()


def related(parts: Mapping[str, bytes], source: str, kind: str = "") -> dict[str, str]:
    """Id -> name of the part, of the relations of `source` ("": of the file) whose type ends with `kind`."""
    folder, name = posixpath.split(source)
    rels = parts.get(posixpath.join(folder, "_rels", f"{name}.rels"), b"")
    found = {}
    for element in find(rels, {"Relationship"}) if rels else []:
        at = element.attributes
        if at.get("TargetMode") != "External" and at.get("Type", "").endswith(kind):
            target = at.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found[at.get("Id", "")] = path
    return found


def find(data: bytes, names: Collection[str]) -> list[Found]:
    """Elements of these local names, in the order in which they end. Raises ConfigError (no XML, with a DTD)."""
    scan = _Find(data, names)
    parse(data, scan.start, scan.end, scan.text)
    return scan.found


class _Find:
    def __init__(self, data: bytes, names: Collection[str]) -> None:
        self._data, self._names = data, names
        self.found: list[Found] = []
        self._open: list[tuple[str, Mapping[str, str], int, int, list[str]]] = []

    def start(self, name: str, attributes: Mapping[str, str], at: int) -> None:
        if name in self._names:
            self._open.append((name, attributes, at, tag_end(self._data, at), []))

    def end(self, name: str, at: int) -> None:
        if name in self._names:
            opened, attributes, begin, inner, texts = self._open.pop()
            self.found.append(Found(opened, attributes, "".join(texts), begin, inner, element_end(self._data, inner, at)))

    def text(self, text: str) -> None:
        if self._open:
            self._open[-1][4].append(text)


def parse(data: bytes, start: Start, end: Callable[[str, int], None], text: Callable[[str], None] | None = None) -> None:
    """Drive `start(local name, attributes, byte)`, `end(local name, byte)`, `text(characters)` over UTF-8 XML without a DTD."""
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise ConfigError("workbook: has a part with a document type; expected a workbook as Excel writes it")

    def declared(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in {"utf-8", "utf8", "us-ascii"}:
            raise ConfigError("workbook: is not written in UTF-8; expected a workbook as Excel writes it")

    def started(name: str, attributes: dict[str, str]) -> None:
        start(local(name), {local(k): v for k, v in attributes.items()}, parser.CurrentByteIndex)

    def ended(name: str) -> None:
        end(local(name), parser.CurrentByteIndex)

    parser.StartDoctypeDeclHandler = refuse
    parser.XmlDeclHandler = declared
    parser.StartElementHandler, parser.EndElementHandler = started, ended
    if text is not None:
        parser.CharacterDataHandler = text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as exc:
        raise ConfigError("workbook: is damaged; expected a workbook that Excel opens") from exc


def local(name: str) -> str:
    """Without the prefix of its namespace."""
    return name.rpartition(":")[2]


def prefix(data: bytes, begin: int) -> str:
    """"x:" of <x:row ...>, "" of <row ...>; the tag begins at `begin`."""
    name = data[begin + 1 : begin + 60].replace(b"/", b" ").replace(b">", b" ").split(None, 1)[0].decode()
    return name[: name.index(":") + 1] if ":" in name else ""


def tag_end(data: bytes, begin: int) -> int:
    """Behind the ">" of the tag that begins there; one inside quotes is a character."""
    at, quote = begin, 0
    while True:
        c = data[at]
        if quote:
            quote = 0 if c == quote else quote
        elif c in b"\"'":
            quote = c
        elif c == 0x3E:
            return at + 1
        at += 1


def is_empty(data: bytes, inner: int) -> bool:
    """Whether the tag that ends at `inner` is a whole element: <row/>."""
    return data[inner - 2 : inner] == b"/>"


def element_end(data: bytes, inner: int, at: int) -> int:
    """Behind the whole element, whose tag ends at `inner` and whose end was told at `at`."""
    return inner if is_empty(data, inner) else data.index(b">", at) + 1


def splice(data: bytes, edits: Collection[tuple[int, int, bytes]]) -> bytes:
    """Each (begin, end, instead); insertions (begin = end) at one place keep their order."""
    made, at = [], 0
    for begin, end, instead in sorted(edits, key=lambda edit: edit[:2]):
        made += [data[at:begin], instead]
        at = end
    return b"".join([*made, data[at:]])

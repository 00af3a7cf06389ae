"""What is wrong with an entry, in the user's language and at its field. Services say it in English, in known sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import MonitorError
from web_interface.locale import has, t
from web_interface.pages.formula_words import placed_words

_NAME = r"[\"'](?P<name>.*?)[\"']"
# Sentences of the services -> catalogue keys; groups become the values of the text. The first that fits whole wins.
_SENTENCES: tuple[tuple[str, str], ...] = (
    (r"is missing: card (?P<name>K\d) is .*", "card_input"),
    (r"is missing(?:: .*)?", "missing"),
    (r"is (?P<name>K\d), but the machine has no states", "card_states"),
    (rf"is {_NAME}, which is no (?P<quantity>\w+)", "not_quantity"),
    (r"are missing", "missing"),
    (r"is \[(?P<low>.+), (?P<high>.+)\]: the first is not below the second", "pair"),
    (r"is 0: every value would be the same", "zero"),
    (r"is too long or holds control characters", "too_long"),
    (r"is no field of (?P<name>[\w-]+)", "foreign"),
    (r"is not the name of an environment variable", "variable"),
    (r"must be a group of fields, not (?P<value>.+)", "value"),
    (rf"unknown field {_NAME} \(did you mean (?P<near>.+)\?\)", "unknown_near"),
    (rf"unknown field {_NAME}", "unknown"),
    (r"is (?P<value>.+) \(did you mean (?P<near>.+)\?\)", "value_near"),
    (r"is (?P<value>.+)", "value"),
    (rf"there is no (?P<what>device|line|profile|tag|machine|section|shift) {_NAME}", "no_such"),
    (rf"(?P<what>profile|device|line|machine|limit|user|key) {_NAME} does not exist(?:; nearest: .*)?", "no_such"),
    (rf"the (?P<what>line|device|machine) {_NAME} stands twice \(first in line (?P<line>\d+)\)", "twice_in"),
    (rf"the (?P<what>line|device|machine|rule) {_NAME} stands twice", "twice"),
    (rf"(?P<what>line|device|machine|user|virtual_tag|alert_rule) {_NAME} exists already", "exists"),
    (r"stands here a second time", "second"),
    (r"a secret does not belong in the plant file", "secret"),
    (rf"leads to (?P<target>.+) as line {_NAME} does", "target"),
    (rf"(?P<profile>\S+) speaks (?P<protocol>\S+), which line {_NAME} \((?P<transport>[\w-]+)\) does not carry", "carry"),
    (rf"(?P<value>\d+) on line [\"'](?P<line>.*?)[\"'] is the address of {_NAME} too", "address_taken"),
    (rf"{_NAME} is a device", "is_device"),
    (r"the password does not fit a Mercury meter", "mercury_password"),
    (r"stands beside points", "beside_points"),
    (r"are Mercury points", "mercury_points"),
    (r"how a frame ends is not clear", "frame_end"),
    (r"no border is given", "no_border"),
    (rf"(?:tag )?{_NAME} has limits already", "limited"),
    (rf"{_NAME} is a text", "is_text"),
    (rf"{_NAME} is no time zone", "zone"),
    (rf"(?:shift '.*?' )?overlaps shift {_NAME} at (?P<when>.+?)(?:, until .+)?", "overlap"),
    (rf"shift {_NAME} stands twice for one day", "shift_twice"),
    (r"holds no plant", "no_plant"),
    (r"the file has (?P<value>\d+) characters", "too_big"),
    (r"not valid YAML: (?P<detail>.*)", "yaml"),
    (r"a second document begins here", "second_document"),
    (r"the YAML tag (?P<name>.+) is not allowed", "yaml_tag"),
    (rf"(?:order: )?no point {_NAME}; nearest: (?P<near>.*)", "no_point_near"),
    (rf"(?:order: )?no point {_NAME}", "no_point"),
    (rf"{_NAME} stands twice(?: .*)?", "twice_bare"),
    (r"(?P<name>\w+) would lie at the wire address (?P<value>-?\d+); expected 0 to 65535", "no_room"),
    (rf"line {_NAME} is used by (?P<users>.+)", "line_used"),
    (rf"virtual tag {_NAME} is used by (?P<users>.+)", "virtual_used"),
    (rf"device {_NAME} is the meter of (?P<users>.+)", "device_used"),
    (r"(?P<name>.+) is the last administrator", "last_admin"),
    (r"the old password is wrong", "old_password"),
    (r"too short, at least (?P<n>\d+) characters are needed", "password_short"),
    (r"too long, at most (?P<n>\d+) characters are kept", "password_long"),
    (r"easily guessed: .*", "password_easy"),
    (r"1 to 64 letters, digits and \. _ @ - are expected", "user_name"),
    (r"1 to 64 printable characters are expected", "key_name"),
    (r"at most 128 printable characters", "full_name"),
    (r"lies in the past", "past"),
    (r"too many attempts; try again in (?P<n>\d+) s", "too_many"),
    (rf"{_NAME} does not measure (?P<quantity>\w+)", "measures"),
    (r"nothing says where the point lies", "nowhere"),
    (r"names (?:nothing|.+ and .+)", "names_one"),
    (r"a rule of kind \w+ watches no tag", "no_tag_watched"),
    (rf"no device there has a point {_NAME}", "no_point_there"),
    (r"has no meaning with kind: \w+", "no_meaning"),
    (rf"{_NAME} is of no machine, so it has no state", "no_machine_state"),
    (r"the plant has no shifts", "no_shifts"),
    (r"stands beside times", "beside_times"),
    (r"expected (?P<rest>.+)", "expected"),
)
_EXPECTED: tuple[tuple[str, str], ...] = (
    (r"a text", "text"),
    (r"\w+: …", "any"),
    (r"a number from (?P<low>\S+) to (?P<high>\S+)", "number_range"),
    (r"a number greater than (?P<low>[^,]+), at most (?P<high>\S+)", "number_above_most"),
    (r"a number greater than (?P<low>\S+)", "number_above"),
    (r"a number of at least (?P<low>\S+)", "number_least"),
    (r"a number of at most (?P<high>\S+)", "number_most"),
    (r"a number", "number"),
    (r"a whole number from (?P<low>\S+) to (?P<high>\S+)", "whole_range"),
    (r"true or false", "flag"),
    (r"one of (?P<words>.+)", "one_of"),
    (r"a list", "list"),
    (r"a list of (?P<words>.+)", "list_of"),
    (r"a host name or an address, without port", "host"),
    (r"letters a to z, digits, - and _, at most 64", "id"),
    (r"lower-case letters, digits and _, beginning with a letter", "tag"),
    (r"opc\.tcp://host:port, without password", "url"),
    (r"a line with transport (?P<words>.+)", "transport"),
    (r"one device an address .*", "own_address"),
    (r"six characters, or hex: and twelve hex digits", "mercury_password"),
    (r"one line for one serial port or gateway", "one_line"),
    (r"at least one of high, critical_high, low, critical_low", "a_border"),
    (r"more than (?P<field>\w+) \((?P<value>\S+)\)", "more_than"),
    (r"less than (?P<field>\w+) \((?P<value>\S+)\)", "less_than"),
    (r"a text of at most (?P<n>\d+) characters", "text_most"),
    (r"each (?:id|name|tag) once.*", "once"),
    (r"a tag with numbers", "tag_numbers"),
    (r"a virtual device .*such as (?P<name>\S+)", "virtual_tag"),
    (r"one entry a tag", "one_entry"),
    (r"(?:a time of day )?\"HH:MM\"", "clock"),
    (r"no \w+ \(it belongs to (?P<words>.+)\)", "belongs"),
    (r"password_env: .*|a name such as M1_PASSWORD; the secret itself never", "variable"),
    (r"either length \(bytes\) or delimiter", "frame_end"),
    (r"an IANA name such as Europe/Moscow", "zone"),
    (r"shifts that follow each other(?:: end one at (?P<end>\S+) or begin the other at (?P<begin>\S+))?", "shifts"),
    (r"one that is defined|one of the section lines", "defined"),
    (r"at most (?P<high>\d+)", "most"),
    (r"states with idle_above_kw and production_above_kw", "states"),
    (r"\w+_per_part|process_power|good_parts or good_share", "filled"),
    (r"the sections .*", "sections"),
    (r"to be left out", "left_out"),
    (r"exactly one of (?P<words>.+)", "exactly_one"),
    (r"less than the band between the borders \((?P<value>\S+)\)", "band"),
    (r"site: \{name: …, timezone: …\}", "site"),
)
_FIELD_FIRST = re.compile(r"(?P<field>[a-z_]+(?: name)?): (?P<rest>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One wrong thing. `field`: name of the form's field, "" for the whole; `place`, `line`: where in a file."""

    field: str
    words: str
    place: str = ""
    line: int | None = None


def sentence(text: str, lang: str) -> str:
    """A sentence of a service in the user's language; one that is not known stays as it is."""
    return placed_words(text, lang) or _worded(text, _SENTENCES, "problem", lang) or text


def troubles(exc: MonitorError, lang: str, own: str = "") -> Sequence[Trouble]:
    """Everything an error says. `own` ("devices[m1]"): the entry whose fields the form shows; others keep their place."""
    problems = getattr(exc, "problems", None)
    if not problems:
        first = _FIELD_FIRST.fullmatch(str(exc))
        if first is None:
            return [Trouble("", sentence(str(exc), lang))]
        return [Trouble(first["field"].replace(" ", "_"), sentence(first["rest"], lang))]
    return [_trouble(problem, lang, own) for problem in problems]


def _trouble(problem: object, lang: str, own: str) -> Trouble:
    """From an entry of `.problems`: line, field, message, expected, path."""
    message, expected = str(getattr(problem, "message", problem)), str(getattr(problem, "expected", ""))
    place = str(getattr(problem, "field", ""))
    path = tuple(getattr(problem, "path", ()))
    words = sentence(message, lang)
    wanted = _worded(expected, _EXPECTED, "expected", lang) or expected
    if wanted and message != "is missing":
        words = t("problem.and_expected", lang, words=words, expected=wanted)
    field = ".".join(str(step) for step in path[2:]) if own and place.startswith(own) else ""
    return Trouble(field, words, place, getattr(problem, "line", None))


def _number(text: str, lang: str) -> str:
    """A bare number with the decimal sign of the language; anything else as it is."""
    return text.replace(".", ",") if lang == "ru" and re.fullmatch(r"-?\d+\.\d+", text) else text


def _worded(text: str, patterns: Sequence[tuple[str, str]], prefix: str, lang: str) -> str:
    for pattern, key in patterns:
        found = re.fullmatch(pattern, text, re.DOTALL)
        if found is not None:
            values = {name: _number(value or "", lang) for name, value in found.groupdict().items()}
            if "what" in values:
                values["what"] = t(f"problem.what.{values['what']}", lang)
            if has(f"admin.field.{values.get('field')}", lang):
                values["field"] = t(f"admin.field.{values['field']}", lang)
            return t(f"{prefix}.{key}", lang, **values)
    return ""

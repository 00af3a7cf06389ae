"""An explanation as plain data for the panel, in the language of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.explain import Explanation, Span, Term, substitute
from domain.plant import Plant
from domain.state import MachineState
from web_interface.components.marks import state_letter, state_name
from web_interface.format import MISSING, Format
from web_interface.locale import has, t

Data = dict[str, Any]
COMPLETE = 0.95
MOST_SPANS = 8
_STATES = {state.value: state for state in MachineState}
US = 1_000_000


def panel(e: Explanation, plant: Plant, fmt: Format) -> Data:
    """The blocks: formula with its numbers, what it is made of, what is missing, trust, what to know about it, version."""
    lang = fmt.lang
    value, unit = figure_words(e.value, e.unit, fmt)
    spans = [_span(span, fmt) for span in e.spans[:MOST_SPANS]]
    more = len(e.spans) - len(spans)
    return {
        "value": value,
        "unit": unit,
        "hatched": e.completeness < COMPLETE,
        "name": figure_name(e.figure, lang),
        "window": f"{subject_name(e.subject, plant, lang)} · {window_words(e.from_us, e.to_us, fmt)}",
        "note": t("explain.incomplete", lang) if e.completeness < COMPLETE else "",
        "formula_title": t("explain.formula", lang),
        "formula": formula(e, fmt),
        "filters": [_filter(words, lang) for words in e.filters],
        "parts_title": t("explain.parts", lang),
        "parts": [[_named(term.symbol, lang), _source(term, plant, lang), _term_value(term, fmt)] for term in e.terms],
        "spans_title": t("explain.spans", lang),
        "spans": spans,
        "more": t("explain.more", lang, n=more) if more > 0 else "",
        "gaps_title": t("explain.gaps", lang),
        "gaps": [_span(span, fmt) for span in e.gaps[:MOST_SPANS]],
        "no_gaps": t("explain.no_gaps", lang),
        "trust_title": t("explain.trust", lang),
        "trust": _trust(e, fmt),
        "raise_title": t("explain.raise", lang),
        "raise": [t(note, lang) if has(note, lang) else note for note in e.notes],
        "foot": t("explain.version", lang, figure=e.figure, version=e.version, source=e.formula_source),
        "api": {"href": e.api, "text": t("explain.api", lang)},
    }


def figure_name(figure: str, lang: str) -> str:
    """The catalogue's name of a figure, of its family where it has none of its own."""
    name = figure
    while name:
        if has(f"figure.{name}", lang):
            return t(f"figure.{name}", lang)
        name = name.rpartition(".")[0]
    return figure


def subject_name(subject: str, plant: Plant, lang: str) -> str:
    """Machine, section or the whole shop, by its name."""
    if subject == "site":
        return t("explain.site", lang)
    found = next((machine.name for machine in plant.machines if machine.id == subject), None)
    return found or subject.removeprefix("section:")


def window_words(from_us: int, to_us: int, fmt: Format) -> str:
    """19.11.2026 07:00–15:00; both days where the window spans several."""
    same = fmt.local(from_us).date() == fmt.local(to_us - 1).date()
    begin = f"{fmt.day(from_us)} {fmt.clock(from_us)}"
    return f"{begin}–{fmt.clock(to_us)}" if same else f"{begin} – {fmt.day(to_us)} {fmt.clock(to_us)}"


def figure_words(value: float | None, unit: str, fmt: Format) -> tuple[str, str]:
    """Figure and unit as the head of the panel shows them."""
    if value is None:
        return MISSING, ""
    if unit == "s":
        return fmt.duration(value), ""
    if unit == "1":
        return fmt.number(value, 3), ""
    return fmt.significant(value), fmt.unit(unit)


def formula(e: Explanation, fmt: Format) -> Data:
    """The formula in the words of the language, with a fraction bar where it is one quotient, and with its numbers."""
    lang = fmt.lang
    named = substitute(e.formula, e.terms, lambda term: _named(term.symbol, lang))
    numbers = substitute(e.formula, e.terms, lambda term: _bare(term, fmt))
    name = _named(e.figure.rpartition(".")[2], lang)
    data: Data = {"name": name, "result": _result(e, fmt), "top": "", "bottom": "", "line": named, "line_value": numbers}
    halves, values = named.split(" / "), numbers.split(" / ")
    if len(halves) == 2 and len(values) == 2:
        data |= {"top": _open(halves[0]), "bottom": _open(halves[1])}
        data |= {"top_value": _open(values[0]), "bottom_value": _open(values[1])}
    return data


def quotient(formula: str, terms: Sequence[Term], lang: str) -> tuple[str, str]:
    """Both sides of a formula that is one quotient, in the words of the language."""
    top, _, bottom = substitute(formula, terms, lambda term: _named(term.symbol, lang)).partition(" / ")
    return _open(top), _open(bottom)


def _open(words: str) -> str:
    """Without the brackets that a fraction bar makes needless."""
    inner = words[1:-1]
    whole = words.startswith("(") and words.endswith(")") and "(" not in inner and ")" not in inner
    return inner if whole else words


def _result(e: Explanation, fmt: Format) -> str:
    value, unit = figure_words(e.value, e.unit, fmt)
    return f"{value}\u00a0{unit}" if unit else value


def _named(symbol: str, lang: str) -> str:
    """A symbol with its subscript in the language of the page, as it is where the catalogue has none."""
    return t(f"symbol.{symbol}", lang) if has(f"symbol.{symbol}", lang) else symbol


def _bare(term: Term, fmt: Format) -> str:
    if term.value is None:
        return MISSING
    whole = term.value == int(term.value) and abs(term.value) < 1e6
    return fmt.number(term.value, 0 if whole else fmt.decimals(term.value, 4, 3))


def _term_value(term: Term, fmt: Format) -> str:
    if term.value is None:
        return MISSING
    if term.unit == "s":
        return fmt.duration(term.value)
    whole = term.unit == "1" and term.value == int(term.value)
    return fmt.value(term.value, term.unit, 0 if whole else fmt.decimals(term.value, 4, 3))


def _source(term: Term, plant: Plant, lang: str) -> str:
    """Where the input comes from; a machine's id becomes its name."""
    if has(f"explain.source.{term.source}", lang):
        return t(f"explain.source.{term.source}", lang)
    if term.source.startswith("shift:"):
        return t("explain.shift", lang, name=term.source.removeprefix("shift:"))
    return next((machine.name for machine in plant.machines if machine.id == term.source), term.source)


def _span(span: Span, fmt: Format) -> list[str]:
    state = _STATES.get(span.what)
    letter = state_letter(state, fmt.lang) if state is not None else ""
    name = state_name(state, fmt.lang) if state is not None else _what(span.what, fmt.lang)
    short = span.to_us - span.from_us < 60 * US
    begin, end = fmt.clock(span.from_us, seconds=short), fmt.clock(span.to_us, seconds=short)
    hours = f"{begin}–{end} · {fmt.duration((span.to_us - span.from_us) / US)}"
    value = MISSING if span.value is None else fmt.value(span.value, span.unit, fmt.decimals(span.value, 3, 2))
    return [span.what if state is not None else "", letter, name, hours, value]


def _what(what: str, lang: str) -> str:
    return t(f"explain.what.{what}", lang) if has(f"explain.what.{what}", lang) else what


def _filter(words: str, lang: str) -> str:
    """state=idle in words."""
    name, _, value = words.partition("=")
    if name == "state" and value in _STATES:
        return t("explain.filter.state", lang, state=state_name(_STATES[value], lang))
    if name == "tag":
        return f"{t('admin.field.tag', lang)}: {value}"
    if has(f"cube.by.{name}", lang):
        return f"{t(f'cube.by.{name}', lang)}: {value or '—'}"
    return words


def _trust(e: Explanation, fmt: Format) -> Sequence[Sequence[str]]:
    lang = fmt.lang
    rows = [
        [t("explain.complete", lang), fmt.percent(e.completeness)],
        [t("explain.estimated", lang), fmt.percent(e.estimated_share)],
    ]
    uncertainty = e.options.get("uncertainty")
    if uncertainty is not None:
        rows.append([t("explain.uncertainty", lang), f"±{fmt.percent(float(uncertainty), 2)}"])
    return rows

"""Public holidays of a country by the `holidays` package. Works offline; loaded when a plant first names a country."""

from __future__ import annotations

from functools import lru_cache

from domain.work_calendar import PublicYear


def countries() -> dict[str, tuple[str, ...]]:
    """Codes of the countries known (ISO 3166-1, two letters), each with the codes of its subdivisions."""
    import holidays  # noqa: PLC0415 - 60 ms and 11 MB: only for plants that want it

    listed = holidays.list_supported_countries(include_aliases=False)
    return {code: tuple(parts) for code, parts in listed.items() if len(code) == 2}


@lru_cache(maxsize=64)
def public_year(country: str, subdivision: str, language: str, year: int) -> PublicYear:
    """Holidays with names in `language` where the package has them, and the weekend days that work instead of another.

    Raises NotImplementedError for an unknown country or subdivision.
    """
    import holidays  # noqa: PLC0415

    own = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    spoken = next((code for code in own.supported_languages if code.split("_")[0] == language), None)
    if spoken is not None and own.supported_languages:
        own = holidays.country_holidays(country, subdiv=subdivision or None, years=year, language=spoken)
    named = {day: str(name) for day, name in own.items() if day.year == year}
    moved = frozenset(day for day in own.weekend_workdays if day.year == year)
    return PublicYear(dict(sorted(named.items())), moved)

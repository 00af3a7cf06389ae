"""What the readers of points of machine tools and controllers say: patterns -> keys, as in plant_patterns."""

from __future__ import annotations

from web_interface.pages.plant_patterns import Patterns

PLACES: Patterns = (
    (r"nothing or two things say where the point lies", "two_places"),
    (r"(?P<name>\S+(?: \S+)?) is a text, not (?P<quantity>\w+)", "text_place"),
    (r"is a number, not a text", "number_place"),
    (r"(?P<name>\w+) is more than a bit", "more_than_bit"),
    (r"is (?P<value>.+): (?P<n>\d+) bytes, while (?P<name>\w+) takes (?P<size>\d+)", "other_width"),
    (r"the value ends behind the last byte 65535", "byte_end"),
)
PLACES_EXPECTED: Patterns = (
    (r"either query, or memory and address", "query_or_memory"),
    (r"the number of its first byte: a multiple of (?P<n>\d+)", "first_byte"),
    (r"a quantity that is a number", "number_quantity"),
    (r"a number such as float32 or int32", "number_type"),
    (r"an address such as (?P<words>.+) or (?P<last>\S+)", "s7_address"),
    (r"a bit, such as (?P<words>\S+) or (?P<last>\S+)", "s7_bit"),
)

"""Formulas of virtual tags: text to tree (parser), tree to checked operations over real tags (binder). No I/O, no eval."""

from domain.formula.binder import Binder, bind_all
from domain.formula.bound import Bound, BoundTag, longest_window_s, operations
from domain.formula.errors import FormulaError
from domain.formula.parser import FUNCTIONS, names_in, parse
from domain.formula.tree import text_of

__all__ = [
    "FUNCTIONS", "Binder", "Bound", "BoundTag", "FormulaError", "bind_all", "longest_window_s", "names_in", "operations", "parse",
    "text_of",
]  # fmt: skip

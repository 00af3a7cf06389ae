"""Helpers for tests of the whole product: recordings played into it, and the program as a process of its own."""

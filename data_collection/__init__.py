"""Bytes to readings: one sub-package a protocol, each behind the same small Driver protocol."""

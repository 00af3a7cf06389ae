"""Inspection of parts: features of one item, models that judge it, and what follows a trigger."""

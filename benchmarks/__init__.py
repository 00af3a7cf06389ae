"""Figures: how fast, how late, how large. Each script prints its figures beside a peer or a physical limit."""

"""Readings to samples: range, spikes, frozen values, counters, consistency. Pure functions and small state per tag."""

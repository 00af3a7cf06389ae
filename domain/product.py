"""What the product calls itself where other systems ask."""

NAME = "Energy Monitoring"
VERSION = "0.1.0"
"""The one of pyproject.toml; a test holds them together."""

"""The long outages, run for real and outside the ordinary tests: `python -m tests.faults.long --help`, docs/development.md."""

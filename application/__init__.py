"""The other half of main.py: the composition root (build.py) and the commands. The only code that sees every room."""

"""Worked examples of plug-ins: copy one into `plugins/` of the data folder with `main.py plugin new NAME --like EXAMPLE`."""

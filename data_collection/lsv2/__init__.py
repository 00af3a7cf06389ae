"""LSV2 of Heidenhain controls, reading only. `telegram`, `requests`, `decode` and `plan` are pure, `session` does the I/O."""

"""Siemens S7 controllers (S7comm), reading only. `plan`, `block` and `texts` are pure; `client` is the library in a thread."""

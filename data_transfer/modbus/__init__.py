"""The Modbus TCP server: a map of registers that describes itself, served read-only."""

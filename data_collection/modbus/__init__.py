"""Modbus: TCP, RTU and ASCII. `plan` and `block` are pure, `tcp` and `stream` do the I/O, `reader` joins them."""

"""A shop floor that speaks the real protocols over real sockets, for the demo, tests and benchmarks."""

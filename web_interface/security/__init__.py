"""What stands between the network and the application: limits, the gate, headers. Plain ASGI, no framework."""

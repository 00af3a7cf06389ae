"""The OPC UA server: the plant as a tree of nodes, read-only, signed and encrypted, in a thread of its own."""

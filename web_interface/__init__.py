"""Pages, components, REST routers. Knows services of the other rooms through web_interface.services; no SQL, no device I/O."""

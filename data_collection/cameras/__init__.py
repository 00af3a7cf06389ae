"""Where pictures of inspected parts come from: a folder that a camera writes to, or a still over HTTP."""

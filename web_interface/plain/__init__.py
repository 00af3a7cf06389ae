"""Pages without NiceGUI: login, setup, errors. They leave nothing on the server."""

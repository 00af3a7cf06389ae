"""MQTT: one JSON message a tag or a device, birth and last will, discovery by Home Assistant."""

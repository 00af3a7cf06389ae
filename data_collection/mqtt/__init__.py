"""MQTT: messages of a broker become readings, by mapping, by plug-in or by Sparkplug B."""

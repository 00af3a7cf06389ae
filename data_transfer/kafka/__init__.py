"""Kafka: topics of samples and events, keyed by device."""

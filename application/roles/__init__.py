"""The roles of `serve` apart: collect, ingest, web, joined by Kafka."""

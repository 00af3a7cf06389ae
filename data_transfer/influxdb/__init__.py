"""InfluxDB 1.x, 2.x, 3.x and VictoriaMetrics over HTTP, by one writer of line protocol."""

"""Publishing to other systems: OPC UA, Modbus TCP, MQTT, Kafka, InfluxDB."""

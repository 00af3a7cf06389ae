"""Settings, the plant file and the device profiles: what a person writes, validated into domain types."""

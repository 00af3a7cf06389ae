"""Getting an alert to a person."""

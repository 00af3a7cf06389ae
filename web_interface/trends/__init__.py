"""Trends: curves of any tags over any window, at the tier that fits; what the page, the API and the export share."""

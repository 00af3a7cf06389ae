"""Native protocol of Incotex Mercury 203.2TD, 204, 208, 230, 231, 233, 234, 236 and 238 meters on byte streams."""

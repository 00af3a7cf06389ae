"""Raw TCP frames: a controller's own frames, described as data, cyclic in both directions, with bit 0 as heartbeat or trigger."""

"""What keeps the process going: bus, clock, supervisor of tasks, health. Does not know what flows through it."""

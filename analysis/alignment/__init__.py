"""Sources of different rates brought onto one time grid: a pure core, its counterpart over history, a runner on the bus."""

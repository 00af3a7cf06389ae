"""Machine states, energy and shift accounting, efficiency (КЭФ), limits and alerts. Pure over samples; no SQL, no I/O."""

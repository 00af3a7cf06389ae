"""How well a process loop is controlled: error integrals, step response, oscillation, distance from minimum variance."""

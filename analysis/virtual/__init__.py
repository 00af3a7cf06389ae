"""Virtual tags computed: one code for a row of the live stream and for columns of history."""

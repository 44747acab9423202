"""Many scans over night: planned once, worked at by any number of processes and hosts."""

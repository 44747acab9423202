"""Work that waits in a queue, runs in processes of its own, and survives their end."""

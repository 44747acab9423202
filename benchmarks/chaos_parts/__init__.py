"""The systems that `benchmarks.chaos` strikes."""

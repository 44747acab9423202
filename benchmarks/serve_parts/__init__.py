"""The parts of the benchmark of the workbench's server."""

"""The parts of `benchmarks.peers`: plans, the scan, the rows, how a row is measured."""

"""What the published figures are measured by; run each as `python -m benchmarks.<name>`."""

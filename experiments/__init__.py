"""What trains, fits and draws what the package ships; run as `python -m experiments.<name>`."""

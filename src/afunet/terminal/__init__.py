"""What the command line shows, and how a signal stops its work."""

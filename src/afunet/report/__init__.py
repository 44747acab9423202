"""The report of a case and its pictures."""

"""Every file type in and out, and the conversion between their frames and ours (LPS)."""

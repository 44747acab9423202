"""From a volume to a mask: device, windows, assembly, clean-up."""

"""Training data: records of slices, stores, patient splits, planned crops and augmentation."""

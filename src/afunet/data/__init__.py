"""Training data: who is in it, what a step sees, planned crops, augmentation."""

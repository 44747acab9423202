"""Label maps and labelled points of limbs without a CT, for training bone names."""

"""Label maps and labelled points of limbs without a CT, to learn bone names from."""

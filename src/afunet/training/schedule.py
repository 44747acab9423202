"""The learning rate at each step."""


def poly(base: float, done: int, total: int, power: float = 0.9, warmup: int = 0) -> float:
    """The rate base · (1 − done/total)^power, with a linear rise over the first `warmup` steps."""
    ramp = min(1.0, (done + 1) / (warmup + 1))
    return float(base * ramp * (1 - done / total) ** power)

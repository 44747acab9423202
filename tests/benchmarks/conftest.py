from tests.tiny_sets import home, leg, tiny  # noqa: F401

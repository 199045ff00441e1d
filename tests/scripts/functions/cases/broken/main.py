"""A function that cannot be imported."""

raise RuntimeError("this function is broken on purpose")

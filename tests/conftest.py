"""What holds for all tests."""

from hypothesis import settings

# A busy computer is no fault of the code: nothing here is a timed test.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

"""How Hypothesis makes its examples, for every test that takes any."""

from hypothesis import HealthCheck
from hypothesis import settings as profile

# The same examples on every run: what fails here fails everywhere. Fixtures that Hypothesis sees
# once for all its examples are fine where the test says so.
profile.register_profile("tests", deadline=None, derandomize=True, max_examples=60, database=None)
profile.load_profile("tests")
SHARED_FIXTURES = profile(suppress_health_check=[HealthCheck.function_scoped_fixture])

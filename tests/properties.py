"""How property tests are run: the same few examples each time, or so many times as many others with `PROPERTY_TIMES=100 pytest ...`."""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("PROPERTY_TIMES", 0))
_CHECKS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def examples(count: int) -> settings:
    """Settings for a property that is tried on so many examples."""
    return settings(max_examples=count * (TIMES or 1), derandomize=not TIMES, deadline=None, database=None, suppress_health_check=_CHECKS)

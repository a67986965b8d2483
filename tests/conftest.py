"""Fixtures that many tests share."""

from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data beside the checkout; the test is skipped, by name, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the shared real data is not beside this checkout")
    return SHARED


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, so that saved_models/ lands there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path

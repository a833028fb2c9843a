"""Fixtures of the tests on data."""

import pytest


@pytest.fixture(autouse=True)
def _few_test_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the note on small test splits, which the small tables of these tests would all have."""
    monkeypatch.setattr("sentiment.data.labelled.FEW_TEST_TEXTS", 0)

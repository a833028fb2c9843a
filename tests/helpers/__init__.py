"""Data, models and checks that several test files share."""

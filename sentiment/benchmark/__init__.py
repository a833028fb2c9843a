"""Benchmarks of accuracy on IMDB and of speed against other libraries."""

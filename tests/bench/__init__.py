"""Benchmarks: each measures the product and, in the same minutes, the limit it stands against."""

"""Benchmarks. Each compares with the raw engine or a plain loop in the same process and prints the ratio."""

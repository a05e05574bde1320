"""Proofs that a user can run: the CPU's MMU, the walker and the manual, compared in all combinations."""

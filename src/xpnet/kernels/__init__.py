"""Twins: faster versions of functions for one library, on raw arrays, with rules of their own."""

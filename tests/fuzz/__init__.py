"""Notebooks and what people do to them, at random, against what a fresh run gives."""

"""Cells on other machines: which may go, how they travel, and how what they leave comes back."""

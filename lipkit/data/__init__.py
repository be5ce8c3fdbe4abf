"""Prepared clips: their file, the set they form, how it is made, and windows for training."""

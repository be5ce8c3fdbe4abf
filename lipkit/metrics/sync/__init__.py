"""The sync metric, the network behind it, how that was trained, and the proof that it works."""

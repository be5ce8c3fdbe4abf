"""The sync metric, the network that it asks, how that was trained, and the proof that it hears."""

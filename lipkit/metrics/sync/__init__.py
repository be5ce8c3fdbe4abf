"""The sync metric, the weights of the network behind it, and the proof that it works."""

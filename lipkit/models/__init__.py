"""The networks, one file per box of the poster's Fig. 2."""

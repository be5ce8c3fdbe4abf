"""Results as tables: files for other programs and for people, and the intervals beside them."""

"""Downloads: files with checksums, archives, Zenodo's records, and what the scripts share."""

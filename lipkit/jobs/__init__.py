"""One function over many items: a pool of processes, a Dask cluster, stages that are kept."""

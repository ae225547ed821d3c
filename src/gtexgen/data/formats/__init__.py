"""Expression files as they come: GCT, delimited text, h5ad, Parquet, each read in blocks."""

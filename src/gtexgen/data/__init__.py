"""Expression data: file formats, the expression store, splits, scaling, conditions and batches."""

"""Where Hydra looks for sweepers; what this one does is in `gtexgen.tuning`."""

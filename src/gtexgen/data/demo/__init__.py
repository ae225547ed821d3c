"""The built-in cohort: a simulated GTEx whose true parameters are known."""
